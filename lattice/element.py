"""What every element has: a name, an aperture, strengths that are checked when it is made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import FrozenInstanceError, dataclass, field, fields
from functools import cache
from math import isfinite
from typing import Any, ClassVar

from lattice.arguments import ToldArguments
from lattice.errors import LatticeError
from lattice.expressions.parsing import parse_expression
from lattice.magnitudes import OF_ATTRIBUTES, OPENING, Magnitude, as_number

Strength = float | str

_NAME = re.compile(r"[^\s,;:=(){}\"']+")


@dataclass(frozen=True)
class Aperture(metaclass=ToldArguments):
    """Free opening of an element: ``shape`` and half sizes ``half_x``, ``half_y`` [m], centred at ``offset_x``,
    ``offset_y`` [m]: x from offset_x - half_x to offset_x + half_x.

    shape: "rectangle", "ellipse" (a circle has equal half sizes), or "rectellipse" (both at once, the ellipse given by
    ``ellipse_x``, ``ellipse_y``).
    """

    shape: str
    half_x: float
    half_y: float
    offset_x: float = 0.0
    offset_y: float = 0.0
    ellipse_x: float | None = None
    ellipse_y: float | None = None

    def __post_init__(self) -> None:
        if self.shape not in ("rectangle", "ellipse", "rectellipse"):
            circle = " (a circle is an ellipse of equal half sizes)" if self.shape in ("circle", "round") else ""
            raise LatticeError(
                f"aperture shape must be rectangle, ellipse or rectellipse, found {self.shape!r}{circle}"
            )
        if (self.shape == "rectellipse") != (self.ellipse_x is not None and self.ellipse_y is not None):
            raise LatticeError("ellipse_x and ellipse_y belong to shape 'rectellipse', and only to it")
        for name in ("half_x", "half_y", "offset_x", "offset_y", "ellipse_x", "ellipse_y"):
            if getattr(self, name) is not None:
                self._check(name, getattr(self, name))

    @staticmethod
    def _check(name: str, value: Any) -> None:
        number = as_number(value)
        if number is None or not isfinite(number):
            raise LatticeError(f"aperture: {name} must be a finite number of m, found {value!r}")
        if number <= 0 and not name.startswith("offset"):
            raise LatticeError(f"aperture half sizes must be positive, found {name} = {number!r} m")
        if fault := OPENING.fault(number):
            raise LatticeError(f"aperture: {name} {fault}")


@dataclass(frozen=True, kw_only=True)
class Element(metaclass=ToldArguments):
    """Base of all elements. ``aperture`` holds over the whole length. Raises LatticeError naming the element."""

    name: str = field(kw_only=False)
    aperture: Aperture | None = None

    kind: ClassVar[str] = "element"
    #: Attributes that are one of some words, and these words.
    choices: ClassVar[dict[str, tuple[str, ...]]] = {}
    #: Attributes that must not be negative.
    not_negative: ClassVar[tuple[str, ...]] = ("length", "hgap", "thickness", "gap")
    #: Strengths that act along the length: without one they would do nothing.
    along: ClassVar[tuple[str, ...]] = ()
    #: Likely sizes, by attribute.
    magnitudes: ClassVar[Mapping[str, Magnitude]] = OF_ATTRIBUTES

    def __init_subclass__(cls) -> None:
        cls.kind = cls.__name__.lower()

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name) or not self.name.isprintable():
            raise LatticeError(
                f"an element's name must be a word without blanks or punctuation, found {ascii(self.name)[:80]}"
            )
        object.__setattr__(self, "name", self.name.lower())
        if self.aperture is not None and not isinstance(self.aperture, Aperture):
            raise LatticeError(f"{self.where('aperture')} must be an Aperture, found {self.aperture!r}")
        for attribute, value in self.strengths().items():
            object.__setattr__(self, attribute, self._checked(attribute, value))
        for flag in self.flag_names():
            if not isinstance(getattr(self, flag), bool):
                raise LatticeError(f"{self.where(flag)} must be True or False, found {getattr(self, flag)!r}")
        for attribute, words in self.choices.items():
            if getattr(self, attribute) not in words:
                found = getattr(self, attribute)
                raise LatticeError(f"{self.where(attribute)} must be one of {', '.join(words)}, found {found!r}")
        self._refuse_idle()

    def _refuse_idle(self) -> None:
        acting = [name for name in self.along if getattr(self, name) != 0.0]
        if acting and getattr(self, "length", None) == 0.0:
            raise LatticeError(
                f"{self.where('length')} is 0, so that {acting[0]} does nothing: give the length, or the integrated "
                "strength as a thin Multipole (knl, ksl)"
            )

    @classmethod
    @cache
    def strength_names(cls) -> tuple[str, ...]:
        """Names of the attributes that are strengths, in order of definition."""
        return tuple(f.name for f in fields(cls) if f.name not in ("name", "aperture", *cls.choices, *cls.flag_names()))

    @classmethod
    @cache
    def _defaults(cls) -> dict[str, Any]:
        """What each attribute is when it is not given: only None may be None, only a tuple may be a list."""
        return {f.name: f.default for f in fields(cls)}

    @classmethod
    @cache
    def flag_names(cls) -> tuple[str, ...]:
        """Names of the attributes that are True or False."""
        return tuple(f.name for f in fields(cls) if isinstance(f.default, bool))

    def strengths(self) -> dict[str, Any]:
        """The strengths as written: numbers, expressions, tuples of these, or None where not given."""
        return {attribute: getattr(self, attribute) for attribute in self.strength_names()}

    def where(self, attribute: str) -> str:
        """How messages name one attribute of this element."""
        return f"{type(self).__name__} '{self.name}': {attribute}"

    def check_number(self, attribute: str, number: float) -> None:
        """Refuse a value that makes no sense for ``attribute``, naming the element."""
        if not isfinite(number):
            raise LatticeError(f"{self.where(attribute)} must be finite, found {number!r}")
        if number < 0 and attribute in self.not_negative:
            raise LatticeError(f"{self.where(attribute)} must not be negative, found {number!r}")
        magnitude = self.magnitudes.get(attribute)
        if magnitude is not None and (fault := magnitude.fault(number)):
            raise LatticeError(f"{self.where(attribute)} {fault}")

    def _checked(self, attribute: str, value: Any) -> Any:
        default = self._defaults()[attribute]
        if value is None and default is None:
            return None
        if isinstance(value, (tuple, list)) and isinstance(default, tuple):
            return tuple(self._checked_strength(attribute, part) for part in value)
        return self._checked_strength(attribute, value)

    def _checked_strength(self, attribute: str, value: Any) -> Strength:
        if isinstance(value, str):
            return self._checked_expression(attribute, value)
        number = as_number(value)
        if number is None:
            raise LatticeError(
                f"{self.where(attribute)} must be a number or an expression of parameters, found {value!r}"
            )
        self.check_number(attribute, number)
        return number

    def _checked_expression(self, attribute: str, text: str) -> str:
        try:
            parse_expression(text)
        except LatticeError as error:
            raise LatticeError(f"{self.where(attribute)}: {error}") from None
        return " ".join(text.lower().split())


def refuse_change(element: Element, attribute: str, *_: object) -> None:
    """What happens when an attribute of an element is set or deleted: FrozenInstanceError says how it is changed."""
    raise FrozenInstanceError(
        f"{element.where(attribute)} cannot be set, elements never change: make another one, "
        f"dataclasses.replace(element, {attribute}=...), and put it in, lattice.replace('{element.name}', new)"
    )
