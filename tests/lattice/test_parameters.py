"""Expressions: MAD-X's grammar and values, arrays, complex-step derivatives, and messages for what cannot be read."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lattice import LatticeError
from lattice.expressions.functions import CONSTANTS, FUNCTIONS
from lattice.expressions.parsing import parse_expression
from lattice.parameters import Parameters, evaluate_all
from tests.madx_session import madx


def value(text: str, **values: object) -> Any:
    return parse_expression(text).evaluate(values)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2^3^2", 64),  # from the left, as MAD-X 5.09 has it
        ("-2^2", -4),
        ("-2^2^2", -16),
        ("2^-1", 0.5),
        ("1-2^2", -3),
        ("1/2^2", 0.25),
        ("8/4/2", 1),
        ("2-3-4", -5),
        ("-(3)^2", -9),
        ("2*-3", -6),
        ("--2", 2),
        ("3-+2", 1),
        ("2**3", 8),
        (".5+1.", 1.5),
        ("1.5d-3+1E-3", 2.5e-3),
        ("frac(-1.5)", -0.5),
        ("round(2.5)", 2),
        ("floor(-1.5)+ceil(-1.5)", -3),
        ("sinc(0)", 1),
        ("min(1, 2)-max(1, 2)", -1),
        ("atan2(1, -1)", 3 * math.pi / 4),
        ("erf(0.3)+erfc(0.3)", 1),
        ("PI*DegRad", 180),
        ("((((2))))", 2),
    ],
)
def test_values(text: str, expected: float) -> None:
    assert value(text) == pytest.approx(expected, rel=1e-15)


# What MAD-X itself can read: no sign after an operator, its own functions.
_ATOMS = st.sampled_from(["1.25", "0.5", "3", "a", "b", "pi", "sin(a)", "sqrt(b)", "abs(a)", "sinc(b)", "erf(a)"])
_EXPRESSIONS = st.recursive(
    _ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map("".join),
        inner.map("({})".format),
        inner.map("(-{})".format),
        st.tuples(inner, st.sampled_from(["^2", "^0.5^2", "^3"])).map(lambda pair: f"abs({pair[0]}){pair[1]}"),
        st.tuples(st.sampled_from(["cos", "atan", "tanh", "floor", "frac"]), inner).map(lambda p: f"{p[0]}({p[1]})"),
    ),
    max_leaves=12,
)


@pytest.mark.madx
def test_values_are_those_of_madx() -> None:
    """200 generated expressions in one MAD-X session; both work in doubles, in one order: equal but for functions."""
    cases: list[str] = []

    @given(_EXPRESSIONS)
    def collect(text: str) -> None:
        cases.append(text)

    collect()
    with madx("a = 0.7; b = 1.9;") as session:
        for number, text in enumerate(cases):
            try:
                own = value(text, a=0.7, b=1.9)
            except LatticeError:
                continue  # no finite value
            session.input(f"x{number} := {text};")
            assert own == pytest.approx(session.eval(f"x{number}"), rel=1e-12, abs=1e-12), text


@pytest.mark.madx
def test_constants_are_those_of_madx() -> None:
    """MAD-X 5.09 has CODATA 2018, we have 2022: masses and radii differ by up to 2e-9 (the proton's mass: 1.3e-9)."""
    with madx("") as session:
        for name, own in CONSTANTS.items():
            assert own == pytest.approx(session.eval(name), rel=2e-9), name


@given(
    st.recursive(
        st.sampled_from(["2.0", "0.5", "x"]),
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from(["+", "-", "*", "/"]), inner).map(lambda p: f"({p[0]}{p[1]}{p[2]})"),
            inner.map("-{}".format),
        ),
        max_leaves=20,
    )
)
def test_arithmetic_is_that_of_python(text: str) -> None:
    tree = compile(ast.parse(text, mode="eval"), "test", "eval")
    try:
        expected = eval(tree, {"x": 1.7})
    except ZeroDivisionError:
        return
    assert value(text, x=1.7) == pytest.approx(expected, rel=1e-14)


#: What the functions are outside MAD-X, for the numbers that both take.
PYTHON: dict[str, Callable[[float], float]] = {
    "sinc": lambda x: math.sin(x) / x,
    "frac": lambda x: math.copysign(abs(x) % 1.0, x),
    "abs": abs,
    "min": lambda x: min(x, 0.9),
    "max": lambda x: max(x, 0.9),
    "atan2": lambda x: math.atan2(x, 0.9),
    "round": round,
}
ARGUMENTS = [
    pytest.param(function, x, id=f"{function} {x}")
    for function in sorted(FUNCTIONS)
    for x in ((1.3, 2.4) if function == "acosh" else (0.37, 0.95))
    + (() if function in ("acosh", "sqrt", "log", "log10") else (-0.37, -0.95))
]


def called(function: str) -> str:
    return f"{function}(x, 0.9)" if function in ("min", "max", "atan2") else f"{function}(x)"


@pytest.mark.parametrize(("function", "x"), ARGUMENTS)
def test_every_function_is_that_of_python_on_both_sides_of_zero(function: str, x: float) -> None:
    expected = PYTHON.get(function) or getattr(math, function)
    assert value(called(function), x=x) == pytest.approx(expected(x), rel=1e-14)


@pytest.mark.parametrize(("function", "x"), ARGUMENTS)
def test_derivatives_pass_through_every_function(function: str, x: float) -> None:
    """The complex step against a central difference (1e-5: its error is h^2 f'''/6, about 1e-10, and rounding; 2e-8
    for the steepest of them near the end of what they take)."""
    text, step = called(function), 1e-5
    difference = (float(value(text, x=x + step)) - float(value(text, x=x - step))) / (2 * step)
    assert np.imag(value(text, x=x + 1e-20j)) / 1e-20 == pytest.approx(difference, rel=2e-8, abs=1e-8)


def test_derivatives_pass_through_the_second_argument_of_a_function_of_two() -> None:
    """d atan2(y, x) / dx = -y / (x^2 + y^2); of the smaller and of the larger of two it is 1 or 0."""
    slopes = {text: value(text, x=0.9 + 1e-20j).imag / 1e-20 for text in ("atan2(-0.4, x)", "min(2, x)", "max(2, x)")}
    assert slopes == pytest.approx({"atan2(-0.4, x)": 0.4 / 0.97, "min(2, x)": 1.0, "max(2, x)": 0.0}, rel=1e-14)


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_arrays_are_evaluated_as_one(function: str) -> None:
    x = np.array([0.2, 0.5, 0.9]) + (1.0 if function == "acosh" else 0.0)
    text = f"{function}(x, 0.6)" if function in ("min", "max", "atan2") else f"{function}(x)"
    assert value(text, x=x) == pytest.approx([value(text, x=one) for one in x], rel=1e-15)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "at its end"),
        ("2 3", "at '3'"),
        ("sin(", "at its end"),
        ("2**3**2", r"at '\*\*2'"),
        ("1..2", r"at '\.2'"),
        ("kf.é", "at 'é'"),
        ("__import__('os')", "at"),
        ("sinn(1)", r"unknown function 'sinn'; did you mean 'sin'\?"),
        ("sin(1, 2)", r"sin\(\) takes 1 value\(s\), found 2"),
        ("(" * 101 + "1" + ")" * 101, "too deeply nested"),
        ("1+" * 20_000 + "1", "too long"),
    ],
)
def test_what_cannot_be_read_is_refused(text: str, message: str) -> None:
    with pytest.raises(LatticeError, match=message):
        parse_expression(text)


@pytest.mark.parametrize("text", ["1/0", "0/0", "sqrt(-1)", "log(0)", "1e300*1e300", "acos(2)"])
def test_values_that_are_not_finite_are_refused(text: str) -> None:
    with pytest.raises(LatticeError, match="has no finite value"):
        value(text)


def test_long_chains_do_not_nest() -> None:
    assert value("+".join(["x^2"] * 4000), x=1.0) == 4000
    assert value("sin(1+2*" * 99 + "1" + ")" * 99) is not None
    chain = {"a0": 1.0, **{f"a{n}": f"a{n - 1}+1" for n in range(1, 2000)}}
    assert evaluate_all(chain)["a1999"] == 2000


def test_parameters_are_found_in_any_case_and_depend_on_each_other() -> None:
    parameters = Parameters({"KF": 0.3, "kd": "-1.7*kf", "e": "2*kf", "f": "e+1"})
    assert parameters["Kd"] == pytest.approx(-0.51)
    assert parameters["f"] == pytest.approx(1.6)  # a parameter called like a constant hides it
    assert parameters.is_dependent("KD")
    assert not parameters.is_dependent("kf")
    with pytest.raises(LatticeError, match=r"unknown parameter 'kff'; did you mean 'kf'\?"):
        parameters["kff"]


@pytest.mark.parametrize(
    ("definitions", "message"),
    [
        ({"a": "b", "b": "c", "c": "a"}, "in a circle: [abc] <- [abc] <- [abc] <- [abc]"),
        ({"a": "a+1"}, "in a circle: a <- a"),
        ({"a": "2*kq2", "kq1": 1.0}, r"parameter 'a': unknown parameter 'kq2'; did you mean 'kq1'\?"),
        ({"a": "1/(b-1)", "b": 1.0}, r"parameter 'a': expression '1/\(b-1\)' has no finite value"),
    ],
)
def test_definitions_that_make_no_sense_are_refused(definitions: dict[str, object], message: str) -> None:
    with pytest.raises(LatticeError, match=message):
        evaluate_all(definitions)
