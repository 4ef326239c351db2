"""Scans around the design point of an extraction: tune, sextupoles, chromaticity, and each magnet family.

Each case is a lattice with one family changed; a case without an answer is a row with its reason.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from itertools import pairwise
from math import pi
from typing import Any

import numpy as np
import pandas as pd

from extraction.resonance.hardt import arm_divergence, hardt_residual
from extraction.resonance.sextupoles import resonant_tunes
from extraction.resonance.third_integer import third_integer_resonance, virtual_sextupole
from extraction.septum import Septum
from lattice import Lattice, NoSolution, UnstableOptics
from optics import Optics, twiss
from optics.magnets import magnet_families

#: What can be varied around a design.
VARIATIONS = ("tune", "sextupole", "chromaticity", "families")

_NONE = ("", "")
_TUNES = (0.5, 1.5, 2.0, 3.0)  # of the tune distance of the design
_SEXTUPOLES = (0.6, 0.8, 1.25, 1.5)  # of the strength of the design
_CHROMATICITIES = 4
_MOMENTUM = 2e-5  # step of the leading-order arm's derivative
_RELATIVE = 1e-4  # the change of a family that sensitivities are given for, and the step of differences


@dataclass(frozen=True, eq=False)
class Scans:
    """Tables of the scans; ``tune_family``, ``sextupole_family``, ``chromatic_family`` are what was changed."""

    tune: pd.DataFrame
    sextupole: pd.DataFrame
    hardt: pd.DataFrame
    sensitivity: pd.DataFrame
    tune_family: str = ""
    sextupole_family: str = ""
    chromatic_family: str = ""

    @property
    def hardt_chromaticity(self) -> dict[str, float]:
        """Q'x at which the Hardt condition holds, ``exact`` and ``leading``; nan where it is met nowhere."""
        return {name: zero_crossing(self.hardt["dqx"], self.hardt[name]) for name in ("exact", "leading")}


#: Of a study whose numbers alone are wanted.
NOT_VARIED = Scans(pd.DataFrame(), pd.DataFrame(), pd.DataFrame(), pd.DataFrame())


@dataclass(frozen=True, eq=False)
class _Setting:
    """A lattice whose extraction is looked at."""

    ring: Lattice
    septum: Septum
    fringe: str
    delta: float

    def changed(self, name: str, value: float) -> _Setting:
        return _Setting(self.ring.with_parameters({name: value}), self.septum, self.fringe, self.delta)

    def optics(self, chromatic: bool = False) -> Optics:
        return twiss(self.ring, fringe=self.fringe, delta=self.delta, chromatic=chromatic)

    def chromaticity(self) -> float:
        """Of the mode of the resonance."""
        return float(resonant_tunes(self.optics(True)).chromaticity[0])


def scan(
    ring: Lattice, septum: Septum, fringe: str, delta: float, middle: float, asked: Collection[str] = VARIATIONS
) -> Scans:
    """What is ``asked`` of VARIATIONS, at the design momentum ``delta``; "chromaticity" at the momentum ``middle``.

    The families that are varied are found whatever is asked.
    """
    setting = _Setting(ring, septum, fringe, delta)
    families = varied_families(ring)
    tune, slope = _tune_family(setting, [name for name, kind in families.items() if kind == "quadrupole"])
    sextupoles = [name for name, kind in families.items() if kind == "sextupole"]
    chromatic, extraction = _sextupole_roles(setting, sextupoles) if {"sextupole", "chromaticity"} & {*asked} else _NONE
    design = _row(setting) if {"tune", "sextupole", "families"} & {*asked} else {}
    hardt = _Setting(ring, septum, fringe, middle)
    kinds = families if "families" in asked else {}
    nothing = pd.DataFrame()
    return Scans(
        tune=_tune_scan(setting, design, tune, slope) if tune and "tune" in asked else nothing,
        sextupole=_sextupole_scan(setting, design, extraction) if extraction and "sextupole" in asked else nothing,
        hardt=_hardt_scan(hardt, chromatic) if chromatic and "chromaticity" in asked else nothing,
        sensitivity=pd.DataFrame([_sensitivity(setting, design, name, kind) for name, kind in kinds.items()]),
        tune_family=tune,
        sextupole_family=extraction,
        chromatic_family=chromatic,
    )


def _tune_family(setting: _Setting, names: Iterable[str]) -> tuple[str, float]:
    """The family of quadrupoles that moves the resonant tune most, and by how much a unit; no name without any."""
    slopes = {name: _slope(setting, name, lambda s: float(resonant_tunes(s.optics()).tune[0])) for name in names}
    return max(slopes.items(), key=lambda one: abs(one[1]), default=("", 0.0))


def varied_families(ring: Lattice) -> dict[str, str]:
    """The ``magnet_families`` that are not 0, of which a relative change can be taken."""
    return {name: kind for name, kind in magnet_families(ring).items() if float(ring.parameters[name]) != 0.0}


def _slope(setting: _Setting, name: str, value: Callable[[_Setting], float]) -> float:
    """Change of a value per unit of the parameter, by central differences."""
    here = float(setting.ring.parameters[name])
    step = _RELATIVE * abs(here)
    ends = [float(value(setting.changed(name, here + sign * step))) for sign in (1, -1)]
    return (ends[0] - ends[1]) / (2 * step)


def _sextupole_roles(setting: _Setting, names: Iterable[str]) -> tuple[str, str]:
    """The family that moves chromaticity most for its share in the virtual sextupole, and the one with that share."""
    names = list(names)
    if not names:
        return "", ""
    resonance = third_integer_resonance(setting.ring, at=setting.septum.at, delta=setting.delta, fringe=setting.fringe)
    shares = {
        name: abs(_slope(setting, name, lambda s: _strength(s)) * float(setting.ring.parameters[name]))
        for name in names
    }
    extraction = max(shares, key=lambda name: shares[name])
    chromatic = {
        name: abs(_slope(setting, name, lambda s: s.chromaticity()) * float(setting.ring.parameters[name]))
        / (shares[name] + 0.05 * resonance.virtual_sextupole)
        for name in names
    }
    best = max(chromatic, key=lambda name: chromatic[name])
    return (best if chromatic[best] * resonance.virtual_sextupole > 0.2 else ""), extraction


def _strength(setting: _Setting) -> float:
    return virtual_sextupole(setting.optics(), setting.ring.index(setting.septum.at))[0]


def _row(setting: _Setting, **more: Any) -> dict[str, Any]:
    """Tune distance, |S|, areas, arm and step of one setting; a reason where there is none."""
    names = ("tune_distance", "virtual_sextupole", "area", "leading_area", "px", "step", "leading_step")
    row: dict[str, Any] = {**more, **dict.fromkeys(names, np.nan), "reason": ""}
    try:
        found = third_integer_resonance(setting.ring, at=setting.septum.at, delta=setting.delta, fringe=setting.fringe)
        leading = found.kobayashi
        row |= {"tune_distance": found.tune_distance, "virtual_sextupole": found.virtual_sextupole}
        row |= {"area": found.stable_area, "leading_area": leading.stable_area}
        row["leading_step"] = leading.spiral_step(setting.septum.position)
        arm = found.arm(setting.septum.position)
        row |= {"px": arm.px, "step": arm.spiral_step}
    except (NoSolution, UnstableOptics) as error:
        row["reason"] = str(error)
    return row


def _tune_scan(setting: _Setting, design: dict[str, Any], name: str, slope: float) -> pd.DataFrame:
    here = float(setting.ring.parameters[name])
    values = [here + (factor - 1.0) * design["tune_distance"] / slope for factor in _TUNES]
    rows = [_row(setting.changed(name, value), value=value) for value in values]
    return pd.DataFrame([{"value": here, **design}, *rows])


def _sextupole_scan(setting: _Setting, design: dict[str, Any], name: str) -> pd.DataFrame:
    here = float(setting.ring.parameters[name])
    rows = [_row(setting.changed(name, factor * here), value=factor * here) for factor in _SEXTUPOLES]
    return pd.DataFrame([{"value": here, **design}, *rows])


def _hardt_scan(setting: _Setting, name: str) -> pd.DataFrame:
    """Residuals over chromaticities around the present one and the one that the Hardt condition asks for."""
    present = _hardt_row(setting, float(setting.ring.parameters[name]))
    slope = _slope(setting, name, lambda s: s.chromaticity())
    asked = present["dqx"] + present["leading"] * present["virtual_sextupole"] / (4 * pi * setting.septum.side)
    low, high = sorted((present["dqx"], asked))
    room = max(0.75 * (high - low), 0.3)
    goals = np.linspace(low - room, high + room, _CHROMATICITIES)
    values = [present["value"] + (goal - present["dqx"]) / slope for goal in goals]
    rows = [present, *(_hardt_row(setting.changed(name, value), value) for value in values)]
    return pd.DataFrame(rows).sort_values("dqx").reset_index(drop=True)


def _hardt_row(setting: _Setting, value: float) -> dict[str, Any]:
    names = ("dqx", "virtual_sextupole", "leading", "leading_divergence", "exact")
    row: dict[str, Any] = {"value": value, **dict.fromkeys(names, np.nan), "reason": ""}
    place = setting.ring.index(setting.septum.at)
    try:
        optics = setting.optics(True)
        row["dqx"] = float(resonant_tunes(optics).chromaticity[0])
        row["virtual_sextupole"] = _strength(setting)
        row["leading"] = float(hardt_residual(optics, place, setting.septum.side)[0].real)
        row["leading_divergence"] = _leading_divergence(setting)
        row["exact"] = arm_divergence(
            setting.ring,
            None,
            at=setting.septum.at,
            x_septum=setting.septum.position,
            delta=setting.delta,
            fringe=setting.fringe,
        )
    except (NoSolution, UnstableOptics) as error:
        row["reason"] = str(error)
    return row


def _leading_divergence(setting: _Setting) -> float:
    """Change of the leading-order arm's angle with momentum [rad]; nan where it has no arm at the wires."""
    angles = []
    for shift in (-_MOMENTUM, _MOMENTUM):
        found = third_integer_resonance(
            setting.ring, at=setting.septum.at, delta=setting.delta + shift, fringe=setting.fringe
        )
        arm = found.kobayashi.arm(setting.septum.position)
        angles.append(arm.px if arm else np.nan)
    return float((angles[1] - angles[0]) / (2 * _MOMENTUM))


def _sensitivity(setting: _Setting, design: dict[str, Any], name: str, kind: str) -> dict[str, Any]:
    """Changes when a family grows by 1e-4 of its strength."""
    here = float(setting.ring.parameters[name])
    after = _row(setting.changed(name, here * (1 + _RELATIVE)))
    changes = {key: after[key] - design[key] for key in ("tune_distance", "px", "step", "area")}
    return {"family": name, "kind": kind, "strength": here, **changes, "reason": after["reason"]}


def zero_crossing(x: Iterable[float], y: Iterable[float]) -> float:
    """Where y(x), between tabulated points a line, is 0; nan where it is not."""
    pairs = sorted((a, b) for a, b in zip(x, y, strict=True) if np.isfinite(a) and np.isfinite(b))
    for (a, b), (c, d) in pairwise(pairs):
        if b * d <= 0 and b != d:
            return float(a - b * (c - a) / (d - b))
    return float("nan")
