"""Shaping: the programme of a driver that makes a spill flat, or any other wanted shape, found by tracking.

A driver moves along a progress coordinate u: the momentum given by the betatron core, the value of a swept parameter,
the scaling of the magnets, or, for RF knock-out, the heating (integral of amplitude squared over time: diffusion goes
with it). Slowly driven, a particle leaves when u reaches a value of its own, however fast u moves. A trial run shows
at which u each fraction of the beam has left; the wanted programme reaches that u when the fraction shall have left.
What the time from release to septum changes is taken out by repeating (L. Badano et al., PIMMS, CERN/PS 2000-007,
section 4.6, describes the same feed-forward for the betatron core).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from extraction.drivers import BetatronCore, ConstantOptics, Driver, RFKnockout, TuneSweep, programme_values
from extraction.spill import Spill, track_spill
from lattice import InputError, Lattice, NoSolution, ReferenceParticle
from lattice.reference import SPEED_OF_LIGHT

Array = np.ndarray[Any, Any]
#: Rate against time; only its shape matters.
Shape = Callable[[Array], Array]

_FEWEST = 50  # particles must leave in a trial run
_SAMPLES = 2001  # at which a programme is looked at
_TRIAL = 20  # trial runs are so many times shorter
_SHORTEST = 60_000  # turns of a trial: long beside the thousands a particle takes from release to septum


@dataclass(frozen=True, eq=False)
class ShapedSpill:
    """The ``driver`` with its found programme, and the ``trials`` that led to it, each a shortened spill."""

    driver: Driver
    trials: tuple[Spill, ...]


def flat_programme(
    ring: Lattice,
    particle: ReferenceParticle | None,
    beam: Any,
    driver: Driver,
    septum: Any,
    *,
    turns: int,
    shape: Shape | None = None,
    knots: int = 24,
    rounds: int = 3,
    lead: float = 0.02,
    trial_turns: int | None = None,
    **tracking: Any,
) -> ShapedSpill:
    """Programme over ``turns`` with which the beam leaves at an even rate (or at one of ``shape``(time [s])).

    ``driver`` carries a first programme, which only has to drive (nearly) the whole beam out; ``knots`` of the new one;
    ``rounds`` of trial and correction, each of ``trial_turns`` (default: a twentieth); ``lead``: fraction of the time
    in which the beam is brought to where the first particle leaves. Other keywords go to ``track_spill``.
    Check the result by tracking it. Raises InputError for drivers that cannot be shaped, NoSolution when hardly any
    particle leaves.
    """
    if not isinstance(driver, (BetatronCore, TuneSweep, ConstantOptics, RFKnockout)):
        raise InputError(f"a programme can be shaped for betatron core, tune sweep, constant optics and RF knock-out, "
                         f"not for {type(driver).__name__}")  # fmt: skip
    if not (isinstance(knots, int) and knots >= 2 and isinstance(rounds, int) and rounds >= 1 and 0 <= lead < 1):
        raise InputError("flat_programme: knots >= 2, rounds >= 1 and 0 <= lead < 1 are needed")
    reference = particle if particle is not None else ring.particle
    if reference is None:
        raise InputError(f"lattice '{ring.name}' names no particle: pass a ReferenceParticle")
    revolution = float(ring.length) / (reference.beta * SPEED_OF_LIGHT)
    short = trial_turns or min(turns, max(turns // _TRIAL, _SHORTEST))
    duration, trial_time = turns * revolution, short * revolution
    progress = _progress(driver, duration)
    trials = []
    # The first trial goes evenly through the programme's range: the given one may hold still somewhere.
    wanted = _Warp(np.array([0.0, 1.0]), progress[1][[0, -1]])
    for _ in range(rounds):
        trial = track_spill(ring, particle, beam, _driver(driver, wanted, trial_time), septum, turns=short, **tracking)
        trials.append(trial)
        wanted = _corrected(wanted, trial, trial_time, duration, shape, knots, lead)
    return ShapedSpill(_driver(driver, wanted, duration), tuple(trials))


@dataclass(frozen=True, eq=False)
class _Warp:
    """Progress coordinate ``u`` at ``fractions`` of the time, both rising or both falling, linear between."""

    fractions: Array
    u: Array

    def at(self, fractions: Array) -> Array:
        return np.asarray(np.interp(fractions, self.fractions, self.u))


def _progress(driver: Any, duration: float) -> tuple[Array, Array]:
    """Times and progress coordinate of a driver's own programme."""
    times = np.linspace(0.0, duration, _SAMPLES)
    values = programme_values(driver.programme, times)
    if isinstance(driver, RFKnockout):
        steps = 0.5 * (values[1:] ** 2 + values[:-1] ** 2) * np.diff(times)
        return times, np.concatenate([[0.0], np.cumsum(steps)])
    return times, values


def _driver(driver: Any, warp: _Warp, duration: float) -> Driver:
    """The driver with the programme of a warp."""
    if isinstance(driver, RFKnockout):
        # The amplitude is the root of the heating's slope; a short trial is heated harder.
        slopes = np.sqrt(np.maximum(np.diff(warp.u) / (np.diff(warp.fractions) * duration), 0.0))
        middles = 0.5 * (warp.fractions[1:] + warp.fractions[:-1])
        table = [(float(f * duration), float(a)) for f, a in zip(middles, slopes, strict=True)]
    else:
        table = [(float(f * duration), float(u)) for f, u in zip(warp.fractions, warp.u, strict=True)]
    made: Driver = replace(driver, programme=tuple(table))
    return made


def _corrected(
    warp: _Warp, trial: Spill, trial_time: float, duration: float, shape: Shape | None, knots: int, lead: float
) -> _Warp:
    """The warp that would have let the trial's particles leave as wanted."""
    left = np.sort(trial.extracted["time"].to_numpy()) / trial_time
    gone = np.sort(np.concatenate([left, trial.lost["time"].to_numpy() / trial_time]))
    if len(left) < _FEWEST:
        raise NoSolution(
            f"only {len(left)} of {trial.particles} particles leave in a trial of {trial.turns} turns, {_FEWEST} are "
            f"needed: widen the driver's programme or track more particles"
        )
    shares = np.linspace(0.0, 1.0, knots)
    when = lead + (1.0 - lead) * _times_of_shares(shares, shape, duration)
    u = warp.at(np.quantile(gone, shares))
    before = warp.u[0]
    fractions = np.concatenate([[0.0], when]) if lead > 0 else when
    values = np.concatenate([[before], u]) if lead > 0 else u
    return _Warp(fractions, values)


def _times_of_shares(shares: Array, shape: Shape | None, duration: float) -> Array:
    """Fractions of the time by which these shares shall have left."""
    if shape is None:
        return shares
    grid = np.linspace(0.0, 1.0, _SAMPLES)
    rate = np.asarray(shape(grid * duration), dtype=float)
    if rate.shape != grid.shape or not np.all(np.isfinite(rate)) or np.any(rate < 0) or not np.any(rate > 0):
        raise InputError("a shape gives a rate for an array of times [s]: finite, not negative, and not all zero")
    grown = np.concatenate([[0.0], np.cumsum(0.5 * (rate[1:] + rate[:-1]))])
    rising = np.concatenate([[True], np.diff(grown) > 0])
    return np.asarray(np.interp(shares, grown[rising] / grown[-1], grid[rising]))
