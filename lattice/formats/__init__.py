"""Lattice files of other codes, read as data: elegant, Bmad and PALS. Nothing in a file is executed."""

from lattice.formats.bmad import read_bmad
from lattice.formats.elegant import read_elegant
from lattice.formats.pals import read_pals, write_pals

__all__ = ["read_bmad", "read_elegant", "read_pals", "write_pals"]
