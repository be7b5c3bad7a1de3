"""Promises, kept on real databases and a real queue store."""
