"""Proton and ion linacs: tanks of RF gaps and permanent quadrupoles, the design pass, matrices, tracking."""

from optics.linac.bunch import Bunch
from optics.linac.design import design_pass
from optics.linac.machine import Linac, PermanentQuadrupole, Pipe, Tank
from optics.linac.sections import Section, linac_of
from optics.linac.space_charge import SpaceCharge
from optics.linac.tracking import LinacTracked, track
from optics.linac.transit import TransitTime, from_field, from_polynomial, from_table, gap_cell, sine_cell
from optics.linac.transport import Transport, periods, transport

__all__ = [
    "Bunch",
    "Linac",
    "LinacTracked",
    "PermanentQuadrupole",
    "Pipe",
    "Section",
    "SpaceCharge",
    "Tank",
    "TransitTime",
    "Transport",
    "design_pass",
    "from_field",
    "from_polynomial",
    "from_table",
    "gap_cell",
    "linac_of",
    "periods",
    "sine_cell",
    "track",
    "transport",
]
