"""Units of what a match aims at and varies."""

from __future__ import annotations

from lattice import Lattice
from optics.matching.matching import MatchResult
from optics.matching.problem import START
from optics.matching.targets import Vary
from studies.vocabulary import COLUMNS, EXTRACTION, SCALARS, QuantityKind

#: Units of strengths, for parameters that are one.
_STRENGTH_UNITS = {
    "k1": "m^-2",
    "k1s": "m^-2",
    "k2": "m^-3",
    "k2s": "m^-3",
    "k3": "m^-4",
    "k3s": "m^-4",
    "k0": "1/m",
    "ks": "1/m",
    "angle": "rad",
    "e1": "rad",
    "e2": "rad",
    "hkick": "rad",
    "vkick": "rad",
    "tilt": "rad",
    "length": "m",
    "hgap": "m",
    "volt": "V",
    "freq": "Hz",
}


def kind_of(label: str) -> QuantityKind:
    """Vocabulary entry of a match's quantity (case and place aside), an empty one for formulas and what it lacks."""
    quantity, _, place = label.rpartition(": ")[2].partition("@")
    if not quantity.isidentifier() or "@" in place:
        return QuantityKind(quantity, "1", quantity, quantity)
    return {**SCALARS, **EXTRACTION, **COLUMNS}.get(quantity) or QuantityKind(quantity, "1", quantity, quantity)


def parameter_unit(name: str, lattice: Lattice) -> str:
    """Unit of a parameter that is, up to its sign, a strength of some element; "" when it is none."""
    for element in lattice.unique_elements[0]:
        for attribute, written in element.strengths().items():
            if isinstance(written, str) and written.replace(" ", "").lstrip("+-") == name:
                return _STRENGTH_UNITS.get(attribute, "")
    return ""


def vary_unit(vary: Vary, matched: MatchResult) -> str:
    """Unit of what a match varies: a strength, or a start condition of a line."""
    if vary.name.startswith(START):
        return unit_shown(vary.name.removeprefix(START))
    return parameter_unit(vary.name, matched.lattice)


def unit_shown(quantity: str) -> str:
    """Unit of a quantity as tables write it: empty for a pure number."""
    unit = "m" if quantity == "s" else kind_of(quantity).unit
    return "" if unit == "1" else unit
