"""Files of the Particle Accelerator Lattice Standard, PALS (``.pals.yaml``, ``.pals.json``).

The standard has no numbered release yet: what is read and written is its text of August 2026.
"""

from lattice.formats.pals.reader import read_pals
from lattice.formats.pals.writer import write_pals

__all__ = ["read_pals", "write_pals"]
