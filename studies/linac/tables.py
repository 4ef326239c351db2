"""Tables of the studies of a linac; a heading carries its unit in brackets."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from optics.linac import LinacTracked
from studies.linac.facts import LinacFacts
from studies.linac.switching.facts import SwitchingFacts, last_units
from studies.linac.switching.figures import settings_table
from studies.results import TableData


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
    frame = pd.DataFrame({
        "unit": units["unit"], "exit [MeV]": units["exit"] / 1e6, "copper [MW]": units["copper"] / 1e6,
        "beam [kW]": units["beam"] / 1e3, "needed [MW]": units["needed"] / 1e6,
        "klystron [MW]": units["klystron"] / 1e6, "share [1]": units["share"], "average [kW]": units["average"] / 1e3,
    })  # fmt: skip
    caption = "Peak RF power of every unit, what its klystron gives, and the mean over time."
    return TableData("power-table", "RF units", caption, frame)


def _tanks(facts: LinacFacts) -> TableData:
    tanks = facts.tanks
    frame = pd.DataFrame({
        "tank": tanks["tank"], "unit": tanks["unit"], "s [m]": tanks["s"], "length [mm]": tanks["length"] * 1e3,
        "cells": tanks["cells"], "beta [1]": tanks["beta"], "entrance [MeV]": tanks["entrance"] / 1e6,
        "gain [MeV]": tanks["gain"] / 1e6, "E0T [MV/m]": tanks["e0t"] / 1e6, "E0 [MV/m]": tanks["e0"] / 1e6,
        "synchronous phase [deg]": np.degrees(tanks["phase"]), "surface field [MV/m]": tanks["surface"] / 1e6,
        "over Kilpatrick [1]": tanks["kilpatrick"], "bucket height [keV]": tanks["bucket_height"] / 1e3,
        "bucket width [deg]": np.degrees(tanks["bucket_width"]),
    })  # fmt: skip
    caption = "Every tank as sized and phased; bucket of slow acceleration at its mean energy."
    return TableData("linac-tanks", "Tanks", caption, frame)


def _magnets(facts: LinacFacts) -> TableData:
    linac = facts.machine.linac
    magnets = linac.quadrupoles
    frame = pd.DataFrame({
        "quadrupole": [magnet.name for magnet in magnets],
        "s [m]": [linac.s[linac.place(magnet.name)] for magnet in magnets],
        "length [mm]": [magnet.length * 1e3 for magnet in magnets],
        "gradient [T/m]": [magnet.gradient for magnet in magnets],
        "field at the bore [T]": [abs(magnet.gradient) * magnet.bore for magnet in magnets],
    })  # fmt: skip
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


def switching_tables(facts: SwitchingFacts) -> tuple[TableData, ...]:
    """Tables of the switching study."""
    return (_energies(facts), _beams(facts), _trips(facts))


def energies_frame(facts: SwitchingFacts) -> pd.DataFrame:
    """Settings and beam of every energy in one table."""
    beams, units, last = facts.beams, facts.machine.linac.units, last_units(facts.settings)
    rows = np.arange(len(last))
    frame = pd.DataFrame({
        "W [MeV]": beams["wanted"] / 1e6, "range [mm]": beams["range"] * 1e3,
        "units on": [int(np.count_nonzero(row)) for row in facts.settings.amplitudes],
        "last unit": [units[unit] for unit in last], "amplitude [1]": facts.settings.amplitudes[rows, last],
        "phase [deg]": np.degrees(facts.settings.phases[rows, last]), "mean W [MeV]": beams["energy"] / 1e6,
        "sigma W [keV]": beams["sigma_energy"] / 1e3, "transmission [1]": beams["transmission"],
        "emittance x [um]": beams["emittance_x"] * 1e6, "emittance y [um]": beams["emittance_y"] * 1e6,
        "sigma x [mm]": beams["size_x"] * 1e3, "sigma y [mm]": beams["size_y"] * 1e3,
        "sigma x' [mrad]": beams["divergence_x"] * 1e3, "sigma y' [mrad]": beams["divergence_y"] * 1e3,
        "betx [m]": beams["betx"], "alfx [1]": beams["alfx"], "bety [m]": beams["bety"], "alfy [1]": beams["alfy"],
    })  # fmt: skip
    assert list(frame["W [MeV]"]) == list(settings_table(facts)["W [MeV]"])
    return frame


def _energies(facts: SwitchingFacts) -> TableData:
    caption = (
        "Units on, amplitude and phase of the last one (from the designed phase), and the beam at the exit, tracked; "
        "Twiss parameters are those of the tracked beam. Also as energies.tfs beside this table."
    )
    return TableData("energies", "Table of energies", caption, energies_frame(facts))


def _beams(facts: SwitchingFacts) -> TableData:
    """The beam at the exit in the columns of a ring's beam table, for dose calculation."""
    beams, kind = facts.beams, facts.machine.linac.particle.kind
    frame = pd.DataFrame({
        "species": kind.name, "energy [MeV/u]": beams["energy"] / 1e6 / kind.nucleons,
        "energy spread [%]": 100 * beams["sigma_energy"] / beams["energy"],
        **{
            column: values
            for p in "xy"
            for column, values in (
                (f"sigma {p} [mm]", 1e3 * beams[f"size_{p}"]), (f"sigma {p}' [mrad]", 1e3 * beams[f"divergence_{p}"]),
                (f"correlation {p} [1]", -beams[f"alf{p}"] / np.sqrt(1 + beams[f"alf{p}"] ** 2)),
            )
        },
    })  # fmt: skip
    caption = "Rms sizes, divergences and correlations at the exit of the linac. For beam models of dose calculation."
    return TableData("beam-energies", "Beam at every energy", caption, frame)


def _trips(facts: SwitchingFacts) -> TableData:
    trips = facts.trips
    frame = pd.DataFrame({
        "unit": trips["unit"], "highest by the table [MeV]": trips["untouched"] / 1e6,
        "lost [MeV]": trips["lost"] / 1e6,
        "highest phased anew [MeV]": trips["recovered"] / 1e6, "transmission [1]": trips["transmission"],
        "spread [%]": 100 * trips["spread"], "phases of the units behind [deg]": trips["phases"],
    })  # fmt: skip
    caption = "What is left when a unit trips; recovery settings are phases from the designed ones at full amplitude."
    return TableData("trips-table", "Trips", caption, frame)


def energies_tfs(facts: SwitchingFacts) -> str:
    """The table of energies, with amplitude [1] and phase [deg] of every unit, as TFS."""
    frame = energies_frame(facts).merge(settings_table(facts), on="W [MeV]")
    names = [_tfs_name(str(column)) for column in frame]
    text = [frame[column].dtype.kind not in "fiu" for column in frame]
    machine = facts.machine
    lines = [
        '@ NAME %08s "ENERGIES"',
        f'@ TITLE %{len(machine.title):02d}s "{machine.title}"',
        "* " + " ".join(f"{name:>24}" for name in names),
        "$ " + " ".join(f"{'%s' if is_text else '%le':>24}" for is_text in text),
    ]
    for row in frame.itertuples(index=False):
        cells = (f'"{value}"' if is_text else repr(float(value)) for value, is_text in zip(row, text, strict=True))
        lines.append("  " + " ".join(f"{cell:>24}" for cell in cells))
    return "\n".join(lines) + "\n"


def _tfs_name(heading: str) -> str:
    """``sigma x' [mrad]`` as a name without spaces: SIGMA_XP_MRAD."""
    plain = heading.replace("[1]", "").replace("'", "p").replace("[", "").replace("]", "").strip()
    return plain.replace(" ", "_").replace("-", "_").upper()
