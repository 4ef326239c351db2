"""MAD-X files in and out. Nothing in a file is ever executed."""

from lattice.madx.reader import read_madx
from lattice.madx.writer import write_madx

__all__ = ["read_madx", "write_madx"]
