"""VERBS: what is true for any record type. No Flask request; the actor is a parameter; they flush, never commit."""
