"""Lattice files of Bmad (``.bmad``)."""

from lattice.formats.bmad.reader import read_bmad

__all__ = ["read_bmad"]
