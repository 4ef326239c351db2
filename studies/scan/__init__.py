"""A study over a grid of parameters."""
