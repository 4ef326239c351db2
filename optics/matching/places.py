"""Targets that are functions at places: read from models of few steps instead of the optics of the whole lattice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lattice import Lattice, ReferenceParticle
from lattice.affine import affine
from lattice.arrays import Array
from optics.linear.conditions import END
from optics.linear.functions import PROPAGATED
from optics.linear.moments import Moments
from optics.linear.solution import functions_at_rows
from optics.linear.twiss import start_values
from optics.maps.stretches import Stretches
from optics.matching.targets import Goal, Target

_TUNES = {"qx": "mux", "qy": "muy"}


@dataclass(frozen=True, eq=False)
class Places:
    """Where the targets of a case stand in a short model: ``columns`` (t,) at rows ``to`` (t,).

    Some of them, ``counted`` (k,), count from rows ``since`` (k,). ``begin`` (15,) of a line.
    """

    stretches: Stretches
    begin: Array | None
    columns: Array
    to: Array
    counted: Array
    since: Array

    @classmethod
    def of(
        cls,
        targets: tuple[Goal, ...],
        lattice: Lattice,
        particle: ReferenceParticle,
        fringe: str,
        start: Mapping[str, Any] | Moments | None,
        knobs: Mapping[str, Array],
    ) -> Places | None:
        """For ``knobs``: the parameters that move, each as a straight line (1 + p,) of the knobs.

        None where short models do not tell the targets.
        """
        read = [_read(target, lattice) for target in targets]
        begin, orbit = (None, None) if start is None or isinstance(start, Moments) else start_values(start, 0.0, None)
        off_axis = isinstance(start, Moments) or (orbit is not None and bool(orbit.any()))
        if None in read or off_axis or not _is_free(lattice, knobs):
            return None
        rows = tuple(sorted({row for one in read if one for row in one[1:] if row is not None}))
        stretches = Stretches.of(lattice, particle, fringe, knobs, rows)
        if stretches is None:
            return None
        columns, to, since = zip(*(one for one in read if one), strict=True)
        where = {row: 1 + i for i, row in enumerate(rows)}
        return cls(
            stretches,
            begin,
            np.array([PROPAGATED[column] for column in columns]),
            np.array([where[row] for row in to]),
            np.flatnonzero([row is not None for row in since]),
            np.array([where[row] for row in since if row is not None], dtype=int),
        )

    def values(self, points: Array) -> Array | None:
        """Values (n, t) at points (n, p) of the knobs; nan where there is no optics, None where the model breaks."""
        model = self.stretches.model(points)
        functions = None if model is None else functions_at_rows(model, self.begin)
        if functions is None:
            return None
        values = functions[:, self.to, self.columns]
        values[:, self.counted] -= functions[:, self.since, self.columns[self.counted]]
        return np.asarray(values)


def _read(target: Goal, lattice: Lattice) -> tuple[str, int, int | None] | None:
    """Column, row, and the row from which it counts; None where it is no such target."""
    if not isinstance(target, Target) or target.is_formula:
        return None
    if target.quantity in _TUNES:
        return _TUNES[target.quantity], lattice.row(END), 0
    if target.between is not None and target.quantity in _TUNES.values():
        begin, end = target.between
        return target.quantity, lattice.row(end), lattice.row(begin)
    if target.at is None or target.quantity not in PROPAGATED:
        return None
    return target.quantity, lattice.row(target.at), None


def _is_free(lattice: Lattice, knobs: Mapping[str, Array]) -> bool:
    """True when no value of the knobs makes a lattice that is none: a negative length, a root of what is negative."""
    others = lattice.parameters.following(knobs) - knobs.keys()
    texts = [lattice.parameters.definitions[name] for name in others]
    return not lattice.may_refuse(knobs) and all(affine(text, lattice.parameters, knobs) is not None for text in texts)
