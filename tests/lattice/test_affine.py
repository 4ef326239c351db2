"""Straight lines read from expressions: constants and factors that give what the expression itself gives."""

from __future__ import annotations

import numpy as np
import pytest

from lattice import Drift, Lattice
from lattice.affine import affine

DEFINITIONS = {"kf": 0.3, "kd": -0.5, "c": 2.0, "both": "2*kf - c*kd/4", "bent": "kf^2", "z": 1.0 + 2.0j}
LATTICE = Lattice("line", elements=[Drift("d", length=1.0)], parameters=DEFINITIONS)
#: Of two knobs: kf is the first, kd half of it and the second.
MOVED = {"kf": np.array([0.0, 1.0, 0.0]), "kd": np.array([0.0, 0.5, 1.0])}


@pytest.mark.parametrize(
    "text",
    ["kf", "-kf", "--kd", "3", "c", "pi*c", "kf + 2*kd - 1.5d0", "-(kf - kd)/c*3", "both", "1 - both", "kf*(2-c)"],
)
def test_a_straight_line_gives_what_the_expression_gives(text: str) -> None:
    line = affine(text, LATTICE.parameters, MOVED)
    assert line is not None
    for knobs in ((0.0, 0.0), (0.7, -0.2), (-3.0, 11.0)):
        values = {name: float(own @ [1.0, *knobs]) for name, own in MOVED.items()}
        expected = LATTICE.with_parameters(values).value(text)
        assert line @ [1.0, *knobs] == pytest.approx(expected, rel=1e-14, abs=1e-14)


@pytest.mark.parametrize("text", ["kf*kd", "1/kf", "kf^2", "sin(kf)", "bent", "both*kf", "sqrt(2)", "z*kf", "kf/0"])
def test_what_is_no_straight_line_is_none(text: str) -> None:
    """Functions and powers of constants neither: they are not looked into."""
    assert affine(text, LATTICE.parameters, MOVED) is None
