"""A ring at every energy of a table: strengths as smooth functions of rigidity, found together on batched optics.

In an ideal ring the normalised optics does not depend on the rigidity. Field errors do: gradients that are off,
gradient and sextupole components of the bends. They are functions of the rigidity here; the set strengths undo them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev

from lattice import Bend, InputError, Lattice, NoSolution, ReferenceParticle
from lattice.arrays import Array
from lattice.errors import did_you_mean
from optics.closed import closed
from optics.linear.optics import Optics
from optics.linear.twiss import twiss
from optics.matching.targets import Goal

BEND_K1, BEND_K2 = "bend_k1_error", "bend_k2_error"
_STEP = 1e-30
_ROUNDS = 12
_CONVERGED = 1e-12  # step of a strength
_PER_COEFFICIENT = 3  # energies that each coefficient is found from; the result is computed at all of them


@dataclass(frozen=True)
class FieldErrors:
    """Errors of a ring's magnets against rigidity, each a polynomial: coefficients of 1, u, u^2 ...

    u = B rho / ``scale`` [T m]. ``gradients``: relative errors of the families; ``bend_k1`` [m^-2], ``bend_k2`` [m^-3]:
    what the bends have beside their field.
    """

    scale: float = 6.35
    gradients: Mapping[str, Sequence[float]] = field(default_factory=dict)
    bend_k1: Sequence[float] = ()
    bend_k2: Sequence[float] = ()

    def factor(self, parameter: str, rigidity: Any) -> Array:
        """True over set strength of a family."""
        return np.asarray(1.0 + self._value(self.gradients.get(parameter, ()), rigidity))

    def bends(self, rigidity: Any) -> dict[str, Array]:
        """Values of the parameters that ``with_bend_errors`` adds."""
        given = {BEND_K1: self.bend_k1, BEND_K2: self.bend_k2}
        return {name: self._value(values, rigidity) for name, values in given.items() if len(values)}

    def _value(self, coefficients: Sequence[float], rigidity: Any) -> Array:
        u = np.asarray(rigidity, dtype=float) / self.scale
        return np.asarray(sum((c * u**k for k, c in enumerate(coefficients)), np.zeros_like(u)))


def with_bend_errors(ring: Lattice) -> Lattice:
    """The ring with gradient and sextupole components of its bends as parameters, 0 at first.

    They are added to what bends have already. InputError when the lattice has parameters of these names.
    """
    if BEND_K1 in ring.parameters or BEND_K2 in ring.parameters:
        raise InputError(f"lattice '{ring.name}' has a parameter '{BEND_K1}' or '{BEND_K2}' of its own: rename it")
    changed: dict[int, Any] = {}
    elements = []
    for element in ring.elements:
        if isinstance(element, Bend):
            k1, k2 = _plus(element.k1, BEND_K1), _plus(element.k2, BEND_K2)
            element = changed.setdefault(id(element), replace(element, k1=k1, k2=k2))
        elements.append(element)
    parameters = {**ring.parameters.definitions, BEND_K1: 0.0, BEND_K2: 0.0}
    return Lattice(ring.name, elements=tuple(elements), parameters=parameters, particle=ring.particle)


def _plus(written: Any, name: str) -> str:
    """A strength as written, and a parameter beside it."""
    return name if written == 0.0 else f"({written}) + {name}"


@closed
@dataclass(frozen=True, eq=False)
class Programme:
    """Strengths of the families at every energy: what the supplies are ``set`` to, and what is ``true`` in the ring.

    Both map parameters to (n,); ``rigidities`` [T m] (n,); ``optics`` the batch of what comes out; ``values`` maps each
    target's label to (n,), ``worst`` the largest distance from its goal in tolerances; ``coefficients`` maps parameters
    to Chebyshev coefficients over the range of rigidities.
    """

    rigidities: Array
    set: Mapping[str, Array]
    true: Mapping[str, Array]
    optics: Optics
    values: Mapping[str, Array]
    goals: Mapping[str, float]
    tolerances: Mapping[str, float]
    coefficients: Mapping[str, Array]
    rounds: int

    @property
    def worst(self) -> float:
        """Largest distance of any target at any energy, in tolerances."""
        return max(
            float(np.max(np.abs(value - self.goals[name]) / self.tolerances[name]))
            for name, value in self.values.items()
        )


def match_table(
    ring: Lattice,
    particle: ReferenceParticle,
    rigidities: Array,
    vary: Sequence[str],
    targets: Sequence[Goal],
    errors: FieldErrors | None = None,
    *,
    degree: int = 3,
    limits: Mapping[str, tuple[float, float]] | None = None,
    fringe: str = "full",
    names: Sequence[str] = (),
) -> Programme:
    """Set strengths, Chebyshev polynomials of ``degree`` in the rigidity, that hold ``targets`` at all ``rigidities``.

    Gauss-Newton on all coefficients together, at energies spread over the range; the derivatives are exact (complex
    step). What is returned was computed at every energy.
    ``ring`` must come from ``with_bend_errors`` where ``errors`` has bends. ``limits``: least and largest set strength
    of a family. Optics is that of ``particle`` (normalised strengths: its energy does not matter but for time of
    flight). NoSolution where the ring is unstable at some energy, or a limit would be exceeded, naming them by
    ``names`` (by the rigidity without).
    """
    rigidities = np.asarray(rigidities, dtype=float)
    errors = errors or FieldErrors()
    _check_names(ring, (*vary, *errors.gradients))
    basis = _basis(rigidities, degree)
    coefficients = np.zeros((len(vary), basis.shape[1]))
    coefficients[:, 0] = [ring.parameters[name] / np.mean(errors.factor(name, rigidities)) for name in vary]
    nodes = _nodes(rigidities, _PER_COEFFICIENT * basis.shape[1])
    told = np.array(list(names) or [f"B rho = {value:.5g} T m" for value in rigidities], dtype=object)
    model = _Model(ring, particle, tuple(vary), tuple(targets), errors, fringe)
    rounds, step = 0, np.ones(1)
    while rounds < _ROUNDS and np.max(np.abs(step)) > _CONVERGED:
        rounds += 1
        state = model.derivatives(rigidities[nodes], coefficients @ basis[nodes].T, told[nodes])
        step = _gauss_newton(state, basis[nodes], coefficients.shape)
        coefficients = coefficients + step
    wanted = dict(zip(vary, coefficients @ basis.T, strict=True))
    _check_limits(wanted, told, limits or {})
    return model.programme(rigidities, wanted, coefficients, rounds, told)


@dataclass(frozen=True, eq=False)
class _State:
    """Scaled residuals (n, t) and their derivatives by the set strengths (n, t, p)."""

    rows: Array
    jacobian: Array


@dataclass(frozen=True, eq=False)
class _Model:
    """What comes out of the ring for given settings of the families at given rigidities."""

    ring: Lattice
    particle: ReferenceParticle
    vary: tuple[str, ...]
    targets: tuple[Goal, ...]
    errors: FieldErrors
    fringe: str

    def true_strengths(self, rigidities: Array, settings: Mapping[str, Array]) -> dict[str, Array]:
        """Every parameter that depends on the rigidity: settings times their errors, and the bends' errors."""
        given = {name: np.asarray(self.ring.parameters[name]) for name in self.errors.gradients} | dict(settings)
        true = {name: values * self.errors.factor(name, rigidities) for name, values in given.items()}
        return true | self.errors.bends(rigidities)

    def optics(self, values: Mapping[str, Array], chromatic: bool) -> Optics:
        return twiss(self.ring.with_parameters(values), self.particle, fringe=self.fringe, chromatic=chromatic)

    def derivatives(self, rigidities: Array, settings: Array, told: Array) -> _State:
        """All energies times all families as one batch, each family stepped along the imaginary axis in its turn."""
        n, p = len(rigidities), len(self.vary)
        true = self.true_strengths(rigidities, dict(zip(self.vary, settings, strict=True)))
        values = {name: np.tile(value, p).astype(complex) for name, value in true.items()}
        for k, name in enumerate(self.vary):
            values[name][k * n : (k + 1) * n] += 1j * _STEP * self.errors.factor(name, rigidities)
        optics = self.optics(values, any(goal.chromatic for goal in self.targets))
        rows = np.stack([goal.residual(goal.evaluate(optics)) for goal in self.targets], axis=-1)
        rows = rows.reshape(p, n, len(self.targets))
        _refuse_unstable(rows[0].real, told)
        return _State(rows[0].real, np.moveaxis(rows.imag / _STEP, 0, -1))

    def programme(
        self, rigidities: Array, wanted: Mapping[str, Array], coefficients: Array, rounds: int, told: Array
    ) -> Programme:
        true = self.true_strengths(rigidities, wanted)
        optics = self.optics(true, True)
        _refuse_unstable(np.atleast_1d(optics.qx)[:, None], told)
        return Programme(
            rigidities=rigidities,
            set=dict(wanted),
            true=true,
            optics=optics,
            values={goal.label: np.asarray(goal.evaluate(optics)).real for goal in self.targets},
            goals={goal.label: goal.value for goal in self.targets},
            tolerances={goal.label: float(goal.tolerance or 1.0) for goal in self.targets},
            coefficients=dict(zip(wanted, coefficients, strict=True)),
            rounds=rounds,
        )


def _nodes(rigidities: Array, count: int) -> Array:
    """Energies that the coefficients are found at, evenly over the range and never the same twice."""
    wanted = np.linspace(rigidities.min(), rigidities.max(), count)
    return np.unique([int(np.argmin(np.abs(rigidities - value))) for value in wanted])


def _basis(rigidities: Array, degree: int) -> Array:
    """Chebyshev polynomials (n, degree + 1) over the range of rigidities."""
    low, high = float(rigidities.min()), float(rigidities.max())
    degree = degree if high > low else 0
    u = (2 * rigidities - low - high) / (high - low) if high > low else np.zeros_like(rigidities)
    if len(np.unique(rigidities)) <= degree:
        raise InputError(
            f"{len(np.unique(rigidities))} energies do not fix polynomials of degree {degree} in B rho: give more "
            f"energies, or a degree of at most {len(np.unique(rigidities)) - 1}"
        )
    return np.asarray(chebyshev.chebvander(u, degree))


def _gauss_newton(state: _State, basis: Array, shape: tuple[int, int]) -> Array:
    n, t, p = state.jacobian.shape
    matrix = np.einsum("itp,id->itpd", state.jacobian, basis).reshape(n * t, p * basis.shape[1])
    step = np.linalg.lstsq(matrix, -state.rows.reshape(n * t), rcond=1e-12)[0]
    return np.asarray(step.reshape(shape[0], basis.shape[1]))


def _check_names(ring: Lattice, names: Sequence[str]) -> None:
    for name in names:
        if name not in ring.parameters:
            raise InputError(f"'{ring.name}' has no parameter '{name}'{did_you_mean(name, ring.parameters)}")


def _refuse_unstable(rows: Array, told: Array) -> None:
    lost = ~np.isfinite(rows).all(axis=1)
    if lost.any():
        raise NoSolution(f"no stable optics (or no value of a target) at {_some(told[lost])}")


def _check_limits(wanted: Mapping[str, Array], told: Array, limits: Mapping[str, tuple[float, float]]) -> None:
    for name, (low, high) in limits.items():
        values = wanted.get(name, np.zeros(0))
        bad = (values < low) | (values > high)
        if bad.any():
            raise NoSolution(
                f"'{name}' would be {values[bad].min():.6g} to {values[bad].max():.6g}, allowed are {low:g} to "
                f"{high:g}, at {_some(told[bad])}"
            )


def _some(values: Array) -> str:
    """Up to three names, and how many more."""
    told = ", ".join(str(value) for value in values[:3])
    return told if len(values) <= 3 else f"{told} and {len(values) - 3} more"
