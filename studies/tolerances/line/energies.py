"""Lines at several energies: the number of a line is that of its worst one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lattice.arrays import Array
from studies.runs.rows import COMPUTED, STATUS
from studies.tolerances.quantities import ENOUGH


def worst_of(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """A row a line from its rows at every energy: the largest of each number, the least of those that must be enough.

    A line that has no number at one of its energies has none.
    """
    names = [name for name in tables[0] if name != STATUS]
    columns = {name: _worst(name, np.stack([one[name].to_numpy() for one in tables])) for name in names}
    status = tables[0][STATUS]
    for one in tables[1:]:
        status = status.where(status != COMPUTED, one[STATUS])
    return pd.DataFrame({STATUS: status, **columns})


def worst_energy(name: str, values: Sequence[float]) -> int:
    """At which energy a number of a line is the worst; one without a value is."""
    each = np.asarray(values, dtype=float)
    return int(np.argmax(np.where(np.isnan(each), np.inf, -each if name in ENOUGH else each)))


def _worst(name: str, values: Array) -> Array:
    return np.asarray(values.min(axis=0) if name in ENOUGH else values.max(axis=0))
