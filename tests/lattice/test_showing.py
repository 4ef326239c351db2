"""Values show themselves: ten lines of text, the same in a notebook, a chart from whoever draws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from lattice import Drift, InputError, Lattice
from lattice.errors import counted
from lattice.showing import GROUP, Showing, chart, told


@dataclass(frozen=True, repr=False)
class _Value(Showing):
    number: float
    text: str
    small: np.ndarray
    large: np.ndarray
    table: pd.DataFrame
    knobs: dict[str, float]
    _hidden: int = 0


def _value() -> _Value:
    table = pd.DataFrame({"s": [0.0, 1.0, 2.0]})
    return _Value(1 / 3, "a <b>\nc", np.array([1.5, -2.0]), np.zeros((4, 4)), table, {"kf": 0.29, "kd": -0.5})


def test_a_value_is_told_by_its_fields() -> None:
    assert repr(_value()).splitlines() == [
        "_Value",
        "  number  0.33333333",
        "  text    a <b> c",
        "  small   1.5, -2",
        "  large   array of 4 x 4",
        "  table   table of 3 x 1",
        "  knobs   kf = 0.29, kd = -0.5",
    ]


def test_a_notebook_shows_the_same_and_no_markup_of_a_value() -> None:
    html = _value()._repr_html_()
    assert "<th>text</th><td>a &lt;b&gt; c</td>" in html
    assert "<th>number</th><td>0.33333333</td>" in html


def test_more_than_ten_lines_are_named_in_the_last() -> None:
    class Many(Showing):
        def summary(self) -> dict[str, int]:
            return {f"n{i}": i for i in range(30)}

    lines = repr(Many()).splitlines()
    assert len(lines) == 10
    assert lines[-1].split()[:3] == ["and", "n8,", "n9,"]


@pytest.mark.parametrize(
    ("value", "words"),
    [(np.float64(0.1), "0.1"), (True, "True"), (None, "None"), ((1, 2.5), "1, 2.5"), ("x" * 200, "x" * 96 + " ...")],
)
def test_one_value_takes_less_than_a_line(value: object, words: str) -> None:
    assert told(value) == words


def test_a_picture_that_nobody_draws_says_what_is_missing() -> None:
    with pytest.raises(InputError, match=f"nothing that draws 'hologram' is installed .*{GROUP}"):
        chart("hologram")


def test_a_lattice_with_warnings_says_where_they_are() -> None:
    """Their number alone leaves a reader to guess what they are called."""
    warned = Lattice("a", elements=[Drift("d", length=1.0)], warnings=["k2 is left out"])
    assert repr(warned).splitlines()[-1].split()[:4] == ["warnings", "1,", "in", ".warnings:"]
    calm = Lattice("a", elements=[Drift("d", length=1.0)])
    assert repr(calm).splitlines()[-1].split() == ["warnings", "0"]


@pytest.mark.parametrize(
    ("number", "noun", "words"),
    [(1, "energy", "1 energy"), (2, "energy", "2 energies"), (0, "target", "0 targets"), (3, "array", "3 arrays")],
)
def test_what_is_counted_has_its_plural(number: int, noun: str, words: str) -> None:
    assert counted(number, noun) == words
