"""The beam that enters a line with what is assumed of it moved: emittances, functions and the spread of momentum."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import sqrt

import numpy as np

from lattice import InputError
from lattice.arrays import Array
from studies.delivery.entering.source import Source
from studies.spec.assumption import AssumptionSpec

#: What begins a key of the beam: settings are made for another one, or the settings of the study meet another one.
MADE_FOR, MET = "design", "beams"
#: What of the beam may be moved, each with the plane (first coordinate) that it is of.
_EMITTANCES, _FUNCTIONS = {"emittance_x": 0, "emittance_y": 2}, {"betx": 0, "bety": 2}
_SPREAD, _DISPERSION = "momentum_spread", "dx"


@dataclass(frozen=True)
class _Change:
    """Factors of what the coordinates are besides dispersion, (6,), and of the dispersion, (4,)."""

    factors: Array
    dispersion: Array

    def of(self, states: Array, group: tuple[int, ...]) -> Array:
        """Particles (n, 6) changed about their mean: u = D delta + the rest, D of the ``group`` that delta is of."""
        mean = states.mean(axis=0)
        away = states - mean
        along = _dispersions(away, group)
        rest = away.copy()
        rest[:, :4] -= np.outer(away[:, 5], along)
        found = rest * self.factors
        found[:, :4] += np.outer(found[:, 5], along * self.dispersion)
        return np.asarray(mean + found)


def check_beam_key(assumption: AssumptionSpec) -> None:
    """InputError for what a beam has not."""
    known = (*_EMITTANCES, *_FUNCTIONS, _SPREAD, _DISPERSION)
    if assumption.key.partition(".")[2] not in known:
        raise InputError(f"assumption '{assumption.key}': the beam that enters has {', '.join(known)}")


def moved_source(source: Source, assumption: AssumptionSpec, sign: float) -> Source:
    """The source with all its beams changed alike, about their mean.

    With u = D dp/p + the rest: emittances [m] scale the rest of position and slope, beta functions [m] at the entrance
    that of position against slope, ``dx`` [m] the dispersion in x with its slope, the momentum spread dp/p and what
    goes with it. InputError for a beam that has none.
    """
    group = next(one for one in source.apart if 5 in one)
    change = _change(source.states, group, assumption, sign)
    drawn = {energy: change.of(one, group) for energy, one in source.drawn.items()}
    return replace(source, states=change.of(source.states, group), drawn=drawn)


def _dispersions(away: Array, group: tuple[int, ...]) -> Array:
    """D of x, px, y, py (4,), 0 of what has nothing in common with delta."""
    square = float(np.mean(away[:, 5] ** 2))
    common = np.array([1.0 if row in group else 0.0 for row in range(4)])
    return np.asarray(common * (away[:, :4].T @ away[:, 5]) / len(away) / square) if square else np.zeros(4)


def _change(states: Array, group: tuple[int, ...], assumption: AssumptionSpec, sign: float) -> _Change:
    name, factors, dispersion = assumption.key.partition(".")[2], np.ones(6), np.ones(4)
    away = states - states.mean(axis=0)
    along = _dispersions(away, group)
    if name == _SPREAD:
        factors[5] = _factor(float(away[:, 5].std()), assumption, sign)
    elif name == _DISPERSION:
        dispersion[:2] = _factor(float(abs(along[0])), assumption, sign)
    else:
        first = (_EMITTANCES | _FUNCTIONS)[name]
        rest = away[:, first : first + 2] - np.outer(away[:, 5], along[first : first + 2])
        factors[first : first + 2] = _of_plane(np.cov(rest.T, bias=True), name in _EMITTANCES, assumption, sign)
    return _Change(factors, dispersion)


def _of_plane(sigma: Array, emittance: bool, assumption: AssumptionSpec, sign: float) -> tuple[float, float]:
    """Factors of position and slope."""
    area = float(np.sqrt(np.linalg.det(sigma)))
    if emittance:
        root = sqrt(_factor(area, assumption, sign))
        return root, root
    root = sqrt(_factor(float(sigma[0, 0]) / area, assumption, sign))
    return root, 1.0 / root


def _factor(value: float, assumption: AssumptionSpec, sign: float) -> float:
    """By how much a number that is moved is larger than it was."""
    after = float(assumption.moved(value, sign))
    if not (value > 0 and after > 0):
        raise InputError(f"assumption '{assumption.told}': the beam that enters has {value:.3g}")
    return after / value
