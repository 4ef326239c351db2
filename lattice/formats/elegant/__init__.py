"""Lattice files of elegant (``.lte``)."""

from lattice.formats.elegant.reader import read_elegant

__all__ = ["read_elegant"]
