"""Rings for the tests of extraction: the two reference cases, rings at a chosen tune, made-up rings, Xsuite's turn."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import permutations
from typing import Any

import numpy as np
from scipy.optimize import brentq

from extraction import ThirdIntegerResonance, third_integer_resonance
from lattice import Bend, Drift, Lattice, Multipole, Quadrupole, ReferenceParticle, Sextupole
from lattice.arrays import Array
from machines.cnao_like import cnao
from optics import to_xsuite, twiss

PROTON = ReferenceParticle("proton", kinetic_energy_per_u=60e6)
SEPTUM = "se_010a_esp"
THIRD = 5 / 3

#: Matched strengths of the two reference cases, by tune.
STRENGTHS = {
    1.664: {"kf": 0.2904143875, "kd": 0.4950374288, "kr": 0.4969690744},
    1.666: {"kf": 0.2912133254, "kd": 0.4954575537, "kr": 0.4970950872},
}


@cache
def reference(tune: float) -> Lattice:
    """CNAO at 60 MeV, matched to Qx 1.664 or 1.666 with Qy 1.74 and no dispersion in the injection straight."""
    return cnao().with_parameters(STRENGTHS[tune])


@cache
def solved(tune: float) -> ThirdIntegerResonance:
    """The resonance of a reference case at the electrostatic septum."""
    return third_integer_resonance(reference(tune), at=SEPTUM)


@cache
def cnao_at(distance: float, sr: float = -3.3) -> Lattice:
    """CNAO with kf such that Qx = 5/3 + ``distance``."""
    return at_tune(cnao().with_parameters(sr=sr), THIRD + distance, "kf", 0.2, 0.35)


@cache
def near(distance: float, sr: float = -3.3) -> ThirdIntegerResonance:
    """The resonance of ``cnao_at`` at the electrostatic septum."""
    return third_integer_resonance(cnao_at(distance, sr), at=SEPTUM)


def at_tune(ring: Lattice, tune: float, parameter: str, low: float, high: float) -> Lattice:
    """The ring with one parameter set for a horizontal tune."""

    def miss(value: float) -> float:
        return float(twiss(ring.with_parameters({parameter: value}), chromatic=False).qx) - tune

    return ring.with_parameters({parameter: brentq(miss, low, high, xtol=1e-15)})


def fodo_ring(cells: int, k2l: float) -> Lattice:
    """Straight cells of 4 m with one thin sextupole: but for it (and x'^3 in the drifts) the motion is linear."""
    cell = [
        Quadrupole("qf", length=0.2, k1="k"),
        Drift("d1", length=1.8),
        Quadrupole("qd", length=0.2, k1="-k"),
        Drift("d2", length=1.8),
    ]
    elements = [Multipole("kick", knl=(0.0, 0.0, "k2l")), *(cell * cells)]
    return Lattice("fodo", elements=elements, parameters={"k": 1.0, "k2l": k2l}, particle=PROTON)


def compact_ring(k2: float = 25.0) -> Lattice:
    """35 m with six bends of 60 degrees, Qx 1.6655, Qy 1.72, and a resonance sextupole as strong as none in a big ring.

    Wires stand at ``COMPACT_SEPTUM``, where betx is largest (6.3 m).
    """
    elements: list[Any] = []
    for i in range(6):
        elements += [
            Quadrupole(f"f{i}", length=0.3, k1="kf"),
            Drift(f"a{i}", length=1.0),
            Bend(f"b{i}", length=1.6, angle=np.pi / 3),
            Drift(f"p{i}", length=0.6),
            Quadrupole(f"d{i}", length=0.3, k1="kd"),
            Drift(f"q{i}", length=0.6),
            Sextupole(f"x{i}", length=0.2, k2="sr" if i == 2 else 0.0),
            Drift(f"s{i}", length=35 / 6 - 4.6),
        ]
    strengths = {"kf": -0.3056365056395954, "kd": -1.2844123997928354, "sr": k2}
    return Lattice("compact", elements=elements, parameters=strengths, particle=PROTON)


COMPACT_SEPTUM = "d0"


def with_thin_sextupoles(ring: Lattice) -> Lattice:
    """The ring with each sextupole as one kick in its middle, of the same K2 L."""
    elements: list[Any] = []
    for element in ring.elements:
        if isinstance(element, Sextupole):
            length, k2 = float(ring.value(element.length)), float(ring.value(element.k2))
            half = Drift(f"{element.name}_half", length=length / 2)
            elements += [half, Multipole(element.name, knl=(0.0, 0.0, k2 * length)), half]
        else:
            elements.append(element)
    return Lattice("thin", elements=elements, parameters=dict(ring.parameters), particle=ring.particle)


def apart(first: Array, second: Array) -> float:
    """Largest difference of two sets of three points, whatever their order, over the size of the set."""
    size = np.max(np.abs(first - first.mean(axis=0)), axis=0)
    return float(min(np.max(np.abs(first - second[list(order)]) / size) for order in permutations(range(3))))


@cache
def xsuite_turn(tune: float) -> Callable[[Array, int], Array]:
    """Xsuite's map of a reference case from the electrostatic septum, where the ring starts.

    All bodies exact: quadrupoles in 56 kicks of sixth order, which leaves 3e-7 of the area.
    """
    line = to_xsuite(reference(tune), quadrupole_kicks=56)
    line.build_tracker()

    def turn(coordinates: Array, times: int) -> Array:
        bunch = line.build_particles(**dict(zip(("x", "px", "y", "py"), coordinates.T[:4], strict=True)))
        line.track(bunch, num_turns=times)
        order = np.argsort(bunch.particle_id)
        return np.stack([bunch.x[order], bunch.px[order], bunch.y[order], bunch.py[order]], axis=1)

    return turn


def structural_ring(k2: float, distance: float) -> Lattice:
    """Seven cells of a third of a turn each, Qx = 7/3 + ``distance``: the second order of all bends adds up.

    One sextupole of ``k2``. Without it the bends alone drive the resonance.
    """
    elements: list[Any] = [Drift("wires", length=0.4), Sextupole("sx", length=0.2, k2="k2")]
    for _ in range(7):
        for name in ("qf", "qd"):
            magnet = Quadrupole(name, length=0.35, k1="kf" if name == "qf" else "-kd")
            elements += [
                magnet,
                Drift("d", length=0.6),
                Bend("mb", length=1.2, angle=np.pi / 7),
                Drift("d", length=0.6),
            ]
    strengths = {"kf": 1.4, "kd": 1.2, "k2": k2}
    ring = Lattice("structural", elements=elements, parameters=strengths, particle=PROTON)
    return at_tune(ring, 7 / 3 + distance, "kf", 1.1, 1.6)
