"""Numbers as people read them."""

from __future__ import annotations

import pandas as pd
import pytest

from studies.report.written import (
    judged_parts,
    known_text,
    limit_text,
    margin_text,
    more_digits,
    number_text,
    short_text,
    written_table,
)
from studies.vocabulary.typesetting import heading_text, unit_text


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (16.75104, 1e-4, "16.7510 ± 0.0001"),
        (1.66600227, 2e-9, "1.666002270 ± 2×10⁻⁹"),
        (-2.26362, 0.03, "−2.26 ± 0.03"),
        (3.2e-4, 3e-8, "0.00032000 ± 3×10⁻⁸"),
        (1234.4, 12.0, "1234 ± 12"),
        (5.0, 0.96, "5 ± 1"),
        (2.5, 0.0, "2.5"),  # exact
        (0.1234567, None, "0.123457"),
        (1e-12, 3e-15, "1.000×10⁻¹² ± 3×10⁻¹⁵"),
        (5.6e-16, 7e-9, "0 ± 7×10⁻⁹"),  # nothing of it is known
        (-1e-15, 2e-13, "0 ± 2×10⁻¹³"),
        (-0.3, 2.0, "0 ± 2"),
        (None, 0.1, "none"),
        (float("nan"), 0.1, "none"),
    ],
)
def test_a_number_is_written_to_the_digit_its_error_touches(
    value: float | None, error: float | None, text: str
) -> None:
    assert known_text(value, error) == text


@pytest.mark.parametrize(
    ("value", "spread", "limits", "text", "margin"),
    [
        (2.361, 1.526, [0.0], ("2.4", "± 1.5"), "+2.4"),  # as 2 ± 2 nobody could tell
        (9.317, 1.268, [7.5], ("9", "± 1"), "+2"),  # told as it is
        (1.0, 0.0370, [0.95], ("1.00", "± 0.04"), "+0.05"),
        (0.9545, 0.0052, [0.95], ("0.9545", "± 0.0052"), "+0.0045"),  # within its error
        (1.9996, 0.5, [2.5], ("1.9996", "± 0.5000"), "+0.5004"),
        (2.0, 0.5, [2.5], ("2.0", "± 0.5"), "+0.5"),  # exactly as far as its error
        (2.361e-7, 1.526e-7, [0.0], ("0.00000024", "± 1.5×10⁻⁷"), "+0.00000024"),
        (3.0, 0.46, [1.0, 3.47], ("3.00", "± 0.46"), "+2.00"),
    ],
)
def test_a_judged_number_shows_on_which_side_of_its_error_a_limit_lies(
    value: float, spread: float, limits: list[float], text: tuple[str, str], margin: str
) -> None:
    assert judged_parts(value, spread, limits) == text
    assert margin_text(abs(value - limits[0]), spread, more_digits(value, spread, limits)) == margin


def test_plain_numbers() -> None:
    assert number_text(0.0) == "0"
    assert number_text(3.14159265) == "3.14159"
    assert number_text(-1234567.8) == "−1234568"
    assert number_text(1.5e-9) == "1.50000×10⁻⁹"
    assert short_text(17.0) == "17"
    assert short_text(100.0) == "100"


def test_limits_and_margins() -> None:
    assert limit_text(None, 17.0) == "≤ 17"
    assert limit_text(5.0, None) == "≥ 5"
    assert limit_text(1.66, 1.67) == "1.66 to 1.67"
    assert limit_text(-0.05, 0.05) == "−0.05 to 0.05"
    assert margin_text(0.0039977, 2e-9) == "+0.003998"
    assert margin_text(-0.251, 1e-2) == "−0.25"
    assert margin_text(9.999e-10, 1e-16) == "+1.0×10⁻⁹"
    assert margin_text(0.0, 0.0) == "+0"
    assert margin_text(None, 0.1) == ""


def test_units() -> None:
    assert unit_text("m^-2") == "m⁻²"
    assert unit_text("1") == ""
    assert heading_text("k2 [m^-3]") == "k2 [m⁻³]"
    assert unit_text("m^1/2") == "m¹ᐟ²"
    assert unit_text("m^-3/2") == "m⁻³ᐟ²"
    assert heading_text("a line of modulation m holds m^2/2") == "a line of modulation m holds m²/2"
    assert unit_text("um") == "µm"
    assert heading_text("(56.3 T/m^2) of r^(-3), E^1.77 [um]") == "(56.3 T/m²) of r⁻³, E¹·⁷⁷ [µm]"
    assert heading_text("8 um of the sum, um") == "8 µm of the sum, um", "words are left alone"


def test_a_long_column_has_one_number_of_decimals() -> None:
    table = written_table(pd.DataFrame({"betx [m]": [16.7, 3.25] * 20, "name": ["a", "b"] * 20}))
    assert table.kinds == ("numeric", "short")
    assert table.rows[:2] == (("16.7000", "a"), ("3.2500", "b"))


def test_a_short_column_keeps_what_each_number_has() -> None:
    frame = pd.DataFrame(
        {"own": [1.6660022781, -16.728, 0.0], "difference": [1e-10, -3e-7, float("nan")], "n": [1, -2, 3]}
    )
    assert written_table(frame, digits=9).rows == (
        ("1.66600228", "1×10⁻¹⁰", "1"),
        ("−16.728", "−3×10⁻⁷", "−2"),
        ("0", "none", "3"),
    )
    assert written_table(frame).rows[0] == ("1.666", "1×10⁻¹⁰", "1")


def test_an_empty_table() -> None:
    assert written_table(pd.DataFrame()).rows == ()
    assert written_table(pd.DataFrame({"a": []})).rows == ()
