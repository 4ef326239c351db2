"""Tables of the studies of a linac; a heading carries its unit in brackets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from studies.linac.facts import LinacFacts
from studies.results import TableData

if TYPE_CHECKING:
    from optics.linac import LinacTracked


def tables(facts: LinacFacts) -> tuple[TableData, ...]:
    """Tables of the optics study."""
    return (
        _units(facts),
        _tanks(facts),
        _magnets(facts),
        *_losses(facts),
        _stations(facts),
        _charged(facts),
        *_engines(facts),
    )


def _units(facts: LinacFacts) -> TableData:
    units = facts.units
    frame = pd.DataFrame(
        {
            "unit": units["unit"],
            "exit [MeV]": units["exit"] / 1e6,
            "copper [MW]": units["copper"] / 1e6,
            "beam [kW]": units["beam"] / 1e3,
            "needed [MW]": units["needed"] / 1e6,
            "klystron [MW]": units["klystron"] / 1e6,
            "share [1]": units["share"],
            "average [kW]": units["average"] / 1e3,
        }
    )
    caption = "Peak RF power of every unit, what its klystron gives, and the mean over time."
    return TableData("power-table", "RF units", caption, frame)


def _tanks(facts: LinacFacts) -> TableData:
    tanks = facts.tanks
    frame = pd.DataFrame(
        {
            "tank": tanks["tank"],
            "unit": tanks["unit"],
            "s [m]": tanks["s"],
            "length [mm]": tanks["length"] * 1e3,
            "cells": tanks["cells"],
            "beta [1]": tanks["beta"],
            "entrance [MeV]": tanks["entrance"] / 1e6,
            "gain [MeV]": tanks["gain"] / 1e6,
            "E0T [MV/m]": tanks["e0t"] / 1e6,
            "E0 [MV/m]": tanks["e0"] / 1e6,
            "synchronous phase [deg]": np.degrees(tanks["phase"]),
            "surface field [MV/m]": tanks["surface"] / 1e6,
            "over Kilpatrick [1]": tanks["kilpatrick"],
            "bucket height [keV]": tanks["bucket_height"] / 1e3,
            "bucket width [deg]": np.degrees(tanks["bucket_width"]),
        }
    )
    caption = "Every tank as sized and phased; bucket of slow acceleration at its mean energy."
    return TableData("linac-tanks", "Tanks", caption, frame)


def _magnets(facts: LinacFacts) -> TableData:
    linac = facts.machine.linac
    magnets = linac.quadrupoles
    frame = pd.DataFrame(
        {
            "quadrupole": [magnet.name for magnet in magnets],
            "s [m]": [linac.s[linac.place(magnet.name)] for magnet in magnets],
            "length [mm]": [magnet.length * 1e3 for magnet in magnets],
            "gradient [T/m]": [magnet.gradient for magnet in magnets],
            "field at the bore [T]": [abs(magnet.gradient) * magnet.bore for magnet in magnets],
        }
    )
    return TableData("linac-quadrupoles", "Quadrupoles", "Permanent magnets, above 0 focusing in x.", frame)


def _losses(facts: LinacFacts) -> Iterator[TableData]:
    lost = facts.tracked.lost
    if lost.empty:
        return
    grouped = lost.groupby(["piece", "cause"], sort=False)
    frame = grouped.agg(particles=("particle", "size"), s=("s", "mean")).reset_index()
    frame = frame.sort_values("particles", ascending=False).head(20).rename(columns={"s": "s [m]"})
    caption = f"Where most of the {len(lost)} lost of {len(facts.start)} particles end, and why."
    yield TableData("linac-losses-table", "Losses by place", caption, frame.reset_index(drop=True))


def _stations(facts: LinacFacts) -> TableData:
    stations = facts.tracked.stations
    assert stations is not None
    units = dict.fromkeys(("s", "x", "y", "size_x", "size_y", "sigma_zeta", "emittance_x", "emittance_y"), "m")
    units |= {"transmission": "1", "reference_energy": "eV", "energy": "eV", "sigma_energy": "eV"}
    frame = stations.rename(columns=lambda name: f"{name} [{units[name]}]" if name in units else name)
    return TableData("bunch-stations", "Beam at every piece", "Moments of the tracked beam at entrances.", frame)


def _charged(facts: LinacFacts) -> TableData:
    """The same particles without and with the bunch's own field."""
    without, charged = (_moments(end) for end in facts.charged)
    frame = pd.DataFrame(
        {"quantity": list(without), "without": without.values(), "with space charge": charged.values()}
    )
    frame["difference"] = frame["with space charge"] - frame["without"]
    caption = (
        f"{len(facts.charged[0].alive)} particles tracked without and with kicks of a uniform ellipsoid of "
        f"{facts.machine.bunch_charge * 1e12:.3g} pC with the bunch's rms sizes. All other numbers are without."
    )
    return TableData("bunch-space-charge", "Space charge", caption, frame)


def _moments(end: LinacTracked) -> dict[str, float]:
    return {
        "final energy [MeV]": end.particle.kinetic_energy / 1e6,
        "transmission [1]": end.transmission,
        "rms energy spread [keV]": float(end.energies.std()) / 1e3,
        "normalised emittance x [um]": 1e6 * end.emittance("x"),
        "normalised emittance y [um]": 1e6 * end.emittance("y"),
        "rms x [mm]": 1e3 * float(end.survivors[:, 0].std()),
        "rms y [mm]": 1e3 * float(end.survivors[:, 2].std()),
    }


def _engines(facts: LinacFacts) -> Iterator[TableData]:
    ours, theirs = facts.pair.maps, facts.pair.fields
    if ours is None or theirs is None:
        return
    gaps, fields = _moments(ours), _moments(theirs)
    frame = pd.DataFrame({"quantity": list(gaps), "gaps": gaps.values(), "integration": fields.values()})
    frame["difference"] = frame["gaps"] - frame["integration"]
    caption = f"The same {len(ours.alive)} particles through the gaps and through the fields."
    yield TableData("engines-linac-bunch", "A bunch by both engines", caption, frame)
