"""Tables of the studies of a linac: every column is its fact over the unit in its heading, written out by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import pi, sqrt
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lattice import ReferenceParticle
from studies.linac.clouds import projections
from studies.linac.facts import Pair
from studies.linac.switching import tables as switching
from studies.linac.switching.tables import energies_frame
from studies.linac.switching.text import methods, search_ends
from studies.linac.tables import tables
from studies.results import TableData
from tests.linac_facts import (
    EXIT,
    FREQUENCY,
    SETTINGS,
    beta_gamma,
    delta,
    machine,
    optics_facts,
    survivors,
    switching_facts,
)


def shown(name: str, **changes: Any) -> dict[str, list[Any]]:
    """Columns of a table of the optics study."""
    return columns(next(table for table in tables(optics_facts(**changes)) if table.id == name))


def columns(table: TableData | pd.DataFrame) -> dict[str, list[Any]]:
    frame = table.frame if isinstance(table, TableData) else table
    return {str(name): list(frame[name]) for name in frame}


def assert_columns(found: dict[str, list[Any]], expected: Mapping[str, Any], rel: float = 1e-12) -> None:
    """The same columns in the same order: words alike, numbers to rounding."""
    assert list(found) == list(expected)
    for name, values in expected.items():
        words = isinstance(values[0], str)
        assert found[name] == (values if words else pytest.approx(values, rel=rel, abs=1e-15)), name


# ----------------------------------------------------------------------------------------------------------- optics


def test_the_table_of_units() -> None:
    expected = {
        "unit": ["u1", "u2", "u3"],
        "exit [MeV]": [21, 36, 52],
        "copper [MW]": [2.5, 4.5, 3.5],
        "beam [kW]": [3.3, 4.5, 4.8],
        "needed [MW]": [2.8, 5.1, 3.9],
        "klystron [MW]": [3.5, 7.5, 4.0],
        "share [1]": [0.8, 0.68, 0.975],
        "average [kW]": [2.8, 5.1, 3.9],
    }
    assert_columns(shown("power-table"), expected)


def test_the_table_of_tanks() -> None:
    expected = {
        "tank": ["t1", "t2", "t3"],
        "unit": ["u1", "u2", "u3"],
        "s [m]": [0, 0.53, 1.27],
        "length [mm]": [500, 700, 900],
        "cells": [10, 12, 14],
        "beta [1]": [0.145, 0.21, 0.27],
        "entrance [MeV]": [10, 21, 36],
        "gain [MeV]": [11, 15, 16],
        "E0T [MV/m]": [20, 21, 19],
        "E0 [MV/m]": [24, 25, 23],
        "synchronous phase [deg]": [-25, -20, -15],
        "surface field [MV/m]": [96, 100, 92],
        "over Kilpatrick [1]": [1.5, 1.8, 1.4],
        "bucket height [keV]": [120, 180, 240],
        "bucket width [deg]": [75, 60, 45],
    }
    assert_columns(shown("linac-tanks"), expected)


def test_the_table_of_quadrupoles() -> None:
    """150 T/m in a bore of 4 mm and -180 in 3 mm: 0.6 and 0.54 T at the wall; q2 stands behind 0.5 + 0.03 + 0.7 m."""
    expected = {
        "quadrupole": ["q1", "q2"],
        "s [m]": [0.5, 1.23],
        "length [mm]": [30, 40],
        "gradient [T/m]": [150, -180],
        "field at the bore [T]": [0.6, 0.54],
    }
    assert_columns(shown("linac-quadrupoles"), expected)


def test_losses_stand_by_place_and_cause_the_most_first() -> None:
    """Two at the bore of t1, at 0.1 and 0.3 m; one with another energy behind q2."""
    expected = {
        "piece": ["t1", "q2"],
        "cause": ["bore", "energy"],
        "particles": [2, 1],
        "s [m]": [0.2, 1.25],
    }
    assert_columns(shown("linac-losses-table"), expected)


def test_the_table_along_the_machine() -> None:
    expected = {
        "piece": ["t1", "_end"],
        "s [m]": [0, 2.37],
        "transmission [1]": [1, 0.625],
        "reference_energy [eV]": [10e6, 52e6],
        "energy [eV]": [10.1e6, 51.9e6],
        "sigma_energy [eV]": [4e4, 7e4],
        "x [m]": [1e-5, 2e-5],
        "y [m]": [3e-5, 4e-5],
        "size_x [m]": [5e-4, 6e-4],
        "size_y [m]": [7e-4, 8e-4],
        "sigma_zeta [m]": [9e-4, 11e-4],
        "emittance_x [m]": [2.5e-7, 2.6e-7],
        "emittance_y [m]": [1e-6, 1.2e-6],
    }
    assert_columns(shown("bunch-stations"), expected)


QUANTITIES = [
    "final energy [MeV]",
    "transmission [1]",
    "rms energy spread [keV]",
    "normalised emittance x [um]",
    "normalised emittance y [um]",
    "rms x [mm]",
    "rms y [mm]",
]


def test_the_table_of_space_charge() -> None:
    """51.6, 51.8, 52 and 52.2 MeV: 223.6 keV rms; 1, 2, 3, 4 mm and 2, 6, 2, 6 mm: 1.118 and 2 mm.

    With charge two of four: 51.7 and 52.3 MeV, 1 and 7 mm, 0 and 1 mm. No slopes, no emittance.
    """
    without = [52, 1, 100 * sqrt(5), 0, 0, sqrt(1.25), 2]
    charged = [52, 0.5, 300, 0, 0, 3, 0.5]
    expected = {
        "quantity": QUANTITIES,
        "without": without,
        "with space charge": charged,
        "difference": list(np.subtract(charged, without)),
    }
    assert_columns(shown("bunch-space-charge"), expected, rel=1e-9)  # energies of 1e8 through momenta of 1e9


def test_the_emittances_of_a_bunch_are_those_of_its_planes() -> None:
    """Crosses of 3 mm x 2 mrad and 5 mm x 2 mrad, five particles: beta gamma a b / 2; rms (2 a^2 / 5)^(1/2)."""
    found = shown("bunch-space-charge", charged=(survivors(), survivors()))["without"]
    expected = [1e6 * beta_gamma(52e6) * 3e-3 * 2e-3 / 2, 1e6 * beta_gamma(52e6) * 5e-3 * 2e-3 / 2]
    assert found[3:] == pytest.approx([*expected, 3 * sqrt(0.4), 5 * sqrt(0.4)], rel=1e-12)


def test_the_table_of_a_bunch_by_both_engines() -> None:
    """Three particles by either: 51.9, 52.1, 53 and 51.88, 52.12, 51 MeV; the gaps less the integration."""
    gaps = [52, 0.75, 1e3 * float(np.std([51.9, 52.1, 53])), 0, 0, sqrt(8 / 3), sqrt(8 / 3)]
    fields = [52, 0.75, 1e3 * float(np.std([51.88, 52.12, 51])), 0, 0, sqrt(14 / 3), sqrt(2 / 3)]
    expected = {
        "quantity": QUANTITIES,
        "gaps": gaps,
        "integration": fields,
        "difference": list(np.subtract(gaps, fields)),
    }
    assert_columns(shown("engines-linac-bunch"), expected, rel=1e-9)  # as above
    names = [table.id for table in tables(optics_facts(pair=Pair(None, None, "no field")))]
    assert "engines-linac-bunch" not in names


def test_no_losses_no_table_of_them() -> None:
    facts = optics_facts(tracked=optics_facts().charged[0])
    assert "linac-losses-table" not in [table.id for table in tables(facts)]


def test_clouds_are_in_millimetres_milliradians_degrees_and_kev() -> None:
    """0.1 keV short of 52.1 MeV; a third of beta lambda in front of the bunch: 120 degrees early."""
    length = EXIT.beta * 299792458.0 / FREQUENCY
    cloud = np.array([[1e-3, 2e-3, 3e-3, 4e-3, length / 3, delta(52.0999e6)]])
    expected = {
        "x [mm]": [1],
        "x' [mrad]": [2],
        "y [mm]": [3],
        "y' [mrad]": [4],
        "phase [deg]": [-120],
        "W - W0 [keV]": [99.9],
    }
    assert_columns(columns(projections(cloud, EXIT, FREQUENCY)), expected, rel=1e-9)


# -------------------------------------------------------------------------------------------------------- switching

ENERGIES: dict[str, list[Any]] = {
    "W [MeV]": [20, 30, 40, 50],
    "range [mm]": [4.3, 9, 15, 22.2],
    "units on": [1, 2, 3, 3],
    "last unit": ["u1", "u2", "u3", "u3"],
    "amplitude [1]": [0.9, 0.6, 0.3, 0.8],
    "phase [deg]": [18 / pi, -36 / pi, 54 / pi, -9 / pi],
    "phase is": ["least-spread"] * 4,
    "mean W [MeV]": [20.01, 29.94, 40.06, 50.05],
    "sigma W [keV]": [60, 150, 160, 80],
    "transmission [1]": [0.95, 0.9, 0.8, 0.96],
    "emittance x [um]": [0.26, 0.27, 0.28, 0.29],
    "emittance y [um]": [1.1, 1.2, 1.3, 1.4],
    "sigma x [mm]": [1.1, 0.7, 1.3, 1.4],
    "sigma y [mm]": [1.5, 2.6, 1.7, 1.8],
    "sigma x' [mrad]": [0.5, 0.6, 0.7, 0.8],
    "sigma y' [mrad]": [0.9, 1.1, 1.2, 1.3],
    "betx [m]": [1.5, 1.6, 1.7, 1.8],
    "alfx [1]": [0.75, -0.75, 2.4, -2.4],
    "bety [m]": [2.5, 2.6, 2.7, 2.8],
    "alfy [1]": [-0.75, 0.75, -2.4, 2.4],
}


def switched(name: str) -> dict[str, list[Any]]:
    return columns(next(table for table in switching.tables(switching_facts()) if table.id == name))


def test_the_table_of_energies() -> None:
    assert_columns(switched("energies"), ENERGIES)


def test_rows_whose_phase_stands_at_an_end_of_the_search_say_so() -> None:
    """The phase of the last unit alone counts; where none is looked for, phases are those of the design."""
    phases = np.array([[-0.25, 0.0, 0.0], [-0.25, -0.2, 0.0], [0.0, 0.0, 0.4], [0.0, 0.0, 0.1]])
    facts = switching_facts(settings=replace(SETTINGS, phases=phases))
    end, free = "search-end", "least-spread"
    assert list(energies_frame(facts)["phase is"]) == [end, free, end, free]
    assert any("2 of 4 rows stand at an end of this search" in sentence for sentence in methods(facts))
    fixed = replace(facts, study=facts.study.model_copy(update={"least_spread": False}))
    assert list(energies_frame(fixed)["phase is"]) == ["designed"] * 4
    assert not any("search" in sentence for sentence in methods(fixed))


def test_a_warning_is_given_when_no_energy_has_its_least_spread_inside_the_search() -> None:
    """One row whose phase stands free, or phases of the design, and there is none."""
    ends = np.array([[-0.25, 0.0, 0.0], [0.0, -0.25, 0.0], [0.0, 0.0, 0.4], [0.0, 0.0, -0.25]])
    all_ends = switching_facts(settings=replace(SETTINGS, phases=ends))
    (told,) = search_ends(all_ends)
    assert "-14 to 23 degrees from the designed one (search-end" in told
    one_free = np.where(ends == 0.4, 0.3, ends)
    assert list(search_ends(switching_facts(settings=replace(SETTINGS, phases=one_free)))) == []
    fixed = replace(all_ends, study=all_ends.study.model_copy(update={"least_spread": False}))
    assert list(search_ends(fixed)) == []


def test_the_table_of_beams_for_dose_calculation() -> None:
    """Correlation -alf / (1 + alf^2)^(1/2): 0.75 is 0.6, 2.4 is 12/13."""
    expected = {
        "species": ["proton"] * 4,
        "W [MeV]": [20.0, 30.0, 40.0, 50.0],
        "energy [MeV/u]": [20.01, 29.94, 40.06, 50.05],
        "energy spread [%]": [6 / 20.01, 15 / 29.94, 16 / 40.06, 8 / 50.05],
        "sigma x [mm]": [1.1, 0.7, 1.3, 1.4],
        "sigma x' [mrad]": [0.5, 0.6, 0.7, 0.8],
        "correlation x [1]": [-0.6, 0.6, -12 / 13, 12 / 13],
        "sigma y [mm]": [1.5, 2.6, 1.7, 1.8],
        "sigma y' [mrad]": [0.9, 1.1, 1.2, 1.3],
        "correlation y [1]": [0.6, -0.6, 12 / 13, -12 / 13],
    }
    assert_columns(switched("beam-energies"), expected)


def test_the_table_of_trips() -> None:
    expected = {
        "unit": ["u1", "u2", "u3"],
        "highest by the table [MeV]": [10, 21, 36],
        "lost [MeV]": [32, 31, 16],
        "highest phased anew [MeV]": [15, 34, 33],
        "transmission [1]": [0.5, 0.6, 0.9],
        "spread [%]": [0.4, 0.3, 0.2],
        "phases of the units behind [deg]": ["u2 40, u3 50", "u3 20", "none"],
    }
    assert_columns(switched("trips-table"), expected)


def test_ions_are_written_per_nucleon() -> None:
    """Energies of a linac are of the whole ion: 40.06 MeV of helium are 10.015 MeV/u."""
    ion = ReferenceParticle("helium-4", kinetic_energy_per_u=5e6)
    linac = type("Linac", (), {"particle": ion, "units": ("u1", "u2", "u3")})()
    found = columns(switching._beams(switching_facts(machine=machine(linac=linac))))
    assert found["energy [MeV/u]"][2] == pytest.approx(40.06 / 4, rel=1e-12)
    assert found["energy spread [%]"][2] == pytest.approx(16 / 40.06, rel=1e-12)


#: Names of the columns of energies.tfs and what stands under them, in the order of the file.
TFS_NAMES = [
    *("W_MEV", "RANGE_MM", "UNITS_ON", "LAST_UNIT", "AMPLITUDE", "PHASE_DEG", "PHASE_IS", "MEAN_W_MEV"),
    *("SIGMA_W_KEV", "TRANSMISSION", "EMITTANCE_X_UM", "EMITTANCE_Y_UM", "SIGMA_X_MM", "SIGMA_Y_MM"),
    *("SIGMA_XP_MRAD", "SIGMA_YP_MRAD", "BETX_M", "ALFX", "BETY_M", "ALFY"),
    *("AMPLITUDE_U1", "AMPLITUDE_U2", "AMPLITUDE_U3", "PHASE_U1_DEG", "PHASE_U2_DEG", "PHASE_U3_DEG"),
]
OF_UNITS = {
    "AMPLITUDE_U1": [0.9, 1, 1, 1],
    "AMPLITUDE_U2": [0, 0.6, 1, 1],
    "AMPLITUDE_U3": [0, 0, 0.3, 0.8],
    "PHASE_U1_DEG": [18 / pi, 0, 0, 0],
    "PHASE_U2_DEG": [0, -36 / pi, 0, 0],
    "PHASE_U3_DEG": [0, 0, 54 / pi, -9 / pi],
}


def test_energies_are_written_as_tfs() -> None:
    """Read by hand: two descriptors, names, types, and a row an energy with words in quotes."""
    name, title, names, kinds, *rows = switching.energies_tfs(switching_facts()).splitlines()
    assert name == '@ NAME %08s "ENERGIES"'
    assert title == '@ TITLE %15s "A made-up linac"'
    assert names.split() == ["*", *TFS_NAMES]
    assert kinds.split() == ["$", *("%s" if column in ("LAST_UNIT", "PHASE_IS") else "%le" for column in TFS_NAMES)]
    cells = dict(zip(TFS_NAMES, zip(*(row.split() for row in rows), strict=True), strict=True))
    assert cells.pop("LAST_UNIT") == ('"u1"', '"u2"', '"u3"', '"u3"')
    assert cells.pop("PHASE_IS") == ('"least-spread"',) * 4
    expected = [values for heading, values in ENERGIES.items() if heading not in ("last unit", "phase is")]
    expected += list(OF_UNITS.values())
    for (column, texts), values in zip(cells.items(), expected, strict=True):
        assert [float(text) for text in texts] == pytest.approx(values, rel=1e-12, abs=1e-15), column
