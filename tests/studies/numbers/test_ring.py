"""Numbers of the optics study by hand: room over two beams, at the wires, distances of tunes, yield of machines."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from lattice import Aperture, ElectrostaticSeptum, Lattice, Marker, ReferenceParticle
from machines.rings.machine import MachineBeam
from optics import Beam, Optics, twiss
from optics.aperture import BeamEdge
from optics.imperfections.ensemble import Ensemble
from optics.imperfections.orbit import Correction
from studies.ring_optics.facts import BeamOptics, Compared, Facts
from studies.ring_optics.imperfections import Imperfections, imperfection_number
from studies.ring_optics.quantities import evaluate

PROTON = ReferenceParticle("proton", kinetic_energy_per_u=100e6)
CARBON = ReferenceParticle("carbon-12", kinetic_energy_per_u=100e6)
SCALE = PROTON.beta * PROTON.gamma
#: x: beta 9 m, D -3 m, orbit 1 mm; y: beta 1 m, D 1 m, orbit -2 mm.
START = {"betx": 9.0, "bety": 1.0, "dx": -3.0, "dy": 1.0, "x": 1e-3, "y": -2e-3}


def ring_with(position: float = 0.025) -> Lattice:
    """30 mm by 20 mm about 2 mm to the right, and wires."""
    aperture = Aperture("rectangle", 30e-3, 20e-3, offset_x=2e-3)
    wires = ElectrostaticSeptum("es", length=1e-9, position=position)
    return Lattice("ring", elements=[Marker("m", aperture=aperture), wires], particle=PROTON)


def beam(name: str, emittance: float, **more: Any) -> MachineBeam:
    """Of a normalised emittance that is so many metres, geometric, for protons."""
    given = {"momentum_spread": 2e-3, "sigmas": 2.0, **more}
    return MachineBeam(name, "here", emittance * SCALE, emittance * SCALE, source="the test", **given)


def facts_of(*beams: MachineBeam, optics: Optics | None = None, imperfections: Imperfections | None = None) -> Facts:
    """Facts of our optics alone."""
    compared = Compared(optics or twiss(ring_with(), start=START), None, "a test")
    resolved = cast(Any, SimpleNamespace(machine=None, septum="es"))
    return Facts(resolved, compared, tuple(BeamOptics(one, PROTON, compared) for one in beams), imperfections)


def number(name: str, facts: Facts) -> float:
    found = evaluate([name], facts)[0]
    assert found.value is not None, found.method
    return float(found.value)


def test_a_machines_beam_has_the_geometric_emittances_of_its_particle() -> None:
    """Normalised ones over beta gamma; the spread stays a full width."""
    given = MachineBeam("b", "here", 4e-6, 1e-6, 2e-3, 2.5, "the test")
    assert given.edge(CARBON) == BeamEdge(
        Beam(CARBON, 4e-6 / (CARBON.beta * CARBON.gamma), 1e-6 / (CARBON.beta * CARBON.gamma)), 2.5, 2e-3
    )


@pytest.mark.number("clearance_x", "clearance_y", by="by hand")
def test_the_room_is_that_of_the_beam_that_has_least() -> None:
    """Half widths 2 x 6 + 3 and 2 x 2 + 1 mm of the wide beam (4 um): -14 to 16 in -28 to 32 mm, -7 to 3 in +-20 mm."""
    wide, narrow = beam("wide", 4e-6), beam("narrow", 1e-6)
    for beams in ((wide, narrow), (narrow, wide)):
        facts = facts_of(*beams)
        assert number("clearance_x", facts) == pytest.approx(14e-3, abs=1e-12)
        assert number("clearance_y", facts) == pytest.approx(13e-3, abs=1e-12)
        assert "least: wide (2 sigma) at m" in evaluate(["clearance_x"], facts)[0].method
    assert number("clearance_x", facts_of(narrow)) == pytest.approx(20e-3, abs=1e-12)  # -8 to 10


@pytest.mark.number("max_size_x", "max_size_y", by="by hand")
def test_how_far_beams_reach_is_that_of_the_widest() -> None:
    """The wide beam of the test above lies from -14 to 16 and from -7 to 3 mm: 16 and 7 mm from the reference orbit."""
    wide, narrow = beam("wide", 4e-6), beam("narrow", 1e-6)
    for beams in ((wide, narrow), (narrow, wide)):
        facts = facts_of(*beams)
        assert number("max_size_x", facts) == pytest.approx(16e-3, abs=1e-12)
        assert number("max_size_y", facts) == pytest.approx(7e-3, abs=1e-12)
        assert "furthest: wide (2 sigma) at m" in evaluate(["max_size_x"], facts)[0].method
    assert number("max_size_x", facts_of(narrow)) == pytest.approx(10e-3, abs=1e-12)  # -8 to 10


@pytest.mark.number("clearance_es", by="by hand")
@pytest.mark.parametrize(("position", "room"), [(0.025, 9e-3), (-0.025, 11e-3)])
def test_the_room_at_the_wires_is_that_of_the_beam_that_has_least(position: float, room: float) -> None:
    """The wide beam reaches from -14 to 16 mm; the beta of 9 m grows by 1e-19 m over the septum's nanometre."""
    facts = facts_of(beam("narrow", 1e-6), beam("wide", 4e-6), optics=twiss(ring_with(position), start=START))
    assert number("clearance_es", facts) == pytest.approx(room, abs=1e-12)


def test_without_beams_there_is_no_room_to_judge() -> None:
    for name in ("clearance_x", "clearance_es"):
        found = evaluate([name], facts_of())[0]
        assert found.value is None
        assert "names no beam" in found.method


@pytest.mark.number("tune_distance", "resonance_distance", by="by hand")
def test_distances_of_the_tunes() -> None:
    """5/3 - 1.655 and |Qx - 2 Qy + 2| of 1.655 and 1.83: 0.0117 and 0.005."""
    scalars = {"qx": 1.655, "qy": 1.83}
    optics = cast(Optics, SimpleNamespace(scalar=scalars.__getitem__))
    facts = facts_of(optics=optics)
    found = {quantity.name: quantity for quantity in evaluate(["tune_distance", "resonance_distance"], facts)}
    assert found["tune_distance"].value == pytest.approx(5 / 3 - 1.655, abs=1e-14)
    assert found["tune_distance"].method == "|Qx - 5/3|"
    assert found["resonance_distance"].value == pytest.approx(0.005, abs=1e-14)
    assert found["resonance_distance"].method == "|Qx - 2 Qy - -2|"


# --------------------------------------------------------------------------------------------- machines with errors


def table(scale: float, machines: int = 20) -> pd.DataFrame:
    """Every number of a machine differs from the others': the k-th is k times the column's own."""
    columns = {
        "coupling": 1.0,
        "orbit_max_x": 2.0,
        "orbit_max_y": 3.0,
        "beating_max_x": 5.0,
        "beating_max_y": 4.0,
        "dispersion_max_x": 6.0,
        "dispersion_max_y": 7.0,
    }
    return pd.DataFrame({name: scale * value * np.arange(1.0, machines + 1) for name, value in columns.items()})


def machines_of(**more: Any) -> Imperfections:
    nothing = cast(Any, None)
    before, after = (Ensemble(nothing, {}, table(scale), nothing) for scale in (100.0, 1.0))
    kicks = {"x": np.outer(np.arange(1.0, 21.0), [-1.0, 0.5]), "y": np.outer(np.arange(1.0, 21.0), [0.2, 0.8])}
    correction = Correction(nothing, {}, kicks, {}, {})
    given = {"rooms": {}, "residual": 3e-12, "alone": ""}
    return Imperfections(cast(Any, SimpleNamespace(machines=20)), before, correction, after, **{**given, **more})


@pytest.mark.number(
    "orbit_x",
    "orbit_y",
    "orbit_x_uncorrected",
    "orbit_y_uncorrected",
    "beta_beating",
    "dispersion_error",
    "coupling",
    "corrector_kick",
    by="by hand",
)
@pytest.mark.parametrize(
    ("key", "column", "scale"),
    [
        ("orbit_x", 2.0, 1.0),
        ("orbit_y", 3.0, 1.0),
        ("orbit_x_uncorrected", 2.0, 100.0),
        ("orbit_y_uncorrected", 3.0, 100.0),
        ("beta_beating", 5.0, 1.0),
        ("dispersion_error", 7.0, 1.0),
        ("coupling", 1.0, 1.0),
        ("corrector_kick", 1.0, 1.0),
    ],
)
def test_what_95_percent_of_the_machines_do_not_exceed(key: str, column: float, scale: float) -> None:
    """Of twenty machines 1 ... 20 times a number, the order statistic next to rank 0.95 x 19 = 18.05 (from 0): 19.

    The largest of twenty is below the 95th percentile in 0.95^20 = 36 % of all samples: nothing bounds it.
    """
    found = imperfection_number(key, machines_of())
    assert found.value == pytest.approx(19.0 * column * scale, rel=1e-14)
    assert (found.statistical, found.withheld) == (
        float("inf"),
        "20 machines do not bound what 95 % do not exceed (at 95 %): 72 do",
    )
    assert ("before" in found.method) == key.endswith("_uncorrected")


@pytest.mark.number("orbit_yield", by="by hand")
def test_the_yield_counts_machines_in_which_every_beam_fits() -> None:
    """Of 20, 3 have no room for one beam, 4 others none for the other and one of those is unstable: 13 are good."""
    one, other = np.full(20, 1e-3), np.full(20, 2e-3)
    one[:3], other[3:6], other[6] = -1e-3, -1e-3, np.nan
    found = imperfection_number("orbit_yield", machines_of(rooms={"a": one, "b": other}))
    assert (found.value, found.numerical) == (13 / 20, 0.0)
    z2 = 3.841459  # of 95 %, chi-squared with one degree of freedom; the lower end of Wilson's interval is the farther
    lower = (0.65 + z2 / 40 - np.sqrt(z2 * (0.65 * 0.35 + z2 / 80) / 20)) / (1 + z2 / 20)
    assert found.statistical == pytest.approx(0.65 - lower, rel=1e-6)  # z2 has seven digits
    assert "'a', 'b'; error: Wilson's interval of 20 machines" in found.method


@pytest.mark.number("clearance_es_errors", by="by hand")
def test_the_room_at_the_wires_that_95_percent_of_the_machines_have() -> None:
    """Rooms of 1 ... 100 mm of the tighter beam: five of a hundred have less than 6 mm; ranks 1 and 11 bound it."""
    rooms = np.random.default_rng(3).permutation(np.arange(1.0, 101.0)) * 1e-3
    found = imperfection_number("clearance_es_errors", machines_of(wires={"wide": rooms + 0.01, "tight": rooms}))
    assert found.value == pytest.approx(6e-3, rel=1e-12)
    assert found.statistical == pytest.approx(5e-3, rel=1e-12)
    assert "least of 'tight'" in found.method
    lost = np.where(rooms > 0.094, np.nan, rooms)  # six that are unstable have no room at all
    assert imperfection_number("clearance_es_errors", machines_of(wires={"tight": lost})).value == -np.inf


def test_the_orbit_of_one_machine_beside_xsuite() -> None:
    assert imperfection_number("residual_orbit_xsuite", machines_of()).value == 3e-12
    facts = facts_of(imperfections=replace(machines_of(), residual=None, alone="why not"))
    for name, words in (("residual_orbit_xsuite", "why not"), ("orbit_yield", "no beam lives in the lattice")):
        found = evaluate([name], facts)[0]
        assert found.value is None
        assert words in found.method
