"""The arm at the wires of many rings as built: what leading order says that errors do to the exact arm without them.

Operators set the tune again after the errors, so that each ring is as far from the resonance as the one without them,
and turn the wires to its arm.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from extraction.resonance.arms import Arm
from extraction.resonance.kobayashi import Kobayashi, LeadingArm
from extraction.resonance.modes import alpha_of, beta_of, columns_at, share_of
from extraction.resonance.momenta import Case, case_at, resonant_momentum
from extraction.resonance.sextupoles import complex_strengths, phase_of, resonant_tunes
from extraction.resonance.third_integer import ThirdIntegerResonance
from extraction.septum import Septum, wire_loss
from lattice import Lattice, NoSolution
from lattice.arrays import Array
from optics import Optics


@dataclass(frozen=True)
class AtWires:
    """Spiral ``step`` [m], ``angle`` [rad] to the arm of a ring without errors, ``loss`` [1] on wires along the arm."""

    step: float
    angle: float
    loss: float


NONE = AtWires(np.nan, np.nan, np.nan)


@dataclass(frozen=True, eq=False)
class Ideal:
    """The ring without errors: the ``septum``, and the exact ``arm`` at its wires of one momentum (its ``case``)."""

    septum: Septum
    case: Case
    arm: Arm

    @classmethod
    def of(cls, ring: Lattice, septum: Septum, delta: float = 0.0, fringe: str = "full") -> Ideal:
        """The arm at ``delta``. NoSolution without a triangle or an arm at the wires."""
        case = case_at(ring, septum, delta, fringe)
        if case.arm is None:
            raise NoSolution(case.reason)
        return cls(septum, case, case.arm)

    @property
    def resonance(self) -> ThirdIntegerResonance:
        """Its resonance."""
        assert self.case.resonance is not None
        return self.case.resonance

    @cached_property
    def _leading(self) -> tuple[LeadingArm | None, float]:
        """Leading order of the arm, and its spiral step [m]."""
        wires = self.septum.position
        return self.resonance.kobayashi.arm(wires), self.resonance.kobayashi.spiral_step(wires)

    def expected(self, other: Kobayashi) -> AtWires:
        """Of a ring with errors, from its leading order: the exact arm with what differs between the leading ones.

        Equation:
            step = step_0 K / K_0 and angle = (k - k_0) / (1 + delta), with the steps K [m] and px k of leading order;
            loss: time that the arm without errors is within the thickness of the wires times step_0 / step.

        Returns:
            AtWires: step [m], angle [rad] with its sign, loss [1]; nan where one of them has no arm at the wires.

        Source:
            Spiral step and angle of the separatrix: PIMMS, CERN/PS 99-010 (DI), sections 3.3 and 3.4.
        """
        (ours, our_step), wires = self._leading, self.septum.position
        theirs = other.arm(wires)
        if ours is None or theirs is None:
            return NONE
        ratio = other.step_on(theirs, wires) / our_step
        loss = wire_loss(self.septum, self.arm, thickness=self.septum.thickness / ratio)
        return AtWires(self.arm.spiral_step * ratio, (theirs.px - ours.px) / (1.0 + self.case.delta), loss)

    def in_rings(self, optics: Optics) -> tuple[AtWires, ...]:
        """Of every ring of a batch, ``optics`` about its closed orbit; nan where one has no optics or no arm."""
        place, number = optics.lattice.index(self.septum.at), self.resonance.mode.number
        parts = complex_strengths(optics, place, number)[1].sum(axis=-1).T
        columns = columns_at(optics, place, number)
        orbits = optics.at_elements.orbit[:, place, :2]
        return tuple(self._in_one(*one) for one in zip(parts, columns, orbits, strict=True))

    def _in_one(self, strength: Array, columns: Array, orbit: Array) -> AtWires:
        if not np.isfinite([*strength, *columns.ravel(), *orbit]).all():
            return NONE
        ring = replace(
            self.resonance.kobayashi,
            virtual_sextupole=float(np.hypot(*strength)),
            virtual_phase=phase_of(*map(float, strength)),
            betx=float(beta_of(columns)),
            alfx=float(alpha_of(columns)),
            orbit=(float(orbit[0]), float(orbit[1])),
            share=float(share_of(columns)),
        )
        return self.expected(ring)

    @cached_property
    def _resonant(self) -> float:
        """Its resonant momentum dp/p. NoSolution without one."""
        own = self.resonance.optics
        return resonant_momentum(own.lattice, own.particle, own.fringe)

    def shift(self, ring: Lattice) -> float:
        """By how much a ring's resonant momentum dp/p lies beside that of the ring without errors, to all orders.

        NoSolution where one has none.
        """
        own = self.resonance.optics
        return resonant_momentum(ring, own.particle, own.fringe) - self._resonant

    def missed(self, ring: Lattice, shift: float) -> AtWires:
        """How far ``expected`` is from the tracked arm of a ring with errors whose resonance lies ``shift`` beside.

        Its momentum is as far from the resonance as that of the arm without errors. NoSolution without triangle or arm.
        """
        own, delta = self.resonance.optics, self.case.delta + shift
        found = case_at(ring, self.septum, delta, own.fringe, own.particle)
        if found.arm is None or found.resonance is None:
            raise NoSolution(found.reason)
        said = self.expected(found.resonance.kobayashi)
        loss = wire_loss(self.septum, found.arm, delta, self.septum.thickness)
        angle = found.angle - self.case.angle
        return AtWires(abs(said.step - found.arm.spiral_step), abs(said.angle - angle), abs(said.loss - loss))


def momenta(optics: Optics) -> Array:
    """Resonant momentum dp/p of every ring of a batch, (batch,), to first order: minus distance over chromaticity.

    Source: PIMMS, CERN/PS 99-010 (DI), section 3.6. Of optics with chromaticities.
    """
    tunes = resonant_tunes(optics)
    return np.asarray(-tunes.distance / tunes.chromaticity)
