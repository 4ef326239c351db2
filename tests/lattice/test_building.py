"""Lattices as sequences: read by name and position, cut, closed, put together; every name keeps one meaning."""

from __future__ import annotations

import re

import numpy as np
import pytest

from lattice import (
    Aperture,
    Bend,
    Drift,
    InputError,
    Lattice,
    LatticeError,
    Marker,
    Quadrupole,
    ReferenceParticle,
    RFCavity,
    Solenoid,
)

CELL = Lattice(
    "cell",
    elements=(
        Quadrupole("qf", length=0.4, k1="kf"),
        Drift("d", length=1.0),
        Quadrupole("qd", length=0.4, k1="-kf"),
        Drift("d", length=1.0),
        Marker("end"),
    ),
    parameters={"kf": 0.5},
)


def names(lattice: Lattice) -> list[str]:
    return [element.name for element in lattice]


def test_a_lattice_is_read_as_a_sequence() -> None:
    assert names(CELL) == ["qf", "d", "qd", "d", "end"]
    assert CELL[0] is CELL["qf"]
    assert CELL[-1] is CELL["end"]
    assert len(CELL) == 5
    assert "QF" in CELL
    assert "d" in CELL
    assert "d::1" in CELL
    assert CELL[2] in CELL
    assert "d::2" not in CELL
    assert "qx" not in CELL
    assert 5 not in CELL


def test_a_slice_is_a_lattice_between_two_places() -> None:
    assert names(CELL[1:3]) == ["d", "qd"]
    assert names(CELL["qd":]) == ["qd", "d", "end"]
    assert names(CELL["qf:end":"qd:end"]) == ["d", "qd"]
    assert names(CELL[:"qd"]) == ["qf", "d"]
    assert CELL["qf":"qd"].parameters["kf"] == 0.5


@pytest.mark.parametrize(
    ("key", "told"),
    [
        (5, "has 5 elements: there is no element [5]"),
        (slice(3, 1), "holds no elements: its end lies before it"),
        (slice(None, None, -1), "a line that is flown the other way is lattice.reversed()"),
        (slice("qx", None), "has no element 'qx'"),
        (slice("d", None), "'d' stands 2 times"),
        (2.5, "takes a name, a position or a slice"),
    ],
)
def test_a_wrong_key_is_told(key: object, told: str) -> None:
    with pytest.raises(InputError, match=re.escape(told)):
        CELL[key]  # type: ignore[call-overload]


def test_three_cells_are_one_family_with_a_row_each() -> None:
    ring = 3 * CELL
    assert len(ring) == 15
    assert ring.length == pytest.approx(3 * CELL.length, rel=1e-15)
    assert ring.names[:2] == ("qf::0", "d::0")
    assert ring.names[-1] == "end::2"
    assert len(set(ring.names)) == 15
    assert ring.with_parameters(kf=0.6).value(ring["qf::2"].k1) == 0.6  # type: ignore[attr-defined]
    assert (CELL * 1).names == CELL.names


@pytest.mark.parametrize("times", [0, -1])
def test_no_cell_at_all_is_refused(times: int) -> None:
    with pytest.raises(LatticeError, match="once or more often"):
        times * CELL


def test_a_sum_holds_both_and_refuses_two_meanings() -> None:
    line = CELL["qf":"end"] + Drift("tail", length=0.5)
    assert names(line) == ["qf", "d", "qd", "d", "tail"]
    assert names(Marker("begin") + line)[0] == "begin"
    other = Lattice("other", elements=(Quadrupole("q", length=0.2, k1="kf"),), parameters={"kf": 1.0})
    with pytest.raises(LatticeError, match=r"parameter 'kf' has two values, 0\.5 and 1\.0: rename one"):
        CELL + other
    both = CELL + other.renamed(parameters={"kf": "kg"})
    assert dict(both.parameters) == {"kf": 0.5, "kg": 1.0}
    with pytest.raises(LatticeError, match="two different elements are called 'd'"):
        CELL + Drift("d", length=3.0)
    assert names(CELL + Lattice("b", elements=(Drift("d", length=3.0),)).renamed(prefix="b."))[-1] == "b.d"


def test_a_lattice_of_lattices_refuses_two_values_of_a_parameter_unless_it_gives_its_own() -> None:
    other = Lattice("other", elements=(Quadrupole("q", length=0.2, k1="kf"),), parameters={"kf": 1.0})
    with pytest.raises(LatticeError, match="parameter 'kf' has two values"):
        Lattice("both", elements=(CELL, other))
    assert Lattice("both", elements=(CELL, other), parameters={"kf": 2.0}).parameters["kf"] == 2.0


def test_a_sum_is_for_one_particle() -> None:
    slow, fast = (ReferenceParticle("proton", kinetic_energy_per_u=energy) for energy in (60e6, 200e6))
    assert (CELL.with_particle(slow) + CELL).particle == slow
    with pytest.raises(LatticeError, match="give both one particle"):
        CELL.with_particle(slow) + CELL.with_particle(fast)


def test_strengths_follow_a_parameter_that_is_renamed_and_numbers_stay() -> None:
    line = Lattice(
        "line",
        elements=(Quadrupole("q", length=0.2, k1="2e-1*e1 + e10"),),
        parameters={"e1": 1.0, "e10": "3*e1"},
    )
    new = line.renamed(parameters={"e1": "a"})
    assert new["q"].k1 == "2e-1*a + e10"  # type: ignore[attr-defined]
    assert new.parameters.definitions == {"a": 1.0, "e10": "3*a"}
    with pytest.raises(LatticeError, match="has no 'e2' to rename"):
        line.renamed(parameters={"e2": "b"})
    with pytest.raises(LatticeError, match="is taken"):
        line.renamed(parameters={"e1": "e10"})


def test_an_element_before_or_behind_another_lengthens_the_line() -> None:
    assert names(CELL.insert(Marker("here"), before="qd")) == ["qf", "d", "here", "qd", "d", "end"]
    longer = CELL.insert(CELL["qf"], after="d::1")
    assert names(longer) == ["qf", "d", "qd", "d", "qf", "end"]
    assert longer.length == pytest.approx(CELL.length + 0.4, rel=1e-15)


def test_an_element_at_a_place_takes_it_of_a_drift() -> None:
    line = CELL.insert(Quadrupole("qx", length=0.2, k1=0.1), at=0.8)
    assert names(line) == ["qf", "d_1", "qx", "d_2", "qd", "d", "end"]
    assert line.length == pytest.approx(CELL.length, rel=1e-15)
    entrance, exit_ = (line.s[line.index(name)] for name in ("qx", "d_2"))
    assert (entrance, exit_) == pytest.approx((0.7, 0.9), rel=1e-14)
    assert names(CELL.insert(Marker("m"), at=0.4)) == ["qf", "m", "d", "qd", "d", "end"]
    assert CELL.insert(Marker("m"), at=0.5).s[2] == pytest.approx(0.5, rel=1e-15)
    for rounding in (-5e-9, 5e-9):
        assert names(CELL.insert(Quadrupole("qx", length=0.2), at=0.5 + rounding))[:2] == ["qf", "qx"]
    front = CELL.insert(Quadrupole("qx", length=1.0), at=0.4, refer="entry")
    assert names(front) == ["qf", "qx", "qd", "d", "end"]


@pytest.mark.parametrize(
    ("element", "at", "told"),
    [
        (
            Quadrupole("qx", length=0.2),
            0.35,
            "needs a drift, there is 'qf' from 0 to 0.4 m; the nearest with room is 'd::0'",
        ),
        (Quadrupole("qx", length=1.2), 0.9, "no drift is long enough"),
        (
            Quadrupole("qx", length=0.2),
            2.75,
            "there is 'end' from 2.8 to 2.8 m; the nearest with room is 'd::1' from 1.8 to 2.8 m",
        ),
        (Marker("m"), -0.1, "needs a drift"),
    ],
)
def test_an_element_without_room_is_told_where_there_is(element: Quadrupole, at: float, told: str) -> None:
    with pytest.raises(LatticeError, match=re.escape(told)):
        CELL.insert(element, at=at)


def test_insert_takes_one_place() -> None:
    with pytest.raises(InputError, match="one of before"):
        CELL.insert(Marker("m"))
    with pytest.raises(InputError, match="refer must be one of"):
        CELL.insert(Marker("m"), at=0.5, refer="middle")


def test_an_element_is_replaced_everywhere_or_in_one_row() -> None:
    short = [Drift("a", length=0.5), Drift("b", length=0.5)]
    assert names(CELL.replace("d", short)) == ["qf", "a", "b", "qd", "a", "b", "end"]
    assert names(CELL.replace("d::1", short)) == ["qf", "d", "qd", "a", "b", "end"]
    with pytest.raises(LatticeError, match="two different elements are called 'd'"):
        CELL.replace("d::1", Drift("d", length=2.0))
    with pytest.raises(InputError, match="has no element 'qx'"):
        CELL.replace("qx", short)


def test_an_element_is_removed_with_or_without_its_length() -> None:
    assert names(CELL.remove("d", "end")) == ["qf", "qd"]
    kept = CELL.remove("qd", "end", keep_length=True)
    assert names(kept) == ["qf", "d", "qd_left_1", "d"]
    assert isinstance(kept["qd_left_1"], Drift)
    assert kept.length == CELL.length
    with pytest.raises(LatticeError, match="holds no elements"):
        CELL.remove("qf", "qd", "d", "end")


def test_an_element_is_moved_over_its_own_place_and_further() -> None:
    """All else stays where it was, also where the new place overlaps the old; parts of a drift that touch are one."""
    half = Drift("h", length=1.0)
    line = Lattice(
        "line", elements=[half, half, Quadrupole("q", length=0.5), half, Marker("m"), Quadrupole("r", length=0.5)]
    )
    for to in (2.26, 2.0, 0.25, 3.25):
        moved = line.moved("q", to=to)
        place = {element.name: s for element, s in zip(moved, moved.s, strict=False)}
        assert place["q"] == pytest.approx(to - 0.25, abs=1e-12)
        assert (place["m"], place["r"], moved.length) == pytest.approx((3.5, 3.5, 4.0), abs=1e-12)
        again = moved.moved("q", to=2.25)  # and back
        assert again.s[again.index("q")] == pytest.approx(2.0, abs=1e-12)
    assert line.moved("m", to=0.5).index("m") == 1
    with pytest.raises(LatticeError, match=r"there is 'm' from 3\.5 to"):
        line.moved("q", to=3.3)
    wide = line.replace("h::0", Drift("w", length=1.0, aperture=Aperture("ellipse", 0.03, 0.03)))
    with pytest.raises(LatticeError, match=r"a change of the drifts' aperture, at 1 m"):
        wide.moved("q", to=1.0)


def test_a_ring_begins_elsewhere() -> None:
    assert names(CELL.starting_at("qd")) == ["qd", "d", "end", "qf", "d"]
    assert names(CELL.starting_at("qd:end")) == ["d", "end", "qf", "d", "qd"]
    assert names(CELL.starting_at("_end")) == names(CELL)


def test_a_drift_closes_a_length() -> None:
    closed = CELL.closed_to(5.0)
    assert closed.length == 5.0
    assert closed[-1] == Drift("closing", length=5.0 - CELL.length)
    assert CELL.closed_to(CELL.length) is CELL
    with pytest.raises(LatticeError, match=r"0\.8 m longer than 2 m"):
        CELL.closed_to(2.0)


def test_elements_at_their_places_are_closed_by_drifts() -> None:
    placed = [(3.0, Marker("m")), (1.0, Quadrupole("q", length=0.5))]
    line = Lattice.placed("line", placed, length=4.0, drift="o")
    assert names(line) == ["o_01", "q", "o_02", "m", "o_03"]
    assert [float(s) for s in line.s] == pytest.approx([0.0, 0.75, 1.25, 3.0, 3.0, 4.0], rel=1e-15)
    with pytest.raises(LatticeError, match=r"'m' begins 0\.05 m before the end of 'q'"):
        Lattice.placed("line", [(1.0, Quadrupole("q", length=0.5)), (1.2, Marker("m"))], length=4.0)
    with pytest.raises(LatticeError, match=r"0\.5 m longer"):
        Lattice.placed("line", [(3.5, Quadrupole("q", length=2.0))], length=4.0)


def test_a_line_flown_back_has_its_pole_faces_changed_and_twice_it_is_itself() -> None:
    line = Lattice(
        "line",
        elements=(
            Bend("b", length=1.0, angle=0.2, e1=0.05, e2=0.1, fint=0.5, fintx=0.3, hgap=0.03),
            Bend("symmetric", length=1.0, angle=0.2, e1=0.1, e2=0.1),
            Solenoid("s", length=0.5, ks="kso"),
            RFCavity("c", lag=0.25),
            RFCavity("c0"),
        ),
        parameters={"kso": 0.3},
    )
    back = line.reversed()
    assert names(back) == ["c0", "c_rev", "s_rev", "symmetric", "b_rev"]
    turned = back["b_rev"]
    assert isinstance(turned, Bend)
    assert (turned.e1, turned.e2, turned.fint, turned.fintx) == (0.1, 0.05, 0.3, 0.5)
    assert back.value(back["s_rev"].ks) == -0.3  # type: ignore[attr-defined]
    assert back.reversed().elements == line.elements
    assert len(line + back) == 10


def test_nothing_is_built_of_a_batch_at_a_place() -> None:
    batch = CELL.with_parameters(kf=np.array([0.4, 0.5]))
    assert (2 * batch).batch == 2
    with pytest.raises(InputError, match="2 lattices in one"):
        batch.insert(Marker("m"), at=0.5)


def test_an_element_goes_into_and_out_of_drifts_whose_lengths_are_expressions() -> None:
    """The drift behind gives way, so that its length still follows its parameters."""
    line = Lattice(
        "line",
        elements=[Quadrupole("q", length="lq", k1=1.0), Drift("d", length="2.0-lq"), Drift("e", length=1.0)],
        parameters={"lq": 0.4},
    )
    put = line.insert(Marker("m"), at=1.0).insert(Quadrupole("p", length="lq", k1=0.5), at=2.1)
    assert names(put) == ["q", "d_1", "m", "d_2_1", "p", "e_1"]
    for length in (0.4, 0.35):
        now = put.with_parameters(lq=length)
        assert now.length == pytest.approx(3.0, abs=1e-12)
        assert now.length - now.s[now.row("p")] == pytest.approx(1.1 + 0.4 - length, abs=1e-12)
    moved = put.moved("p", to=2.0)
    assert moved.s[moved.row("p")] == pytest.approx(1.8, abs=1e-12)
    assert moved.length == pytest.approx(3.0, abs=1e-12)
