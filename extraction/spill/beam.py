"""The extracted beam: emittances and optics for a transport line, the thin bar in x, momentum against time."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
import pandas as pd

from extraction.spill.rate import check_window
from lattice import InputError, NoSolution
from lattice.arrays import Array


@dataclass(frozen=True)
class PlaneStatistics:
    """Second moments of one plane: geometric rms ``emittance`` [m] of the betatron motion, with standard error.

    ``beta`` [m] and ``alpha`` belong to it (nan when the emittance is 0), ``dispersion`` [m] and its slope
    ``dispersion_px`` are the regression on delta; ``total_emittance`` [m] holds the dispersion, ``mean`` and
    ``mean_px`` [m, 1] the centre.
    """

    mean: float
    mean_px: float
    emittance: float
    emittance_error: float
    beta: float
    alpha: float
    dispersion: float
    dispersion_px: float
    total_emittance: float


@dataclass(frozen=True)
class BeamStatistics:
    """Both planes, mean and rms of delta, and the number of particles."""

    x: PlaneStatistics
    y: PlaneStatistics
    delta: float
    sigma_delta: float
    count: int

    def start(self) -> dict[str, float]:
        """Start conditions of a transport line, as ``twiss(line, start=...)`` takes them; optics about ``delta``.

        Raises NoSolution when a plane has no emittance.
        """
        for name, plane in (("x", self.x), ("y", self.y)):
            if not plane.emittance > 0:
                raise NoSolution(f"the extracted beam has no emittance in {name}: it has no beta to begin a line with")
        found: dict[str, float] = {}
        for name, plane in (("x", self.x), ("y", self.y)):
            found |= {
                f"bet{name}": plane.beta,
                f"alf{name}": plane.alpha,
                f"d{name}": plane.dispersion,
                f"dp{name}": plane.dispersion_px,
                name: plane.mean,
                f"p{name}": plane.mean_px,
            }
        return found


def beam_statistics(table: pd.DataFrame) -> BeamStatistics:
    """Statistical emittances, Twiss parameters and dispersion of particles (columns x, px, y, py, delta).

    The momentum is uncorrelated with the rest.

    Equation:
        Sigma = <z z^T> of z = (x, px); dispersion D = <z delta>/<delta^2>, emittance sqrt(det(Sigma - D D^T
        <delta^2>)), beta = <x_b^2>/emittance, alpha = -<x_b px_b>/emittance. Error of the emittance sqrt(var(u^2 +
        v^2)/(4 N)) of normalised coordinates u, v: 1/sqrt(N) for a Gaussian beam.

    Returns:
        BeamStatistics: emittances and their errors [m], beta [m], alpha, dispersion [m, 1] of both planes.

    Raises:
        InputError: fewer than 4 particles or coordinates that are not finite.

    Source:
        F. J. Sacherer, IEEE Trans. Nucl. Sci. 18, 1105 (1971) (rms emittances).

    Example:
        >>> random = np.random.default_rng(1).normal(size=(10_000, 5)) * [2e-3, 1e-3, 2e-3, 1e-3, 1e-3]
        >>> found = beam_statistics(pd.DataFrame(random, columns=["x", "px", "y", "py", "delta"]))
        >>> bool(abs(found.x.emittance / 2e-6 - 1) < 0.04)  # four sigma
        True
    """
    values = _columns(table, ("x", "px", "y", "py", "delta"))
    delta = values[4]
    planes = [_plane(values[i], values[i + 1], delta) for i in (0, 2)]
    return BeamStatistics(planes[0], planes[1], float(delta.mean()), float(delta.std()), len(delta))


def _columns(table: pd.DataFrame, names: tuple[str, ...]) -> Array:
    """Columns (k, n) of a table with at least 4 particles."""
    missing = [name for name in names if name not in table]
    if missing:
        raise InputError(f"the table of particles has no column {', '.join(missing)}")
    values = table[list(names)].to_numpy(dtype=float).T
    if values.shape[1] < 4 or not np.all(np.isfinite(values)):
        raise InputError(f"statistics need at least 4 particles with finite coordinates, found {values.shape[1]}")
    return np.asarray(values)


def _plane(x: Array, px: Array, delta: Array) -> PlaneStatistics:
    centred = np.stack([x - x.mean(), px - px.mean()])
    offset = delta - delta.mean()
    spread = float(np.mean(offset**2))
    dispersion = centred @ offset / (len(offset) * spread) if spread > 0 else np.zeros(2)
    betatron = centred - dispersion[:, None] * offset
    emittance, sigma = _emittance(betatron)
    beta, alpha = (sigma[0, 0] / emittance, -sigma[0, 1] / emittance) if emittance > 0 else (np.nan, np.nan)
    return PlaneStatistics(
        mean=float(x.mean()),
        mean_px=float(px.mean()),
        emittance=emittance,
        emittance_error=_emittance_error(betatron, sigma) if emittance > 0 else 0.0,
        beta=float(beta),
        alpha=float(alpha),
        dispersion=float(dispersion[0]),
        dispersion_px=float(dispersion[1]),
        total_emittance=_emittance(centred)[0],
    )


def _emittance(centred: Array) -> tuple[float, Array]:
    """sqrt(det) of the covariance of (2, n), 0 when that is lost in rounding, and the covariance."""
    sigma = centred @ centred.T / centred.shape[1]
    square = float(sigma[0, 0] * sigma[1, 1] - sigma[0, 1] ** 2)
    return (sqrt(square) if square > 1e-14 * sigma[0, 0] * sigma[1, 1] else 0.0), sigma


def _emittance_error(centred: Array, sigma: Array) -> float:
    normalised = np.linalg.solve(np.linalg.cholesky(sigma), centred)
    emittance = sqrt(float(np.linalg.det(sigma)))
    return emittance * sqrt(float(np.var(np.sum(normalised**2, axis=0))) / (4 * centred.shape[1]))


@dataclass(frozen=True)
class Bar:
    """The beam as the thin bar it is in (x, px): from ``inner`` (nearest the orbit) to ``outer`` [m].

    ``px`` on the bar's axis at the middle of its particles ``x``, ``slope`` d px/dx [1/m] of the axis with its standard
    error, and ``thickness``: rms of px [1] about the axis.
    """

    inner: float
    outer: float
    x: float
    px: float
    slope: float
    slope_error: float
    thickness: float

    @property
    def width(self) -> float:
        """Length of the bar in x [m]."""
        return abs(self.outer - self.inner)


def extracted_bar(table: pd.DataFrame, outside: float = 0.0) -> Bar:
    """Ends, axis and thickness of the extracted beam in (x, px); the axis is the least-squares line px(x).

    ``outside``: share of the particles left beyond each end (0: the outermost particles are the ends).

    Equation:
        px = a + b x by least squares; thickness the rms of px - a - b x.

    Returns:
        Bar: ends and ``width`` [m], axis (px [1] and slope [1/m]), thickness [1].

    Raises:
        InputError: too few particles, or coordinates that are not finite.

    Source:
        PIMMS, CERN/PS 2000-007 (DR), the extraction lines: the bar of charge.

    Example:
        >>> x = np.linspace(0.035, 0.045, 101)
        >>> bar = extracted_bar(pd.DataFrame({"x": x, "px": 1e-3 + 0.1 * x}))
        >>> print(round(bar.width * 1e3, 6))  # mm
        10.0
    """
    if not 0.0 <= outside < 0.5:
        raise InputError(f"outside must be a share from 0 to below 0.5, found {outside!r}")
    x, px = _columns(table, ("x", "px"))
    ends = [float(value) for value in np.quantile(x, [outside, 1.0 - outside])]
    inner, outer = sorted(ends, key=abs)
    offset = x - x.mean()
    squares = float(offset @ offset)
    slope = float(offset @ px / squares) if squares > 0 else 0.0
    thickness = float(np.std(px - slope * offset))
    error = thickness * sqrt(len(x) / (len(x) - 2) / squares) if squares > 0 else float("inf")
    return Bar(inner, outer, float(x.mean()), float(px.mean()), slope, error, thickness)


def momentum_in_time(table: pd.DataFrame, *, start: float, stop: float, slices: int) -> pd.DataFrame:
    """Momentum of what is extracted in equal ``slices`` of time between ``start`` and ``stop`` [s].

    Equation:
        delta = <delta> in a slice, error spread / sqrt(n), spread the rms about the mean.

    Returns:
        A table (slices rows): time (middle) [s], count, delta, error, spread [1]; nan in a slice without particles (and
        error nan with one).

    Raises:
        InputError: a window that makes no sense.

    Source:
        Mean and standard error.

    Example:
        >>> table = pd.DataFrame({"time": [0.1, 0.2, 0.9], "delta": [1e-3, 3e-3, 5e-3]})
        >>> momentum_in_time(table, start=0.0, stop=1.0, slices=2)["delta"].tolist()
        [0.002, 0.005]
    """
    check_window(start, stop)
    if not (isinstance(slices, int) and 1 <= slices <= 1_000_000):
        raise InputError(f"slices must be a whole number from 1 to 1,000,000, found {slices!r}")
    time, delta = table["time"].to_numpy(dtype=float), table["delta"].to_numpy(dtype=float)
    edges = np.linspace(start, stop, slices + 1)
    inside = (time >= start) & (time < stop)
    place = np.searchsorted(edges, time[inside], side="right") - 1
    delta = delta[inside]
    count = np.bincount(place, minlength=slices)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(place, delta, slices) / count
        spread = np.sqrt(np.bincount(place, (delta - mean[place]) ** 2, slices) / count)
        error = spread / np.sqrt(count - 1.0)
    error[count < 2] = np.nan
    middle = 0.5 * (edges[:-1] + edges[1:])
    return pd.DataFrame({"time": middle, "count": count, "delta": mean, "error": error, "spread": spread})


def angles(table: pd.DataFrame) -> Array:
    """Angle x' = px / (1 + delta) [rad] of extracted particles."""
    return np.asarray(table["px"] / (1.0 + table["delta"]))
