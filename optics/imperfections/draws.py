"""Random numbers of errors: each depends on the seed, on what it is of and on the machine's number alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from zlib import crc32

import numpy as np
from scipy.special import ndtr, ndtri

from lattice import Bend, Element, InputError
from lattice.arrays import Array
from lattice.errors import did_you_mean
from optics.linear.moments import COORDINATES

GAUSSIAN, UNIFORM = "gaussian", "uniform"
DISTRIBUTIONS = (GAUSSIAN, UNIFORM)
_NAME = re.compile(r"[A-Za-z_][\w.$]*")
#: What sets the strength of a magnet, the first that is there.
_STRENGTHS = ("k1", "k2", "k3", "k1s", "k2s", "k3s")


def checked_distribution(name: str, where: str) -> str:
    """The name of a distribution; InputError for another."""
    if name not in DISTRIBUTIONS:
        hint = did_you_mean(str(name), DISTRIBUTIONS) or ":"
        raise InputError(f"{where}: unknown distribution '{name}'{hint} {' or '.join(DISTRIBUTIONS)}")
    return name


def standard(seed: int, stream: tuple[str, ...], distribution: str, cut: float, numbers: Array) -> Array:
    """Numbers of mean 0 from a ``stream`` of their own, those of machines ``numbers`` (machines,): (machines,).

    "gaussian": of rms 1 before it is cut at ``cut``; "uniform": of rms 1, up to sqrt(3). Machine n takes the nth number
    of the stream: the generator is set forward to it, so a slice equals that of the whole.
    """
    return shaped(uniform(seed, stream, numbers), distribution, cut)


#: Cut of the errors of beams [rms], as that of magnets.
CUT_OF_BEAMS = 3.0


def beam_starts(seed: int, stream: str, rms: Mapping[str, float], numbers: Mapping[str, Array]) -> Array:
    """Where the middle of the beam of each machine begins: (machines, 6) of x, px, y, py, zeta, delta.

    ``rms`` by coordinate [m, rad, 1], Gaussian and cut; ``numbers`` (machines,) by coordinate: the machines whose draws
    are taken. Each coordinate of each ``stream`` ("steady", "ripple") has a stream of its own.
    """
    count = len(next(iter(numbers.values()))) if numbers else 0
    start = np.zeros((count, len(COORDINATES)))
    for name, size in rms.items():
        drawn = standard(seed, ("beam", stream, name), GAUSSIAN, CUT_OF_BEAMS, numbers[name])
        start[:, COORDINATES.index(name)] = size * drawn
    return start


def uniform(seed: int, stream: tuple[str, ...], numbers: Array) -> Array:
    """Numbers between 0 and 1 of a ``stream``, those of machines ``numbers`` (machines,): (machines,)."""
    first = int(np.min(numbers))
    generator = np.random.PCG64([seed, *(crc32(part.encode()) for part in stream)])
    numbered = np.random.Generator(generator.advance(first)).random(int(np.max(numbers)) - first + 1)
    return np.asarray(numbered[numbers - first])


def shaped(uniform: Array, distribution: str, cut: float) -> Array:
    """Numbers between 0 and 1, of any shape, as those of a distribution: one call for many streams costs as one."""
    if distribution == UNIFORM:
        return np.asarray(np.sqrt(3.0) * (2.0 * uniform - 1.0))
    return _cut_gaussian(uniform, cut)


def _cut_gaussian(uniform: Array, cut: float) -> Array:
    """The inverse of the distribution function of a Gaussian cut at ``cut`` rms, from its nearer end."""
    below = np.minimum(uniform, 1.0 - uniform)
    size = -ndtri(ndtr(-cut) + below * (ndtr(cut) - ndtr(-cut)))
    return np.asarray(np.clip(np.where(uniform < 0.5, -size, size), -cut, cut))


def circuit_of(element: Element) -> str:
    """What magnets on one supply share: the parameters in their strength; bends without any are all in series.

    >>> from lattice import Quadrupole
    >>> circuit_of(Quadrupole("q1", length=0.3, k1="-kd")), circuit_of(Quadrupole("q2", length=0.3, k1=0.4))
    ('kd', 'q2')
    """
    texts = [getattr(element, key, 0.0) for key in _STRENGTHS]
    names = [name for text in texts if isinstance(text, str) for name in _NAME.findall(text)]
    if names:
        return "+".join(dict.fromkeys(names))
    return "bends in series" if isinstance(element, Bend) else element.name
