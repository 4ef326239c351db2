"""Matches of many lattices at once: what ``match`` finds for each, in a few evaluations of the kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lattice import InputError, Lattice
from machines.cnao_like import cnao
from optics import Target, Vary, grid, match, match_each, scan, twiss
from optics.maps.smooth import arctan_ratio_series, cos_of_sin, ratio_of_square, series_near_zero, sin_sqrt_series
from optics.scanning.job import Job

TUNES = (Target("qx", 1.666), Target("qy", 1.74))
QUADRUPOLES = (Vary("kf", 0.28, 0.31), Vary("kd", 0.46, 0.53))


@pytest.fixture(scope="module")
def ring() -> Lattice:
    return cnao()


def test_it_is_match_of_every_lattice(ring: Lattice) -> None:
    """Three families to two tunes and a dispersion, from other strengths of the fourth (an air-core quadrupole)."""
    vary, targets = [*QUADRUPOLES, Vary("kr")], [*TUNES, Target("dx", 0.0, at="symp")]
    air_core = np.linspace(-2e-3, 2e-3, 3)
    table = match_each(ring, parameters={"kacq": air_core}, vary=vary, targets=targets, jobs=1)
    assert table.matched.all()
    for row in table.itertuples():
        one = match(ring.with_parameters(kacq=row.kacq), vary=vary, targets=targets, restarts=0)
        # both end at residuals of 1e-12, which are 1e-14 of a tune
        assert [row.kf, row.kd, row.kr] == pytest.approx(list(one.parameters.values()), rel=1e-12)


def test_a_match_takes_a_few_evaluations_of_the_kernel(ring: Lattice, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four steps with three lattices each (two of them for derivatives), and one that tells what was found."""
    counted: list[int] = []
    run = Job.run

    def counting(self: Job, parameters: Any) -> Any:
        counted.append(len(parameters["kr"]))
        return run(self, parameters)

    monkeypatch.setattr(Job, "run", counting)
    strengths = {"kr": ring.parameters["kr"] * np.linspace(0.995, 1.005, 64)}
    table = match_each(ring, parameters=strengths, vary=QUADRUPOLES, targets=TUNES, jobs=1)
    assert table.matched.all()
    assert sum(counted) <= 64 * (4 * 3 + 1)


def test_ties_bounds_and_quantities_are_those_of_match_and_scan(ring: Lattice) -> None:
    """A knob that moves two families together; what is out of its reach ends at its bound and is not matched."""
    table = match_each(
        ring,
        parameters={"kr": np.array([0.4971, 0.52])},
        vary=[Vary("kf", 0.288, 0.294, tied={"kd": 1.7})],
        targets=[Target("qx", 1.666)],
        quantities=("max_betx", "qx"),
        jobs=1,
    )
    assert list(table["kd"]) == pytest.approx(1.7 * table["kf"])
    assert list(table["matched"]) == [True, False]
    assert table["kf"][1] in (0.288, 0.294)
    same = scan(
        ring, parameters={name: table[name].to_numpy() for name in ("kr", "kf", "kd")}, quantities=("max_betx",)
    )
    assert list(table["max_betx"]) == list(same["max_betx"])


def test_lattices_that_the_kernel_cannot_hold_are_matched_too(ring: Lattice) -> None:
    """Skew quadrupoles couple the planes: their optics comes from twiss, and the tunes are met there."""
    table = match_each(ring, parameters={"kskq": np.array([1e-3, 2e-3])}, vary=QUADRUPOLES, targets=TUNES, jobs=1)
    assert table.matched.all()
    found = twiss(ring.with_parameters({name: table[name].to_numpy() for name in ("kskq", "kf", "kd")}))
    assert found.coupled
    # the least squares end at 1e-12 of a scale of 0.01
    assert np.abs(found.scalar("qx") - 1.666).max() < 1e-12
    assert np.abs(found.scalar("qy") - 1.74).max() < 1e-12


def test_what_has_no_optics_is_not_matched(ring: Lattice) -> None:
    """Without bounded motion where it begins there is nothing to go down; its numbers are nan."""
    table = match_each(ring, parameters={"kr": np.array([0.4971, 5.0])}, vary=QUADRUPOLES, targets=TUNES, jobs=1)
    assert list(table.matched) == [True, False]
    assert list(table.stable) == [True, False]
    assert np.isnan(table.qx[1])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"targets": [Target("qx - qy", 0.0)]}, "aims at scalars"),
        ({"targets": [Target("mux", 0.2, between=("symp", "_end"))]}, "aims at scalars"),
        ({"parameters": {"kf": [0.29]}}, "is varied"),
        ({"vary": [Vary("kg")]}, "no parameter 'kg'"),
        ({"quantities": ("bet",)}, "no quantity 'bet'"),
        ({"parameters": {"kr": [0.49, np.nan]}}, "finite numbers"),
    ],
)
def test_mistakes_are_named(ring: Lattice, changed: dict[str, Any], message: str) -> None:
    asked: dict[str, Any] = {"parameters": {"kr": [0.497]}, "vary": QUADRUPOLES, "targets": TUNES}
    with pytest.raises(InputError, match=message):
        match_each(ring, **{**asked, **changed})


def test_first_order_gives_the_same_numbers(ring: Lattice) -> None:
    """A scan without chromaticities leaves second derivatives out, and changes nothing else."""
    strengths = grid(kf=(0.29, 0.292, 5), kd=(0.49, 0.5, 5))
    names = ("qx", "qy", "max_betx", "min_dx", "dx@symp", "momentum_compaction")
    whole = scan(ring, parameters=strengths, quantities=(*names, "dqx"), jobs=1)
    first = scan(ring, parameters=strengths, quantities=names, jobs=1)
    assert all(np.array_equal(first[name], whole[name]) for name in names)


def test_series_side_by_side_are_those_of_single_numbers() -> None:
    """To the last bit: the same terms in the same order."""
    u, w, rows = np.linspace(-0.999, 0.999, 16), np.linspace(-0.2499, 0.2499, 16), np.zeros((3, 16))
    series_near_zero(0, u, rows)
    assert [tuple(column) for column in rows.T] == [sin_sqrt_series(one) for one in u]
    assert cos_of_sin(u[0], *rows[:2, 0])[1] == -0.5 * rows[0, 0]
    series_near_zero(1, w * w, rows)
    for one, column in zip(w, rows.T, strict=True):
        assert ratio_of_square(one, *column) == arctan_ratio_series(one)
