"""Second moments of a beam in six dimensions, and what they say in the laboratory's planes.

Coordinates (x, px, y, py, zeta, delta). With R the matrix of a line the moments go as Sigma = R Sigma0 R^T (K. Brown,
SLAC-75, 1982), whatever couples, rotates or disperses. In a plane u = x, y the part that follows the momentum,
D_u = <u delta>/<delta^2>, is taken off first; what is left is the betatron motion, with

    emittance_u = sqrt(<u u> <pu pu> - <u pu>^2),  beta_u = <u u>/emittance_u,  alfa_u = -<u pu>/emittance_u,

the projections on the plane, which coupled motion does not keep; without coupling the Courant-Snyder functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from lattice import InputError, ReferenceParticle
from lattice.arrays import Array
from lattice.showing import Showing
from optics.closed import closed

COORDINATES = ("x", "px", "y", "py", "zeta", "delta")
_ROUNDING = 1e-9  # of the correlations' matrix: sums of products of tabulated numbers


@closed
@dataclass(frozen=True, eq=False, repr=False)
class Moments(Showing):
    """Second moments ``sigma`` (6, 6) about the ``mean`` (6,) of a beam's x, px, y, py, zeta, delta: m and rad.

    ``sigma`` (n, 6, 6) serves a batch of n lattices. Raises InputError for moments that no beam has.

    >>> import numpy as np
    >>> from lattice import ReferenceParticle
    >>> proton = ReferenceParticle("proton", kinetic_energy_per_u=60e6)
    >>> functions = {"betx": 9.0, "alfx": 0.2, "bety": 4.0, "dx": -0.3}
    >>> beam = Moments.from_functions(proton, functions, emittance_x=1e-6, emittance_y=2e-6, sigma_delta=1e-3)
    >>> round(1e3 * beam["size_x"], 6), round(beam["betx_lab"], 9), round(beam["dx_lab"], 9)
    (3.014963, 9.0, -0.3)
    """

    particle: ReferenceParticle
    sigma: Array
    mean: Array = field(default_factory=lambda: np.zeros(6))

    def __post_init__(self) -> None:
        if not isinstance(self.particle, ReferenceParticle):
            raise InputError(f"Moments: particle must be a ReferenceParticle, found {self.particle!r}")
        object.__setattr__(self, "sigma", _checked_sigma(self.sigma))
        mean = np.array(self.mean, dtype=float)
        if mean.shape != (6,) or not np.isfinite(mean).all() or not mean[5] > -1.0:
            raise InputError(f"Moments: mean must be six finite numbers with delta above -1, found {self.mean!r}")
        object.__setattr__(self, "mean", mean)

    @classmethod
    def from_functions(
        cls,
        particle: ReferenceParticle,
        functions: Mapping[str, Any],
        *,
        emittance_x: Any,
        emittance_y: Any,
        sigma_delta: Any = 0.0,
        sigma_zeta: Any = 0.0,
    ) -> Moments:
        """Of an uncoupled beam matched to ``functions`` betx, alfx, bety, alfy, dx, dpx, dy, dpy: upright in x and y.

        Geometric rms emittances [m], rms dp/p, rms zeta [m]; any of them and of the functions may be arrays (n,).
        """
        parts = np.broadcast_arrays(
            emittance_x, emittance_y, sigma_delta, sigma_zeta, *(functions.get(key, 0.0) for key in _FUNCTIONS)
        )
        ex, ey, spread, length, *twiss = (np.asarray(part, dtype=float) for part in parts)
        if not (np.all(twiss[0] > 0) and np.all(twiss[2] > 0)):
            raise InputError("Moments: betx and bety [m] must be given and positive")
        sigma = np.zeros((*ex.shape, 6, 6))
        for plane, emittance in ((slice(0, 2), ex), (slice(2, 4), ey)):
            sigma[..., plane, plane] = _ellipse(emittance, *twiss[plane])
        along = np.stack([*twiss[4:8], np.zeros_like(ex), np.ones_like(ex)], axis=-1)
        sigma += (spread**2)[..., None, None] * along[..., :, None] * along[..., None, :]
        sigma[..., 4, 4] += length**2
        return cls(particle, sigma)

    @classmethod
    def of_particles(cls, particle: ReferenceParticle, coordinates: Any) -> Moments:
        """Of particles (n, 6), or a table with columns x, px, y, py, delta and perhaps zeta (else 0).

        Moments are those of the sample, over n: InputError for fewer than two particles.
        """
        if hasattr(coordinates, "columns"):
            table, count = coordinates, len(coordinates)
            coordinates = np.column_stack([table[c] if c in table.columns else np.zeros(count) for c in COORDINATES])
        values = np.asarray(coordinates, dtype=float)
        if values.ndim != 2 or values.shape[1] != 6 or len(values) < 2:
            raise InputError(f"Moments: particles are (n, 6) of {', '.join(COORDINATES)}, found {values.shape}")
        mean = values.mean(axis=0)
        away = values - mean
        return cls(particle, away.T @ away / len(values), mean)

    def __getitem__(self, column: str) -> Any:
        """One of PLANE_COLUMNS: a number, or (n,)."""
        value = plane_column(column, self.sigma)
        return value if self.sigma.ndim == 3 else float(value)

    def upright(self) -> Moments:
        """The beam of the same planes without what x and y have in common, tilted and coupled parts left out."""
        sigma = self.sigma.copy()
        across = self.dispersion[..., :, None] * self.dispersion[..., None, :] * self.sigma[..., 5:, 5:]
        sigma[..., :2, 2:4] = across[..., :2, 2:4]
        sigma[..., 2:4, :2] = across[..., 2:4, :2]
        return Moments(self.particle, sigma, self.mean)

    @cached_property
    def dispersion(self) -> Array:
        """(dx, dpx, dy, dpy) of the beam: what follows its momentum, ([n,] 4)."""
        return dispersions(self.sigma)

    @property
    def functions(self) -> dict[str, Any]:
        """Start of a line in its planes: betx, alfx, bety, alfy, dx, dpx, dy, dpy. InputError without emittance."""
        found = {name: self[f"{name}_lab"] for name in _FUNCTIONS}
        for plane in ("x", "y"):
            if not np.all(np.asarray(self[f"emit_{plane}"]) > 0):
                raise InputError(f"Moments: the beam has no emittance in {plane}, and so no beta function")
        return found

    @property
    def begin(self) -> dict[str, Any]:
        """``functions``, and the orbit of the mean: x, px, y, py, zeta (its momentum is mean[5])."""
        return {**self.functions, **dict(zip(COORDINATES[:5], map(float, self.mean), strict=False))}

    def through(self, matrix: Array) -> Moments:
        """The moments behind a matrix R (6, 6): R Sigma R^T about R mean."""
        return Moments(self.particle, matrix @ self.sigma @ np.swapaxes(matrix, -1, -2), matrix @ self.mean)

    def moved(self, **offsets: float) -> Moments:
        """The beam with its mean moved by ``x``, ``px``, ``y``, ``py``, ``zeta`` or ``delta``."""
        unknown = offsets.keys() - set(COORDINATES)
        if unknown:
            raise InputError(f"Moments: '{sorted(unknown)[0]}' is none of {', '.join(COORDINATES)}")
        return Moments(self.particle, self.sigma, self.mean + np.array([offsets.get(c, 0.0) for c in COORDINATES]))

    def sample(self, count: int, *, seed: int) -> Array:
        """``count`` particles (count, 6) of the Gaussian beam with these moments."""
        if self.sigma.ndim != 2:
            raise InputError("Moments: particles are drawn of one beam, here are several")
        values, vectors = np.linalg.eigh(self.sigma / np.outer(self._scales, self._scales))
        root = vectors * np.sqrt(np.clip(values, 0.0, None)) * self._scales[:, None]
        return np.asarray(self.mean + np.random.default_rng(seed).standard_normal((count, 6)) @ root.T)

    @property
    def _scales(self) -> Array:
        scales = np.sqrt(np.diagonal(self.sigma, axis1=-2, axis2=-1))
        return np.where(scales > 0, scales, 1.0)


def functions_of(start: Mapping[str, float] | Moments | None) -> Mapping[str, float] | None:
    """Start conditions of a line as numbers, of moments those of their planes."""
    return start.begin if isinstance(start, Moments) else start


_FUNCTIONS = ("betx", "alfx", "bety", "alfy", "dx", "dpx", "dy", "dpy")


def _ellipse(emittance: Array, beta: Array, alpha: Array) -> Array:
    """Moments (..., 2, 2) of a matched beam in one plane."""
    gamma = (1.0 + alpha**2) / beta
    return (
        np.stack([np.stack([beta, -alpha], axis=-1), np.stack([-alpha, gamma], axis=-1)], axis=-1)
        * (emittance[..., None, None])
    )


def _checked_sigma(sigma: Any) -> Array:
    """``sigma`` as ([n,] 6, 6); InputError when it is not symmetric or has a negative square."""
    values = np.array(sigma, dtype=float)
    if values.ndim not in (2, 3) or values.shape[-2:] != (6, 6) or not np.isfinite(values).all():
        raise InputError(f"Moments: sigma must be finite numbers (6, 6) or (n, 6, 6), found shape {values.shape}")
    scales = np.sqrt(np.abs(np.diagonal(values, axis1=-2, axis2=-1)))
    scales = np.where(scales > 0, scales, 1.0)
    scaled = values / (scales[..., :, None] * scales[..., None, :])
    if np.abs(scaled - np.swapaxes(scaled, -1, -2)).max() > _ROUNDING:
        raise InputError("Moments: sigma must be symmetric, <x y> = <y x>")
    if np.linalg.eigvalsh(scaled).min() < -_ROUNDING:
        raise InputError("Moments: no beam has these second moments: a mean square along some direction is negative")
    return np.asarray((values + np.swapaxes(values, -1, -2)) / 2)


def dispersions(sigma: Array) -> Array:
    """<u delta>/<delta^2> of x, px, y, py: (..., 4); 0 for a beam of one momentum."""
    spread = sigma[..., 5, 5]
    known = np.where(spread == 0, 1.0, spread)
    return np.asarray(sigma[..., :4, 5] / known[..., None])


def betatron(sigma: Array) -> Array:
    """The transverse moments (..., 4, 4) without what follows the momentum."""
    d = dispersions(sigma)
    return np.asarray(sigma[..., :4, :4] - d[..., :, None] * d[..., None, :] * sigma[..., 5, 5][..., None, None])


def _size(row: int) -> Callable[[Array], Array]:
    return lambda sigma: np.sqrt(sigma[..., row, row])


def _slope(row: int) -> Callable[[Array], Array]:
    """How fast the size grows along s, times 1 + delta: <u pu>/sqrt(<u u>)."""
    return lambda sigma: sigma[..., row, row + 1] / np.sqrt(sigma[..., row, row])


def _emittance(first: int) -> Callable[[Array], Array]:
    def emittance(sigma: Array) -> Array:
        b = betatron(sigma)
        area = b[..., first, first] * b[..., first + 1, first + 1] - b[..., first, first + 1] ** 2
        return np.asarray(np.sqrt(area))

    return emittance


def _lab(first: int, row: int, sign: float) -> Callable[[Array], Array]:
    """beta of a plane (row 0) or alfa (row 1)."""
    emittance = _emittance(first)
    return lambda sigma: sign * betatron(sigma)[..., first, first + row] / emittance(sigma)


def _dispersion(row: int) -> Callable[[Array], Array]:
    return lambda sigma: dispersions(sigma)[..., row]


def _correlation(sigma: Array) -> Array:
    return np.asarray(sigma[..., 0, 2] / np.sqrt(sigma[..., 0, 0] * sigma[..., 2, 2]))


def _tilt(sigma: Array) -> Array:
    """Angle [rad] of the long axis of the ellipse in (x, y) from the x axis, towards y."""
    sine, cosine = 2 * sigma[..., 0, 2], sigma[..., 0, 0] - sigma[..., 2, 2]
    angle = np.arctan2(sine.real, cosine.real)
    if np.iscomplexobj(sine):  # the holomorphic continuation, for a complex step
        square = sine.real**2 + cosine.real**2
        angle = angle + 1j * (cosine.real * sine.imag - sine.real * cosine.imag) / square
    return np.asarray(angle / 2)


_PLANES: dict[str, Callable[[Array], Array]] = {
    "size_x": _size(0),
    "size_px": _size(1),
    "size_y": _size(2),
    "size_py": _size(3),
    "size_zeta": _size(4),
    "size_delta": _size(5),
    "slope_x": _slope(0),
    "slope_y": _slope(2),
    "corr_xy": _correlation,
    "tilt_xy": _tilt,
    "emit_x": _emittance(0),
    "emit_y": _emittance(2),
    "betx_lab": _lab(0, 0, 1.0),
    "alfx_lab": _lab(0, 1, -1.0),
    "bety_lab": _lab(2, 0, 1.0),
    "alfy_lab": _lab(2, 1, -1.0),
    "dx_lab": _dispersion(0),
    "dpx_lab": _dispersion(1),
    "dy_lab": _dispersion(2),
    "dpy_lab": _dispersion(3),
}
#: Columns of a beam given by its moments, in the laboratory's planes.
PLANE_COLUMNS = tuple(_PLANES)


def plane_column(name: str, sigma: Array) -> Array:
    """One of PLANE_COLUMNS of moments (..., 6, 6), in the leading shape; holomorphic, so that a complex step passes."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return _PLANES[name](sigma)
