"""Lattice files of other codes, read as data: elegant, Bmad and PALS. Nothing in a file is executed.

Each is loaded when it is asked for (``lattice.read_elegant`` ...).
"""
