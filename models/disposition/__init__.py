"""On site at the user: the journey, what was found, what was agreed, and what came of it."""
