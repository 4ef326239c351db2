"""Proton and ion linacs: tanks of RF gaps and permanent quadrupoles, the design pass, matrices, tracking."""

from optics.linac.bunch import Bunch
from optics.linac.focusing import Period, grade_gradients, match_section, matched_start, periods
from optics.linac.result import LinacTracked, within
from optics.linac.space_charge import SpaceCharge
from optics.linac.structure.design import design_pass
from optics.linac.structure.linac import Linac, PermanentQuadrupole, Pipe, Tank
from optics.linac.structure.sections import Section, linac_of
from optics.linac.structure.transit import TransitTime, from_field, from_polynomial, from_table, gap_cell, sine_cell
from optics.linac.tracking import track
from optics.linac.transport import Transport, transport

__all__ = [
    "Bunch",
    "Linac",
    "LinacTracked",
    "Period",
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
    "grade_gradients",
    "linac_of",
    "match_section",
    "matched_start",
    "periods",
    "sine_cell",
    "track",
    "transport",
    "within",
]
