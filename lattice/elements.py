"""The elements a machine is built of: frozen values, one noun each.

Lengths in m, angles in rad, normalised strengths k_n [m^-(n+1)], voltages in V, frequencies in Hz. Attribute
names are MAD-X's in lower case. A strength is a number, or the name of a parameter, or an expression of
parameters (text). Signs: k1 > 0 focuses horizontally, a positive kick raises px (or py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from functools import cache
from math import isfinite
from typing import Any, ClassVar

from lattice.errors import LatticeError
from lattice.parameters import parse_expression

Strength = float | str

_NAME = re.compile(r"[^\s,;:=(){}\"']+")


@dataclass(frozen=True)
class Aperture:
    """Free opening of an element: ``shape`` and half sizes [m], centred at ``offset_x``, ``offset_y``.

    shape: "rectangle", "ellipse", or "rectellipse" (both at once, the ellipse given by ``ellipse_x``,
    ``ellipse_y``).
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
            raise LatticeError(f"aperture shape must be rectangle, ellipse or rectellipse, found '{self.shape}'")
        if not (self.half_x > 0 and self.half_y > 0):
            raise LatticeError(f"aperture half sizes must be positive, found {self.half_x!r} and {self.half_y!r} m")
        if (self.shape == "rectellipse") != (self.ellipse_x is not None and self.ellipse_y is not None):
            raise LatticeError("ellipse_x and ellipse_y belong to shape 'rectellipse', and only to it")


@dataclass(frozen=True, kw_only=True)
class Element:
    """Base of all elements. ``aperture`` holds over the whole length. Raises LatticeError naming the element."""

    name: str = field(kw_only=False)
    aperture: Aperture | None = None

    kind: ClassVar[str] = "element"
    #: Attributes that must not be negative.
    not_negative: ClassVar[tuple[str, ...]] = ("length", "hgap", "thickness", "gap")

    def __init_subclass__(cls) -> None:
        cls.kind = cls.__name__.lower()

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise LatticeError(f"an element's name must be a word without blanks or punctuation, found {self.name!r}")
        object.__setattr__(self, "name", self.name.lower())
        if self.aperture is not None and not isinstance(self.aperture, Aperture):
            raise LatticeError(f"{self.where('aperture')} must be an Aperture, found {self.aperture!r}")
        for attribute, value in self.strengths().items():
            object.__setattr__(self, attribute, self._checked(attribute, value))
        for flag in self.flag_names():
            if not isinstance(getattr(self, flag), bool):
                raise LatticeError(f"{self.where(flag)} must be True or False, found {getattr(self, flag)!r}")

    @classmethod
    @cache
    def strength_names(cls) -> tuple[str, ...]:
        """Names of the attributes that are strengths, in order of definition."""
        return tuple(f.name for f in fields(cls) if f.name not in ("name", "aperture", *cls.flag_names()))

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

    def _checked(self, attribute: str, value: Any) -> Any:
        if value is None:
            return None
        if isinstance(value, (tuple, list)):
            return tuple(self._checked(attribute, part) for part in value)
        if isinstance(value, str):
            return self._checked_expression(attribute, value)
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise LatticeError(
                f"{self.where(attribute)} must be a number or an expression of parameters, found {value!r}"
            ) from None
        self.check_number(attribute, number)
        return number

    def _checked_expression(self, attribute: str, text: str) -> str:
        try:
            parse_expression(text)
        except LatticeError as error:
            raise LatticeError(f"{self.where(attribute)}: {error}") from None
        return text.lower()


@dataclass(frozen=True, kw_only=True)
class Drift(Element):
    """Field-free straight of ``length`` [m]."""

    length: Strength = 0.0


@dataclass(frozen=True, kw_only=True)
class Bend(Element):
    """Sector bend: arc ``length`` [m], ``angle`` [rad] of the reference orbit, pole faces ``e1``, ``e2`` [rad].

    ``e1``, ``e2`` are measured from the normal of the arc. ``k0`` [1/m] is the field when it is not the
    reference curvature angle/length. ``k1`` [m^-2], ``k2`` [m^-3]: gradient and sextupole of a combined-function
    magnet. ``hgap`` [m] is half the gap and ``fint``, ``fintx`` the fringe integrals at entrance and exit
    (``fintx=None``: as ``fint``). ``h1``, ``h2`` [1/m]: curvature of the pole faces, convex ones positive (a thin
    sextupole K2 L = -k0 h / cos^3 e, part of the full fringe). ``kill_ent_fringe``, ``kill_exi_fringe``: True for a
    magnet that is cut there, without pole face and fringe.
    """

    length: Strength
    angle: Strength
    e1: Strength = 0.0
    e2: Strength = 0.0
    k0: Strength | None = None
    k1: Strength = 0.0
    k2: Strength = 0.0
    hgap: Strength = 0.0
    fint: Strength = 0.0
    fintx: Strength | None = None
    h1: Strength = 0.0
    h2: Strength = 0.0
    kill_ent_fringe: bool = False
    kill_exi_fringe: bool = False
    tilt: Strength = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.length == 0.0:
            raise LatticeError(f"{self.where('length')} must be positive (a thin dipole is a Multipole)")


@dataclass(frozen=True, kw_only=True)
class Quadrupole(Element):
    """Quadrupole of ``length`` [m], gradient ``k1`` and skew gradient ``k1s`` [m^-2], ``tilt`` [rad]."""

    length: Strength
    k1: Strength = 0.0
    k1s: Strength = 0.0
    tilt: Strength = 0.0


@dataclass(frozen=True, kw_only=True)
class Sextupole(Element):
    """Sextupole of ``length`` [m], ``k2`` = d2By/dx2 / (B rho) and skew ``k2s`` [m^-3], ``tilt`` [rad]."""

    length: Strength
    k2: Strength = 0.0
    k2s: Strength = 0.0
    tilt: Strength = 0.0


@dataclass(frozen=True, kw_only=True)
class Octupole(Element):
    """Octupole of ``length`` [m], ``k3`` and skew ``k3s`` [m^-4], ``tilt`` [rad]."""

    length: Strength
    k3: Strength = 0.0
    k3s: Strength = 0.0
    tilt: Strength = 0.0


@dataclass(frozen=True, kw_only=True)
class Multipole(Element):
    """Thin multipole with integrated strengths ``knl[n]``, ``ksl[n]`` [m^-n].

    As in MAD-X ``knl[0]``, ``ksl[0]`` also bend the reference orbit; ``lrad`` [m] is the fictitious length over
    which they act (0: no weak focusing).
    """

    knl: tuple[Strength, ...] = ()
    ksl: tuple[Strength, ...] = ()
    lrad: Strength = 0.0
    tilt: Strength = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (isinstance(self.knl, tuple) and isinstance(self.ksl, tuple)):
            raise LatticeError(f"{self.where('knl')} and ksl must be lists of strengths")


@dataclass(frozen=True, kw_only=True)
class Solenoid(Element):
    """Solenoid of ``length`` [m] and strength ``ks`` = Bs / (B rho) [1/m], fringes included."""

    length: Strength
    ks: Strength = 0.0


@dataclass(frozen=True, kw_only=True)
class Kicker(Element):
    """Corrector of ``length`` [m]: ``hkick``, ``vkick`` [rad] raise px and py; acts in the middle."""

    length: Strength = 0.0
    hkick: Strength = 0.0
    vkick: Strength = 0.0
    tilt: Strength = 0.0


@dataclass(frozen=True, kw_only=True)
class Monitor(Element):
    """Beam position monitor of ``length`` [m]."""

    length: Strength = 0.0


@dataclass(frozen=True, kw_only=True)
class Marker(Element):
    """A named place of no length."""

    length: ClassVar[float] = 0.0


@dataclass(frozen=True, kw_only=True)
class RFCavity(Element):
    """Accelerating gap in the middle of ``length`` [m]: ``volt`` [V], ``freq`` [Hz] or ``harmon``, ``lag`` [turns].

    Energy gain of the reference particle q volt sin(2 pi lag), as in MAD-X. ``harmon`` (an integer) sets the
    frequency from the ring's revolution frequency when ``freq`` is 0.
    """

    length: Strength = 0.0
    volt: Strength = 0.0
    freq: Strength = 0.0
    harmon: Strength = 0.0
    lag: Strength = 0.0


@dataclass(frozen=True, kw_only=True)
class RFGap(Element):
    """Thin gap of a linac cell: effective voltage ``volt`` = E0 T L [V], ``freq`` [Hz], ``phase`` [rad] from crest."""

    volt: Strength = 0.0
    freq: Strength = 0.0
    phase: Strength = 0.0
    length: ClassVar[float] = 0.0


@dataclass(frozen=True, kw_only=True)
class ElectrostaticSeptum(Element):
    """Electrostatic septum; a drift for the circulating beam.

    Wires at ``position`` [m] (its sign tells the side), ``thickness`` [m] thick; a particle beyond them is kicked by
    ``kick`` [rad] over ``length`` [m]; ``gap`` [m] from wires to cathode; ``angle`` [rad] of the wires to the orbit.
    """

    length: Strength
    position: Strength = 0.0
    thickness: Strength = 0.0
    kick: Strength = 0.0
    gap: Strength = 0.0
    angle: Strength = 0.0


@dataclass(frozen=True, kw_only=True)
class MagneticSeptum(Element):
    """Magnetic septum; a drift for the circulating beam. Fields as for ElectrostaticSeptum."""

    length: Strength
    position: Strength = 0.0
    thickness: Strength = 0.0
    kick: Strength = 0.0
    gap: Strength = 0.0
    angle: Strength = 0.0


@dataclass(frozen=True, kw_only=True)
class Collimator(Element):
    """A drift of ``length`` [m] whose ``aperture`` limits the beam."""

    length: Strength = 0.0


#: Every kind of element by its lower-case name.
ELEMENT_KINDS: dict[str, type[Element]] = {
    kind.kind: kind
    for kind in (
        Drift, Bend, Quadrupole, Sextupole, Octupole, Multipole, Solenoid, Kicker, Monitor, Marker, RFCavity, RFGap,
        ElectrostaticSeptum, MagneticSeptum, Collimator,
    )
}  # fmt: skip
