"""Lattice files of other codes, read as data: elegant and Bmad. Nothing in a file is executed."""

from lattice.formats.bmad import read_bmad
from lattice.formats.elegant import read_elegant

__all__ = ["read_bmad", "read_elegant"]
