"""Elements of elegant in ours: names, defaults and signs of its manual and of its matrices.

K1, K2, K3 are MAD's; a positive TILT rolls the element as ours does (``tilt_matrices.c``). KS of a solenoid has MAD-X's
sign in its matrix (``solenoid_matrix``), whatever the manual's text says of it. FINT is 0.5 where it is not given. L of
an RBEN is the straight length, and E1, E2 come on top of half the angle. PHASE of a cavity is in degrees, with the
sine: 90 is the crest.
"""

from __future__ import annotations

from collections.abc import Callable
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
)
from lattice.errors import LatticeError
from lattice.formats.given import Given, without_length
from lattice.formats.quantity import Quantity, called, combined, number
from lattice.madx.arithmetic import Strength
from lattice.madx.syntax import words

#: Attributes that only say how elegant tracks, or name an element for people.
SILENT = words(
    "add_opening_angle change_t coupled disable edge_order edge1_nonlinear edge2_nonlinear end_pass etilt_sign"
    " expand_hamiltonian fiducial fitpoint group hysteresis_group integration_order interval isr1part label"
    " lock_phase method order paraxial phase_reference q"
    " radial sr_in_ordinary_matrix start_pass start_pid end_pid steering transport usecsr use_rad_dist"
    " weight x_ref tracking_matrix mode filename coordinate_order *_tolerance xsteering ysteering wrap_around"
    " bin* csr* integrated_* trapazoid_* sg_* output_* derbenev_* steady_state isotropic_* edge_effects n_*"
    " reference_correction field_output"
)
#: Attributes that change something which no lattice of ours holds, and little: told of.
NOTED = words(
    "synch_rad isr edge1_effects edge2_effects fringe_type i0p i0m i1p i1m i2p i2m i3p i3m lambda2p lambda2m bore"
)


def _length(v: Given) -> Strength:
    return v["l"]


def _drift(v: Given) -> Element:
    return Drift(v.name, length=_length(v)) if v.acts("l") else Marker(v.name)


def _marker(v: Given) -> Element:
    v.asked.update(v.definition.attributes)
    return Marker(v.name)


def _passed_by(what: str) -> Callable[[Given], Element]:
    """What does not act on the optics of one particle: the drift that is left of it, with a word."""

    def build(v: Given) -> Element:
        v.told(f"'{v.definition.name}' is held as what is left of it without {what}, a drift or a marker")
        v.asked.update(v.definition.attributes)
        return _drift(v)

    return build


def _monitor(plane: str) -> Callable[[Given], Element]:
    def build(v: Given) -> Element:
        v.asked.update(v.definition.attributes)
        return Monitor(v.name, length=_length(v), plane=plane)

    return build


def _magnet(kind: type[Quadrupole | Sextupole | Octupole], strength: str) -> Callable[[Given], Element]:
    def build(v: Given) -> Element:
        if not v.acts("l"):
            return without_length(v, strength)
        given = {"length": _length(v), strength: v[strength], "tilt": v["tilt"]}
        return kind(v.name, **given)  # type: ignore[arg-type]

    return build


def _sector_bend(v: Given) -> Element:
    return _bend(v, v.quantity("l"), v["e1"], v["e2"])


def _rectangular_bend(v: Given) -> Element:
    """``l`` is the chord: the arc is l / sinc(angle / 2)."""
    half = combined("/", v.quantity("angle"), number(2.0))
    arc = combined("/", v.quantity("l"), called("sinc", half))
    return _bend(v, arc, *(v.strength(combined("+", v.quantity(face), half)) for face in ("e1", "e2")))


def _bend(v: Given, length: Quantity, e1: Strength, e2: Strength) -> Element:
    if length.value == 0.0:
        raise LatticeError(f"{v.definition.kind} '{v.definition.name}' has no length")
    v.refuse("use_bn", "is not read: give K1 and K2")
    if v.number("nonlinear", 1.0) == 0.0:
        v.refuse("k2", "is left out by elegant where NONLINEAR is 0; set one of them to 0")
    gap = v["hgap"]
    fint = v.get("fint", 0.5)
    first, last = (_own(v, name, fint) for name in ("fint1", "fint2"))
    fringe: dict[str, Any] = {} if gap == 0.0 else {"fint": first, "fintx": None if last == first else last}
    return Bend(
        v.name,
        length=v.strength(length),
        angle=v["angle"],
        e1=e1,
        e2=e2,
        hgap=gap,
        k1=v["k1"],
        k2=v["k2"],
        h1=v["h1"],
        h2=v["h2"],
        tilt=v["tilt"],
        **fringe,
        kill_ent_fringe=v.number("edge1_effects", 1.0) == 0.0,
        kill_exi_fringe=v.number("edge2_effects", 1.0) == 0.0,
    )


def _own(v: Given, attribute: str, usual: Strength) -> Strength:
    """The integral of one face; a negative one means that of both."""
    return usual if v.number(attribute, -1.0) < 0 else v[attribute]


def _one_plane(plane: str) -> Callable[[Given], Element]:
    kick = "hkick" if plane == "x" else "vkick"

    def build(v: Given) -> Element:
        strength = {kick: _calibrated(v, "kick", "calibration")}
        return Kicker(v.name, length=_length(v), tilt=v["tilt"], plane=plane, **strength)  # type: ignore[arg-type]

    return build


def _kicker(v: Given) -> Element:
    kicks = {name: _calibrated(v, name, f"{name[0]}calibration") for name in ("hkick", "vkick")}
    return Kicker(v.name, length=_length(v), tilt=v["tilt"], **kicks)  # type: ignore[arg-type]


def _calibrated(v: Given, kick: str, calibration: str) -> Strength:
    factor = v.quantity(calibration) if v.has(calibration) else number(1.0)
    whole = v.quantity(kick) if factor == number(1.0) else combined("*", v.quantity(kick), factor)
    return v.strength(whole)


def _solenoid(v: Given) -> Element:
    v.refuse("b", "is a field, and the file says of no momentum; give KS")
    if not v.acts("l"):
        return _drift(v)
    return Solenoid(v.name, length=_length(v), ks=v["ks"])


def _cavity(v: Given) -> Element:
    v.refuse("change_p0", "accelerates the reference particle, which lattices here do not; set it to 0")
    for attribute in ("end1_focus", "end2_focus"):
        v.refuse(attribute)
    if v.word("body_focus_model", "none") != "none":
        v.refuse("body_focus_model")
    lag = v.strength(combined("/", v.quantity("phase"), number(360.0)))
    return RFCavity(v.name, length=_length(v), volt=v["volt"], freq=v.get("freq", 5e8), lag=lag)


def _deflecting(v: Given) -> Element:
    """A deflecting cavity, a structure with wakes: held while it is switched off."""
    for attribute in ("volt", "voltage", "static_voltage", "ez", "bsol", "b_solenoid"):
        v.refuse(attribute, "acts on the beam, and this kind cannot be held here; set it to 0, or take it out")
    return _passed_by("its field")(v)


def _collimator(shape: str) -> Callable[[Given], Element]:
    def build(v: Given) -> Element:
        half = (v.number("x_max"), v.number("y_max"))
        centre = (v.number("dx"), v.number("dy"))
        aperture = Aperture(shape, *half, *centre) if min(half) > 0 else None
        if aperture is None and max(half) > 0:
            v.told(f"the opening of '{v.definition.name}' is not read: one of X_MAX and Y_MAX is 0")
        if v.number("exponent", 2.0) != 2.0 or v.acts("invert") or v.acts("open_side"):
            raise LatticeError(
                f"{v.definition.kind} '{v.definition.name}': only whole rectangles and ellipses are held"
            )
        return Collimator(v.name, length=_length(v), aperture=aperture)

    return build


#: A multipole that has a length, by its order.
_LONG: dict[int, Any] = {1: Quadrupole, 2: Sextupole, 3: Octupole}


def _multipole(v: Given) -> Element:
    """KNL = L d^n B / dx^n / (B rho) of one ORDER; a long one is the magnet of that order."""
    order = v.number("order", 1.0)
    whole = v.quantity("knl")
    if v.has("factor"):
        whole = combined("*", whole, v.quantity("factor"))
    v.refuse("btipl", "is a field, and the file says of no momentum; give KNL")
    if not 1 <= order <= 20 or order != int(order):
        raise LatticeError(f"MULT '{v.definition.name}': ORDER must be 1 to 20, found {order:g}; a dipole is a KICKER")
    order = int(order)
    if not v.acts("l"):
        return Multipole(v.name, knl=(*[0.0] * order, v.strength(whole)), tilt=v["tilt"])
    if order not in _LONG:
        raise LatticeError(f"MULT '{v.definition.name}': one with a length has ORDER 1, 2 or 3, found {order}")
    strength = v.strength(combined("/", whole, v.quantity("l")))
    element: Element = _LONG[order](v.name, length=_length(v), tilt=v["tilt"], **{f"k{order}": strength})
    return element


def _rotation(v: Given) -> Element:
    v.refuse("exclude_optics")
    return SRotation(v.name, angle=v["tilt"])


def _never(v: Given) -> Element:
    raise LatticeError(
        f"'{v.definition.name}' is a {v.definition.kind}, which cannot be held: replace it by elements that can "
        f"({', '.join(READABLE)}), or take it out"
    )


_KICKERS = {"HKICK": _one_plane("x"), "VKICK": _one_plane("y"), "KICKER": _kicker}
BUILDERS: dict[str, Callable[[Given], Element]] = {
    **dict.fromkeys(("DRIF", "EDRIFT", "CSRDRIFT", "LSCDRIFT"), _drift),
    **dict.fromkeys(("MARK", "WATCH"), _marker),
    **dict.fromkeys(("MALIGN", "ENERGY", "STRAY"), _drift),  # as long as they do nothing
    "MONI": _monitor("both"),
    "HMON": _monitor("x"),
    "VMON": _monitor("y"),
    **{name: _magnet(Quadrupole, "k1") for name in ("QUAD", "KQUAD")},
    **{name: _magnet(Sextupole, "k2") for name in ("SEXT", "KSEXT")},
    **{name: _magnet(Octupole, "k3") for name in ("OCTU", "KOCT")},
    **dict.fromkeys(("SBEN", "CSBEND", "CSRCSBEND", "KSBEND"), _sector_bend),
    "RBEN": _rectangular_bend,
    **_KICKERS,
    **{f"E{name}": build for name, build in _KICKERS.items()},
    "SOLE": _solenoid,
    "RFCA": _cavity,
    "RCOL": _collimator("rectangle"),
    "ECOL": _collimator("ellipse"),
    "MULT": _multipole,
    "ROTATE": _rotation,
}
READABLE = tuple(BUILDERS)
_COLLECTIVE = words(
    "WAKE TRWAKE ZLONGIT ZTRANSVERSE RFMODE TRFMODE FRFMODE FTRFMODE IBSCATTER SREFFECTS LRWAKE TSCATTER"
)
_BOOKKEEPING = words("CHARGE RECIRC TRCOUNT HISTOGRAM MHISTOGRAM SLICE PFILTER CENTER REMCOR CLEAN SCRIPT BRANCH")
_SWITCHED = words("RFCW RFDF RFTM110 TWLA TWMTA MODRF TWPL RAMPRF TMCF CEPL")
_OPENINGS = words("MAXAMP SCRAPER SPEEDBUMP APCONTOUR TAPERAPC TAPERAPE TAPERAPR")
_REFUSED = words(
    "ALPH BMAPXY BMAPXYZ BMXYZ BEDGE BGGEXP BRAT CCBEND CORGPIPE CPICKUP CKICKER CWIGGLER DSCATTER EMATRIX EMITTANCE"
    " FMULT FTABLE GFWIGGLER HKPOLY ILMATRIX IONEFFECTS KICKMAP KPOLY KQUSE LGBEND LMIRROR LSRMDLTR LTHINLENS MAGNIFY"
    " MATR MATTER MBUMPER NIBEND NISEPT PEPPOT POLYSERIES QUFRINGE RAMPP REFLECT RIMULT SAMPLE SCATTER SCMULT SHRFDF"
    " TFBDRIVER TFBPICKUP TUBEND TWISS UKICKMAP WIGGLER"
)
BUILDERS |= {name: _passed_by("collective effects") for name in _COLLECTIVE}
BUILDERS |= {name: _passed_by("its bookkeeping") for name in _BOOKKEEPING}
BUILDERS |= {name: _passed_by("its opening") for name in _OPENINGS}
BUILDERS |= dict.fromkeys(_SWITCHED, _deflecting)
BUILDERS |= dict.fromkeys(_REFUSED, _never)
