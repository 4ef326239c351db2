"""Tables of a delivery; a heading carries its unit in brackets."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from lattice.arrays import Array
from studies.delivery.facts import Facts
from studies.delivery.joints import joint_tables
from studies.delivery.trajectories import PERCENT, Trajectories
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
    if facts.trajectories is not None:
        yield from _of_trajectories(facts.trajectories)
    missed = _missed(facts)
    if not missed.empty:
        caption = "Energies and spots that are not met, why, and the spot that is nearest."
        yield TableData("delivery-missed", "Spots not reached", caption, missed, digits=4)


def _of_trajectories(found: Trajectories) -> Iterator[TableData]:
    told = f"of lines with errors, {found.label}"
    caption = f"Spots {told}: {PERCENT:g} % of them lie within these, before steering, behind it, and with the ripple."
    yield TableData("steered-lines", "Spots of lines with errors", caption, _arrivals(found), digits=4)
    caption = f"What 1e-4 of each supply does to the spot, {found.label}: every bend counted as a supply of its own."
    yield TableData("line-supplies", "Stability against each supply", caption, _supplies(found), digits=4)
    if not found.losses.empty:
        lost = found.losses.set_axis(["element", "s [m]", "lost [1]"], axis=1)
        caption = f"Where particles meet an opening, {told}, over {len(found.transmissions)} of them, steered."
        yield TableData("steered-losses", "Losses in steered lines", caption, lost, digits=4)


def _arrivals(found: Trajectories) -> pd.DataFrame:
    states = {"before steering": found.before, "steered": found.after, "with ripple": found.rippled}
    return pd.DataFrame(
        {
            "state": list(states),
            "position [mm]": [1e3 * _top(found.away(one)) for one in states.values()],
            "angle [mrad]": [1e3 * _top(found.turned(one)) for one in states.values()],
            "change of size [1]": [_top(found.grown(one)) for one in states.values()],
        }
    )


def _top(values: Array) -> float:
    return float(np.percentile(values, PERCENT))


def _supplies(found: Trajectories) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "supply": [one.supply for one in found.supplies],
            "x [mm per 1e-4]": [1e3 * one.x for one in found.supplies],
            "y [mm per 1e-4]": [1e3 * one.y for one in found.supplies],
            "size x [% per 1e-4]": [100 * one.size_x for one in found.supplies],
            "size y [% per 1e-4]": [100 * one.size_y for one in found.supplies],
        }
    )


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
            "s [m]": float(s),
            "lost [1]": len(part) / one.started,
        }
        for one in facts.delivered
        for (name, s), part in one.lost.groupby(["element", "s"], sort=False)
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
