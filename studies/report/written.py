"""Numbers and units as people read them: as many digits as are known, powers of ten and of metres in superscript."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import floor, isfinite, log10
from numbers import Integral, Real
from typing import Any

import pandas as pd

from studies.vocabulary.typesetting import MINUS, heading_text, unit_text

_SUPERSCRIPT = str.maketrans("0123456789-+", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺")


def number_text(value: float | None, digits: int = 6) -> str:
    """A number with ``digits`` significant digits; "none" when there is none."""
    if value is None or not isfinite(value):
        return "none"
    if value == 0:
        return "0"
    exponent = floor(log10(abs(value)))
    if -4 <= exponent < 7:
        return _signed(f"{value:.{max(0, digits - 1 - exponent)}f}")
    return _scientific(value, digits - 1)


def short_text(value: float | None, digits: int = 6) -> str:
    """As ``number_text``, without zeros at the end: for limits and other numbers that are exact as written."""
    mantissa, times, power = number_text(value, digits).partition("×")
    return (mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa) + times + power


def known_text(value: float | None, error: float | None) -> str:
    """A number to the digit that its numerical error leaves known, followed by that error: ``16.7510 ± 0.0001``."""
    return " ".join(part for part in known_parts(value, error) if part)


def known_parts(value: float | None, error: float | None, more: int = 0) -> tuple[str, str]:
    """The two parts of ``known_text``: the number, and ± its error where there is one; with ``more`` digits."""
    if value is None or not isfinite(value):
        return "none", ""
    if not error or not isfinite(error):
        return short_text(value, 10 if error == 0 else 6), ""
    decimals = _decimals(error) + more
    if abs(value) < 0.5 * 10.0**-decimals:  # no digit of it is known
        return "0", f"± {_error_text(error, decimals, more)}"
    if -6 <= decimals <= 10 and abs(value) < 1e7:
        decimals = max(decimals, 0)
        return _signed(f"{value:.{decimals}f}"), f"± {_error_text(error, decimals, more)}"
    digits = max(1, min(10, 1 + floor(log10(abs(value) or error)) + decimals))
    return number_text(value, digits), f"± {_scientific(error, more)}"


def judged_parts(value: float | None, spread: float, limits: Iterable[float]) -> tuple[str, str]:
    """A judged number and ± its ``spread``: to the digit that this leaves known, or to more: see ``more_digits``.

    Without a spread three digits, or as many as tell it from each of the ``limits``.
    """
    if value is None or not isfinite(value) or spread:
        return known_parts(value, spread or None, more_digits(value, spread, limits))
    told = (digits for digits in range(_DIGITS, 12) if _told_apart(value, digits, limits))
    return number_text(value, next(told, 12)), ""


def more_digits(value: float | None, spread: float, limits: Iterable[float]) -> int:
    """How many digits more than its spread leaves known show on which side of its spread each limit lies.

    2.4 ± 1.5 keeps a limit of 0; as 2 ± 2 nobody could tell.
    """
    if value is None or not isfinite(value) or not spread or not isfinite(spread):
        return 0
    known = list(limits)
    return next((more for more in range(_MORE) if _side_told(value, spread, _decimals(spread) + more, known)), 0)


def _side_told(value: float, spread: float, decimals: int, limits: Iterable[float]) -> bool:
    """True when the rounded numbers lie as far apart, against the rounded spread, as the numbers do."""
    shown, about = round(value, decimals), round(spread, decimals)
    slack = 10.0 ** (-decimals - 3)
    return all(
        (abs(shown - limit) > about + slack) == (abs(value - limit) > spread)
        and (abs(shown - limit) < about - slack) == (abs(value - limit) < spread)
        for limit in limits
    )


_MORE = 4  # digits more than known at most
_DIGITS = 3  # of a number whose errors are those of the arithmetic alone


def _told_apart(value: float, digits: int, limits: Iterable[float]) -> bool:
    """True when the rounded number is on the same side of every limit as the number."""
    rounded = float(f"{value:.{digits - 1}e}")
    return all((rounded > limit) == (value > limit) and (rounded < limit) == (value < limit) for limit in limits)


def error_parts(numerical: float | None, statistical: float, model: float | None, unit: str) -> str:
    """The errors of a number told apart: ``numerical 2×10⁻⁹ m; statistical (95 %) 0.003 m; model 0.1 m``.

    A model's error of 0 is one that nothing moves: ``model: no assumption moves it``.
    """
    if numerical is None:
        return ""
    parts = [f"numerical {_error_of(numerical, unit)}"]
    if statistical:
        parts.append(f"statistical (95 %) {_error_of(statistical, unit)}")
    parts.append(f"model{_model(model, unit)}")
    return "; ".join(parts)


def _model(model: float | None, unit: str) -> str:
    if not model:
        return ": none given" if model is None else ": no assumption moves it"
    return f" {_error_of(model, unit)}"


def _error_of(error: float, unit: str) -> str:
    size = short_text(error, 2) if isfinite(error) else "without bound"
    return f"{size} {unit_text(unit)}".rstrip()


def margin_text(margin: float | None, error: float | None, more: int = 0) -> str:
    """A signed margin to the digit that is known and ``more``, four at most; nothing when there is none."""
    if margin is None or not isfinite(margin):
        return ""
    decimals = 3 - floor(log10(abs(margin))) if margin else 0  # four digits
    if error and isfinite(error):
        decimals = min(decimals, _decimals(error) + more)
    text = _signed(f"{margin:.{max(0, decimals)}f}") if decimals <= 8 else _scientific(margin, 1)
    return text if text.startswith(MINUS) else f"+{text}"


def limit_text(lower: float | None, upper: float | None) -> str:
    """The allowed range: ``≤ 17``, ``≥ 5``, ``1.66 to 1.67``."""
    if lower is None:
        return f"≤ {short_text(upper, 10)}"
    if upper is None:
        return f"≥ {short_text(lower, 10)}"
    return f"{short_text(lower, 10)} to {short_text(upper, 10)}"


def _decimals(error: float) -> int:
    """Place of the first digit that the error touches, after rounding it to one digit."""
    return -int(f"{error:.0e}".split("e")[1])


def _error_text(error: float, decimals: int, more: int) -> str:
    return f"{error:.{max(decimals, 0)}f}" if decimals <= 5 else _scientific(error, more)


def _scientific(value: float, decimals: int) -> str:
    mantissa, exponent = f"{value:.{decimals}e}".split("e")
    return f"{_signed(mantissa)}×10{str(int(exponent)).translate(_SUPERSCRIPT)}"


def _signed(text: str) -> str:
    """With a true minus sign, and none before a zero."""
    return (text if text.strip("-0.") else text.lstrip("-")).replace("-", MINUS)


@dataclass(frozen=True)
class WrittenTable:
    """A table as text: ``headings``, the ``kinds`` of its columns (numeric, wide or short text), ``rows`` of cells."""

    headings: tuple[str, ...]
    kinds: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def written_table(frame: pd.DataFrame, digits: int = 6) -> WrittenTable:
    """A table as people read it; a column of numbers has one number of decimals, or powers of ten."""
    columns = [frame.iloc[:, place] for place in range(frame.shape[1])]
    numeric = tuple(bool(pd.api.types.is_numeric_dtype(column) and column.dtype != bool) for column in columns)
    texts = [
        _number_column(list(column), digits) if is_number else [_cell(value, str(column.name)) for value in column]
        for column, is_number in zip(columns, numeric, strict=True)
    ]
    kinds = tuple("numeric" if is_number else _text_kind(text) for is_number, text in zip(numeric, texts, strict=True))
    rows = tuple(zip(*texts, strict=True)) if texts else ()
    return WrittenTable(tuple(heading_text(str(name)) for name in frame.columns), kinds, rows)


def _text_kind(texts: Sequence[str]) -> str:
    return "wide" if max(map(len, texts), default=0) > 40 else "short"


def _cell(value: Any, heading: str) -> str:
    if heading.endswith("unit"):
        return unit_text(str(value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Real):
        return str(value) if isinstance(value, Integral) else number_text(float(value), 8)
    return "" if value is None else str(value)


def _number_column(values: Sequence[Any], digits: int) -> list[str]:
    """A long column is one quantity: ``digits`` for the largest. A short one may hold many: each its own digits."""
    if all(isinstance(value, Integral) for value in values):
        return [_signed(str(value)) for value in values]
    sizes = [abs(float(value)) for value in values if isfinite(value) and value != 0]
    if not sizes:
        return [number_text(float(value)) for value in values]
    largest = floor(log10(max(sizes)))
    if not -3 <= largest < 7 or len(values) < 30:
        return [_signed(_spread(float(value), digits)) for value in values]
    decimals = max(0, digits - 1 - largest)
    return [_signed(f"{value:.{decimals}f}") if isfinite(value) else "none" for value in values]


def _spread(value: float, digits: int) -> str:
    """A number of a column with very different sizes: plain where that is short, else a power of ten."""
    if value == 0 or not isfinite(value):
        return number_text(value)
    if 1e-3 <= abs(value) < 1e7:
        return short_text(value, digits)
    mantissa, times, power = _scientific(value, 2).partition("×")
    return mantissa.rstrip("0").rstrip(".") + times + power
