"""What a planning system gets: for every energy, spot and angle the beam's moments at named planes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from lattice import ReferenceParticle
from lattice.arrays import Array
from optics import Moments
from optics.line.response import responses
from optics.line.settings import Settings
from studies.delivery.resolution import ResolvedDelivery


def planning(resolved: ResolvedDelivery, beams: Moments, found: Settings) -> pd.DataFrame:
    """A row for every plane, angle and setting, of the second moments: SI, headings with their units."""
    study = resolved.study
    particles = [particle for particle in resolved.particles for _ in study.spots]
    return pd.concat(
        [
            _rows(particles, found, plane, angle, sigma)
            for plane in (resolved.isocentre, *study.planes)
            for angle, sigma in _moments(resolved, beams, found, plane)
        ],
        ignore_index=True,
    )


def _moments(
    resolved: ResolvedDelivery, beams: Moments, found: Settings, plane: str
) -> Iterator[tuple[float | None, Array]]:
    """Moments (n, 6, 6) at a plane for each angle [rad]; None of a line without a gantry."""
    knobs = dict(zip(found.knobs, found.values.T, strict=True))
    for angle in resolved.angles if resolved.turned is not None else (None,):
        line = resolved.line
        if resolved.turned is not None and angle is not None:
            line = line.with_parameters({resolved.turned[0]: angle})
        end = responses(line, beams.particle, knobs, beams.sigma, plane, fringe=resolved.study.model.fringe).end
        yield angle, end


def _rows(
    particles: list[ReferenceParticle], found: Settings, plane: str, angle: float | None, sigma: Array
) -> pd.DataFrame:
    size = np.sqrt(np.diagonal(sigma, axis1=1, axis2=2))
    known = np.where(size > 0, size, 1.0)
    together = sigma / (known[:, :, None] * known[:, None, :])
    spread = np.array([(one.gamma + 1.0) / one.gamma for one in particles]) * size[:, 5]  # dE/E = (1 + 1/gamma) dp/p
    turned = {} if angle is None else {"angle [deg]": np.degrees(angle)}
    columns: dict[str, object] = {
        "species": particles[0].species,
        "energy [MeV/u]": [one.kinetic_energy_per_u / 1e6 for one in particles],
        "chosen x [mm]": 1e3 * found.wanted[:, 0],
        "chosen y [mm]": 1e3 * found.wanted[:, 1],
        "place": plane,
        **turned,
        "energy spread [%]": 100 * spread,
    }
    for name, first in (("x", 0), ("y", 2)):
        columns |= {
            f"sigma {name} [mm]": 1e3 * size[:, first],
            f"sigma {name}' [mrad]": 1e3 * size[:, first + 1],
            f"correlation {name} [1]": together[:, first, first + 1],
        }
    return pd.DataFrame(columns | {"correlation xy [1]": together[:, 0, 2]})
