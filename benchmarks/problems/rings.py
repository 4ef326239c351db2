"""Rings: the CNAO and PIMMS synchrotrons at several working points, FODO rings, and what starts unstable."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.problems.problem import Problem
from lattice import Bend, Drift, Kicker, Lattice, Marker, Quadrupole, ReferenceParticle, Sextupole
from machines.cnao_like import cnao, pimms
from optics import Limit, Target, Vary

PROTON = ReferenceParticle("proton", kinetic_energy_per_u=60e6)
_CNAO = [Vary("kf", 0.2, 0.4), Vary("kd", 0.4, 0.6), Vary("kr", 0.4, 0.6)]
_PIMMS = [Vary("qf1", 0.2, 0.45), Vary("qf2", 0.4, 0.65), Vary("qd", -0.65, -0.4)]


def rings() -> Iterator[Problem]:
    """Problems of rings."""
    yield from _synchrotrons()
    yield from _fodo_rings()


def _tunes(qx: float, qy: float) -> list[Target]:
    return [Target("qx", qx), Target("qy", qy)]


def _synchrotrons() -> Iterator[Problem]:
    ring = cnao()
    closed = Target("dx", 0.0, at="symp")
    yield Problem(
        name="cnao-extraction",
        text="tunes and D = 0 at a septum, from near",
        lattice=ring,
        vary=_CNAO,
        targets=[*_tunes(1.666, 1.74), closed],
        spread=0.01,
    )
    yield Problem(
        name="cnao-injection",
        text="another working point, from farther",
        lattice=ring,
        vary=_CNAO,
        targets=[*_tunes(1.70, 1.78), closed],
        spread=0.04,
    )
    yield Problem(
        name="cnao-anywhere",
        text="starts anywhere in wide bounds: two in three are unstable",
        lattice=ring,
        vary=_CNAO,
        targets=[*_tunes(1.662, 1.74), closed],
    )
    yield Problem(
        name="cnao-peak",
        text="tunes with the peak of betx limited",
        lattice=ring,
        vary=_CNAO,
        targets=_tunes(1.666, 1.74),
        limits=[Limit("betx", upper=16.5)],
        spread=0.02,
    )
    chromatic = [Vary("s0", -10.0, 10.0), Vary("s1", -10.0, 10.0)]
    yield Problem(
        name="cnao-chromaticity",
        text="five knobs, chromaticities with tunes and dispersion",
        lattice=ring,
        vary=[*_CNAO, *chromatic],
        spread=0.02,
        targets=[*_tunes(1.666, 1.74), closed, Target("dqx", -4.0), Target("dqy", -1.0)],
    )
    other = pimms()
    yield Problem(
        name="pimms-tunes",
        text="three families for two tunes, from near: one knob to spare",
        lattice=other,
        vary=_PIMMS,
        targets=_tunes(1.666, 1.72),
        spread=0.01,
    )
    yield Problem(
        name="pimms-anywhere",
        text="starts anywhere in the bounds, most of them unstable",
        lattice=other,
        vary=_PIMMS,
        targets=[*_tunes(1.645, 1.72), Target("dx", 0.0, at="es_marker")],
    )


def _fodo_rings() -> Iterator[Problem]:
    ring = fodo_ring(8)
    knobs = [Vary("kf", 0.05, 2.5), Vary("kd", -2.5, -0.05)]
    yield Problem(
        name="fodo-tunes",
        text="starts anywhere, most of them unstable",
        lattice=ring,
        vary=knobs,
        targets=_tunes(1.79, 1.72),
    )
    yield Problem(
        name="fodo-edge",
        text="close to the edge of stability: 170 degrees a cell",
        lattice=ring,
        vary=[Vary("kf", 0.05, 8.0), Vary("kd", -8.0, -0.05)],
        targets=_tunes(3.75, 3.70),
    )
    sextupoles = [Vary("sf", -30.0, 30.0), Vary("sd", -60.0, 60.0)]
    yield Problem(
        name="fodo-chromaticity",
        text="four knobs, tunes and chromaticities, starts anywhere",
        lattice=ring,
        vary=[*knobs, *sextupoles],
        targets=[*_tunes(1.79, 1.72), Target("dqx", 0.0), Target("dqy", 0.0)],
    )
    kicks = [Vary(f"h{i}", -5e-3, 5e-3) for i in range(4)]
    orbit = [
        Target("x", 5e-3, at="bump"),
        Target("px", 0.0, at="bump"),
        Target("x", 0.0, at="after"),
        Target("px", 0.0, at="after"),
    ]
    yield Problem(
        name="fodo-bump",
        text="a closed orbit bump with sextupoles on",
        targets=orbit,
        lattice=ring.with_parameters(sf=4.0, sd=-6.0),
        vary=kicks,
    )
    low = insertion_ring()
    quads = [Vary(f"k{i}", -4.0, 4.0) for i in range(1, 5)]
    waist = [Target("betx", 2.0, at="ip"), Target("bety", 2.0, at="ip")]
    yield Problem(
        name="ring-low-beta",
        text="a waist of 2 m in both planes and the tunes, by four quadrupoles",
        lattice=low,
        vary=quads,
        targets=[*waist, *_tunes(2.81, 2.27)],
        spread=0.15,
    )


def cell(index: int, extra: Sequence[Kicker] = ()) -> list[object]:
    """A FODO cell with two bends and two sextupoles."""
    return [
        Quadrupole("qf", length=0.3, k1="kf"),
        Sextupole("xf", length=0.1, k2="sf"),
        *extra,
        Drift("d1", length=0.4),
        Bend("mb", length=1.0, angle="bend"),
        Drift("d2", length=0.5),
        Quadrupole("qd", length=0.3, k1="kd"),
        Sextupole("xd", length=0.1, k2="sd"),
        Drift("d1", length=0.4),
        Bend("mb", length=1.0, angle="bend"),
        Drift("d2", length=0.5),
    ]


def fodo_ring(cells: int) -> Lattice:
    """Ring of equal FODO cells with four kickers about the marker "bump"; "after" lies behind them."""
    elements: list[object] = []
    for index in range(cells):
        kicker = [Kicker(f"kick{index}", hkick=f"h{index}")] if index < 4 else []
        marker = {2: [Marker("bump")], 4: [Marker("after")]}.get(index, [])
        elements += [*marker, *cell(index, kicker)]
    values = {"kf": 0.85, "kd": -0.85, "sf": 0.0, "sd": 0.0, "bend": 3.141592653589793 / cells}
    kicks = {f"h{i}": 0.0 for i in range(4)}
    return Lattice("fodo", elements=elements, parameters=values | kicks, particle=PROTON)  # type: ignore[arg-type]


def insertion_ring() -> Lattice:
    """Two arcs of four FODO cells and two straights, each with four quadrupoles mirrored about its middle."""
    inner = [Drift("s1", length=1.0)]
    for i in range(1, 5):
        inner += [Quadrupole(f"q{i}", length=0.3, k1=f"k{i}"), Drift(f"s{i}", length=1.0)]  # type: ignore[list-item]
    arc = [part for index in range(4) for part in cell(index)]
    left, right = [Drift("s5", length=0.5), *inner[::-1]], [*inner, Drift("s5", length=0.5)]
    elements = [*arc, *left, Marker("ip"), *right, *arc, *left, Marker("ip2"), *right]
    values = {"kf": 0.95, "kd": -0.95, "sf": 0.0, "sd": 0.0, "bend": 3.141592653589793 / 8}
    strengths = {"k1": -1.1, "k2": 1.2, "k3": -0.8, "k4": 0.7}
    return Lattice("insertion", elements=elements, parameters=values | strengths, particle=PROTON)  # type: ignore[arg-type]
