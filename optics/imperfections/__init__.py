"""Machines with errors: drawn, put into lattices, measured, corrected."""
