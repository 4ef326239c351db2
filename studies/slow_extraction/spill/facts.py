"""What the extraction study tracks: the spill, other drivers, a slice of it with known ripple, and Xsuite's turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from extraction.drivers.drivers import Driver, PhaseDisplacement
from extraction.septum import at_magnetic_septum
from extraction.spill.agreement import Agreement, agreement_of
from extraction.spill.response import Response, SpillSlice, ripple_response
from extraction.spill.shaping import ShapedSpill, flat_programme
from extraction.spill.tracking import Spill, track_spill
from lattice import HadronOpticsError, NoSolution, UnstableOptics
from lattice.arrays import Array
from studies.runs.logs import LOGGER, shows_progress
from studies.slow_extraction.facts import ExtractionFacts
from studies.slow_extraction.spec import ExtractionStudy
from studies.slow_extraction.spill.case import SpillCase, spill_case
from studies.slow_extraction.spill.pictures import Pictures, pictures

_ROUNDS = 3  # of full length, to shape a programme
_SHAPING, _CHECKING = 2000, 256  # particles of the short trials, and of those of full length


@dataclass(frozen=True, eq=False)
class SpillFacts:
    """The tracked spill and all that belongs to it.

    ``beam`` (n, 6) at the start of the ring, ``drivers`` by name with their programmes, the study's own first, and how
    those that are shaped were found (``shaping``), ``straight`` those that would move the stack evenly; ``others`` are
    the spills of the others. ``amplitude`` (n,) [m^1/2] of the beam; ``sent`` (extracted, 6) at the magnetic septum,
    None without one; ``pictures`` of what drivers do in time. ``alone`` says why there is no second tracker,
    ``why_not`` what else could not be done.
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
    straight: dict[str, Driver]
    amplitude: Array
    sent: Array | None
    pictures: Pictures

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
    found = _Programmes(case, {}, {}, {}, [])
    driver = found.add(spec.driver)
    beam = case.beam_for(spec.driver, spec.particles)
    LOGGER.info("spill of %g s: %d particles, %d turns, %s", spec.duration_s, len(beam), case.turns, spec.driver)
    spill = _tracked(case, beam, driver, case.turns, case.ripple)
    others = {} if spill.interrupted else _others(case, found)
    know = partial(
        SpillFacts,
        case,
        beam,
        found.drivers,
        found.shaping,
        spill,
        others,
        why_not=found.why_not,
        straight=found.straight,
        amplitude=case.stack.amplitudes(beam),
        sent=_sent(case, spill),
        pictures=pictures(case, found.drivers, found.straight, spill.duration),
    )
    if spill.interrupted or any(other.interrupted for other in others.values()):
        return know(response=None, agreement=None, alone="interrupted")
    response = _response(case, found.why_not) if spec.response else None
    agreement, alone = _agreement(case)
    return know(response=response, agreement=agreement, alone=alone)


def _sent(case: SpillCase, spill: Spill) -> Array | None:
    """What was extracted, at the magnetic septum; arrival times left out."""
    if case.septum.magnetic_at is None:
        return None
    states = spill.extracted[["x", "px", "y", "py", "zeta", "delta"]].to_numpy(dtype=float, copy=True)
    states[:, 4] = 0.0
    return at_magnetic_septum(case.ring, case.particle, case.septum, states, case.fringe)


def _tracked(
    case: SpillCase, beam: Any, driver: Driver, turns: int, ripple: Any = (), engine: str = "sectional"
) -> Spill:
    return track_spill(
        case.ring,
        case.particle,
        beam,
        driver,
        case.septum,
        turns=turns,
        engine=engine,
        seed=case.seed,
        ripple=ripple,
        fringe=case.fringe,
        progress=shows_progress(),
    )


@dataclass(frozen=True, eq=False)
class _Programmes:
    """Drivers with their programmes as they are found; ``why_not`` collects what could not be done."""

    case: SpillCase
    drivers: dict[str, Driver]
    straight: dict[str, Driver]
    shaping: dict[str, ShapedSpill]
    why_not: list[str]

    def add(self, name: str) -> Driver:
        """The driver of this name, its programme shaped if the study wants that and it can be done."""
        case, spec = self.case, self.case.spec
        self.straight[name] = own = case.driver(name, spec.duration_s)
        if name == spec.driver and spec.programme is not None:
            own = replace(own, programme=spec.programme)
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
            case.ring,
            case.particle,
            case.beam_for(name, max(_SHAPING, check)),
            own,
            case.septum,
            turns=case.turns,
            duty_factor=spec.shaped_duty_factor,
            rounds=_ROUNDS,
            check_count=check,
            seed=case.seed,
            ripple=case.ripple,
            fringe=case.fringe,
            progress=shows_progress(),
        )


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
    try:
        return agreement_of(ours, theirs), ""
    except NoSolution as error:
        return None, str(error)


def _shortened(case: SpillCase, turns: int) -> Driver:
    """The study's driver with its programme in so many turns."""
    duration = turns * case.stack.revolution_time
    if case.spec.programme is None:
        return case.driver(case.spec.driver, duration)
    factor = duration / case.spec.duration_s
    programme = tuple((time * factor, value) for time, value in case.spec.programme)
    return replace(case.driver(case.spec.driver, case.spec.duration_s), programme=programme)


# ------------------------------------------------------------------------------------------------- ripple to spill


def _response(case: SpillCase, why_not: list[str]) -> Response | None:
    """A slice of the evenly driven spill with known ripple: at several frequencies, then of every family."""
    spec = case.spec
    piece = SpillSlice(
        case.stack,
        case.septum,
        spec.duration_s,
        count=spec.response_particles,
        seed=case.seed,
        progress=shows_progress(),
    )
    LOGGER.info("a slice of %g s with known ripple of '%s', then of every family", piece.window, case.parameter)
    try:
        return ripple_response(piece, case.parameter)
    except HadronOpticsError as error:
        why_not.append(f"how ripple comes through was not tracked: {error}")
        return None
