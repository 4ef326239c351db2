"""Kinds of verdicts: published, assumed, of the program; told by files, counted apart, kept in run folders."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lattice import InputError
from machines.requirements import ASSUMED, PROGRAM, PUBLISHED, Requirement, counted, judge, requirement_from
from studies.commands.verdicts import show_verdicts
from studies.report import render
from studies.runs.building import open_run
from studies.runs.compare import compare_runs
from studies.runs.running import Finished
from studies.runs.store import read_run
from studies.spec.judged import judged_requirements
from studies.spec.study_file import validated
from tests.report_fakes import fake_result

OWN: dict[str, Any] = {"id": "A", "text": "t", "quantity": "qx", "unit": "1", "source": "a paper", "upper": 2.0}


def judged_kind(**changes: Any) -> str:
    """The kind of a study file's one requirement, after the file and after its resolved study."""
    study = {"study": "optics", "machine": "cnao", "machine_requirements": False, "requirement": [{**OWN, **changes}]}
    (requirement,) = judged_requirements(validated(study, "test"), "own")
    return requirement.kind


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ({}, ASSUMED),
        ({"kind": "published"}, PUBLISHED),
        ({"kind": "assumed"}, ASSUMED),
        ({"assumed": True}, ASSUMED),
        ({"assumed": False}, PUBLISHED),
        ({"quantity": "residual_tune_xsuite"}, PROGRAM),
        ({"quantity": "residual_tune_xsuite", "kind": "published"}, PROGRAM),
    ],
)
def test_a_study_file_says_the_kind(told: dict[str, Any], kind: str) -> None:
    assert judged_kind(**told) == kind


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"kind": "program"}, "expected 'published' or 'assumed'"),
        ({"kind": "published", "assumed": True}, "kind = 'published' and assumed = true differ"),
    ],
)
def test_a_wrong_kind_is_told(told: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        judged_kind(**told)


@pytest.mark.parametrize(
    ("told", "kind"), [({}, ASSUMED), ({"assumed": False}, PUBLISHED), ({"kind": PROGRAM}, PROGRAM)]
)
def test_a_machine_s_file_says_the_kind(told: dict[str, Any], kind: str) -> None:
    assert requirement_from({**OWN, "study": "optics", **told}, "a file").kind == kind


def test_verdicts_are_counted_by_kind() -> None:
    def one(kind: str, value: float | None) -> Any:
        return judge(Requirement("R", "t", "qx", "1", "s", "optics", None, 1.0, kind), value, 0.0)

    verdicts = [one(PUBLISHED, 0.5), one(ASSUMED, 0.5), one(ASSUMED, 1.5), one(PROGRAM, 0.5), one(PROGRAM, None)]
    machine = "machine: 2 passed, 1 failed, 0 not evaluated (1 against published limits, 2 assumed)"
    assert counted(verdicts) == f"{machine}; checks of the program: 1 of 2"
    assert counted(verdicts[:3]) == machine
    assert counted(verdicts[3:]) == "checks of the program: 1 of 2"
    assert counted([]) == "machine: 0 passed, 0 failed, 0 not evaluated"


def test_a_run_keeps_its_kinds_and_the_terminal_counts_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with open_run(tmp_path / "run") as folder:
        results = folder.finish(fake_result(), lambda _: "", lambda: "")
    assert [verdict["kind"] for verdict in results["verdicts"]] == [PUBLISHED] * 4 + [PROGRAM]
    assert read_run(tmp_path / "run").verdicts == fake_result().verdicts
    finished = Finished(fake_result(), results, tmp_path / "run", converged=True)
    assert show_verdicts(finished, as_json=False) == 1
    assert counted(fake_result().verdicts) in capsys.readouterr().out


def test_a_run_from_before_there_were_kinds_still_renders(tmp_path: Path) -> None:
    """Schema 1: no kind in results.json, ``assumed`` in report.json."""
    with open_run(tmp_path / "run") as folder:
        folder.finish(fake_result(), lambda _: "", lambda: "")
    results, details = (json.loads((tmp_path / "run" / name).read_text()) for name in ("results.json", "report.json"))
    results["schema"] = 1
    for place, (verdict, detail) in enumerate(zip(results["verdicts"], details["verdicts"], strict=True)):
        del verdict["kind"]
        detail["assumed"] = place in (1, 4)
    for name, content in (("results.json", results), ("report.json", details)):
        (tmp_path / "run" / name).write_text(json.dumps(content))
    old = read_run(tmp_path / "run")
    assert [verdict.kind for verdict in old.verdicts] == [PUBLISHED, ASSUMED, PUBLISHED, PUBLISHED, PROGRAM]
    assert "(3 against published limits, 1 assumed); checks of the program: 1 of 1" in render(old)


def test_a_comparison_tells_kinds() -> None:
    result = fake_result()
    failed = tuple(replace(verdict, verdict="FAIL") for verdict in result.verdicts)
    found = compare_runs(result, replace(result, verdicts=failed)).verdicts
    assert dict(zip(found["requirement"], found["kind"], strict=True)) == {
        "OPT-01": PUBLISHED,
        "OPT-03": PUBLISHED,
        "OPT-04": PUBLISHED,
        "OPT-17": PROGRAM,
    }
