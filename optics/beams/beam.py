"""Beams: rms emittances and momentum spread, and matched samples with an explicit seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isclose, isfinite, sqrt
from typing import Any

import numpy as np

from lattice import InputError, ReferenceParticle
from lattice.arrays import Array
from lattice.magnitudes import EMITTANCE, MOMENTUM_SPREAD, as_number, is_number
from lattice.showing import Showing
from optics.beams.distributions import FULL_WIDTH, momentum_sample, transverse_sample
from optics.linear.momentum_optics import momentum_optics
from optics.linear.optics import Optics

MAX_COUNT = 50_000_000


@dataclass(frozen=True)
class Beam(Showing):
    """A beam: geometric rms emittances ``emittance_x``, ``emittance_y`` [m] and rms dp/p ``sigma_delta``.

    ``delta`` is the mean momentum deviation. ``Beam.normalised`` takes normalised emittances (beta gamma times the
    geometric ones). Raises InputError for values that are negative, not finite or of another unit.

    >>> from lattice import ReferenceParticle
    >>> beam = Beam.normalised(ReferenceParticle("proton", kinetic_energy_per_u=60e6), 1e-6, 1e-6, sigma_delta=1e-3)
    >>> print(f"{beam.emittance_x:.3e}")
    2.753e-06
    """

    particle: ReferenceParticle
    emittance_x: float
    emittance_y: float
    sigma_delta: float = 0.0
    delta: float = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.particle, ReferenceParticle):
            raise InputError(f"Beam: particle must be a ReferenceParticle, found {self.particle!r}")
        for name in ("emittance_x", "emittance_y", "sigma_delta"):
            number = as_number(getattr(self, name))
            if number is None or not (isfinite(number) and number >= 0):
                raise InputError(f"Beam: {name} must be a number not below 0, found {getattr(self, name)!r}")
            if name != "sigma_delta" and (fault := EMITTANCE.fault(number)):
                raise InputError(f"Beam: {name} {fault}")
        if fault := MOMENTUM_SPREAD.fault(self.sigma_delta):
            raise InputError(f"Beam: sigma_delta {fault}")
        delta = as_number(self.delta)
        if delta is None or not (isfinite(delta) and delta > -1.0):
            raise InputError(f"Beam: delta must be finite and above -1, found {self.delta!r}")

    @classmethod
    def normalised(
        cls,
        particle: ReferenceParticle,
        emittance_x: float,
        emittance_y: float,
        sigma_delta: float = 0.0,
        delta: float = 0.0,
    ) -> Beam:
        """Beam of given normalised rms emittances [m]."""
        x, y = particle.geometric_emittance(emittance_x), particle.geometric_emittance(emittance_y)
        return cls(particle, x, y, sigma_delta, delta)

    def mean_square(self, column: Callable[[str], Any], plane: str) -> Any:
        """Mean square size [m^2] in a plane from columns of optical functions, in their shape.

        sigma_x^2 = e_x betx + e_y betx2 + (D_x sigma_delta)^2, in y with bety1: both modes of coupled motion are seen
        in each plane (H. Mais & G. Ripken, DESY M-82-05). Holomorphic, so a complex step passes through.
        """
        own, other = (self.emittance_x, self.emittance_y) if plane == "x" else (self.emittance_y, self.emittance_x)
        there = column("betx2" if plane == "x" else "bety1")
        return own * column(f"bet{plane}") + other * there + (column(f"d{plane}") * self.sigma_delta) ** 2

    def mean_square_slope(self, column: Callable[[str], Any], plane: str) -> Any:
        """Slope of ``mean_square`` along s [m], times 1 + delta of the optics: beta' = -2 alfa and D' = dpx."""
        own, other = (self.emittance_x, self.emittance_y) if plane == "x" else (self.emittance_y, self.emittance_x)
        there = column("alfx2" if plane == "x" else "alfy1")
        dispersion = column(f"d{plane}") * column(f"dp{plane}") * self.sigma_delta**2
        return 2.0 * (dispersion - own * column(f"alf{plane}") - other * there)

    def sizes(self, optics: Optics) -> tuple[Array, Array]:
        """Rms sizes [m] in x and y at every row: of both modes, and of the dispersion times sigma_delta."""
        x, y = (np.sqrt(self.mean_square(optics.__getitem__, plane)) for plane in ("x", "y"))
        return x, y


def gaussian_beam(beam: Beam, optics: Optics, count: int, *, seed: int, at: str | None = None) -> Array:
    """Sample ``count`` particles of a Gaussian beam matched to ``optics`` at a place: ``sample_beam`` as it is.

    Equation:
        x = sqrt(emittance betx) u + dx delta, px = sqrt(emittance / betx) (v - alfx u) + dpx delta, u and v standard
        normal.

    Returns:
        Coordinates (count, 6) of x, px, y, py, zeta, delta [m, 1]; the same ones for the same ``seed``.

    Raises:
        InputError: as ``sample_beam``.

    Source:
        E. D. Courant, H. S. Snyder, Ann. Phys. 3, 1 (1958).

    Example:
        >>> from machines.cnao_like import cnao
        >>> from optics import twiss
        >>> optics = twiss(cnao())
        >>> beam = gaussian_beam(Beam(optics.particle, 1e-6, 1e-6), optics, 20000, seed=1)
        >>> bool(abs(beam[:, 0].std() / np.sqrt(1e-6 * optics["betx"][0]) - 1) < 0.02)  # four sigma of 20,000
        True
    """
    return sample_beam(beam, optics, count, seed=seed, at=at)


def sample_beam(
    beam: Beam,
    optics: Optics,
    count: int,
    *,
    seed: int,
    at: str | None = None,
    transverse: str = "gaussian",
    momenta: str = "gaussian",
    full_width: float | None = None,
    coasting: bool = False,
    sigma_zeta: float = 0.0,
    cut: float | None = None,
    off_momentum: bool = False,
) -> Array:
    """Sample ``count`` particles matched to ``optics`` at a place (default: the start): (count, 6) of x, px, ... delta.

    ``transverse``: "gaussian", "kv" (all on one shell in four dimensions) or "waterbag" (even within one), of the
    beam's rms emittances. ``momenta``: "gaussian", "uniform" or "parabolic" around ``beam.delta`` with rms
    ``beam.sigma_delta``, or, of the latter two, with ``full_width`` in its place. zeta is 0, or Gaussian with rms
    ``sigma_zeta`` [m], or of a ``coasting`` beam even over the circumference. ``cut``: nothing beyond so many rms
    widths in the amplitude of a plane or (Gaussian) in momentum; it makes the rms values smaller.
    Closed orbit and dispersion are included to first order; with ``off_momentum`` each particle is matched to the
    closed orbit, beta and alpha at its own momentum, to all orders. Transverse, momentum and longitudinal samples
    have random streams of their own: a change of one leaves the others.

    Returns:
        Coordinates (count, 6) of x, px, y, py, zeta, delta [m, 1]; the same ones for the same ``seed``.

    Raises:
        InputError: an unknown shape or place, a count or width that makes no sense, another particle than that of the
            optics, particles of dp/p <= -1; with ``off_momentum`` as ``momentum_optics``.

    Example:
        >>> from machines.cnao_like import cnao
        >>> from optics import twiss
        >>> optics = twiss(cnao())
        >>> sample_beam(Beam(optics.particle, 1e-6, 1e-6), optics, 100, seed=1, transverse="waterbag").shape
        (100, 6)
    """
    if not isinstance(beam, Beam) or not isinstance(optics, Optics):
        found = f"{type(beam).__name__} and {type(optics).__name__}"
        raise InputError(f"a sample is of a Beam, matched to the optics of twiss(lattice), found {found}")
    _same_particle(beam, optics)
    row = _row(optics, count, seed, at)
    streams = np.random.default_rng(seed).spawn(3)
    normal = transverse_sample(transverse, streams[0], count, cut)
    delta = beam.delta + _momentum_deviation(beam, momenta, full_width, streams[1], count, cut)
    if np.any(delta <= -1.0):
        raise InputError(
            f"{np.sum(delta <= -1.0)} of {count} particles have dp/p <= -1: choose a narrower spread or a cut"
        )
    place = _exact if off_momentum else _linear
    coordinates = place(beam, optics, row, normal, delta)
    zeta = _longitudinal(optics, streams[2], count, coasting, sigma_zeta)
    return np.column_stack([coordinates, zeta, optics.delta + delta])


def _same_particle(beam: Beam, optics: Optics) -> None:
    """InputError for a beam of one particle in the optics of another: its emittances and momenta are its own's."""
    ours, theirs = beam.particle, optics.particle
    if ours.kind != theirs.kind or not isclose(ours.momentum, theirs.momentum, rel_tol=1e-6):
        energies = [f"{one.kinetic_energy_per_u / 1e6:g} MeV/u" for one in (ours, theirs)]
        raise InputError(
            f"the beam is of {ours.species} at {energies[0]}, the optics of {theirs.species} at {energies[1]}: "
            "give both the same particle"
        )


def _row(optics: Optics, count: int, seed: int, at: str | None) -> int:
    """Row of the place; InputError for counts, seeds and optics that no sample can be drawn for."""
    if not (isinstance(count, int) and count >= 1):
        raise InputError(f"count must be a whole number above 0, found {count!r}")
    if count > MAX_COUNT:
        raise InputError(f"count must be at most {MAX_COUNT:,} (memory), found {count:,}")
    if not (isinstance(seed, int) and seed >= 0):
        raise InputError(f"seed must be a whole number not below 0, found {seed!r}")
    if optics.lattice.batch is not None:
        raise InputError(f"a beam is matched to one lattice, here are {optics.lattice.batch}")
    return optics.row(at) if at is not None else 0


def _momentum_deviation(
    beam: Beam, momenta: str, full_width: float | None, random: np.random.Generator, count: int, cut: float | None
) -> Array:
    """Deviations (count,) from the beam's mean dp/p."""
    bounded = FULL_WIDTH.get(str(momenta).lower())
    scale = beam.sigma_delta
    if full_width is not None:
        if not (is_number(full_width) and full_width >= 0):
            raise InputError(f"full_width of dp/p must be a number not below 0, found {full_width!r}")
        if bounded is None:
            raise InputError(f"'{momenta}' momenta have no full_width: take 'uniform' or 'parabolic', or a cut")
        scale = full_width / bounded
    return scale * momentum_sample(momenta, random, count, cut if bounded is None else None)


def _linear(beam: Beam, optics: Optics, row: int, normal: Array, delta: Array) -> Array:
    """Transverse coordinates (n, 4): orbit, modes and dispersion of ``optics``."""
    emittances = np.sqrt([beam.emittance_x, beam.emittance_x, beam.emittance_y, beam.emittance_y])
    orbit = np.array([float(optics[name][row]) for name in ("x", "px", "y", "py")])
    dispersion = np.array([float(optics[name][row]) for name in ("dx", "dpx", "dy", "dpy")])
    return np.asarray(orbit + (normal * emittances) @ _modes(optics, row).T + delta[:, None] * dispersion)


def _exact(beam: Beam, optics: Optics, row: int, normal: Array, delta: Array) -> Array:
    """Transverse coordinates (n, 4): orbit, beta and alpha at each particle's own momentum."""
    momentum = optics.delta + delta
    own = momentum_optics(optics, row, float(momentum.min()), float(momentum.max()))
    betx, alfx, bety, alfy = own.twiss(momentum)
    betatron = [
        value
        for beta, alpha, emittance, u, v in (
            (betx, alfx, beam.emittance_x, normal[:, 0], normal[:, 1]),
            (bety, alfy, beam.emittance_y, normal[:, 2], normal[:, 3]),
        )
        for value in (np.sqrt(emittance * beta) * u, np.sqrt(emittance / beta) * (v - alpha * u))
    ]
    return np.asarray(own.orbit(momentum) + np.column_stack(betatron))


def _longitudinal(optics: Optics, random: np.random.Generator, count: int, coasting: bool, sigma_zeta: float) -> Array:
    if not (is_number(sigma_zeta) and sigma_zeta >= 0):
        raise InputError(f"sigma_zeta must be a number of metres not below 0, found {sigma_zeta!r}")
    if not coasting:
        return sigma_zeta * random.standard_normal(count)
    if sigma_zeta or not optics.periodic:
        why = "it has no sigma_zeta" if sigma_zeta else "a line has no circumference"
        raise InputError(f"a coasting beam fills the circumference of a ring: {why}")
    return float(optics.lattice.length) * (random.random(count) - 0.5)


def _modes(optics: Optics, row: int) -> Array:
    """Normalising matrix (4, 4) at a row: coordinates from normalised ones."""
    if optics.start_modes is not None:
        if row != 0:
            raise InputError("in coupled optics a beam is sampled at the start: begin the lattice at the place wanted")
        return np.asarray(optics.start_modes[0])
    modes = np.zeros((4, 4))
    for i, plane in ((0, "x"), (2, "y")):
        root = sqrt(float(optics[f"bet{plane}"][row]))
        modes[i, i], modes[i + 1, i] = root, -float(optics[f"alf{plane}"][row]) / root
        modes[i + 1, i + 1] = 1.0 / root
    return modes
