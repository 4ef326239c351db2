"""A lattice: expansion, names, live parameters, batches, positions, and what it refuses."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lattice import (
    Bend,
    Drift,
    InputError,
    Lattice,
    LatticeError,
    Marker,
    Quadrupole,
    ReferenceParticle,
    write_json,
    write_madx,
    write_pals,
)

QF = Quadrupole("qf", length=0.5, k1="kf")
QD = Quadrupole("qd", length="lq", k1="kd")
D = Drift("d", length=1.0)


def fodo(**parameters: object) -> Lattice:
    given = {"kf": 0.3, "kd": "-1.7*KF", "lq": 0.4, **parameters}
    return Lattice("FODO", elements=[QF, D, [QD, D], Marker("end")], parameters=given)


def test_names_are_found_in_any_case_and_repeat_with_a_number() -> None:
    ring = fodo()
    assert ring.name == "fodo"
    assert ring.names == ("qf", "d::0", "qd", "d::1", "end")
    assert ring["QF"] is QF
    assert ring["d"] is D
    assert ring.index("d::1") == 3
    with pytest.raises(InputError, match="'d' stands 2 times in 'fodo'; name one: d::0, d::1"):
        ring.index("d")
    with pytest.raises(InputError, match=r"has no element 'ende'; did you mean 'end'\?"):
        ring.index("ende")


def test_parameters_stay_live() -> None:
    ring = fodo()
    other = ring.with_parameters(KF=0.4)
    assert ring.value(QD.k1) == pytest.approx(-0.51)
    assert other.value(QD.k1) == pytest.approx(-0.68)
    assert ring.parameters["kf"] == 0.3
    assert other.elements is ring.elements
    assert ring.with_parameters({"lq": 0.6}).length == pytest.approx(3.1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kff": 1.0}, r"has no parameter 'kff'; did you mean 'kf'\?.*Its parameters: kf, kd, lq"),
        ({"kd": 1.0}, r"parameter 'kd' depends on others \('-1\.7\*KF'\): set kf"),
        ({"kf": "0.3"}, "takes a number or an array, found the text '0.3'"),
        ({"kf": float("nan")}, "must be a finite number"),
        ({"kf": np.ones((2, 2))}, "one-dimensional array"),
        ({"kf": []}, "one-dimensional array"),
        ({"lq": -0.1}, "Quadrupole 'qd': length must not be negative"),
        ({"kf": [1.0, 2.0], "lq": [1.0, 2.0, 3.0]}, "array parameters must have one length"),
    ],
)
def test_changes_that_make_no_sense_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(LatticeError, match=message):
        fodo().with_parameters(changes)


def test_array_parameters_are_batches() -> None:
    batch = fodo().with_parameters(lq=[0.4, 0.5, 0.6])
    assert batch.batch == 3
    assert batch.s.shape == (3, 6)
    assert batch.length == pytest.approx([2.9, 3.0, 3.1])
    with pytest.raises(InputError, match="holds 3 lattices in one"):
        batch.resolved(QD)
    source = np.array([0.1, 0.2])
    kept = fodo().with_parameters(kf=source).parameters["kf"]
    with pytest.raises(ValueError, match="read-only"):
        kept[0] = 1.0


def test_positions_are_sums_of_lengths() -> None:
    assert fodo().s == pytest.approx([0, 0.5, 1.5, 1.9, 2.9, 2.9])
    assert fodo().length == pytest.approx(2.9)


def test_resolved_elements_have_numbers_only() -> None:
    assert fodo().resolved(QD) == Quadrupole("qd", length=0.4, k1=-0.51)


def test_lattices_are_expanded_with_their_parameters() -> None:
    ring = Lattice("ring", elements=[fodo(), Bend("mb", length=1.0, angle="a"), fodo()], parameters={"a": 0.1})
    assert len(ring) == 11
    assert set(ring.parameters) == {"kf", "kd", "lq", "a"}
    assert ring.with_particle(ReferenceParticle("proton", kinetic_energy_per_u=1e8)).particle is not None


@pytest.mark.parametrize(
    ("elements", "parameters", "message"),
    [
        ([], {}, "lattice 'x' holds no elements"),
        ([3], {}, "a lattice holds elements, lattices or lists of them, found 3"),
        ([QF], {}, r"Quadrupole 'qf': k1: unknown parameter 'kf'"),
        ([QF, dataclasses.replace(QF, k1=1.0)], {"kf": 1.0}, "two different elements are called 'qf'"),
        ([D], {"a": "b", "b": "a"}, "in a circle"),
        ([D], {"a": "2*"}, "parameter 'a': cannot read the expression '2\\*' at its end"),
        ([Drift("d", length="a")], {"a": -1.0}, "Drift 'd': length must not be negative"),
        ([Drift("d", length="1/a")], {"a": 0.0}, "Drift 'd': length: expression '1/a' has no finite value"),
    ],
)
def test_lattices_that_make_no_sense_are_refused(
    elements: list[object], parameters: dict[str, object], message: str
) -> None:
    with pytest.raises(LatticeError, match=message):
        Lattice("x", elements=elements, parameters=parameters)  # type: ignore[arg-type]


@pytest.mark.parametrize("write", [write_json, write_madx, write_pals])
def test_a_writer_that_is_given_the_path_first_says_so(write: Callable[[Any, Any], None], tmp_path: Path) -> None:
    target = tmp_path / "ring.json"
    with pytest.raises(InputError, match=f"{write.__name__} takes a Lattice, found str: the lattice comes first"):
        write(str(target), fodo())
    assert not target.exists()


PAIR = Lattice(
    "pair",
    elements=[Quadrupole("q1", length=0.3, k1="kf"), Drift("d", length=1.0), Quadrupole("q2", length=0.3, k1="kf")],
    parameters={"kf": 1.2},
)


def test_one_element_gets_a_parameter_of_its_own() -> None:
    freed = PAIR.freed("q2", "k1", "k_q2")
    moved = freed.with_parameters(k_q2=2.0)
    assert (moved.value(moved["q1"].k1), moved.value(moved["q2"].k1)) == (1.2, 2.0)  # type: ignore[attr-defined]
    assert freed.parameters["k_q2"] == 1.2


def test_one_of_a_family_is_freed_under_a_name_of_its_own() -> None:
    ring = (PAIR.remove("q2") * 3).freed("q1::1", "k1", "k_new")
    assert [one.name for one in ring if isinstance(one, Quadrupole)] == ["q1", "q1_1", "q1"]
    assert PAIR.freed("q1", "length", "lq").parameters["lq"] == 0.3


def test_what_is_no_strength_of_one_number_is_not_freed() -> None:
    with pytest.raises(LatticeError, match=r"Quadrupole 'q1': k2 is no strength of one number; it has: length, k1"):
        PAIR.freed("q1", "k2", "new")
    with pytest.raises(LatticeError, match="has a parameter 'kf' already: with_parameters"):
        PAIR.freed("q1", "k1", "kf")


def test_a_new_parameter_is_added_before_what_uses_it() -> None:
    trim = Quadrupole("qt", length=0.1, k1="kt")
    with pytest.raises(LatticeError, match=r"unknown parameter 'kt'.*with_new_parameters\(kt=0.0\)"):
        PAIR.insert(trim, at=0.8)
    line = PAIR.with_new_parameters(KT="kf/2").insert(trim, at=0.8)
    assert line.value("kt") == 0.6


def test_messages_of_unknown_parameters_name_the_ways() -> None:
    with pytest.raises(LatticeError, match=r"lattice\.freed\('q1', 'k1', 'new_name'\).*with_new_parameters"):
        PAIR.with_parameters({"q1.k1": 2.0})


def test_a_parameter_that_depends_on_none_is_not_said_to() -> None:
    with pytest.raises(LatticeError, match=r"parameter 'a' is fixed as '2\*pi': write it as a number"):
        PAIR.with_new_parameters(a="2*pi").with_parameters(a=1.0)


def test_lattices_are_compared_by_what_they_hold() -> None:
    again = Lattice("other", elements=PAIR.elements, parameters={"kf": 1.2}, warnings=["read"])
    assert PAIR != again
    assert PAIR.equals(again)
    assert not PAIR.equals(again.with_parameters(kf=1.3))
    assert not PAIR.equals(PAIR.remove("d"))
    assert not PAIR.equals(PAIR.with_new_parameters(b=[1.0, 2.0]))


def test_the_exit_of_an_element_under_another_word_is_told() -> None:
    with pytest.raises(InputError, match="'q1:exit': the exit of an element is 'q1:end', its entrance 'q1'"):
        PAIR.row("q1:exit")


def test_messages_of_a_batch_name_the_way_to_one() -> None:
    with pytest.raises(InputError, match=r"lattice\.with_parameters\(kf=lattice\.parameters\['kf'\]\[0\]\)"):
        PAIR.with_parameters(kf=[1.0, 2.0]).plot()
