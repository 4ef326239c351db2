"""Energies of a linac: units off, settings, trips, jitter, one set of gradients for all."""
