"""The optics of very many lattices that differ in a few parameters."""
