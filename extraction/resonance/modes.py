"""The modes of betatron motion at a place: the planes themselves, or what coupling makes of them.

The motion of mode k alone is z = X a_k + P b_k about the closed orbit, in x, px, y, py: a_k and b_k are two columns of
the matrix N that takes the one-turn matrix apart (D. Edwards & L. Teng, IEEE Trans. Nucl. Sci. 20, 885, 1973;
H. Mais & G. Ripken, DESY M-82-05; ``optics.linear.coupling``). N is symplectic, so that areas of X, P are sums of the
areas in x, px and in y, py. Of all phases of a mode the one is taken at which P does not show in x; without coupling X
and P are then the normalised coordinates of Courant & Snyder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lattice.arrays import Array
from optics import Optics
from optics.linear.solution import functions_inside
from optics.linear.transfer import transfer


@dataclass(frozen=True, eq=False)
class Mode:
    """Mode ``number`` (1: that of x, 2: that of y where they are not coupled); its ``columns`` (4, 2) are a and b.

    ``betx`` [m] and ``alfx``: of the mode seen in x (Mais-Ripken); ``share``: the part of its area that lies in x, px.
    """

    number: int
    columns: Array

    @property
    def betx(self) -> float:
        """Beta function [m] of the mode in x."""
        return float(beta_of(self.columns))

    @property
    def alfx(self) -> float:
        """Alpha function of the mode in x."""
        return float(alpha_of(self.columns))

    @property
    def share(self) -> float:
        """Area in x, px for each area of the mode: 1 without coupling, beyond [0, 1] next to sum resonances."""
        return float(share_of(self.columns))

    def physical(self, normalised: Array) -> Array:
        """x, px, y, py (..., 4) from the closed orbit of normalised (X, P) (..., 2) [m^1/2], the other mode at rest."""
        return np.asarray(normalised @ self.columns.T)

    def normalised(self, physical: Array) -> Array:
        """(X, P) (..., 2) [m^1/2] of x, px, y, py (..., 4) from the closed orbit, whatever the other mode does.

        X = z . J b, P = a . J z: the symplectic products with the columns.
        """
        a, b = self.columns.T
        return np.stack([physical @ _conjugate(b), -(physical @ _conjugate(a))], axis=-1)


def _conjugate(vector: Array) -> Array:
    """J v: u . J v = u_x v_px - u_px v_x + u_y v_py - u_py v_y."""
    return np.array([vector[1], -vector[0], vector[3], -vector[2]])


def beta_of(columns: Array) -> Array:
    """Beta function [m] in x of columns (..., 4, 2)."""
    return np.asarray(columns[..., 0, 0] ** 2)


def alpha_of(columns: Array) -> Array:
    """Alpha function in x of columns (..., 4, 2)."""
    return np.asarray(-columns[..., 0, 0] * columns[..., 1, 0])


def share_of(columns: Array) -> Array:
    """Area in x, px for each area of a mode with columns (..., 4, 2)."""
    return np.asarray(columns[..., 0, 0] * columns[..., 1, 1])


def columns_at(optics: Optics, place: int, number: int) -> Array:
    """Columns (batch, 4, 2) of a mode at the entrance of element ``place``; a complex step passes through."""
    if optics.start_modes is None:
        return _plane(optics, place, number)
    matrices = transfer(optics).first[:, place, :4, :4]
    found = (matrices @ optics.start_modes)[..., 2 * number - 2 : 2 * number]
    cosine, sine = phase_at(optics, place, number)[..., None]
    a, b = found[..., 0], found[..., 1]
    return np.stack([cosine * a + sine * b, cosine * b - sine * a], axis=-1)


def _plane(optics: Optics, place: int, number: int) -> Array:
    """Of a ring that keeps its planes: Courant & Snyder."""
    beta, alpha = (
        optics.at_elements.column(name)[:, place] for name in (("betx", "alfx"), ("bety", "alfy"))[number - 1]
    )
    root, i = np.sqrt(beta), 2 * number - 2
    columns = np.zeros((len(beta), 4, 2), dtype=beta.dtype)
    columns[:, i, 0], columns[:, i + 1, 0], columns[:, i + 1, 1] = root, -alpha / root, 1.0 / root
    return columns


def amplitudes(optics: Optics, number: int, slices: int = 1) -> Array:
    """Amplitudes a + i b [m^1/2] of a mode in x and in y along the ring, phases counted from its beginning.

    (2, 2, batch, rows): plane, real and imaginary part (kept apart: a complex step passes through), row of the
    sliced table.
    """
    if optics.start_modes is not None:
        matrices = transfer(optics, slices).first[..., :4, :4]
        found = (matrices @ optics.start_modes[:, None])[..., (0, 2), 2 * number - 2 : 2 * number]
        return np.moveaxis(found, (-2, -1), (0, 1))
    functions = optics.at_elements if slices == 1 else functions_inside(optics, slices)
    beta, phase = (functions.column(name) for name in (("betx", "mux"), ("bety", "muy"))[number - 1])
    seen = np.sqrt(beta) * np.stack([np.cos(2 * np.pi * phase), np.sin(2 * np.pi * phase)])
    empty = np.zeros_like(seen)
    return np.stack([seen, empty] if number == 1 else [empty, seen])


def phase_at(optics: Optics, place: int, number: int) -> Array:
    """Cosine and sine (2, batch) of a mode's phase in x at element ``place``, from the beginning of the ring on."""
    return phase_in_x(amplitudes(optics, number), place)


def phase_in_x(seen: Array, row: int) -> Array:
    """Cosine and sine (2, batch) of the phase in x at a row of ``amplitudes``."""
    real, imaginary = seen[0, :, :, row]
    size = np.sqrt(real * real + imaginary * imaginary)
    return np.stack([real, imaginary]) / np.where(size == 0.0, 1.0, size)


def advance(optics: Optics, first: str, last: str, number: int) -> float:
    """Phase [turns] of a mode in x from element ``first`` on to element ``last``, around the ring if that lies before.

    That of mode 2, whose phase in x no column holds, is known but for whole turns: in [0, 1).
    """
    if number == 1:
        turns = float(optics.value("mux", last)) - float(optics.value("mux", first))
        return turns if turns >= 0 else turns + float(optics.qx)
    places = optics.lattice.index(first), optics.lattice.index(last)
    angles = [np.arctan2(*phase_at(optics, place, number)[::-1, 0]) for place in places]
    own = float(optics.qy) if places[1] < places[0] else 0.0
    return float(((angles[1] - angles[0]) / (2 * np.pi) + own) % 1.0)


def times(first: Array, *others: Array) -> Array:
    """Products of complex numbers whose real and imaginary parts (2, ...) are kept apart."""
    for other in others:
        real = first[0] * other[0] - first[1] * other[1]
        first = np.stack([real, first[0] * other[1] + first[1] * other[0]])
    return first


def cubed(number: Array) -> Array:
    """Third power of complex numbers (2, ...) with their parts kept apart."""
    return times(number, number, number)


def numbers(optics: Optics) -> Sequence[int]:
    """The modes that extraction in x may use: that of x, and in coupled rings both."""
    return (1, 2) if optics.coupled else (1,)
