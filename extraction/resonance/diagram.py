"""The Steinbach diagram of a waiting stack: wedge, sampled stack, and the momenta at which its particles leave.

The stack waits with its edge at the wedge: its largest amplitude is just stable at the stack's nearest momentum (PIMMS,
CERN-PS-99-010-DI, section 3.6).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
import pandas as pd

from extraction.resonance.momenta import Case, resonant_momentum
from extraction.resonance.steinbach import (
    ExtractedBeam,
    Stack,
    extracted_beam,
    leaving_momentum,
    waiting_stack,
    wedge,
)
from lattice import Lattice, NoSolution, ReferenceParticle
from lattice.arrays import Array
from optics import Beam

_CASES = 7  # momenta between the smallest and the largest amplitude
_SMALLEST = 0.25  # of the edge's amplitude: nearer to the tip of the wedge arms take ever more turns
_BRANCH = 13  # momenta of the wedge on the stack's side
_USUAL = 1e-3  # full width of dp/p where none is known


@dataclass(frozen=True)
class WaitingBeam:
    """A stack that waits: geometric rms ``emittances`` (x, y) [m], full ``width`` of dp/p, size in ``sigmas``."""

    emittances: tuple[float, float]
    width: float
    sigmas: float

    @property
    def span(self) -> float:
        """Full width of dp/p; 1e-3 where there is none."""
        return self.width or _USUAL

    @property
    def edge_amplitude(self) -> float:
        """Largest horizontal amplitude [m^1/2]."""
        return self.sigmas * sqrt(self.emittances[0])


@dataclass(frozen=True, eq=False)
class Steinbach:
    """``resonant`` momentum, ``table`` of the wedge, the sampled ``stack``, momenta at which it is ``leaving``.

    ``side``: +1 where the stack waits above the resonant momentum, -1 below.
    """

    resonant: float
    side: float
    table: pd.DataFrame
    stack: Stack
    leaving: Array

    def leaving_at(self, amplitude: float) -> float:
        """Momentum at which an amplitude [m^1/2] leaves; nan beyond the wedge."""
        return float(leaving_momentum(self.table, np.array([amplitude]), self.side)[0])

    def extracted_momenta(self, edge: float) -> Array:
        """Momenta, rising, at which amplitudes up to ``edge`` [m^1/2] leave. NoSolution where fewer than two do."""
        amplitudes = np.linspace(_SMALLEST, 1.0, _CASES) * edge
        momenta = leaving_momentum(self.table, amplitudes, self.side)
        momenta = np.sort(momenta[np.isfinite(momenta)])
        if len(momenta) < 2:
            raise NoSolution(
                f"the stable triangle holds no particle of the beam (edge {edge:.3g} m^1/2): amplitudes stable over "
                f"the stack's momenta are {self.table['exact'].min():.3g} to {self.table['exact'].max():.3g} m^1/2"
            )
        return np.asarray(momenta)

    def extracted(self, cases: Sequence[Case], seed: int) -> ExtractedBeam | None:
        """The beam at the wires, by the arms of ``cases``; momenta beyond the outermost arms take those arms.

        None where nothing leaves or fewer than two momenta have an arm.
        """
        arms = [(case.delta, case.arm) for case in cases if case.arm]
        momenta = self.leaving[np.isfinite(self.leaving)]
        if len(arms) < 2 or not len(momenta):
            return None
        deltas = [delta for delta, _ in arms]
        return extracted_beam(arms, np.clip(momenta, min(deltas), max(deltas)), seed=seed)


def steinbach_of(
    ring: Lattice,
    particle: ReferenceParticle,
    at: str,
    beam: WaitingBeam,
    *,
    side: float,
    count: int,
    seed: int,
    fringe: str = "full",
) -> Steinbach:
    """The diagram at place ``at`` for a stack on ``side`` of the resonant momentum, ``count`` particles sampled.

    NoSolution where there is no triangle on that side, or the edge of the beam is unstable at every momentum near.
    """
    resonant = resonant_momentum(ring, fringe=fringe)
    steps = (np.arange(1, _BRANCH + 1) / _BRANCH) ** 1.5
    deltas = resonant + side * beam.span * np.concatenate([-0.5 * steps[::3], steps])
    table = wedge(ring, None, at, sorted(deltas), fringe)
    known = table.dropna(subset=["exact"])
    if (known["delta"] * side > resonant * side).sum() < 2:
        raise NoSolution(f"no stable triangle on the side of the stack of the resonant momentum {resonant:.4g}")
    edge = float(leaving_momentum(table, np.array([beam.edge_amplitude]), side)[0])
    if not np.isfinite(edge):
        raise NoSolution(f"the beam's edge is unstable at every momentum within {beam.span:g} of the resonant one")
    stack = _sampled(particle, beam, edge + side * beam.width / 2, count, seed)
    return Steinbach(resonant, side, table, stack, leaving_momentum(table, stack.amplitude, side))


def _sampled(particle: ReferenceParticle, beam: WaitingBeam, centre: float, count: int, seed: int) -> Stack:
    """Particles of the stack, evenly over its momenta about ``centre``, up to the edge of the beam."""
    one = Beam(particle, emittance_x=beam.emittances[0], emittance_y=beam.emittances[1], delta=centre)
    drawn = waiting_stack(one, count, seed=seed, full_width=beam.width)
    inside = drawn.amplitude <= beam.edge_amplitude
    return Stack(drawn.delta[inside], drawn.amplitude[inside])
