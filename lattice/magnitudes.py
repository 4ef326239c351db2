"""Numbers of a likely size: a value in millimetres, degrees or MeV where metres, radians or eV belong is refused."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite, pi
from typing import Any

import numpy as np

from lattice.errors import InputError


@dataclass(frozen=True)
class Magnitude:
    """Sizes up to ``largest`` are likely in ``unit``; a larger number most likely is in ``instead``."""

    largest: float
    unit: str
    instead: str
    #: From here on a number means "none": codes write 1e10 m for an opening without limit.
    unlimited: float = inf

    def fault(self, value: float) -> str:
        """What is wrong with the value, and what to do; empty where its size is likely."""
        if not self.largest < abs(value) < self.unlimited:
            return ""
        return (
            f"is in {self.unit} and at most {self.largest:.4g}, found {value:g}: if that is in {self.instead}, "
            f"give it in {self.unit}"
        )


_TURN = 2 * pi * (1 + 1e-9)
#: By the name of the attribute, whatever the element.
OF_ATTRIBUTES = {
    "length": Magnitude(1e5, "m", "mm"),
    "lrad": Magnitude(1e5, "m", "mm"),
    "angle": Magnitude(_TURN, "rad", "degrees"),
    "tilt": Magnitude(_TURN, "rad", "degrees"),
    "e1": Magnitude(1.57, "rad", "degrees"),
    "e2": Magnitude(1.57, "rad", "degrees"),
    "hgap": Magnitude(1.0, "m", "mm"),
    "hkick": Magnitude(1.0, "rad", "mrad"),
    "vkick": Magnitude(1.0, "rad", "mrad"),
    "kick": Magnitude(1.0, "rad", "mrad"),
    "position": Magnitude(2.0, "m", "mm"),
    "thickness": Magnitude(2.0, "m", "mm"),
    "gap": Magnitude(2.0, "m", "mm"),
}
#: Of magnets: the longest that are built have less than 20 m.
OF_MAGNETS = {**OF_ATTRIBUTES, "length": Magnitude(100.0, "m", "mm")}
#: Rms of errors of magnets and monitors, by the kind of error.
OF_ERRORS = {
    "dx": Magnitude(0.05, "m", "mm"),
    "dy": Magnitude(0.05, "m", "mm"),
    "ds": Magnitude(0.05, "m", "mm"),
    "noise": Magnitude(0.05, "m", "mm"),
    "roll": Magnitude(1.0, "rad", "mrad"),
    "pitch": Magnitude(1.0, "rad", "mrad"),
    "yaw": Magnitude(1.0, "rad", "mrad"),
    "field": Magnitude(1.0, "parts of the field", "per cent"),
    "radius": Magnitude(1.0, "m", "mm"),
}
OPENING = Magnitude(10.0, "m", "mm", unlimited=1e6)
EMITTANCE = Magnitude(1e-3, "m", "um")
MOMENTUM_SPREAD = Magnitude(1.0, "parts of the momentum", "per mille or per cent")


def as_number(value: Any) -> float | None:
    """A real number as float; None for a boolean, a text and whatever else is none."""
    if isinstance(value, (bool, np.bool_, str, bytes, bytearray)):
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def is_number(value: Any) -> bool:
    """Whether a value is a finite real number; a boolean and a text are none."""
    number = as_number(value)
    return number is not None and isfinite(number)


def require_numbers(owner: str, **values: Any) -> None:
    """InputError that names the first of some values that is no finite real number."""
    for what, value in values.items():
        if not is_number(value):
            raise InputError(f"{owner}: {what} must be a finite number, found {value!r}")
