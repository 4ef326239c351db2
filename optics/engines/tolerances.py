"""How far two codes may be apart, why, and how that grows with a lattice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from lattice import Bend
from lattice.arrays import Array
from optics.linear.optics import Optics


@dataclass(frozen=True)
class Tolerance:
    """Largest difference still explained, and the ``reason`` for it.

    ``limit`` is in the quantity's unit, growing with the quantity where that is above 1; ``relative`` to it throughout.
    """

    limit: float
    reason: str
    relative: bool = False


_CHROMATIC = ("dqx", "dqy")
_STEP = "Xsuite differentiates its tracking numerically (steps of 1e-6 m and 1e-6 in dp/p)"
_STEPS = "Xsuite takes the difference of two tunes that lie 1e-4 in dp/p apart, each good to 3e-10"

#: Measured on PIMMS and CNAO, full and linear edges, with and without a gap, on and off momentum: tunes within 3e-10,
#: betas 2e-9, alphas 5e-9, dispersion 2e-8 m and its slope 4e-9, chromaticity 5e-6, momentum compaction 1e-10.
XSUITE_TOLERANCES: Mapping[str, Tolerance] = {
    "qx": Tolerance(1e-9, _STEP),
    "qy": Tolerance(1e-9, _STEP),
    "dqx": Tolerance(1e-5, _STEPS),
    "dqy": Tolerance(1e-5, _STEPS),
    "momentum_compaction": Tolerance(1e-9, _STEP),
    "s": Tolerance(1e-9, "sums of lengths in another order"),
    "betx": Tolerance(1e-8, _STEP, relative=True),
    "bety": Tolerance(1e-8, _STEP, relative=True),
    "betx2": Tolerance(1e-8, _STEP, relative=True),
    "bety1": Tolerance(1e-8, _STEP, relative=True),
    "alfx": Tolerance(3e-8, _STEP),
    "alfy": Tolerance(3e-8, _STEP),
    "mux": Tolerance(1e-9, _STEP),
    "muy": Tolerance(1e-9, _STEP),
    "dx": Tolerance(3e-8, _STEP),
    "dpx": Tolerance(1e-8, _STEP),
    "dy": Tolerance(3e-8, _STEP),
    "dpy": Tolerance(1e-8, _STEP),
    "x": Tolerance(1e-9, "Xsuite's search for the closed orbit stops at 1e-11"),
    "px": Tolerance(1e-9, "Xsuite's search for the closed orbit stops at 1e-11"),
    "y": Tolerance(1e-9, "Xsuite's search for the closed orbit stops at 1e-11"),
    "py": Tolerance(1e-9, "Xsuite's search for the closed orbit stops at 1e-11"),
}
_ROUNDING = (
    "MAD-X computes matrices and second-order maps in closed form: rounding is left, and our slices where bends focus"
)
_COUPLED = "where planes are coupled, our slices of quadrupoles with a skew part"
_OFF_AXIS = "MAD-X expands its maps to second order about the reference orbit, not about the closed orbit"

#: Measured on the same rings: 2e-15 in tunes, 1e-13 in the functions and the chromaticity; with combined-function
#: bends 3e-11.
MADX_TOLERANCES: Mapping[str, Tolerance] = {
    **{
        name: Tolerance(1e-10, _ROUNDING)
        for name in ("qx", "qy", "mux", "muy", "alfx", "alfy", "dx", "dpx", "dy", "dpy", "x", "px", "y", "py")
    },
    **{name: Tolerance(1e-10, _ROUNDING, relative=True) for name in ("betx", "bety", "betx2", "bety1")},
    **{name: Tolerance(1e-9, _ROUNDING) for name in ("dqx", "dqy", "momentum_compaction")},
    "s": XSUITE_TOLERANCES["s"],
}
#: Lines of strong solenoids and skew quadrupoles, also through rotations by 90 degrees: 1e-8 in the betas.
_MADX_COUPLED = 1e-7
#: Rings of 1 to 4 m bending radius with kicks, per square of the largest orbit [m]: 3 in tunes, 17 in betas, 3 in
#: dispersion; 12 per cube in the orbit itself.
_MADX_OFF_AXIS = 100.0
#: What takes the third order of the maps grows with the orbit itself: 0.3 in chromaticity, 0.04 in compaction.
_MADX_THIRD_ORDER = {"dqx": 1.0, "dqy": 1.0, "momentum_compaction": 0.2}


_CURVED = "Xsuite has of a gradient in a curved body or behind a turned face the second order, of a sextupole the first"


def xsuite_tolerances(ours: Optics) -> dict[str, Tolerance]:
    """Those of Xsuite, wider on an orbit through combined-function bends, whose third order it leaves out."""
    orbit, strength = largest_orbit(ours), _curved_strength(ours)
    beta, dispersion = (max(float(np.max(np.abs(ours[name + plane]))) for plane in "xy") for name in ("bet", "d"))
    shift = beta * strength * orbit  # tunes move by up to beta (3/2 strength orbit^2) / 4 pi
    scale = dict.fromkeys(XSUITE_TOLERANCES, orbit) | dict.fromkeys((*_CHROMATIC, "momentum_compaction"), dispersion)
    return {
        name: _widened(name, tolerance, shift * scale[name], _CURVED) for name, tolerance in XSUITE_TOLERANCES.items()
    }


def _curved_strength(ours: Optics) -> float:
    """Factors of fourth powers in the curved potential, |h k2| L and h^2 |k1| L, and behind turned faces [1/m^3].

    Those are k1 h tan(e), and k1 tan(e)^2 at slopes as of betas of a metre.
    """
    total = 0.0
    for element in ours.lattice.elements:
        if isinstance(element, Bend):
            bend = ours.lattice.resolved(element).strengths()
            angle = abs(bend["angle"])
            total += angle * (abs(bend["k2"]) + abs(bend["k1"]) * angle / bend["length"])
            for face in (bend["e1"], bend["e2"]):
                tangent = abs(np.tan(face))
                total += abs(bend["k1"]) * tangent * (angle / bend["length"] + tangent)
    return total


def madx_tolerances(ours: Optics, chromatic: bool) -> dict[str, Tolerance]:
    """Those of MAD-X, wider for coupled planes and off the reference orbit; chromaticity only where ``chromatic``."""
    left_out = () if chromatic else _CHROMATIC
    return {name: _of_madx(name, MADX_TOLERANCES[name], ours) for name in MADX_TOLERANCES if name not in left_out}


def _of_madx(name: str, tolerance: Tolerance, ours: Optics) -> Tolerance:
    orbit = largest_orbit(ours)
    if name != "s" and ours.coupled:
        limit, reason = max(tolerance.limit, _MADX_COUPLED), f"{tolerance.reason}; {_COUPLED}"
        tolerance = replace(tolerance, limit=limit, reason=reason)
    return _widened(name, tolerance, _MADX_OFF_AXIS * orbit**2 + _MADX_THIRD_ORDER.get(name, 0.0) * orbit, _OFF_AXIS)


def _widened(name: str, tolerance: Tolerance, extra: float, reason: str) -> Tolerance:
    if name == "s" or extra == 0.0:
        return tolerance
    return replace(tolerance, limit=tolerance.limit + extra, reason=f"{tolerance.reason}; {reason}")


def largest_orbit(ours: Optics) -> float:
    """Largest distance of the orbit from the reference orbit, in a plane [m]."""
    return max(float(np.max(np.abs(ours[plane]))) for plane in ("x", "y"))


_SLICES = "PTC's exact maps in power series: our slices of sextupoles, octupoles and gradients in bends are left"
_FACES = "PTC models finite gaps, gradients behind turned pole faces and thin bends otherwise, to third order"

#: Measured on CNAO and PIMMS, on momentum: 1e-13 in all of it; at -3e-3 in dp/p, an orbit of 26 mm: 2e-9 m in
#: dispersion, 3e-9 m in betas, 5e-8 in chromaticity; single elements 3 mm, 2 mrad and 5e-3 off axis the same.
PTC_TOLERANCES: Mapping[str, Tolerance] = {
    **{name: Tolerance(1e-9, _SLICES) for name in ("qx", "qy", "mux", "muy", "x", "px", "y", "py")},
    **{name: Tolerance(1e-8, _SLICES) for name in ("alfx", "alfy", "dx", "dpx", "dy", "dpy")},
    **{name: Tolerance(1e-8, _SLICES, relative=True) for name in ("betx", "bety", "betx2", "bety1")},
    **{name: Tolerance(2e-7, _SLICES) for name in _CHROMATIC},
    "momentum_compaction": Tolerance(1e-9, _SLICES),
    "s": XSUITE_TOLERANCES["s"],
}


def ptc_tolerances(ours: Optics, chromatic: bool, parted: bool) -> dict[str, Tolerance]:
    """Those of PTC; chromaticity only where ``chromatic``; wider off axis where its faces are ``parted`` from ours."""
    orbit = largest_orbit(ours) if parted else 0.0
    extra = {name: _MADX_OFF_AXIS * orbit**2 + _MADX_THIRD_ORDER.get(name, 0.0) * orbit for name in PTC_TOLERANCES}
    kept = (name for name in PTC_TOLERANCES if chromatic or name not in _CHROMATIC)
    return {name: _widened(name, PTC_TOLERANCES[name], extra[name], _FACES) for name in kept}


#: Largest beta [m] and (1 + alpha^2)/beta [1/m] of the rings on which tolerances were measured.
_BETA, _GAMMA = 20.0, 1.0


def growth(quantity: str, ours: Optics) -> Array:
    """How much more than in those rings a difference may be at every place, shape (rows,), 1 where betas are small.

    A kick too much of size e, where a beam is wide, changes betas by beta e relative to them, a shift by gamma e; both
    go on unchanged in units of the beam. So betas, alphas and phases are judged by the largest beta and gamma on the
    way, and what is a length or a slope by the root of it and of those where it is seen.
    """
    plane = "y" if "y" in quantity else "x"
    if quantity not in _SEEN:
        return np.ones(len(ours["s"]))
    beta = np.maximum(1.0, _of_both_modes(ours, plane, "bet") / _BETA)
    gamma = np.maximum(1.0, _gammas(ours, plane) / _GAMMA)
    worst = np.maximum(beta, gamma)
    before = np.full_like(worst, worst.max()) if ours.periodic else np.maximum.accumulate(worst)
    seen = {"beam": before, "length": np.sqrt(before * beta), "slope": np.sqrt(before * gamma)}
    return np.asarray(seen[_SEEN[quantity]])


_SEEN = {
    **dict.fromkeys(("betx", "bety", "betx2", "bety1", "alfx", "alfy", "mux", "muy"), "beam"),
    **dict.fromkeys(("x", "y", "dx", "dy"), "length"),
    **dict.fromkeys(("px", "py", "dpx", "dpy"), "slope"),
}


def _of_both_modes(ours: Optics, plane: str, kind: str) -> Array:
    other = {"x": "x2", "y": "y1"}[plane]
    return np.asarray(np.abs(ours[kind + plane]) + np.abs(ours[kind + other]))


def _gammas(ours: Optics, plane: str) -> Array:
    """(1 + alpha^2)/beta of the mode or modes that are seen in the plane."""
    total = np.zeros(len(ours["s"]))
    for mode in ({"x": "x2", "y": "y1"}[plane], plane):
        beta = ours[f"bet{mode}"]
        total += np.where(beta > 0.0, (1.0 + ours[f"alf{mode}"] ** 2) / np.where(beta > 0.0, beta, 1.0), 0.0)
    return total
