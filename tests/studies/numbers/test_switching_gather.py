"""What energy switching makes of a ring and its study: energies, fields of the circuits, cavity, slope of the tune."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lattice import Quadrupole, ReferenceParticle
from optics import twiss
from studies.energy_switching.cycles import _compaction, field_ratings
from studies.energy_switching.facts import SwitchingFacts, _tune_slopes, gather
from studies.energy_switching.resolution import resolve
from studies.energy_switching.ring import energies_beyond, reach
from studies.energy_switching.spec import EnergySwitchingStudy
from studies.pipeline import Asked
from studies.spec.study_file import load_study
from tests.bethe import bethe_range
from tests.checkout import ROOT

STUDY = ROOT / "examples" / "small_ring" / "switching.toml"
BEND = np.pi / 4 / 1.2  # 1/m, of the eight bends


@pytest.fixture(scope="module")
def facts() -> SwitchingFacts:
    """The small ring; its kd is given at injection of protons, everything else is that of the design."""
    changes = [
        "engine_energies=0",
        "cycle.extraction_s={proton=1.0, helium-4=2.5}",
        "injection.0.parameters={kd=0.5}",
    ]
    study = load_study(STUDY, changes)
    assert isinstance(study, EnergySwitchingStudy)
    return gather(resolve(study, STUDY), Asked(()))


def test_energies_are_even_in_range_or_those_of_the_list(facts: SwitchingFacts) -> None:
    """Even in the ranges of Bethe's formula; 1e-5 for the steps of the table of ranges."""
    protons, helium = (cycle.energies for cycle in facts.cycles)
    assert protons[[0, -1]] == pytest.approx([70.0, 200.0], rel=1e-12)
    depths = [bethe_range("proton", energy) for energy in protons]
    assert np.diff(depths) == pytest.approx(np.full(5, (depths[-1] - depths[0]) / 5), rel=1e-5)
    assert list(helium) == pytest.approx([25.0, 35.0, 45.0, 55.0])
    assert facts.told == "proton, 6 energies 70 to 200 MeV; helium-4, 4 energies 25 to 55 MeV/u"
    assert facts.species == 6 * ["proton"] + 4 * ["helium-4"]
    assert facts.programme.rigidities == pytest.approx(
        [particle.magnetic_rigidity for cycle in facts.cycles for particle in cycle.particles]
    )


def test_fields_are_strengths_times_rigidity_at_injection_too(facts: SwitchingFacts) -> None:
    """Rows 0 to 5 of the programme are the protons', 6 to 9 helium's."""
    for cycle, energy, rows in zip(facts.cycles, (7e6, 3.5e6), (slice(0, 6), slice(6, 10)), strict=True):
        injected = ReferenceParticle(cycle.species, kinetic_energy_per_u=energy).magnetic_rigidity
        known = facts.programme.rigidities[rows]
        bend, kf, kd = cycle.circuits
        assert (bend.magnet.unit, kf.magnet.unit) == ("T", "T/m")
        assert bend.injection == pytest.approx(BEND * injected, rel=1e-12)
        assert bend.extraction == pytest.approx(BEND * known, rel=1e-12)
        assert kf.extraction == pytest.approx(facts.programme.set["kf"][rows] * known, rel=1e-12)
        assert kd.extraction == pytest.approx(facts.programme.set["kd"][rows] * known, rel=1e-12)
        assert kf.injection == pytest.approx(facts.design.parameters["kf"] * injected, rel=1e-12)
        given = 0.5 if cycle.species == "proton" else facts.design.parameters["kd"]
        assert kd.injection == pytest.approx(given * injected, rel=1e-12)


def test_the_cavity_is_that_of_the_ring(facts: SwitchingFacts) -> None:
    """Compaction of the programme's first energy; the bucket holds 0.05 eV s a nucleon."""
    for cycle, nucleons in zip(facts.cycles, (1, 4), strict=True):
        assert cycle.cavity.circumference == pytest.approx(8 * (0.4 + 0.6 + 1.2 + 0.6 + 0.4 + 0.6), rel=1e-12)
        assert cycle.cavity.momentum_compaction == facts.programme.optics.momentum_compaction[0]
        assert cycle.cavity.momentum_compaction == pytest.approx(twiss(facts.design).momentum_compaction, rel=0.02)
        assert cycle.rf["area"].to_numpy() == pytest.approx(np.full(len(cycle.rf), 0.05 * nucleons), rel=1e-6)
        assert cycle.rf["energy"].iloc[-1] == pytest.approx(1e6 * cycle.energies[-1], rel=1e-12)
    assert _compaction(facts.programme) == facts.programme.optics.momentum_compaction[0]


def test_each_species_has_the_spill_of_its_own(facts: SwitchingFacts) -> None:
    protons, helium = facts.cycles
    assert set(protons.times["extraction"]) == {1.0}
    assert set(helium.times["extraction"]) == {2.5}


def test_the_tune_moves_with_each_gradient_as_its_betas_say(facts: SwitchingFacts) -> None:
    """dQx = sum of beta k1 ds / 4 pi for k1 (1 + e) of the circuits' quadrupoles (Courant & Snyder 1958, 4.35).

    Trapezoids over 40 parts of each magnet are good to 1e-4 of each.
    """
    ring = facts.design
    inside, s = twiss(ring).inside(40), ring.s
    parts: dict[str, list[float]] = {"kf": [], "kd": []}
    for element, begin, end in zip(ring.elements, s[:-1], s[1:], strict=True):
        if isinstance(element, Quadrupole):
            part = inside[(inside["s"] >= begin - 1e-9) & (inside["s"] <= end + 1e-9)]
            k1 = float(ring.value(element.k1))
            slope = k1 * float(np.trapezoid(part["betx"], part["s"])) / (4 * np.pi)
            parts[str(element.k1).lstrip("-")].append(slope)
    assert [len(one) for one in parts.values()] == [8, 8]
    assert set(facts.tune_slopes) == {"kf", "kd"}
    for name, slope in facts.tune_slopes.items():
        assert slope == pytest.approx(sum(parts[name]), abs=2e-4 * np.abs(parts[name]).sum())


def test_without_circuits_of_quadrupoles_no_gradient_moves_the_tune(facts: SwitchingFacts) -> None:
    study = facts.study.model_copy(update={"circuit": facts.study.circuit[:1]})
    assert _tune_slopes(facts.ring, facts.resolved.particle, study) == {}


def test_a_circuit_s_own_largest_field_goes_before_the_machine_s(facts: SwitchingFacts) -> None:
    """The example rates its bends with 1.5 T and has no machine."""
    ratings = field_ratings(facts.study, facts.resolved, facts.cycles[0].circuits)
    assert ratings == [1.5, None, None]


def test_a_ring_reaches_the_energies_of_its_machine_else_those_of_the_study() -> None:
    """[MeV/u], whatever order the study has them in; what the machine describes goes before."""
    study: Any = SimpleNamespace(
        energies=[
            SimpleNamespace(species="proton", ends=(250.0, 70.0, 120.0)),
            SimpleNamespace(species="helium-4", ends=(90.0, 180.0)),
        ]
    )
    assert reach(study, None) == {"proton": (70.0, 250.0), "helium-4": (90.0, 180.0)}
    machine: Any = SimpleNamespace(energies={"proton": (62e6, 227e6), "carbon-12": (115e6, 399e6)})
    found = {"proton": (62.0, 227.0), "helium-4": (90.0, 180.0), "carbon-12": (115.0, 399.0)}
    assert reach(study, machine) == found


@pytest.mark.parametrize(
    ("energies", "told"),
    [
        ([62.0, 227.0], ""),
        ([62.0 * (1 - 5e-10), 227.0 * (1 + 5e-10)], ""),  # rounding
        ([61.9999, 100.0], "1 of 2 energies of proton (62 MeV/u)"),
        ([50.0, 100.0, 300.0], "2 of 3 energies of proton (50 to 300 MeV/u)"),
        ([240.0, 300.0], "2 of 2 energies of proton (240 to 300 MeV/u)"),
    ],
)
def test_energies_beyond_the_machine_are_counted_with_their_ends(energies: list[float], told: str) -> None:
    machine: Any = SimpleNamespace(name="ring", energies={"proton": (62e6, 227e6)})
    particles = [ReferenceParticle("proton", kinetic_energy_per_u=one * 1e6) for one in energies]
    study: Any = None
    where = " lie outside those of ring (62 to 227 MeV/u)" if told else ""
    assert energies_beyond(study, machine, [("proton", particles)]) == told + where
    assert energies_beyond(study, None, [("proton", particles)]) == ""
