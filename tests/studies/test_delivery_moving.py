"""A delivery with its assumptions moved: the table of settings stays; what comes of it is held against other means.

A beam of 0.05 and 0.07 um, of which nothing is lost, through the fixed room's line at two energies; most laws here are
exact for linear optics, and what is not linear moves a size by less than 1e-3.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
import pytest

from lattice import InputError, ReferenceParticle
from optics.engines.passage import xsuite_passage
from studies.delivery.cases import settings_of
from studies.delivery.entering.moved import moved_source
from studies.delivery.entering.source import Source
from studies.delivery.facts import Facts, gather
from studies.delivery.moving import MOVING, MovedFacts
from studies.delivery.resolution import ResolvedDelivery, resolve
from studies.delivery.study import STUDY
from studies.moves import Moved, with_model_errors
from studies.pipeline import Asked, _moved_cases, _moves, compute
from studies.results import Quantity
from studies.spec.assumption import AssumptionSpec
from studies.spec.study_file import validated

NOT_LINEAR = 1e-3  # of a size, by second and third order of a beam of one momentum
UNITS = {"line_bend_field": "T", "line_fill": "1", "spot_roundness": "1", "ripple_position": "mm"}
CONTENT: dict[str, Any] = {
    "study": "delivery",
    "machine": "cnao-room3",
    "energies": {"lower_MeV_per_u": 100.0, "upper_MeV_per_u": 110.0, "number": 2},
    "spots": [{"x_mm": 4.0, "y_mm": 4.0}],
    "source": {
        "kind": "functions",
        "normalised_emittance_x_um": 0.05,
        "normalised_emittance_y_um": 0.07,
        "momentum_spread_rms": 1e-6,
    },
    "sigmas": 4.0,
    "particles": 500,
    "trajectories": {
        "machines": 10,
        "correctors": ["*_ceb"],
        "errors": [{"magnets": "quadrupole", "dx": 2e-4, "dy": 2e-4}],
        "ripple": {"angle_x_mrad": 0.02},
    },
    "requirement": [
        {"id": f"R{n}", "text": "made up", "quantity": name, "upper": 50.0, "unit": unit, "source": "made up"}
        for n, (name, unit) in enumerate(UNITS.items())
    ],
}


def assumed(key: str, **size: float) -> dict[str, Any]:
    return {"key": key, "why": "the test", **size}


JUDGED = ("spot_size_error", "spot_correlation", "spots_missed", *UNITS)
ASSUMPTIONS = [
    assumed("beams.emittance_y", relative=0.2),
    assumed("beams.betx", relative=0.1),
    assumed("apertures.y", uncertainty=0.5e-3),
    assumed("elements.bend.length", relative=1e-3),
    assumed("trajectories.ripple.*", relative=0.5),
]


def resolved(assumptions: list[dict[str, Any]], **changes: Any) -> ResolvedDelivery:
    study: Any = validated({**CONTENT, "assumption": assumptions, **changes}, "test")
    return resolve(study, None)


@pytest.fixture(scope="module")
def facts() -> Facts:
    return gather(resolved(ASSUMPTIONS), Asked((), report=False, engines=False))


@dataclass(frozen=True)
class Found:
    """Quantities with the errors of their models, and what each assumption moves."""

    quantities: dict[str, Quantity]
    moves: dict[str, Moved]


@pytest.fixture(scope="module")
def found(facts: Facts) -> Found:
    """As ``compute`` puts them together, without figures."""
    before = STUDY.quantities(facts, Asked(()))
    cases = _moved_cases(STUDY, facts.resolved)
    moves = _moves(STUDY, facts.resolved, cases, facts, before)
    quantities = with_model_errors(before, moves, JUDGED)
    return Found({one.name: one for one in quantities}, {one.assumption.key: one for one in moves})


def moved(facts: Facts, assumption: dict[str, Any], sign: float, names: tuple[str, ...]) -> MovedFacts:
    """The facts of the study with one assumption moved, as the study computes them."""
    asked = Asked(names, report=False, engines=False)
    one = AssumptionSpec.model_validate(assumption)
    light = MOVING.lighter(resolved([assumption]))
    base = MOVING.base(facts, light, (), asked)
    assert base is not None
    again = MOVING.again(base, MOVING.moved(light, one, sign), one.key, asked)
    assert isinstance(again, MovedFacts)
    return again


def value(found: Facts, name: str) -> float:
    (one,) = (one for one in STUDY.quantities(found, Asked((name,))) if one.name == name)
    assert one.value is not None
    return one.value


def test_a_spot_goes_with_the_root_of_its_emittance(found: Found, facts: Facts) -> None:
    """Of sizes in y alone: sqrt(0.8) and sqrt(1.2) times those that are tracked; x and y are as round as these."""
    move = found.moves["beams.emittance_y"]
    size = np.array([one.sizes / [one.case.size_x, one.case.size_y] for one in facts.delivered])
    down, up = (size * [1.0, sqrt(share)] for share in (0.8, 1.2))
    for name, ends in {
        "spot_size_error": [np.abs(one - 1).max() for one in (down, up)],
        "spot_roundness": [np.abs(one[:, 0] / one[:, 1] - 1).max() for one in (down, up)],
    }.items():
        one = found.quantities[name]
        expected = [end - (one.value or 0.0) for end in ends]
        assert (move.down[name], move.up[name]) == pytest.approx(expected, abs=NOT_LINEAR)
        assert (one.model or 0.0) >= move.larger(name)


def test_field_and_ripple_go_as_they_must(found: Found) -> None:
    """Field: angle B rho / length. Ripple: itself, to the second order of the line."""
    field, ripple = (found.quantities[name] for name in ("line_bend_field", "ripple_position"))
    assert field.model == pytest.approx((field.value or 0.0) * (1 / 0.999 - 1), rel=1e-9)
    assert found.moves["trajectories.ripple.*"].larger("ripple_position") == pytest.approx(
        0.5 * (ripple.value or 0.0), rel=0.02
    )


def test_what_no_assumption_reaches_says_so(found: Found) -> None:
    """A table with nothing on the entrance: its offset is moved by none, its field by the bends' length alone."""
    assert found.quantities["junction_offset"].model is None  # not judged here
    assert {key for key, move in found.moves.items() if "line_bend_field" in move.down} == {"elements.bend.length"}
    assert found.quantities["spot_correlation"].model == 0.0


def test_a_doubled_uncertainty_moves_the_error(facts: Facts) -> None:
    """A wall twice as uncertain, where the beam stands in it: fill = edge / half opening."""
    name = "line_fill"
    tight = {
        plane: value(moved(facts, assumed(f"apertures.{plane}", uncertainty=1e-3), -1.0, (name,)), name)
        for plane in "xy"
    }
    plane = max(tight, key=tight.__getitem__)
    assert tight[plane] > value(facts, name)
    wider = value(moved(facts, assumed(f"apertures.{plane}", uncertainty=2e-3), -1.0, (name,)), name)
    walls = {getattr(one.aperture, f"half_{plane}") for one in facts.found.lattice.elements if one.aperture}
    ratios = [(wall - 1e-3) / (wall - 2e-3) for wall in walls]
    assert min(abs(wider / tight[plane] - ratio) for ratio in ratios) < 1e-9


def test_xsuite_finds_the_moved_beam_within_the_error(found: Found, facts: Facts) -> None:
    """The settings of the run, a beam with 1.2 and 0.8 of the emittance, tracked by Xsuite: sizes inside the error."""
    error = found.quantities["spot_size_error"]
    for share in (0.8, 1.2):
        one = facts.shown
        states = facts.source.at(one.case.particle).copy()
        states[:, 2:4] *= sqrt(share)
        line = facts.found.of(one.case.number)
        line = line[: line.row(facts.resolved.isocentre)]
        sizes = xsuite_passage(line, one.case.particle, states)[:, [0, 2]].std(axis=0)
        missed = np.abs(sizes / [one.case.size_x, one.case.size_y] - 1).max()
        assert abs(missed - (error.value or 0.0)) <= (error.error or 0.0)
        assert abs(missed - (error.value or 0.0)) > 0.5 * (error.model or 0.0)


def test_what_asks_for_settings_is_told_from_settings_for_the_moved_beam(facts: Facts) -> None:
    """1.2 of the emittance at the settings of the study: 1.095 of the size. Found anew: every spot as it is chosen."""
    names = ("line_gradient", "spots_missed", "spot_dispersion")
    kept = moved(facts, assumed("beams.emittance_y", relative=0.2), 1.0, names)
    assert kept.found.sizes[:, 1] == pytest.approx(sqrt(1.2) * facts.found.sizes[:, 1], rel=1e-6)
    assert kept.design.sizes == pytest.approx(kept.design.wanted, rel=1e-6)
    assert value(kept, "spots_missed") == 0.0
    made = moved(facts, assumed("design.emittance_y", relative=0.2), 1.0, names)
    assert made.found.sizes == pytest.approx(made.found.wanted, rel=1e-6)
    assert value(made, "line_gradient") == pytest.approx(value(kept, "line_gradient"), rel=1e-9)


def test_a_calibration_moves_what_spots_are_and_not_which_settings_there_are(facts: Facts) -> None:
    """All gradients 1e-3 more: at strengths that are as much less the spots are those of the study, all reached."""
    one = AssumptionSpec.model_validate(assumed("elements.quadrupole.k1", relative=1e-3))
    judged = ("spots_missed", "line_gradient", "spot_interpolation", "spot_dispersion", "spot_size_error")
    assert MOVING.touched(one.key, judged) == ("spot_dispersion", "spot_size_error")
    line = MOVING.moved(MOVING.lighter(resolved([assumed(one.key, relative=1e-3)])), one, 1.0)
    known = facts.found.values / 1.001
    again = settings_of(line, line.own, facts.cases, facts.beams, known, "nowhere")
    assert again.sizes == pytest.approx(facts.found.sizes, rel=1e-9)
    assert again.reached.all()
    kept = settings_of(line, line.own, facts.cases, facts.beams, facts.found.values, "nowhere")
    assert not kept.reached.any()


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("beams.emitance_x", "the beam that enters has emittance_x, emittance_y, betx, bety, momentum_spread, dx"),
        ("elements.sextupole.k2", "has no sextupole with 'k2'"),
        ("trajectories.ripples.x_mm", "no number stands there"),
        ("apertures.z", "expected apertures.x or apertures.y"),
    ],
)
def test_an_assumption_on_what_there_is_not_is_told_before_anything_is_computed(key: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        compute(STUDY, resolved([assumed(key, relative=0.1)]))


@pytest.mark.parametrize("name", ["emittance_x", "betx", "momentum_spread", "dx"])
def test_a_beam_is_moved_in_what_its_key_says_and_in_nothing_else(name: str) -> None:
    """Emittance, beta, dispersion and spread, as the particles have them: one is 1.2 times as large, the others and the
    mean are as they were, and so is y."""
    random = np.random.default_rng(4)
    states = random.normal(size=(500, 6)) * [1e-3, 2e-4, 2e-3, 1e-4, 0.0, 1e-3] + [5e-3, 0, 0, 0, 0, 0]
    states[:, :2] += np.outer(states[:, 5], [4.0, 0.5])
    particle = ReferenceParticle("proton", kinetic_energy_per_u=100e6)
    source = Source(states, particle, "", "", apart=((0, 1, 4, 5), (2, 3)))
    one = AssumptionSpec.model_validate(assumed(f"beams.{name}", relative=0.2))
    after = moved_source(source, one, 1.0).states
    expected = numbers_of(states)
    expected[name] *= 1.2
    assert numbers_of(after) == pytest.approx(expected, rel=1e-9)
    assert after.mean(axis=0) == pytest.approx(states.mean(axis=0), abs=1e-15)
    assert after[:, 2:4] == pytest.approx(states[:, 2:4], abs=1e-15)  # rounding about the mean


def numbers_of(states: Any) -> dict[str, float]:
    """By regression on delta."""
    away = states - states.mean(axis=0)
    slope = away[:, :2].T @ away[:, 5] / (away[:, 5] @ away[:, 5])
    sigma = np.cov((away[:, :2] - np.outer(away[:, 5], slope)).T, bias=True)
    area = float(np.sqrt(np.linalg.det(sigma)))
    return {"emittance_x": area, "betx": sigma[0, 0] / area, "momentum_spread": away[:, 5].std(), "dx": slope[0]}


def test_a_beam_that_has_none_cannot_have_a_tenth_more() -> None:
    states = np.zeros((10, 6))
    source = Source(states, ReferenceParticle("proton", kinetic_energy_per_u=100e6), "", "")
    one = AssumptionSpec.model_validate(assumed("beams.momentum_spread", relative=0.1))
    with pytest.raises(InputError, match=r"assumption 'beams.momentum_spread ± 10 %': the beam that enters has 0"):
        moved_source(source, one, 1.0)
