"""Scans and comparisons on the command line: rows, verdicts, interruption and resumption, what turned to FAIL."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lattice import InputError
from machines.requirements import PASS, judge
from optics import twiss
from optics.aperture import clearance, clearance_at_wires
from optics.beams.parquet import read_parquet, write_parquet
from studies.cli import run
from studies.results import StudyResult
from studies.runs.building import open_run
from studies.runs.compare import compare_runs
from studies.runs.contents import is_complete, is_interrupted
from studies.runs.rows import CASE, read_rows
from studies.runs.store import read_run
from studies.scan.asked import plan
from studies.scan.blocks import blocks
from studies.scan.cases import rows
from studies.scan.counting import classes_of
from studies.scan.plan import COMPUTED, STATUS, Axis
from studies.spec.study_file import validated
from tests.report_fakes import fake_result
from tests.studies.commands import tunes_study

OWN = tunes_study(
    ("tune_distance", "upper = 0.002", "1"),
    ("max_bety", "upper = 16000.0", "mm"),
    ("max_gradient", "upper = 4.0", "T/m"),
    ("clearance_x", "lower = 0.03", "m"),
    ("residual_tune_xsuite", "upper = 1e-6", "1"),
)
GRID = ["--over", "kf=0.27:0.31:9", "--over", "kd=0.48:0.62:8"]


@pytest.fixture
def study(tmp_path: Path) -> Path:
    path = tmp_path / "tunes.toml"
    path.write_text(OWN)
    return path


def scanned(study: Path, *more: str) -> tuple[int, Path]:
    folder = study.parent / "scan"
    return run(["scan", str(study), *GRID, "--out", str(folder), "-q", *more]), folder


def test_a_row_a_case_with_parameters_results_and_verdicts(study: Path) -> None:
    """Values are those of ``twiss`` at the same point; verdicts those that ``judge`` gives."""
    code, folder = scanned(study)
    assert code == 1  # some cases are unstable
    table, about = read_parquet(folder / "tables" / "scan.parquet")
    assert about["scan"] == ["kf=0.27:0.31:9", "kd=0.48:0.62:8"]
    assert len(table) == 72
    assert set(table[STATUS]) == {COMPUTED, "unstable"}
    made = plan(validated(_content(), "test"), None, [Axis("kf", 0.27, 0.31, 9), Axis("kd", 0.48, 0.62, 8)])
    assert [requirement.id for requirement in made.unjudged] == ["OWN-05"]
    for place in np.flatnonzero(table[STATUS] == COMPUTED)[::7]:
        row = table.iloc[place]
        optics = twiss(made.design.with_parameters(kf=float(row["kf"]), kd=float(row["kd"])))
        assert row["qx"] == pytest.approx(optics.qx, abs=1e-10)
        assert row["max_bety"] == pytest.approx(optics.maximum("bety"), rel=1e-6)
        assert row["tune_distance"] == pytest.approx(abs(optics.qx - round(3 * optics.qx) / 3), abs=1e-10)
        assert row["OWN-02"] == judge(made.judged[1], 1e3 * row["max_bety"], 1e-6).verdict
    for own in ("OWN-01", "OWN-03"):
        assert set(table.loc[table[STATUS] != COMPUTED, own]) == {"NOT EVALUATED"}
    top = made.resolved.top_particle.magnetic_rigidity
    strongest = table[STATUS] == COMPUTED
    expected = np.maximum(table["kd"], float(made.design.parameters["kr"])) * top  # kf and the weak ones are smaller
    assert table.loc[strongest, "max_gradient"].to_numpy() == pytest.approx(expected[strongest].to_numpy(), rel=1e-14)


def test_rooms_of_beams_are_those_of_the_study() -> None:
    """Room in a scan beside that of one lattice at a time, on the same cut: rounding."""
    axes = [Axis("kf", 0.288, 0.294, 3), Axis("kd", 0.49, 0.50, 2)]
    made = plan(validated({"study": "optics", "machine": "cnao"}, "test"), None, axes)
    assert set(made.extra) >= {"clearance_x", "clearance_y", "clearance_es"}
    table = pd.concat([table for _, table in rows(made, np.arange(made.number))], ignore_index=True)
    case = table.iloc[4]
    moved = made.design.with_parameters(kf=float(case["kf"]), kd=float(case["kd"]))
    beams = [
        (twiss(moved if beam.follows else beam.lattice, beam.particle), beam.beam.edge(beam.particle))
        for beam in made.resolved.beams
    ]
    for plane in ("x", "y"):
        rooms = [clearance(optics, edge, plane).value for optics, edge in beams]
        assert case[f"clearance_{plane}"] == pytest.approx(min(rooms), abs=1e-12)
    wires = [clearance_at_wires(optics, edge, "se_010a_esp").value for optics, edge in beams]
    assert case["clearance_es"] == pytest.approx(min(wires), abs=1e-12)


def test_a_point_that_is_picked_has_its_optics(study: Path) -> None:
    """Rings, their places for the page's script, and the steps of the slider belong together."""
    _, folder = scanned(study)
    figures = {figure.id: figure.plotly for figure in read_run(folder).figures}
    picks = figures["scan-region"]["layout"]["meta"]["picks"]
    steps = figures[picks["figure"]]["layout"]["sliders"][0]["steps"]
    assert len(picks["x"]) == len(picks["y"]) == len(steps) > 5
    assert [step["label"] for step in steps[:2]] == ["design", "1"]
    assert f"kf = {picks['x'][3]:.6g}, kd = {picks['y'][3]:.6g}" in steps[3]["args"][1]["title"]["text"]
    shown = [
        trace
        for trace, on in zip(figures[picks["figure"]]["data"], steps[3]["args"][0]["visible"], strict=True)
        if on and trace.get("name") == "betx"
    ]
    assert len(shown) == 1
    design = plan(validated(_content(), "test"), None, [Axis("kf", 0.27, 0.31, 9)]).design
    optics = twiss(design.with_parameters(kf=picks["x"][3], kd=picks["y"][3]))
    assert max(shown[0]["y"]) == pytest.approx(optics.maximum("betx"), rel=2e-3)  # of a curve of four parts a magnet


def test_every_case_of_the_region_has_its_values_and_verdicts(study: Path) -> None:
    """What sliders go through is the table: the second parameter fastest, values in the unit of their limit."""
    _, folder = scanned(study)
    figures = {figure.id: figure for figure in read_run(folder).figures}
    given = figures["scan-region"].plotly["layout"]["meta"]["what_if"]
    first, second = given["axes"]
    table = figures["scan-region"].table.set_index([first["name"], second["name"]]).sort_index()
    assert (first["name"], second["name"], first["unit"]) == ("kf", "kd", "m⁻²")
    assert len(first["values"]) * len(second["values"]) == len(table) > 20
    design = plan(validated(_content(), "test"), None, [Axis("kf", 0.27, 0.31, 9)]).design.parameters
    for axis in given["axes"]:
        far = np.abs(np.array(axis["values"]) - design[axis["name"]])
        assert far.argmin() == axis["at"]
    words = {"p": "PASS", "f": "FAIL", "n": "NOT EVALUATED"}
    for row in given["rows"]:
        assert [words[letter] for letter in row["verdicts"]] == list(table[row["id"]])
    assert {letter for row in given["rows"] for letter in row["verdicts"]} == set(words)
    beta = next(row for row in given["rows"] if row["id"] == "OWN-02")
    known = np.array(beta["values"], dtype=float)
    np.testing.assert_allclose(known, table["max_bety"] * 1e3, rtol=5e-4)  # four digits; its limit is in mm


def _content() -> dict[str, Any]:
    import tomllib

    return tomllib.loads(OWN)


def test_the_folder_of_a_scan_is_a_run(study: Path) -> None:
    _, folder = scanned(study)
    result = read_run(folder)
    counts = {quantity.name: quantity.value for quantity in result.quantities}
    table, _ = read_parquet(folder / "tables" / "scan.parquet")
    assert counts["scan.cases"] == 72
    assert counts["scan.computed"] == (table[STATUS] == COMPUTED).sum()
    every = (table[["OWN-01", "OWN-02", "OWN-03", "OWN-04"]] == PASS).all(axis=1)
    assert counts["scan.feasible"] == every.sum()
    assert result.headline.startswith(f"{every.sum()} of 72 cases pass all of 4 requirements")
    report = (folder / "report.html").read_text(encoding="utf-8")
    assert result.headline in report
    assert "0 passed" not in report
    assert {figure.id for figure in result.figures} >= {"scan-region", "tunes-scan"}
    assert any("OWN-05" in warning for warning in result.warnings)
    assert "Where the machine works" in (folder / "report.html").read_text(encoding="utf-8")
    assert run(["report", str(folder), "-q"]) == 0


def test_a_scan_over_one_parameter_prints_its_object(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = study.parent / "one"
    code = run(["scan", str(study), "--over", "kf=0.29:0.2925:6", "--out", str(folder), "-q", "--json"])
    assert code == 0  # every case has an answer
    found = json.loads(capsys.readouterr().out)
    assert found == json.loads((folder / "results.json").read_text())
    assert found["quantities"]["scan.cases"]["value"] == 6
    assert read_run(folder).figures[0].id == "scan-along"


def test_an_interrupted_scan_keeps_its_rows_and_goes_on(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the second block: the first is on disk, and the resumed scan has the rows of an undisturbed one."""
    monkeypatch.setattr("studies.scan.blocks._BLOCK", 40)
    _, folder = scanned(study)
    whole, _ = read_parquet(folder / "tables" / "scan.parquet")

    def stopped(*arguments: Any) -> Iterator[pd.DataFrame]:
        yield next(iter(blocks(*arguments)))
        raise KeyboardInterrupt

    monkeypatch.setattr("studies.scan.cases.blocks", stopped)
    assert scanned(study, "--force")[0] == 130
    assert is_complete(folder)  # the finished scan stays until the new one is
    pd.testing.assert_frame_equal(read_parquet(folder / "tables" / "scan.parquet")[0], whole)
    assert len(read_rows(folder)) == 40
    shutil.rmtree(folder)
    assert scanned(study)[0] == 130
    assert is_interrupted(folder)
    pd.testing.assert_frame_equal(read_rows(folder).drop(columns=CASE), whole.iloc[:40])
    assert scanned(study)[0] == 2  # finished rows are not thrown away unasked
    monkeypatch.setattr("studies.scan.cases.blocks", blocks)
    other = ["scan", str(study), "--over", "kf=0.27:0.31:5", "--out", str(folder), "-q", "--resume"]
    assert run(other) == 2  # another grid
    assert scanned(study, "--resume")[0] == 1
    again, _ = read_parquet(folder / "tables" / "scan.parquet")
    pd.testing.assert_frame_equal(again, whole)
    assert not (folder / "rows").exists()
    assert scanned(study, "--resume")[0] == 1  # nothing is left to do: what it found is told again
    assert run(other) == 2


def test_rows_that_were_kept_in_one_file_are_taken_over(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A scan that was interrupted before rows had segments goes on too; that of another grid is refused by name."""
    _, folder = scanned(study)
    whole, about = read_parquet(folder / "tables" / "scan.parquet")
    shutil.rmtree(folder)
    (folder / "tables").mkdir(parents=True)
    (folder / "log.txt").write_text("lattice-optimize: log of one run\ninterrupted\n")
    said = {key: about[key] for key in ("scan", "study", "design")}
    write_parquet(folder / "tables" / "scan.part.parquet", whole.iloc[:40], said)
    assert run(["scan", str(study), "--over", "kf=0.27:0.31:5", "--out", str(folder), "-q", "--resume"]) == 2
    assert "holds another scan (other grid)" in capsys.readouterr().err
    assert scanned(study, "--resume")[0] == 1
    again, _ = read_parquet(folder / "tables" / "scan.parquet")
    pd.testing.assert_frame_equal(again, whole, check_exact=True)
    assert not (folder / "tables" / "scan.part.parquet").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--over", "kf=0.2:0.3"], "expected NAME=FIRST:LAST:NUMBER"),
        (["--over", "kf=0.2:0.3:1"], "cannot hold both ends"),
        (["--over", "kf=0.3:0.2:4"], "is not below"),
        (["--over", "kff=0.2:0.3:4"], "did you mean 'kf'"),
        (["--over", "kf=0.2:0.3:4", "--over", "kf=0.2:0.3:4"], "twice"),
        (["--over", "kf=0.2:0.3:99999", "--over", "kd=0.2:0.3:99999"], "more than the"),
    ],
)
def test_bad_input_is_named(
    study: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = study.parent / "none"
    assert run(["scan", str(study), *arguments, "--out", str(folder)]) == 2
    assert message in capsys.readouterr().err
    assert not folder.exists()


def test_classes_count_the_requirements_that_fail() -> None:
    requirements = [verdict.requirement for verdict in fake_result().verdicts[:2]]
    first, second = (requirement.id for requirement in requirements)
    table = pd.DataFrame(
        {
            STATUS: [COMPUTED] * 3 + ["unstable"],
            first: ["PASS", "FAIL", "FAIL", "NOT EVALUATED"],
            second: ["PASS", "PASS", "NOT EVALUATED", "NOT EVALUATED"],
        }
    )
    assert classes_of(requirements, table).tolist() == [0, 1, 2, 3]


def test_lines_and_other_studies_are_refused() -> None:
    line = {**_content(), "start": {"betx": 5.0, "bety": 5.0}}
    with pytest.raises(InputError, match="takes rings"):
        plan(validated(line, "test"), None, [Axis("kf", 0.28, 0.3, 2)])


# ------------------------------------------------------------------------------------------------------- comparison


def worse(result: StudyResult) -> StudyResult:
    """The same run with its first passing verdict turned to FAIL, and one number moved beyond its error."""
    place = next(i for i, verdict in enumerate(result.verdicts) if verdict.verdict == PASS)
    failed = replace(result.verdicts[place], verdict="FAIL", margin=-1.0)
    moved = replace(result.quantities[0], value=(result.quantities[0].value or 0.0) + 1.0)
    verdicts = (*result.verdicts[:place], failed, *result.verdicts[place + 1 :])
    return replace(result, verdicts=verdicts, quantities=(moved, *result.quantities[1:]))


def test_a_run_beside_itself_has_nothing_to_tell() -> None:
    found = compare_runs(fake_result(), fake_result())
    assert not len(found.parameters) + len(found.quantities) + len(found.verdicts)
    assert found.worse == ()


def test_a_change_within_the_error_is_none() -> None:
    result = fake_result()
    first = result.quantities[0]
    assert first.error
    assert first.value is not None
    near = replace(result, quantities=(replace(first, value=first.value + first.error), *result.quantities[1:]))
    assert len(compare_runs(result, near).quantities) == 0


def test_a_verdict_that_turned_to_fail_is_exit_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, result in (("a", fake_result()), ("b", worse(fake_result()))):
        with open_run(tmp_path / name) as folder:
            folder.finish(result, lambda _: "", lambda: "")
    a, b, out = (str(tmp_path / name) for name in ("a", "b", "both"))
    assert run(["compare", a, b, "--out", out, "-q"]) == 1
    text = capsys.readouterr().out
    assert "1 verdict turned to FAIL" in text
    assert "Verdicts that differ\nrequirement" in text
    stored = read_run(tmp_path / "both")
    ids = {"compare-verdicts", "compare-quantities", "compare-requirements", "compare-checks"}
    assert {table.id for table in stored.tables} == ids
    assert run(["compare", b, a, "--out", out, "-q", "--force"]) == 0  # for the better
    assert run(["compare", a, str(tmp_path / "nothing"), "--out", out, "-q", "--force"]) == 4
