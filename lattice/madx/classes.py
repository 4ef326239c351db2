"""MAD-X element classes and their attributes: which become ours, which are refused, which do not matter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isclose, sin
from typing import Any

from lattice.elements import (
    Bend,
    Collimator,
    DipoleEdge,
    Drift,
    ElectrostaticSeptum,
    Element,
    Kicker,
    MagneticSeptum,
    Marker,
    Monitor,
    Multipole,
    Octupole,
    Quadrupole,
    RFCavity,
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
from lattice.madx.arithmetic import Strength, bracketed, half, minus, plus, times_power_of_ten
from lattice.madx.openings import aperture, opening
from lattice.madx.syntax import words
from lattice.madx.values import Values

#: Classes that are known and cannot be held.
UNSUPPORTED = words("changerefp0")
#: Attributes that are texts, not strengths.
TEXTS = words("apertype comments f3string from lfile refer refpos tfile type")
#: Attributes that are lists.
LISTS = words(
    "add_angle aper_offset aper_tol aper_vx aper_vy aperture attr current f3vector ilnorm ksl knl l_int l_phy nlag"
    " npeak ntune patch_ang patch_trans pnl psl xma yma"
)
#: Attributes that place an element, describe it, or only serve other programs: passed over without a word.
SILENT = words(
    "assembly_id at binmax calib chflag closed_orbit comments current cvflag exact f1 f2 fringe from frngmax kmax kmin"
    " l_int l_phy lrad magnet mech_sep method model n_bessel nbin no_cavity_totalpath noise noisemax nst polarity"
    " slice slice_straight slot_id thick time_var true_rbend type v_pos xma yma"
)
#: Attributes with no effect on MAD-X's own optics: a value other than 0 is noted.
NOTED = words(
    "add_angle aper_tilt aper_tol aper_vx aper_vy betrf chkick cvkick dphi dpsi ds dtheta dx dy e1 e2 entrance fcsr"
    " fint fintx h1 h2 hgap k0 k0s k1s k2s k3 k3s kill_ent_fringe kill_exi_fringe knl ksl lfile npeak nlag ntune pg"
    " shunt tfile tfill tilt"
)
#: Attributes that change the optics and cannot be held: a value other than 0 is refused.
REFUSED = words(
    "angle eloss ex ex_l ey ey_l ksi ktap lagerr lagtap modulationq ramp1 ramp2"
    " ramp3 ramp4 rot_start sinkick sinpeak sinphase sintune volterr xtilt"
)
#: Attributes of classes that are held only while they do nothing.
_OF_IDLE = words(
    "alfxs alfys attr bb_sc bbdir bbshape cnll copt copx copy cot cox coy delta_lag dpxs dpys dxs dys eltype f3string"
    " f3vector freq harmon lag lagf long_coup_off misexit npart pnl psi psl rph1 rph2 rv1 rv2 rv3 rv4 siges sigts sigx"
    " sigy spacecharge volt width"
)
_APERTURE = ("apertype", "aperture", "aper_offset")


@dataclass(frozen=True)
class ElementClass:
    """How a MAD-X class is built: the attributes it takes (beside l and the aperture), and the builder.

    ``is_idle``: whatever it does not refuse has no effect.
    """

    takes: tuple[str, ...]
    build: Callable[[Values], Element]
    refuses: tuple[str, ...] = ()
    is_idle: bool = False

    def standing(self, attribute: str) -> str:
        """What to do with an attribute: "taken", "refused", "noted", "silent", or "unknown"."""
        if attribute in self.takes or attribute in (*_APERTURE, "l"):
            return "taken"
        if attribute in self.refuses:
            return "refused"
        if self.is_idle and attribute in (*_OF_IDLE, *REFUSED, *NOTED):
            return "silent"
        if attribute in NOTED:
            return "noted"
        if attribute in REFUSED:
            return "refused"
        return "silent" if attribute in SILENT else "unknown"


def length_of(base: str, values: Values) -> Strength:
    """Length along the reference orbit: the arc of an RBEND, whose l is the straight length (``option, rbarc``)."""
    length, angle = values["l"], values["angle"]
    if base != "rbend" or not values.options.rbarc or angle == 0.0:
        return length
    if isinstance(length, float) and isinstance(angle, float):
        return length * (angle / 2) / sin(angle / 2)
    return f"{bracketed(length)}/sinc({bracketed(half(angle))})"


def _drift(v: Values) -> Element:
    return Drift(v.name, length=v["l"], aperture=aperture(v))


def _drift_or_marker(v: Values) -> Element:
    return Marker(v.name, aperture=aperture(v)) if v["l"] == 0.0 else _drift(v)


def _marker(v: Values) -> Element:
    if v["l"] != 0.0:
        raise LatticeError(f"marker '{v.name}': a marker has no length, found l = {v['l']}")
    return Marker(v.name, aperture=aperture(v))


def _monitor(plane: str) -> Callable[[Values], Element]:
    return lambda v: Monitor(v.name, length=v["l"], plane=plane, aperture=aperture(v))


def _sector_bend(v: Values) -> Element:
    return _bend(v, v["l"], v["e1"], v["e2"])


def _rectangular_bend(v: Values) -> Element:
    turn = half(v["angle"])
    return _bend(v, length_of("rbend", v), plus(v["e1"], turn), plus(v["e2"], turn))


def _bend(v: Values, length: Strength, e1: Strength, e2: Strength) -> Element:
    if length == 0.0:
        raise LatticeError(f"bend '{v.name}' has no length: give it one, or use a multipole for a thin bend")
    return Bend(
        v.name,
        length=length,
        e1=e1,
        e2=e2,
        k0=_own_field(v, length),
        fintx=_exit_fringe_integral(v),
        aperture=aperture(v),
        **v.some("angle", "k1", "k2", "hgap", "fint", "h1", "h2", "tilt"),
        kill_ent_fringe=v["kill_ent_fringe"] != 0.0,
        kill_exi_fringe=v["kill_exi_fringe"] != 0.0,
    )


def _own_field(v: Values, length: Strength) -> Strength | None:
    """K0 where it is not the curvature of the reference orbit anyway (0 is MAD-X's "not given")."""
    k0, angle = v["k0"], v["angle"]
    if k0 == 0.0:
        return None
    if isinstance(k0, float) and isinstance(angle, float) and isinstance(length, float):
        return None if isclose(k0 * length, angle, rel_tol=1e-12) else k0
    return None if v.vanishes(minus(k0, f"{bracketed(angle)}/{bracketed(length)}")) else k0


def _exit_fringe_integral(v: Values) -> Strength | None:
    fintx = v.given.get("fintx", -1.0)
    return None if isinstance(fintx, float) and fintx < 0 else fintx  # MAD-X: a negative FINTX means FINT


def _multipole(v: Values) -> Element:
    lrad = v["lrad"] if v.options.thin_foc else 0.0
    tilt = v["tilt"]
    return Multipole(v.name, knl=v.list("knl"), ksl=v.list("ksl"), lrad=lrad, tilt=tilt, aperture=aperture(v))


def _solenoid(v: Values) -> Element:
    if v["l"] == 0.0 and v["ksi"] != 0.0:
        return ThinSolenoid(v.name, ks=v["ks"], ksi=v["ksi"], aperture=aperture(v))
    return Solenoid(v.name, length=v["l"], ks=v["ks"], aperture=aperture(v))


def _dipole_edge(v: Values) -> Element:
    return DipoleEdge(v.name, aperture=aperture(v), **v.some("h", "e1", "hgap", "fint", "tilt"))


def _rotation(kind: type[SRotation | XRotation | YRotation]) -> Callable[[Values], Element]:
    return lambda v: kind(v.name, angle=v["angle"], aperture=aperture(v))


def _translation(v: Values) -> Element:
    return Translation(v.name, aperture=aperture(v), **v.some("dx", "dy", "ds"))


def _change_of_frame(v: Values) -> Element:
    """MAD-X's TWISS and SURVEY pass CHANGEREF over: only PTC moves the frame."""
    if any(part != 0.0 for part in (*v.list("patch_ang"), *v.list("patch_trans"))):
        v.note(
            f"the CHANGEREF '{v.name}' does nothing, as in MAD-X's TWISS and SURVEY (PTC moves the frame): write "
            "TRANSLATION, XROTATION, YROTATION or SROTATION if it is to act"
        )
    return _drift_or_marker(v)


def _horizontal_kicker(v: Values) -> Element:
    kick = v["hkick"] if v["kick"] == 0.0 else v["kick"]
    return Kicker(v.name, length=v["l"], hkick=kick, tilt=v["tilt"], plane="x", aperture=aperture(v))


def _vertical_kicker(v: Values) -> Element:
    kick = v["vkick"] if v["kick"] == 0.0 else v["kick"]
    return Kicker(v.name, length=v["l"], vkick=kick, tilt=v["tilt"], plane="y", aperture=aperture(v))


def _kicker(v: Values) -> Element:
    return Kicker(v.name, length=v["l"], hkick=v["hkick"], vkick=v["vkick"], tilt=v["tilt"], aperture=aperture(v))


def _separator(v: Values) -> Element:
    """A drift (or marker) without field, as most files have it."""
    if v["ex"] == 0.0 and v["ey"] == 0.0:
        return _drift_or_marker(v)
    if v["l"] == 0.0:
        raise LatticeError(f"elseparator '{v.name}': a field ex, ey needs a length l to act over")
    field = {name: times_power_of_ten(v[name], 6) for name in ("ex", "ey")}  # MV/m
    return Separator(v.name, length=v["l"], **field, tilt=v["tilt"], aperture=aperture(v))


def _beam_beam(v: Values) -> Element:
    if v.given.get("charge", 1.0) != 0.0:
        raise LatticeError(
            f"beambeam '{v.name}' changes the optics and cannot be held: give it charge=0 or take it out"
        )
    return _at_rest("charge").build(v)


def _matrix(v: Values) -> Element:
    """A place kept for a device (of an AC dipole, say): held while it is the unit matrix of no length."""
    unit = {f"rm{i}{i}": 1.0 for i in range(1, 7)}
    acting = [entry for entry in _MATRIX if v.given.get(entry, unit.get(entry, 0.0)) != unit.get(entry, 0.0)]
    turned_on = [entry for entry in acting if not v.is_now(entry, unit.get(entry, 0.0))]
    if v["l"] != 0.0 or turned_on:
        told = "its length" if not turned_on else ", ".join(turned_on[:4]) + (" ..." if len(turned_on) > 4 else "")
        raise LatticeError(
            f"matrix '{v.name}': {told} would act, and only the unit matrix of no length can be held: write the "
            "magnets that it stands for, or take it out"
        )
    v.note(f"'{v.name}' is the unit matrix as the file stands, and held as a marker")
    return Marker(v.name, aperture=aperture(v))


def _at_rest(*acting: str) -> ElementClass:
    """A class that is held as a drift as long as the attributes by which it acts are 0."""

    def build(v: Values) -> Element:
        v.note(f"'{v.name}' is switched off ({' and '.join(acting)} 0) and held as what is left of it, a drift")
        return _drift_or_marker(v)

    return ElementClass(_TILTED, build, refuses=acting, is_idle=True)


def _cavity(v: Values) -> Element:
    return RFCavity(
        v.name,
        length=v["l"],
        volt=times_power_of_ten(v["volt"], 6),  # MV
        freq=times_power_of_ten(v["freq"], 6),  # MHz
        harmon=v["harmon"],
        lag=v["lag"],
        aperture=aperture(v),
    )


def _collimator(v: Values) -> Element:
    return Collimator(v.name, length=v["l"], aperture=aperture(v))


def _elliptic_collimator(v: Values) -> Element:
    return Collimator(v.name, length=v["l"], aperture=aperture(v) or opening(v, "ellipse"))


def _rectangular_collimator(v: Values) -> Element:
    return Collimator(v.name, length=v["l"], aperture=aperture(v) or opening(v, "rectangle"))


def _electrostatic_septum(v: Values) -> Element:
    return ElectrostaticSeptum(v.name, length=v["l"], aperture=aperture(v), **v.some(*SEPTUM))


def _magnetic_septum(v: Values) -> Element:
    return MagneticSeptum(v.name, length=v["l"], aperture=aperture(v), **v.some(*SEPTUM))


def _of_magnet(kind: type[Any], *strengths: str) -> ElementClass:
    def build(v: Values) -> Element:
        if v["l"] == 0.0 and any(v[strength] != 0.0 for strength in strengths):
            v.note(f"'{v.name}' has no length, so that its strength does nothing, as in MAD-X: held as a marker")
            return Marker(v.name, aperture=aperture(v))
        element: Element = kind(v.name, length=v["l"], aperture=aperture(v), **v.some(*strengths, "tilt"))
        return element

    return ElementClass((*strengths, "tilt"), build)


#: What a septum has beside its length; in MAD-X files these are variables named ``element.attribute``.
SEPTUM = ("position", "thickness", "kick", "gap", "angle")
_BEND = (
    "angle",
    "e1",
    "e2",
    "k0",
    "k1",
    "k2",
    "hgap",
    "fint",
    "fintx",
    "h1",
    "h2",
    "kill_ent_fringe",
    "kill_exi_fringe",
    "tilt",
)
#: Of a MATRIX: kicks and matrix elements of the first and second order.
_MATRIX = (
    *(f"kick{i}" for i in range(1, 7)),
    *(f"rm{i}{j}" for i in range(1, 7) for j in range(1, 7)),
    *(f"tm{i}{j}{k}" for i in range(1, 7) for j in range(1, 7) for k in range(1, 7)),
)
_TILTED = ("tilt",)  # of what looks the same from every side

CLASSES: dict[str, ElementClass] = {
    "drift": ElementClass(_TILTED, _drift),
    "marker": ElementClass((), _marker),
    "sbend": ElementClass(_BEND, _sector_bend),
    "rbend": ElementClass(_BEND, _rectangular_bend),
    "dipedge": ElementClass(("h", "e1", "hgap", "fint", "tilt"), _dipole_edge),
    "quadrupole": _of_magnet(Quadrupole, "k1", "k1s"),
    "sextupole": _of_magnet(Sextupole, "k2", "k2s"),
    "octupole": _of_magnet(Octupole, "k3", "k3s"),
    "multipole": ElementClass(("knl", "ksl", "lrad", "tilt"), _multipole),
    "solenoid": ElementClass(("ks", "ksi"), _solenoid),
    "hkicker": ElementClass(("kick", "hkick", "tilt"), _horizontal_kicker),
    "vkicker": ElementClass(("kick", "vkick", "tilt"), _vertical_kicker),
    "kicker": ElementClass(("hkick", "vkick", "tilt"), _kicker),
    "tkicker": ElementClass(("hkick", "vkick", "tilt"), _kicker),
    "monitor": ElementClass(_TILTED, _monitor("both")),
    "blmonitor": ElementClass(_TILTED, _drift_or_marker),
    "imonitor": ElementClass(_TILTED, _drift_or_marker),
    "slmonitor": ElementClass(_TILTED, _drift_or_marker),
    "hmonitor": ElementClass(_TILTED, _monitor("x")),
    "vmonitor": ElementClass(_TILTED, _monitor("y")),
    "instrument": ElementClass(_TILTED, _drift_or_marker),
    "placeholder": ElementClass(_TILTED, _drift_or_marker),
    "rfcavity": ElementClass(("volt", "freq", "harmon", "lag"), _cavity),
    "collimator": ElementClass(_TILTED, _collimator),
    "ecollimator": ElementClass(("xsize", "ysize", "tilt"), _elliptic_collimator),
    "rcollimator": ElementClass(("xsize", "ysize", "tilt"), _rectangular_collimator),
    "elseparator": ElementClass(("ex", "ey", "tilt"), _separator),
    "srotation": ElementClass(("angle",), _rotation(SRotation)),
    "xrotation": ElementClass(("angle",), _rotation(XRotation)),
    "yrotation": ElementClass(("angle",), _rotation(YRotation)),
    "translation": ElementClass(("dx", "dy", "ds"), _translation),
    "matrix": ElementClass((*_MATRIX, "tilt"), _matrix),
    "changeref": ElementClass(("patch_ang", "patch_trans", "tilt"), _change_of_frame, is_idle=True),
    "sixmarker": ElementClass(_TILTED, _drift_or_marker, is_idle=True),
    "beambeam": ElementClass(("charge", "tilt"), _beam_beam, is_idle=True),
    "crabcavity": _at_rest("volt"),
    "twcavity": _at_rest("volt"),
    "hacdipole": _at_rest("volt"),
    "vacdipole": _at_rest("volt"),
    "rfmultipole": _at_rest("volt", "knl", "ksl"),
    "nllens": _at_rest("knll"),
    "wire": _at_rest("current"),
    "thinwire": _at_rest("ilnorm"),
    # Not MAD-X's: the names our own files give to the parents of septa.
    "electrostatic_septum": ElementClass((*SEPTUM, "tilt"), _electrostatic_septum),
    "magnetic_septum": ElementClass((*SEPTUM, "tilt"), _magnetic_septum),
}
