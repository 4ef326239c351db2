"""Small values that everything else rests on: TOML and CSV without loss, the vocabulary, options, JSON."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import click
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lattice import Bend, Drift, InputError, Lattice, Quadrupole, Sextupole
from machines.requirements import Requirement, judge
from optics.magnets import strongest
from studies.commands.options import parse_limit, parse_target, parse_vary
from studies.runs.frames import column_kinds, csv_text, read_csv
from studies.runs.results_json import deciding_limit, plain
from studies.spec.toml_text import toml_text
from studies.vocabulary import all_names, quantity_named, unit_factor

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
SCALAR = st.one_of(st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), TEXT)
TABLE = st.dictionaries(TEXT, SCALAR, max_size=3)
CONTENT = st.dictionaries(
    TEXT, st.one_of(SCALAR, st.lists(SCALAR, max_size=3), TABLE, st.lists(TABLE, min_size=1, max_size=2)), max_size=4
)


@given(CONTENT)
def test_toml_is_read_back_as_it_was(content: dict[str, Any]) -> None:
    assert tomllib.loads(toml_text(content)) == content


@given(
    st.lists(st.floats(allow_infinity=False), min_size=1, max_size=5),
    st.lists(TEXT.filter(lambda text: "\r" not in text and "\0" not in text), min_size=5, max_size=5),
)
def test_a_table_survives_csv(numbers: list[float], texts: list[str]) -> None:
    """Floats are written in full (repr), so they come back to the last bit."""
    count = len(numbers)
    frame = pd.DataFrame(
        {"x [m]": numbers, "n": range(count), "ok": [i % 2 == 0 for i in range(count)], "name": texts[:count]}
    )
    back = read_csv(csv_text(frame), column_kinds(frame))
    pd.testing.assert_frame_equal(back, frame, check_exact=True, check_dtype=False)
    assert column_kinds(back) == column_kinds(frame)


def test_no_cell_of_a_csv_is_a_formula_and_all_come_back() -> None:
    """What a spreadsheet would run gets an apostrophe; runs that were written without it are read as they are."""
    cells = ["=cmd|' /C calc'!A0", "@x", "+1+1", "-1+1", "\tx", "'=1", "-", "-5", "plain"]
    frame = pd.DataFrame({"=name": cells})
    text = csv_text(frame)
    assert not [line for line in text.splitlines() if line.lstrip('"')[:1] in "=@+\t" or line[:2] in ("-1", "-5")]
    assert list(read_csv(text, column_kinds(frame))["=name"]) == cells
    assert list(read_csv("name\n'x\n", {"name": "text"})["name"]) == ["'x"]


def test_text_that_looks_like_a_number_stays_text() -> None:
    frame = pd.DataFrame({"name": ["001", "nan", "", "True", "-"]})
    assert list(read_csv(csv_text(frame), column_kinds(frame))["name"]) == ["001", "nan", "", "True", "-"]


def test_a_mixed_column_is_refused_rather_than_lost() -> None:
    with pytest.raises(TypeError, match="must be all numbers"):
        column_kinds(pd.DataFrame({"value": [1.0, "none"]}))


def test_every_name_of_the_vocabulary_is_understood() -> None:
    for name in all_names():
        assert quantity_named(name.replace("NAME", "symp")).kind.unit


def test_a_quantity_at_a_place() -> None:
    assert quantity_named("BetX", "Symp").full == "betx@symp"
    assert quantity_named("dx@se_010a_esp:end").place == "se_010a_esp:end"


@pytest.mark.parametrize(("unit", "factor"), [("m", 1.0), ("mm", 1e-3), ("um", 1e-6)])
def test_units_of_a_requirement(unit: str, factor: float) -> None:
    assert unit_factor(quantity_named("max_betx"), unit) == factor


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kf=0.2:0.4", {"name": "kf", "lower": 0.2, "upper": 0.4}),
        ("KF=-1e-3:.5", {"name": "kf", "lower": -1e-3, "upper": 0.5}),
        ("kf=:0.4", {"name": "kf", "upper": 0.4}),
        ("kf", {"name": "kf"}),
    ],
)
def test_vary(text: str, expected: dict[str, Any]) -> None:
    assert parse_vary(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("qx=1.666", {"quantity": "qx", "value": 1.666}),
        ("dx@symp=0", {"quantity": "dx", "at": "symp", "value": 0.0}),
        ("dx@symp:end=-1e-3", {"quantity": "dx", "at": "symp:end", "value": -1e-3}),
        ("betx@qf::1=12", {"quantity": "betx", "at": "qf::1", "value": 12.0}),
    ],
)
def test_target(text: str, expected: dict[str, Any]) -> None:
    assert parse_target(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("betx<17", {"quantity": "betx", "upper": 17.0}),
        ("dx > -1", {"quantity": "dx", "lower": -1.0}),
        ("betx@symp<=17", {"quantity": "betx", "at": "symp", "upper": 17.0}),
        ("betx@symp:end<17", {"quantity": "betx", "at": "symp:end", "upper": 17.0}),
        ("betx@qf1:qf2<17", {"quantity": "betx", "between": ["qf1", "qf2"], "upper": 17.0}),
        ("betx@qf::0:qf::1<17", {"quantity": "betx", "between": ["qf::0", "qf::1"], "upper": 17.0}),
        ("betx@a:end:b:end<17", {"quantity": "betx", "between": ["a:end", "b:end"], "upper": 17.0}),
    ],
)
def test_limit(text: str, expected: dict[str, Any]) -> None:
    assert parse_limit(text) == expected


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (parse_vary, "kf=a:b"),
        (parse_vary, "kf=0.2"),
        (parse_vary, "kf=0.4:0.2"),
        (parse_vary, "kf=0.2:0.2"),
        (parse_vary, "kf=nan:1"),
        (parse_target, "qx"),
        (parse_target, "qx=inf"),
        (parse_target, "qx<1"),
        (parse_limit, "betx=17"),
        (parse_limit, "betx@<17"),
        (parse_limit, ""),
    ],
)
def test_what_cannot_be_parsed_is_refused(parse: Any, text: str) -> None:
    with pytest.raises(click.BadParameter):
        parse(text)


def test_json_holds_no_nan() -> None:
    content = plain({"a": np.float64("nan"), "b": np.array([1.0, np.inf]), "c": (1, True, None, "x")})
    assert json.loads(json.dumps(content, allow_nan=False)) == {"a": None, "b": [1.0, None], "c": [1, True, None, "x"]}


@pytest.mark.parametrize(
    ("lower", "upper", "value", "expected"),
    [
        (None, 2.0, 1.0, 2.0),
        (1.0, None, 5.0, 1.0),
        (0.0, 10.0, 2.0, 0.0),
        (0.0, 10.0, 7.0, 10.0),
        (0.0, 9.0, None, 9.0),
    ],
)
def test_of_two_limits_the_nearest_decides(
    lower: float | None, upper: float | None, value: float | None, expected: float
) -> None:
    requirement = Requirement("R", "text", "qx", "1", "source", "study", lower, upper)
    assert deciding_limit(requirement, value) == expected
    assert judge(requirement, value, 0.0).margin in (None, abs((value or 0.0) - expected))


def test_fields_are_strength_times_rigidity() -> None:
    """A bend of 0.1 rad over 2 m at 6 T m has 0.3 T; |k1| = 0.5 m^-2 takes 3 T/m, k2 = -4 m^-3 24 T/m^2."""
    ring = Lattice(
        "ring",
        elements=[
            Bend("b", length=2.0, angle=0.1),
            Quadrupole("qf", length=0.3, k1="kf"),
            Quadrupole("qd", length=0.3, k1=-0.5),
            Sextupole("s", length=0.2, k2=-4.0),
        ],
        parameters={"kf": 0.4},
    )
    assert strongest("max_bend_field", ring, 6.0).value == pytest.approx(0.3, rel=1e-15)
    assert strongest("max_gradient", ring, 6.0) == (3.0, "qd")  # 0.5 x 6, exact in binary
    assert strongest("sextupole_strength", ring, 6.0).value == pytest.approx(24.0, rel=1e-15)


def test_a_gradient_in_a_bend_counts() -> None:
    pair = [Bend("b", length=1.0, angle=0.1, k1="kb"), Quadrupole("q", length=0.3, k1=0.5)]
    ring = Lattice("ring", elements=pair, parameters={"kb": -0.75})
    assert strongest("max_gradient", ring, 2.0) == (1.5, "b")
    assert strongest("max_gradient", ring.with_parameters(kb=0.25), 2.0) == (1.0, "q")


def test_no_magnet_is_no_field() -> None:
    with pytest.raises(InputError, match="'line' has no quadrupole"):
        strongest("max_gradient", Lattice("line", elements=[Drift("d", length=1.0)]), 1.0)
