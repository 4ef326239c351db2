"""From elements to the maps a particle goes through: each element is one or more steps, a program with arguments.

A step whose arguments scale with length (``cut``) can be cut into equal parts, to look inside an element. Edges and
kicks act at a point and are not cut.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, singledispatch
from math import pi
from typing import Any

import numpy as np

from lattice import (
    Bend,
    DipoleEdge,
    Element,
    Kicker,
    LatticeError,
    Marker,
    Multipole,
    Octupole,
    Quadrupole,
    ReferenceParticle,
    RFCavity,
    RFGap,
    Separator,
    Sextupole,
    Solenoid,
    SRotation,
    ThinSolenoid,
    Translation,
    XRotation,
    YRotation,
)
from lattice.reference import SPEED_OF_LIGHT
from optics.maps import edges, frames
from optics.maps import element_maps as maps
from optics.maps.recording import Program, record

FRINGES = ("full", "linear")
_LARGEST_ANGLE = 3.0  # rad
_LARGEST_TURN = 1.5  # rad


@dataclass(frozen=True)
class Step:
    """One map: ``program`` name, its ``arguments`` (numbers or arrays) without beta0, and which scale with length."""

    program: str
    arguments: tuple[Any, ...]
    cut: tuple[int, ...] = ()

    def part(self, parts: int) -> Step:
        """The map of one of ``parts`` equal parts."""
        scaled = tuple(value / parts if i in self.cut else value for i, value in enumerate(self.arguments))
        return Step(self.program, scaled, self.cut)


@dataclass(frozen=True)
class Setting:
    """What steps depend on besides the element: the particle, the bends' fringe, the ring's revolution frequency."""

    particle: ReferenceParticle
    fringe: str
    revolution_frequency: Any = None


_MAPS: dict[str, tuple[Callable[..., Any], int]] = {
    "drift": (maps.drift, 1),
    "curved_body": (maps.curved_body, 3),
    "edge_in": (lambda z, edge, field, gap, k1, h1, soft, beta0: edges.edge_in(z, edge, field, gap, k1, h1, beta0), 6),
    "edge_out": (
        lambda z, edge, field, gap, k1, h2, soft, beta0: edges.edge_out(z, edge, field, gap, k1, h2, beta0),
        6,
    ),
    "third_edge_in": (edges.third_edge_in, 6),
    "third_edge_out": (edges.third_edge_out, 6),
    "edge_linear": (lambda z, edge, field, gap, beta0: edges.edge_linear(z, edge, field, gap), 3),
    "combined_bend": (maps.combined_bend, 5),
    "quadrupole": (maps.quadrupole, 2),
    "paraxial_quadrupole": (maps.paraxial_quadrupole, 2),
    "skew_quadrupole": (maps.skew_quadrupole, 3),
    "paraxial_skew_quadrupole": (maps.paraxial_skew_quadrupole, 3),
    "sextupole": (
        lambda z, length, k2, k2s, beta0: maps.thick_multipole(z, length, ((0.0, 0.0),) * 2 + ((k2, k2s),), beta0),
        3,
    ),
    "octupole": (
        lambda z, length, k3, k3s, beta0: maps.thick_multipole(z, length, ((0.0, 0.0),) * 3 + ((k3, k3s),), beta0),
        3,
    ),
    "solenoid": (maps.solenoid, 2),
    "thin_solenoid": (maps.thin_solenoid, 2),
    "electric_field": (maps.electric_field, 2),
    "roll": (lambda z, angle, beta0: maps.roll(z, angle), 1),
    "turn_about_y": (frames.turn_about_y, 1),
    "turn_about_x": (frames.turn_about_x, 1),
    "translation": (frames.translation, 3),
    "thin_bend": (maps.thin_bend, 3),
    "corrector": (maps.corrector, 3),
    "kick": (lambda z, hkick, vkick, beta0: maps.kick(z, hkick, vkick), 2),
    "cavity": (maps.cavity, 3),
}


#: Shorter maps with the same arguments and, on the axis, the same series to second order.
_ON_AXIS = {
    "quadrupole": "paraxial_quadrupole",
    "skew_quadrupole": "paraxial_skew_quadrupole",
    "third_edge_in": "edge_in",
    "third_edge_out": "edge_out",
}


def on_axis(name: str) -> str:
    """The program to expand to second order about x = px = y = py = 0 instead of ``name``: as exact there, shorter."""
    roll, colon, inner = name.rpartition("rolled:")
    return roll + colon + _ON_AXIS.get(inner, inner)


@lru_cache(maxsize=256)
def program(name: str) -> Program:
    """The recorded map called ``name``; its last argument is beta0."""
    return record(plain_map(name), _argument_count(name) + 1)


@lru_cache(maxsize=256)
def plain_map(name: str) -> Callable[..., Any]:
    """The map itself, for numbers or arrays: ``f(coordinates, *arguments, beta0)``.

    ``multipole:n`` is a thin multipole of n orders; ``rolled:m`` the map m in a frame rolled by its first argument.
    """
    kind, _, rest = name.partition(":")
    if kind == "rolled":
        inner = plain_map(rest)
        return lambda z, tilt, *arguments: maps.roll(inner(maps.roll(z, tilt), *arguments), -tilt)
    return _thin_multipole if kind == "multipole" else _MAPS[name][0]


def _argument_count(name: str) -> int:
    kind, _, rest = name.partition(":")
    if kind == "rolled":
        return 1 + _argument_count(rest)
    return 2 * int(rest) if kind == "multipole" else _MAPS[name][1]


def _thin_multipole(z: maps.Coordinates, *arguments: Any) -> maps.Coordinates:
    strengths = arguments[:-1]
    return maps.thin_multipole(z, tuple(zip(strengths[::2], strengths[1::2], strict=True)))


@singledispatch
def steps(element: Element, value: Callable[[Any], Any], setting: Setting) -> list[Step]:
    """Steps of one element; ``value`` turns a strength as written into a number or an array.

    Monitors, collimators, septa and drifts are field-free for the circulating beam.
    """
    return _drift(getattr(element, "length", 0.0), value)


def _drift(length: Any, value: Callable[[Any], Any]) -> list[Step]:
    return [] if _is_zero(length) else [Step("drift", (value(length),), cut=(0,))]


def _is_zero(strength: Any) -> bool:
    """True when written as the number zero: an expression may take any value."""
    return isinstance(strength, float) and strength == 0.0


def _rolled(element: Any, value: Callable[[Any], Any], inner: list[Step], more: Any = 0.0) -> list[Step]:
    """Each step in its own rolled frame, so that between steps one is always in the frame of the line."""
    if _is_zero(element.tilt) and _is_zero(more):
        return inner
    tilt = value(element.tilt) + more
    return [Step(f"rolled:{s.program}", (tilt, *s.arguments), tuple(i + 1 for i in s.cut)) for s in inner]


@steps.register
def _(element: Marker, value: Callable[[Any], Any], setting: Setting) -> list[Step]:
    return []


def _arc(element: Bend, value: Callable[[Any], Any]) -> tuple[Any, Any]:
    """Length and angle of a bend, refused where its map does not hold: it looks from the exit plane at one arc."""
    length, angle = value(element.length), value(element.angle)
    if np.any(np.real(length) == 0.0):
        raise LatticeError(f"{element.where('length')} must be positive (a thin dipole is a Multipole)")
    largest = float(np.max(np.abs(np.real(angle))))
    if largest > _LARGEST_ANGLE:
        raise LatticeError(
            f"{element.where('angle')} must be below {_LARGEST_ANGLE:g} rad, found {largest:.6g}: make it two bends"
        )
    return length, angle


@steps.register
def _(element: Bend, value: Callable[[Any], Any], setting: Setting) -> list[Step]:
    length, angle = _arc(element, value)
    k1 = value(element.k1)
    field = angle / length if element.k0 is None else value(element.k0)
    if _is_zero(element.k1) and _is_zero(element.k2):
        body = Step("curved_body", (length, angle, field), cut=(0, 1))
    else:
        body = Step("combined_bend", (length, angle, field, k1, value(element.k2)), cut=(0, 1))
    before = [] if element.kill_ent_fringe else [_edge_in(element, value, field, k1, setting)]
    after = [] if element.kill_exi_fringe else [_edge_out(element, value, field, k1, setting)]
    return _rolled(element, value, [*before, body, *after])


def _edge_in(element: Bend, value: Callable[[Any], Any], field: Any, k1: Any, setting: Setting) -> Step:
    gap_integral = value(element.hgap) * value(element.fint)
    if setting.fringe == "linear":
        return Step("edge_linear", (value(element.e1), field, gap_integral))
    name = _order(element, element.e1, element.fint) + "edge_in"
    return Step(name, (value(element.e1), field, gap_integral, k1, value(element.h1), _softness(gap_integral)))


def _edge_out(element: Bend, value: Callable[[Any], Any], field: Any, k1: Any, setting: Setting) -> Step:
    fint = element.fint if element.fintx is None else element.fintx
    gap_integral = value(element.hgap) * value(fint)
    if setting.fringe == "linear":
        return Step("edge_linear", (value(element.e2), field, gap_integral))
    name = _order(element, element.e2, fint) + "edge_out"
    return Step(name, (value(element.e2), field, gap_integral, k1, value(element.h2), _softness(gap_integral)))


def _order(element: Bend, edge: Any, fint: Any) -> str:
    """What an edge has of third order: a gradient's behind a turned face, a finite gap's."""
    gradient = not (_is_zero(element.k1) or _is_zero(edge))
    gap = not (_is_zero(element.hgap) or _is_zero(fint))
    return "third_" if gradient or gap else ""


def _softness(gap_integral: Any) -> Any:
    """Of ``gap_face`` [1/m]; none without a gap, whose edge is hard."""
    some = np.real(gap_integral) > 1e-10
    return np.where(some, 1.0 / (72.0 * np.where(some, gap_integral, 1.0)), 0.0)


@steps.register
def _(element: Quadrupole, value: Callable[[Any], Any], setting: Setting) -> list[Step]:
    length, k1 = value(element.length), value(element.k1)
    if _is_zero(element.k1s):
        return _rolled(element, value, [Step("quadrupole", (length, k1), cut=(0,))])
    return _rolled(element, value, [Step("skew_quadrupole", (length, k1, value(element.k1s)), cut=(0,))])


@steps.register
def _(element: Sextupole, value: Callable[[Any], Any], setting: Setting) -> list[Step]:
    if _is_zero(element.k2) and _is_zero(element.k2s):
        return _drift(element.length, value)
    arguments = (value(element.length), value(element.k2), value(element.k2s))
    return _rolled(element, value, [Step("sextupole", arguments, cut=(0,))])


@steps.register
def _(element: Octupole, value: Callable[[Any], Any], setting: Setting) -> list[Step]:
    if _is_zero(element.k3) and _is_zero(element.k3s):
        return _drift(element.length, value)
    arguments = (value(element.length), value(element.k3), value(element.k3s))
    return _rolled(element, value, [Step("octupole", arguments, cut=(0,))])


@steps.register
def _(element: Multipole, value: Callable[[Any], Any], setting: Setting) -> list[Step]:
    orders = max(len(element.knl), len(element.ksl))
    if orders == 0:
        return []
    normal = [value(k) for k in element.knl] + [0.0] * (orders - len(element.knl))
    skew = [value(k) for k in element.ksl] + [0.0] * (orders - len(element.ksl))
    bends, bends_skew = (bool(k) and not _is_zero(k[0]) for k in (element.knl, element.ksl))
    roll: Any = 0.0
    if bends_skew:
        normal, skew, roll = upright(normal, skew)
    pairs = tuple(k for pair in zip(normal, skew, strict=True) for k in pair)
    inner = [Step(f"multipole:{orders}", pairs)]
    if bends or bends_skew:
        lrad = value(element.lrad)
        curvature = np.where(np.real(lrad) == 0.0, 0.0, normal[0] / np.where(np.real(lrad) == 0.0, 1.0, lrad))[()]
        inner.append(Step("thin_bend", (normal[0], curvature, normal[1] if orders > 1 else 0.0)))
    return _rolled(element, value, inner, roll)


def upright(normal: Sequence[Any], skew: Sequence[Any]) -> tuple[list[Any], list[Any], Any]:
    """Strengths of a thin multipole in the frame, rolled by the angle returned, in which its dipole is a normal one.

    In a frame rolled by phi the strengths kn + i ksn become (kn + i ksn) exp(i (n + 1) phi).
    """
    straight = np.real(normal[0]) == 0.0
    ratio = np.where(straight, 0.0, skew[0] / np.where(straight, 1.0, normal[0]))[()]
    roll = np.where(straight & (np.real(skew[0]) != 0.0), -pi / 2, -np.arctan(ratio))[()]
    turns = [(np.cos((n + 1) * roll), np.sin((n + 1) * roll)) for n in range(len(normal))]
    turned = [(k * c - ks * s, k * s + ks * c) for k, ks, (c, s) in zip(normal, skew, turns, strict=True)]
    return [k for k, _ in turned], [0.0, *(ks for _, ks in turned[1:])], roll


@steps.register
def _(element: Solenoid, value: Callable[[Any], Any], setting: Setting) -> list[Step]:
    return [Step("solenoid", (value(element.length), value(element.ks)), cut=(0,))]


@steps.register
def _(element: ThinSolenoid, value: Callable[[Any], Any], setting: Setting) -> list[Step]:
    return [] if _is_zero(element.ksi) else [Step("thin_solenoid", (value(element.ks), value(element.ksi)))]


@steps.register
def _(element: DipoleEdge, value: Callable[[Any], Any], setting: Setting) -> list[Step]:
    """First order in both models of the fringe: MAD-X's, and all that is known without the bend beside it."""
    gap_integral = value(element.hgap) * value(element.fint)
    return _rolled(element, value, [Step("edge_linear", (value(element.e1), value(element.h), gap_integral))])


@steps.register
def _(element: SRotation, value: Callable[[Any], Any], setting: Setting) -> list[Step]:
    return [Step("roll", (value(element.angle),))]


@steps.register
def _(element: XRotation, value: Callable[[Any], Any], setting: Setting) -> list[Step]:
    return [Step("turn_about_x", (_below_a_right_angle(element, value),))]


@steps.register
def _(element: YRotation, value: Callable[[Any], Any], setting: Setting) -> list[Step]:
    return [Step("turn_about_y", (_below_a_right_angle(element, value),))]


def _below_a_right_angle(element: XRotation | YRotation, value: Callable[[Any], Any]) -> Any:
    """The angle of a turn; a beam that is turned by a right angle or more never reaches the plane s = 0."""
    angle = value(element.angle)
    largest = float(np.max(np.abs(np.real(angle))))
    if largest > _LARGEST_TURN:
        raise LatticeError(f"{element.where('angle')} must be below {_LARGEST_TURN:g} rad, found {largest:.6g}")
    return angle


@steps.register
def _(element: Translation, value: Callable[[Any], Any], setting: Setting) -> list[Step]:
    return [Step("translation", (value(element.dx), value(element.dy), value(element.ds)))]


@steps.register
def _(element: Separator, value: Callable[[Any], Any], setting: Setting) -> list[Step]:
    """In the frame rolled so that the field is in x."""
    if _is_zero(element.ex) and _is_zero(element.ey):
        return _drift(element.length, value)
    ex, ey = value(element.ex), value(element.ey)
    size = np.sqrt(ex * ex + ey * ey)
    direction = np.log((ex + 1j * ey) / np.where(size == 0.0, 1.0, size) + (size == 0.0)) / 1j
    if not np.iscomplexobj(size):
        direction = np.real(direction)
    field = size * setting.particle.charge / setting.particle.momentum
    arguments = (value(element.tilt) + direction[()], value(element.length), field)
    return [Step("rolled:electric_field", arguments, cut=(1,))]


@steps.register
def _(element: Kicker, value: Callable[[Any], Any], setting: Setting) -> list[Step]:
    if _is_zero(element.hkick) and _is_zero(element.vkick):
        return _drift(element.length, value)
    kicks = (value(element.hkick), value(element.vkick))
    thin = _is_zero(element.length)
    step = Step("kick", kicks) if thin else Step("corrector", (value(element.length), *kicks), cut=(0, 1, 2))
    return _rolled(element, value, [step])


@steps.register
def _(element: RFCavity, value: Callable[[Any], Any], setting: Setting) -> list[Step]:
    """Static optics holds the momentum: see ``cavity_step`` for tracking."""
    return _drift(element.length, value)


@steps.register
def _(element: RFGap, value: Callable[[Any], Any], setting: Setting) -> list[Step]:
    raise LatticeError(
        f"RFGap '{element.name}' changes the reference energy: ring and transfer-line optics cannot hold it"
    )


def cavity_step(element: RFCavity, value: Callable[[Any], Any], setting: Setting) -> Step:
    """The thin gap of a cavity, for tracking with synchrotron motion."""
    particle = setting.particle
    frequency = value(element.freq)
    if _is_zero(element.freq) and not _is_zero(element.harmon):
        frequency = value(element.harmon) * setting.revolution_frequency
    voltage = particle.charge * value(element.volt) / particle.momentum
    return Step("cavity", (voltage, 2 * pi * frequency / SPEED_OF_LIGHT, 2 * pi * value(element.lag)))
