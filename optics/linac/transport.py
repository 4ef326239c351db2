"""Linear transport along a linac: 6x6 matrices by complex step through the one map, envelopes, phase advances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from lattice import InputError
from lattice.arrays import Array
from lattice.showing import Showing, chart
from optics.closed import closed
from optics.compiled import compiled
from optics.linac.line import BLOCK, CT, Line, W, line_of, step
from optics.linac.structure.linac import Linac
from optics.linac.structure.reference import Reference, reference_of

_COMPLEX_STEP = 1e-30


@closed
@dataclass(frozen=True, repr=False)
class Transport(Showing):
    """The linac to first order about its reference particle, at the entrance of every step and at the end.

    ``s`` [m] and ``energy`` [eV]: (n,); ``matrices`` (n, 6, 6) from the start to there in x, px, y, py, zeta, delta,
    each relative to the reference momentum and velocity of its place, so that det of a plane's block is
    (beta gamma)_in / (beta gamma)_out. ``bore`` [m] and ``piece`` (n,): radius of the opening, number of the piece.
    """

    linac: Linac
    s: Array
    energy: Array
    matrices: Array
    bore: Array
    piece: Array

    @cached_property
    def momentum(self) -> Array:
        """beta gamma of the reference particle, (n,)."""
        w = self.energy / self.linac.particle.mass
        return np.asarray(np.sqrt(w * (w + 2.0)))

    @property
    def matrix(self) -> Array:
        """From the start to the end, (6, 6)."""
        return np.asarray(self.matrices[-1])

    def row(self, name: str) -> int:
        """Number of the first step of the piece called ``name``."""
        return int(np.searchsorted(self.piece, self.linac.place(name)))

    def between(self, first: int, last: int) -> Array:
        """Matrix from the entrance of step ``first`` to that of step ``last``, (6, 6)."""
        return np.asarray(self.matrices[last] @ np.linalg.inv(self.matrices[first]))

    def covariance(self, start: Array) -> Array:
        """Covariance matrices (n, 6, 6) of a beam that enters with ``start`` (6, 6)."""
        covariance = np.asarray(start, dtype=float)
        if covariance.shape != (6, 6):
            raise InputError(f"the covariance of a beam has shape (6, 6), found {covariance.shape}")
        return np.asarray(self.matrices @ covariance @ self.matrices.transpose(0, 2, 1))

    def summary(self) -> Mapping[str, Any]:
        """Of which linac, its length, the energies and the largest and smallest opening."""
        return {
            "linac": self.linac.name,
            "length": f"{self.s[-1]:.6g} m",
            "energy": f"{self.energy[0] / 1e6:.6g} to {self.energy[-1] / 1e6:.6g} MeV",
            "bore": f"{self.bore.min() * 1e3:.4g} to {self.bore.max() * 1e3:.4g} mm",
            "steps": len(self.s),
        }

    def plot(self, start: Array | None = None) -> Any:
        """Energy along the linac and, with the covariance ``start`` (6, 6) of a beam, three sigma of it in the bore."""
        sizes = None if start is None else self.sizes(start)[:, [0, 2]]
        return chart("linac", s=self.s, energy=self.energy, bore=self.bore, sizes=sizes)

    def sizes(self, start: Array) -> Array:
        """Rms sizes (n, 6) along the linac of a beam that enters with covariance ``start``: the envelopes."""
        return np.asarray(np.sqrt(np.diagonal(self.covariance(start), axis1=1, axis2=2)))

    def twiss(self, plane: str, beta: float, alpha: float) -> tuple[Array, Array, Array]:
        """Beta [m], alpha and phase advance [turns] along the linac in "x" or "y" from those at the start.

        Defined by the normalised matrix (block times the root of (beta gamma)_out / (beta gamma)_in); coupling by
        rolled quadrupoles is left out.
        """
        i = _plane(plane)
        scale = np.sqrt(self.momentum / self.momentum[0])[:, None, None]
        block = self.matrices[:, i : i + 2, i : i + 2] * scale
        u, v = block[..., 0] * beta - block[..., 1] * alpha, block[..., 1]
        phase = np.unwrap(np.arctan2(v[:, 0], u[:, 0])) / (2.0 * np.pi)
        here = (u[:, 0] ** 2 + v[:, 0] ** 2) / beta
        return here, -(u[:, 0] * u[:, 1] + v[:, 0] * v[:, 1]) / beta, phase


def transport(linac: Linac) -> Transport:
    """Matrices, energy and openings along the linac. Raises what ``reference_of`` raises."""
    line = line_of(linac)
    return transport_of(linac, line, reference_of(linac, line))


def transport_of(linac: Linac, line: Line, reference: Reference) -> Transport:
    """As ``transport``, for rows and reference particle that are at hand."""
    scale = scales(reference.w)
    matrices = canonical_matrices(line, reference.ct[0], reference.w[0])
    return Transport(
        linac,
        np.concatenate([[0.0], line.s]),
        reference.w * linac.particle.mass,
        scale[:, :, None] * matrices / scale[0],
        np.append(line.bore, line.bore[-1]),
        np.append(line.piece, len(linac.pieces)),
    )


def scales(w: Array) -> Array:
    """(n, 6): x, px, y, py, zeta, delta over the canonical x, ux, y, uy, ct, w, for reference particles of ``w``."""
    p, ones = np.sqrt(w * (w + 2.0)), np.ones(len(w))
    beta = p / (1.0 + w)
    return np.column_stack([ones, 1.0 / p, ones, 1.0 / p, -beta, 1.0 / (beta * p)])


@compiled
def canonical_matrices(line: Line, ct: float, w: float) -> Array:
    """Matrices (rows + 1, 6, 6) from the start, in canonical coordinates: complex steps of six particles."""
    z = np.zeros(6 * BLOCK, dtype=np.complex128)
    z[CT : CT + 6] = ct
    z[W : W + 6] = w
    matrices = np.zeros((len(line.kind) + 1, 6, 6))
    for j in range(6):
        z[j * BLOCK + j] += 1j * _COMPLEX_STEP
        matrices[0, j, j] = 1.0
    for row in range(len(line.kind)):
        step(line, row, z, 6)
        for i in range(6):
            for j in range(6):
                matrices[row + 1, i, j] = z[i * BLOCK + j].imag / _COMPLEX_STEP
    return matrices


def _plane(plane: str) -> int:
    if plane not in ("x", "y"):
        raise InputError(f'plane must be "x" or "y", found {plane!r}')
    return 0 if plane == "x" else 2
