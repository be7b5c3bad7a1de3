"""How much the office's screens cost over the bare minimum: lists and the CSV, measured as ratios to a floor."""
