"""What was computed stays as it was computed: a result cannot be overwritten, nor any number that follows from it."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

import extraction
import optics
from extraction import BetatronCore, track_spill
from lattice import Drift, Lattice, Quadrupole, ReferenceParticle
from lattice.arrays import Array
from optics import Optics, Target, Vary, match, twiss
from optics.closed import closed
from optics.imperfections.ensemble import ensemble
from optics.imperfections.errors import MagnetErrors, draw_errors
from tests.extraction_rings import near

PROTON = ReferenceParticle("proton", kinetic_energy_per_u=100e6)
CELL = (
    Quadrupole("qf", length=0.2, k1="kf"),
    Drift("d", length=1.0),
    Quadrupole("qd", length=0.2, k1="kd"),
    Drift("e", length=1.0),
)
RING = Lattice("cell", elements=CELL, parameters={"kf": 2.0, "kd": -2.0}, particle=PROTON)


def refuses(array: Array) -> None:
    """Writing into the array fails and leaves it as it was."""
    before = array.copy()
    with pytest.raises(ValueError, match="read-only"):
        array[...] = 0.0
    assert np.array_equal(array, before, equal_nan=True)


@pytest.mark.parametrize("column", ["s", "betx", "alfy", "dx", "x"])
def test_columns_of_optics_cannot_be_overwritten(column: str) -> None:
    refuses(twiss(RING)[column])
    refuses(twiss(RING.with_parameters(kf=[2.0, 2.1]))[column])


def test_numbers_of_optics_cannot_be_overwritten() -> None:
    found = twiss(RING.with_parameters(kf=[2.0, 2.1]))
    refuses(found.qx)
    refuses(found.start)
    with pytest.raises(TypeError):
        found.scalars["qx"] = np.zeros(2)  # type: ignore[index]


def largest(found: Optics) -> list[float]:
    return [found.maximum("betx"), float(found.inside()["betx"].max()), float(found.table["betx"].max())]


def test_a_table_that_was_changed_changes_no_later_number() -> None:
    found = twiss(RING)
    before, full = largest(found), found.full_table
    table, inside = found.table, found.inside()
    for taken in (table, inside, full):
        taken["betx"] = 0.0
        taken.loc[taken.index[0], "bety"] = 0.0
    assert largest(found) == before
    assert found.full_table["bety"].equals(twiss(RING).full_table["bety"])


def test_a_match_cannot_be_overwritten() -> None:
    goals = [Target("qx", 0.21), Target("qy", 0.22)]
    found = match(RING, vary=[Vary("kf", 1.0, 4.0), Vary("kd", -4.0, -1.0)], targets=goals)
    refuses(found.sensitivity)
    for mapping in (found.parameters, found.residuals, found.values):
        with pytest.raises(TypeError, match="dict"):
            mapping["kf"] = 0.0  # type: ignore[index]
    assert found.parameters == {name: found.lattice.parameters[name] for name in ("kf", "kd")}


def test_an_ensemble_cannot_be_overwritten() -> None:
    machines = draw_errors(RING, MagnetErrors(magnets="quadrupole", dx=1e-4), seed=1, machines=3)
    found = ensemble(machines)
    refuses(found.orbit["x"])
    table = found.table
    table["qx"] = 0.0
    assert (found.table["qx"] > 0).all()


def test_fixed_points_cannot_be_overwritten() -> None:
    found = near(2e-3)
    area = found.stable_area
    refuses(found.fixed_points)
    refuses(found.orbit)
    assert found.stable_area == area


def test_tables_of_a_spill_cannot_be_overwritten() -> None:
    resonance = near(2e-3)
    ring = resonance.optics.lattice
    beam = np.zeros((4, 6))
    spill = track_spill(ring, None, beam, BetatronCore([(0.0, 0.0), (1e-3, 0.0)]), resonance.place, turns=4)
    refuses(spill.circulating)
    extracted = spill.extracted
    extracted.loc[0] = 0.0
    assert len(extracted) == 1
    assert spill.extracted.empty
    with pytest.raises(AttributeError):
        spill.extracted = extracted  # type: ignore[misc]


@closed
@dataclass(frozen=True)
class Numbers:
    """A result with everything in it."""

    values: Array
    named: dict[str, Array]
    table: pd.DataFrame


def test_a_closed_value_leaves_the_makers_array_open_and_can_travel() -> None:
    mine = np.ones(3)
    made = Numbers(mine, {"a": np.zeros(2)}, pd.DataFrame({"x": [1.0, 2.0]}))
    mine[0] = 2.0  # the maker's own handle
    for one in (made, pickle.loads(pickle.dumps(made))):
        assert one.table["x"].tolist() == [1.0, 2.0]
        with pytest.raises(TypeError, match="dict"):
            one.named["a"] = mine
    refuses(made.values)
    refuses(made.named["a"])


def holds_numbers(kind: Any) -> bool:
    held = ("Array", "pd.DataFrame")
    return is_dataclass(kind) and any(str(field.type).startswith(held) for field in fields(kind))


@pytest.mark.parametrize("package", [optics, extraction])
def test_every_public_result_with_arrays_is_closed(package: Any) -> None:
    results = {name for name in package.__all__ if holds_numbers(getattr(package, name))} - {"Optics"}
    assert results
    assert {name for name in results if not hasattr(getattr(package, name).__init__, "__wrapped__")} == set()
