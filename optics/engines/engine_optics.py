"""What another code says about the same lattice, in our conventions."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from lattice.showing import Showing
from optics.closed import closed


@closed
@dataclass(frozen=True, eq=False, repr=False)
class EngineOptics(Showing):
    """Twiss of an independent ``engine`` (name and version): names and meanings as in ``optics.Optics``.

    ``table`` has columns s, betx, alfx, mux, dx, dpx, bety ... at the entrance of each element and a last row
    ``_end``; the scalars are nan for a line that is not closed.
    """

    engine: str
    table: pd.DataFrame
    qx: float
    qy: float
    dqx: float
    dqy: float
    momentum_compaction: float
