"""Elements of Bmad in ours: names, defaults and signs of the Bmad manual.

k1, k2, k3 and tilts have MAD's signs; fields (b1_gradient ...) are normalised with the reference momentum. Of a bend
any two of l, angle and g (or rho) are given; l of an rbend is the chord. fint is 0 where it is not given, and 0.5 where
it stands without a value.
"""

from __future__ import annotations

from collections.abc import Callable
from math import factorial, pi
from typing import Any

from lattice.elements import (
    Aperture,
    Bend,
    Collimator,
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
from lattice.formats.given import Given, without_length
from lattice.formats.quantity import Quantity, called, combined, negative, number
from lattice.madx.arithmetic import Strength
from lattice.madx.syntax import words
from lattice.reference import SPEED_OF_LIGHT, ReferenceParticle

#: Attributes that say how Bmad computes, or describe an element.
SILENT = words(
    "alias aperture_at cavity_type csr_ds_step csr_method descrip ds_step field_calc field_master fiducial_pt"
    " integrator_order ix_* lord_pad1 lord_pad2 mat6_calc_method n_cell n_slice_* num_steps offset_moves_aperture"
    " p0c e_tot ptc_canonical_coords ptc_field_geometry ptc_fringe_geometry ptc_max_fringe_order r_custom*"
    " space_charge_method spin_fringe_on spin_tracking_method symplectify taylor_map_includes_offsets tracking_method"
    " type exact_multipoles fringe_at fringe_type multipoles_on scale_multipoles static_linear_map wrap_superimpose"
    " create_jumbo_slave l_sagitta l_chord aperture_type coupler_* autoscale_* rf_clock_harmonic integrator"
)
#: Kinds that Bmad knows, besides those that are built; they cannot be held, or act on other elements.
REFUSED = words(
    "custom taylor beambeam wiggler sol_quad hybrid match converter mirror crystal capillary multilayer_mirror e_gun"
    " em_field undulator diffraction_plate photon_init sample sad_mult ac_kicker lens thick_multipole rf_bend gkicker"
    " foil pickup feedback"
)
_FRINGES = ("basic_bend", "full", "hard_edge_only", "linear_edge", "none")


class BmadGiven(Given):
    """Attributes of an element with the particle of the file, for fields."""

    particle: ReferenceParticle | None = None
    charge = 1
    tells_particle = "parameter[particle], parameter[p0c]"

    def either(self, normalised: str, field: str, sign: float = 1.0) -> Strength:
        """A normalised strength, given as such or as a field: field c q / p0c."""
        if self.acts(field) and self.acts(normalised):
            raise LatticeError(f"'{self.definition.name}' has both {normalised} and {field}: give one of them")
        if not self.acts(field):
            self.refuse_fields(self.acts(normalised))
            return self[normalised]
        return self.strength(combined("*", self.quantity(field), number(sign * self._per_field(field))))

    def refuse_fields(self, acts: bool = True) -> None:
        """LatticeError where field_master makes a field of a strength that stands normalised, and that acts."""
        if acts and self.word("field_master", "f") in ("t", "true"):
            raise LatticeError(
                f"{self.definition.kind} '{self.definition.name}': with field_master its strengths are fields; give "
                "b1_gradient and the like, or take field_master out"
            )

    def _per_field(self, field: str) -> float:
        if self.particle is None:
            raise LatticeError(
                f"'{self.definition.name}': {field} is a field, and the file says of no particle and energy that is "
                f"known here ({self.tells_particle})"
            )
        return SPEED_OF_LIGHT * self.particle.charge / self.particle.momentum


def _drift(v: BmadGiven) -> Element:
    return Drift(v.name, length=v["l"]) if v.acts("l") else Marker(v.name)


def _monitor(v: BmadGiven) -> Element:
    return Monitor(v.name, length=v["l"])


def _magnet(kind: Any, order: int) -> Callable[[BmadGiven], Element]:
    def build(v: BmadGiven) -> Element:
        if not v.acts("l"):
            return without_length(v, f"k{order}", f"b{order}_gradient")
        if v.word("fringe_type", "none") != "none":
            v.told(f"the fringe of '{v.definition.name}' is not kept")
        strength = {f"k{order}": v.either(f"k{order}", f"b{order}_gradient")}
        element: Element = kind(v.name, length=v["l"], tilt=v["tilt"], **strength)
        return element

    return build


def _bend(v: BmadGiven) -> Element:
    length, angle = _arc(v)
    if length.value == 0.0:
        raise LatticeError(f"{v.definition.kind} '{v.definition.name}' has no length")
    turn = combined("/", angle, number(2.0)) if v.definition.kind == "rbend" else number(0.0)
    e1, e2 = (v.strength(v.quantity(e) if _is_zero(turn) else combined("+", v.quantity(e), turn)) for e in ("e1", "e2"))
    return Bend(
        v.name,
        length=v.strength(length),
        angle=v.strength(angle),
        e1=e1,
        e2=e2,
        k0=_own_field(v, length, angle),
        k1=v.either("k1", "b1_gradient"),
        k2=v.either("k2", "b2_gradient"),
        h1=v["h1"],
        h2=v["h2"],
        tilt=v["ref_tilt"],
        **_gap(v),
        **_ends(v),
    )


def _curvature(v: BmadGiven) -> Quantity | None:
    """g, 1/rho, or the field normalised; None where none is given."""
    if v.has("rho"):
        return combined("/", number(1.0), v.quantity("rho"))
    if v.has("b_field"):
        return combined("*", v.quantity("b_field"), number(v._per_field("b_field")))
    v.refuse_fields(v.acts("g"))
    return v.quantity("g") if v.has("g") else None


def _arc(v: BmadGiven) -> tuple[Quantity, Quantity]:
    """Arc and angle of a bend, from two of length, angle and curvature."""
    g = _curvature(v)
    straight = v.definition.kind == "rbend" and not v.has("l_arc")
    length = v.quantity("l_arc") if v.has("l_arc") else v.quantity("l")
    if v.has("angle") and g is not None and length.value != 0.0:
        raise LatticeError(f"'{v.definition.name}': give two of l, angle and g, not all three")
    if g is None or _is_zero(g):
        angle = v.quantity("angle")
        half = combined("/", angle, number(2.0))
        return (combined("/", length, called("sinc", half)) if straight and not _is_zero(angle) else length), angle
    if v.has("angle"):
        angle = v.quantity("angle")
        return combined("/", angle, g), angle
    if not straight:
        return length, combined("*", g, length)
    sine = combined("/", combined("*", length, g), number(2.0))
    angle = combined("*", number(2.0), called("asin", sine))
    return combined("/", angle, g), angle


def _own_field(v: BmadGiven, length: Quantity, angle: Quantity) -> Strength | None:
    """g + dg where the field is not that of the reference curvature."""
    if not v.acts("dg"):
        v.refuse("db_field")
        return None
    return v.strength(combined("+", combined("/", angle, length), v.quantity("dg")))


def _gap(v: BmadGiven) -> dict[str, Any]:
    """hgap, fint and fintx; of the exit only hgapx times fintx counts, so that our one hgap holds."""
    gap, fint = v.quantity("hgap"), v.quantity("fint")
    exit_gap = v.quantity("hgapx") if v.has("hgapx") else gap
    exit_fint = v.quantity("fintx") if v.has("fintx") else fint
    if _is_zero(gap) and _is_zero(exit_gap):
        return {}
    if _is_zero(gap):
        return {"hgap": v.strength(exit_gap), "fint": 0.0, "fintx": v.strength(exit_fint)}
    if exit_gap != gap:
        exit_fint = combined("/", combined("*", exit_fint, exit_gap), gap)
    fintx = None if exit_fint == fint else v.strength(exit_fint)
    return {"hgap": v.strength(gap), "fint": v.strength(fint), "fintx": fintx}


def _ends(v: BmadGiven) -> dict[str, Any]:
    kind, at = v.word("fringe_type", "basic_bend"), v.word("fringe_at", "both_ends")
    if kind not in _FRINGES or at not in ("both_ends", "entrance_end", "exit_end", "no_end"):
        raise LatticeError(f"'{v.definition.name}': fringe_type {kind} at {at} cannot be held")
    without = kind == "none" or at == "no_end"
    return {
        "kill_ent_fringe": without or at == "exit_end",
        "kill_exi_fringe": without or at == "entrance_end",
    }


def _is_zero(value: Quantity) -> bool:
    """True for a plain 0, whatever the variables are."""
    return value.value == 0.0 and not value.text


def _solenoid(v: BmadGiven) -> Element:
    ks = v.either("ks", "bs_field")
    return Solenoid(v.name, length=v["l"], ks=ks) if v.acts("l") else _drift(v)


def _kicker(v: BmadGiven) -> Element:
    kicks = {name: v.either(name, f"bl_{name}") for name in ("hkick", "vkick")}
    return Kicker(v.name, length=v["l"], tilt=v["tilt"], **kicks)  # type: ignore[arg-type]


def _one_plane(plane: str) -> Callable[[BmadGiven], Element]:
    name = "hkick" if plane == "x" else "vkick"

    def build(v: BmadGiven) -> Element:
        kick = {name: v.either("kick", "bl_kick")}
        return Kicker(v.name, length=v["l"], tilt=v["tilt"], plane=plane, **kick)  # type: ignore[arg-type]

    return build


def _cavity(v: BmadGiven) -> Element:
    """dE = e voltage sin(2 pi (phi0 - f t)), whatever the charge; here dE = q volt sin(2 pi (lag + f t)).

    So lag = 1/2 - phi0: phi0 = 0 is the stable phase above transition. Bmad manual, "RFcavity".
    """
    volt = v.quantity("voltage")
    if v.has("gradient") and not v.has("voltage"):
        volt = combined("*", v.quantity("gradient"), v.quantity("l"))
    volt = volt if v.charge == 1 else combined("/", volt, number(float(v.charge)))
    lag = combined("-", number(0.5), v.quantity("phi0")) if v.acts("phi0") else number(0.5)
    wave = {"volt": v.strength(volt), "freq": v["rf_frequency"], "harmon": v["harmon"], "lag": v.strength(lag)}
    return RFCavity(v.name, length=v["l"], **wave)  # type: ignore[arg-type]


def _multipole(v: BmadGiven) -> Element:
    """k0l, k0sl, t0 ...: one rolled order, or any orders that are not rolled by angles of their own."""
    v.refuse_fields()
    v.refuse("l", "of a thin multipole must be 0")
    highest = _highest(v, ("k{}l", "k{}sl"))
    rolls = {n: v.quantity(f"t{n}") for n in range(highest + 1) if v.acts(f"t{n}")}
    acting = [n for n in range(highest + 1) if v.acts(f"k{n}l") or v.acts(f"k{n}sl")]
    if rolls and (len(acting) > 1 or v.acts("tilt")):
        raise LatticeError(f"multipole '{v.definition.name}': only one order with an angle t of its own is held")
    knl, ksl = ([v[key.format(n)] for n in range(highest + 1)] for key in ("k{}l", "k{}sl"))
    tilt = v.strength(rolls[acting[0]]) if acting and acting[0] in rolls else v["tilt"]
    return Multipole(v.name, knl=_trimmed(knl), ksl=_trimmed(ksl), tilt=tilt)


def _ab_multipole(v: BmadGiven) -> Element:
    """(b_n + i a_n)(x + iy)^n: knl = n! b_n. Its dipole does not bend the reference orbit: a corrector."""
    v.refuse_fields()
    v.refuse("l", "of a thin multipole must be 0")
    highest = _highest(v, ("a{}", "b{}"))
    if v.acts("a0") or v.acts("b0"):
        if highest > 0:
            raise LatticeError(
                f"ab_multipole '{v.definition.name}': a dipole beside other orders: make it two elements"
            )
        kick = v.strength(negative(v.quantity("b0")))
        return Kicker(v.name, hkick=kick, vkick=v["a0"], tilt=v["tilt"])
    knl, ksl = ([_times_factorial(v, f"{letter}{n}", n) for n in range(highest + 1)] for letter in "ba")
    return Multipole(v.name, knl=_trimmed(knl), ksl=_trimmed(ksl), tilt=v["tilt"])


def _times_factorial(v: BmadGiven, attribute: str, order: int) -> Strength:
    whole = v.quantity(attribute)
    return v.strength(combined("*", whole, number(float(factorial(order)))) if order > 1 else whole)


def _highest(v: BmadGiven, keys: tuple[str, str]) -> int:
    """The highest order that acts."""
    return max((n for n in range(21) for key in keys if v.acts(key.format(n))), default=0)


def _trimmed(strengths: list[Strength]) -> tuple[Strength, ...]:
    while strengths and strengths[-1] == 0.0:
        strengths.pop()
    return tuple(strengths)


def _collimator(v: BmadGiven) -> Element:
    return Collimator(v.name, length=v["l"])


def _patch(v: BmadGiven) -> Element:
    turned, moved = v.acts("tilt"), v.acts("x_offset") or v.acts("y_offset")
    if turned and moved:
        raise LatticeError(f"patch '{v.definition.name}': a tilt or offsets are held, not both in one")
    if turned:
        return SRotation(v.name, angle=v["tilt"])
    return Translation(v.name, dx=v["x_offset"], dy=v["y_offset"]) if moved else Marker(v.name)


def _off(*acting: str) -> Callable[[BmadGiven], Element]:
    """A kind that is held, as a drift, while it is switched off."""

    def build(v: BmadGiven) -> Element:
        for attribute in acting:
            v.refuse(attribute, "acts on the beam, and this kind cannot be held here; set it to 0, or take it out")
        v.told(f"'{v.definition.name}' is held as what is left of it while it is off, a drift or a marker")
        v.asked.update(v.definition.attributes)
        return _drift(v)

    return build


BUILDERS: dict[str, Callable[[BmadGiven], Element]] = {
    **dict.fromkeys(("drift", "pipe", "marker", "instrument", "detector"), _drift),
    "monitor": _monitor,
    "quadrupole": _magnet(Quadrupole, 1),
    "sextupole": _magnet(Sextupole, 2),
    "octupole": _magnet(Octupole, 3),
    "sbend": _bend,
    "rbend": _bend,
    "solenoid": _solenoid,
    "kicker": _kicker,
    "hkicker": _one_plane("x"),
    "vkicker": _one_plane("y"),
    "rfcavity": _cavity,
    "multipole": _multipole,
    "ab_multipole": _ab_multipole,
    "ecollimator": _collimator,
    "rcollimator": _collimator,
    "patch": _patch,
}
READABLE = tuple(BUILDERS)
BUILDERS |= {
    "lcavity": _off("voltage", "gradient"),
    "crab_cavity": _off("voltage", "gradient"),
    "elseparator": _off("hkick", "vkick", "e_field", "voltage"),
    **{name: _off() for name in ("fork", "photon_fork", "null_ele", "floor_shift", "fiducial", "mask")},
}
#: The roll of a magnet whose tilt stands without a value.
USUAL_TILTS = {"quadrupole": pi / 4, "sextupole": pi / 6, "octupole": pi / 8, "sol_quad": pi / 4}


def aperture(v: BmadGiven) -> Aperture | None:
    """The opening of any element: x1_limit and x2_limit on the two sides, and so in y."""
    (half_x, x), (half_y, y) = (_opening(v, plane) for plane in "xy")
    if v.word("aperture_at") == "no_aperture":
        return None
    elliptic = v.word("aperture_type", "elliptical" if v.definition.kind == "ecollimator" else "rectangular")
    if half_x <= 0 or half_y <= 0:
        if half_x > 0 or half_y > 0:
            v.told(f"the opening of '{v.definition.name}' is not read: it has none in one plane")
        return None
    if v.word("aperture_at") in ("wall_transition", "surface"):  # a wall that loses who crosses it only
        v.told(f"the opening of '{v.definition.name}' is not read: aperture_at {v.word('aperture_at')}")
        return None
    if elliptic not in ("rectangular", "elliptical", "auto"):
        v.told(f"the opening of '{v.definition.name}' is not read: aperture_type {elliptic}")
        return None
    return Aperture("ellipse" if elliptic == "elliptical" else "rectangle", half_x, half_y, x, y)


def _opening(v: BmadGiven, plane: str) -> tuple[float, float]:
    """Half the opening and its centre [m]; 0 where a side has no limit."""
    negative_side, positive_side = (v.number(f"{plane}{side}_limit") for side in (1, 2))
    if negative_side == 0.0 or positive_side == 0.0:
        return 0.0, 0.0
    return (negative_side + positive_side) / 2, (positive_side - negative_side) / 2
