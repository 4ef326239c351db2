"""How ripple of the magnets' supplies comes through to the spill: by exact triangles, and tracked at known lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import pi

import numpy as np
import pandas as pd

from extraction.drivers.drivers import BetatronCore, Ripple
from extraction.resonance.stack import WaitingStack
from extraction.resonance.steinbach import leaving_momentum
from extraction.resonance.third_integer import third_integer_resonance
from extraction.resonance.variations import varied_families
from extraction.septum import Septum
from extraction.spill.setup import Progress
from extraction.spill.spectrum import transfer_function
from extraction.spill.tracking import track_spill
from extraction.spill.waiting_beam import stack_beam
from lattice import InputError, NoSolution
from lattice.arrays import Array

_WINDOW = 0.1  # s of a slice, or
_PART = 0.4  # of the spill
_SETTLED = 0.2  # of a slice pass before its rate is that of the spill
_LINES, _FASTEST = 7, 3000.0  # of the transfer function [Hz]
_DEPTH = 0.25  # of the modulation that each known line shall give
_LARGEST = 0.05  # ripple: a family that needs more does not move the beam
_RELATIVE = 1e-4  # step of differences
_FEWEST = 50  # particles of a slice


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
class SpillSlice:
    """A slice of ``window`` [s] out of the middle of a spill of ``duration`` [s] that a core drives evenly.

    ``count`` particles of it are tracked, drawn with ``seed`` + 1: not those of the spill itself.
    """

    stack: WaitingStack
    septum: Septum
    duration: float
    count: int
    seed: int
    progress: Progress | bool = False

    @property
    def window(self) -> float:
        """Length of the slice [s]: 0.1 s, or 0.4 of a shorter spill."""
        return min(_WINDOW, _PART * self.duration)

    @property
    def speed(self) -> float:
        """dp/p per second at which the stack moves."""
        return self.stack.reach / self.duration

    @property
    def slowest(self) -> float:
        """Frequency [Hz] from which lines can be told apart, by 2 periods of what is looked at."""
        return 2.2 / ((1 - _SETTLED) * self.window)

    def depth(self, frequency: float, shift: float) -> float:
        """Relative ripple that modulates the rate by the depth looked for: depth |speed| / (2 pi f |shift|)."""
        return _DEPTH * abs(self.speed) / (2 * pi * frequency * max(abs(shift), 1e-12))

    def expected(self, frequency: float, shift: float) -> float:
        """Modulation of the rate over the ripple: 2 pi f |shift| / |speed|, as long as a period is long."""
        return 2 * pi * frequency * abs(shift) / abs(self.speed)


def ripple_response(piece: SpillSlice, parameter: str) -> Response:
    """The slice with known ripple: of ``parameter`` at several frequencies, then of every family at once.

    NoSolution where too few particles leave within the slice; InputError for a parameter that moves no magnet.
    """
    shifts = leaving_shifts(piece.stack)
    if parameter not in shifts:
        raise InputError(f"'{parameter}' is no family of magnets that is on: those are {', '.join(shifts)}")
    beam, first = sliced_beam(piece), piece.slowest
    frequencies = np.geomspace(first, max(_FASTEST, 30 * first), _LINES)
    transfer = _with_ripple(piece, beam, {parameter: shifts[parameter]}, list(frequencies))
    names = [name for name, shift in shifts.items() if piece.depth(first, shift) < _LARGEST]
    lines = [first * (i + 2) for i in range(len(names))]
    families = _with_ripple(piece, beam, {name: shifts[name] for name in names}, lines)
    rows = families.set_index("family").reindex(list(shifts))
    rows["shift"] = pd.Series(shifts)
    return Response(parameter, piece.window, len(beam), transfer, rows.reset_index(names="family"))


def leaving_shifts(stack: WaitingStack) -> dict[str, float]:
    """Change of the leaving momentum per relative change of each family, for the middle amplitude, exact.

    A particle leaves where the stable area equals its own: d delta = -(dA/d ln k) / (dA/d delta).
    """
    delta = stack.diagram.leaving_at(0.6 * stack.beam.edge_amplitude)
    step = 0.02 * abs(delta - stack.diagram.resonant)
    slope = (_area(stack, delta + step) - _area(stack, delta - step)) / (2 * step)
    found = {}
    for name in varied_families(stack.ring):
        here = float(stack.ring.parameters[name])
        ends = [_area(stack, delta, {name: here * (1 + sign * _RELATIVE)}) for sign in (1, -1)]
        found[name] = -(ends[0] - ends[1]) / (2 * _RELATIVE) / slope
    return found


def _area(stack: WaitingStack, delta: float, parameters: Mapping[str, float] | None = None) -> float:
    ring = stack.ring.with_parameters(parameters or {})
    return third_integer_resonance(ring, at=stack.at, delta=delta, fringe=stack.fringe).stable_area


def sliced_beam(piece: SpillSlice) -> Array:
    """Particles (n, 6) that leave within the window in the middle of an evenly driven spill.

    A particle whose amplitude leaves at momentum d is released when the stack has moved by d minus its own momentum.
    """
    stack, diagram = piece.stack, piece.stack.diagram
    travel = abs(piece.speed) * piece.window
    unsure = 0.1 * abs(stack.edge - diagram.resonant)
    share = min(1.0, (travel + 2 * unsure) / stack.beam.span)
    drawn = int(1.3 * piece.count / share) + 200
    states = stack_beam(stack, drawn, seed=piece.seed + 1, shift=0.5 * stack.reach)
    leaving = leaving_momentum(diagram.table, stack.amplitudes(states), diagram.side)
    to_go: Array = np.sign(stack.reach) * (leaving - states[:, 5])
    chosen = np.flatnonzero((to_go > -unsure) & (to_go < travel + unsure))[: piece.count]
    if len(chosen) < _FEWEST:
        raise NoSolution(f"only {len(chosen)} particles leave within {piece.window:g} s")
    return np.asarray(states[chosen])


def _with_ripple(
    piece: SpillSlice, beam: Array, shifts: Mapping[str, float], frequencies: Sequence[float]
) -> pd.DataFrame:
    """Transfer function at known lines: all of one family, or one of each family."""
    names = list(shifts) if len(shifts) > 1 else list(shifts) * len(frequencies)
    pairs = list(zip(names, frequencies, strict=True))
    lines = [(piece.depth(f, shifts[name]), f, 0.0) for name, f in pairs]
    ripple = [
        Ripple(name, tuple(line for other, line in zip(names, lines, strict=True) if other == name)) for name in shifts
    ]
    stack, window = piece.stack, piece.window
    turns = max(1, round(window / stack.revolution_time))
    spill = track_spill(
        stack.ring,
        stack.particle,
        beam,
        BetatronCore(((0.0, 0.0), (window, piece.speed * window))),
        piece.septum,
        turns=turns,
        seed=piece.seed,
        ripple=ripple,
        fringe=stack.fringe,
        progress=piece.progress,
    )
    times, stop = spill.extracted["time"].to_numpy(), turns * stack.revolution_time
    table = transfer_function(times, lines, start=_SETTLED * window, stop=stop)
    return table.assign(family=names, expected=[piece.expected(f, shifts[name]) for name, f in pairs])
