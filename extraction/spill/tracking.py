"""A whole spill, particle by particle: what was extracted, what was lost and where, and what is left."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from extraction.drivers.drivers import Driver, Ripple
from extraction.drivers.schedule import Schedule
from extraction.septum import Septum
from extraction.spill.apertures import planes_of_loss
from extraction.spill.fate import APERTURE, CATHODE, CIRCULATES, EXTRACTED, UNBOUNDED, WIRES
from extraction.spill.lanes.rows import CUT, DELTA_LEFT, PX_LEFT, PY_LEFT, TIME, TURN, X_LEFT, Y_LEFT
from extraction.spill.sections.kicks import is_nonlinear
from extraction.spill.setup import Progress, SpillOutcome, SpillSetup, turns_between_settings
from extraction.spill.spectrum import MAINS, spectrum_of_middle
from lattice import InputError, Lattice, ReferenceParticle
from lattice.arrays import Array
from lattice.errors import did_you_mean
from lattice.reference import SPEED_OF_LIGHT
from lattice.showing import Showing, chart
from optics import Beam, twiss
from optics.beams.beam import sample_beam
from optics.closed import closed
from optics.maps.lattices.checked import checked_fringe, checked_particle
from optics.maps.lattices.turns import passage

ENGINES = ("sectional", "xsuite")
CAUSES = {WIRES: "wires", CATHODE: "cathode", APERTURE: "aperture", UNBOUNDED: "unbounded"}
COLUMNS = ("particle", "turn", "time", "x", "px", "y", "py", "zeta", "delta")
_BYTES = 600  # a particle needs in tables and copies of them
_FARTHEST = 1.0  # m from the axis: no beam pipe is so wide
_AT_ONCE, _MANY = 30, 0.1  # turns; more than this part of the beam within them is odd
_SUDDEN = 0.01  # of the turns: if most leaves within so few, the beam left at once


@closed
@dataclass(frozen=True, eq=False, repr=False)
class Spill(Showing):
    """What came of a spill.

    ``extracted``: table of particle, turn (from 0), time [s] (from the start of the programme), x, px, y, py, zeta,
    delta at the entrance of the electrostatic septum; ``lost``: the same where they were lost, with ``place``,
    ``cause`` (wires, cathode, aperture, unbounded), ``plane`` ("x", "y") and ``side`` ("-", "+" of x or y).
    ``circulating`` (n, 6): what is left, nan for the others. ``turns`` were tracked, of ``revolution_time`` [s] each.
    What the sectional maps are known to miss (0 for Xsuite): ``misfit`` of one turn's nonlinear part, rms, and
    ``missed`` [m], the largest distance in x and y between where they and where the exact turn bring particles to the
    wires. ``notes`` say what is odd about the spill.
    """

    extracted: pd.DataFrame
    lost: pd.DataFrame
    circulating: Array
    particle: ReferenceParticle
    turns: int
    revolution_time: float
    engine: str
    seed: int | None
    interrupted: bool
    misfit: float
    notes: tuple[str, ...]
    missed: float = 0.0

    @property
    def particles(self) -> int:
        """How many particles there were."""
        return len(self.circulating)

    @property
    def duration(self) -> float:
        """Time tracked [s]."""
        return self.turns * self.revolution_time

    def plot(self) -> Any:
        """Rate over its mean in time above its spectrum: a plotly figure. InputError where nothing was extracted."""
        times = self.extracted["time"].to_numpy()
        found = spectrum_of_middle(times) if len(times) > 1 else None
        turns = np.sort(self.extracted["turn"].to_numpy())
        timing = {"total": self.turns, "revolution_time": self.revolution_time}
        return chart("spill", turns=turns, spectrum=found, lines=MAINS, **timing)

    def summary(self) -> Mapping[str, Any]:
        """What became of the particles, how long, by which engine, and what is odd about it."""
        causes = ", ".join(f"{count} {cause}" for cause, count in self.lost["cause"].value_counts().items())
        return {
            "particles": self.particles,
            "extracted": len(self.extracted),
            "lost": f"{len(self.lost)}" + (f": {causes}" if causes else ""),
            "circulating": self.particles - len(self.extracted) - len(self.lost),
            "turns": f"{self.turns} ({self.duration:.6g} s)" + (", interrupted" if self.interrupted else ""),
            "engine": self.engine,
            "seed": self.seed,
            "misfit, missed": (self.misfit, f"{self.missed:.3g} m"),
            "notes": "; ".join(self.notes) or "none",
        }


def track_spill(
    ring: Lattice,
    particle: ReferenceParticle | None,
    beam: Beam | Array,
    driver: Driver | Iterable[Driver],
    septum: Septum | str,
    *,
    turns: int,
    engine: str = "sectional",
    seed: int | None = 1,
    count: int = 1000,
    ripple: Ripple | Iterable[Ripple] = (),
    fringe: str = "full",
    apertures: bool = True,
    threads: int | None = None,
    context: str = "cpu",
    turns_each: int | None = None,
    progress: Progress | bool = False,
) -> Spill:
    """Drive a beam out of the ring and follow every particle, turn by turn, until it is extracted or lost.

    ``particle``: the reference particle, whose momentum deviations are counted from; None is the ring's own.
    ``beam``: a Beam, of which ``count`` coasting particles are drawn with ``seed``, each matched at its own momentum,
    or coordinates (n, 6) at the start of the ring. ``driver``: one or several together. ``septum``: a Septum, or the
    name of the ring's ElectrostaticSeptum. ``engine``: "sectional" (linear sections exact in momentum with kicks
    fitted to exact turns) or "xsuite" (element by element); in both particles are lost at both ends of every element
    with an aperture. Settings are held for ``turns_each`` turns (default: fine enough for the ripple). ``progress``:
    True for a bar, or a function of the turns done. Ctrl-C ends the tracking and keeps what was tracked. ``threads``:
    all there are; for "xsuite" one, because more have to be compiled first (minutes); its ``context`` is "cpu",
    "cupy" or "opencl". Results are the same for one seed at any number of ``threads``.

    Equation:
        z(n + 1) = M_n(z(n)), the one-turn map at the setting of turn n, to x at the wires.

    Returns:
        Spill: tables ``extracted`` and ``lost`` of particle, turn, time [s], x, px, y, py, zeta, delta [m, 1];
        ``missed`` [m] says how exact the fast turn was.

    Raises:
        InputError: what makes no sense (an empty beam, more memory asked than there is, a programme with nan).
        UnstableOptics: a momentum of the beam or a setting of the programme has no stable motion.
        LatticeError: a ring that sections cannot hold.

    Source:
        PIMMS, CERN/PS 99-010 (DI), chapter 3; E. Forest, Beam Dynamics, Harwood 1998 (maps).
    """
    wanted = _Wanted(
        ring=ring,
        particle=particle,
        beam=beam,
        driver=driver,
        septum=septum,
        turns=turns,
        seed=seed,
        count=count,
        ripple=ripple,
        fringe=fringe,
        apertures=apertures,
        threads=threads,
        context=context,
        turns_each=turns_each,
    )
    setup = wanted.setup()
    if engine not in ENGINES:
        raise InputError(f"unknown engine '{engine}'{did_you_mean(str(engine), ENGINES)} Known: {', '.join(ENGINES)}")
    if engine == "sectional" and context != "cpu":
        raise InputError(f"context '{context}' is one of engine='xsuite'; the sectional maps are tracked on the cpu")
    with _Bar(setup.turns, progress) as report:
        if engine == "xsuite":
            from extraction.spill.xsuite import track_elements

            outcome = track_elements(setup, report)
        else:
            from extraction.spill.sectional import track_sectional

            outcome = track_sectional(setup, report)
    return _spill(setup, outcome, engine, seed)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Wanted:
    """What ``track_spill`` was asked for, as it was written."""

    ring: Lattice
    particle: ReferenceParticle | None
    beam: Any
    driver: Any
    septum: Septum | str
    turns: int
    seed: int | None
    count: int
    ripple: Any
    fringe: str
    apertures: bool
    threads: int | None
    context: str
    turns_each: int | None

    def setup(self) -> SpillSetup:
        """What both trackers are given. InputError for what makes no sense."""
        self._check_numbers()
        ring, particle, fringe = self.ring, checked_particle(self.ring, self.particle), checked_fringe(self.fringe)
        septum = self._septum()
        schedule = Schedule(ring, _several(self.driver), _several(self.ripple))
        start = ring.index(septum.at)
        _refuse_too_many(self._particles())
        begun = _sampled(ring, particle, self.beam, fringe, self.count, self.seed)
        revolution = float(ring.length) / (particle.beta * SPEED_OF_LIGHT)
        return SpillSetup(
            ring=ring,
            particle=particle,
            schedule=schedule,
            septum=septum,
            start=start,
            coordinates=_at_septum(ring, particle, fringe, start, begun),
            turns=int(self.turns),
            turns_each=self.turns_each or turns_between_settings(schedule, revolution),
            revolution_time=revolution,
            fringe=fringe,
            apertures=self.apertures,
            threads=self.threads,
            context=self.context,
        )

    def _check_numbers(self) -> None:
        if not isinstance(self.ring, Lattice) or self.ring.batch is not None:
            raise InputError("track_spill takes one Lattice (not a batch of them)")
        for name in ("turns", "count", "threads", "turns_each"):
            value = getattr(self, name)
            if value is not None and not (_whole(value) and value >= 1):
                raise InputError(f"{name} must be a whole number above 0, found {value!r}")

    def _septum(self) -> Septum:
        septum = Septum.of(self.ring, self.septum) if isinstance(self.septum, str) else self.septum
        if not isinstance(septum, Septum):
            raise InputError(f"septum must be a Septum or the name of one, found {septum!r}")
        return septum

    def _particles(self) -> int:
        if isinstance(self.beam, Beam):
            return self.count
        return np.shape(self.beam)[0] if np.ndim(self.beam) == 2 else 1


def _several(one: Any) -> tuple[Any, ...]:
    """One or several as a tuple."""
    return tuple(one) if isinstance(one, (list, tuple)) else (one,)


def _whole(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _sampled(ring: Lattice, particle: ReferenceParticle, beam: Any, fringe: str, count: int, seed: int | None) -> Array:
    """Coordinates (n, 6) at the start of the ring."""
    if isinstance(beam, Beam):
        if seed is None:
            raise InputError("a Beam is sampled with an explicit seed: pass seed=1, for example")
        optics = twiss(ring, particle, fringe=fringe, chromatic=False)
        return sample_beam(beam, optics, count, seed=seed, coasting=True, off_momentum=True)
    try:
        coordinates = np.array(beam, dtype=float)
    except (TypeError, ValueError):
        raise InputError(f"beam must be a Beam or coordinates (n, 6), found {beam!r}") from None
    if coordinates.ndim != 2 or coordinates.shape[1] != 6 or len(coordinates) == 0:
        raise InputError(f"beam must be a Beam or coordinates (n, 6) with n > 0, found shape {coordinates.shape}")
    if not np.all(np.isfinite(coordinates)):
        bad = int(np.flatnonzero(~np.all(np.isfinite(coordinates), axis=1))[0])
        raise InputError(f"coordinates must be finite numbers, particle {bad} is {coordinates[bad].tolist()}")
    out = np.flatnonzero(np.max(np.abs(coordinates[:, [0, 2]]), axis=1) > _FARTHEST)
    if len(out):
        raise InputError(
            f"{len(out)} particles begin more than {_FARTHEST:g} m from the axis, the first is particle {out[0]} with "
            f"x, y = {coordinates[out[0], 0]:g}, {coordinates[out[0], 2]:g} m: coordinates are in m, rad and dp/p"
        )
    return coordinates


def _at_septum(ring: Lattice, particle: ReferenceParticle, fringe: str, start: int, coordinates: Array) -> Array:
    if start == 0:
        return coordinates
    arrived = passage(ring, particle, fringe, 0, start).track(coordinates)
    if not np.all(np.isfinite(arrived)):
        raise InputError("the beam does not even reach the septum: some of its coordinates are far outside the machine")
    return arrived


def _refuse_too_many(count: int) -> None:
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # not every system tells
        return
    if count * _BYTES > free:
        raise InputError(
            f"{count} particles need about {count * _BYTES / 1e9:.3g} GB, {free / 1e9:.3g} GB are free: track fewer"
        )


def _spill(setup: SpillSetup, outcome: SpillOutcome, engine: str, seed: int | None) -> Spill:
    extracted = _table(setup, outcome, outcome.status == EXTRACTED)
    gone = (outcome.status != EXTRACTED) & (outcome.status != CIRCULATES)
    lost = _with_places(setup, outcome, _table(setup, outcome, gone))
    return Spill(
        extracted=extracted,
        lost=lost,
        circulating=outcome.coordinates,
        particle=setup.particle,
        turns=outcome.turns,
        revolution_time=setup.revolution_time,
        engine=engine,
        seed=seed,
        interrupted=outcome.interrupted,
        misfit=outcome.misfit,
        missed=outcome.missed,
        notes=(*outcome.notes, *_odd(setup, outcome)),
    )


def _with_places(setup: SpillSetup, outcome: SpillOutcome, lost: pd.DataFrame) -> pd.DataFrame:
    """Place, cause, plane and side of what was lost; at the septum, in its own plane and on its side."""
    numbers = lost["particle"].to_numpy()
    cuts = outcome.record[numbers, CUT].astype(int)
    where = [setup.start if cut < 0 else outcome.places[cut] for cut in cuts]
    apertures = [None if cut < 0 else setup.ring.elements[at].aperture for cut, at in zip(cuts, where, strict=True)]
    planes, sides = planes_of_loss(apertures, lost["x"].to_numpy(), lost["y"].to_numpy())
    own = "+" if setup.septum.side > 0 else "-"
    at_septum = np.isin(outcome.status[numbers], (WIRES, CATHODE))
    lost["place"] = [setup.ring.names[at] for at in where]
    lost["cause"] = [CAUSES[status] for status in outcome.status[numbers]]
    lost["plane"] = np.where(at_septum, "x", np.array(planes, dtype=object))
    lost["side"] = np.where(at_septum, own, np.array(sides, dtype=object))
    return lost


def _table(setup: SpillSetup, outcome: SpillOutcome, which: Array) -> pd.DataFrame:
    """Rows of the particles chosen, by time."""
    numbers = np.flatnonzero(which)
    numbers = numbers[np.argsort(outcome.record[numbers, TIME], kind="stable")]
    rows = outcome.record[numbers]
    turn, time = rows[:, TURN].astype(np.int64), rows[:, TIME]
    velocity = setup.particle.beta * SPEED_OF_LIGHT
    values = (
        numbers,
        turn,
        time,
        rows[:, X_LEFT],
        rows[:, PX_LEFT],
        rows[:, Y_LEFT],
        rows[:, PY_LEFT],
        velocity * (turn * setup.revolution_time - time),
        rows[:, DELTA_LEFT] + setup.schedule.shift(time),
    )
    return pd.DataFrame(dict(zip(COLUMNS, values, strict=True)))


def _odd(setup: SpillSetup, outcome: SpillOutcome) -> list[str]:
    """What a user should know before believing the numbers."""
    notes = []
    if outcome.interrupted:
        notes.append(f"interrupted after {outcome.turns} of {setup.turns} turns")
    count = len(outcome.status)
    out = outcome.status == EXTRACTED
    left = int(np.sum(outcome.status == CIRCULATES))
    if not np.any(out):
        reason = f"{count - left} were lost" if left < count else f"all of them still circulate: {_no_way_out(setup)}"
        return [*notes, f"the driver extracted none of {count} particles in {outcome.turns} turns; {reason}"]
    early = int(np.sum(outcome.record[:, TURN] < _AT_ONCE))
    if outcome.turns > 2 * _AT_ONCE and early > _MANY * count:
        notes.append(
            f"{early} of {count} particles leave in the first {_AT_ONCE} turns: the beam begins outside the stable "
            f"area, or the driver takes it out of it at once"
        )
    lost = count - left - int(np.sum(out))
    if lost > np.sum(out):
        notes.append(f"{lost} of the {count - left} particles that left the ring were lost, more than were extracted")
    turns = np.sort(outcome.record[out, TURN])
    span = float(turns[int(0.9 * (len(turns) - 1))] - turns[0])
    if len(turns) >= 10 and span < _SUDDEN * outcome.turns:
        notes.append(
            f"nine tenths of the extracted particles leave within {span:.0f} of {outcome.turns} turns: the programme "
            f"extracts everything at once"
        )
    return notes


def _no_way_out(setup: SpillSetup) -> str:
    """Why a beam may stay in the ring."""
    if not any(is_nonlinear(setup.ring, element) for element in setup.ring.elements):
        return "the ring has no sextupole that is on, and nothing drives the resonance"
    return (
        f"its programme does not bring the beam into the resonance, or the arms do not lead to the wires at x = "
        f"{1e3 * setup.septum.position:g} mm"
    )


class _Bar:
    """Shows turns done, or passes them on."""

    def __init__(self, turns: int, progress: Progress | bool) -> None:
        self._turns, self._progress, self._bar = turns, progress, None

    def __enter__(self) -> Progress:
        if callable(self._progress):
            return self._progress
        if not self._progress:
            return lambda _: None
        from tqdm import tqdm

        bar = self._bar = tqdm(total=self._turns, unit="turn", unit_scale=True)

        def show(done: int) -> None:
            bar.update(done - bar.n)

        return show

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()
