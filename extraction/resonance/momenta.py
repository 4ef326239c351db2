"""The resonance and the extraction arm of one momentum, and those of all momenta side by side at the septum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from extraction.resonance.arms import Arm
from extraction.resonance.sextupoles import resonant_tunes
from extraction.resonance.third_integer import ThirdIntegerResonance, third_integer_resonance
from extraction.septum import Septum, Transport, crossing_angle, transport, wire_loss
from lattice import Lattice, NoSolution, ReferenceParticle, UnstableOptics
from optics import twiss

_ORBIT = ("tune", "tune_distance", "orbit_x", "stable_area", "kobayashi_area")
_ARM = ("arm_px", "arm_slope", "arm_curvature", "spiral_step", "kobayashi_step", "spiral_kick")
_NUMBERS = (*_ORBIT, *_ARM, "crossing_angle", "wire_loss")


@dataclass(frozen=True, eq=False)
class Case:
    """One extracted momentum: its resonance and arm, or the reason why there is none."""

    delta: float
    resonance: ThirdIntegerResonance | None
    arm: Arm | None
    transport: Transport | None = None
    reason: str = ""

    @property
    def angle(self) -> float:
        """Angle [rad] of the arm at the wires, nan without one."""
        return self.arm.px / (1.0 + self.delta) if self.arm else float("nan")

    @property
    def turned(self) -> float:
        """Change of that angle [rad] over the next three turns, nan without an arm."""
        return self.arm.spiral_kick / (1.0 + self.delta) if self.arm else float("nan")

    def transported(self, septum: Septum, ring: Lattice) -> Case:
        """The same with its passage to the magnetic septum, where there are an arm and such a septum."""
        if self.resonance is None or self.arm is None or septum.magnetic_at is None:
            return self
        return replace(self, transport=transport(self.resonance, septum, ring, self.arm))


def case_at(
    ring: Lattice, septum: Septum, delta: float, fringe: str = "full", particle: ReferenceParticle | None = None
) -> Case:
    """Resonance and arm of one momentum deviation; without a triangle, or an arm at the wires, the reason."""
    try:
        resonance = third_integer_resonance(ring, particle, at=septum.at, delta=delta, fringe=fringe)
    except (NoSolution, UnstableOptics) as error:
        return Case(delta, None, None, reason=str(error))
    try:
        return Case(delta, resonance, resonance.arm(septum.position))
    except NoSolution as error:
        return Case(delta, resonance, None, reason=str(error))


def design_case(ring: Lattice, septum: Septum, delta: float, fringe: str = "full") -> Case:
    """The design point, which must have an arm at the wires and lie inside the aperture: NoSolution otherwise."""
    resonance = third_integer_resonance(ring, at=septum.at, delta=delta, fringe=fringe)
    _check_inside(ring, resonance)
    return Case(delta, resonance, resonance.arm(septum.position))


def _check_inside(ring: Lattice, resonance: ThirdIntegerResonance) -> None:
    """NoSolution when a fixed point at the septum lies beyond the aperture there."""
    aperture = ring[resonance.place].aperture
    if aperture is None:
        return
    half = aperture.half_x if aperture.ellipse_x is None else min(aperture.half_x, aperture.ellipse_x)
    x = resonance.fixed_points[:, 0]
    worst = float(x[np.argmax(np.abs(x - aperture.offset_x))])
    if abs(worst - aperture.offset_x) > half:
        raise NoSolution(
            f"a fixed point lies beyond the aperture: x = {worst:.6g} m at '{resonance.place}', whose half opening is "
            f"{half:.6g} m (tune distance {resonance.tune_distance:.6g}, virtual sextupole "
            f"{resonance.virtual_sextupole:.4g} m^-1/2): bring the tune nearer or the sextupoles up"
        )


def arms_over_momentum(
    ring: Lattice,
    particle: ReferenceParticle | None,
    septum: Septum,
    deltas: Sequence[float],
    fringe: str = "full",
) -> pd.DataFrame:
    """What extraction looks like at each momentum deviation of ``deltas``, one row each.

    Where a momentum has no triangle or no arm at the wires, its numbers are nan and ``reason`` says why.

    Equation:
        That of ``third_integer_resonance`` and of its arm at the wires, at each momentum.

    Returns:
        A table (len(deltas) rows): delta, tune_distance, areas [m], arm_px [1], slope [1/m], curvature [1/m^2],
        spiral_step [m], spiral_kick [1], loss on the wires [1], reason.

    Raises:
        InputError: wires that make no sense.

    Source:
        PIMMS, CERN/PS 99-010 (DI), chapter 3.

    Example:
        >>> from machines.cnao_like import cnao
        >>> from extraction.septum import Septum
        >>> ring = cnao("matched-proton-60MeV-qx1.664")
        >>> table = arms_over_momentum(ring, None, Septum.of(ring, "se_010a_esp"), [0.0, 2e-4])
        >>> bool((table["spiral_step"] > 0.002).all())  # m
        True
    """
    return pd.DataFrame([_row(ring, particle, septum, float(delta), fringe) for delta in deltas])


def _row(
    ring: Lattice, particle: ReferenceParticle | None, septum: Septum, delta: float, fringe: str
) -> dict[str, Any]:
    case = case_at(ring, septum, delta, fringe, particle)
    row: dict[str, Any] = {"delta": delta, **dict.fromkeys(_NUMBERS, np.nan), "reason": case.reason}
    if case.resonance is not None:
        row |= _resonance(case.resonance)
        row |= _arm(case.arm, case.resonance, septum) if case.arm else {}
    return row


def _resonance(resonance: ThirdIntegerResonance) -> dict[str, float]:
    return {
        "tune": resonance.tune,
        "tune_distance": resonance.tune_distance,
        "orbit_x": float(resonance.orbit[0]),
        "stable_area": resonance.stable_area,
        "kobayashi_area": resonance.kobayashi.stable_area,
    }


def _arm(arm: Arm, resonance: ThirdIntegerResonance, septum: Septum) -> dict[str, float]:
    return {
        "arm_px": arm.px,
        "arm_slope": arm.slope,
        "arm_curvature": arm.curvature,
        "spiral_step": arm.spiral_step,
        "kobayashi_step": resonance.kobayashi.spiral_step(septum.position),
        "spiral_kick": arm.spiral_kick,
        "crossing_angle": crossing_angle(septum, arm, resonance.delta),
        "wire_loss": wire_loss(septum, arm, resonance.delta),
    }


def resonant_momentum(
    ring: Lattice, particle: ReferenceParticle | None = None, fringe: str = "full", reach: float = 0.02
) -> float:
    """Momentum deviation whose tune lies on the third-integer nearest to the ring's own tune.

    Searched within +-``reach``.

    Equation:
        Q(delta_r) = n / 3, with Q(delta) of the closed orbit at delta, to all orders; -dQ / Q' to first.

    Returns:
        delta_r = dp/p [1].

    Raises:
        NoSolution: the chromaticity does not carry the tune there.

    Source:
        PIMMS, CERN/PS 99-010 (DI), section 3.6.

    Example:
        >>> from machines.cnao_like import cnao
        >>> from optics import twiss
        >>> ring = cnao("matched-proton-60MeV-qx1.664")
        >>> optics, delta = twiss(ring), resonant_momentum(ring)
        >>> bool(abs(delta * optics.dqx / (5 / 3 - optics.qx) - 1) < 0.05)  # but for the second order
        True
    """
    optics = twiss(ring, particle, fringe=fringe)
    near = resonant_tunes(optics)
    target, distance, chromaticity = (float(v[0]) for v in (near.nearest, near.distance, near.chromaticity))

    def miss(delta: float) -> float:
        try:
            there = twiss(ring, particle, fringe=fringe, delta=delta, chromatic=False)
            return float(there.scalar(near.name.lower())) - target
        except UnstableOptics:
            return float("nan")

    guess = -distance / chromaticity if chromaticity else float("inf")
    for scale in (0.5, 1.5, 3.0):
        ends = sorted((0.0 if abs(guess) > 1e-12 else -1e-6, scale * guess if abs(guess) > 1e-12 else 1e-6))
        if max(map(abs, ends)) <= reach and miss(ends[0]) * miss(ends[1]) <= 0:
            try:
                return float(brentq(miss, *ends, xtol=1e-12))
            except ValueError:  # no number on the way
                raise NoSolution(_unstable(ring.name, near.name, target, ends)) from None
    raise NoSolution(
        f"no momentum within +-{reach:g} of ring '{ring.name}' is resonant: {near.name} = {target + distance:.9g} is "
        f"{distance:.3g} from {target:.6g} and the chromaticity is {chromaticity:.4g}: "
        "bring the tune nearer, or make the chromaticity larger with sextupoles"
    )


def _unstable(ring: str, tune: str, target: float, ends: list[float]) -> str:
    between = f"between dp/p = {ends[0]:.4g} and {ends[1]:.4g}, where {tune} would pass {target:.6g}"
    return f"no resonant momentum of ring '{ring}': {between}, its optics is unstable"
