"""Models of what a search computed: exact where they must be, in order where cases are, and quicker to a front."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from lattice.arrays import Array
from studies.cli import run
from studies.search.asked import Search, asked
from studies.search.choosing.evolving import generations
from studies.search.choosing.foreseeing import SHARE, foreseen
from studies.search.choosing.modelling import Cases, Model, cases_of, level, ranking, smoothest
from studies.search.front import hypervolume
from studies.search.gathering import gathered
from studies.search.scoring import Scores
from studies.spec.study_file import load_study
from tests.studies.test_search import OWN, table_of

LOWER, UPPER = np.array([0.26, 0.42]), np.array([0.33, 0.56])


@pytest.fixture(scope="module")
def search(tmp_path_factory: pytest.TempPathFactory) -> Search:
    path = tmp_path_factory.mktemp("search") / "tunes.toml"
    path.write_text(OWN)
    return asked(load_study(path, (), "test"), path)


def scores_of(points: Array, limit: float = 0.0) -> Scores:
    """Two objectives at cost of each other along the first knob, and a limit below which the second must stay.

    With parts u, v of the two knobs' ranges: u + (v - 0.3)^2, (1 - u)^2 + (v - 0.3)^2, and 1 - u - v <= ``limit``.
    """
    u, v = ((points - LOWER) / (UPPER - LOWER)).T
    aside = (v - 0.3) ** 2
    excess = np.column_stack([1.0 - u - v - limit, np.full(len(u), -1.0)])
    return Scores(
        np.column_stack([u + aside, (1.0 - u) ** 2 + aside]), np.maximum(excess, 0.0), np.ones(len(u), bool), excess
    )


def drawn(number: int, seed: int = 1) -> Array:
    return np.random.default_rng(seed).uniform(LOWER, UPPER, (number, 2))


def evolved(search: Search, method: str, seed: int, **changes: Any) -> list[tuple[Array, Scores]]:
    spec = search.spec.model_copy(update={"method": method, "population": 12, "generations": 5, **changes})
    points_of = generations(replace(search, spec=spec, seed=seed))
    found, points = [], next(points_of)
    while True:
        found.append((points, scores_of(points)))
        try:
            points = points_of.send(found[-1][1])
        except StopIteration:
            return found


# ------------------------------------------------------------------------------------------------------------- models


def test_a_model_goes_through_what_is_known_and_between_it() -> None:
    """A plane is told everywhere, anything where it was computed; smoothed ones miss by a little."""
    places = np.random.default_rng(2).random((30, 2))
    plane = np.array([1.5, -0.5])
    cases = Cases(places, np.column_stack([places @ plane, np.sin(5.0 * places[:, 0])]), 2)
    wanted = level(cases.values, np.array([True, True]))
    assert Model(cases, np.zeros(2)).at(places) == pytest.approx(wanted, abs=1e-9)
    assert 1e-6 < np.abs(Model(cases, np.full(2, 1e-3)).at(places) - wanted).max() < 0.3
    elsewhere = np.random.default_rng(3).random((200, 2))
    order = np.argsort(Model(cases, np.zeros(2)).at(elsewhere)[:, 0])
    assert (np.diff((elsewhere @ plane)[order]) > -0.02).all()


def test_levelled_values_keep_their_order_and_constraints_their_limit() -> None:
    """By hand: quartiles 1, 2 and 3 of 0 .. 4 make asinh((x - 2)/2), of a constraint asinh(x/2)."""
    values = np.column_stack([np.arange(5.0), np.arange(5.0) - 1.0])
    found = level(values, np.array([True, False]))
    assert found[:, 0] == pytest.approx(np.arcsinh((np.arange(5.0) - 2.0) / 2.0))
    assert found[:, 1] == pytest.approx(np.arcsinh((np.arange(5.0) - 1.0) / 2.0))
    assert level(np.full((4, 1), 3.0), np.array([True])).tolist() == [[0.0]] * 4  # nothing differs: no division by 0


def test_what_has_no_number_is_modelled_by_the_others_and_too_little_not_at_all() -> None:
    places = np.random.default_rng(4).random((20, 2))
    values = np.column_stack([places[:, 0], places[:, 1], places.sum(axis=1)])
    values[5:, 1] = np.nan  # five are enough for two knobs, three are not
    values[3:, 2] = np.nan
    model = Model(Cases(places, values, 3), np.zeros(3))
    assert model.at(places)[:, 2].tolist() == [0.0] * 20
    assert model.at(places[:5])[:, 1] == pytest.approx(level(values[:5, [1]], np.array([True]))[:, 0], abs=1e-9)
    assert model.at(places)[:, 0] == pytest.approx(level(values[:, [0]], np.array([True]))[:, 0], abs=1e-9)


def test_cases_that_share_the_value_of_a_knob_have_no_model(search: Search) -> None:
    """Of a whole number that stood still nothing is known between: 0, and points for the generation all the same."""
    places = np.random.default_rng(6).random((12, 2)) * [1.0, 0.0] + [0.0, 0.5]
    cases = Cases(places, places, 2)
    assert Model(cases, np.zeros(2)).at(places).tolist() == [[0.0, 0.0]] * 12
    points = LOWER + places * (UPPER - LOWER)
    assert foreseen(search, [(points, scores_of(points))], drawn(16), points[:8]).shape == (16, 2)


def test_points_that_are_known_twice_count_once(search: Search) -> None:
    points = drawn(10)
    both = cases_of(search, [(points, scores_of(points)), (points[::-1], scores_of(points[::-1]))])
    assert both.points == pytest.approx((points - LOWER) / (UPPER - LOWER))
    assert both.values[:, :2] == pytest.approx(scores_of(points).objectives)
    assert both.values[:, 2:] == pytest.approx(scores_of(points).excess)


def test_a_ranking_is_one_in_the_order_that_was_computed_and_minus_one_in_the_other(search: Search) -> None:
    first, then = drawn(60), drawn(20, 2)
    told = ranking(search, [(first, scores_of(first))], then, scores_of(then))
    assert (told[:3] > 0.99).all()  # and 0 of the second limit, which is the same everywhere
    turned = replace(scores_of(then), objectives=-scores_of(then).objectives)
    assert ranking(search, [(first, scores_of(first))], then, turned)[:2] == pytest.approx(-told[:2])
    few = replace(scores_of(then[:3]), objectives=np.array([[1.0, 2.0], [2.0, np.nan], [np.nan, 1.0]]))
    assert ranking(search, [(first, scores_of(first))], then[:3], few)[:2].tolist() == [0.0, 0.0]


def test_noise_is_smoothed_and_what_has_none_is_not(search: Search) -> None:
    first, then = drawn(40), drawn(30, 2)
    exact = [(first, scores_of(first)), (then, scores_of(then))]
    assert smoothest(search, exact).tolist() == smoothest(search, exact[:1]).tolist() == [0.0] * 4
    random = np.random.default_rng(5)
    noisy = [
        (p, replace(s, objectives=s.objectives + 0.4 * random.standard_normal(s.objectives.shape))) for p, s in exact
    ]
    found = smoothest(search, noisy)
    assert (found[:2] > 0.0).all()
    assert found[2] == 0.0  # the limit is known exactly beside them


# ------------------------------------------------------------------------------------------------- points by the models


def test_half_of_a_generation_is_what_the_models_hold_for_the_best(search: Search) -> None:
    """The front: v = 0.3 beyond u = 0.7; before it the limit, u + v = 1, down to u = 0.2, where the first is least."""
    first, own = drawn(60), drawn(16, 2)
    found = foreseen(search, [(first, scores_of(first))], own, first[:16])
    count = int(SHARE * len(own))
    assert (found[count:] == own[count:]).all()
    u, v = ((found[:count] - LOWER) / (UPPER - LOWER)).T
    assert np.abs(v - np.maximum(0.3, 1.0 - u)).max() < 0.05
    assert u.min() > 0.15
    assert np.ptp(u) > 0.5
    assert len(np.unique(found, axis=0)) == len(found)


def test_points_that_were_computed_are_not_asked_for_again(search: Search) -> None:
    """Of knobs that are whole numbers few points are left: these once, and the search's own for the rest."""
    knobs = tuple(one.model_copy(update={"lower": 0.0, "upper": 2.0, "whole": True}) for one in search.knobs)
    whole = replace(search, knobs=knobs)
    grid = np.array([[i, j] for i in range(3) for j in range(3)], dtype=float)
    known, own = grid[[0, 1, 2, 3, 5, 6, 7]], np.full((16, 2), 9.0)
    values = Scores(known, np.zeros((7, 2)), np.ones(7, bool), np.full((7, 2), -1.0))
    found = foreseen(whole, [(known, values)], own, known)
    new = found[(found != 9.0).all(axis=1)]
    assert {tuple(one) for one in new} <= {(1.0, 1.0), (2.0, 2.0)}
    assert len(new) == len(np.unique(new, axis=0))


def test_models_reach_further_at_the_same_number_of_cases(search: Search) -> None:
    """Sixty cases of each of five seeds: every front covers more than that of any without models."""
    corner = np.array([1.5, 1.0])
    sizes = {
        method: [
            hypervolume(np.concatenate([s.objectives[s.feasible] for _, s in evolved(search, method, seed)]), corner)
            for seed in range(5)
        ]
        for method in ("nsga2", "surrogate", "random")
    }
    assert min(sizes["surrogate"]) > max(*sizes["nsga2"], *sizes["random"])


def test_the_same_seed_goes_the_same_way_and_every_generation_is_full(search: Search) -> None:
    first, again, other = (evolved(search, "surrogate", seed) for seed in (3, 3, 4))
    assert all((a == b).all() for (a, _), (b, _) in zip(first, again, strict=True))
    assert not all((a == b).all() for (a, _), (b, _) in zip(first, other, strict=True))
    assert [len(points) for points, _ in first] == [12] * 5


def test_nothing_feasible_is_searched_on(search: Search) -> None:
    first, own = drawn(30), drawn(16, 2)
    hopeless = scores_of(first, limit=-3.0)
    found = foreseen(search, [(first, hopeless)], own, first[:16])
    assert found.shape == own.shape
    assert (found[1:] == own[1:]).all()


# -------------------------------------------------------------------------------------------------- as users run it


def test_a_search_with_models_tells_how_well_they_foretold(tmp_path: Path) -> None:
    study, folder = tmp_path / "tunes.toml", tmp_path / "out"
    study.write_text(OWN.replace("population = 16", 'method = "surrogate"\npopulation = 16'))
    assert run(["search", str(study), "--out", str(folder), "-q"]) == 0
    assert len(table_of(folder)) == 3 + 16 * 6
    page = (folder / "report.html").read_text("utf-8")
    assert "What the models foretold" in page
    assert "Regis" in page

    found = gathered(asked(load_study(study, (), "test"), study), table_of(folder))
    points, rows = found.table[["kf", "kd"]].to_numpy(), slice(80, 96)  # the sixth sixteen of 99
    before, last = (slice(64), slice(64, 80))
    seen = [(points[part], found.scores.only(part)) for part in (before, last)]
    models = Model(cases_of(found.search, seen), smoothest(found.search, seen))
    foretold = models.at((points[rows] - LOWER) / (UPPER - LOWER))[:, :2]
    ranks = [spearmanr(a, b).statistic for a, b in zip(foretold.T, found.scores.objectives[rows].T, strict=True)]
    assert found.foretold.index.tolist() == [32, 48, 64, 80, 96]
    assert found.foretold.loc[96].tolist() == pytest.approx(ranks)
    picture = json.loads((folder / "figures" / "search-models.json").read_text("utf-8"))
    lines = [one["line"] for one in picture["data"] if one.get("mode") == "lines"]
    assert len({(one["color"], one.get("dash", "solid")) for one in lines}) == 2  # each objective in its own
    drawn = pd.read_csv(folder / "figures" / "search-models.csv")
    assert drawn["machines tried"].tolist() == [32, 48, 64, 80, 96]
    assert drawn.iloc[:, 1:].to_numpy() == pytest.approx(found.foretold.to_numpy(), abs=1e-5)


def test_two_processes_and_one_search_alike_with_models(tmp_path: Path) -> None:
    study = tmp_path / "tunes.toml"
    study.write_text(
        OWN.replace("population = 16\ngenerations = 6", 'method = "surrogate"\npopulation = 8\ngenerations = 3')
    )
    tables = []
    for jobs in ("1", "2"):
        assert run(["search", str(study), "--out", str(tmp_path / jobs), "-q", "--jobs", jobs]) == 0
        tables.append(table_of(tmp_path / jobs))
    pd.testing.assert_frame_equal(*tables, check_exact=True)


def test_a_quantity_of_a_spill_is_no_objective(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change = 'search.objective=[{quantity="duty_factor"}]'
    assert run(["search", "cnao-search", "--set", change, "--out", str(tmp_path / "out")]) == 2
    assert "search: 'duty_factor' is of a tracked spill" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
