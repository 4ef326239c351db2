"""What both trackers of a spill are given, and what they give back."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from extraction.drivers.schedule import Schedule
from extraction.septum import Septum
from extraction.spill.lanes.rows import N_RECORD
from lattice import Lattice, ReferenceParticle
from lattice.arrays import Array

#: Called with the turns done so far.
Progress = Callable[[int], None]

_FINEST = 32  # moments to a period of the fastest ripple
_LONGEST = 32  # turns


@dataclass(frozen=True, eq=False)
class SpillSetup:
    """A spill to be tracked: all turns begin at the entrance of element ``start``, the electrostatic septum.

    ``coordinates`` (n, 6) x, px, y, py, zeta, delta there. Settings hold for ``turns_each`` turns, sampled in the
    middle; ``revolution_time`` [s] is that of the reference particle.
    """

    ring: Lattice
    particle: ReferenceParticle
    schedule: Schedule
    septum: Septum
    start: int
    coordinates: Array
    turns: int
    turns_each: int
    revolution_time: float
    fringe: str
    apertures: bool
    threads: int | None
    context: str

    @property
    def duration(self) -> float:
        """Time [s] of all turns."""
        return self.turns * self.revolution_time

    def moments(self, first: int, count: int) -> Array:
        """Times [s] of ``count`` moments from number ``first``: the middle of each block of turns."""
        return (np.arange(first, first + count) + 0.5) * self.turns_each * self.revolution_time

    @property
    def geometry(self) -> tuple[float, ...]:
        """The septum as ``fate`` takes it."""
        septum = self.septum
        return (
            float(septum.side),
            float(septum.position),
            float(septum.thickness),
            float(septum.length),
            float(septum.angle),
            float(abs(septum.kick)),
            float(septum.gap),
        )


@dataclass(frozen=True, eq=False)
class SpillOutcome:
    """``status`` (n,) and ``record`` (n, N_RECORD) as in ``lanes.rows``; ``coordinates`` (n, 6) of what
    still circulates.

    The cut column of ``record`` is a number in ``places``, elements of the ring (-1: the septum); ``turns`` were
    done, ``notes`` are for the user. What the tracker is known to miss: ``misfit`` of the nonlinear part of a turn,
    ``missed`` [m] at the wires.
    """

    status: Array
    record: Array
    coordinates: Array
    turns: int
    places: tuple[int, ...]
    interrupted: bool = False
    misfit: float = 0.0
    missed: float = 0.0
    notes: tuple[str, ...] = ()


def empty_record(count: int) -> Array:
    """A record of nothing (count, N_RECORD)."""
    return np.full((count, N_RECORD), np.nan)


def turns_between_settings(schedule: Schedule, revolution_time: float) -> int:
    """Turns for which settings may be held: 32 moments to the fastest ripple's period, 32 turns at most.

    A power of two: a multiple of three would repeat small steps in phase with the third-integer resonance.
    """
    longest = _LONGEST
    if schedule.highest_frequency > 0:
        longest = min(longest, int(1.0 / (_FINEST * schedule.highest_frequency * revolution_time)))
    if schedule.buckets is not None:
        longest = min(longest, 16)
    return 1 << max(longest, 1).bit_length() - 1


@contextmanager
def ctrl_c() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C was pressed, asked for when it is convenient; pressed a second time it acts at once."""
    pressed = False
    if threading.current_thread() is not threading.main_thread():  # only the main thread hears it
        yield lambda: False
        return
    before = signal.getsignal(signal.SIGINT)

    def note(*_: object) -> None:
        nonlocal pressed
        pressed = True
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, note)
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, before)
