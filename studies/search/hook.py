"""A search's cases as a function of an array, for any optimiser that takes one: scipy, pymoo, Xopt, one's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lattice import InputError
from lattice.arrays import Array
from lattice.errors import did_you_mean
from studies.search.asked import Search, asked
from studies.search.computing import rows
from studies.search.scoring import Scores, scored
from studies.spec.builtin import study_path
from studies.spec.study_file import load_study


@dataclass(frozen=True)
class Cases:
    """The cases of a study with [search]: points of its knobs in, objectives and constraints out.

    Everything small is good; a constraint holds where its number is 0. What a machine cannot answer is nan.
    """

    search: Search

    @classmethod
    def of(cls, study: str | Path, *changes: str) -> Cases:
        """Those of a study file, or a built-in study by name; ``changes`` as of --set. Raises as the command does."""
        path = study_path(str(study)) or Path(study)
        return cls(asked(load_study(path, changes, str(study)), path))

    def of_lattice(self, name: str) -> Cases:
        """Those of one lattice of a search that has several; InputError for another name."""
        found = {part.lattice: part for part in self.search.parts}
        if name not in found:
            raise InputError(f"the search has no lattice '{name}'{did_you_mean(name, found)}")
        return Cases(found[name])

    @property
    def bounds(self) -> Array:
        """Lower and upper bound of each knob, (k, 2): what ``scipy.optimize`` calls bounds."""
        return np.column_stack([self.search.lower, self.search.upper])

    def table(self, points: Any) -> pd.DataFrame:
        """A row a point (n, k) or (k,), as in a search's own table: knobs, status, quantities, verdicts."""
        if self.search.parts:
            names = ", ".join(part.lattice for part in self.search.parts)
            raise InputError(f"points are of one lattice: take Cases.of_lattice(name), of {names}")
        found = np.atleast_2d(np.asarray(points, dtype=float))
        if found.ndim != 2 or found.shape[1] != len(self.search.knobs) or not np.isfinite(found).all():
            names = ", ".join(knob.name for knob in self.search.knobs)
            raise InputError(f"points are finite numbers of shape (n, {len(self.search.knobs)}): {names}")
        parts = [table.set_axis(numbers) for numbers, table in rows(self.search, found, 1)]
        return pd.concat(parts).sort_index()

    def scores(self, points: Any) -> Scores:
        """``objectives`` (n, m) and ``broken`` (n, c) of points (n, k) or (k,)."""
        return scored(self.search, self.table(points))
