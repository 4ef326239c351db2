"""Optics from what a lattice remembers is to the last bit that of a lattice that was never asked before."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from lattice import Bend, Drift, Kicker, Lattice, Quadrupole, ReferenceParticle, Separator, Sextupole
from optics import Optics, twiss

PARAMETERS = {"kf": 1.2, "kd": -1.2, "ks": 3.0, "gap": 0.8}
ELEMENTS = (
    Quadrupole("qf", length=0.3, k1="kf"),
    Sextupole("s", length=0.1, k2="ks"),
    Drift("d", length="gap"),
    Bend("b", length=0.9, angle=2 * np.pi / 8, e1=0.1, e2=0.1),
    Quadrupole("qd", length=0.3, k1="kd"),
    Drift("e", length=0.8),
)
ENERGIES = np.linspace(60e6, 250e6, 11)  # eV; more than the series of a plan are kept for


def ring(values: Mapping[str, float] = PARAMETERS) -> Lattice:
    return Lattice("ring", elements=[ELEMENTS] * 8, parameters={**PARAMETERS, **values})


def proton(energy: float = 100e6) -> ReferenceParticle:
    return ReferenceParticle("proton", kinetic_energy_per_u=float(energy))


def assert_same(ours: Optics, fresh: Optics) -> None:
    assert ours.table.equals(fresh.table)
    assert ours.inside(3).equals(fresh.inside(3))
    assert ours.dqx == fresh.dqx
    assert ours.maximum("betx") == fresh.maximum("betx")


def test_parameters_in_turn() -> None:
    asked = ring()
    for values in ({"kf": 1.25}, {"gap": 0.9}, {"kf": 1.25, "ks": 0.0}, {}, {"kd": -1.15}, {"kf": 1.25}):
        assert_same(twiss(asked.with_parameters(values), proton()), twiss(ring(values), proton()))


def test_a_kick_comes_and_goes() -> None:
    """The axis is an orbit, is none, and is one again, while another parameter changes too."""
    kicker = Kicker("c", hkick="kick")

    def kicked(values: Mapping[str, float]) -> Lattice:
        return Lattice("ring", elements=[*[ELEMENTS] * 8, kicker], parameters={**PARAMETERS, "kick": 0.0, **values})

    asked = kicked({})
    for values in ({}, {"kick": 1e-4}, {"kick": 1e-4, "kf": 1.25}, {"kf": 1.25}, {"kick": -1e-4}, {}):
        assert_same(twiss(asked.with_parameters(values), proton()), twiss(kicked(values), proton()))


def test_energies_in_turn() -> None:
    asked = ring()
    for energy in (*ENERGIES, *ENERGIES[::-2]):
        assert_same(twiss(asked, proton(energy)), twiss(ring(), proton(energy)))


def test_fringes_and_momenta_in_turn() -> None:
    asked = ring()
    for fringe, delta in (("full", 0.0), ("linear", 0.0), ("full", 1e-3), ("linear", 1e-3), ("full", 0.0)):
        ours, fresh = (twiss(one, proton(), fringe=fringe, delta=delta) for one in (asked, ring()))
        assert_same(ours, fresh)


def test_a_batch_leaves_nothing_behind() -> None:
    asked = ring()
    together = twiss(asked.with_parameters(kf=[1.2, 1.25]), proton())
    assert_same(twiss(asked, proton()), twiss(ring(), proton()))
    assert together.qx[1] == pytest.approx(twiss(ring({"kf": 1.25}), proton()).qx, rel=1e-14)  # rounding


def test_electric_fields_count_for_each_particle() -> None:
    def separated() -> Lattice:
        field = Separator("es", length=0.5, ey=1e6)
        return Lattice("line", elements=[field, Drift("d", length=1.0)], parameters={})

    start = {"betx": 5.0, "bety": 5.0}
    asked = separated()
    orbits = []
    for energy in (60e6, 250e6, 60e6):
        ours, fresh = (twiss(one, proton(energy), start=start) for one in (asked, separated()))
        assert ours.table.equals(fresh.table)
        orbits.append(ours["y"][-1])
    assert orbits[0] == orbits[2] != orbits[1]
