"""How lattices are built: sequences of elements put together, cut, closed, turned round."""
