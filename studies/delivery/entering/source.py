"""The beam that enters the line at every energy: its particles, their second moments, and where they meet the axis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from extraction import Septum
from extraction.junction import ExtractedBeam, Junction
from lattice import InputError, Lattice, ReferenceParticle
from lattice.arrays import Array
from optics import Moments

_SAME = 1e-9  # relative: energies that are one


@dataclass(frozen=True, eq=False)
class Source:
    """What enters the line: ``states`` (n, 6) at its entrance at the energy of ``particle``, in the line's frame.

    ``drawn``: the same for each energy [eV] that was tracked. Without it, at another energy the planes ``shrinking``
    have an emittance that goes as 1/(beta gamma): both of an ellipse, y alone of what is extracted, for the width of
    the bar is that of the spiral step, which normalised strengths keep. Coordinates of different groups ``apart``
    have nothing in common but by chance. ``assumed`` says all this. ``beam`` and ``junction``: of a spill, with the
    ``ring`` and its ``septum``; ``before``: a linac.
    """

    states: Array
    particle: ReferenceParticle
    told: str
    assumed: str
    shrinking: str = "xy"
    apart: tuple[tuple[int, ...], ...] = ((0, 1, 2, 3, 4, 5),)
    drawn: Mapping[float, Array] = field(default_factory=dict)
    beam: ExtractedBeam | None = None
    junction: Junction | None = None
    ring: Lattice | None = None
    septum: Septum | None = None
    before: Lattice | None = None

    def at(self, particle: ReferenceParticle) -> Array:
        """Particles (n, 6) that enter at another energy. InputError for one that was not tracked."""
        if self.drawn:
            return self._tracked(particle.kinetic_energy)
        return np.asarray(self.states * self._scale(particle))

    def moments(self, particle: ReferenceParticle) -> Moments:
        """All second moments of these about their mean, which lies on the axis."""
        return Moments(particle, self._sigma(particle, self.at(particle)))

    def halfway(self, lower: ReferenceParticle, upper: ReferenceParticle) -> Array:
        """Second moments (6, 6) of the beam between two energies."""
        if self.drawn:
            between = 0.5 * (lower.kinetic_energy + upper.kinetic_energy)
            return self._sigma(lower, self._tracked(between))
        return np.asarray(0.5 * (self.moments(lower).sigma + self.moments(upper).sigma))

    def _tracked(self, energy: float) -> Array:
        nearest = min(self.drawn, key=lambda one: abs(one - energy))
        if abs(nearest - energy) > _SAME * energy:
            raise InputError(f"no beam was tracked at {energy / 1e6:g} MeV; the nearest is {nearest / 1e6:g}")
        return self.drawn[nearest]

    def _sigma(self, particle: ReferenceParticle, states: Array) -> Array:
        sigma = Moments.of_particles(particle, states).sigma
        known = np.zeros((6, 6))
        for group in self.apart:
            known[np.ix_(group, group)] = 1.0
        return np.asarray(sigma * known)

    def _scale(self, particle: ReferenceParticle) -> Array:
        shrunk = np.sqrt(self.particle.beta * self.particle.gamma / (particle.beta * particle.gamma))
        x, y = (shrunk if plane in self.shrinking else 1.0 for plane in "xy")
        return np.array([x, x, y, y, 1.0, 1.0])


def at_its_own_momentum(states: Array) -> Array:
    """The states (n, 6) with their mean momentum for reference: a line's magnets are set for what is extracted.

    (1 + delta) and the slopes' momenta over 1 + mean delta.
    """
    mean = 1.0 + states[:, 5].mean()
    found = np.array(states)
    found[:, [1, 3]] /= mean
    found[:, 5] = (1.0 + states[:, 5]) / mean - 1.0
    return found
