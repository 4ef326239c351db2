"""Beams: distributions, tracking of particles, and the files that hold them."""
