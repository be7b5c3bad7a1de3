"""Training and evaluation: who was taught, who passed, who may do what."""
