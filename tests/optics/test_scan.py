"""Scans: the kernel against ``twiss`` lattice by lattice, its peaks against fine slices, and what it hands over."""

from __future__ import annotations

from math import pi
from typing import Any

import numpy as np
import pytest

from lattice import (
    Bend,
    Drift,
    InputError,
    Kicker,
    Lattice,
    LatticeError,
    Quadrupole,
    ReferenceParticle,
    Sextupole,
)
from lattice.arrays import Array
from machines.cnao_like import cnao, pimms
from optics import Optics, grid, scan, twiss
from optics.linear.solution import functions_inside
from optics.scanning import job

PROTON = ReferenceParticle("proton", kinetic_energy_per_u=60e6)
SCALARS = ("qx", "qy", "dqx", "dqy", "momentum_compaction", "gamma_transition", "slip_factor", "length")
COLUMNS = ("betx", "alfx", "mux", "dx", "dpx", "bety", "alfy", "muy")
LOOSE: Any = (0.2, 0.3)
HALF: Any = (0.2, 0.3, 2.5)
PEAKS = ("max_betx", "max_bety", "max_dx", "min_dx")


def fodo(kick: float | str = 0.0, skew: float | str = 0.0) -> Lattice:
    """Eight cells with bends, sextupoles, and lengths that are parameters too."""
    cell = (
        Quadrupole("qf", length=0.3, k1="kf"),
        Drift("d", length="gap"),
        Bend("b", length=1.2, angle=pi / 8, e1=pi / 16, e2=pi / 16),
        Sextupole("s", length=0.2, k2="k2"),
        Quadrupole("qd", length="long", k1="-kd", k1s=skew),
        Drift("d", length="gap"),
        Bend("b", length=1.2, angle=pi / 8, e1=pi / 16, e2=pi / 16),
        Kicker("h", length=0.1, hkick=kick),
    )
    parameters = {"kf": 1.1, "kd": 1.0, "gap": 0.4, "long": 0.3, "k2": 2.0, "kick": 0.0, "skew": 0.0}
    return Lattice("fodo", elements=cell * 8, parameters=parameters, particle=PROTON)


def varied(ring: Lattice, names: tuple[str, ...], part: float, n: int = 150) -> dict[str, Array]:
    rng = np.random.default_rng(7)
    return {name: ring.parameters[name] * (1.0 + part * rng.uniform(-1.0, 1.0, n)) for name in names}


def expected(optics: Optics, name: str) -> Any:
    key, _, place = name.partition("@")
    if place:
        return optics.value(key, place)
    if key.startswith(("max_", "min_")):
        return (optics.maximum if key.startswith("max_") else optics.minimum)(key[4:])
    return optics.scalar(key)


CASES: dict[str, tuple[Any, tuple[str, ...], float, str]] = {
    "cnao": (cnao, ("kf", "kd", "kr", "sr"), 0.2, "symp"),
    "pimms": (pimms, ("qf1", "qf2", "qd", "xcf"), 0.2, "mb::5:end"),
    "fodo": (fodo, ("kf", "kd", "gap", "long", "k2"), 0.6, "b::3"),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("fringe", ["full", "linear"])
def test_it_is_twiss_of_every_lattice(case: str, fringe: str) -> None:
    """To rounding, which lattices near the edge of stability amplify (by 1 / sin mu); the same ones are unstable."""
    make, names, part, place = CASES[case]
    ring = make()
    parameters = varied(ring, names, part)
    quantities = (*SCALARS, *(f"{column}@{place}" for column in COLUMNS), "mux@_end")
    table = scan(ring, parameters=parameters, quantities=quantities, fringe=fringe)
    optics = twiss(ring.with_parameters(parameters), fringe=fringe)
    assert 0.2 < table["stable"].mean() < 1.0
    np.testing.assert_array_equal(table["stable"], optics.stable)
    for name in quantities:
        np.testing.assert_allclose(table[name], expected(optics, name), rtol=1e-9, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("case", CASES)
def test_peaks_inside_elements(case: str) -> None:
    """``maximum`` interpolates between eight slices, error 1e-7 here; 200 slices have its (1/25)^4 part and less."""
    make, names, part, _ = CASES[case]
    ring = make()
    parameters = varied(ring, names, part / 8, 40)
    table = scan(ring, parameters=parameters, quantities=PEAKS)
    batch = ring.with_parameters(parameters)
    optics = twiss(batch)
    for name in PEAKS:
        np.testing.assert_allclose(table[name], expected(optics, name), rtol=3e-6, atol=1e-6, err_msg=name)
    one = twiss(ring.with_parameters({name: float(values[0]) for name, values in parameters.items()}))
    fine = functions_inside(one, 400)
    for name in PEAKS:
        values = fine.column(name[4:])[0]
        reached = values.max() if name.startswith("max_") else values.min()
        assert table[name][0] == pytest.approx(reached, rel=1e-5, abs=1e-5)
        assert (table[name][0] - reached) * (1.0 if name.startswith("max_") else -1.0) >= -1e-12


def test_a_peak_of_beta_inside_an_element_that_focuses_for_more_than_a_quarter_oscillation() -> None:
    """One element of constant focusing, cut by the ring's end anywhere: beta has one largest value, in closed form."""
    elements = (Quadrupole("q", length=2.0, k1="k"), Drift("d", length=0.5), Quadrupole("p", length=0.8, k1=-1.1))
    ring = Lattice("long", elements=elements, parameters={"k": 1.0}, particle=PROTON)
    strengths = np.linspace(0.5, 2.3, 200)
    table = scan(ring, parameters={"k": strengths}, quantities=("max_betx", "max_bety"))
    assert table["stable"].sum() > 5
    for i in np.flatnonzero(table["stable"])[::5]:
        fine = functions_inside(twiss(ring.with_parameters(k=float(strengths[i]))), 1000)
        assert table["max_betx"][i] == pytest.approx(fine.column("betx").max(), rel=1e-5)
        assert table["max_bety"][i] == pytest.approx(fine.column("bety").max(), rel=1e-5)


@pytest.mark.parametrize(
    ("ring", "names"),
    [
        pytest.param(fodo(kick="kick"), ("kick",), id="a kicked orbit"),
        pytest.param(fodo(skew="skew"), ("skew",), id="coupled planes"),
        pytest.param(fodo(kick=1e-4), ("kf",), id="an orbit that is kicked always"),
    ],
)
def test_what_the_kernel_cannot_hold_comes_from_twiss(ring: Lattice, names: tuple[str, ...]) -> None:
    parameters = {name: ring.parameters[name] + np.array([0.0, 1e-3, 0.0, 2e-3]) for name in names}
    quantities = ("qx", "qy", "max_betx", "dx@b::3")
    table = scan(ring, parameters=parameters, quantities=quantities)
    optics = twiss(ring.with_parameters(parameters))
    for name in quantities:
        np.testing.assert_allclose(table[name], expected(optics, name), rtol=1e-6, err_msg=name)


def test_quantities_beyond_the_kernel() -> None:
    ring = cnao()
    strengths = ring.parameters["kf"] * np.array([1.0, 1.001])
    table = scan(ring, parameters={"kf": strengths}, quantities=("qx", "min_betx", "x@symp"))
    optics = twiss(ring.with_parameters(kf=strengths))
    np.testing.assert_array_equal(table["min_betx"], optics.minimum("betx"))
    np.testing.assert_array_equal(table["qx"], optics.qx)


def test_parts_and_threads_do_not_change_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    ring = cnao()
    parameters = varied(ring, ("kf", "kd"), 0.01, 101)
    whole = scan(ring, parameters=parameters, jobs=1)
    monkeypatch.setattr("optics.scanning.scans._CHUNK", 17)
    told: list[int] = []
    assert scan(ring, parameters=parameters, jobs=3, progress=told.append).equals(whole)
    assert sum(told) == 101
    assert len(told) == 6


def test_a_grid_holds_both_ends_and_its_last_name_runs_fastest() -> None:
    parameters = grid(kf=(0.28, 0.30, 3), kd=(0.5, 0.6, 2))
    np.testing.assert_allclose(parameters["kf"], [0.28, 0.28, 0.29, 0.29, 0.30, 0.30], rtol=1e-15)
    np.testing.assert_allclose(parameters["kd"], [0.5, 0.6] * 3, rtol=1e-15)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: grid(kf=LOOSE), "first, last, number of points"),
        (lambda: grid(kf=HALF), "number of points"),
        (lambda: grid(kf=(0.2, 0.3, 0)), "cannot hold both ends"),
        (lambda: scan(cnao(), parameters={}), "needs parameters"),
        (lambda: scan(cnao(), parameters={"kf": [0.3, np.nan]}), "finite numbers"),
        (lambda: scan(cnao(), parameters={"kf": [0.3, 0.3], "kd": [0.5]}), "equally long"),
        (lambda: scan(cnao(), parameters={"kf": [0.3]}, quantities=["dqxx"]), "did you mean 'dqx'"),
        (lambda: scan(cnao(), parameters={"kf": [0.3]}, quantities=["qx@symp"]), "no quantity"),
    ],
)
def test_bad_input_is_named(call: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()


def test_names_that_do_not_exist() -> None:
    with pytest.raises(LatticeError, match="no parameter 'kff'"):
        scan(cnao(), parameters={"kff": [0.3]})
    with pytest.raises(InputError, match="symp"):
        scan(cnao(), parameters={"kf": [0.3]}, quantities=["dx@symq"])


def test_rings_that_turn_by_more_than_half_a_turn_in_a_bend_are_handed_over_only_where_motion_is_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A gradient of 0.3 to 0.6 over 6 m of bend: sqrt(0.6) x 6 m is 4.6 rad. Most are unbounded, and nan at once."""
    pair = [
        Bend("mf", length=6.0, angle=pi / 2, k1="kbf"),
        Drift("gap", length=0.4),
        Bend("md", length=6.0, angle=pi / 2, k1="kbd"),
        Drift("half", length=2.0),
    ]
    ring = Lattice("pairs", elements=pair * 2, parameters={"kbf": 0.3, "kbd": -0.3}, particle=PROTON)
    drawn = np.random.default_rng(3).uniform([0.2, -0.4], [0.6, 0.6], (400, 2)).T
    asked, own = [], job.Job._by_twiss

    def counted(self: job.Job, parameters: dict[str, Array]) -> dict[str, Array]:
        asked.append(len(parameters["kbf"]))
        return own(self, parameters)

    monkeypatch.setattr(job.Job, "_by_twiss", counted)
    table = scan(ring, parameters={"kbf": drawn[0], "kbd": drawn[1]}, quantities=("qx", "qy", "max_betx"), jobs=1)
    optics = twiss(ring.with_parameters(kbf=drawn[0], kbd=drawn[1]))
    stable = np.asarray(optics.stable)
    assert table["stable"].tolist() == stable.tolist()
    assert table["qx"].to_numpy()[stable] == pytest.approx(np.asarray(optics.qx)[stable], abs=1e-12)
    assert np.isnan(table["qx"].to_numpy()[~stable]).all()
    assert 0 < sum(asked) <= stable.sum()
