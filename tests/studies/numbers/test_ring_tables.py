"""Every column of the tables of the optics study is its number over its unit."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from lattice import Aperture, Drift, Lattice, Marker
from machines.rings.machine import MagnetFamily, Rating, RingMachine
from optics import twiss
from optics.imperfections.ensemble import Ensemble
from optics.imperfections.orbit import Correction, OrbitResponse
from studies.ring_optics.facts import Compared
from studies.ring_optics.imperfections import Imperfections
from studies.ring_optics.orbit_tables import orbit_tables
from studies.ring_optics.tables import _beam_tables, _magnet_tables, _optics_table, engine_tables
from studies.spec.errors import ErrorsSpec
from tests.studies.numbers.ring_facts import (
    PROTON,
    SCALE,
    START,
    beam,
    drift,
    engine_rows,
    facts,
    magnets,
    verification,
)

NOTHING = cast(Any, None)


def test_optics_at_the_elements() -> None:
    """Each column under its own name: all functions of the drift differ from each other and from place to place."""
    optics = drift(x=1e-3, y=2e-3)
    found = _optics_table(facts(optics)).frame
    units = {"s": "m", "betx": "m", "bety": "m", "dx": "m", "dy": "m"}
    order = ("s", "betx", "alfx", "mux", "dx", "dpx", "bety", "alfy", "muy", "dy", "dpy")
    headings = [f"{name} [{units[name]}]" if name in units else name for name in order]
    assert list(found.columns) == ["name", "kind", *headings]
    assert list(found["name"]) == ["a", "d", "b", "_end"]
    assert list(found["kind"]) == ["marker", "drift", "marker", "end"]
    for heading, name in zip(headings, order, strict=True):
        assert list(found[heading]) == list(optics[name]), name
    assert len({tuple(found[heading]) for heading in headings}) == len(headings)


def test_beams_and_the_room_they_have() -> None:
    """Emittances in um, room in mm: 30 - 2 x 6 - 4 mm, and 20 - 2 x 2 - 0 mm behind a drift that changes little."""
    aperture = Aperture("rectangle", 30e-3, 20e-3)
    elements = [Marker("m", aperture=aperture), Drift("d", length=1e-9)]
    optics = twiss(Lattice("l", elements=elements, particle=PROTON), start={"betx": 9.0, "bety": 4.0, "dx": -2.0})
    optics_of_beam = SimpleNamespace(**{name: getattr(optics, name) for name in ("lattice",)}, qx=1.6, qy=1.7)
    case = beam("wide", 4e-6, 1e-6, Compared(optics, None), momentum_spread=4e-3)
    told = type(case)(case.beam, case.particle, Compared(cast(Any, optics_of_beam), None))
    told.__dict__["rooms"] = case.rooms  # of the optics themselves
    frame = next(iter(_beam_tables(facts(optics, None, told)))).frame
    row = frame.iloc[0].to_dict()
    assert row.pop("energy [MeV/u]") == pytest.approx(100.0)
    assert row.pop("emittance x [um]") == pytest.approx(4.0 * SCALE)
    assert row.pop("emittance y [um]") == pytest.approx(1.0 * SCALE)
    assert row.pop("room x [mm]") == pytest.approx(14.0, abs=1e-9)
    assert row.pop("room y [mm]") == pytest.approx(16.0, abs=1e-9)
    assert row == {
        "beam": "wide",
        "particle": "proton",
        "Qx": 1.6,
        "Qy": 1.7,
        "full dp/p": 4e-3,
        "sigmas": 2.0,
        "at (x)": "m",
        "at (y)": "m",
        "source": "the test",
    }


def test_families_of_magnets() -> None:
    """Strength, and the field of it at the top rigidity, beside the rating of its kind."""
    families = {
        "quads": MagnetFamily("quads", "quadrupole", "kf", "horizontal", ("q1", "q2", "q3")),
        "skew": MagnetFamily("skew", "sextupole", "ks", "coupling", ("s2",)),
        "odd": MagnetFamily("odd", "kicker", "kf", "horizontal", ("k",)),
    }
    ratings = {
        "gradient": Rating("gradient", 4.0, "T/m", "the test"),
        "sextupole_gradient": Rating("sextupole_gradient", 90.0, "T/m^2", "the test"),
    }
    machine = SimpleNamespace(families=families, ratings=ratings)
    machine.rating = lambda kind: RingMachine.rating(machine, kind)  # type: ignore[arg-type]
    top = SimpleNamespace(magnetic_rigidity=6.5)
    found = next(iter(_magnet_tables(facts(twiss(magnets(), start=START), machine=machine, top_particle=top)))).frame
    headings = "family|kind|plane|magnets|strength|strength's unit|field at top rigidity|rating|field's unit"
    assert list(found.columns) == headings.split("|")
    assert [list(row) for row in found.itertuples(index=False)] == [
        ["quads", "quadrupole", "horizontal", 3, 0.9, "m^-2", pytest.approx(5.85), 4.0, "T/m"],
        ["skew", "sextupole", "coupling", 1, 12.5, "m^-3", pytest.approx(81.25), 90.0, "T/m^2"],
    ]


def test_the_optics_by_both_engines() -> None:
    optics = drift()
    rows = engine_rows(qx=(1.5, 1.25, 0.5), betx=(10.0, 12.0, 1.0), s=(3.0, 3.0, 1e-9))
    found = next(iter(engine_tables(facts(optics, verification(optics, rows))))).frame
    headings = "quantity|unit|own maps|Xsuite|difference|tolerance|within|where|why the tolerance"
    assert list(found.columns) == headings.split("|")
    assert [list(row) for row in found.itertuples(index=False)] == [
        ["qx", "", 1.5, 1.25, 0.25, 0.5, True, "at qx", "why qx"],
        ["betx", "m", 10.0, 12.0, -2.0, 1.0, False, "at betx", "why betx"],
        ["s", "m", 3.0, 3.0, 0.0, 1e-9, True, "at s", "why s"],
    ]


# ------------------------------------------------------------------------------------------------- machines with errors

#: Columns of a machine, no two the same; the k-th machine has k times it.
NUMBERS = {
    "orbit_max_x": 1e-3,
    "orbit_max_y": 2e-3,
    "orbit_rms_x": 3e-3,
    "orbit_rms_y": 4e-3,
    "dispersion_max_x": 5e-3,
    "dispersion_max_y": 6e-3,
    "beating_max_x": 0.07,
    "beating_max_y": 0.08,
    "qx": 0.9,
    "qy": 0.11,
    "coupling": 1.2e-3,
}


def machines(scale: float, lost: int) -> Ensemble:
    factors = np.array([1.0, 2.0, 3.0, 4.0, 10.0])
    table = pd.DataFrame({name: scale * value * factors for name, value in NUMBERS.items()})
    return Ensemble(NOTHING, {}, table.assign(stable=np.arange(5) >= lost), NOTHING)


def with_errors() -> Imperfections:
    kicks = {"x": np.array([[1e-3, 2e-3], [-7e-3, 2e-3]]), "y": np.array([[17e-3], [-7e-3]])}
    responses = {
        "x": OrbitResponse("x", ("m",), ("h1", "h2"), np.ones((1, 2))),
        "y": OrbitResponse("y", ("m",), ("v1",), np.ones((1, 1))),
    }
    errors = (
        ErrorsSpec(magnets="quadrupole", dx=1e-4, dy=2e-4, ds=3e-4, roll=4e-4, pitch=5e-4, yaw=6e-4, field=7e-4),
        ErrorsSpec(magnets=("b1", "b2"), dx=8e-4, cut=2.5),
    )
    spec = SimpleNamespace(machines=5, errors=errors)
    correction = Correction(NOTHING, responses, kicks, {}, {})
    return Imperfections(cast(Any, spec), machines(10.0, 2), correction, machines(1.0, 1), {}, None)


def frames() -> dict[str, pd.DataFrame]:
    return {one.id: one.frame for one in orbit_tables(with_errors())}


@pytest.mark.parametrize(
    ("quantity", "unit", "one"),
    [
        ("largest orbit x", "mm", 1.0),
        ("largest orbit y", "mm", 2.0),
        ("rms orbit x", "mm", 3.0),
        ("rms orbit y", "mm", 4.0),
        ("largest dispersion error x", "mm", 5.0),
        ("largest dispersion error y", "mm", 6.0),
        ("largest beating of betx", "%", 7.0),
        ("largest beating of bety", "%", 8.0),
        ("|C-|", "1", 1.2e-3),
    ],
)
def test_statistics_of_machines(quantity: str, unit: str, one: float) -> None:
    """Of 1, 2, 3, 4, 10 times a number: median 3, 95 % at rank 3.8 of 0 to 4 (8.8), largest 10; ten times before."""
    row = frames()["orbit-statistics"].set_index("quantity").loc[quantity]
    assert row["unit"] == unit
    for when, scale in (("before", 10.0), ("after", 1.0)):
        for label, factor in (("median", 3.0), ("95 %", 8.8), ("largest", 10.0)):
            assert row[f"{when}, {label}"] == pytest.approx(scale * factor * one, rel=5e-3)  # three digits


def test_tunes_of_machines_about_their_median() -> None:
    """|Qx - median| of 0.9 times 1, 2, 3, 4, 10 is 0.9 times 2, 1, 0, 1, 7."""
    rows = frames()["orbit-statistics"].set_index("quantity")
    for name, one in (("|Qx - median|", 0.9), ("|Qy - median|", 0.11)):
        assert rows.loc[name, "after, median"] == pytest.approx(one, rel=5e-3)
        assert rows.loc[name, "after, largest"] == pytest.approx(7 * one, rel=5e-3)
        assert rows.loc[name, "before, largest"] == pytest.approx(70 * one, rel=5e-3)


def test_how_many_are_unstable_is_that_after_correction() -> None:
    caption = next(iter(orbit_tables(with_errors()))).caption
    assert caption == "Median, 95th percentile and largest over 5 machines; 1 of them unstable."


def test_kicks_of_correctors() -> None:
    """Of 1 and -7 mrad the rms is 5 and the largest 7; 2 in both machines is 2 and 2; 17 and -7: 13 and 17."""
    found = frames()["orbit-correctors"]
    assert list(found.columns) == ["corrector", "plane", "rms [mrad]", "largest [mrad]"]
    assert [list(row) for row in found.itertuples(index=False)] == [
        ["h1", "x", 5.0, 7.0],
        ["h2", "x", 2.0, 2.0],
        ["v1", "y", 13.0, 17.0],
    ]


def test_errors_as_they_are_given() -> None:
    found = frames()["orbit-errors"]
    assert list(found["magnets"]) == ["quadrupole", "b1, b2"]
    expected = {
        "dx [mm]": 0.1,
        "dy [mm]": 0.2,
        "ds [mm]": 0.3,
        "roll [mrad]": 0.4,
        "pitch [mrad]": 0.5,
        "yaw [mrad]": 0.6,
        "field": 7e-4,
    }
    for name, value in expected.items():
        assert found[name].iloc[0] == pytest.approx(value), name
    assert found["dx [mm]"].iloc[1] == pytest.approx(0.8)
    assert found["cut [rms]"].iloc[1] == 2.5


def test_each_plane_s_room_is_at_its_own_place() -> None:
    """Tightest in x at the first aperture, in y at the second."""
    wide, narrow = Aperture("rectangle", 20e-3, 40e-3), Aperture("rectangle", 40e-3, 15e-3)
    elements = [Marker("first", aperture=wide), Drift("d", length=1e-9), Marker("second", aperture=narrow)]
    line = Lattice("l", elements=elements, particle=PROTON)
    case = beam("wide", 4e-6, 1e-6, Compared(twiss(line, start={"betx": 9.0, "bety": 4.0}), None))
    ring = cast(Any, SimpleNamespace(lattice=line, qx=1.6, qy=1.7))
    told = type(case)(case.beam, case.particle, Compared(ring, None))
    told.__dict__["rooms"] = case.rooms
    row = next(iter(_beam_tables(facts(case.compared.optics, None, told)))).frame.iloc[0]
    assert (row["at (x)"], row["at (y)"]) == ("first", "second")
    assert (row["room x [mm]"], row["room y [mm]"]) == pytest.approx((20 - 2 * 6, 15 - 2 * 2), abs=1e-9)
