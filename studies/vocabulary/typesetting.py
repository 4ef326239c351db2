"""Powers and units as they are set: ``m^-2`` as m⁻², ``m^1/2`` as m¹ᐟ², ``um`` as µm."""

from __future__ import annotations

import re

MINUS = "\u2212"  # of a number that is read, not of its power
_SUPERSCRIPT = str.maketrans("0123456789-+/.", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ᐟ·")
_NUMBER = r"[-+]?\d+(?:\.\d+)?"
#: Without brackets a power is a number, or an odd number of halves: m^2/2 is half of m^2.
_POWER = re.compile(rf"\^(?:\(({_NUMBER}(?:/\d+)?)\)|([-+]?\d*[13579]/2(?!\d)|{_NUMBER}))")
_BRACKET = re.compile(r"\[([^\[\]]+)\]")
#: A number as programs print it, 2.5e+09.
_PRINTED = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)e([+-]\d\d+)(?!\w)")
_COUNTED = re.compile(r"(?<=\d )u(?=[msA]\b)")
_MICRO = re.compile(r"(?<![A-Za-z])u(?=(?:m|s|A|rad)\b)")


def unit_text(unit: str) -> str:
    """A unit as it is set; "1", the unit of a pure number, is not written."""
    return "" if unit == "1" else _MICRO.sub("µ", _powers(unit))


def heading_text(text: str) -> str:
    """A heading or a sentence as it is set; what stands in brackets is a unit; 2.5e+09 is 2.5×10⁹."""
    counted = _COUNTED.sub("µ", _powers(_PRINTED.sub(_power_of_ten, text)))
    return _BRACKET.sub(lambda found: f"[{_MICRO.sub('µ', found[1])}]", counted)


def _powers(text: str) -> str:
    return _POWER.sub(lambda found: (found[1] or found[2]).translate(_SUPERSCRIPT), text)


def _power_of_ten(number: re.Match[str]) -> str:
    power = f"10{str(int(number[2])).translate(_SUPERSCRIPT)}"
    return power if number[1] == "1" else f"{number[1]}×{power}"
