"""Dispatch: who is sent to the user, with what, and what the user said afterwards."""
