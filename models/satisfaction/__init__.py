"""Visits and satisfaction: what customers think, asked for."""
