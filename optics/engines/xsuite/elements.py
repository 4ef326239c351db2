"""Our elements in Xsuite's words (``recovering`` has the way back): class names and fields, without importing Xsuite.

The models are those every comparison uses, all exact: bends with full or linear fringe, drifts, and quadrupoles,
sextupoles, octupoles and correctors as kicks between exact drifts, placed by an integrator of sixth order. Text values
are expressions of parameters and stay expressions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import atan2, hypot, pi
from typing import Any, TypedDict

from lattice.elements import (
    Aperture,
    Bend,
    DipoleEdge,
    Element,
    Kicker,
    Multipole,
    Octupole,
    Quadrupole,
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
from lattice.errors import LatticeError
from optics.engines.xsuite.faces import edge_model
from optics.maps.steps import upright

Fields = dict[str, Any]
Described = tuple[str, Fields]


class Kicks(TypedDict):
    """How many kicks there are in a quadrupole, and in a sextupole, octupole or corrector; in slices of seven."""

    quadrupole_kicks: int
    sextupole_kicks: int


#: For a few turns. CNAO's stable area (Qx 1.664) is then within 1e-6 of where it goes with more; with 14 in a
#: quadrupole 3e-5, with 7 2e-3. Seven in a sextupole are converged to 1e-8 there.
KICKS = 28
#: For long tracking, which takes half as long with them.
LONG_KICKS: Kicks = {"quadrupole_kicks": 14, "sextupole_kicks": 7}
#: For optics alone: so many that slicing plays no part.
CONVERGED_KICKS: Kicks = {"quadrupole_kicks": 112, "sextupole_kicks": 112}
#: Kicks of the gradient in a combined-function bend: 32 slices of a sixth-order integrator, 1e-12 m at k1 L^2 = 1.5.
GRADIENT_KICKS = 224


@dataclass(frozen=True)
class Model:
    """Choices of the tracking model: ``fringe`` of the bends, kicks of quadrupoles, and of other multipoles."""

    fringe: str = "full"
    quadrupole_kicks: int = KICKS
    sextupole_kicks: int = KICKS


def describe(element: Element, model: Model) -> Described:
    """Xsuite class name and fields of ``element``; LatticeError for a kind Xsuite has no element for."""
    if isinstance(element, RFGap):
        raise LatticeError(f"RFGap '{element.name}': Xsuite has no element for the gap of a linac cell")
    writer = _WRITERS.get(type(element))
    if writer is not None:
        return writer(element, model)
    length = getattr(element, "length", 0.0)
    return ("Marker", {}) if length == 0.0 else ("Drift", {"length": length, "model": "exact"})


def needs_numbers(element: Element) -> bool:
    """True when what is exported is computed from the strengths: an angle, or whether the element acts at all."""
    if isinstance(element, Multipole):
        return bool(element.ksl) and element.ksl[0] != 0.0
    mixed = isinstance(element, Quadrupole) and element.k1s != 0.0 and element.k1 != 0.0
    return isinstance(element, (Separator, ThinSolenoid)) or mixed


def plus(text: Any, other: Any) -> Any:
    """Sum of two strengths, each a number or an expression."""
    if other == 0.0:
        return text
    if isinstance(text, float) and isinstance(other, float):
        return text + other
    return f"({text}) + ({other})"


def times(factor: float, strength: Any) -> Any:
    """``factor`` times a number or an expression."""
    return factor * strength if isinstance(strength, float) else f"{factor!r} * ({strength})"


def _bend(bend: Bend, model: Model) -> Described:
    fields: Fields = {
        "length": bend.length,
        "angle": bend.angle,
        "k1": bend.k1,
        "k2": bend.k2,
        "edge_entry_angle": bend.e1,
        "edge_exit_angle": bend.e2,
        "edge_entry_hgap": bend.hgap,
        "edge_exit_hgap": bend.hgap,
        "edge_entry_fint": bend.fint,
        "edge_exit_fint": bend.fint if bend.fintx is None else bend.fintx,
        "rot_s_rad": bend.tilt,
        "edge_entry_model": edge_model(model.fringe, bend, bend.kill_ent_fringe),
        "edge_exit_model": edge_model(model.fringe, bend, bend.kill_exi_fringe),
        "model": "bend-kick-bend",
        "num_multipole_kicks": 1 if bend.k1 == 0.0 and bend.k2 == 0.0 else GRADIENT_KICKS,
    }
    return "Bend", fields if bend.k0 is None else {**fields, "k0": bend.k0}


def _quadrupole(quadrupole: Quadrupole, model: Model) -> Described:
    """A skew gradient is a turned quadrupole: Xsuite's own skew field is one kick in the middle.

    One that is skew alone is turned by 45 degrees and keeps its expression.
    """
    gradient, turn = quadrupole.k1, quadrupole.tilt
    if quadrupole.k1s != 0.0 and quadrupole.k1 == 0.0:
        gradient, turn = quadrupole.k1s, plus(quadrupole.tilt, -pi / 4)
    elif quadrupole.k1s != 0.0:
        k1, k1s = float(quadrupole.k1), float(quadrupole.k1s)
        gradient, turn = hypot(k1, k1s), float(quadrupole.tilt) - atan2(k1s, k1) / 2
    strengths = {"length": quadrupole.length, "k1": gradient, "rot_s_rad": turn}
    return "Quadrupole", {**strengths, **_kicked(model.quadrupole_kicks)}


def _kicked(kicks: int) -> Fields:
    """Exact drifts between kicks: Xsuite's defaults in these magnets are paraxial."""
    return {"num_multipole_kicks": kicks, "integrator": "yoshida-6", "model": "drift-kick-drift-exact"}


def _sextupole(sextupole: Sextupole, model: Model) -> Described:
    strengths = {"length": sextupole.length, "k2": sextupole.k2, "k2s": sextupole.k2s, "rot_s_rad": sextupole.tilt}
    return "Sextupole", {**strengths, **_kicked(model.sextupole_kicks)}


def _octupole(octupole: Octupole, model: Model) -> Described:
    strengths = {"length": octupole.length, "k3": octupole.k3, "k3s": octupole.k3s, "rot_s_rad": octupole.tilt}
    return "Octupole", {**strengths, **_kicked(model.sextupole_kicks)}


def _multipole(multipole: Multipole, model: Model) -> Described:
    order = max(len(multipole.knl), len(multipole.ksl), 1)
    knl = [*multipole.knl, *[0.0] * (order - len(multipole.knl))]
    ksl = [*multipole.ksl, *[0.0] * (order - len(multipole.ksl))]
    tilt = multipole.tilt
    if ksl[0] != 0.0:  # numbers: see ``needs_numbers``
        knl, ksl, roll = upright(knl, ksl)
        tilt = float(tilt) + roll
    fields = {"knl": knl, "ksl": ksl, "hxl": knl[0], "length": multipole.lrad, "rot_s_rad": tilt}
    return "Multipole", fields


def _solenoid(solenoid: Solenoid, model: Model) -> Described:
    return "UniformSolenoid", {"length": solenoid.length, "ks": solenoid.ks}


def _thin_solenoid(solenoid: ThinSolenoid, model: Model) -> Described:
    if solenoid.ksi != 0.0:
        raise LatticeError(
            f"ThinSolenoid '{solenoid.name}': Xsuite has no thin solenoid; make it a Solenoid of a length"
        )
    return "Marker", {}


def _separator(separator: Separator, model: Model) -> Described:
    if separator.ex != 0.0 or separator.ey != 0.0:
        raise LatticeError(f"Separator '{separator.name}': Xsuite has no element for an electric field")
    return "Drift", {"length": separator.length, "model": "exact"}


def _dipole_edge(edge: DipoleEdge, model: Model) -> Described:
    """Of first order in both models of the fringe."""
    face = {"k": edge.h, "e1": edge.e1, "hgap": edge.hgap, "fint": edge.fint}
    return "DipoleEdge", {**face, "rot_s_rad": edge.tilt, "model": "linear"}


def _translation(move: Translation, model: Model) -> Described:
    return "Translation", {"shift_x": move.dx, "shift_y": move.dy, "shift_s": move.ds}


def _kicker(kicker: Kicker, model: Model) -> Described:
    kick = {"knl": [times(-1.0, kicker.hkick)], "ksl": [kicker.vkick], "rot_s_rad": kicker.tilt}
    if kicker.length == 0.0:
        return "Multipole", kick
    return "Multipole", {**kick, "length": kicker.length, "isthick": True, **_kicked(model.sextupole_kicks)}


def _cavity(cavity: RFCavity, model: Model) -> Described:
    clock = {"harmonic": cavity.harmon} if cavity.freq == 0.0 else {"frequency": cavity.freq}
    wave = {"voltage": cavity.volt, "phase": times(2 * pi, cavity.lag), **clock}
    return "Cavity", {"length": cavity.length, **wave, "model": "drift-kick-drift-exact", "num_kicks": 1}


_WRITERS: dict[type[Element], Callable[[Any, Model], Described]] = {
    Bend: _bend,
    Quadrupole: _quadrupole,
    Sextupole: _sextupole,
    Octupole: _octupole,
    Multipole: _multipole,
    Solenoid: _solenoid,
    ThinSolenoid: _thin_solenoid,
    Kicker: _kicker,
    RFCavity: _cavity,
    Separator: _separator,
    DipoleEdge: _dipole_edge,
    Translation: _translation,
    SRotation: lambda rotation, model: ("Rotation", {"rot_s_rad": rotation.angle}),
    XRotation: lambda rotation, model: ("Rotation", {"rot_x_rad": rotation.angle}),
    YRotation: lambda rotation, model: ("Rotation", {"rot_y_rad": rotation.angle}),
}


def describe_aperture(aperture: Aperture) -> Described:
    """Xsuite's limit element of the same opening."""
    shift = {"shift_x": aperture.offset_x, "shift_y": aperture.offset_y}
    if aperture.shape == "ellipse":
        return "LimitEllipse", {"a": aperture.half_x, "b": aperture.half_y, **shift}
    box = {"max_x": aperture.half_x, "max_y": aperture.half_y}
    if aperture.shape == "rectellipse":
        return "LimitRectEllipse", {**box, "a": aperture.ellipse_x, "b": aperture.ellipse_y, **shift}
    return "LimitRect", {"min_x": -aperture.half_x, "min_y": -aperture.half_y, **box, **shift}
