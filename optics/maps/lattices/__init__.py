"""The maps of whole lattices, and of batches of them."""
