"""Numbers of a treatment on several machines by hand: quantities, tables, deliveries, beams, published numbers."""

from __future__ import annotations

from dataclasses import astuple, replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from lattice import InputError, ReferenceParticle
from optics.matter.scattering import scattering_angle
from studies.energy_switching.facts import SwitchingFacts
from studies.judging import FORMULA
from studies.results import Quantity
from studies.treatment import timing_checks
from studies.treatment.facts import (
    CYCLES,
    CYCLOTRON,
    LINAC,
    STEPS,
    VARIED,
    Machines,
    _sensitivity,
    _several,
    beams_of,
    computed_machines,
    delivered,
    treatment_of,
    varied,
)
from studies.treatment.lines import ComputedLine, computed_line
from studies.treatment.machines import ComputedRing, Reaches, followed
from studies.treatment.quantities import quantities
from studies.treatment.tables import tables
from studies.treatment.text import assumptions, text
from studies.treatment.timeline import BEAM, CHANGE, MOVES, REFILL
from studies.treatment.timing_checks import ASSUMED, CASE, COMPUTED, Check
from studies.vocabulary import SWITCHING
from tests.bethe import bethe_energy, bethe_range
from tests.studies.numbers.treatment_facts import CHECKS, TIMELINES, facts, linac, machines, ring, study, treatment

EXPECTED = {
    "treatment_time_cycles": (51.5, 0.01),
    "treatment_time_steps": (27.25, 0.01),
    "treatment_time_linac": (16.125, 0.01),
    "treatment_time_cyclotron": (20.0, 0.01),
    "dose_level": (0.04, 1e-4),  # the least dose is farther from 1 than the greatest
    "layers_number": (3.0, 0.0),
    "largest_energy_spread": (4e-3, 1e-5),
    "worst_spot": (3e-3, 1e-5),
    "timing_checks_missed": (2.0, 0.0),
}


def of_name(**changes: Any) -> dict[str, Quantity]:
    return {quantity.name: quantity for quantity in quantities(facts(**changes))}


@pytest.mark.number(
    "treatment_time_cycles",
    "treatment_time_steps",
    "treatment_time_linac",
    "treatment_time_cyclotron",
    "dose_level",
    "layers_number",
    "largest_energy_spread",
    "worst_spot",
    "timing_checks_missed",
    by="by hand",
)
def test_quantities_with_their_errors() -> None:
    found = of_name()
    assert list(found) == list(EXPECTED)
    for name, (value, error) in EXPECTED.items():
        assert found[name].value == pytest.approx(value, rel=1e-12), name
        assert found[name].error == error, name
        assert (found[name].unit, found[name].engine) == (SWITCHING[name].unit, FORMULA)


def test_a_method_names_what_a_number_comes_from() -> None:
    found = of_name()
    assert found["treatment_time_cycles"].method == "timeline layer by layer; most of it: energy change"
    assert found["treatment_time_steps"].method == "timeline layer by layer; most of it: refill"
    assert found["largest_energy_spread"].method == "all machines and energies; linac at 90 MeV/u"
    assert found["worst_spot"].method == "all machines, energies and planes; linac at 90 MeV/u"
    assert found["timing_checks_missed"].method == "of 3 that models compute"


def test_a_dose_that_is_too_high_counts_as_one_that_is_too_low() -> None:
    assert of_name(treatment=treatment(level=(0.99, 1.05)))["dose_level"].value == pytest.approx(0.05)


def test_a_spot_that_is_too_wide_counts_as_one_that_is_too_small() -> None:
    wide = facts().beams.assign(spot_x=[8.1e-3, 5.1e-3, 4.1e-3])
    assert of_name(beams=wide)["worst_spot"].value == 8.1e-3


def test_what_no_machine_delivers_has_no_number() -> None:
    empty = pd.DataFrame({"machine": [], "energy": []})
    lines = {name: line for name, line in TIMELINES.items() if name != LINAC}
    found = of_name(timelines=lines, beams=empty, machines=Machines(None, None, {LINAC: "too deep"}))
    assert found["treatment_time_linac"].method == "not computed: too deep"
    for name in ("largest_energy_spread", "worst_spot"):
        assert found[name].method == "not computed: no machine reaches the volume"
    assert all(found[name].value is None for name in ("treatment_time_linac", "largest_energy_spread", "worst_spot"))


# ---------------------------------------------------------------------------------------------------------- tables


def test_seconds_by_cause() -> None:
    found = {one.id: one.frame for one in tables(facts())}["time-machines"]
    assert list(found.columns) == [
        "machine",
        *(f"{cause} [s]" for cause in ("beam on", "spot moves", "energy change", "refill", "gate closed")),
        "total [s]",
        "limited by",
        "spills or pulses",
    ]
    assert list(found.iloc[0]) == ["ring, cycles", 1.0, 2.0, 40.0, 8.0, 0.5, 51.5, "energy change", 9.0]
    assert list(found.iloc[1]) == ["ring, steps", 1.5, 2.5, 3.0, 20.0, 0.25, 27.25, "refill", 4.0]
    assert list(found.iloc[2]) == ["linac", 11.0, 0.125, 4.0, 0.0, 1.0, 16.125, "beam on", 2200.0]
    assert list(found.iloc[3]) == ["cyclotron", 6.0, 7.0, 5.0, 0.0, 2.0, 20.0, "spot moves", 0.0]


def test_published_numbers() -> None:
    found = {one.id: one.frame for one in tables(facts())}["time-checks"]
    headings = "what|here|published from|published to|unit|within|here it is|source"
    assert list(found.columns) == headings.split("|")
    assert list(found.iloc[0]) == ["above", 3.0, 1.0, 2.0, "s", False, COMPUTED, "source a"]
    assert list(found.iloc[2]) == ["within", 1.5, 1.0, 2.0, "%", True, COMPUTED, "source c"]
    assert list(found["here it is"])[3:] == [CASE, ASSUMED]
    assert list(found["within"]) == [False, False, True, False, False]


def test_beams_compared() -> None:
    found = {one.id: one.frame for one in tables(facts())}["beam-machines"]
    expected = {
        "energy [MeV/u]": [100.0, 90.0, 80.0],
        "energy spread [%]": [0.1, 0.4, 0.25],
        "emittance x [um]": [1.0, 2.0, 3.0],
        "emittance y [um]": [4.0, 5.0, 6.0],
        "spot x [mm]": [7.9, 5.1, 4.1],
        "spot y [mm]": [6.2, 3.0, 5.2],
        "arrives [%]": [90.0, 100.0, 100.0],
    }
    assert list(found.columns) == ["machine", *expected]
    assert list(found["machine"]) == ["synchrotron", "linac", "cyclotron"]
    for name, values in expected.items():
        assert list(found[name]) == pytest.approx(values, rel=1e-12), name


# ------------------------------------------------------------------------------------------------------ deliveries

#: Beam of 0.5, 0.25 and 0.125 s at 4e8 a second; 10 moves of 1.5 ms in each of three layers.
RING_BEAM, RING_MOVES = 0.875, 0.045


@pytest.mark.parametrize(
    ("changes", "factors", "cycles", "steps"),
    [
        # 3 + 2 + 1 s; two energies a spill: 3 s, the step to 100 MeV of 0.2 s, 1 s
        ((), {}, 6.0, 4.2),
        (("synchrotron.change_s=2.5", "synchrotron.step_s=0.3"), {}, 7.5, 5.3),
        ((), {"synchrotron.change_s": 2.0}, 12.0, 8.2),
        ((), {"synchrotron.step_s": 0.5}, 6.0, 4.1),
    ],
)
def test_a_ring_delivers(changes: tuple[str, ...], factors: dict[str, float], cycles: float, steps: float) -> None:
    found = delivered(study(*changes), treatment(), machines(), factors)
    for name, change in ((CYCLES, cycles), (STEPS, steps)):
        assert found[name].spent[CHANGE] == pytest.approx(change, rel=1e-12)
        assert found[name].spent[BEAM] == pytest.approx(RING_BEAM, rel=1e-12)
        assert found[name].spent[MOVES] == pytest.approx(RING_MOVES, rel=1e-12)
        assert found[name].spent[REFILL] == 0.0
    assert [found[name].counts["spills"] for name in (CYCLES, STEPS)] == [3.0, 2.0]


def test_a_ring_whose_steps_go_up_begins_with_the_shallowest_layer() -> None:
    """1 s to 80 MeV, the step up to 100 MeV of 0.1 s, 3 s to 120 MeV; a cycle for each energy as before."""
    found = delivered(study(), treatment(), machines(up=True))
    assert found[STEPS].spent[CHANGE] == pytest.approx(4.1, rel=1e-12)
    assert found[CYCLES].spent[CHANGE] == pytest.approx(6.0, rel=1e-12)
    # 80 MeV: change 1.0, beam 0.125, moves 0.015; 120 MeV first otherwise
    assert found[STEPS].layer_ends[0] == pytest.approx(1.14, rel=1e-12)
    assert found[CYCLES].layer_ends[0] == pytest.approx(3.515, rel=1e-12)


@pytest.mark.parametrize(
    ("changes", "factors", "change", "beam"),
    [
        # 1.8, 1.8 and 2.3 pulses a spot are 2, 2 and 3: 77 pulses of 5 ms; changes of 0.12 (as the next), 0.12, 0.10 s
        ((), {}, 0.34, 0.385),
        ((), {"linac.change_s": 2.0}, 0.68, 0.385),
        ((), {"linac.repetition_Hz": 0.5}, 0.34, 0.77),
        (("linac.repetition_Hz=50.0",), {}, 0.34, 1.54),
        (("linac.change_s=0.001",), {}, 0.015, 0.385),  # a pulse at least
        (("linac.largest_particles_per_pulse=1e8",), {}, 0.34, 0.33),  # 1, 2 and 3 pulses
        (("linac.pulses_per_spot=3",), {}, 0.34, 0.495),
    ],
)
def test_a_linac_delivers(changes: tuple[str, ...], factors: dict[str, float], change: float, beam: float) -> None:
    found = delivered(study(*changes), treatment(), machines(), factors)[LINAC]
    assert found.spent[CHANGE] == pytest.approx(change, rel=1e-12)
    assert found.spent[BEAM] == pytest.approx(beam, rel=1e-12)


def test_a_cyclotron_delivers() -> None:
    """At 120, 100, 80 MeV 2e9 (all that is let through), 1.6e9 and 1.024e9 a second."""
    found = delivered(study(), treatment(), machines())[CYCLOTRON]
    assert found.spent[BEAM] == pytest.approx(2e8 / 2e9 + 1e8 / 1.6e9 + 0.5e8 / 1.024e9, rel=1e-12)
    assert found.spent[CHANGE] == pytest.approx(1.2, rel=1e-12)
    assert found.spent[MOVES] == pytest.approx(RING_MOVES, rel=1e-12)


def test_only_machines_that_reach_the_volume_deliver() -> None:
    only = Machines(None, None, {CYCLES: "", STEPS: "", LINAC: "", CYCLOTRON: ""})
    assert delivered(study(), treatment(), only) == {}
    assert set(delivered(study(), treatment(), machines())) == {CYCLES, STEPS, LINAC, CYCLOTRON}


def test_time_against_energies_a_spill_and_the_filling() -> None:
    """With one energy a spill 6 s of changes; with three and a full ring 3 + 0.2 + 0.1 s; a quarter needs refills.

    1e8 a spill of 1 s: 2, 1 and 0.5 s of beam, the first layer refilled once, a cycle for each.
    """
    found = _several(study(), treatment(), machines()).set_index(["particles", "energies"])
    assert found.loc[(4e8, 1), "time"] == pytest.approx(6.0 + RING_BEAM + RING_MOVES, rel=1e-12)
    assert found.loc[(4e8, 3), "time"] == pytest.approx(3.3 + RING_BEAM + RING_MOVES, rel=1e-12)
    assert found.loc[(1e8, 1), "time"] == pytest.approx(6.0 + 3.0 + 3.5 + RING_MOVES, rel=1e-12)
    assert list(found.loc[(4e8, slice(1, 3)), "spills"]) == [3.0, 2.0, 1.0]
    assert found.loc[(1e8, 1), "spills"] == 4.0
    assert sorted({particles for particles, _ in found.index}) == [1e8, 4e8, 16e8]
    assert sorted({energies for _, energies in found.index}) == list(range(1, 13))


@pytest.mark.parametrize(
    ("place", "factor", "value"),
    [
        ("scanning.overhead_s", 0.5, 5e-4),
        ("synchrotron.energies_per_spill", 2.0, 4),
        ("linac.pulses_per_spot", 0.5, 1),  # whole, and one at least
    ],
)
def test_an_assumption_is_halved_and_doubled(place: str, factor: float, value: float) -> None:
    changed, factors = varied(study(), place, factor)
    table, key = place.split(".")
    assert getattr(getattr(changed, table), key) == value
    assert factors == {}


def test_what_each_assumption_changes_when_it_is_halved_and_doubled() -> None:
    """Times of changes, moves, pulses by hand; all of a study's assumptions, twice each."""
    asked, everything = study("target.proximal_mm=80", "target.distal_mm=90"), machines()
    within = Reaches("proton", dict.fromkeys((CYCLES, STEPS, LINAC, CYCLOTRON), (70.0, 250.0)), {})
    plan = treatment_of(asked, within)
    lines = delivered(asked, plan, everything)
    found = _sensitivity(asked, lines, everything, within)
    assert list(found.columns) == ["assumption", "factor", CYCLES, STEPS, LINAC, CYCLOTRON]
    assert len(found) == 2 * len(VARIED)
    rows = found.set_index(["assumption", "factor"])
    for factor in (0.5, 2.0):
        cycles = lines[CYCLES].spent
        more = (factor - 1) * (cycles[CHANGE] + cycles[REFILL])
        assert rows.loc[("change by a cycle", factor), CYCLES] == pytest.approx(more, rel=1e-9)
        assert rows.loc[("change by a cycle", factor), LINAC] == 0.0
        degrader = (factor - 1) * lines[CYCLOTRON].spent[CHANGE]
        assert rows.loc[("change, degrader", factor), CYCLOTRON] == pytest.approx(degrader, rel=1e-9)
        overhead = (factor - 1) * 1e-3 * (plan.spots - 1) * int((plan.particles > 0).sum())
        assert rows.loc[("overhead of a spot", factor), CYCLOTRON] == pytest.approx(overhead, rel=1e-9)
        linac_change = (factor - 1) * lines[LINAC].spent[CHANGE]
        assert rows.loc[("change, linac", factor), LINAC] == pytest.approx(linac_change, rel=1e-9)
        assert rows.loc[("dose", factor), CYCLOTRON] == pytest.approx(
            (factor - 1) * lines[CYCLOTRON].spent[BEAM], rel=1e-6
        )


def test_an_assumption_that_no_machine_can_keep_has_no_number() -> None:
    """Energies of the treatment outside every reach: nothing is delivered."""
    asked, within = study(), Reaches("proton", {CYCLES: (200.0, 201.0)}, {})
    found = _sensitivity(asked, TIMELINES, machines(), within)
    assert found[[CYCLES, LINAC]].isna().all(axis=None)


# ----------------------------------------------------------------------------------------------------------- beams


def beta_gamma(energy: float) -> tuple[float, float]:
    gamma = 1 + energy * 1e6 / ReferenceParticle("proton", kinetic_energy_per_u=1e6).mass
    return gamma, float(np.sqrt(gamma**2 - 1))


def test_beams_of_all_machines_at_the_energies_of_the_treatment() -> None:
    """No nozzle: the spot is sqrt(emittance beta), with 4, 9 and 16 m at the isocentre."""
    found = beams_of(study(), treatment(), machines()).set_index("machine")
    of_ring, of_linac, of_cyclotron = (found.loc[name] for name in ("synchrotron", "linac", "cyclotron"))
    for part in (of_ring, of_linac, of_cyclotron):
        assert list(part["energy"]) == [120.0, 100.0, 80.0]
    for row, energy in enumerate((120.0, 100.0, 80.0)):
        gamma, product = beta_gamma(energy)
        assert of_ring["spread"].iloc[row] == pytest.approx(5e-4 * (gamma + 1) / gamma, rel=1e-12)
        assert of_ring["emittance_y"].iloc[row] == pytest.approx(0.75e-6 / product, rel=1e-12)
        assert of_ring["spot_y"].iloc[row] == pytest.approx(np.sqrt(4 * 0.75e-6 / product), rel=1e-12)
    assert list(of_ring["emittance_x"]) == pytest.approx(3 * [1.5e-6])
    assert list(of_ring["spot_x"]) == pytest.approx(3 * [np.sqrt(6e-6)])
    assert list(of_linac["spread"]) == [1e-3, 2e-3, 3e-3]
    assert list(of_linac["spot_x"]) == pytest.approx(list(np.sqrt(9 * np.array([1e-7, 2e-7, 3e-7]))))
    assert list(of_linac["spot_y"]) == pytest.approx(list(np.sqrt(9 * np.array([4e-7, 5e-7, 6e-7]))))
    assert list(of_cyclotron["spread"]) == 3 * [0.005]
    assert list(of_cyclotron["spot_x"]) == pytest.approx(3 * [np.sqrt(80e-6)])
    assert list(of_cyclotron["spot_y"]) == pytest.approx(3 * [np.sqrt(80e-6)])


def test_a_given_spread_stands_for_a_computed_one_and_a_nozzle_scatters() -> None:
    """The variance of the angle times the distance adds to that of the beam."""
    changes = ("synchrotron.energy_spread=0.0007", "isocentre.nozzle_mm=2.0", "isocentre.distance_m=1.5")
    found = beams_of(study(*changes), treatment(), Machines(ring(), None, {CYCLOTRON: ""}))
    assert list(found["spread"]) == 3 * [0.0007]
    angle = scattering_angle(ReferenceParticle("proton", kinetic_energy_per_u=120e6), 2e-3)
    assert found["spot_x"].iloc[0] == pytest.approx(np.sqrt(6e-6 + (1.5 * angle) ** 2), rel=1e-12)


def a_line(*arriving: float, why_not: str = "") -> ComputedLine:
    """3 x 4 mm at 80 MeV, 5 x 2 mm at 120 MeV."""
    return ComputedLine(
        "a line", np.array([80.0, 120.0]), 1e-3 * np.array([[3, 4], [5, 2]]), np.array(arriving), why_not
    )


def test_spots_and_losses_behind_a_machine_are_those_of_its_line() -> None:
    """Linear between the energies tracked; a nozzle adds in quadrature; other machines keep their own."""
    lines = {"synchrotron": a_line(0.5, 1.0)}
    given = Machines(ring(), linac(), {CYCLOTRON: ""}, lines)
    found = beams_of(study("isocentre.nozzle_mm=2.0", "isocentre.distance_m=1.5"), treatment(), given)
    of_ring, of_linac = (found[found["machine"] == name] for name in ("synchrotron", "linac"))
    angle = scattering_angle(ReferenceParticle("proton", kinetic_energy_per_u=100e6), 2e-3)
    assert of_ring["spot_x"].iloc[1] == pytest.approx(np.hypot(4e-3, 1.5 * angle), rel=1e-12)
    assert of_ring["spot_y"].iloc[1] == pytest.approx(np.hypot(3e-3, 1.5 * angle), rel=1e-12)
    assert list(of_ring["arriving"]) == pytest.approx([1.0, 0.75, 0.5])
    assert list(of_linac["arriving"]) == [1.0, 1.0, 1.0]


def test_what_a_line_loses_the_machine_gives_in_addition() -> None:
    """Half arrives: beam takes twice as long at the machine of this line, and as long as before at others."""
    plain, lossy = (
        delivered(study(), treatment(), Machines(ring(), linac(), {CYCLOTRON: ""}, lines))
        for lines in ({}, {"synchrotron": a_line(0.5, 0.5)})
    )
    assert lossy[CYCLES].spent[BEAM] == pytest.approx(2 * plain[CYCLES].spent[BEAM], rel=1e-12)
    assert lossy[STEPS].spent[BEAM] == pytest.approx(2 * plain[STEPS].spent[BEAM], rel=1e-12)
    assert lossy[LINAC].spent == plain[LINAC].spent


def test_a_line_that_does_not_serve_leaves_the_assumed_beta_and_is_told() -> None:
    none = {"synchrotron": a_line(why_not="nothing arrives at 80 MeV/u")}
    given = Machines(ring(), linac(), {CYCLOTRON: ""}, none)
    assert beams_of(study(), treatment(), given)["spot_x"].iloc[0] == pytest.approx(np.sqrt(4 * 1.5e-6))
    found = facts(study=study(), machines=given)
    assert any("a line" in told and "nothing arrives" in told for told in text(found).warnings)


def test_the_linac_s_line_is_set_at_the_energies_of_the_treatment() -> None:
    """Its own study of delivery: 3 mm asked for are had at every energy, less the tails that are lost on the way.

    What lies beyond 2.5 sigma makes 1.2 % of a Gaussian and a tenth of its variance: 0.8 % lost take up to 4 % off.
    """
    spec = study("linac.delivery=linac-delivery", "linac.spot_mm=3.0").linac
    assert spec is not None
    line = computed_line(spec, "linac", "proton", np.array([160.0, 120.0]))
    assert line is not None
    np.testing.assert_allclose(line.energies, np.linspace(118.8, 161.6, 5), rtol=1e-9)
    np.testing.assert_allclose(line.sizes, 3e-3, rtol=0.04)
    assert np.all(line.arriving > 0.99)


def test_another_kind_of_study_is_no_delivery() -> None:
    spec = study("synchrotron.delivery=cnao-optics").synchrotron
    with pytest.raises(InputError, match=r"synchrotron.delivery: 'cnao-optics' is a study of kind 'optics'"):
        computed_line(spec, "synchrotron", "proton", np.array([100.0]))


def test_a_line_that_is_none_is_told_before_anything_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studies.treatment.facts.computed_ring", lambda *_: pytest.fail("the ring was computed"))
    asked = study("linac.delivery=nosuch")
    with pytest.raises(InputError, match=r"linac.delivery: unknown study 'nosuch'"):
        computed_machines(asked, treatment(), Reaches("proton", {}, {}))


def test_a_linac_s_first_change_is_as_long_as_the_next() -> None:
    assert list(linac().changes(np.array([120.0, 100.0, 80.0]))) == pytest.approx([0.12, 0.12, 0.10])
    assert list(linac().changes(np.array([120.0]))) == [0.0]


def test_values_between_energies_lie_on_lines_and_outside_are_the_ends() -> None:
    found = followed([120.0, 80.0, 100.0], np.array([3.0, 1.0, 2.5]))
    assert [found(energy) for energy in (70.0, 80.0, 90.0, 110.0, 120.0, 130.0)] == pytest.approx(
        [1.0, 1.0, 1.75, 2.75, 3.0, 3.0]
    )


def test_the_widest_reach_and_what_does_not_reach() -> None:
    reaches = Reaches("proton", {"a": (90.0, 130.0), "b": (60.0, 110.0), "c": (80.0, 120.0)}, {"d": "no protons"})
    assert reaches.widest("proton") == (60.0, 130.0)
    missing = reaches.missing(treatment())
    assert set(missing) == {"a", "b", "d"}  # 80 to 120 MeV are wanted
    assert missing["a"].startswith("the volume needs 80 to 120 MeV/u, the machine has 90 to 130 MeV/u")


# ------------------------------------------------------------------------------------------------ published numbers


@pytest.mark.parametrize(("value", "met"), [(0.99, False), (1.0, True), (1.5, True), (2.0, True), (2.01, False)])
def test_a_check_is_met_within_its_bounds(value: float, met: bool) -> None:
    assert replace(CHECKS[0], value=value).met is met


def values(checks: list[Check]) -> list[float]:
    return [check.value for check in checks]


def test_checks_of_the_dose() -> None:
    """3.5e8 protons in a minute are 9.35e-4 nA; carbon's 270 mm behind 3.3 mm of nozzle; five digits are shown."""
    found = timing_checks._of_dose(treatment())
    assert found[0].value == 3.0
    assert found[1].value == pytest.approx(3.5e8 * 1.602176634e-19 / 60 * 1e9, rel=1e-5)
    assert found[2].value == pytest.approx(bethe_energy("proton", 0.1577), rel=2e-5)
    assert found[3].value == pytest.approx(bethe_energy("carbon-12", 0.2733), rel=2e-4)  # 0.03 mm of caught electrons


def test_checks_of_the_ring_take_the_longest_of_its_treatment() -> None:
    """Between 70 and 130 MeV every 3 mm: changes of energy / 20 - 3 s, steps of energy / 200 - 0.4 s."""
    changes, steps = timing_checks._of_ring(ring())
    low, high = (bethe_range("proton", energy) for energy in (70.0, 130.0))
    last = low + 3e-3 * (np.ceil((high - low) / 3e-3) - 1)
    energy = bethe_energy("proton", last)
    assert changes.value == pytest.approx(energy / 20 - 3, rel=1e-5)
    assert steps.value == pytest.approx(energy / 200 - 0.4, rel=1e-5)
    assert "proton, 70 to 130 MeV/u" in changes.what


def test_settings_of_a_publication_in_our_timeline() -> None:
    """Ten layers of a tenth, a fifth in a spill (40 of 200 units), 2 s between spills, one spot.

    Before (half of it lost in a step of 0.2 s, 5 s a spill): each layer behind the first takes a step and a refill:
    2 + 9 x 2.2 s and 25 s of beam. After (a fifth lost in 0.1 s, 2 s a spill): what is left behind each layer, in
    tenths, is 1, .8 + 2 - 1 = 1.8, .44, 1.352, .0816, and then too little (.065 of .2): five layers take a change,
    four steps and two refills, 2 + .4 + 4 s, twice, and 10 s of beam.
    """
    layers = np.ones(10)
    litre = replace(
        treatment(), energies=100 * layers, ranges=0.1 * layers, particles=1e8 * layers, spots=1, spot_spacing=5e-3
    )
    before, after = 2 + 9 * 2.2 + 25, 2 * (2 + 0.4 + 4) + 10
    found = timing_checks._of_steps(litre)
    assert found.value == pytest.approx(100 * (1 - after / before), rel=1e-5)
    assert found.kind == CASE
    # 100 moves of 5 mm at 20 m/s, with 1.9 and 0.95 ms for each
    many = timing_checks._of_steps(replace(litre, spots=101))
    before, after = before + 10 * 100 * 2.15e-3, after + 10 * 100 * 1.2e-3
    assert many.value == pytest.approx(100 * (1 - after / before), rel=1e-5)


def test_checks_of_what_is_assumed() -> None:
    found = timing_checks._assumed(study("synchrotron.step_loss=0.25", "scanning.overhead_s=0.002"))
    assert values(found) == pytest.approx([25.0, 2.0, 0.4])
    assert [check.unit for check in found] == ["%", "ms", "s"]
    assert {check.kind for check in found} == {ASSUMED}


def test_a_ring_without_an_extracted_beam_of_the_species_says_so() -> None:
    lacks = SimpleNamespace(cycles=ring().facts.cycles, study=SimpleNamespace(extracted=()))
    with pytest.raises(Exception, match=r"has no \[\[extracted\]\] beam of proton"):
        ComputedRing("a ring", cast(SwitchingFacts, lacks)).beams(np.array([100.0]))


@pytest.mark.parametrize("species", ["proton", "carbon-12"])
def test_the_limits_of_the_dose_model_are_told_of_ions(species: str) -> None:
    """Bortfeld's form is the protons' own; what it leaves out of ions is said with the share that breaks up."""
    given = facts(treatment=replace(treatment(), species=species), study=study())
    told = " ".join(assumptions(given))
    assert ("Bortfeld's form was made for protons" in told) == (species != "proton")


def test_every_number_of_a_treatment_arrives_where_it_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    """Millimetres of the file become metres; the species has its own nuclear loss and the widest of all energies."""
    made: Any = study()
    target = made.target.model_copy(
        update={"species": "proton", "proximal_mm": 60.0, "distal_mm": 110.0, "side_mm": 70.0, "dose_Gy": 2.5}
    )
    dose = made.dose.model_copy(
        update={
            "straggling": 0.011,
            "energy_spread": 0.006,
            "nuclear_loss_per_cm": {"carbon-12": 0.03, "proton": 0.012},
            "layer_spacing_mm": 5.0,
            "spot_spacing_mm": 7.0,
            "margin_mm": 3.0,
        }
    )
    asked: list[Any] = []
    monkeypatch.setattr("studies.treatment.facts.planned", lambda *given: asked.extend(given))
    within: Any = SimpleNamespace(widest=lambda species: f"of {species}")
    treatment_of(made.model_copy(update={"target": target, "dose": dose}), within)
    species, volume, energies, model, spots = asked
    assert (species, energies) == ("proton", "of proton")
    assert astuple(volume) == pytest.approx((0.06, 0.11, 0.07, 2.5), rel=1e-12)
    assert astuple(model) == pytest.approx((0.011, 0.006, 0.012), rel=1e-12)
    assert astuple(spots) == pytest.approx((0.005, 0.007, 0.003), rel=1e-12)
