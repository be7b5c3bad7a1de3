"""What a person fills in: the form of a record, sign-in, a report request, the administrator's settings."""
