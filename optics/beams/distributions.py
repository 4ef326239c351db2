"""Unit distributions: four transverse coordinates and a momentum deviation, each of rms 1 and mean 0.

Two planes make the normalised phase space (u, u') of x and of y; a plane's amplitude is sqrt(u^2 + u'^2).
"""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt

import numpy as np

from lattice import InputError
from lattice.arrays import Array
from lattice.errors import did_you_mean
from lattice.magnitudes import is_number

Draw = Callable[[np.random.Generator, int], Array]

_LEAST_KEPT = 1e-3  # a cut that leaves less than this of a distribution is a mistake


def _direction(random: np.random.Generator, count: int) -> Array:
    """Directions (count, 4) even over the unit sphere in four dimensions."""
    normal = random.standard_normal((count, 4))
    return np.asarray(normal / np.linalg.norm(normal, axis=1, keepdims=True))


def gaussian(random: np.random.Generator, count: int) -> Array:
    """Four independent normal coordinates (count, 4)."""
    return random.standard_normal((count, 4))


def kv(random: np.random.Generator, count: int) -> Array:
    """Kapchinsky-Vladimirsky: even over the sphere of radius 2, whose coordinates have rms 2/sqrt(4) = 1.

    Kapchinsky and Vladimirsky, Proc. Int. Conf. High Energy Accel., CERN, 1959, p. 274.
    """
    return 2.0 * _direction(random, count)


def waterbag(random: np.random.Generator, count: int) -> Array:
    """Four-dimensional waterbag: even inside the ball of radius sqrt(6), since <r^2> = 4 R^2 / 6."""
    radius = sqrt(6.0) * random.random(count) ** 0.25
    return _direction(random, count) * radius[:, None]


def normal_momenta(random: np.random.Generator, count: int) -> Array:
    """Normal deviates (count,)."""
    return random.standard_normal(count)


def uniform_momenta(random: np.random.Generator, count: int) -> Array:
    """Even over a full width of sqrt(12)."""
    return sqrt(12.0) * (random.random(count) - 0.5)


def parabolic_momenta(random: np.random.Generator, count: int) -> Array:
    """Density 1 - (2 u/w)^2 over a full width w = sqrt(20): a beta distribution of parameters 2, 2."""
    return sqrt(20.0) * (random.beta(2.0, 2.0, count) - 0.5)


TRANSVERSE: dict[str, Draw] = {"gaussian": gaussian, "kv": kv, "waterbag": waterbag}
MOMENTA: dict[str, Draw] = {"gaussian": normal_momenta, "uniform": uniform_momenta, "parabolic": parabolic_momenta}
#: Full width of a bounded momentum distribution over its rms.
FULL_WIDTH = {"uniform": sqrt(12.0), "parabolic": sqrt(20.0)}


def named(what: str, name: str, known: dict[str, Draw]) -> Draw:
    """The distribution called ``name``; InputError with the nearest name when there is none."""
    if not (isinstance(name, str) and name.lower() in known):
        hint = did_you_mean(str(name), known)
        raise InputError(f"{what}: there is no distribution '{name}'{hint} Known: {', '.join(known)}")
    return known[name.lower()]


def transverse_sample(name: str, random: np.random.Generator, count: int, cut: float | None = None) -> Array:
    """Normalised coordinates (count, 4); particles whose amplitude in a plane is beyond ``cut`` are drawn again."""
    return _within(named("transverse", name, TRANSVERSE), random, count, cut, _largest_amplitude)


def momentum_sample(name: str, random: np.random.Generator, count: int, cut: float | None = None) -> Array:
    """Normalised momentum deviations (count,); those beyond ``cut`` are drawn again."""
    return _within(named("momenta", name, MOMENTA), random, count, cut, np.abs)


def _largest_amplitude(sample: Array) -> Array:
    return np.asarray(np.maximum(np.hypot(sample[:, 0], sample[:, 1]), np.hypot(sample[:, 2], sample[:, 3])))


def _within(
    draw: Draw, random: np.random.Generator, count: int, cut: float | None, size: Callable[[Array], Array]
) -> Array:
    if cut is None:
        return draw(random, count)
    if not (is_number(cut) and cut > 0):
        raise InputError(f"cut must be a positive number of rms widths, found {cut!r}")
    kept: list[Array] = []
    found = tried = 0
    while found < count:
        sample = draw(random, max(count - found, 1000))
        kept.append(sample[size(sample) <= cut])
        found, tried = found + len(kept[-1]), tried + len(sample)
        if found < _LEAST_KEPT * tried:
            raise InputError(f"cut = {cut:g} rms widths leaves out nearly every particle: choose a larger one")
    return np.concatenate(kept)[:count]
