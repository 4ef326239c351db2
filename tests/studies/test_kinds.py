"""Kinds of verdicts, told by files, counted apart, kept in run folders; and the parts of the errors that decide."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lattice import InputError
from machines.requirements import (
    ASSUMED,
    PROGRAM,
    PUBLISHED,
    Requirement,
    Unasked,
    Verdict,
    counted,
    judge,
    requirement_from,
)
from studies.commands.verdicts import show_verdicts
from studies.judging import verdicts_on
from studies.report import render
from studies.report.verdicts import verdict_rows
from studies.report.written import error_parts, judged_parts
from studies.results import Quantity
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
    assert counted([]) == "no requirement: nothing was judged"


@pytest.mark.parametrize(("numerical", "shown"), [(1e-9, "0.1234"), (0.2, "0")])
def test_the_terminal_shows_what_the_arithmetic_knows(
    numerical: float, shown: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A value within the error of its model is a value; one within that of the arithmetic is none."""
    one = judge(Requirement("R", "t", "qx", "1", "s", "optics", None, 1.0), 0.1234, 0.3)
    result = replace(fake_result(), verdicts=(replace(one, numerical=numerical),))
    show_verdicts(Finished(result, {"verdicts": [{"verdict": one.verdict}]}, tmp_path, converged=True), as_json=False)
    (row,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("R "))
    assert row.split()[2] == shown


def test_a_run_keeps_its_kinds_and_the_terminal_counts_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with open_run(tmp_path / "run") as folder:
        results = folder.finish(fake_result(), lambda _: "", lambda: "")
    assert [verdict["kind"] for verdict in results["verdicts"]] == [PUBLISHED] * 4 + [PROGRAM]
    assert read_run(tmp_path / "run").verdicts == fake_result().verdicts
    finished = Finished(fake_result(), results, tmp_path / "run", converged=True)
    assert show_verdicts(finished, as_json=False) == 1
    assert counted(fake_result().verdicts) in capsys.readouterr().out


def test_what_is_not_asked_is_kept_and_shown(tmp_path: Path) -> None:
    unasked = (Unasked("OPT-99", "Something else", "fake-optics", "there is nothing of the kind"),)
    with open_run(tmp_path / "run") as folder:
        folder.finish(replace(fake_result(), unasked=unasked), lambda _: "", lambda: "")
    again = read_run(tmp_path / "run")
    assert again.unasked == unasked
    assert "OPT-99</strong> Something else: there is nothing of the kind." in render(again)


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


# ------------------------------------------------------------------------------------------------------------- errors


def quantity_with(name: str, **errors: Any) -> Quantity:
    given = {"numerical": 1e-3, "statistical": 0.0, "model": None, **errors}
    return Quantity(name=name, value=1.5, unit="1", engine="own maps and Xsuite", method="m", **given)


def test_parts_of_an_error_add_as_the_contract_says() -> None:
    """sqrt(model^2 + statistical^2) + numerical: 5 and 12 make 13."""
    both = quantity_with("qx", statistical=0.05, model=0.12)
    assert (both.spread, both.error) == pytest.approx((0.13, 0.131), rel=1e-12)
    assert quantity_with("qx").error == 1e-3
    assert quantity_with("qx", numerical=None).error is None


def test_a_check_of_the_program_is_decided_by_the_arithmetic_alone() -> None:
    """1.5 against 1.52: the model's 0.1 fails what is judged of the machine, and not the check."""

    def verdict(quantity: str, kind: str) -> Verdict:
        need = Requirement("R", "t", quantity, "1", "s", "optics", None, 1.52, kind)
        return verdicts_on([need], [quantity_with(quantity, model=0.1)])[0]

    machine, check = verdict("qx", ASSUMED), verdict("residual_tune_xsuite", PROGRAM)
    assert (machine.verdict, check.verdict) == ("FAIL", "PASS")
    assert (machine.error, machine.numerical) == pytest.approx((0.101, 1e-3))
    assert machine.spread == pytest.approx(0.1)
    assert "within its error" in machine.reason
    assert (check.error, check.spread) == (1e-3, 0.0)


def test_a_run_keeps_the_parts_of_an_error(tmp_path: Path) -> None:
    parted = replace(fake_result(), quantities=(quantity_with("qx", statistical=float("inf"), model=0.12),))
    with open_run(tmp_path / "run") as folder:
        results = folder.finish(parted, lambda _: "", lambda: "")
    stored = results["quantities"]["qx"]
    assert [stored[key] for key in ("error", "numerical", "statistical", "model")] == [None, 1e-3, None, 0.12]
    assert read_run(tmp_path / "run").quantities == parted.quantities


@pytest.mark.parametrize(
    ("value", "spread", "limits", "told"),
    [
        (1.485957632, 0.0, [1.5], ("1.49", "")),  # three digits, and no ± of the arithmetic
        (1.4999, 0.0, [1.5], ("1.4999", "")),  # as many as tell it from the limit
        (1.5, 0.0, [1.5], ("1.50", "")),
        (16.7507, 0.02, [17.0], ("16.75", "± 0.02")),
        (2.248, 1.508, [0.0], ("2.2", "± 1.5")),  # 2 ± 2 would be within its error of the limit
        (0.985, 0.117, [0.9], ("0.98", "± 0.12")),  # 1.0 ± 0.1 would only touch it
        (-3.26e7, 1.14e7, [-2.1e7], ("−3.3×10⁷", "± 1.1×10⁷")),
        (3.2e-9, 0.0, [1e-8], ("3.20×10⁻⁹", "")),
        (0.0, 0.0, [1.0], ("0", "")),
    ],
)
def test_a_value_is_told_to_the_digit_that_is_known(
    value: float, spread: float, limits: list[float], told: tuple[str, str]
) -> None:
    assert judged_parts(value, spread, limits) == told


def test_errors_are_told_apart_on_the_page() -> None:
    assert error_parts(2e-9, 0.003, 0.1, "m") == "numerical 2×10⁻⁹ m; statistical (95 %) 0.003 m; model 0.1 m"
    assert error_parts(2e-9, 0.0, None, "1") == "numerical 2×10⁻⁹; model: none given"
    row = verdict_rows(fake_result().verdicts, fake_result().quantities, ())[0]
    assert row.errors == "numerical 0.0001 m; model: none given"


def test_the_gauge_shows_the_error_as_a_band() -> None:
    """An upper limit stands at three quarters: 1.5 of 2 at 56.25, and 0.2 on either side 7.5."""
    need = Requirement("R", "t", "qx", "1", "s", "optics", None, 2.0, ASSUMED)
    verdict = verdicts_on([need], [quantity_with("qx", model=0.2, numerical=0.0)])
    gauge = verdict_rows(verdict, (), ())[0].gauge
    assert gauge is not None
    assert (gauge.value, gauge.error_start, gauge.error_end) == (56.2, 48.8, 63.8)
