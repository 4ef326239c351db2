"""Achromats and dispersion suppressors."""

from __future__ import annotations

from collections.abc import Iterator
from math import pi

from benchmarks.problems.lines import CARBON, knobs
from benchmarks.problems.problem import Problem
from lattice import Bend, Drift, Lattice, Marker, Quadrupole
from optics import Limit, Target, Vary, twiss

_ENTRANCE = {"betx": 8.0, "alfx": 0.0, "bety": 8.0, "alfy": 0.0}


def achromats() -> Iterator[Problem]:
    """Problems with bends whose dispersion must close."""
    closed = [Target("dx", 0.0, at="outlet"), Target("dpx", 0.0, at="outlet")]
    double = _achromat(2)
    yield Problem(
        name="achromat-double",
        text="two bends, three quadrupoles mirrored: D and D' closed by two knobs",
        lattice=double,
        vary=[Vary("k1", -4, 4), Vary("k2", 0, 6)],
        start=_ENTRANCE,
        targets=closed,
    )
    wide = _achromat(2, free=True)
    yield Problem(
        name="achromat-double-matched",
        text="the same with two doublets that bring the betas back",
        lattice=wide,
        vary=knobs(7, 4.0),
        start=_ENTRANCE,
        limits=[Limit("betx", upper=40.0), Limit("bety", upper=40.0)],
        targets=[*closed, *_twiss(_ENTRANCE)],
    )
    triple = _achromat(3, free=True)
    yield Problem(
        name="achromat-triple",
        text="three bends, ten quadrupoles: D closed, betas brought back",
        lattice=triple,
        vary=knobs(10, 4.0),
        start=_ENTRANCE,
        targets=[*closed, *_twiss(_ENTRANCE)],
        limits=[Limit("betx", upper=60.0), Limit("bety", upper=60.0)],
    )
    yield _suppressor()


def _twiss(values: dict[str, float]) -> list[Target]:
    return [Target(name, value, at="outlet") for name, value in values.items()]


def _achromat(bends: int, free: bool = False) -> Lattice:
    """Bends of 30 degrees with three quadrupoles between neighbours, and doublets at both ends when ``free``."""
    elements: list[object] = []
    count = 0

    def quadrupole(name: str) -> list[object]:
        return [Quadrupole(f"q_{name}", length=0.3, k1=name), Drift(f"d_{name}", length=0.6)]

    def next_one() -> list[object]:
        nonlocal count
        count += 1
        return quadrupole(f"k{count}")

    elements += [*next_one(), *next_one()] if free else [Drift("d0", length=1.0)]
    for index in range(bends):
        elements += [Bend(f"mb{index}", length=2.0, angle=pi / 6), Drift(f"b{index}", length=0.6)]
        if index < bends - 1:
            elements += (
                [part for _ in range(3) for part in next_one()]
                if free
                else [
                    *quadrupole("k1"),
                    Quadrupole("q_k2", length=0.3, k1="k2"),
                    Drift("dd", length=0.6),
                    Quadrupole("q_k3", length=0.3, k1="k1"),
                    Drift("d_k3", length=0.6),
                ]
            )
    elements += [*next_one(), *next_one()] if free else []
    values = {f"k{i}": 1.0 * (-1) ** i for i in range(1, max(count, 2) + 1)}
    return Lattice("achromat", elements=[*elements, Marker("outlet")], parameters=values, particle=CARBON)  # type: ignore[list-item]


def _suppressor() -> Problem:
    """From a periodic arc cell to a straight one: dispersion to zero and betas matched by six quadrupoles."""
    arc = _cell("arc", pi / 16)
    start = twiss(arc)
    begin = {name: float(start[name][0]) for name in ("betx", "alfx", "bety", "alfy", "dx", "dpx")}
    after = twiss(_cell("straight", 0.0))
    goals = [Target(name, float(after[name][0]), at="outlet") for name in ("betx", "alfx", "bety", "alfy")]
    closed = [Target("dx", 0.0, at="outlet"), Target("dpx", 0.0, at="outlet")]
    elements: list[object] = []
    for i in range(1, 9):
        bend = i in (1, 2, 5, 6)
        elements += [Quadrupole(f"q{i}", length=0.4, k1=f"k{i}"), Drift(f"d{i}", length=0.5)]
        elements += [
            Bend(f"mb{i}", length=1.5, angle=pi / 16) if bend else Drift(f"m{i}", length=1.5),
            Drift(f"e{i}", length=0.5),
        ]
    values = {f"k{i}": 0.6 * (-1) ** (i + 1) for i in range(1, 9)}
    line = Lattice("suppressor", elements=[*elements, Marker("outlet")], parameters=values, particle=CARBON)  # type: ignore[list-item]
    return Problem(
        name="suppressor",
        text="from a periodic arc to a straight by missing bends: D to zero, betas matched",
        lattice=line,
        vary=knobs(8, 1.5),
        start=begin,
        targets=[*goals, *closed],
        limits=[Limit("betx", upper=25.0), Limit("bety", upper=25.0)],
    )


def _cell(name: str, angle: float) -> Lattice:
    bend = [Bend("mb", length=1.5, angle=angle)] if angle else [Drift("mb", length=1.5)]
    parts = [Drift("d", length=0.5), *bend, Drift("e", length=0.5)]
    elements = [Quadrupole("qf", length=0.4, k1=0.6), *parts, Quadrupole("qd", length=0.4, k1=-0.6), *parts]
    return Lattice(name, elements=elements, particle=CARBON)
