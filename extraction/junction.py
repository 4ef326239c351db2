"""Where ring and line meet: from the septum's kicks to the entrance of the extraction line.

What leaves the wires is kicked, flies to the magnetic septum and is there a narrow bar in x, beside the ring's orbit
and at an angle to it. The line's axis is laid through its middle: the frame is moved by (x, y), then turned so that the
mean direction is along s. Both are elements of a lattice (``Translation``, ``YRotation``, ``XRotation``), exact at any
offset and angle, so that ring, junction and line are one survey and one tracking.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import atan2, hypot, sqrt
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from extraction.septum import Septum, at_magnetic_septum, between_septa
from lattice import InputError, Lattice, ReferenceParticle, SRotation, Translation, XRotation, YRotation, survey
from lattice.arrays import Array
from optics import Moments, track

if TYPE_CHECKING:
    from extraction.spill.tracking import Spill

_COLUMNS = ("x", "px", "y", "py", "zeta", "delta")


@dataclass(frozen=True)
class Junction:
    """The frame of a line at the magnetic septum: its axis at ``x``, ``y`` [m] and angles to the ring's orbit there.

    ``angle_x``, ``angle_y`` [rad] of the axis (positive: towards +x, +y), ``roll`` [rad] of the line about its axis.
    """

    x: float = 0.0
    y: float = 0.0
    angle_x: float = 0.0
    angle_y: float = 0.0
    roll: float = 0.0

    @classmethod
    def through(cls, states: Array, roll: float = 0.0) -> Junction:
        """The axis through the mean position and direction of coordinates (n, 6) at the magnetic septum."""
        x, px, y, py, _, delta = np.asarray(states, dtype=float).mean(axis=0)
        along = sqrt((1.0 + delta) ** 2 - px**2 - py**2)
        return cls(float(x), float(y), atan2(px, along), atan2(py, hypot(px, along)), roll)

    @property
    def elements(self) -> tuple[Translation, YRotation, XRotation, SRotation]:
        """The move and the turns in order; none has length."""
        return (
            Translation("junction_move", dx=self.x, dy=self.y),
            YRotation("junction_turn_x", angle=self.angle_x),
            XRotation("junction_turn_y", angle=-self.angle_y),
            SRotation("junction_roll", angle=self.roll),
        )

    @cached_property
    def lattice(self) -> Lattice:
        """These as a lattice."""
        return Lattice("junction", elements=self.elements)

    def entering(self, particle: ReferenceParticle, states: Array) -> Array:
        """Coordinates (n, 6) in the frame of the line, of what has ``states`` (n, 6) in that of the ring."""
        return np.asarray(track(self.lattice, particle, states, apertures=False).coordinates)

    def leaving(self, particle: ReferenceParticle, states: Array) -> Array:
        """The way back: coordinates in the frame of the ring."""
        return np.asarray(
            track(self.lattice.reversed(), particle, _turned(states), apertures=False).coordinates @ _BACK
        )

    def beside(self, ring: Lattice, septum: Septum) -> dict[str, float]:
        """Where the line begins on the floor of the ring: X, Y, Z [m], theta, phi, psi [rad], for ``survey``."""
        last = between_septa(ring, septum)[2] % len(ring)
        floor = survey(ring)
        here = {name: float(floor[name][last]) for name in _FLOOR}
        end = survey(self.lattice, **here)
        return {name: float(end[name][-1]) for name in _FLOOR}


_FLOOR = ("X", "Y", "Z", "theta", "phi", "psi")
_BACK = np.diag([1.0, -1.0, 1.0, -1.0, -1.0, 1.0])


def _turned(states: Array) -> Array:
    return np.asarray(states @ _BACK)


@dataclass(frozen=True, eq=False)
class ExtractedBeam:
    """What a spill gives to a line: ``states`` (n, 6) at the magnetic septum in the frame of the ring, ``time`` (n,)
    [s] of each, and the ``particle``."""

    states: Array
    time: Array
    particle: ReferenceParticle

    @property
    def junction(self) -> Junction:
        """The axis through the middle of all of it."""
        return Junction.through(self.states)

    def coordinates(self, junction: Junction | None = None) -> Array:
        """Coordinates (n, 6) at the entrance of the line; zeta is of the turn, so 0 here: time tells when."""
        found = (junction or self.junction).entering(self.particle, self.states)
        return np.asarray(found * [1.0, 1.0, 1.0, 1.0, 0.0, 1.0])

    def moments(self, junction: Junction | None = None) -> Moments:
        """All second moments of these, with what x, delta and y have in common."""
        return Moments.of_particles(self.particle, self.coordinates(junction))

    def drift_in_time(self) -> dict[str, float]:
        """How x, px and delta of the beam move from the beginning of the spill to its end: slopes times duration."""
        span = float(np.ptp(self.time))
        if not span > 0:
            return dict.fromkeys(("x", "px", "delta"), 0.0)
        slopes = {
            name: np.polyfit(self.time, self.states[:, i], 1)[0] for name, i in (("x", 0), ("px", 1), ("delta", 5))
        }
        return {name: float(slope * span) for name, slope in slopes.items()}


def extracted_beam(ring: Lattice, septum: Septum, spill: Spill, fringe: str = "full") -> ExtractedBeam:
    """The beam that a spill has thrown over the wires, flown to the magnetic septum.

    Returns:
        ExtractedBeam: coordinates (n, 6) [m, 1] at the entrance of the magnetic septum, times [s], particle.

    Raises:
        InputError: fewer than two particles were extracted, or the septum names no magnetic one.
    """
    table: pd.DataFrame = spill.extracted
    if len(table) < 2:
        raise InputError(f"the spill extracted {len(table)} particles: no beam enters the line (see spill.lost)")
    start = table[list(_COLUMNS)].to_numpy(dtype=float)
    states = at_magnetic_septum(ring, spill.particle, septum, start, fringe)
    return ExtractedBeam(states, table["time"].to_numpy(dtype=float), spill.particle)


def missed(junction: Junction, beam: ExtractedBeam) -> tuple[float, float]:
    """How far the middle of another beam lies from the axis of a junction: (offset [m], angle [rad]) in x."""
    mean = beam.coordinates(junction).mean(axis=0)
    return float(mean[0]), float(mean[1])
