"""Timelines of treatments: times against hand counts, and laws of any machine."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optics.matter.bragg import DoseModel
from optics.matter.layers import SpotPlan, Target, Treatment, planned
from studies.spec.builtin import study_path
from studies.spec.study_file import load_study
from studies.treatment import machines
from studies.treatment.timeline import (
    BEAM,
    CHANGE,
    GATE,
    MOVES,
    REFILL,
    Clock,
    CyclotronDelivery,
    DeliveryMachine,
    LinacDelivery,
    Scanning,
    SynchrotronDelivery,
)

LITRE = Target(0.10, 0.20, 0.10, 2.0)
PLAN = SpotPlan(3e-3, 5e-3, 0.0)


@pytest.fixture(scope="module")
def litre() -> Treatment:
    return planned("proton", LITRE, (60.0, 250.0), DoseModel(), PLAN)


# ------------------------------------------------------------------------------------------------------ timelines


def simple(particles: float = 1e9, layers: int = 3, spots: int = 11) -> Treatment:
    ones = np.ones(layers)
    return Treatment(
        "proton", LITRE, 100.0 * ones, 0.1 * ones, particles * ones, spots, 5e-3, (1.0, 1.0), ones, ones, 0.1
    )


SCAN = Scanning(speed=10.0, overhead=1e-3)


def test_a_synchrotron_counted_by_hand() -> None:
    """3 layers of 1e9 with 4e8 a spill of 1 s: 2.5 s beam, 10 moves of 1.5 ms, a change and 2 refills a layer."""
    found = SynchrotronDelivery("s", 4e8, 1.0, 10.0, lambda energy: 2.0).deliver(simple(), SCAN)
    assert found.spent[BEAM] == pytest.approx(7.5)
    assert found.spent[MOVES] == pytest.approx(3 * 10 * 1.5e-3)
    assert (found.spent[CHANGE], found.spent[REFILL]) == pytest.approx((6.0, 12.0))
    assert found.counts["spills"] == 9
    assert found.limited_by == REFILL


def test_steps_within_a_spill_pay_while_the_beam_lasts() -> None:
    """One spill holds all three layers: one cycle and two steps of 0.2 s; with a loss that empties it, a cycle each."""
    kept = SynchrotronDelivery("s", 1e10, 1.0, 10.0, lambda e: 2.0, lambda e: 0.2, loss=0.02)
    assert kept.deliver(simple(), SCAN).spent[CHANGE] == pytest.approx(2.4)
    lost = SynchrotronDelivery("s", 1e10, 1.0, 10.0, lambda e: 2.0, lambda e: 0.2, loss=0.99)
    assert lost.deliver(simple(), SCAN).spent[CHANGE] == pytest.approx(6.0)


def test_a_treatment_upwards_takes_the_same_beam(litre: Treatment) -> None:
    """The shallowest first: the same particles and layers, the first energies from the other end."""
    machine = SynchrotronDelivery("s", 1e11, 1.0, 100.0, lambda e: 2.0, lambda e: 0.2)
    down, up = machine.deliver(litre, SCAN), machine.deliver(litre.upwards(), SCAN)
    assert up.spent[BEAM] == pytest.approx(down.spent[BEAM])
    assert litre.upwards().energies[0] == litre.energies[-1] == litre.energies.min()
    assert up.layer_ends[0] < down.layer_ends[0]  # the deepest takes most


def test_no_more_energies_of_a_spill_than_are_allowed() -> None:
    """Three layers from one spill, or two and a new cycle."""
    for energies, changes in ((3, 2.0 + 0.2 + 0.2), (2, 2.0 + 0.2 + 2.0), (1, 6.0)):
        machine = SynchrotronDelivery("s", 1e10, 1.0, 10.0, lambda e: 2.0, lambda e: 0.2, energies=energies)
        assert machine.deliver(simple(), SCAN).spent[CHANGE] == pytest.approx(changes)


def test_a_linac_gives_whole_pulses() -> None:
    """1e9 / 11 spots over 2e7 are 4.5: 5 pulses; a move of 1.5 ms fits between two pulses, one of 11 ms costs two."""
    linac = LinacDelivery("l", lambda energy: 2e7, 200.0, 1, lambda energy: 0.0)
    found = linac.deliver(simple(), SCAN)
    assert found.counts["pulses"] == 3 * 11 * 5
    assert (found.spent[BEAM], found.spent[MOVES]) == pytest.approx((165 / 200, 0.0))
    assert found.spent[CHANGE] == pytest.approx(3 / 200)  # one pulse at least
    slow = linac.deliver(simple(), Scanning(speed=0.5, overhead=1e-3))
    assert slow.spent[MOVES] == pytest.approx(3 * 10 * 2 / 200)


def test_a_cyclotron_gives_less_at_low_energy() -> None:
    machine = CyclotronDelivery("c", 1e11, 200.0, 3.0, 2e10, 0.5)
    assert machine.rate_at(100.0) == pytest.approx(1e11 / 8)
    assert machine.rate_at(200.0) == 2e10
    assert machine.deliver(simple(), SCAN).spent[BEAM] == pytest.approx(3e9 / 1.25e10)


def test_repaints_split_the_particles_and_repeat_the_moves() -> None:
    machine = CyclotronDelivery("c", 1e10, 100.0, 0.0, 1e10, 0.5)
    once = machine.deliver(simple(), SCAN)
    painted = machine.deliver(simple(), Scanning(10.0, 1e-3, repaints=4))
    again = machine.deliver(simple(), Scanning(10.0, 1e-3, repaints=4, volumetric=True))
    assert painted.spent[BEAM] == pytest.approx(once.spent[BEAM])
    assert painted.spent[MOVES] == pytest.approx(4 * once.spent[MOVES])
    assert again.spent[CHANGE] == pytest.approx(4 * once.spent[CHANGE])


@given(st.floats(0.05, 0.95), st.floats(0.5, 10.0), st.floats(1e-3, 50.0))
def test_the_gate_lets_through_its_share(duty: float, period: float, work: float) -> None:
    """Beam only while the gate is open: after whole periods the waiting is (1/duty - 1) of the work."""
    clock = Clock(Scanning(10.0, 0.0, gate_duty=duty, gate_period=period))
    assert clock.irradiate({BEAM: work}) == pytest.approx(1.0)
    assert clock.spent[BEAM] == pytest.approx(work, abs=1e-6)
    assert clock.spent[GATE] == pytest.approx(
        int(max(work - 1e-6, 0) / (duty * period)) * (1 - duty) * period, abs=1.01 * (1 - duty) * period
    )
    assert clock.now == pytest.approx(sum(clock.spent.values()))


MACHINES: dict[str, DeliveryMachine] = {
    "cycles": SynchrotronDelivery("s", 4e8, 1.0, 10.0, lambda e: 2.0),
    "steps": SynchrotronDelivery("s", 2e9, 1.0, 10.0, lambda e: 2.0, lambda e: 0.2, loss=0.1),
    "linac": LinacDelivery("l", lambda e: 2e7, 200.0, 1, lambda e: 0.01),
    "cyclotron": CyclotronDelivery("c", 1e10, 250.0, 2.0, 1e10, 0.5),
}


@pytest.mark.parametrize("name", list(MACHINES))
@pytest.mark.parametrize("plan", [SCAN, Scanning(10.0, 1e-3, 3, True), Scanning(10.0, 1e-3, gate_duty=0.4)])
def test_the_causes_of_a_timeline_sum_to_its_end(name: str, plan: Scanning) -> None:
    """Whatever waits for what, no second is lost or counted twice: the last layer ends when all causes are through."""
    line = MACHINES[name].deliver(simple(), plan)
    assert line.total == pytest.approx(line.layer_ends[-1], rel=1e-9)
    assert list(line.layer_ends) == sorted(line.layer_ends)


@given(st.floats(1e8, 5e9), st.floats(1.0, 20.0))
def test_more_particles_a_spill_never_take_longer(particles: float, more: float) -> None:
    """An energy a cycle, spills of one length: fewer refills, and each particle leaves the sooner."""
    few, many = (
        SynchrotronDelivery("s", number, 1.0, 10.0, lambda e: 2.0).deliver(simple(), SCAN)
        for number in (particles, more * particles)
    )
    assert many.total <= few.total * (1 + 1e-9)
    assert many.counts["spills"] <= few.counts["spills"]


@given(st.floats(1e7, 1e9), st.floats(1.0, 20.0))
def test_more_particles_a_pulse_never_take_longer(particles: float, more: float) -> None:
    few, many = (
        LinacDelivery("l", lambda e, n=number: n, 200.0, 1, lambda e: 0.01).deliver(simple(), SCAN)  # type: ignore[misc]
        for number in (particles, more * particles)
    )
    assert many.total <= few.total * (1 + 1e-9)


def test_the_part_that_was_done_is_what_the_time_allowed() -> None:
    """Of 4 s of work 1 s is done; behind a gate that is open for 1 s of 4, 6 s see two of the four."""
    clock = Clock(SCAN)
    assert clock.irradiate({BEAM: 3.0, MOVES: 1.0}, most=1.0) == pytest.approx(0.25)
    assert (clock.spent[BEAM], clock.spent[MOVES]) == pytest.approx((0.75, 0.25))
    gated = Clock(Scanning(10.0, 0.0, gate_duty=0.25, gate_period=4.0))
    assert gated.irradiate({BEAM: 3.0, MOVES: 1.0}, most=6.0) == pytest.approx(0.5)
    assert (gated.spent[BEAM], gated.spent[MOVES], gated.spent[GATE]) == pytest.approx((1.5, 0.5, 4.0))
    assert gated.now == pytest.approx(6.0)


def test_no_work_is_done_at_once() -> None:
    clock = Clock(SCAN)
    assert clock.irradiate({BEAM: 0.0, MOVES: 0.0}) == 1.0
    assert clock.now == 0.0


@given(st.floats(0.3, 20.0), st.floats(1e8, 5e9), st.floats(0.0, 0.5), st.integers(1, 4))
def test_beam_is_on_for_the_particles_and_no_longer(top: float, filled: float, loss: float, energies: int) -> None:
    """Whatever the flat top, the steps and their loss: what reaches the patient leaves at the rate of the ring."""
    machine = SynchrotronDelivery("s", filled, 1.0, top, lambda e: 2.0, lambda e: 0.2, loss=loss, energies=energies)
    found = machine.deliver(simple(), SCAN)
    assert found.spent[BEAM] == pytest.approx(3e9 / filled, rel=1e-6)
    assert found.spent[MOVES] == pytest.approx(3 * 10 * 1.5e-3, rel=1e-6)
    assert found.total == pytest.approx(found.layer_ends[-1], rel=1e-9)
    assert found.counts["spills"] * filled >= 3e9 * (1 - 1e-9)


def test_a_flat_top_that_ends_takes_the_rest_of_the_beam_with_it() -> None:
    """4e9 in a spill of 4 s and a flat top of 0.4 s (beam and moves of 1.015 s a layer): three spills a layer."""
    found = SynchrotronDelivery("s", 4e9, 4.0, 0.4, lambda energy: 2.0).deliver(simple(), SCAN)
    assert found.counts["spills"] == 9.0
    assert (found.spent[CHANGE], found.spent[REFILL]) == pytest.approx((6.0, 12.0))


def test_a_layer_is_begun_on_what_is_left_when_that_is_enough_of_it() -> None:
    """Two layers of 1e9 out of 1.5e9: what is left after a step that loses a tenth, 0.45e9, is 0.45 of a layer."""
    for least, changes in ((0.44, 2.2), (0.46, 4.0)):
        machine = SynchrotronDelivery("s", 1.5e9, 1.0, 10.0, lambda e: 2.0, lambda e: 0.2, loss=0.1, least=least)
        assert machine.deliver(simple(layers=2), SCAN).spent[CHANGE] == pytest.approx(changes)


def test_a_linac_waits_for_the_gate_only() -> None:
    """Two pulses for each of 11 spots at 200 Hz behind a gate that is open for a tenth of a second in four."""
    linac = LinacDelivery("l", lambda energy: 1e9 / 22, 200.0, 1, lambda energy: 0.0)
    found = linac.deliver(simple(layers=1), Scanning(10.0, 1e-3, gate_duty=0.025))
    assert found.spent[BEAM] == pytest.approx(0.11)
    # the change takes 5 ms of the first opening, 95 ms of beam are left in it and 15 ms wait for the next
    assert found.spent[GATE] == pytest.approx(3.9)
    assert found.total == pytest.approx(0.005 + 0.11 + 3.9)


def test_repaints_of_a_linac_share_the_particles_and_round_up_each() -> None:
    """1e9 / 11 spots / 2 paints over 2e7 are 2.3: 3 pulses for each of 11 spots, 2 paints, 3 layers."""
    linac = LinacDelivery("l", lambda energy: 2e7, 200.0, 1, lambda energy: 0.0)
    found = linac.deliver(simple(), Scanning(0.5, 1e-3, repaints=2))
    assert found.counts["pulses"] == 3 * 11 * 2 * 3
    assert found.spent[MOVES] == pytest.approx(3 * 10 * 2 * 2 / 200)  # two pulses are lost in a move of 11 ms


@pytest.mark.parametrize(
    ("treatment", "asked"),
    [((100.0, 200.0), (99.0, 202.0)), ((60.0, 250.0), (60.0, 250.0))],
)
def test_the_ring_is_computed_a_little_beyond_the_treatment(
    treatment: tuple[float, float], asked: tuple[float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One per cent on either side, as far as the ring goes (protons of 60 to 250 MeV)."""
    monkeypatch.setattr(machines, "gather", lambda resolved, asked: resolved)
    path = study_path("switching-comparison")
    assert path is not None
    study: Any = load_study(path)
    facts: Any = machines.computed_ring(study.synchrotron, "proton", np.array(treatment)).facts
    (energies,) = facts.study.energies
    assert (energies.lower_MeV_per_u, energies.upper_MeV_per_u) == pytest.approx(asked, rel=1e-12)
