"""Field errors that explain a table of settings: what the ring's magnets must have for the settings to be right.

At each energy the relative gradient errors of two groups of quadrupoles are solved for, so that the tunes are those
that the operators held, and the sextupole component of the bends, so that the horizontal chromaticity is. Then one
polynomial in the rigidity is fitted to each: magnets know no species.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lattice import InputError, Lattice, NoSolution, ReferenceParticle
from lattice.arrays import Array
from optics.closed import closed
from optics.linear.optics import Optics
from optics.linear.twiss import twiss
from optics.ramping.energy_table import BEND_K2, FieldErrors

_STEP = 1e-30
_ROUNDS = 12
_SETTLED = 1e-12


@dataclass(frozen=True)
class Held:
    """What the operators held at every energy: tunes and horizontal chromaticity."""

    qx: float
    qy: float
    dqx: float


@closed
@dataclass(frozen=True, eq=False)
class FieldErrorFit:
    """``errors`` as functions of the rigidity, and beside them each energy's own.

    ``table``: rigidity [T m], the error of each group, bend_k2 [m^-3], and ``tune_x``, ``tune_y``: what the smooth
    errors leave of the tunes held. ``rms`` [1]: of those two over all energies.
    """

    errors: FieldErrors
    table: pd.DataFrame
    rms: tuple[float, float]


def fit_field_errors(
    ring: Lattice,
    particle: ReferenceParticle,
    rigidities: Array,
    settings: Mapping[str, Array],
    groups: Mapping[str, Sequence[str]],
    held: Held,
    *,
    degree: int = 3,
    scale: float = 6.35,
    fringe: str = "full",
    names: Sequence[str] = (),
) -> FieldErrorFit:
    """Gradient errors of two ``groups`` of families, and of the bends' sextupole component, that explain ``settings``.

    ``ring`` comes from ``with_bend_errors``; ``settings`` maps parameters to (n,). ``degree`` of the polynomials in
    B rho / ``scale``. InputError unless there are two groups and enough energies; NoSolution where no error explains
    an energy, naming it by ``names`` (by the rigidity without).
    """
    if len(groups) != 2:
        raise InputError(f"two tunes fix the gradient errors of two groups of families, found {len(groups)}")
    if len(rigidities) <= degree:
        raise InputError(
            f"{len(rigidities)} energies do not fix field errors of degree {degree} in B rho: give more energies, "
            f"or held.degree of at most {len(rigidities) - 1}"
        )
    task = _Task(ring, particle, dict(settings), {k: tuple(v) for k, v in groups.items()}, held, fringe)
    told = np.array(list(names) or [f"B rho = {value:.5g} T m" for value in rigidities], dtype=object)
    own = task.gradients(told)
    k2 = task.bend_k2(own)
    u = np.asarray(rigidities) / scale
    smooth = [np.polynomial.polynomial.polyfit(u, column, degree) for column in (*own, k2)]
    gradients = {name: list(smooth[g]) for g, names in enumerate(groups.values()) for name in names}
    errors = FieldErrors(scale, gradients, bend_k2=list(smooth[2]))
    fitted = np.stack([np.polynomial.polynomial.polyval(u, c) for c in smooth[:2]])
    left = task.optics(fitted, chromatic=False)
    off = np.asarray(left.qx) - held.qx, np.asarray(left.qy) - held.qy
    columns = dict(zip(groups, own, strict=True)) | {"bend_k2": k2, "tune_x": off[0], "tune_y": off[1]}
    table = pd.DataFrame({"rigidity": rigidities, **columns})
    return FieldErrorFit(errors, table, (float(np.sqrt(np.mean(off[0] ** 2))), float(np.sqrt(np.mean(off[1] ** 2)))))


@dataclass(frozen=True, eq=False)
class _Task:
    ring: Lattice
    particle: ReferenceParticle
    settings: dict[str, Array]
    groups: dict[str, tuple[str, ...]]
    held: Held
    fringe: str

    def optics(self, gradients: Array, k2: Any = None, chromatic: bool = True) -> Optics:
        """Optics of the batch with relative gradient errors (2, n) of the groups."""
        values: dict[str, Any] = dict(self.settings)
        for error, names in zip(gradients, self.groups.values(), strict=True):
            values |= {name: self.settings[name] * (1.0 + error) for name in names}
        if k2 is not None:
            values[BEND_K2] = k2
        return twiss(self.ring.with_parameters(values), self.particle, fringe=self.fringe, chromatic=chromatic)

    def gradients(self, told: Array) -> Array:
        """Errors (2, n) that give the tunes held: Newton's method at each energy, all in one batch."""
        n = len(told)
        found = np.zeros((2, n))
        for _ in range(_ROUNDS):
            stepped = np.concatenate([found, found], axis=1).astype(complex)
            stepped[0, :n] += 1j * _STEP
            stepped[1, n:] += 1j * _STEP
            twice = _Task(
                self.ring,
                self.particle,
                {k: np.tile(v, 2) for k, v in self.settings.items()},
                self.groups,
                self.held,
                self.fringe,
            )
            optics = twice.optics(stepped, chromatic=False)
            tunes = np.stack([optics.qx, optics.qy]).reshape(2, 2, n)  # plane, stepped group, energy
            _refuse_lost(tunes[0, 0].real, told)
            goal = np.array([self.held.qx, self.held.qy])[:, None]
            slopes = np.moveaxis(tunes.imag / _STEP, 2, 0)
            step = np.linalg.solve(slopes, (goal - tunes[:, 0].real).T[..., None])[..., 0].T
            found = found + step
            if np.max(np.abs(step)) < _SETTLED:
                return found
        raise NoSolution("no gradient errors explain the settings: Newton's method did not converge")

    def bend_k2(self, gradients: Array) -> Array:
        """Sextupole component of the bends (n,) [m^-3]: the chromaticity is linear in it."""
        zero, one = (self.optics(gradients, np.full(gradients.shape[1], k2)).dqx for k2 in (0.0, 0.01))
        return np.asarray(0.01 * (self.held.dqx - zero) / (one - zero))


def _refuse_lost(tune: Array, told: Array) -> None:
    lost = ~np.isfinite(tune)
    if lost.any():
        more = f" and {lost.sum() - 3} more" if lost.sum() > 3 else ""
        raise NoSolution(f"no stable optics with the settings at {', '.join(told[lost][:3])}{more}")
