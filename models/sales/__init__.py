"""Before and at the sale: needs, enquiries, changed contracts, delivery with its documents."""
