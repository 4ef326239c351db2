"""Elements of PALS in ours: kinds and groups of parameters of the standard's text of August 2026.

Multipoles have MAD's signs, B_y + i B_x = (B_n + i B_s) (x + iy)^n e^(-i(n+1) tilt) / n!; fields are normalised with
the reference momentum. edge1_int is fint times hgap. A phase of 0 of a cavity is the crest, unless zero_phase says
otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from math import isclose
from typing import Any

from lattice.elements import (
    Aperture,
    Bend,
    Drift,
    Element,
    Kicker,
    Marker,
    Monitor,
    Multipole,
    Octupole,
    Quadrupole,
    RFCavity,
    Sextupole,
    Solenoid,
    SRotation,
    Translation,
)
from lattice.errors import LatticeError
from lattice.formats.bmad.kinds import BmadGiven
from lattice.formats.quantity import Quantity, called, combined, negative, number
from lattice.madx.arithmetic import Strength
from lattice.madx.syntax import words

#: Groups and parameters that describe, or say how a program computes.
SILENT = words(
    "MetaP.* TrackingP.* FloorP.* ReferenceP.* TwissP.* ParticleP.* s_position* name* BendP.L_sagitta BendP.g_actual"
    " BendP.bend_field_actual BendP.L_rectangle ApertureP.material ApertureP.thickness"
    " ApertureP.location ApertureP.aperture_shifts_with_body field_master RFP.num_cells RFP.cavity_type is_on"
)
_POLE = re.compile(r"MagneticMultipoleP\.(?:[KB][ns](\d{1,2})L?|tilt(\d{1,2}))")
_HIGHEST = 20


class PalsGiven(BmadGiven):
    """Attributes by ``Group.parameter``, with the particle of the file, for fields."""

    tells_particle = "a BeginningEle with ReferenceP, species_ref and pc_ref or E_tot_ref, at the head of the line"

    def pole(self, part: str, order: int, integrated: bool = False) -> Quantity:
        """The normal ("n") or skew ("s") component of an order, normalised; times the length where integrated."""
        found = [key for key in self._names(part, order) if self.acts(f"MagneticMultipoleP.{key}")]
        if len(found) > 1:
            raise LatticeError(f"'{self.definition.name}': {' and '.join(found)} are two ways to say one thing")
        if not found:
            return number(0.0)
        value = self.quantity(f"MagneticMultipoleP.{found[0]}")
        if found[0].startswith("B"):
            value = combined("*", value, number(self._per_field(found[0])))
        if found[0].endswith("L") == integrated:
            return value
        return combined("*" if integrated else "/", value, self.quantity("length"))

    @staticmethod
    def _names(part: str, order: int) -> list[str]:
        return [f"{letter}{part}{order}{end}" for letter in "KB" for end in ("", "L")]

    def roll(self, order: int) -> Strength:
        """The tilt of an order."""
        return self[f"MagneticMultipoleP.tilt{order}"]

    def orders(self) -> list[int]:
        """Orders that act."""
        names = [found for key in self.definition.attributes if (found := _POLE.fullmatch(key)) and found[1]]
        acting = {int(found[1]) for found in names if self.acts(found[0])}
        for found in names:  # components that are 0 are looked at here
            self.asked.add(found[0])
        if acting and max(acting) > _HIGHEST:
            raise LatticeError(f"'{self.definition.name}': multipoles are held up to order {_HIGHEST}")
        return sorted(acting)

    def only(self, *orders: int) -> None:
        """LatticeError for other orders than these."""
        for order in self.orders():
            if order not in orders:
                raise LatticeError(
                    f"{self.definition.kind} '{self.definition.name}': a multipole of order {order} beside its own "
                    "field cannot be held; write it as elements of their own"
                )


def _drift(v: PalsGiven) -> Element:
    return Drift(v.name, length=v["length"]) if v.acts("length") else Marker(v.name)


def _monitor(v: PalsGiven) -> Element:
    return Monitor(v.name, length=v["length"])


def _magnet(kind: Any, order: int) -> Callable[[PalsGiven], Element]:
    def build(v: PalsGiven) -> Element:
        v.only(order)
        if not v.acts("length"):
            return _thin(v)
        strengths = {f"k{order}{end}": v.strength(v.pole(part, order)) for part, end in (("n", ""), ("s", "s"))}
        element: Element = kind(v.name, length=v["length"], tilt=v.roll(order), **strengths)
        return element

    return build


_LONG = {1: _magnet(Quadrupole, 1), 2: _magnet(Sextupole, 2), 3: _magnet(Octupole, 3)}


def _multipole(v: PalsGiven) -> Element:
    """Thin, or with a length the magnet of its only order; a dipole bends no reference orbit: a corrector."""
    orders = v.orders()
    if not v.acts("length"):
        return _kicker(v) if orders == [0] else _thin(v)
    if len(orders) > 1 or (orders and orders[0] > 3):
        raise LatticeError(f"'{v.definition.name}': one with a length has one order up to 3, found {orders}")
    return _drift(v) if not orders else _kicker(v) if orders == [0] else _LONG[orders[0]](v)


def _thin(v: PalsGiven) -> Element:
    orders = v.orders()
    if 0 in orders:
        raise LatticeError(f"'{v.definition.name}': a dipole beside other orders: make it two elements")
    tilts = {v.roll(order) for order in orders}
    if len(tilts) > 1:
        raise LatticeError(f"'{v.definition.name}': orders with tilts of their own: make them elements of their own")
    highest = max(orders, default=0)
    knl, ksl = ([v.strength(v.pole(part, n, integrated=True)) for n in range(highest + 1)] for part in "ns")
    return Multipole(v.name, knl=_trimmed(knl), ksl=_trimmed(ksl), tilt=tilts.pop() if tilts else 0.0)


def _trimmed(strengths: list[Strength]) -> tuple[Strength, ...]:
    while strengths and strengths[-1] == 0.0:
        strengths.pop()
    return tuple(strengths)


def _kicker(v: PalsGiven) -> Element:
    """Kn0 L lowers px, Ks0 L raises py."""
    v.only(0)
    normal, skew = (v.pole(part, 0, integrated=True) for part in "ns")
    hkick = v.strength(negative(normal)) if normal.value or normal.text else 0.0
    return Kicker(v.name, length=v["length"], hkick=hkick, vkick=v.strength(skew), tilt=v.roll(0))


def _bend(v: PalsGiven) -> Element:
    v.only(0, 1, 2)
    for order in (0, 1, 2):
        if v.strength(v.pole("s", order)) != 0.0 or v.roll(order) != 0.0:
            raise LatticeError(f"Bend '{v.definition.name}': skew fields of a bend cannot be held")
    geometry = _geometry(v)
    length, angle = _arc(v)
    if length.value == 0.0:
        raise LatticeError(f"Bend '{v.definition.name}' has no length")
    return Bend(
        v.name,
        length=v.strength(length),
        angle=v.strength(angle),
        e1=_face(v, "e1", angle, geometry),
        e2=_face(v, "e2", angle, geometry),
        k0=_own_field(v, combined("/", angle, length)),
        k1=v.strength(v.pole("n", 1)),
        k2=v.strength(v.pole("n", 2)),
        h1=v["BendP.h1"],
        h2=v["BendP.h2"],
        tilt=v["BendP.tilt_ref"],
        **_gap(v),
    )


#: How much of the angle lies between a face and the rectangle's, at the entrance and at the exit.
_SHARES = {"arc": (0.5, 0.5), "chord": (0.5, 0.5), "entrance_coords": (0.0, 1.0), "exit_coords": (1.0, 0.0)}


def _geometry(v: PalsGiven) -> str:
    """What the faces of a rectangle, and multipoles, are measured from; the latter about the arc only."""
    geometry = v.word("BendP.ref_geometry", v.word("BendP.ref_coords", "arc"))
    if geometry not in _SHARES:
        raise LatticeError(f"Bend '{v.definition.name}': ref_geometry must be one of {', '.join(_SHARES)}")
    followed = v.word("BendP.multipole_geometry", v.word("BendP.multipole_type", "follows_ref_geometry"))
    curved = followed == "vertically_pure" or (followed == "follows_ref_geometry" and geometry == "arc")
    if v.orders() and not curved:
        raise LatticeError(
            f"Bend '{v.definition.name}': multipoles about a straight line, or horizontally pure ones, cannot be held"
        )
    return geometry


def _own_field(v: PalsGiven, reference: Quantity) -> Strength | None:
    """Kn0 is the whole field of the bend, which is the reference field where it is not given (Kn0_from_g_ref)."""
    if not any(v.has(f"MagneticMultipoleP.{name}") for name in ("Kn0", "Kn0L", "Bn0", "Bn0L")):
        return 0.0 if v.word("BendP.Kn0_from_g_ref", "true") == "false" else None
    own = v.pole("n", 0)
    if not own.text and not reference.text and isclose(own.value, reference.value, rel_tol=1e-9):
        return None
    v.told(f"Kn0 of '{v.definition.name}' is the whole field of the bend (older texts: what stands beside g_ref)")
    return v.strength(own)


def _face(v: PalsGiven, name: str, angle: Quantity, geometry: str) -> Strength:
    share = _SHARES[geometry][("e1", "e2").index(name)]
    if not v.has(f"BendP.{name}_rect") and (geometry == "arc" or v.has(f"BendP.{name}")):
        return v[f"BendP.{name}"]
    turned = combined("+", v.quantity(f"BendP.{name}_rect"), combined("*", angle, number(share)))
    if v.acts(f"BendP.{name}"):
        _refuse_two(v, f"{name} and {name}_rect", v.quantity(f"BendP.{name}"), turned)
    return v.strength(turned)


def _refuse_two(v: PalsGiven, what: str, first: Quantity, second: Quantity) -> None:
    """LatticeError where what is said twice is not the same; programs write some seven digits."""
    if not isclose(first.value, second.value, rel_tol=1e-6, abs_tol=1e-9):
        raise LatticeError(f"Bend '{v.definition.name}': {what} contradict each other, leave one out")


def _arc(v: PalsGiven) -> tuple[Quantity, Quantity]:
    """Arc and angle, from two of length (or chord), angle and curvature."""
    g = _curvature(v)
    angle = v.quantity("BendP.angle_ref") if v.acts("BendP.angle_ref") else None
    length = v.quantity("length") if v.acts("length") else None
    if length is None and v.acts("BendP.L_chord"):
        length = _of_chord(v, v.quantity("BendP.L_chord"), angle, g)
    if length is not None:
        turn = combined("*", g, length) if g is not None else number(0.0)
        if angle is not None and g is not None:
            _refuse_two(v, "length, angle_ref and the curvature", angle, turn)
        return length, angle or turn
    if angle is None or g is None:
        return number(0.0), number(0.0)
    return combined("/", angle, g), angle


def _of_chord(v: PalsGiven, chord: Quantity, angle: Quantity | None, g: Quantity | None) -> Quantity:
    if angle is not None:
        return combined("/", chord, called("sinc", combined("/", angle, number(2.0))))
    if g is None:
        return chord
    turn = combined("*", number(2.0), called("asin", combined("/", combined("*", chord, g), number(2.0))))
    return combined("/", turn, g)


def _curvature(v: PalsGiven) -> Quantity | None:
    for radius in ("BendP.radius_ref", "BendP.rho_ref"):
        if v.acts(radius):
            return combined("/", number(1.0), v.quantity(radius))
    for field in ("BendP.Bn0_ref", "BendP.bend_field_ref"):
        if v.acts(field):
            return combined("*", v.quantity(field), number(v._per_field(field)))
    return v.quantity("BendP.g_ref") if v.acts("BendP.g_ref") else None


def _gap(v: PalsGiven) -> dict[str, Any]:
    """Our fint is 0.5 at the entrance (at the exit where that has none): only its product with hgap counts."""
    first, last = (v.quantity(f"BendP.edge{end}_int") for end in (1, 2))
    if first == number(0.0):
        gap = combined("*", number(2.0), last)
        return {} if last == number(0.0) else {"hgap": v.strength(gap), "fint": 0.0, "fintx": 0.5}
    gap = combined("*", number(2.0), first)
    fintx = None if last == first else v.strength(combined("/", last, gap))
    return {"hgap": v.strength(gap), "fint": 0.5, "fintx": fintx}


def _solenoid(v: PalsGiven) -> Element:
    v.only()
    ks = v.either("SolenoidP.Ksol", "SolenoidP.Bsol")
    return Solenoid(v.name, length=v["length"], ks=ks) if v.acts("length") else _drift(v)


_ZERO_PHASES = {"accelerating": 0.25, "below_transition": 0.0, "above_transition": 0.5}


def _cavity(v: PalsGiven) -> Element:
    """lag = phase + 1/4 where a phase of 0 is the crest."""
    v.only()
    zero = v.word("RFP.zero_phase", "accelerating")
    if zero not in _ZERO_PHASES:
        raise LatticeError(
            f"'{v.definition.name}': zero_phase must be one of {', '.join(_ZERO_PHASES)}, found '{zero}'"
        )
    volt = v["RFP.voltage"]
    if not v.acts("RFP.voltage") and v.acts("RFP.gradient"):
        volt = v.strength(combined("*", v.quantity("RFP.gradient"), v.quantity("length")))
    lag = combined("+", v.quantity("RFP.phase"), number(_ZERO_PHASES[zero]))
    rest = {"freq": v["RFP.frequency"], "harmon": v["RFP.harmon"], "lag": v.strength(lag)}
    return RFCavity(v.name, length=v["length"], volt=volt, **rest)  # type: ignore[arg-type]


def _patch(v: PalsGiven) -> Element:
    turned, moved = v.acts("PatchP.z_rot"), v.acts("PatchP.x_offset") or v.acts("PatchP.y_offset")
    if turned and moved:
        raise LatticeError(f"Patch '{v.definition.name}': a turn or offsets are held, not both in one")
    if turned:
        return SRotation(v.name, angle=v["PatchP.z_rot"])
    return Translation(v.name, dx=v["PatchP.x_offset"], dy=v["PatchP.y_offset"]) if moved else Marker(v.name)


def _switched(v: PalsGiven) -> Element:
    for attribute in ("RFP.voltage", "RFP.gradient"):
        v.refuse(attribute, "acts on the beam, and this kind cannot be held here; set it to 0, or take it out")
    return _drift(v)


BUILDERS: dict[str, Callable[[PalsGiven], Element]] = {
    **dict.fromkeys(("Drift", "Marker", "Mask", "Placeholder", "BeginningEle", "Beginning", "Fork"), _drift),
    **dict.fromkeys(("FloorShift", "Fiducial", "NullEle"), _drift),
    "Instrument": _monitor,
    "Quadrupole": _LONG[1],
    "Sextupole": _LONG[2],
    "Octupole": _LONG[3],
    "Multipole": _multipole,
    "Kicker": _kicker,
    **dict.fromkeys(("Bend", "SBend", "RBend"), _bend),
    "Solenoid": _solenoid,
    "RFCavity": _cavity,
    "Patch": _patch,
    "CrabCavity": _switched,
}


_OPENING = ("x_min", "x_max", "x_width", "y_min", "y_max", "y_width", "vertices")


def aperture(v: PalsGiven) -> Aperture | None:
    """The opening of an element; (noted) none where it has a shape that we cannot hold."""
    limits = [_limits(v, plane) for plane in "xy"]
    shape = v.word("ApertureP.shape", "elliptical")
    if not any(v.has(f"ApertureP.{key}") for key in _OPENING):
        return None
    inactive = v.word("ApertureP.aperture_active", "true") == "false"
    if inactive or v.word("ApertureP.location", "entrance_end") == "nowhere":
        return None
    if shape not in ("elliptical", "rectangular") or None in limits:
        v.told(f"the opening of '{v.definition.name}' is not read: {shape}, or without limits on all sides")
        v.asked.update(key for key in v.definition.attributes if key.startswith("ApertureP."))
        return None
    (x, half_x), (y, half_y) = (limit for limit in limits if limit is not None)
    box = (half_x, half_y, x, y)
    return Aperture("ellipse" if shape == "elliptical" else "rectangle", *box)


def _limits(v: PalsGiven, plane: str) -> tuple[float, float] | None:
    """Centre and half width; None where a side has no limit."""
    if v.has(f"ApertureP.{plane}_width"):
        return v.number(f"ApertureP.{plane}_center"), v.number(f"ApertureP.{plane}_width") / 2
    if v.has(f"ApertureP.{plane}_min") and v.has(f"ApertureP.{plane}_max"):
        low, high = v.number(f"ApertureP.{plane}_min"), v.number(f"ApertureP.{plane}_max")
        return (low + high) / 2, (high - low) / 2
    return None
