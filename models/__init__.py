"""NOUNS: what the department keeps, and what is declared about it."""
