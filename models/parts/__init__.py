"""Parts: what outlets order, what is bought, stored and shipped to them."""
