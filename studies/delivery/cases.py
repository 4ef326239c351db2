"""The cases of a delivery, an energy and a spot each, and the settings of a line for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from lattice import ReferenceParticle
from lattice.arrays import Array
from optics import Moments
from optics.line.settings import Settings, settings
from studies.delivery.resolution import ResolvedDelivery, SetLine


@dataclass(frozen=True)
class Case:
    """One energy and one spot: its number among all, wanted sizes [m], and the ``angle`` [rad] of the gantry that it is
    looked at (None: of a line without one)."""

    number: int
    particle: ReferenceParticle
    size_x: float
    size_y: float
    angle: float | None = None

    @property
    def label(self) -> str:
        """Energy, sizes and angle, as figures call it."""
        energy = self.particle.kinetic_energy_per_u / 1e6
        turned = "" if self.angle is None else f", {np.degrees(self.angle):.4g} deg"
        return f"{energy:.4g} MeV/u, {1e3 * self.size_x:g} x {1e3 * self.size_y:g} mm{turned}"


def cases_of(resolved: ResolvedDelivery) -> tuple[Case, ...]:
    """Energy after energy, at each all spots."""
    pairs = [(particle, spot) for particle in resolved.particles for spot in resolved.study.spots]
    return tuple(
        Case(number, particle, 1e-3 * spot.x_mm, 1e-3 * spot.y_mm) for number, (particle, spot) in enumerate(pairs)
    )


def settings_of(
    resolved: ResolvedDelivery,
    asked: SetLine,
    cases: tuple[Case, ...],
    beams: Moments,
    known: Array | None = None,
    search: Literal["everywhere", "near", "nowhere"] = "everywhere",
) -> Settings:
    """Settings of a line for all cases, each for all angles of the study's gantry.

    ``known`` (n, p): where they are looked for; see ``optics.line.settings`` for ``search``.
    """
    study = resolved.study
    largest = np.array([asked.gradient / case.particle.magnetic_rigidity for case in cases])
    return settings(
        asked.line,
        beams,
        vary=asked.vary,
        size_x=np.array([case.size_x for case in cases]),
        size_y=np.array([case.size_y for case in cases]),
        at=asked.isocentre,
        limits=dict.fromkeys(asked.vary, (-largest, largest)),
        sigmas=study.sigmas,
        turned=resolved.turned,
        fringe=study.model.fringe,
        seed=study.seed,
        start=known,
        search=search,
    )
