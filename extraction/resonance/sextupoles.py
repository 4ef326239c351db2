"""The sextupoles of a ring as one: normalised strengths, and the virtual sextupole of the third-integer resonance.

S = -1/2 betx^(3/2) K2 L [m^-1/2] for each sextupole, integrated over its length; the virtual sextupole is
S e^(3 i mu) = sum S_n e^(3 i mu_n), mu_n the phase advance from the place looked at (PIMMS, CERN-PS-99-010-DI,
section 3.3, whose sign of S is the opposite).

In a coupled ring a mode swings in both planes, with the complex amplitudes w_x and w_y (w_x = sqrt(betx) e^(i mu)
without coupling), in the potential Re[(K2 + i K2s) e^(-3 i tilt) (x + i y)^3] / 6. What drives its resonance is the
third harmonic, so that betx^(3/2) e^(3 i mu) K2 becomes K (w_x^3 - 3 w_x w_y^2) - Ks (3 w_x^2 w_y - w_y^3), with
K + i Ks = (K2 + i K2s) e^(-3 i tilt). The resonance looked at is that of the mode with the smaller triangle.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from extraction.resonance.modes import Mode, amplitudes, columns_at, cubed, numbers, phase_in_x, times
from lattice import Bend, Element, Lattice, Multipole, Sextupole
from lattice.arrays import Array
from optics import Optics
from optics.maps.plan import make_plan
from optics.resonances import nearest_third

_SLICES = 8


@dataclass(frozen=True)
class SextupoleShare:
    """What one element adds to the virtual sextupole: normalised strength [m^-1/2] and phase from the place [turns]."""

    element: str
    strength: float
    phase: float


def integrated_k2(lattice: Lattice, element: Element) -> tuple[Any, Any]:
    """Normal and skew K2 L [m^-2] of an element in the frame of the ring, its tilt included; 0 for all but some.

    Sextupoles, bends with k2 and thin multipoles have them.
    """
    normal, skew = _own_k2(lattice, element)
    tilt = 3.0 * lattice.value(getattr(element, "tilt", 0.0))
    if isinstance(tilt, float) and tilt == 0.0:
        return normal, skew
    cosine, sine = np.cos(tilt), np.sin(tilt)
    return normal * cosine + skew * sine, skew * cosine - normal * sine


def _own_k2(lattice: Lattice, element: Element) -> tuple[Any, Any]:
    if isinstance(element, Sextupole):
        length = lattice.value(element.length)
        return lattice.value(element.k2) * length, lattice.value(element.k2s) * length
    if isinstance(element, Bend):
        return lattice.value(element.k2) * lattice.value(element.length), 0.0
    if isinstance(element, Multipole):
        normal, skew = (lattice.value(k[2]) if len(k) > 2 else 0.0 for k in (element.knl, element.ksl))
        return normal, skew
    return 0.0, 0.0


@dataclass(frozen=True, eq=False)
class Tunes:
    """The mode of the resonance of every lattice of a batch: its number ``mode`` and its ``tune``, all (batch,).

    ``distance`` Q - n/3, ``nearest`` n/3, ``chromaticity`` dQ/d(dp/p), nan where the optics was made without.
    """

    mode: Array
    tune: Array
    nearest: Array
    distance: Array
    chromaticity: Array

    @property
    def name(self) -> str:
        """What people call the tune of the first lattice's mode: Qx or Qy."""
        return "Qx" if self.mode[0] == 1 else "Qy"


@dataclass(frozen=True, eq=False)
class Driven(Tunes):
    """The resonance of every lattice of a batch, in the mode whose triangle is the smallest.

    ``found``: elements with a sextupole field, real and imaginary ``parts`` (2, batch, n) of what each adds to the
    virtual sextupole; ``columns`` (batch, 4, 2) of the mode at the place.
    """

    found: list[int]
    parts: Array
    columns: Array

    @property
    def sum(self) -> Array:
        """Real and imaginary part (2, batch) of the virtual sextupole."""
        return np.asarray(self.parts.sum(axis=-1))

    @property
    def size(self) -> Array:
        """|S| [m^-1/2], (batch,)."""
        real, imaginary = self.sum
        return np.asarray(np.sqrt(real * real + imaginary * imaginary))


def driven(optics: Optics, place: int) -> Driven:
    """The resonance seen from the entrance of element ``place``; a complex step passes through."""
    first, *others = (_of_mode(optics, place, number) for number in numbers(optics))
    return _smaller(first, others[0]) if others else first


def resonant_mode(optics: Optics, place: int) -> Mode:
    """The mode of a single lattice's resonance at the entrance of element ``place``."""
    number = int(resonant_tunes(optics, place).mode[0])
    return Mode(number, columns_at(optics, place, number)[0])


def resonant_tunes(optics: Optics, place: int = 0) -> Tunes:
    """The mode of the resonance and its tunes: as ``driven`` tells, or that of x where the planes are not coupled."""
    return driven(optics, place) if optics.coupled else Tunes(**_tunes(optics, 1))


def _tunes(optics: Optics, number: int) -> dict[str, Array]:
    tune, chromaticity = (np.atleast_1d(optics.scalar(name + "xy"[number - 1])) for name in ("q", "dq"))
    nearest = nearest_third(tune.real)[0]
    values = {"tune": tune, "nearest": nearest, "distance": tune - nearest, "chromaticity": chromaticity}
    return {"mode": np.full(len(tune), number), **values}


def _of_mode(optics: Optics, place: int, number: int) -> Driven:
    found, parts = complex_strengths(optics, place, number)
    return Driven(**_tunes(optics, number), found=found, parts=parts, columns=columns_at(optics, place, number))


def _smaller(first: Driven, second: Driven) -> Driven:
    """Of each lattice the mode with the smaller triangle, |distance| / |S|."""
    sizes = [np.abs(one.size.real) for one in (first, second)]
    reach = np.abs(second.distance.real) * sizes[0] < np.abs(first.distance.real) * sizes[1]

    def chosen(a: Array, b: Array) -> Array:
        return np.where(reach.reshape(-1, *([1] * (a.ndim - 1))), b, a)

    names = ("mode", "tune", "nearest", "distance", "chromaticity", "columns")
    values = {name: chosen(getattr(first, name), getattr(second, name)) for name in names}
    return Driven(**values, found=first.found, parts=np.where(reach[:, None], second.parts, first.parts))


def complex_strengths(optics: Optics, place: int, number: int = 1) -> tuple[list[int], Array]:
    """Elements with a sextupole field and their S_n e^(3 i mu_n) for a mode seen from the entrance of ``place``.

    Returns indices and real and imaginary parts (2, batch, n): kept apart, so that a complex step passes through.
    """
    lattice = optics.lattice
    elements = [(i, one) for i, one in enumerate(lattice.elements) if isinstance(one, (Sextupole, Bend, Multipole))]
    strengths = {i: integrated_k2(lattice, element) for i, element in elements}
    found = [i for i, k2l in strengths.items() if any(np.any(k != 0.0) for k in k2l)]
    plan, seen = make_plan(lattice, optics.particle, optics.fringe, _SLICES), amplitudes(optics, number, _SLICES)
    at_place = int(np.searchsorted(plan.row_element, place))
    back = cubed(phase_in_x(seen, at_place) * np.array([[1.0], [-1.0]]))
    turned = times(back, _three_turns(optics, number))
    parts = []
    for i in found:
        rows = np.flatnonzero(plan.row_element == i)
        thick = rows[plan.is_thick[plan.rows[rows]]]
        rows = np.append(thick, thick[-1] + 1) if len(thick) else rows[:1]
        normal, skew = (np.reshape(k, (-1, 1)) for k in strengths[i])
        third = _third_harmonic(seen[..., rows], normal, skew) @ _weights(len(thick))
        parts.append(-0.5 * times(third, turned if i < place else back))
    return found, np.stack(parts, axis=-1) if parts else np.zeros((2, seen.shape[2], 0))


def _third_harmonic(seen: Array, normal: Array, skew: Array) -> Array:
    """K (w_x^3 - 3 w_x w_y^2) - Ks (3 w_x^2 w_y - w_y^3), (2, batch, rows), of amplitudes (2, 2, batch, rows)."""
    x, y = seen
    whole = normal * (cubed(x) - 3.0 * times(x, y, y))
    return np.asarray(whole - skew * (3.0 * times(x, x, y) - cubed(y)))


def _three_turns(optics: Optics, number: int) -> Array:
    """e^(6 pi i Q) of a mode (2, batch): what lies before the place is seen one turn later."""
    angle = 6 * np.pi * _tunes(optics, number)["tune"]
    return np.stack([np.cos(angle), np.sin(angle)])


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
