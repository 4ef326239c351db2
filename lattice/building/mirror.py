"""Elements as a beam meets them that comes from the other side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from math import pi
from typing import Any

from lattice.elements import (
    Bend,
    ElectrostaticSeptum,
    Element,
    MagneticSeptum,
    RFCavity,
    RFGap,
    Solenoid,
    SRotation,
    ThinSolenoid,
    Translation,
)

#: Ends the name of an element that looks otherwise from its other side.
SUFFIX = "_rev"


def reversed_elements(elements: Iterable[Element]) -> tuple[Element, ...]:
    """The elements in the opposite order, each turned round: those that a beam meets that is flown back.

    With R the map of the elements and T = diag(1, -1, 1, -1, -1, 1), which turns the momenta and the time round, the
    map of the result is T R^-1 T. Pole faces change places, a rotation of the frame and a solenoid change their sense,
    a cavity its phase. What looks the same from both sides is the same element; what does not gets the suffix
    "_rev", or loses it.
    """
    return tuple(_turned(element) for element in reversed(tuple(elements)))


def _turned(element: Element) -> Element:
    turn = _TURNS.get(type(element))
    changes = {} if turn is None else turn(element)
    if all(getattr(element, name) == value for name, value in changes.items()):
        return element
    name = element.name
    other = name.removesuffix(SUFFIX) if name.endswith(SUFFIX) else name + SUFFIX
    return replace(element, name=other, **changes)


def _bend(bend: Any) -> dict[str, Any]:
    exit_fint = bend.fint if bend.fintx is None else bend.fintx
    fringes = {} if exit_fint == bend.fint else {"fint": exit_fint, "fintx": bend.fint}
    cuts = {"kill_ent_fringe": bend.kill_exi_fringe, "kill_exi_fringe": bend.kill_ent_fringe}
    return {"e1": bend.e2, "e2": bend.e1, "h1": bend.h2, "h2": bend.h1, **fringes, **cuts}


def _septum(septum: Any) -> dict[str, Any]:
    """Wires at an angle begin where they ended."""
    end = added(septum.position, product(septum.length, septum.angle))
    return {} if septum.angle == 0.0 else {"position": end, "angle": opposite(septum.angle)}


_TURNS: Mapping[type[Element], Callable[[Any], dict[str, Any]]] = {
    Bend: _bend,
    Solenoid: lambda e: {"ks": opposite(e.ks)},
    ThinSolenoid: lambda e: {"ks": opposite(e.ks), "ksi": opposite(e.ksi)},
    SRotation: lambda e: {"angle": opposite(e.angle)},
    Translation: lambda e: {"dx": opposite(e.dx), "dy": opposite(e.dy)},
    RFCavity: lambda e: {"lag": opposite(e.lag)},
    RFGap: lambda e: {"phase": f"pi - ({e.phase})" if isinstance(e.phase, str) else pi - e.phase},
    ElectrostaticSeptum: _septum,
    MagneticSeptum: _septum,
}


def opposite(strength: Any) -> Any:
    """The strength with the other sign; of an expression ``-(a)`` it is ``a``."""
    if not isinstance(strength, str):
        return -strength if strength else strength
    inner = strength.removeprefix("-(").removesuffix(")")
    return inner if strength == f"-({inner})" and _balanced(inner) else f"-({strength})"


def added(first: Any, second: Any) -> Any:
    """The sum of two strengths, a number where both are."""
    return f"({first!s}) + ({second!s})" if str in (type(first), type(second)) else first + second


def product(first: Any, second: Any) -> Any:
    """The product of two strengths, a number where both are."""
    return f"({first!s}) * ({second!s})" if str in (type(first), type(second)) else first * second


def _balanced(text: str) -> bool:
    """True when no bracket is closed before it is opened."""
    depth = 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if depth < 0:
            return False
    return depth == 0
