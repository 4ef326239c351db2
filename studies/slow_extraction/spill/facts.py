"""What the extraction study tracks: the spill, other drivers, a slice of it with known ripple, and Xsuite's turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import pi
from typing import Any

import numpy as np
import pandas as pd

from extraction.drivers.drivers import BetatronCore, Driver, PhaseDisplacement, Ripple
from extraction.resonance.steinbach import leaving_momentum
from extraction.resonance.third_integer import third_integer_resonance
from extraction.resonance.variations import varied_families
from extraction.spill.shaping import ShapedSpill, flat_programme
from extraction.spill.spectrum import transfer_function
from extraction.spill.tracking import Spill, track_spill
from extraction.spill.waiting_beam import waiting_beam
from lattice import HadronOpticsError, NoSolution, UnstableOptics
from lattice.arrays import Array
from optics import Beam, twiss
from studies.runs.logs import LOGGER, shows_progress
from studies.slow_extraction.facts import ExtractionFacts
from studies.slow_extraction.spec import ExtractionStudy
from studies.slow_extraction.spill.case import SpillCase, spill_case

_ROUNDS = 3  # of full length, to shape a programme
_SHAPING, _CHECKING = 2000, 256  # particles of the short trials, and of those of full length
_WINDOW = 0.1  # s of a slice, or
_PART = 0.4  # of the spill
_SETTLED = 0.2  # of a slice pass before its rate is that of the spill
_LINES, _FASTEST = 7, 3000.0  # of the transfer function [Hz]
_DEPTH = 0.25  # of the modulation that each known line shall give
_LARGEST = 0.05  # ripple: a family that needs more does not move the beam
_RELATIVE = 1e-4  # step of differences
AGREE = 0.01  # least chance at which two samples are taken for one distribution
APART, OTHER_FATE = 3.0, 0.1  # turns (one passage of the septum), and share of the particles, that may differ


@dataclass(frozen=True, eq=False)
class Agreement:
    """Both trackers on the same particles and a shortened programme, with Kolmogorov-Smirnov tests.

    ``turn`` and ``angle``: (largest distance of the cumulative distributions, chance of such a one). The particles
    being the same, these chances are high too easily; sharper are ``apart``, the median difference of their turns, and
    ``other_fate``, the share of them that is extracted by one tracker and not by the other.
    """

    ours: Spill
    theirs: Spill
    turn: tuple[float, float]
    angle: tuple[float, float]

    @property
    def chance(self) -> float:
        """The smaller of the two chances."""
        return min(self.turn[1], self.angle[1])

    @property
    def agree(self) -> bool:
        """False when turn or angle of extraction differ, or only one of the two extracts."""
        return self.chance >= AGREE and self.apart <= APART and self.other_fate <= OTHER_FATE

    @property
    def apart(self) -> float:
        """Median difference of the turns of extraction, of particles that both extract."""
        pairs = self.ours.extracted.merge(self.theirs.extracted, on="particle")
        return float(np.median(np.abs(pairs["turn_x"] - pairs["turn_y"]))) if len(pairs) else float("inf")

    @property
    def other_fate(self) -> float:
        """Share of the particles that only one of the two extracts."""
        ours, theirs = (set(one.extracted["particle"]) for one in (self.ours, self.theirs))
        return len(ours ^ theirs) / self.ours.particles


@dataclass(frozen=True, eq=False)
class Response:
    """How ripple comes through: ``transfer`` of the family ``parameter``, ``families`` with what is expected.

    ``transfer``: table of ``transfer_function`` with ``expected`` gain 2 pi f |shift| / speed. ``families``: family,
    shift (of the leaving momentum per relative change), frequency, and the same columns; nan where it was not tracked.
    """

    parameter: str
    window: float
    particles: int
    transfer: pd.DataFrame
    families: pd.DataFrame


@dataclass(frozen=True, eq=False)
class SpillFacts:
    """The tracked spill and all that belongs to it.

    ``beam`` (n, 6) at the start of the ring, ``drivers`` by name with their programmes, the study's own first, and how
    those that are shaped were found (``shaping``); ``others`` are the spills of the others. ``alone`` says why there is
    no second tracker, ``why_not`` what else could not be done.
    """

    case: SpillCase
    beam: Array
    drivers: dict[str, Driver]
    shaping: dict[str, ShapedSpill]
    spill: Spill
    others: dict[str, Spill]
    response: Response | None
    agreement: Agreement | None
    alone: str
    why_not: Sequence[str]

    @property
    def driver(self) -> Driver:
        """The study's driver with its programme."""
        return self.drivers[self.case.spec.driver]

    @property
    def shaped(self) -> bool:
        """Whether its programme was found by shaping."""
        return self.case.spec.driver in self.shaping

    @property
    def interrupted(self) -> bool:
        """True when Ctrl-C ended the tracking."""
        return self.spill.interrupted or any(spill.interrupted for spill in self.others.values())

    @property
    def disagreement(self) -> str:
        """In words, how the two trackers differ; empty when they do not, or were not compared."""
        if self.agreement is None or self.agreement.agree:
            return ""
        counts = len(self.agreement.ours.extracted), len(self.agreement.theirs.extracted)
        return (
            f"the fast tracker and Xsuite disagree on {self.agreement.ours.turns} turns of the same "
            f"{self.agreement.ours.particles} particles: {counts[0]} and {counts[1]} extracted, chance "
            f"{self.agreement.turn[1]:.2g} for the turns and {self.agreement.angle[1]:.2g} for the angles of "
            f"extraction, {self.agreement.other_fate:.1%} extracted by one only, the others {self.agreement.apart:g} "
            "turns apart"
        )


def track(facts: ExtractionFacts) -> SpillFacts | None:
    """Track what the study asks for; None without a [spill] table. Ctrl-C keeps what was tracked."""
    study: ExtractionStudy = facts.optics.resolved.study
    spec = study.spill
    if spec is None or not spec.tracked:
        return None
    case = spill_case(facts)
    found = _Programmes(case, {}, {}, [])
    driver = found.add(spec.driver)
    beam = case.beam_for(spec.driver, spec.particles)
    LOGGER.info("spill of %g s: %d particles, %d turns, %s", spec.duration_s, len(beam), case.turns, spec.driver)
    spill = _tracked(case, beam, driver, case.turns, case.ripple)
    others = {} if spill.interrupted else _others(case, found)
    know = partial(SpillFacts, case, beam, found.drivers, found.shaping, spill, others, why_not=found.why_not)
    if spill.interrupted or any(other.interrupted for other in others.values()):
        return know(response=None, agreement=None, alone="interrupted")
    response = _response(case, found.why_not) if spec.response else None
    agreement, alone = _agreement(case)
    return know(response=response, agreement=agreement, alone=alone)


def _tracked(
    case: SpillCase, beam: Any, driver: Driver, turns: int, ripple: Any = (), engine: str = "sectional"
) -> Spill:
    return track_spill(
        case.ring, case.particle, beam, driver, case.septum, turns=turns, engine=engine, seed=case.seed, ripple=ripple,
        fringe=case.fringe, progress=shows_progress(),
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Programmes:
    """Drivers with their programmes as they are found; ``why_not`` collects what could not be done."""

    case: SpillCase
    drivers: dict[str, Driver]
    shaping: dict[str, ShapedSpill]
    why_not: list[str]

    def add(self, name: str) -> Driver:
        """The driver of this name, its programme shaped if the study wants that and it can be done."""
        case, spec = self.case, self.case.spec
        own = case.main_driver() if name == spec.driver else case.driver(name, spec.duration_s)
        self.drivers[name] = own
        given = spec.programme is not None and name == spec.driver
        if given or not spec.shaped or isinstance(own, PhaseDisplacement):
            return own
        LOGGER.info("shaping the programme of the %s", name)
        try:
            found = self._shaped(name, own)
        except (NoSolution, UnstableOptics) as error:
            self.why_not.append(f"the programme of the {name} is not shaped: {error}")
            return own
        if not found.reached:
            self.why_not.append(f"shaping the {name}: {found.reason}")
        self.drivers[name], self.shaping[name] = found.driver, found
        return found.driver

    def _shaped(self, name: str, own: Driver) -> ShapedSpill:
        case, spec = self.case, self.case.spec
        check = _CHECKING if name == spec.driver else spec.compare_particles
        return flat_programme(
            case.ring, case.particle, case.beam_for(name, max(_SHAPING, check)), own, case.septum, turns=case.turns,
            duty_factor=spec.shaped_duty_factor, rounds=_ROUNDS, check_count=check, seed=case.seed, ripple=case.ripple,
            fringe=case.fringe, progress=shows_progress(),
        )  # fmt: skip


def _others(case: SpillCase, programmes: _Programmes) -> dict[str, Spill]:
    """The drivers to compare with, in order; one that cannot be tracked is said."""
    found: dict[str, Spill] = {}
    for name in dict.fromkeys(case.spec.compare):
        if name == case.spec.driver or any(spill.interrupted for spill in found.values()):
            continue
        LOGGER.info("the same with %s, %d particles", name, case.spec.compare_particles)
        try:
            found[name] = _other(case, programmes, name)
        except HadronOpticsError as error:
            programmes.drivers.pop(name, None)
            programmes.why_not.append(f"{name} was not tracked: {error}")
    return found


def _other(case: SpillCase, programmes: _Programmes, name: str) -> Spill:
    """The spill of another driver: where its programme is shaped, the one it was checked with."""
    driver = programmes.add(name)
    if name in programmes.shaping:
        return programmes.shaping[name].check
    return _tracked(case, case.beam_for(name, case.spec.compare_particles), driver, case.turns, case.ripple)


# --------------------------------------------------------------------------------------------------- both trackers


def _agreement(case: SpillCase) -> tuple[Agreement | None, str]:
    """The study's own case by both trackers, shortened so that Xsuite ends soon; or why it was not compared."""
    from scipy.stats import ks_2samp

    spec = case.spec
    if spec.engine_particles < 20:
        return None, f"spill.engine_particles is {spec.engine_particles}, at least 20 are needed"
    beam = case.beam_for(spec.driver, spec.engine_particles)
    driver = _shortened(case, spec.engine_turns)
    LOGGER.info("%d turns of %d particles by both trackers", spec.engine_turns, len(beam))
    try:
        ours, theirs = (
            _tracked(case, beam, driver, spec.engine_turns, case.ripple, e) for e in ("sectional", "xsuite")
        )
    except HadronOpticsError as error:
        return None, str(error)
    if ours.interrupted or theirs.interrupted:
        return None, "interrupted"
    counts = len(ours.extracted), len(theirs.extracted)
    if min(counts) < 10:
        chance = 1.0 if max(counts) < 20 else 0.0
        if chance:
            return None, f"only {counts[0]} and {counts[1]} particles leave within {spec.engine_turns} turns"
        return Agreement(ours, theirs, (1.0, chance), (1.0, chance)), ""
    tests = [ks_2samp(one(ours.extracted), one(theirs.extracted)) for one in (_turns, angles)]
    turn, angle = ((float(test.statistic), float(test.pvalue)) for test in tests)
    return Agreement(ours, theirs, turn, angle), ""


def _shortened(case: SpillCase, turns: int) -> Driver:
    """The study's driver with its programme in so many turns."""
    duration = turns * case.revolution_time
    if case.spec.programme is None:
        return case.driver(case.spec.driver, duration)
    factor = duration / case.spec.duration_s
    programme = tuple((time * factor, value) for time, value in case.spec.programme)
    return replace(case.main_driver(), programme=programme)


def _turns(table: pd.DataFrame) -> Array:
    return np.asarray(table["turn"], dtype=float)


def angles(table: pd.DataFrame) -> Array:
    """Angle x' [rad] of extracted particles."""
    return np.asarray(table["px"] / (1.0 + table["delta"]))


# ------------------------------------------------------------------------------------------------- ripple to spill


def _response(case: SpillCase, why_not: list[str]) -> Response | None:
    """A slice of the evenly driven spill with known ripple: at several frequencies, then of every family."""
    window = min(_WINDOW, _PART * case.spec.duration_s)
    first = 2.2 / ((1 - _SETTLED) * window)  # Hz: lines can be told apart by 2 periods of what is looked at
    try:
        shifts = leaving_shifts(case)
        beam = _slice(case, window)
        frequencies = np.geomspace(first, max(_FASTEST, 30 * first), _LINES)
        LOGGER.info("a slice of %g s with ripple of '%s' at %d frequencies", window, case.parameter, _LINES)
        transfer = _slice_run(case, beam, window, {case.parameter: shifts[case.parameter]}, list(frequencies))
        names = [name for name, shift in shifts.items() if _size(case, first, shift) < _LARGEST]
        LOGGER.info("the same slice with ripple of %s", ", ".join(names))
        lines = [first * (i + 2) for i in range(len(names))]
        families = _slice_run(case, beam, window, {name: shifts[name] for name in names}, lines)
    except (HadronOpticsError, KeyError) as error:
        why_not.append(f"how ripple comes through was not tracked: {error}")
        return None
    rows = families.set_index("family").reindex(list(shifts))
    rows["shift"] = pd.Series(shifts)
    return Response(case.parameter, window, len(beam), transfer, rows.reset_index(names="family"))


def leaving_shifts(case: SpillCase) -> dict[str, float]:
    """Change of the leaving momentum per relative change of each family, for the middle amplitude, exact.

    A particle leaves where the stable area equals its own: d delta = -(dA/d ln k) / (dA/d delta).
    """
    delta = float(leaving_momentum(case.stack.table, np.array([0.6 * case.edge_amplitude]), case.stack.side)[0])
    step = 0.02 * abs(delta - case.stack.resonant)
    slope = (_area(case, delta + step) - _area(case, delta - step)) / (2 * step)
    found = {}
    for name in varied_families(case.ring):
        here = float(case.ring.parameters[name])
        ends = [_area(case, delta, {name: here * (1 + sign * _RELATIVE)}) for sign in (1, -1)]
        found[name] = -(ends[0] - ends[1]) / (2 * _RELATIVE) / slope
    return found


def _area(case: SpillCase, delta: float, parameters: dict[str, float] | None = None) -> float:
    ring = case.ring.with_parameters(parameters or {})
    return third_integer_resonance(ring, at=case.septum.at, delta=delta, fringe=case.fringe).stable_area


def _slice(case: SpillCase, window: float) -> Array:
    """Particles (n, 6) that leave within ``window`` [s] in the middle of an evenly driven spill.

    A particle whose amplitude leaves at momentum d is released when the stack has moved by d minus its own momentum.
    """
    count, way = case.spec.response_particles, np.sign(case.reach)
    begun = 0.5 * case.reach
    travel = abs(case.speed) * window
    unsure = 0.1 * abs(case.edge - case.stack.resonant)
    share = min(1.0, (travel + 2 * unsure) / case.width)
    states = _moved_beam(case, int(1.3 * count / share) + 200, begun)
    amplitude = amplitudes(case, states)
    leaving = leaving_momentum(case.stack.table, amplitude, case.stack.side)
    way_to_go: Array = way * (leaving - states[:, 5])
    chosen = np.flatnonzero((way_to_go > -unsure) & (way_to_go < travel + unsure))[:count]
    if len(chosen) < 50:
        raise NoSolution(f"only {len(chosen)} particles leave within {window:g} s")
    return np.asarray(states[chosen])


def _moved_beam(case: SpillCase, count: int, shift: float) -> Array:
    """The stack after it has moved by ``shift``, each particle matched to its new momentum."""
    centre = case.edge + case.stack.side * case.width / 2 + shift
    one = Beam(case.particle, emittance_x=case.emittances[0], emittance_y=case.emittances[1], delta=centre)
    return waiting_beam(
        case.ring, one, count, seed=case.seed + 1, full_width=case.width, cut=case.sigmas, fringe=case.fringe
    )


def amplitudes(case: SpillCase, states: Array) -> Array:
    """Horizontal amplitude [m^1/2] about the closed orbit of each momentum."""
    middle = float(np.mean(states[:, 5]))
    optics = twiss(case.ring, fringe=case.fringe, delta=middle)
    x, px, dx, dpx, betx, alfx = (float(optics[name][0]) for name in ("x", "px", "dx", "dpx", "betx", "alfx"))
    off = states[:, 5] - middle
    u, v = states[:, 0] - x - dx * off, states[:, 1] - px - dpx * off
    return np.asarray(np.hypot(u, alfx * u + betx * v) / np.sqrt(betx))


def _size(case: SpillCase, frequency: float, shift: float) -> float:
    """Relative ripple that modulates the rate by the depth looked for."""
    return _DEPTH * abs(case.speed) / (2 * pi * frequency * max(abs(shift), 1e-12))


def _slice_run(
    case: SpillCase, beam: Array, window: float, shifts: dict[str, float], frequencies: list[float]
) -> pd.DataFrame:
    """Transfer function at known lines: all of one family, or one of each family."""
    names = list(shifts) if len(shifts) > 1 else list(shifts) * len(frequencies)
    speed = abs(case.speed)
    sizes = [_size(case, f, shifts[name]) for name, f in zip(names, frequencies, strict=True)]
    lines = [(size, f, 0.0) for size, f in zip(sizes, frequencies, strict=True)]
    ripple = [
        Ripple(name, tuple(line for other, line in zip(names, lines, strict=True) if other == name)) for name in shifts
    ]
    driver = BetatronCore(((0.0, 0.0), (window, case.speed * window)))
    turns = max(1, round(window / case.revolution_time))
    spill = _tracked(case, beam, driver, turns, ripple)
    table = transfer_function(
        spill.extracted["time"].to_numpy(), lines, start=_SETTLED * window, stop=turns * case.revolution_time
    )
    expected = [2 * pi * f * abs(shifts[name]) / speed for name, f in zip(names, frequencies, strict=True)]
    return table.assign(family=names, expected=expected)
