"""The background door: what takes longer than a second, or happens by the clock."""
