"""Dealers: who serves in our name, how well, and the figures of the month."""
