"""Xsuite: the one room that imports it."""
