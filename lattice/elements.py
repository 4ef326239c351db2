"""The elements a machine is built of: frozen values, one noun each.

Lengths in m, angles in rad, normalised strengths k_n [m^-(n+1)], voltages in V, frequencies in Hz. Attribute
names are MAD-X's in lower case. A strength is a number, or the name of a parameter, or an expression of
parameters (text). Signs: k1 > 0 focuses horizontally, a positive kick raises px (or py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from lattice.element import Aperture, Element, Strength, refuse_change
from lattice.errors import LatticeError
from lattice.magnitudes import OF_MAGNETS, Magnitude

__all__ = ["ELEMENT_KINDS", "Aperture", "Element", "Strength"]


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
    magnet that is cut there, without pole face and fringe. ``tilt`` [rad] turns it about s, x towards y.
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
    magnitudes: ClassVar[Mapping[str, Magnitude]] = OF_MAGNETS

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.length == 0.0:
            raise LatticeError(f"{self.where('length')} must be positive (a thin dipole is a Multipole)")


@dataclass(frozen=True, kw_only=True)
class DipoleEdge(Element):
    """Thin pole face of a bend: field ``h`` [1/m], face ``e1`` [rad], half gap ``hgap`` [m], ``fint``, ``tilt`` [rad].

    First order whatever the fringe model, as MAD-X's DIPEDGE: it adds to the normal face of the bend beside it, and
    does not know whether that is an entrance or an exit. A bend's own ``e1`` and ``e2`` are exact.
    """

    h: Strength = 0.0
    e1: Strength = 0.0
    hgap: Strength = 0.0
    fint: Strength = 0.0
    tilt: Strength = 0.0
    length: ClassVar[float] = 0.0


@dataclass(frozen=True, kw_only=True)
class Quadrupole(Element):
    """Quadrupole of ``length`` [m], gradient ``k1`` and skew gradient ``k1s`` [m^-2], ``tilt`` [rad].

    k1 = (dBy/dx) / (B rho) > 0 focuses horizontally. A strength is a number, or a text of parameters: "kf", "-1.7*kf".

    >>> Quadrupole("qf", length=0.3, k1="kf").k1
    'kf'
    """

    length: Strength
    k1: Strength = 0.0
    k1s: Strength = 0.0
    tilt: Strength = 0.0
    along: ClassVar[tuple[str, ...]] = ("k1", "k1s")
    magnitudes: ClassVar[Mapping[str, Magnitude]] = OF_MAGNETS


@dataclass(frozen=True, kw_only=True)
class Sextupole(Element):
    """Sextupole of ``length`` [m], ``k2`` = d2By/dx2 / (B rho) and skew ``k2s`` [m^-3], ``tilt`` [rad]."""

    length: Strength
    k2: Strength = 0.0
    k2s: Strength = 0.0
    tilt: Strength = 0.0
    along: ClassVar[tuple[str, ...]] = ("k2", "k2s")
    magnitudes: ClassVar[Mapping[str, Magnitude]] = OF_MAGNETS


@dataclass(frozen=True, kw_only=True)
class Octupole(Element):
    """Octupole of ``length`` [m], ``k3`` and skew ``k3s`` [m^-4], ``tilt`` [rad]."""

    length: Strength
    k3: Strength = 0.0
    k3s: Strength = 0.0
    tilt: Strength = 0.0
    along: ClassVar[tuple[str, ...]] = ("k3", "k3s")
    magnitudes: ClassVar[Mapping[str, Magnitude]] = OF_MAGNETS


@dataclass(frozen=True, kw_only=True)
class Multipole(Element):
    """Thin multipole with integrated strengths ``knl[n]``, ``ksl[n]`` [m^-n].

    As in MAD-X ``knl[0]``, ``ksl[0]`` also bend the reference orbit; ``lrad`` [m] is the fictitious length over
    which they act (0: no weak focusing). ``tilt`` [rad] turns it about s, x towards y.
    """

    knl: tuple[Strength, ...] = ()
    ksl: tuple[Strength, ...] = ()
    lrad: Strength = 0.0
    tilt: Strength = 0.0
    length: ClassVar[float] = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (isinstance(self.knl, tuple) and isinstance(self.ksl, tuple)):
            raise LatticeError(f"{self.where('knl')} and ksl must be lists of strengths")


@dataclass(frozen=True, kw_only=True)
class Solenoid(Element):
    """Solenoid of ``length`` [m] and strength ``ks`` = Bs / (B rho) [1/m], fringes included."""

    length: Strength
    ks: Strength = 0.0
    along: ClassVar[tuple[str, ...]] = ("ks",)
    magnitudes: ClassVar[Mapping[str, Magnitude]] = OF_MAGNETS


@dataclass(frozen=True, kw_only=True)
class ThinSolenoid(Element):
    """Solenoid of no length: ``ksi`` = ks length [rad] turns the planes by its half, ks ksi / 4 [1/m] focuses."""

    ks: Strength = 0.0
    ksi: Strength = 0.0
    length: ClassVar[float] = 0.0


@dataclass(frozen=True, kw_only=True)
class SRotation(Element):
    """The frame behind is turned by ``angle`` [rad] about s, x towards y: x' = x cos + y sin."""

    angle: Strength = 0.0
    length: ClassVar[float] = 0.0


@dataclass(frozen=True, kw_only=True)
class XRotation(Element):
    """The frame behind is turned by ``angle`` [rad] about x, s towards -y: py' = py cos + ps sin (MAD-X)."""

    angle: Strength = 0.0
    length: ClassVar[float] = 0.0


@dataclass(frozen=True, kw_only=True)
class YRotation(Element):
    """The frame behind is turned by ``angle`` [rad] about y, s towards x: px' = px cos - ps sin (MAD-X)."""

    angle: Strength = 0.0
    length: ClassVar[float] = 0.0


@dataclass(frozen=True, kw_only=True)
class Translation(Element):
    """The frame behind is displaced by ``dx``, ``dy``, ``ds`` [m]: x' = x - dx.

    ``ds`` is flown through, but adds no length to the reference orbit (MAD-X).
    """

    dx: Strength = 0.0
    dy: Strength = 0.0
    ds: Strength = 0.0
    length: ClassVar[float] = 0.0


#: What a monitor measures or a corrector kicks.
PLANES = ("both", "x", "y")


@dataclass(frozen=True, kw_only=True)
class Kicker(Element):
    """Corrector of ``length`` [m]: ``hkick``, ``vkick`` [rad] raise px and py; acts in the middle.

    ``plane`` "x", "y" or "both" tells what the magnet can do; a kick in the other plane is refused.
    ``tilt`` [rad] turns the kicks about s, x towards y.
    """

    length: Strength = 0.0
    hkick: Strength = 0.0
    vkick: Strength = 0.0
    tilt: Strength = 0.0
    plane: str = "both"
    choices: ClassVar[dict[str, tuple[str, ...]]] = {"plane": PLANES}
    magnitudes: ClassVar[Mapping[str, Magnitude]] = OF_MAGNETS

    def __post_init__(self) -> None:
        super().__post_init__()
        other = {"x": "vkick", "y": "hkick"}.get(self.plane)
        if other is not None and getattr(self, other) != 0.0:
            raise LatticeError(f"{self.where(other)} must be 0 in a corrector of plane '{self.plane}'")


@dataclass(frozen=True, kw_only=True)
class Monitor(Element):
    """Beam position monitor of ``length`` [m] that measures in ``plane`` "x", "y" or "both"."""

    length: Strength = 0.0
    plane: str = "both"
    choices: ClassVar[dict[str, tuple[str, ...]]] = {"plane": PLANES}


@dataclass(frozen=True, kw_only=True)
class Separator(Element):
    """Electrostatic field ``ex``, ``ey`` [V/m] over ``length`` [m] that the whole beam passes; ``tilt`` [rad].

    A positive field raises px (or py) of a positive particle.
    """

    length: Strength
    ex: Strength = 0.0
    ey: Strength = 0.0
    tilt: Strength = 0.0


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
    magnitudes: ClassVar[Mapping[str, Magnitude]] = OF_MAGNETS


@dataclass(frozen=True, kw_only=True)
class MagneticSeptum(Element):
    """Magnetic septum; a drift for the circulating beam.

    Blade at ``position`` [m] (its sign tells the side), ``thickness`` [m] thick; a particle beyond it is kicked by
    ``kick`` [rad] over ``length`` [m]; ``gap`` [m] beyond the blade; ``angle`` [rad] of the blade to the orbit.
    """

    length: Strength
    position: Strength = 0.0
    thickness: Strength = 0.0
    kick: Strength = 0.0
    gap: Strength = 0.0
    angle: Strength = 0.0
    magnitudes: ClassVar[Mapping[str, Magnitude]] = OF_MAGNETS


@dataclass(frozen=True, kw_only=True)
class Collimator(Element):
    """A drift of ``length`` [m] whose ``aperture`` limits the beam."""

    length: Strength = 0.0


#: Every kind of element by its lower-case name.
ELEMENT_KINDS: dict[str, type[Element]] = {
    kind.kind: kind
    for kind in (
        Drift,
        Bend,
        DipoleEdge,
        Quadrupole,
        Sextupole,
        Octupole,
        Multipole,
        Solenoid,
        ThinSolenoid,
        SRotation,
        XRotation,
        YRotation,
        Translation,
        Kicker,
        Monitor,
        Separator,
        Marker,
        RFCavity,
        RFGap,
        ElectrostaticSeptum,
        MagneticSeptum,
        Collimator,
    )
}

for _kind in ELEMENT_KINDS.values():
    for _way in ("__setattr__", "__delattr__"):  # after dataclass has made its own
        setattr(_kind, _way, refuse_change)
