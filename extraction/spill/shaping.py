"""Shaping: the programme of a driver that makes a spill flat, or any other wanted shape, found by tracking.

A driver moves along a progress coordinate u: the momentum given by the betatron core, the value of a swept parameter,
the scaling of the magnets, or, for RF knock-out, the heating (integral of amplitude squared over time: diffusion goes
with it). Slowly driven, a particle leaves when u reaches a value of its own, however fast u moves. A trial run shows
at which u each fraction of the beam has left; the wanted programme reaches that u when the fraction shall have left
(L. Badano et al., PIMMS, CERN/PS 2000-007, section 4.6, describes the same feed-forward for the betatron core).
Short trials find most of it; trials of the full length take out what the time from release to septum changes, and
measure the duty factor that is reached.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.interpolate import PchipInterpolator

from extraction.drivers.drivers import BetatronCore, ConstantOptics, Driver, RFKnockout, TuneSweep, programme_values
from extraction.spill.rate import Evenness
from extraction.spill.rate import duty_factor as evenness
from extraction.spill.tracking import Spill, track_spill
from lattice import InputError, Lattice, NoSolution, ReferenceParticle
from lattice.arrays import Array
from lattice.reference import SPEED_OF_LIGHT
from lattice.showing import Showing
from optics import Beam
from optics.maps.lattices.checked import checked_particle

#: Rate against time; only its shape matters.
Shape = Callable[[Array], Array]

_FEWEST = 50  # particles must leave in a trial run
_SAMPLES = 2001  # at which a programme is looked at
_WARP = 121  # points of a found programme
_TO_TELL = 60  # particles: their number tells a rate to 13 %
_NEAR_END = np.array([0.25, 0.5])  # of the first and the last share
_SHORT_ROUNDS = 2
_TRIAL, _TRIAL_OF_KNOCKOUT = 20, 4  # trial runs are so many times shorter
_SHORTEST = 60_000  # turns of a trial: long beside the thousands a particle takes from release to septum


@dataclass(frozen=True, eq=False)
class ShapedSpill(Showing):
    """The ``driver`` with its found programme, and the ``trials`` that led to it (short ones first).

    ``check`` is the spill of the full length with that programme, and ``duty_factor`` what it reaches, from the time
    the beam is brought to the resonance to the end, in as many bins as there were knots. ``reason``: why it is less
    than wanted; empty when it is not.
    """

    driver: Driver
    trials: tuple[Spill, ...]
    check: Spill
    duty_factor: Evenness
    reason: str

    @property
    def reached(self) -> bool:
        """Whether the duty factor is the wanted one, within one standard error."""
        return not self.reason


def flat_programme(
    ring: Lattice,
    particle: ReferenceParticle | None,
    beam: Any,
    driver: Driver,
    septum: Any,
    *,
    turns: int,
    duty_factor: float = 0.95,
    shape: Shape | None = None,
    knots: int = 24,
    rounds: int = 4,
    lead: float = 0.02,
    count: int = 2000,
    check_count: int = 500,
    trial_turns: int | None = None,
    **tracking: Any,
) -> ShapedSpill:
    """Programme over ``turns`` with which the beam leaves at an even rate (or at one of ``shape`` (time [s])).

    ``driver`` carries a first programme, which only has to drive (nearly) the whole beam out. Two short trials (of
    ``trial_turns``, default: a twentieth) of ``count`` particles, or all coordinates given, are followed by up to
    ``rounds`` of the full length with ``check_count`` of them, until the wanted ``duty_factor`` is reached: that of the
    extracted particles in ``knots`` bins, freed of counting statistics and within one standard error (for a ``shape``,
    bins in which it asks for equal shares). ``lead``: fraction of the time in which the beam is brought to where the
    first particle leaves. Other keywords go to ``track_spill``.

    Returns:
        ShapedSpill: the driver with its programme (times [s]), the spill of the last round and the duty factor; one
        that is not reached is no error (``reason``).

    Raises:
        InputError: drivers that cannot be shaped, numbers that make no sense.
        NoSolution: hardly any particle leaves.
    """
    _check(driver, duty_factor, knots, rounds, lead)
    if not isinstance(turns, (int, np.integer)) or turns < 1:
        raise InputError(f"turns must be a whole number above 0, found {turns!r}")
    reference = checked_particle(ring, particle)
    duration = turns * float(ring.length) / (reference.beta * SPEED_OF_LIGHT)
    wanted = _Wanted(shape, duration, knots, lead)
    short, few = _short(driver, turns, trial_turns), _few(beam, check_count)

    def attempt(warp: _Warp, length: int) -> Spill:
        # What the exciter's noise does shows only in a long trial.
        some, n = (few, min(count, check_count)) if length == turns or isinstance(driver, RFKnockout) else (beam, count)
        made = _driver(driver, warp, length / turns * duration)
        return track_spill(ring, particle, some, made, septum, turns=length, count=n, **tracking)

    # The first trial goes evenly through the programme's range: the given one may hold still somewhere.
    warp, trials = _Warp(_ENDS, _progress(driver, duration)[1][[0, -1]]), []
    for _ in range(_SHORT_ROUNDS):
        trials.append(attempt(warp, short))
        warp = _corrected(warp, trials[-1], wanted)
    found: list[tuple[Driver, Spill, Evenness]] = []
    for _ in range(rounds):
        trials.append(attempt(warp, turns))
        found.append((_driver(driver, warp, duration), trials[-1], wanted.evenness(trials[-1])))
        if trials[-1].interrupted or _reached(found[-1][2], duty_factor):
            break
        warp = _corrected(warp, trials[-1], wanted)
    chosen, check, reached = max(found, key=lambda one: (one[1].interrupted, one[2].corrected))
    return ShapedSpill(chosen, tuple(trials), check, reached, _reason(check, reached, duty_factor, len(found)))


def _few(beam: Any, count: int) -> Any:
    """``count`` of the coordinates of a beam, from all along; a Beam stays, it is sampled with the smaller count."""
    if isinstance(beam, Beam) or np.ndim(beam) == 0 or len(beam) <= count:
        return beam
    return np.asarray(np.asarray(beam)[np.linspace(0, len(beam) - 1, count).astype(int)])


def _check(driver: Driver, duty_factor: float, knots: int, rounds: int, lead: float) -> None:
    if not isinstance(driver, (BetatronCore, TuneSweep, ConstantOptics, RFKnockout)):
        raise InputError(
            f"a programme can be shaped for betatron core, tune sweep, constant optics and RF knock-out, "
            f"not for {type(driver).__name__}"
        )
    if not (isinstance(knots, int) and knots >= 4 and isinstance(rounds, int) and rounds >= 1 and 0 <= lead < 1):
        raise InputError("flat_programme: knots >= 4, rounds >= 1 and 0 <= lead < 1 are needed")
    if not 0 < duty_factor <= 1:
        raise InputError(f"a duty factor lies between 0 and 1, found {duty_factor!r}")


def _short(driver: Driver, turns: int, trial_turns: int | None) -> int:
    part = _TRIAL_OF_KNOCKOUT if isinstance(driver, RFKnockout) else _TRIAL
    return trial_turns or min(turns, max(turns // part, _SHORTEST))


def _reached(found: Evenness, duty_factor: float) -> bool:
    """Within one standard error: another round would correct the statistics of the last."""
    return found.corrected + found.error >= duty_factor


def _reason(spill: Spill, found: Evenness, duty_factor: float, rounds: int) -> str:
    """Why the duty factor is not reached; empty when it is."""
    if _reached(found, duty_factor):
        return ""
    left = len(spill.extracted)
    return (
        f"a {found.told} is reached, {duty_factor:g} was wanted: "
        + (f"interrupted in round {rounds}" if spill.interrupted else f"{rounds} rounds got no nearer")
        + f" with {left} of {spill.particles} particles extracted and {len(spill.lost)} lost"
    )


_ENDS = np.array([0.0, 1.0])


@dataclass(frozen=True, eq=False)
class _Warp:
    """Progress coordinate ``u`` at ``fractions`` of the time, both rising or both falling, linear between."""

    fractions: Array
    u: Array

    def at(self, fractions: Array) -> Array:
        return np.asarray(np.interp(fractions, self.fractions, self.u))


@dataclass(frozen=True, eq=False)
class _Wanted:
    """The spill that is wanted: its ``shape`` over ``duration`` [s], of which the ``lead`` brings the beam up."""

    shape: Shape | None
    duration: float
    knots: int
    lead: float

    def __post_init__(self) -> None:
        self._grown()  # refuses what is no shape

    def fractions(self, shares: Array) -> Array:
        """Of the time, by which these shares shall have left."""
        times, grown = self._grown()
        rising = np.concatenate([[True], np.diff(grown) > 0])
        return np.asarray(self.lead + (1.0 - self.lead) * np.interp(shares, grown[rising], times[rising]))

    def evenness(self, spill: Spill) -> Evenness:
        """Duty factor in bins of equal wanted shares."""
        fractions = (spill.extracted["time"].to_numpy() / self.duration - self.lead) / (1.0 - self.lead)
        shares = np.interp(fractions[fractions >= 0], *self._grown())
        return evenness(np.histogram(shares, self.knots, (0.0, 1.0))[0])

    def _grown(self) -> tuple[Array, Array]:
        """Fractions of the time after the lead, and shares that shall have left by then."""
        grid = np.linspace(0.0, 1.0, _SAMPLES)
        if self.shape is None:
            return grid, grid
        rate = np.asarray(self.shape(grid * self.duration), dtype=float)
        if rate.shape != grid.shape or not np.all(np.isfinite(rate)) or np.any(rate < 0) or not np.any(rate > 0):
            raise InputError("a shape gives a rate for an array of times [s]: finite, not negative, and not all zero")
        grown = np.concatenate([[0.0], np.cumsum(0.5 * (rate[1:] + rate[:-1]))])
        return grid, grown / grown[-1]


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


def _corrected(warp: _Warp, trial: Spill, wanted: _Wanted) -> _Warp:
    """The warp that would have let the trial's particles be extracted as wanted.

    Wanted against actual times is a smooth curve through shares that hold enough particles each to tell a rate, and
    narrower ones at both ends, where a beam thins out.
    """
    left = np.sort(trial.extracted["time"].to_numpy()) / trial.duration
    if len(left) < _FEWEST:
        raise NoSolution(
            f"only {len(left)} of {trial.particles} particles leave in a trial of {trial.turns} turns, {_FEWEST} are "
            f"needed: widen the driver's programme or track more particles"
        )
    pieces = max(4, min(wanted.knots, len(left) // _TO_TELL))
    ends = _NEAR_END[_NEAR_END / pieces * len(left) > _TO_TELL / 2] / pieces
    shares = np.unique(np.concatenate([np.linspace(0.0, 1.0, pieces + 1), ends, 1.0 - ends]))
    actual = np.maximum.accumulate(np.quantile(left, shares) + 1e-12 * np.arange(len(shares)))
    when = np.linspace(wanted.lead, 1.0, _WARP)
    u = warp.at(PchipInterpolator(wanted.fractions(shares), actual)(when))
    if wanted.lead == 0:
        return _Warp(when, u)
    return _Warp(np.concatenate([[0.0], when]), np.concatenate([warp.u[:1], u]))
