"""What a study file and the command line can ask of a match, and the knobs, goals and limits made of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest

from lattice import InputError
from machines.registry import ring_named
from optics.matching.matching import MatchResult
from studies.cli import run
from studies.commands.options import parse_beam, parse_limit, parse_start, parse_target, parse_tie
from studies.match.design import matched_design
from studies.match.tables import match_tables
from studies.report import render
from studies.ring_optics.study import headline
from studies.spec.match import MatchSpec
from studies.spec.resolution import resolve_ring
from studies.spec.schema import RingStudy
from studies.spec.study_file import validated
from tests.report_fakes import fake_result

CNAO = [
    {"name": "kf", "lower": 0.25, "upper": 0.35},
    {"name": "kd", "lower": 0.4, "upper": 0.6},
    {"name": "kr", "lower": 0.4, "upper": 0.6},
]
TUNES = [{"quantity": "qx", "value": 1.666}, {"quantity": "qy", "value": 1.74}]


def matched(match: dict[str, Any], **study: Any) -> MatchResult:
    content = {"study": "optics", "machine": "cnao", "machine_requirements": False, **study, "match": match}
    made = validated({key: value for key, value in content.items() if value is not None}, "test")
    assert isinstance(made, RingStudy)
    found = matched_design(resolve_ring(made, None))
    assert found is not None
    return found


def test_tied_frozen_and_switched_off() -> None:
    found = matched(
        {
            "vary": [
                {**CNAO[0], "lower": 0.2, "upper": 0.4},
                {"name": "kd", "tied": {"kr": 1.003}, "lower": 0.4, "upper": 0.6},
                {"name": "s0", "active": False},
            ],
            "targets": [*TUNES, {"quantity": "dqx", "value": -4.0, "active": False}],
        }
    )
    assert found.success
    values = found.lattice.parameters
    assert values["kr"] == pytest.approx(1.003 * values["kd"], rel=1e-14)  # the tie, exactly
    assert list(found.parameters) == ["kf", "kd"]
    assert found.target_labels == ("qx", "qy")


def test_formulas_and_advances_take_the_machines_names_of_places() -> None:
    septa = ["electrostatic_septum", "magnetic_septum"]
    found = matched(
        {
            "vary": CNAO,
            "targets": [
                {"quantity": "mux", "between": septa, "value": 0.6, "tolerance": 1e-3},
                {"quantity": "betx@electrostatic_septum - betx@magnetic_septum", "value": 0.0, "weight": 0.1},
            ],
            "restarts": 0,
            "method": "local",
        }
    )
    advance, difference = found.targets
    places = ring_named("cnao").places
    assert advance.places == (places["electrostatic_septum"], places["magnetic_septum"])
    assert set(difference.places) == set(advance.places)  # the machine's names became elements
    assert (advance.tolerance, difference.value) == (1e-3, 0.0)
    assert found.method == "local"


def test_working_points_together() -> None:
    found = matched(
        {
            "vary": [CNAO[0], {**CNAO[1], "case": "design"}, {**CNAO[1], "case": "injection"}],
            "targets": [
                {"quantity": "qx", "value": 1.666},
                {"quantity": "qx", "value": 1.67, "case": "injection"},
            ],
            "cases": [{"name": "injection", "working_point": "injection-proton-7MeV"}],
            "polish": "gradient",
        }
    )
    assert found.success
    assert found.target_labels == ("design: qx", "injection: qx")
    one, other = found.lattices.values()
    assert one.parameters["kf"] == other.parameters["kf"]  # shared
    assert one.parameters["kd"] != other.parameters["kd"]  # separate
    assert other.particle == ring_named("cnao").lattice("injection-proton-7MeV").particle
    assert "gradient" in found.method


def test_beams_stay_inside_the_aperture() -> None:
    limit = {"quantity": "size_x", "upper": "aperture", "beam": "waiting proton stack"}
    found = matched({"vary": CNAO, "targets": TUNES, "limits": [limit]})
    assert found.particle is not None
    edge = next(beam for beam in ring_named("cnao").beams if beam.name == "waiting proton stack").edge(found.particle)
    made = found.limits[0]
    assert (made.beam, made.sigmas, made.full_width) == (edge.beam, edge.sigmas, edge.full_width)
    assert edge.full_width > 0.0
    assert found.residuals["size_x<aperture"] == 0.0
    with pytest.raises(InputError, match=r"which beam.*waiting proton stack"):
        matched({"vary": CNAO, "targets": TUNES, "limits": [{"quantity": "size_x", "upper": "aperture"}]})
    with pytest.raises(InputError, match="no beam 'waiting proton stak'; did you mean"):
        matched({"vary": CNAO, "targets": TUNES, "limits": [{**limit, "beam": "waiting proton stak"}]})


def test_the_extraction_is_aimed_at_from_an_optics_study() -> None:
    found = matched(
        {
            "vary": [{"name": "sr", "lower": 0.0, "upper": 60.0}],
            "targets": [{"quantity": "virtual_sextupole", "value": 30.0, "tolerance": 1e-3}],
        }
    )
    assert found.success
    assert found.targets[0].places == ("se_010a_esp",)  # the septum of the machine is where it is meant
    with pytest.raises(InputError, match="takes no x_septum"):
        matched({"vary": CNAO, "targets": [{"quantity": "qx", "value": 1.666, "x_septum": 0.03}]})


def test_the_start_of_a_line_is_a_knob(tmp_path: Path) -> None:
    """A drift of 2 m: a waist of betas b in its middle has b + 1/b at its ends, alpha 1/b and -1/b."""
    file = tmp_path / "line.seq"
    file.write_text("beam, particle=proton, energy=1.1;\nd: drift, l=2;\nm: marker;\nline: line=(d, m);\n")
    found = matched(
        {
            "vary": [
                {"name": "start.betx", "lower": 0.5, "upper": 9.0},
                {"name": "start.alfx", "lower": -3, "upper": 3},
            ],
            "targets": [
                {"quantity": "betx", "at": "m", "value": 2.5},
                {"quantity": "alfx", "at": "m", "value": -0.5},
            ],
        },
        machine=None,
        lattice=str(file),
        start={"betx": 5.0, "bety": 3.0},
    )
    assert found.success
    assert found.start is not None
    assert found.start["betx"] == pytest.approx(2.5, abs=1e-6)  # b = 2
    assert found.start["alfx"] == pytest.approx(0.5, abs=1e-6)
    assert list(found.lattice.parameters) == []


def test_the_conflict_is_a_table() -> None:
    closed = {"quantity": "dx", "at": "symp", "value": 0.0}
    found = matched({"vary": CNAO, "targets": [*TUNES, closed], "limits": [{"quantity": "betx", "upper": 15.0}]})
    assert not found.success
    frame = next(table.frame for table in match_tables(found) if table.id == "match-conflict")
    row = frame.set_index("goal").loc["betx<15"]
    # With all three targets met the peak of betx is 16.751 m (PHYSICS of the ring, two engines): 1.751 beyond.
    assert row["could be met at"] == pytest.approx(16.751, abs=2e-3)
    assert row["in conflict"] == "yes"


@pytest.mark.parametrize(
    ("match", "message"),
    [
        ({"targets": [{"quantity": "qx", "value": 1.6, "at": "symp", "between": ["a", "b"]}]}, "give at or between"),
        ({"targets": [{"quantity": "qx", "value": 1.6, "case": "other"}]}, "no case 'other'; there are: design"),
        ({"cases": [{"name": "design"}]}, "two working points are called design"),
        ({"vary": [CNAO[0], CNAO[0]]}, "varies kf twice"),
        ({"method": "best"}, "expected 'auto', 'local'"),
        ({"limits": [{"quantity": "betx", "upper": "wide"}]}, "aperture"),
        ({"targets": [{"quantity": "qx", "value": float("nan")}]}, "a finite number"),
    ],
)
def test_what_a_study_cannot_ask_is_refused(match: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        matched({"vary": CNAO, "targets": TUNES, **match})


def test_goals_as_they_are_written_on_the_command_line() -> None:
    assert parse_target("mux@a:b = 0.25") == {"quantity": "mux", "between": ["a", "b"], "value": 0.25}
    assert parse_target("betx@a:end=3+-1e-3") == {"quantity": "betx", "at": "a:end", "value": 3.0, "tolerance": 1e-3}
    assert parse_target("betx@A - betx@b=0") == {"quantity": "betx@a-betx@b", "value": 0.0}
    assert parse_limit("size_x<aperture") == {"quantity": "size_x", "upper": "aperture"}
    assert parse_limit("betx@a:b<20") == {"quantity": "betx", "upper": 20.0, "between": ["a", "b"]}
    assert parse_tie("kd=-1.7*kf") == {"name": "kd", "factor": -1.7, "leader": "kf"}
    assert parse_start("betx=9.07") == {"betx": 9.07}
    assert parse_beam("0.5:0.7:2e-3") == {
        "normalised_emittance_x_um": 0.5,
        "normalised_emittance_y_um": 0.7,
        "momentum_spread": 2e-3,
    }
    for parse, text in ((parse_tie, "kd=kf"), (parse_start, "betx"), (parse_beam, "0.5"), (parse_target, "qx")):
        with pytest.raises(click.BadParameter, match="expected"):
            parse(text)


def test_a_tie_to_what_is_not_varied_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["match", "cnao", "--vary", "kf=0.2:0.4", "--tie", "kd=1.7*kr", "--target", "qx=1.6"]
    assert run(words) == 2
    assert "'kr' is not varied" in capsys.readouterr().err


def test_the_banner_tells_a_match_that_has_no_requirements_to_judge() -> None:
    closed = {"quantity": "dx", "at": "symp", "value": 0.0}
    failed = matched({"vary": CNAO, "targets": [*TUNES, closed], "limits": [{"quantity": "betx", "upper": 15.0}]})
    assert headline(failed).startswith("The match has no solution: ")
    assert headline(failed).endswith("betx<15 conflict")
    assert headline(matched({"vary": CNAO, "targets": TUNES})).startswith("Match: 2 targets met")
    page = render(replace(fake_result(), verdicts=(), headline=headline(failed), wanting=True))
    assert '<p class="banner wanting">The match has no solution' in page
    assert "0 passed" not in page


@pytest.mark.parametrize(
    ("targets", "more", "told"),
    [
        (1, {}, ""),
        (2, {}, "the match has as many targets as knobs: free a target or add a knob"),
        (3, {}, "the match has more targets than knobs: free a target or add a knob"),
        (3, {"active": False}, ""),
    ],
)
def test_a_match_without_a_knob_to_spare_says_so(targets: int, more: dict[str, Any], told: str) -> None:
    """Two knobs; with targets that are not asked there is a knob for one more."""
    goal = {"quantity": "qx", "value": 1.7, **more}
    found = MatchSpec.model_validate({"vary": [{"name": "kf"}, {"name": "kd"}], "targets": [goal] * targets})
    assert found.spent == told
