"""Warranty and repair: what a dealer judges, repairs and keeps on file for every vehicle."""
