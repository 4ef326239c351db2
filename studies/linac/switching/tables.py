"""Tables of switching of a linac's energy; a heading carries its unit in brackets."""

from __future__ import annotations

import numpy as np
import pandas as pd

from studies.linac.switching.facts import SwitchingFacts
from studies.linac.switching.figures import settings_table
from studies.results import TableData


def tables(facts: SwitchingFacts) -> tuple[TableData, ...]:
    """Tables of the switching study."""
    return (_energies(facts), _beams(facts), _trips(facts))


def energies_frame(facts: SwitchingFacts) -> pd.DataFrame:
    """Settings and beam of every energy in one table."""
    beams, units, last = facts.beams, facts.machine.linac.units, facts.settings.last_units
    rows = np.arange(len(last))
    frame = pd.DataFrame(
        {
            "W [MeV]": beams["wanted"] / 1e6,
            "range [mm]": beams["range"] * 1e3,
            "units on": [int(np.count_nonzero(row)) for row in facts.settings.amplitudes],
            "last unit": [units[unit] for unit in last],
            "amplitude [1]": facts.settings.amplitudes[rows, last],
            "phase [deg]": np.degrees(facts.settings.phases[rows, last]),
            "phase is": _phase_is(facts),
            "mean W [MeV]": beams["energy"] / 1e6,
            "sigma W [keV]": beams["sigma_energy"] / 1e3,
            "transmission [1]": beams["transmission"],
            "emittance x [um]": beams["emittance_x"] * 1e6,
            "emittance y [um]": beams["emittance_y"] * 1e6,
            "sigma x [mm]": beams["size_x"] * 1e3,
            "sigma y [mm]": beams["size_y"] * 1e3,
            "sigma x' [mrad]": beams["divergence_x"] * 1e3,
            "sigma y' [mrad]": beams["divergence_y"] * 1e3,
            "betx [m]": beams["betx"],
            "alfx [1]": beams["alfx"],
            "bety [m]": beams["bety"],
            "alfy [1]": beams["alfy"],
        }
    )
    assert list(frame["W [MeV]"]) == list(settings_table(facts)["W [MeV]"])
    return frame


def _phase_is(facts: SwitchingFacts) -> list[str]:
    """What decided the phase of the last unit, row by row."""
    if not facts.study.least_spread:
        return ["designed"] * len(facts.energies)
    return ["search-end" if end else "least-spread" for end in facts.settings.at_reach]


def _energies(facts: SwitchingFacts) -> TableData:
    caption = (
        "W is the energy asked for, of the whole particle. Units on, amplitude and phase of the last one (from the "
        "designed phase), and the beam at the exit, tracked: mean W is that of its particles, range that of mean W. "
        "Where the phase is search-end, the least spread may lie at a phase beyond. "
        "Twiss parameters are those of the tracked beam. Also as energies.tfs beside this table."
    )
    return TableData("energies", "Table of energies", caption, energies_frame(facts))


def _beams(facts: SwitchingFacts) -> TableData:
    """The beam at the exit in the columns of a ring's beam table, for dose calculation."""
    beams, kind = facts.beams, facts.machine.linac.particle.kind
    frame = pd.DataFrame(
        {
            "species": kind.name,
            "W [MeV]": beams["wanted"] / 1e6,
            "energy [MeV/u]": beams["energy"] / 1e6 / kind.nucleons,
            "energy spread [%]": 100 * beams["sigma_energy"] / beams["energy"],
            **{
                column: values
                for p in "xy"
                for column, values in (
                    (f"sigma {p} [mm]", 1e3 * beams[f"size_{p}"]),
                    (f"sigma {p}' [mrad]", 1e3 * beams[f"divergence_{p}"]),
                    (f"correlation {p} [1]", -beams[f"alf{p}"] / np.sqrt(1 + beams[f"alf{p}"] ** 2)),
                )
            },
        }
    )
    caption = (
        "Rms sizes, divergences and correlations at the exit of the linac. For beam models of dose calculation. W is "
        "the energy asked for, of the whole particle; energy and energy spread are those of the tracked bunch."
    )
    return TableData("beam-energies", "Beam at every energy", caption, frame)


def _trips(facts: SwitchingFacts) -> TableData:
    trips = facts.trips
    frame = pd.DataFrame(
        {
            "unit": trips["unit"],
            "highest by the table [MeV]": trips["untouched"] / 1e6,
            "lost [MeV]": trips["lost"] / 1e6,
            "highest phased anew [MeV]": trips["recovered"] / 1e6,
            "transmission [1]": trips["transmission"],
            "spread [%]": 100 * trips["spread"],
            "phases of the units behind [deg]": trips["phases"],
        }
    )
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
