"""Septa and what they do to the beam: wires, kick, loss on the wires, the gap at the magnetic septum."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

import numpy as np

from extraction.resonance.arms import Arm
from extraction.resonance.modes import advance
from extraction.resonance.third_integer import ThirdIntegerResonance
from lattice import ElectrostaticSeptum, InputError, Lattice, MagneticSeptum, ReferenceParticle
from lattice.arrays import Array
from lattice.magnitudes import OF_ATTRIBUTES, as_number
from lattice.reference import SPEED_OF_LIGHT
from lattice.showing import Showing
from optics.closed import closed
from optics.maps.lattices.turns import passage

_NOT_NEGATIVE = ("thickness", "length", "gap", "magnetic_thickness", "magnetic_kick", "magnetic_length")
_NUMBERS = ("position", "kick", "angle", *_NOT_NEGATIVE)


@dataclass(frozen=True)
class Septum(Showing):
    """An electrostatic septum: wires at x = ``position`` [m] (its sign is the side) of ``thickness`` [m].

    ``at``: element whose entrance the wires begin at; ``length`` [m] of the wires, ``angle`` [rad] of the wires to the
    reference orbit, ``gap`` [m] from wires to cathode, ``kick`` [rad] given to what is beyond the wires, outwards
    positive. ``magnetic_at``: element of the magnetic septum the beam is thrown into, with its ``magnetic_thickness``,
    ``magnetic_length`` [m] and ``magnetic_kick`` [rad]. Raises InputError for values that make no sense.
    """

    at: str
    position: float
    thickness: float = 1e-4
    kick: float = 0.0
    length: float = 0.0
    gap: float = 0.0
    angle: float = 0.0
    magnetic_at: str | None = None
    magnetic_thickness: float = 0.0
    magnetic_kick: float = 0.0
    magnetic_length: float = 0.0

    def __post_init__(self) -> None:
        for name in _NUMBERS:
            value = getattr(self, name)
            number = as_number(value)
            if number is None or not isfinite(number):
                raise InputError(f"Septum at '{self.at}': {name} must be a finite number, found {value!r}")
            if fault := OF_ATTRIBUTES[name.removeprefix("magnetic_")].fault(number):
                raise InputError(f"Septum at '{self.at}': {name} {fault}")
            if value < 0 and name in _NOT_NEGATIVE:
                raise InputError(f"Septum at '{self.at}': {name} must not be negative, found {value!r}")
        if self.position == 0.0:
            raise InputError(f"Septum at '{self.at}': position must not be 0: its sign tells the side of the wires")

    @property
    def side(self) -> float:
        """+1 for wires at x > 0, -1 for x < 0."""
        return 1.0 if self.position > 0 else -1.0

    @classmethod
    def of(cls, ring: Lattice, name: str, magnetic: str | None = None) -> Septum:
        """The septum that element ``name`` of a ring describes, with its magnetic septum."""
        element = ring.resolved(ring[name])
        if not isinstance(element, ElectrostaticSeptum):
            raise InputError(f"'{name}' is a {type(element).__name__}, not an ElectrostaticSeptum")
        wall = ring.resolved(ring[magnetic]) if magnetic else None
        if wall is not None and not isinstance(wall, MagneticSeptum):
            raise InputError(f"'{magnetic}' is a {type(wall).__name__}, not a MagneticSeptum")
        septum = cls(
            at=name.lower(),
            position=_number(element.position),
            thickness=_number(element.thickness),
            kick=abs(_number(element.kick)),
            length=_number(element.length),
            gap=_number(element.gap),
            angle=_number(element.angle),
        )
        if wall is None:
            return septum
        return septum.into(wall)

    def into(self, wall: MagneticSeptum) -> Septum:
        """The same with the magnetic septum that ``wall``, an element of numbers, is."""
        return replace(
            self,
            magnetic_at=wall.name,
            magnetic_thickness=_number(wall.thickness),
            magnetic_kick=abs(_number(wall.kick)),
            magnetic_length=_number(wall.length),
        )


def _number(value: Any) -> float:
    return float(value)


def electric_field(septum: Septum, particle: ReferenceParticle) -> float:
    """Field [V/m] between wires and cathode that gives the septum's kick to ``particle``.

    E = kick p beta c / (q L) = kick (B rho) beta c / L, for a kick small beside 1 (H. Wiedemann, Particle Accelerator
    Physics, Springer 2015, section 5.1). InputError for a septum without length or kick.

    >>> from lattice import ReferenceParticle
    >>> carbon = ReferenceParticle("carbon-12", kinetic_energy_per_u=400e6)
    >>> wires = Septum("es", position=0.035, kick=2.5e-3, length=0.8)
    >>> f"{electric_field(wires, carbon) / 1e6:.2f} MV/m"
    '4.25 MV/m'
    """
    if not (septum.length > 0.0 and septum.kick):
        raise InputError(f"the field of '{septum.at}' needs the length and the kick of its wires")
    return abs(septum.kick) * particle.magnetic_rigidity * particle.beta * SPEED_OF_LIGHT / septum.length


def magnetic_field(septum: Septum, particle: ReferenceParticle) -> float:
    """Field [T] of the magnetic septum, B = kick (B rho) / L; InputError without one, its length or its kick."""
    if not (septum.magnetic_length > 0.0 and septum.magnetic_kick):
        where = f"'{septum.magnetic_at}'" if septum.magnetic_at else "a magnetic septum"
        raise InputError(f"the field of {where} needs its length and its kick")
    return septum.magnetic_kick * particle.magnetic_rigidity / septum.magnetic_length


def effective_thickness(septum: Septum, arm: Arm, delta: float = 0.0) -> float:
    """Thickness [m] the wires show to the beam on the arm: their own, and length times the crossing angle."""
    return septum.thickness + septum.length * abs(crossing_angle(septum, arm, delta))


def crossing_angle(septum: Septum, arm: Arm, delta: float = 0.0) -> float:
    """Angle between the beam on the arm and the wires, positive when it goes outwards more steeply.

    Equation:
        px / (1 + delta) on the arm minus the wires' angle, with the sign of their side.

    Returns:
        Angle [rad].

    Raises:
        Nothing: an arm is at the wires.

    Source:
        Geometry at the wires (PIMMS, CERN/PS 99-010 (DI), chapter 3).

    Example:
        >>> from extraction import third_integer_resonance
        >>> from machines.cnao_like import cnao
        >>> arm = third_integer_resonance(cnao("matched-proton-60MeV-qx1.664"), at="se_010a_esp").arm(0.035)
        >>> print(round(crossing_angle(Septum(at="se_010a_esp", position=0.035, angle=arm.px), arm), 12))
        0.0
    """
    return septum.side * (arm.px / (1.0 + delta) - septum.angle)


def wire_loss(septum: Septum, arm: Arm, delta: float = 0.0, thickness: float | None = None) -> float:
    """Fraction of the extracted beam that hits the wires.

    Particles pass the wire once in three turns, evenly in time, so the fraction is the time they spend between the
    wire's faces over three turns, here with the arm's own speed. Wires at an angle are thicker by their length times
    it.

    Equation:
        thickness / spiral step, to leading order.

    Returns:
        A fraction [1] of what leaves.

    Raises:
        Nothing: an arm is at the wires.

    Source:
        PIMMS, CERN/PS 99-010 (DI), chapter 3.

    Example:
        >>> from extraction import third_integer_resonance
        >>> from machines.cnao_like import cnao
        >>> arm = third_integer_resonance(cnao("matched-proton-60MeV-qx1.664"), at="se_010a_esp").arm(0.035)
        >>> septum = Septum(at="se_010a_esp", position=0.035, thickness=1e-4, angle=arm.px)
        >>> bool(abs(wire_loss(septum, arm) / (1e-4 / arm.spiral_step) - 1) < 0.15)
        True
    """
    seen = effective_thickness(septum, arm, delta) if thickness is None else thickness
    return min(1.0, arm.time_within(seen))


def early_hit(septum: Septum, arm: Arm, delta: float = 0.0) -> tuple[float, float] | None:
    """Position x [m] and slope dx/ds of the pass on which the beam hits the wires before its turn; None without one.

    In the two turns between its crossings the beam passes the septum on the other arms. Inside the wires at their
    entrance, it may still run into them along their length; ``wire_loss`` knows of the crossing alone.

    Returns:
        (x [m], dx/ds [rad]) at the entrance of the wires, or None. ``delta``: dp/p of the arm.
    """
    for x, px in arm.after[1:3, :2]:
        slope = float(px) / (1.0 + delta)
        depth = septum.side * (float(x) - septum.position)
        if depth <= 0.0 < depth + septum.side * (slope - septum.angle) * septum.length:
            return float(x), slope
    return None


@closed
@dataclass(frozen=True)
class Transport(Showing):
    """From electrostatic to magnetic septum: positions [m] there of what was kicked and of what circulates.

    ``extracted`` and ``circulating`` (6,) coordinates of the particle just beyond and just inside the wires;
    ``gap`` [m] opened between them; ``gap_linear`` = |R12| kick from entrance to entrance, which without coupling is
    sqrt(bet1 bet2) sin(2 pi dmu) kick; ``phase_advance`` [turns] of the resonant mode in x.
    """

    extracted: Array
    circulating: Array
    gap: float
    gap_linear: float
    phase_advance: float


#: What takes coordinates (n, 6) along a part of the machine.
Tracking = Callable[[Array], Array]


def transport(
    resonance: ThirdIntegerResonance,
    septum: Septum,
    ring: Lattice,
    arm: Arm | None = None,
    tracking: tuple[Tracking, Tracking] | None = None,
) -> Transport:
    """Track a particle on the wire, kicked and not kicked, to the magnetic septum's entrance.

    ``arm`` saves its computation; ``tracking`` are other engine's maps of the electrostatic septum and of what follows
    up to the magnetic one (``between_septa``).

    Equation:
        gap = R12 kick, without coupling sqrt(bet1 bet2) sin(2 pi dmu) kick, to leading order; tracked here.

    Returns:
        Transport: coordinates (6,) of both particles [m, 1], ``gap`` and ``gap_linear`` [m], ``phase_advance`` [turns].

    Raises:
        InputError: a septum without a magnetic one.
        NoSolution: no arm at the wires.

    Source:
        E. D. Courant, H. S. Snyder, Ann. Phys. 3, 1 (1958); PIMMS, CERN/PS 99-010 (DI), chapter 3.

    Example:
        >>> from extraction import third_integer_resonance
        >>> from machines.cnao_like import cnao
        >>> ring = cnao("matched-proton-60MeV-qx1.664")
        >>> septum = Septum.of(ring, "se_010a_esp", magnetic="s0_016a_msp")
        >>> carried = transport(third_integer_resonance(ring, at="se_010a_esp"), septum, ring)
        >>> bool(abs(carried.gap / carried.gap_linear - 1) < 0.3)
        True
    """
    arm = arm or resonance.arm(septum.position)
    optics = resonance.optics
    first, _, end = between_septa(ring, septum)
    if tracking is None:
        through = passage(ring, optics.particle, optics.fringe, first, first + 1)
        behind = passage(ring, optics.particle, optics.fringe, first + 1, end)
        tracking = (through.track, behind.track)
    start = np.array([*arm.after[0], 0.0, resonance.delta])
    inside, beyond = start.copy(), start.copy()
    beyond[0] += septum.side * septum.thickness
    lever = behind_middle(ring, septum)
    circulating = through_septa(tracking, inside[None], 0.0, lever)[0]
    extracted = through_septa(tracking, beyond[None], septum.side * septum.kick, lever)[0]
    matrix = passage(ring, optics.particle, optics.fringe, first, end).jacobian(
        np.array([*resonance.orbit, 0.0, resonance.delta])
    )[1]
    return Transport(
        extracted=extracted,
        circulating=circulating,
        gap=float(abs(extracted[0] - circulating[0])),
        gap_linear=float(abs(matrix[0, 1] * septum.kick)),
        phase_advance=advance(optics, septum.at, str(septum.magnetic_at), resonance.mode.number),
    )


def between_septa(ring: Lattice, septum: Septum) -> tuple[int, int, int]:
    """Elements: the electrostatic septum, the one behind it, the magnetic septum (counted on beyond the ring's end)."""
    if septum.magnetic_at is None:
        raise InputError(f"Septum at '{septum.at}' names no magnetic septum (magnetic_at=...)")
    first, last = ring.index(septum.at), ring.index(septum.magnetic_at)
    return first, first + 1, last if last > first else last + len(ring)


def behind_middle(ring: Lattice, septum: Septum) -> float:
    """From the middle of the wires, which begin at the entrance of their element, to its end [m].

    Below 0 where wires are longer than twice the element that they are placed at, a marker for one.
    """
    place = ring.index(septum.at)
    return float(ring.s[place + 1] - ring.s[place]) - septum.length / 2


def through_septa(tracking: tuple[Tracking, Tracking], start: Array, kick: float, lever: float) -> Array:
    """Coordinates (n, 6) from the electrostatic to the magnetic septum.

    The ``kick`` [rad] is spread over the wires, as if in their middle, ``lever`` [m] before the end of the element
    (``behind_middle``); ``tracking`` as in ``transport``.
    """
    through, behind = tracking
    state = through(start).copy()
    state[:, 1] += kick
    state[:, 0] += kick * lever
    return np.asarray(behind(state))


def at_magnetic_septum(ring: Lattice, particle: ReferenceParticle, septum: Septum, states: Array, fringe: str) -> Array:
    """Coordinates (n, 6) at the magnetic septum of what enters the electrostatic one with ``states`` (n, 6)."""
    first, behind, last = between_septa(ring, septum)
    through, onwards = (passage(ring, particle, fringe, *ends) for ends in ((first, behind), (behind, last)))
    kick, lever = septum.side * septum.kick, behind_middle(ring, septum)
    return through_septa((through.track, onwards.track), states, kick, lever)
