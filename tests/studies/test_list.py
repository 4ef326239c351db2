"""The command ``list``: every machine and study on a line, one of them in full, with what will really be judged."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from machines.registry import MACHINES, RINGS, linac_named, machine_named, ring_named
from studies.cli import run
from studies.commands.listing.catalogue import catalogue
from studies.commands.listing.durations import SECONDS, altogether, expected, last_run
from studies.commands.listing.in_full import in_full
from studies.commands.run import say_how_long
from studies.registry import study_of
from studies.spec.builtin import builtin_names, question, study_path
from studies.spec.judged import machine_requirements
from studies.spec.schema import StudySpec, as_mapping
from studies.spec.study_file import load_study, validated
from tests.checkout import ROOT

EXAMPLE = ROOT / "examples" / "small_ring" / "study.toml"


def judged_ids(study: StudySpec) -> list[str]:
    return [*(one.id for one in machine_requirements(study)), *(one.id for one in study.requirement)]


def test_every_machine_and_study_has_a_line() -> None:
    lines = catalogue().splitlines()
    machines, studies = lines[: lines.index("")], lines[lines.index("") :]
    for name in MACHINES:
        found = [line for line in machines if line.split()[:1] == [name]]
        assert len(found) == 1
        assert found[0].endswith(machine_named(name).title)
    for name in builtin_names():
        assert len([line for line in studies if line.split()[:1] == [name]]) == 1
    assert len(lines) < len(MACHINES) + len(builtin_names()) + 10  # a line each, and the two headings


def test_the_line_of_a_study_tells_machine_requirements_and_time() -> None:
    line = next(line for line in catalogue().splitlines() if line.startswith("pimms-optics"))
    assert re.split(r"\s{2,}", line) == [
        "pimms-optics",
        "pimms",
        "18",
        "55 s",
        "Optics of the PIMMS ring at extraction",
    ]


@pytest.mark.parametrize("name", builtin_names())
def test_a_study_in_full_says_what_it_answers_needs_judges_and_takes(name: str) -> None:
    told, path = in_full(name), study_path(name)
    assert path is not None
    study = load_study(path)
    assert question(path).count("?") == 1, "the comment at the head of a built-in study is its question"
    assert f"  answers     {question(path)}" in told
    needed = f"machine {study.machine}" if study.machine else f"lattice {as_mapping(study)['lattice']}"
    assert f"  needs       {needed}" in told
    assert f"  takes       about {expected(name)}" in told
    assert judged_ids(study) == re.findall(r"^    ([A-Z]+-\d+)  ", told, re.MULTILINE)


@pytest.mark.parametrize("name", [name for name in builtin_names() if not name.startswith("linac")])
def test_what_is_listed_is_what_a_run_judges(name: str) -> None:
    path = study_path(name)
    assert path is not None
    study = load_study(path)
    assert judged_ids(study) == [
        requirement.id for requirement in study_of(study.study).resolve(study, path).requirements
    ]


def test_requirements_on_imperfections_are_judged_where_there_are_machines_with_errors() -> None:
    plain = validated({"study": "optics", "machine": "cnao"}, "test")
    bad = {"machines": 10, "monitors": ["*_puh"], "errors": [{"magnets": "bend", "dx": 1e-4}]}
    wrong = validated({"study": "optics", "machine": "cnao", "imperfections": bad}, "test")
    without, with_them = ({r.id for r in machine_requirements(study)} for study in (plain, wrong))
    assert without < with_them
    assert "OPT-36" in with_them - without  # orbits of the machines as built
    none = validated({"study": "optics", "machine": "cnao", "machine_requirements": False}, "test")
    assert machine_requirements(none) == ()


def test_a_linac_is_judged_by_its_own_requirements() -> None:
    study = validated({"study": "linac-optics", "machine": "linac"}, "test")
    assert machine_requirements(study) == linac_named("linac").requirements_of("linac-optics") != ()


@pytest.mark.parametrize("name", RINGS.machines)
def test_a_ring_in_full(name: str) -> None:
    told, machine = in_full(name.upper()), ring_named(name)
    assert told.startswith(f"{name}: {machine.title}\n")
    assert f"    {machine.default_working_point} (default): " in told
    assert told.count("(default)") == 1
    low, high = machine.energies["carbon-12"]
    assert f"carbon-12 {low / 1e6:g} to {high / 1e6:g} MeV/u" in told
    for word in (*machine.working_points, *machine.families, *machine.places, *machine.assumptions, f"{name}-optics"):
        assert word in told


def test_a_linac_in_full() -> None:
    told = in_full("linac")
    assert "  energies    proton 70 to 230 MeV/u\n" in told
    assert "  sections    mebt, scdtl-1, scdtl-2, scdtl-3, scdtl-4, match, ccl\n" in told
    assert "  pulses      5 us, 200 Hz\n" in told
    assert "  studies     linac-energy-switching, linac-optics, linac-search, linac-tolerances\n" in told


def test_a_machine_and_a_study_of_one_name_are_both_told() -> None:
    both = sorted(set(MACHINES) & set(builtin_names()))
    assert both == ["cnao-gantry"]
    told = in_full("cnao-gantry")
    assert "  kind        delivery\n" in told
    assert "  kind        line\n" in told


def test_a_study_file_in_full() -> None:
    told = in_full(str(EXAMPLE))
    assert "  needs       lattice ring.seq\n              a match of kf, kd to qx = 1.82, qy = 0.76\n" in told
    assert "    RING-02  Horizontal beta at the start (betx@start at most 15 m, assumed)" in told
    assert "  takes       not measured; " in told


def test_a_comparison_names_the_studies_it_computes() -> None:
    assert "what the studies cnao-energy-switching, linac-energy-switching compute" in in_full("switching-comparison")


def test_every_built_in_study_has_a_measured_time() -> None:
    assert set(SECONDS) == set(builtin_names())
    assert (expected("linac-optics"), expected("pimms-extraction"), expected("small-ring")) == ("2 min", "4 min", "-")


def test_the_time_announced_is_that_of_the_study_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With --set it may take another."""
    for is_changed, told in ((False, "two processors\n"), (True, "two processors without --set\n")):
        say_how_long("cnao-extraction", tmp_path, is_changed)
        assert capsys.readouterr().err.endswith(told)


def test_the_time_of_the_last_run_is_that_of_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert last_run(Path("runs/cnao-optics")) is None
    folder = tmp_path / "runs" / "cnao-optics"
    folder.mkdir(parents=True)
    (folder / "log.txt").write_text("lattice-optimize: log of one run\ntook 41.25 s\n")
    assert "; the run in runs/cnao-optics: 41.25 s;" in in_full("cnao-optics")


@pytest.mark.parametrize("arguments", [["list"], ["list", "cnao"], ["list", "linac"], ["list", "cnao-optics"]])
def test_the_list_loads_nothing_that_computes(arguments: list[str]) -> None:
    code = """
import json, sys
from studies.cli import run
assert run(json.loads(sys.argv[1])) == 0
heavy = sorted({"numba", "scipy", "pandas", "xtrack", "plotly"} & set(sys.modules))
assert not heavy, heavy
assert not any(name.startswith(("optics", "extraction")) for name in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(arguments)], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr


def test_a_name_is_found_in_any_case(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["list", "CNAO-Optics"]) == 0
    assert capsys.readouterr().out.startswith("cnao-optics: Optics of the CNAO ring at extraction\n")


def test_how_long_all_of_them_take_counts_every_one() -> None:
    minutes = round(sum(SECONDS.values()) / 60)
    assert altogether().startswith(f"All {len(builtin_names())} built-in studies: about {minutes} min")
