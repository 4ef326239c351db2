"""Arithmetic of numbers and expressions: whatever is put together has the value that its parts have."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lattice.expressions.parsing import parse_expression
from lattice.madx.arithmetic import Strength, Sum, bracketed, half, minus, plus, times_power_of_ten

PLACES = {"a": 0.75, "b": -1.25, "c": 3.0}
#: Numbers of few binary digits, so that sums and products are exact, and expressions that begin and end in each way.
NUMBERS = st.integers(-64, 64).map(lambda n: n / 8)
TEXTS = st.sampled_from(["a", "-b", "a+b", "a-c", "2*a", "(a-b)/2", "-(c)*a", "c^2", "-c^2"])
STRENGTHS: st.SearchStrategy[Strength] = st.one_of(NUMBERS, TEXTS)


def value(strength: Strength) -> float:
    return strength if isinstance(strength, float) else float(parse_expression(strength).evaluate(PLACES))


@given(STRENGTHS, STRENGTHS)
def test_sums_differences_and_halves(a: Strength, b: Strength) -> None:
    assert value(plus(a, b)) == value(a) + value(b)
    assert value(minus(a, b)) == value(a) - value(b)
    assert value(half(a)) == value(a) / 2
    assert value(f"8-{bracketed(a)}*2") == 8 - value(a) * 2


@given(st.lists(st.tuples(STRENGTHS, st.sampled_from([1.0, -1.0, 0.5, -2.0])), max_size=5))
def test_a_sum_of_multiples(parts: list[tuple[Strength, float]]) -> None:
    """Forwards with every sign, and all taken off again: nothing is left, not even a term of 0."""
    found = Sum()
    for strength, factor in parts:
        found = found + Sum.of(strength) * factor
    assert value(found.strength) == sum(value(strength) * factor for strength, factor in parts)
    assert (Sum() - found) + found == Sum()


@pytest.mark.parametrize("a", [1.1, -0.3, "a", "a+b"])
@pytest.mark.parametrize("power", [6, -3])
def test_powers_of_ten_shift_digits_and_come_back(a: Strength, power: int) -> None:
    """To the last digit for a number: 1.1 * 10^6 is 1100000."""
    there = times_power_of_ten(a, power)
    if isinstance(a, float):
        assert there == float(Fraction(str(a)) * Fraction(10) ** power)
    assert value(there) == pytest.approx(value(a) * 10.0**power, rel=1e-15)
    assert times_power_of_ten(there, -power) == a


def test_brackets_that_do_not_belong_together_stay() -> None:
    """(a)*(b)*1e3 is no number of thousands in one bracket."""
    assert times_power_of_ten("(a)*(b)*1e3", -3) == "((a)*(b)*1e3)*1e-3"
