"""The stack that waits beside the wedge of the resonance: where it stands and how far it has to be moved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from extraction.resonance.diagram import Steinbach, WaitingBeam
from extraction.resonance.sextupoles import resonant_mode
from lattice import Lattice, ReferenceParticle
from lattice.arrays import Array
from lattice.reference import SPEED_OF_LIGHT
from optics import Beam, twiss

_ORBIT, _SLOPE = ("x", "px", "y", "py"), ("dx", "dpx", "dy", "dpy")
_MARGIN = 1.03  # of the way that brings the last particle to the resonance


@dataclass(frozen=True, eq=False)
class WaitingStack:
    """A beam of a ring that waits for extraction at place ``at``; its near edge is where the largest amplitude leaves.

    ``fringe``: model of the bends' edges.
    """

    ring: Lattice
    particle: ReferenceParticle
    at: str
    diagram: Steinbach
    beam: WaitingBeam
    fringe: str = "full"

    @property
    def revolution_time(self) -> float:
        """Of the reference particle [s]."""
        return float(self.ring.length) / (self.particle.beta * SPEED_OF_LIGHT)

    @property
    def edge(self) -> float:
        """Momentum at which the largest amplitude leaves: the near end of the stack."""
        return self.diagram.leaving_at(self.beam.edge_amplitude)

    @property
    def far_end(self) -> float:
        """Momentum of the far end of the stack."""
        return self.inwards(self.beam.span)

    @property
    def reach(self) -> float:
        """Momentum by which the stack has to move for its far end to come to the resonance, and 3 % more."""
        return _MARGIN * (self.diagram.resonant - self.far_end)

    def inwards(self, way: float) -> float:
        """Momentum that lies ``way`` behind the near edge."""
        return self.edge + self.diagram.side * way

    def as_beam(self, width: float | None = None, shift: float = 0.0) -> Beam:
        """The stack, or one of another ``width`` with the same near edge, after it has moved by ``shift`` in dp/p."""
        centre = self.inwards((self.beam.span if width is None else width) / 2) + shift
        emittances = self.beam.emittances
        return Beam(self.particle, emittance_x=emittances[0], emittance_y=emittances[1], delta=centre)

    def stable_amplitude(self, delta: float) -> float:
        """Largest stable amplitude [m^1/2] at a momentum."""
        table = self.diagram.table.dropna(subset=["exact"]).sort_values("delta")
        return float(np.interp(delta, table["delta"], table["exact"]))

    def amplitudes(self, states: Array) -> Array:
        """Amplitude [m^1/2] in the mode of the resonance of coordinates (n, 6) about the orbit of each momentum."""
        middle = float(np.mean(states[:, 5]))
        optics = twiss(self.ring, fringe=self.fringe, delta=middle)
        orbit, slope = (np.array([optics[name][0] for name in names]) for names in (_ORBIT, _SLOPE))
        off = states[:, 5, None] - middle
        seen = resonant_mode(optics, 0).normalised(states[:, :4] - orbit - off * slope)
        return np.asarray(np.linalg.norm(seen, axis=1))
