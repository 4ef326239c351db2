"""What counts as one of a quantity where its limit does not tell: limits of 0, and limits far from 0.

A margin is small or large against this; elsewhere it is against the limit itself.
"""

from __future__ import annotations

_OPENING = 0.035  # m: from the orbit to the wires of a septum or the wall of a chamber

#: Size of one, in the quantity's own unit, by name.
SIZES = {
    **dict.fromkeys(("clearance_x", "clearance_y", "clearance_es", "clearance_es_errors"), _OPENING),
    **dict.fromkeys(("max_size_x", "max_size_y"), _OPENING),
    **dict.fromkeys(("last_turns_clearance", "wall_clearance", "septum_gap"), _OPENING),
    "final_energy": 1e6,  # eV: 2 mm of range at 230 MeV
    "gamma_transition": 0.5,  # as far above the top energy's as is usual
    "max_dx": 1.0,  # m
    "min_dx": 1.0,
}
