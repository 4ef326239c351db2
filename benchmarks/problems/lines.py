"""Transfer lines and insertions: matching sections, telescopes, beta limits, phase advances, coupling."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import pi

from benchmarks.problems.problem import Problem, reached
from lattice import Bend, Drift, Lattice, Marker, Quadrupole, ReferenceParticle
from optics import Limit, Target, Vary

CARBON = ReferenceParticle("carbon-12", kinetic_energy_per_u=200e6)
#: The beam that leaves the CNAO ring (CNAO/optics, HEBT).
EXTRACTED = {"betx": 9.071, "alfx": 0.2187, "bety": 3.9421, "alfy": 0.752, "dx": -0.34, "dpx": 0.0}
ROUND = {"betx": 5.0, "alfx": 0.0, "bety": 5.0, "alfy": 0.0}
_TWISS = ("betx", "alfx", "bety", "alfy")


def lines() -> Iterator[Problem]:
    """Problems of lines."""
    yield from _sections()
    yield from _telescopes()
    yield from _limited()
    yield from _bent()


def quadrupoles(count: int, gap: float = 1.2, length: float = 0.3, first: float = 0.5) -> Lattice:
    """A straight line of ``count`` quadrupoles k1, k2 ..., with a marker "middle" and a marker "outlet"."""
    elements: list[object] = [Drift("d0", length=first)]
    for i in range(1, count + 1):
        elements += [Quadrupole(f"q{i}", length=length, k1=f"k{i}"), Drift(f"d{i}", length=gap)]
        elements += [Marker("middle")] if i == count // 2 else []
    values = {f"k{i}": 0.7 * (-1) ** (i + 1) for i in range(1, count + 1)}
    return Lattice("transfer", elements=[*elements, Marker("outlet")], parameters=values, particle=CARBON)  # type: ignore[list-item]


def knobs(count: int, size: float = 2.0) -> list[Vary]:
    """All quadrupoles of such a line."""
    return [Vary(f"k{i}", -size, size) for i in range(1, count + 1)]


def _at(place: str, **values: float) -> list[Target]:
    return [Target(name, value, at=place) for name, value in values.items()]


def _strengths(values: Sequence[float]) -> dict[str, float]:
    return {f"k{i + 1}": value for i, value in enumerate(values)}


def _sections() -> Iterator[Problem]:
    four, six = quadrupoles(4), quadrupoles(6)
    known = _strengths([0.9, -1.1, 0.8, -0.5])
    yield Problem(
        name="section-4",
        text="four quadrupoles for the four Twiss parameters of a known solution",
        lattice=four,
        vary=knobs(4),
        start=EXTRACTED,
        targets=reached(four, known, _TWISS, "outlet", EXTRACTED),
    )
    yield Problem(
        name="section-from-nothing",
        text="all quadrupoles within 1 % of off: the line begins as a drift",
        lattice=six.with_parameters({f"k{i}": 0.01 for i in range(1, 7)}),
        vary=knobs(6),
        start=ROUND,
        spread=1.0,
        targets=_at("outlet", betx=3.0, alfx=0.5, bety=8.0, alfy=-0.5),
    )
    yield Problem(
        name="waist-small",
        text="a waist of 0.3 m in both planes, starts anywhere",
        lattice=six,
        vary=knobs(6, 3.0),
        start=ROUND,
        targets=_at("outlet", betx=0.3, alfx=0.0, bety=0.3, alfy=0.0),
    )
    yield Problem(
        name="spot-flat",
        text="20 m by 1 m at the isocentre, betas below 60 m on the way",
        lattice=six,
        vary=knobs(6),
        start=EXTRACTED,
        limits=[Limit("betx", upper=60.0), Limit("bety", upper=60.0)],
        targets=_at("outlet", betx=20.0, alfx=0.0, bety=1.0, alfy=0.0),
    )
    eight = quadrupoles(8)
    phases = [Target("mux", 1.0, at="outlet"), Target("muy", 0.75, at="outlet")]
    yield Problem(
        name="section-phases",
        text="Twiss parameters and both phase advances by eight quadrupoles",
        lattice=eight,
        vary=knobs(8, 4.0),
        start=ROUND,
        targets=[*_at("outlet", betx=4.0, alfx=0.0, bety=6.0, alfy=0.0), *phases],
    )
    half = [*_at("middle", betx=6.0, bety=2.0), *_at("outlet", betx=5.0, alfx=0.0, bety=5.0, alfy=0.0)]
    yield Problem(
        name="section-two-places",
        text="betas in the middle and Twiss parameters at the end",
        lattice=eight,
        vary=knobs(8, 4.0),
        start=ROUND,
        targets=half,
    )


def _telescopes() -> Iterator[Problem]:
    six, eight = quadrupoles(6, gap=1.5), quadrupoles(8, gap=1.5)
    for name, line, beta, start in (("telescope-unity", eight, 5.0, ROUND), ("telescope-2", six, 20.0, ROUND)):
        image = [
            *_at("outlet", betx=beta, alfx=0.0, bety=beta, alfy=0.0),
            Target("mux", 0.5 if name == "telescope-2" else 1.0, at="outlet"),
            Target("muy", 0.5, at="outlet"),
        ]
        yield Problem(
            name=name,
            text=f"image of magnification {(beta / 5) ** 0.5:g} in both planes",
            lattice=line,
            vary=knobs(len(_names(line)), 4.0),
            start=start,
            targets=image,
        )


def _names(line: Lattice) -> list[str]:
    return [name for name in line.parameters if name.startswith("k")]


def _limited() -> Iterator[Problem]:
    for count, limit, size in ((6, 25.0, 2.0), (8, 20.0, 2.0), (12, 20.0, 2.0), (12, 14.0, 2.0)):
        yield Problem(
            name=f"limit-{count}-{limit:g}",
            text=f"{count} quadrupoles, starts anywhere, betas below {limit:g} m",
            lattice=quadrupoles(count),
            vary=knobs(count, size),
            start=EXTRACTED,
            targets=_at("outlet", betx=5.0, alfx=0.0, bety=5.0, alfy=0.0),
            limits=[Limit("betx", upper=limit), Limit("bety", upper=limit)],
        )


def _bent() -> Iterator[Problem]:
    line = dispersive_line().with_parameters({f"s{i}": 0.0 for i in (1, 2, 3)})
    goals = _at("outlet", betx=6.0, alfx=0.0, bety=6.0, alfy=0.0, dx=0.0, dpx=0.0)
    limits = [Limit("betx", upper=40.0), Limit("bety", upper=40.0), Limit("dx", upper=6.0)]
    yield Problem(
        name="line-to-the-patient",
        text="ten quadrupoles, two bends: Twiss, D = D' = 0, limits on the way",
        lattice=line,
        vary=knobs(10),
        start=EXTRACTED,
        targets=goals,
        limits=limits,
    )
    skew = dispersive_line().with_parameters({"roll": 0.02})
    turned = _at("outlet", dx=0.0, dpx=0.0, dy=0.0, dpy=0.0)
    yield Problem(
        name="line-coupled",
        text="the same with bends rolled by 20 mrad: both dispersions closed",
        lattice=skew,
        vary=[*knobs(10), *(Vary(f"s{i}", -0.5, 0.5) for i in (1, 2, 3))],
        start=EXTRACTED,
        targets=turned,
        spread=0.3,
    )


def dispersive_line() -> Lattice:
    """Ten quadrupoles with bends of 22.5 degrees behind the second and the sixth, and three skew quadrupoles."""
    elements: list[object] = [Drift("d0", length=0.5)]
    for i in range(1, 11):
        elements += [Quadrupole(f"q{i}", length=0.3, k1=f"k{i}"), Drift(f"d{i}", length=1.0)]
        if i in (2, 6):
            elements += [Bend(f"mb{i}", length=1.6, angle=pi / 8, tilt="roll"), Drift(f"e{i}", length=0.6)]
        if i in (3, 5, 8):
            name = {3: 1, 5: 2, 8: 3}[i]
            elements += [Quadrupole(f"sq{name}", length=0.2, k1=f"s{name}", tilt=pi / 4), Drift(f"f{i}", length=0.3)]
    values = {f"k{i}": 0.7 * (-1) ** (i + 1) for i in range(1, 11)} | {"s1": 0.05, "s2": 0.05, "s3": 0.05, "roll": 0.0}
    return Lattice("transfer", elements=[*elements, Marker("outlet")], parameters=values, particle=CARBON)  # type: ignore[list-item]
