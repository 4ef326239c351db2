"""Tables of a delivery; a heading carries its unit in brackets."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from studies.delivery.facts import Facts
from studies.delivery.joints import joint_tables
from studies.results import TableData


def tables(facts: Facts) -> tuple[TableData, ...]:
    """All tables of the study."""
    return tuple(_tables(facts))


def _tables(facts: Facts) -> Iterator[TableData]:
    caption = (
        "For planning: energy spread, rms sizes, divergences and correlations in both planes, of all second moments, "
        "for every energy and spot. Particles at any place: lattice-optimize beam."
    )
    yield TableData("beam-energies", "Beams for planning", caption, facts.planning, digits=5)
    caption = "At the isocentre: rms sizes, divergences, correlations and dispersion of the settings."
    yield TableData("delivery-spots", "Spots over energy", caption, _spots(facts))
    caption = "Gradients of every energy and spot."
    yield TableData("delivery-settings", "Settings", caption, _settings(facts))
    caption = "Particles at some energies: what arrives, its rms sizes and middle, and the same sizes by Xsuite."
    yield TableData("delivery-particles", "Particles at the isocentre", caption, _particles(facts), digits=4)
    yield from joint_tables(facts.turning)
    lost = _lost(facts)
    if not lost.empty:
        yield TableData("line-losses", "Losses in the line", "Where tracked particles met an aperture.", lost, digits=4)
    missed = _missed(facts)
    if not missed.empty:
        caption = "Energies and spots that are not met, why, and the spot that is nearest."
        yield TableData("delivery-missed", "Spots not reached", caption, missed, digits=4)


def _spots(facts: Facts) -> pd.DataFrame:
    """A row for each energy and spot, and for each angle of a gantry."""
    found, spots = facts.found, facts.found.spots
    angles = spots.sizes.shape[1]
    every = np.repeat(np.arange(len(facts.cases)), angles)
    turned = {} if found.turned is None else {"angle [deg]": np.tile(np.degrees(found.turned.values), len(facts.cases))}
    sizes, divergences, slopes = (part.reshape(-1, 2) for part in (spots.sizes, spots.divergences, spots.slopes))
    dispersion = spots.dispersion.reshape(-1, 4)
    energies = np.array([case.particle.kinetic_energy_per_u / 1e6 for case in facts.cases])
    return pd.DataFrame(
        {
            "energy [MeV/u]": energies[every],
            **turned,
            "chosen x [mm]": 1e3 * found.wanted[every, 0],
            "chosen y [mm]": 1e3 * found.wanted[every, 1],
            "size x [mm]": 1e3 * sizes[:, 0],
            "size y [mm]": 1e3 * sizes[:, 1],
            "divergence x [mrad]": 1e3 * divergences[:, 0],
            "divergence y [mrad]": 1e3 * divergences[:, 1],
            "correlation x, x' [1]": slopes[:, 0],
            "correlation y, y' [1]": slopes[:, 1],
            "correlation x, y [1]": spots.correlation.reshape(-1),
            "rms dp/p [1e-3]": 1e3 * np.sqrt(facts.beams.sigma[every, 5, 5]),
            "Dx [m]": dispersion[:, 0],
            "Dy [m]": dispersion[:, 2],
            "fill [1]": found.fill[every],
            "reached": np.where(found.reached[every], "yes", "no"),
        }
    )


def _settings(facts: Facts) -> pd.DataFrame:
    rigidity = np.array([case.particle.magnetic_rigidity for case in facts.cases])
    gradients = facts.found.values * rigidity[:, None]
    return pd.DataFrame(
        {
            "energy [MeV/u]": [case.particle.kinetic_energy_per_u / 1e6 for case in facts.cases],
            "chosen x [mm]": 1e3 * facts.found.wanted[:, 0],
            "chosen y [mm]": 1e3 * facts.found.wanted[:, 1],
            **{f"{name} [T/m]": gradients[:, k] for k, name in enumerate(facts.found.knobs)},
        }
    )


def _particles(facts: Facts) -> pd.DataFrame:
    rows = facts.delivered
    return pd.DataFrame(
        {
            "case": [one.case.label for one in rows],
            "started": [one.started for one in rows],
            "arrived [1]": [one.transmission for one in rows],
            "size x [mm]": [1e3 * one.sizes[0] for one in rows],
            "size y [mm]": [1e3 * one.sizes[1] for one in rows],
            "middle x [mm]": [1e3 * one.middle[0] for one in rows],
            "middle y [mm]": [1e3 * one.middle[1] for one in rows],
            "x, Xsuite / ours - 1": facts.engines["size_x_xsuite"] / facts.engines["size_x"] - 1,
            "y, Xsuite / ours - 1": facts.engines["size_y_xsuite"] / facts.engines["size_y"] - 1,
        }
    )


def _lost(facts: Facts) -> pd.DataFrame:
    rows = [
        {
            "case": one.case.label,
            "element": str(name),
            "s [m]": float(part["s"].iloc[0]),
            "lost [1]": len(part) / one.started,
        }
        for one in facts.delivered
        for name, part in one.lost.groupby("element", sort=False)
    ]
    return pd.DataFrame(rows)


def _missed(facts: Facts) -> pd.DataFrame:
    rows = [
        {
            "case": case.label,
            "size x [mm]": 1e3 * facts.found.sizes[case.number, 0],
            "size y [mm]": 1e3 * facts.found.sizes[case.number, 1],
            "why": facts.found.reasons[case.number],
        }
        for case in facts.cases
        if not facts.found.reached[case.number]
    ]
    return pd.DataFrame(rows)
