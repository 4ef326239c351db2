"""The sextupoles of a ring as one: normalised strengths, and the virtual sextupole of the third-integer resonance.

S = -1/2 betx^(3/2) K2 L [m^-1/2] for each sextupole, integrated over its length; the virtual sextupole is
S e^(3 i mu) = sum S_n e^(3 i mu_n), mu_n the phase advance from the place looked at (PIMMS, CERN-PS-99-010-DI,
section 3.3, whose sign of S is the opposite).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lattice import Bend, Element, Lattice, Multipole, Sextupole
from lattice.arrays import Array
from optics import Optics
from optics.linear.solution import functions_inside

_SLICES = 8


@dataclass(frozen=True)
class SextupoleShare:
    """What one element adds to the virtual sextupole: normalised strength [m^-1/2] and phase from the place [turns]."""

    element: str
    strength: float
    phase: float


def integrated_k2(lattice: Lattice, element: Element) -> Any:
    """K2 L [m^-2] of an element: sextupoles, bends with k2, thin multipoles; 0 for all others."""
    if isinstance(element, (Sextupole, Bend)):
        return lattice.value(element.k2) * lattice.value(element.length)
    if isinstance(element, Multipole) and len(element.knl) > 2:
        return lattice.value(element.knl[2])
    return 0.0


def complex_strengths(optics: Optics, place: int) -> tuple[list[int], Array]:
    """Elements with a sextupole field and their S_n e^(3 i mu_n) seen from the entrance of element ``place``.

    Returns indices and real and imaginary parts (2, batch, n): kept apart, so that a complex step passes through.
    """
    lattice = optics.lattice
    elements = [(i, one) for i, one in enumerate(lattice.elements) if isinstance(one, (Sextupole, Bend, Multipole))]
    strengths = {i: integrated_k2(lattice, element) for i, element in elements}
    found = [i for i, k2l in strengths.items() if np.any(k2l != 0.0)]
    fine = functions_inside(optics, _SLICES)
    beta, phase = fine.column("betx"), fine.column("mux")
    start = optics.at_elements.column("mux")[:, place]
    whole = optics.at_elements.column("mux")[:, -1] - optics.at_elements.column("mux")[:, 0]
    parts = []
    for i in found:
        rows = np.flatnonzero(fine.row_element == i)
        thick = rows[(fine.s[0, rows + 1] - fine.s[0, rows]).real > 0]
        weights = _weights(len(thick))
        rows = np.append(thick, thick[-1] + 1) if len(thick) else rows[:1]
        advance = phase[:, rows] - start[:, None] + (whole[:, None] if i < place else 0.0)
        size = -0.5 * beta[:, rows] ** 1.5 * np.reshape(strengths[i], (-1, 1))
        angle = 6 * np.pi * advance
        parts.append(np.stack([(size * np.cos(angle)) @ weights, (size * np.sin(angle)) @ weights]))
    return found, np.stack(parts, axis=-1) if parts else np.zeros((2, beta.shape[0], 0))


def _weights(parts: int) -> Array:
    """Simpson's rule over an element cut into an even number of parts; a point where it is thin (0 parts)."""
    if parts == 0:
        return np.ones(1)
    weights = np.full(parts + 1, 2.0)
    weights[1::2] = 4.0
    weights[[0, -1]] = 1.0
    return weights / (3.0 * parts)


def shares(optics: Optics, found: list[int], parts: Array) -> tuple[SextupoleShare, ...]:
    """Each sextupole of a single lattice by its ``complex_strengths``: phase in [0, 1/3) turns, strength positive."""
    names = optics.lattice.names
    return tuple(
        SextupoleShare(names[i], float(np.hypot(re, im)), phase_of(re, im))
        for i, re, im in zip(found, parts[0, 0].real, parts[1, 0].real, strict=True)
    )


def phase_of(real: float, imaginary: float) -> float:
    """Phase mu in turns, in [0, 1/3), of |S| e^(3 i mu)."""
    return float(np.arctan2(imaginary, real) / (6 * np.pi) % (1 / 3))
