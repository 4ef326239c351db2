"""Xsuite's elements in ours: from their class names and fields, without importing Xsuite.

Text values are expressions of parameters and stay expressions. What acts on the beam there and has no place here is
refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import atan2, pi
from typing import Any

from lattice.elements import (
    Aperture,
    Bend,
    DipoleEdge,
    Drift,
    Element,
    Kicker,
    Marker,
    Multipole,
    Octupole,
    Quadrupole,
    RFCavity,
    Sextupole,
    Solenoid,
    SRotation,
    Translation,
    XRotation,
    YRotation,
)
from lattice.errors import LatticeError
from optics.engines.xsuite.elements import plus, times


def recover(name: str, kind: str, fields: Mapping[str, Any]) -> Element:
    """Our element for an Xsuite one; LatticeError naming what cannot be expressed."""
    check_known(name, kind)
    _refuse_present(name, kind, fields)
    return _READERS[kind](name, fields)


def check_known(name: str, kind: str) -> None:
    """LatticeError for an Xsuite class that has no counterpart here."""
    if kind not in _READERS:
        raise LatticeError(f"element '{name}': Xsuite's {kind} has no counterpart here; known: {', '.join(_READERS)}")


def _refuse_present(name: str, kind: str, fields: Mapping[str, Any]) -> None:
    """Fields that act on the beam and that no element of ours carries must not vanish silently."""
    extra = ["rot_s_rad_no_frame", "knl_rel", "ksl_rel", "delta_taper"]
    extra += [] if kind in ("Translation", "Rotation") else ["shift_s", "rot_x_rad", "rot_y_rad"]
    extra += ["rot_s_rad"] if kind.startswith("Limit") else [] if kind == "Translation" else ["shift_x", "shift_y"]
    extra += ["lag_taper", "phase_taper", "absolute_time"] if kind == "Cavity" else []
    extra += [] if kind == "Multipole" else ["knl", "ksl"]
    for field in extra:
        if acts(fields.get(field, 0.0)):
            raise LatticeError(f"{kind} '{name}': {field} = {fields[field]} cannot be carried over; remove it first")


def acts(value: Any) -> bool:
    """False for 0, None and what holds nothing else."""
    if isinstance(value, Mapping):
        return any(acts(part) for part in value.values())
    if isinstance(value, (list, tuple)):
        return any(acts(part) for part in value)
    return value is not None and value != 0.0


def _read_bend(name: str, fields: Mapping[str, Any]) -> Bend:
    _refuse_edge_corrections(name, fields)
    fint, fintx = fields["edge_entry_fint"], fields["edge_exit_fint"]
    if fields["edge_entry_hgap"] != fields["edge_exit_hgap"]:
        raise LatticeError(f"Bend '{name}': the gaps at entrance and exit differ; one hgap is expected")
    return Bend(
        name,
        length=fields["length"],
        angle=fields["angle"],
        e1=fields["edge_entry_angle"],
        e2=fields["edge_exit_angle"],
        k0=None if fields["k0_from_h"] else fields["k0"],
        k1=fields["k1"],
        k2=fields["k2"],
        hgap=fields["edge_entry_hgap"],
        fint=fint,
        fintx=None if fintx == fint else fintx,
        kill_ent_fringe=_is_cut(fields, "entry"),
        kill_exi_fringe=_is_cut(fields, "exit"),
        tilt=fields["rot_s_rad"],
    )


def _is_cut(fields: Mapping[str, Any], end: str) -> bool:
    """True where the bend has no edge effects at this end."""
    return not fields[f"edge_{end}_active"] or fields[f"edge_{end}_model"] == "suppressed"


def _refuse_edge_corrections(name: str, fields: Mapping[str, Any]) -> None:
    if fields["edge_entry_angle_fdown"] != 0.0 or fields["edge_exit_angle_fdown"] != 0.0:
        raise LatticeError(f"Bend '{name}': edge_entry_angle_fdown cannot be carried over")


def _read_rbend(name: str, fields: Mapping[str, Any]) -> Bend:
    """A rectangular bend is a sector bend whose faces are turned by half the angle each."""
    if fields["rbend_model"] == "straight-body" or fields["rbend_angle_diff"] != 0.0:
        raise LatticeError(f"RBend '{name}': only rectangular bends with a curved, symmetric body can be carried over")
    half = times(0.5, fields["angle"])
    faces = {field: plus(fields[field], half) for field in ("edge_entry_angle", "edge_exit_angle")}
    return _read_bend(name, {**fields, **faces, "length": _arc(fields, half)})


def _arc(fields: Mapping[str, Any], half: Any) -> Any:
    """The arc that follows the angle, where that is an expression; Xsuite keeps the chord."""
    if isinstance(half, float) and isinstance(fields["length_straight"], float):
        return fields["length"]
    return f"({fields['length_straight']}) / sinc({half})"


def _read_multipole(name: str, fields: Mapping[str, Any]) -> Element:
    """A multipole that bends the reference is ours; a pure dipole kick that does not is a kicker."""
    knl, ksl, length = fields["knl"], fields["ksl"], fields["length"]
    knl, ksl = knl[: _used(knl)], ksl[: _used(ksl)]
    dipole = knl[0] if knl else 0.0
    if fields["isthick"] or (dipole != fields["hxl"] or (ksl and ksl[0] != 0.0)):
        return _read_kicker(name, knl, ksl, fields)
    return Multipole(name, knl=tuple(knl), ksl=tuple(ksl), lrad=length, tilt=fields["rot_s_rad"])


def _read_kicker(name: str, knl: list[Any], ksl: list[Any], fields: Mapping[str, Any]) -> Kicker:
    if len(knl) > 1 or len(ksl) > 1 or fields["hxl"] != 0.0:
        raise LatticeError(
            f"Multipole '{name}': knl = {knl}, ksl = {ksl}, hxl = {fields['hxl']} cannot be carried over; here the "
            "dipole part of a thin multipole bends the reference orbit by its own strength, and a kicker is a dipole"
        )
    hkick = times(-1.0, knl[0]) if knl else 0.0
    length = fields["length"] if fields["isthick"] else 0.0
    return Kicker(name, length=length, hkick=hkick, vkick=ksl[0] if ksl else 0.0, tilt=fields["rot_s_rad"])


def _used(strengths: list[Any]) -> int:
    return max((n + 1 for n, strength in enumerate(strengths) if strength != 0.0), default=0)


def _read_cavity(name: str, fields: Mapping[str, Any]) -> RFCavity:
    lag = plus(times(1 / (2 * pi), fields["phase"]), times(1 / 360, fields["lag"]))
    return RFCavity(
        name,
        length=fields["length"],
        volt=fields["voltage"],
        freq=fields["frequency"],
        harmon=fields["harmonic"],
        lag=lag,
    )


def _read_quadrupole(name: str, fields: Mapping[str, Any]) -> Quadrupole:
    return Quadrupole(name, length=fields["length"], k1=fields["k1"], k1s=fields["k1s"], tilt=fields["rot_s_rad"])


def _read_sextupole(name: str, fields: Mapping[str, Any]) -> Sextupole:
    return Sextupole(name, length=fields["length"], k2=fields["k2"], k2s=fields["k2s"], tilt=fields["rot_s_rad"])


def _read_octupole(name: str, fields: Mapping[str, Any]) -> Octupole:
    return Octupole(name, length=fields["length"], k3=fields["k3"], k3s=fields["k3s"], tilt=fields["rot_s_rad"])


def _read_solenoid(name: str, fields: Mapping[str, Any]) -> Solenoid:
    for field in ("x0", "y0", "ksi", "mult_shift_x", "mult_shift_y"):
        if fields.get(field, 0.0) != 0.0:
            raise LatticeError(f"solenoid '{name}': {field} = {fields[field]} cannot be carried over; remove it first")
    if not (fields.get("edge_entry_active", True) and fields.get("edge_exit_active", True)):
        raise LatticeError(f"solenoid '{name}': a solenoid without its edges cannot be carried over")
    return Solenoid(name, length=fields["length"], ks=fields["ks"])


_ROTATIONS = {"rot_s_rad": SRotation, "rot_x_rad": XRotation, "rot_y_rad": YRotation}


def _read_rotation(name: str, fields: Mapping[str, Any]) -> Element:
    """A turn about one axis; one about none is a marker."""
    turned = [field for field in _ROTATIONS if fields[field] != 0.0]
    if len(turned) > 1:
        raise LatticeError(f"Rotation '{name}': {' and '.join(turned)} in one; make it one rotation an axis")
    return _ROTATIONS[turned[0]](name, angle=fields[turned[0]]) if turned else Marker(name)


def _angle_of(sine: str, cosine: str) -> Callable[[str, Mapping[str, Any]], float]:
    """The angle that the older rotations keep as sine and cosine, numbers only."""

    def angle(name: str, fields: Mapping[str, Any]) -> float:
        if isinstance(fields[sine], str) or isinstance(fields[cosine], str):
            raise LatticeError(f"rotation '{name}': {sine} is an expression; use Xsuite's Rotation, which has angles")
        return atan2(fields[sine], fields[cosine])

    return angle


_turn = _angle_of("sin_angle", "cos_angle")
_roll = _angle_of("sin_z", "cos_z")


def _read_dipole_edge(name: str, fields: Mapping[str, Any]) -> Element:
    if fields["model"] == "suppressed":
        return Marker(name)
    if fields["model"] != "linear" or fields["e1_fd"] != 0.0:
        raise LatticeError(
            f"DipoleEdge '{name}': only a linear edge without e1_fd can be carried over; give the bend its pole face"
        )
    face = {"h": fields["k"], "e1": fields["e1"], "hgap": fields["hgap"], "fint": fields["fint"]}
    return DipoleEdge(name, **face, tilt=fields.get("rot_s_rad", 0.0))


def _read_limit(name: str, fields: Mapping[str, Any]) -> Marker:
    box = [fields[edge] for edge in ("min_x", "max_x", "min_y", "max_y")]
    centre = ((box[0] + box[1]) / 2 + fields["shift_x"], (box[2] + box[3]) / 2 + fields["shift_y"])
    half = ((box[1] - box[0]) / 2, (box[3] - box[2]) / 2)
    return Marker(name, aperture=Aperture("rectangle", *half, *centre))


def _read_limit_ellipse(name: str, fields: Mapping[str, Any]) -> Marker:
    return Marker(
        name,
        aperture=Aperture(
            "ellipse", fields["a_squ"] ** 0.5, fields["b_squ"] ** 0.5, fields["shift_x"], fields["shift_y"]
        ),
    )


def _read_limit_rectellipse(name: str, fields: Mapping[str, Any]) -> Marker:
    shift = (fields["shift_x"], fields["shift_y"])
    axes = (fields["a_squ"] ** 0.5, fields["b_squ"] ** 0.5)
    return Marker(name, aperture=Aperture("rectellipse", fields["max_x"], fields["max_y"], *shift, *axes))


_READERS: dict[str, Callable[[str, Mapping[str, Any]], Element]] = {
    "Marker": lambda name, fields: Marker(name),
    "Drift": lambda name, fields: Drift(name, length=fields["length"]),
    "DriftExact": lambda name, fields: Drift(name, length=fields["length"]),
    "Device": lambda name, fields: Drift(name, length=fields["length"]),
    "Bend": _read_bend,
    "RBend": _read_rbend,
    "Quadrupole": _read_quadrupole,
    "Sextupole": _read_sextupole,
    "Octupole": _read_octupole,
    "Multipole": _read_multipole,
    "UniformSolenoid": _read_solenoid,
    "Solenoid": _read_solenoid,
    "Cavity": _read_cavity,
    "DipoleEdge": _read_dipole_edge,
    "Rotation": _read_rotation,
    "SRotation": lambda name, fields: SRotation(name, angle=_roll(name, fields)),
    "XRotation": lambda name, fields: XRotation(name, angle=_turn(name, fields)),
    "YRotation": lambda name, fields: YRotation(name, angle=_turn(name, fields)),
    "Translation": lambda name, fields: Translation(
        name, dx=fields["shift_x"], dy=fields["shift_y"], ds=fields["shift_s"]
    ),
    "XYShift": lambda name, fields: Translation(name, dx=fields["dx"], dy=fields["dy"]),
    "LimitRect": _read_limit,
    "LimitEllipse": _read_limit_ellipse,
    "LimitRectEllipse": _read_limit_rectellipse,
}
