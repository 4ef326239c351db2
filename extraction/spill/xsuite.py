"""Spill tracking element by element with Xsuite: the reference for the sectional maps, thousands of times slower.

Xsuite tracks all particles for as long as settings are held. Particles whose own clock has run into another moment wait
for it, so that each sees the settings of its own time. Of every turn's start the coordinates are kept, and the first at
which the septum takes a particle ends it; what Xsuite tracked beyond is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from extraction.drivers.drivers import PhaseDisplacement, RFKnockout, programme_values
from extraction.drivers.excitation import envelope
from extraction.spill.fate import APERTURE, CATHODE, CIRCULATES, UNBOUNDED, fate
from extraction.spill.lanes.rows import CUT, DELTA_LEFT, PX_LEFT, PY_LEFT, TIME, TURN, X_LEFT, Y_LEFT
from extraction.spill.setup import Progress, SpillOutcome, SpillSetup, ctrl_c, empty_record
from lattice import RFCavity
from lattice.arrays import Array
from lattice.reference import SPEED_OF_LIGHT
from optics import twiss
from optics.compiled import compiled
from optics.maps.lattices.turns import turns

if TYPE_CHECKING:
    from optics.engines.xsuite.tracker import Run


_SAMPLES = 256  # of the exciter's signal in a period: its phase is within 0.012 rad
_HISTORY = 4_000_000  # particle-turns kept at a time
_ORBITS = 9  # closed orbits between which the revolution time against momentum is interpolated


def track_elements(setup: SpillSetup, progress: Progress) -> SpillOutcome:
    """Track a spill; Ctrl-C ends it early with what was found so far.

    Raises InputError for a context (GPU) that is not there, LatticeError for elements that Xsuite cannot express.
    """
    flock, runner = _Flock.of(setup), _Runner(setup)
    interrupted = False
    with ctrl_c() as pressed:
        while not interrupted and len(going := flock.going(setup.turns)):
            moment = flock.moments(setup)[going]
            now = int(np.min(moment))
            _one_run(setup, flock, runner, going[moment == now], now)
            progress(flock.turns_done(setup.turns))
            interrupted = pressed()
    return SpillOutcome(
        status=flock.status,
        record=flock.record,
        coordinates=_coordinates(setup, flock),
        turns=flock.turns_done(setup.turns),
        places=tuple(range(len(setup.ring))),
        interrupted=interrupted,
    )


@dataclass(frozen=True, eq=False)
class _Flock:
    """All particles, changed in place as they are tracked.

    ``coordinates`` (n, 5) x, px, y, py in units of the reference momentum, and the momentum deviation without the
    schedule's shift; ``clock`` [s]; ``turn`` that comes next; ``status`` and ``record`` as in SpillOutcome.
    """

    coordinates: Array
    clock: Array
    turn: Array
    status: Array
    record: Array

    @staticmethod
    def of(setup: SpillSetup) -> _Flock:
        given, count = setup.coordinates, len(setup.coordinates)
        clock = -given[:, 4] / (setup.particle.beta * SPEED_OF_LIGHT)
        start = np.zeros(count, dtype=np.int64)
        return _Flock(given[:, [0, 1, 2, 3, 5]], clock, start, start + CIRCULATES, empty_record(count))

    def going(self, last: int) -> Array:
        """Numbers of the particles that have turns to do."""
        return np.flatnonzero((self.status == CIRCULATES) & (self.turn < last))

    def moments(self, setup: SpillSetup) -> Array:
        """Number of the moment that the next turns of each particle fall into, by its own clock."""
        moment = setup.turns_each * setup.revolution_time
        return np.maximum(np.floor(self.clock / moment + 0.5), 0.0).astype(np.int64)

    def turns_done(self, last: int) -> int:
        """Turns that all of them have done."""
        left = self.turn[self.status == CIRCULATES]
        return int(np.min(left)) if len(left) else last


class _Runner:
    """Xsuite's ring with the schedule's settings, signals and reference momentum."""

    def __init__(self, setup: SpillSetup) -> None:
        from optics.engines.xsuite.tracker import XsuiteTracker  # here: Xsuite takes seconds to import

        self._setup, schedule = setup, setup.schedule
        knockout, buckets = schedule.knockout, schedule.buckets
        self._in_turn = 0 if knockout is None else _SAMPLES * ceil(knockout.tune + knockout.bandwidth)
        self._lead = setup.turns_each // 2 + 2  # turns that a particle may begin before its moment, and behind it
        self._samples = self._in_turn * (setup.turns_each + 2 * self._lead + 2)
        self._buckets = None if buckets is None else _Buckets.of(setup, buckets)
        self.tracker = XsuiteTracker(
            setup.ring,
            setup.particle,
            setup.fringe,
            setup.start,
            apertures=setup.apertures,
            exciter_at=None if knockout is None else setup.ring.index(knockout.at),
            samples=self._samples,
            cavity_at=None if buckets is None else _cavity_place(setup),
            context=setup.context,
            threads=setup.threads or 1,
            settings=schedule.settings,
        )

    @property
    def longest(self) -> int:
        """Turns of a run: one where a cavity's phase is set for each."""
        return self._setup.turns_each if self._buckets is None else 1

    def prepare(self, now: int, momentum: float) -> None:
        """Settings and signals of moment ``now``."""
        setup, schedule = self._setup, self._setup.schedule
        if schedule.settings:
            values = schedule.values(setup.moments(now, 1))
            self.tracker.set({name: float(value[0]) for name, value in values.items()})
        if schedule.knockout is not None:
            self.tracker.excite(
                self._signal(schedule.knockout, now), self._in_turn / setup.revolution_time, momentum, self._lead
            )
        if self._buckets is not None:
            voltage, frequency, phase = self._buckets.at(now, self.tracker.length / self.tracker.velocity(momentum))
            self.tracker.accelerate(voltage, frequency, phase)

    def _signal(self, knockout: RFKnockout, now: int) -> Array:
        """The exciter's kicks [rad] from some turns before moment ``now``, each in the middle of its sample."""
        setup, revolution = self._setup, self._setup.revolution_time
        first = now * setup.turns_each - self._lead
        times = (first + (np.arange(self._samples) + 0.5) / self._in_turn) * revolution
        carrier = np.exp(2j * np.pi * (knockout.tune / revolution * times))
        return np.asarray((envelope(knockout, times, 1 / revolution) * carrier).real)


def _one_run(setup: SpillSetup, flock: _Flock, runner: _Runner, who: Array, now: int) -> None:
    """Some turns of the particles ``who`` in moment ``now``, and what becomes of them."""
    who = who[: max(_HISTORY // setup.turns_each, 1)]
    count = int(min(runner.longest, np.min(setup.turns - flock.turn[who])))
    frame = _Frame.of(setup, now)
    runner.prepare(now, frame.momentum)
    run = runner.tracker.track(frame.local(flock.coordinates[who], flock.clock[who]), count, frame.momentum)
    end, left = _ends(run, setup.geometry)
    lost, numbers = end > CATHODE, np.arange(len(who))
    start = run.coordinates[left, numbers]  # of the turn in which it left, or of the next one
    flock.clock[who] = frame.time(start[:, 4], left)
    flock.coordinates[who] = frame.absolute(np.where(lost[:, None], run.lost, start))
    flock.turn[who] += left
    flock.status[who] = end
    gone = end != CIRCULATES
    _write_down(flock, who[gone], np.where(lost, run.place, -1)[gone])


@dataclass(frozen=True)
class _Frame:
    """Xsuite's coordinates in one moment: about the momentum [eV/c] that the magnets are set for, times from ``begin``.

    ``scale``: the reference momentum over that one; ``shift`` of the momentum deviation; ``velocity`` [m/s] at the
    magnets' momentum; ``length`` [m] of a turn.
    """

    begin: float
    momentum: float
    scale: float
    shift: float
    velocity: float
    length: float

    @staticmethod
    def of(setup: SpillSetup, now: int) -> _Frame:
        middle = setup.moments(now, 1)
        scale = float(setup.schedule.scale(middle)[0])
        momentum = setup.particle.momentum / scale
        return _Frame(
            begin=now * setup.turns_each * setup.revolution_time,
            momentum=momentum,
            scale=scale,
            shift=float(setup.schedule.shift(middle)[0]),
            velocity=SPEED_OF_LIGHT * momentum / float(np.hypot(momentum, setup.particle.mass)),
            length=float(setup.ring.length),
        )

    def local(self, coordinates: Array, clock: Array) -> Array:
        """Xsuite's coordinates (n, 6) of a flock's (n, 5)."""
        x, px, y, py, own = coordinates.T
        delta = (1.0 + own + self.shift) * self.scale - 1.0
        return np.stack([x, px * self.scale, y, py * self.scale, -self.velocity * (clock - self.begin), delta], axis=1)

    def absolute(self, local: Array) -> Array:
        """A flock's coordinates (n, 5) of Xsuite's (n, 6)."""
        x, px, y, py, _, delta = local.T
        own = (1.0 + delta) / self.scale - 1.0 - self.shift
        return np.stack([x, px / self.scale, y, py / self.scale, own], axis=1)

    def time(self, zeta: Array, turns: Array) -> Array:
        """Time [s] of particles with ``zeta`` at the start of a turn of a run."""
        return np.asarray(self.begin + (turns * self.length - zeta) / self.velocity)


def _ends(run: Run, geometry: tuple[float, ...]) -> tuple[Array, Array]:
    """What becomes of each particle (n,) in a run, and in which of its turns; the number of turns if it goes on."""
    ends = _fates(run.coordinates[:-1], geometry)
    left = np.argmax(ends != CIRCULATES, axis=0)
    end = ends[left, np.arange(ends.shape[1])]
    lost = (end == CIRCULATES) & (run.place >= 0)
    end[lost] = np.where(run.unbounded[lost], UNBOUNDED, APERTURE)
    left[end == CIRCULATES] = len(ends)
    left[lost] = run.turn[lost]
    return end, left


def _write_down(flock: _Flock, gone: Array, place: Array) -> None:
    record = flock.record
    record[gone[:, None], [X_LEFT, PX_LEFT, Y_LEFT, PY_LEFT, DELTA_LEFT]] = flock.coordinates[gone]
    record[gone, TURN], record[gone, TIME], record[gone, CUT] = flock.turn[gone], flock.clock[gone], place


@compiled
def _fates(history: Any, geometry: Any) -> Any:
    """What the septum does with each particle at the start of each turn; history (turns, n, 6) may hold nan."""
    ends = np.zeros(history.shape[:2], dtype=np.int64)
    for turn in range(history.shape[0]):
        for i in range(history.shape[1]):
            x, px, delta = history[turn, i, 0], history[turn, i, 1], history[turn, i, 5]
            if x == x:
                ends[turn, i] = fate(x, px / (1.0 + delta), geometry)
    return ends


def _coordinates(setup: SpillSetup, flock: _Flock) -> Array:
    """x, px, y, py, zeta, delta (n, 6) of what circulates, about the reference particle; nan for the others."""
    late = flock.turn * setup.revolution_time - flock.clock
    delta = flock.coordinates[:, 4] + setup.schedule.shift(flock.clock)
    velocity = setup.particle.beta * SPEED_OF_LIGHT
    all_ = np.column_stack([flock.coordinates[:, :4], velocity * late, delta])
    return np.where((flock.status == CIRCULATES)[:, None], all_, np.nan)


def _cavity_place(setup: SpillSetup) -> int:
    """The ring's cavity, or where the dispersion is smallest: elsewhere a change of momentum moves the orbit."""
    cavities = [i for i, element in enumerate(setup.ring.elements) if isinstance(element, RFCavity)]
    if cavities:
        return cavities[0]
    dispersion = twiss(setup.ring, setup.particle, fringe=setup.fringe, chromatic=False).table["dx"].to_numpy()
    return int(np.argmin(np.abs(dispersion[:-1])))


@dataclass(frozen=True, eq=False)
class _Buckets:
    """RF of the buckets: ``frequency`` [Hz] in each moment, of ``duration`` [s], and ``passed``, periods before it."""

    volt: float
    frequency: Array
    passed: Array
    duration: float

    @staticmethod
    def of(setup: SpillSetup, buckets: PhaseDisplacement) -> _Buckets:
        """The frequency is harmonic over the revolution time at the buckets' centre."""
        duration = setup.turns_each * setup.revolution_time
        moments = setup.moments(0, 2 + int(1.05 * setup.turns / setup.turns_each))
        frequency = buckets.harmonic / _revolution_times(setup, programme_values(buckets.programme, moments))
        passed = np.concatenate([[0.0], np.cumsum(frequency[:-1])]) * duration
        return _Buckets(buckets.volt, frequency, passed, duration)

    def at(self, now: int, flight: float) -> tuple[float, float, float]:
        """Voltage, frequency and phase for a turn in moment ``now``, the phase counted to the end of the turn."""
        now = min(now, len(self.frequency) - 1)
        frequency = float(self.frequency[now])
        return self.volt, frequency, 2 * np.pi * float((self.passed[now] + frequency * flight) % 1.0)


def _revolution_times(setup: SpillSetup, deltas: Array) -> Array:
    """Time of a turn [s] on the closed orbit at momentum deviations: a polynomial through some of them."""
    turn = turns(setup.ring, setup.particle, setup.fringe, slices=1, first_element=setup.start)[0]
    points = np.linspace(np.min(deltas) - 1e-6, np.max(deltas) + 1e-6, _ORBITS)
    orbits = np.stack([turn.closed_orbit(float(delta)) for delta in points])
    slip = (turn.track(orbits) - orbits)[:, 4]
    times = (float(setup.ring.length) - slip) / (setup.particle.beta * SPEED_OF_LIGHT)
    return np.asarray(np.polynomial.Polynomial.fit(points, times, 4)(deltas))
