"""Improvement: causes found, measures taken and proved, problems made known to all."""
