"""Betatron resonances m Qx + n Qy = p: how far tunes are from them, and their lines inside a window of tunes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, floor, gcd
from typing import Any

import numpy as np

from lattice import InputError
from lattice.arrays import Array

Range = tuple[float, float]
Point = tuple[float, float]

#: (m, n) of the sums m Qx + n Qy up to third order with Qy in them: no extraction in x drives one of them.
SUMS_WITH_QY = tuple((m, n) for m in range(4) for n in range(-3, 4) if n and m + abs(n) <= 3 and (m or n > 0))


def nearest_third(tune: Any) -> tuple[Any, Any]:
    """The nearest n/3, n no multiple of 3, and the signed distance Q - n/3 from it: numbers, or arrays for an array.

    Integers drive no third-integer resonance, so 2.03 lies 0.303 below 7/3; nan stays nan.
    """
    thirds = np.floor(tune)[..., None] + np.array([-1.0, 1.0, 2.0, 4.0]) / 3
    distances = np.asarray(tune)[..., None] - thirds
    place = np.argmin(np.abs(distances), axis=-1)[..., None]
    nearest, distance = (np.take_along_axis(values, place, axis=-1)[..., 0] for values in (thirds, distances))
    return nearest[()], distance[()]


@dataclass(frozen=True)
class NearResonance:
    """The resonance ``m`` Qx + ``n`` Qy = ``p`` and the ``distance`` |m Qx + n Qy - p| of tunes from it."""

    m: int
    n: int
    p: int
    distance: float

    @property
    def expression(self) -> str:
        """The distance as people write it: ``|2 Qx - Qy - 3|``."""
        return f"|{_sum(self.m, self.n)} - {self.p}|"


def nearest_with_qy(qx: float, qy: float) -> NearResonance:
    """The nearest resonance up to third order that has Qy in it (``SUMS_WITH_QY``)."""
    distances, whole = _from_sums_with_qy(qx, qy)
    place = int(np.argmin(distances))
    return NearResonance(*SUMS_WITH_QY[place], int(whole[place]), float(distances[place]))


def distance_with_qy(qx: Any, qy: Any) -> Array:
    """Distance of tunes from the nearest resonance up to third order with Qy in it, in the shape of the tunes."""
    return np.asarray(_from_sums_with_qy(qx, qy)[0].min(axis=-1))


def _from_sums_with_qy(qx: Any, qy: Any) -> tuple[Array, Array]:
    """|m Qx + n Qy - p| and the nearest whole p, (..., sums)."""
    m, n = np.array(SUMS_WITH_QY).T
    sums = m * np.asarray(qx)[..., None] + n * np.asarray(qy)[..., None]
    whole = np.round(sums)
    return np.abs(sums - whole), whole


@dataclass(frozen=True)
class ResonanceLine:
    """The line ``m`` Qx + ``n`` Qy = ``p`` between two points of the window's border; m is never negative."""

    m: int
    n: int
    p: int
    start: Point
    end: Point
    systematic: bool

    @property
    def order(self) -> int:
        """|m| + |n|: the order of the multipole that drives it."""
        return self.m + abs(self.n)

    @property
    def skew(self) -> bool:
        """Odd in y: driven by skew multipoles, not by normal ones."""
        return self.n % 2 == 1

    @property
    def equation(self) -> str:
        """The line as people write it: ``3 Qx = 5``, ``Qx - 2 Qy = -2``."""
        return f"{_sum(self.m, self.n)} = {self.p}"


def resonance_lines(qx: Range, qy: Range, max_order: int, superperiods: int = 1) -> tuple[ResonanceLine, ...]:
    """All lines up to ``max_order`` that cross the window ``qx`` by ``qy``, lowest order first.

    Each line comes once, in lowest terms. It is systematic when the lattice of ``superperiods`` equal parts drives
    it, which is when p is a multiple of them. Raises InputError for an empty window or order below 1.
    """
    if not (qx[0] < qx[1] and qy[0] < qy[1]):
        raise InputError(f"a window of tunes needs lower < upper, found Qx {qx} and Qy {qy}")
    if max_order < 1:
        raise InputError(f"resonances start at order 1, found max_order {max_order}")
    found = []
    for m, n, p in _in_lowest_terms(qx, qy, max_order):
        ends = _crossings(m, n, p, qx, qy)
        if ends:
            found.append(ResonanceLine(m, n, p, *ends, systematic=p % superperiods == 0))
    return tuple(sorted(found, key=lambda line: (line.order, line.m, line.n, line.p)))


def _in_lowest_terms(qx: Range, qy: Range, max_order: int) -> Iterator[tuple[int, int, int]]:
    for m in range(max_order + 1):
        for n in range(-(max_order - m), max_order - m + 1):
            if (m == 0 and n <= 0) or (m, n) == (0, 0):
                continue
            corners = [m * x + n * y for x in qx for y in qy]
            for p in range(ceil(min(corners)), floor(max(corners)) + 1):
                if gcd(m, n, p) == 1:
                    yield m, n, p


def _crossings(m: int, n: int, p: int, qx: Range, qy: Range) -> tuple[Point, Point] | None:
    """Where the line cuts the window's border; None when it only touches a corner."""
    points = {(x, (p - m * x) / n) for x in qx if n} | {((p - n * y) / m, y) for y in qy if m}
    slack = 1e-12 * (1 + abs(p))
    inside = sorted(
        (x, y) for x, y in points if qx[0] - slack <= x <= qx[1] + slack and qy[0] - slack <= y <= qy[1] + slack
    )
    if len(inside) < 2 or _same(inside[0], inside[-1], slack):
        return None
    return inside[0], inside[-1]


def _same(a: Point, b: Point, slack: float) -> bool:
    return abs(a[0] - b[0]) <= slack and abs(a[1] - b[1]) <= slack


def _sum(m: int, n: int) -> str:
    """``2 Qx - Qy`` for 2 and -1."""
    return " ".join(filter(None, (_term(m, "Qx", first=True), _term(n, "Qy", first=m == 0))))


def _term(factor: int, symbol: str, *, first: bool) -> str:
    if factor == 0:
        return ""
    size = symbol if abs(factor) == 1 else f"{abs(factor)} {symbol}"
    if first:
        return size if factor > 0 else f"-{size}"
    return f"+ {size}" if factor > 0 else f"- {size}"
