"""The study file: what is refused, and that the message names file, key, what was found and what was expected."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lattice import FileError, InputError
from studies.spec.schema import RingStudy, as_mapping
from studies.spec.study_file import load_study, validated
from studies.spec.toml_text import toml_text

CONTRACT = """
study = "optics"
machine = "cnao"
particle = "proton"
kinetic_energy_MeV_per_u = 60.0

[match]
vary    = [{ name = "kf", lower = 0.25, upper = 0.35 }, { name = "kd", lower = 0.4, upper = 0.6 }]
targets = [{ quantity = "qx", value = 1.666 }, { quantity = "dx", at = "symp", value = 0.0 }]
limits  = [{ quantity = "betx", upper = 17.0 }]

[[requirement]]
id = "OPT-03"
text = "Horizontal beta inside the aperture model's limit"
quantity = "max_betx"
upper = 17.0
unit = "m"
source = "design study, table 4"
"""


def content(**changes: Any) -> dict[str, Any]:
    return {**tomllib.loads(CONTRACT), **changes}


def refusal(study: Mapping[str, Any], *changes: str) -> str:
    with pytest.raises(InputError) as caught:
        validated(study, "my.toml", changes)
    return str(caught.value)


def test_the_example_of_the_contract_is_a_study() -> None:
    study = validated(content(), "my.toml")
    assert isinstance(study, RingStudy)
    assert study.match is not None
    assert [(t.quantity, t.at, t.value) for t in study.match.targets] == [("qx", None, 1.666), ("dx", "symp", 0.0)]
    assert study.requirement[0].upper == 17.0


def test_a_study_survives_toml() -> None:
    study = validated(content(), "my.toml")
    assert validated(tomllib.loads(toml_text(as_mapping(study))), "again") == study


WRONG = {
    "unknown key": (
        content(matchh={}),
        "my.toml: matchh: unknown key; did you mean 'match'? Allowed here: study, name",
    ),
    "unknown key inside": (content(model={"frnge": "full"}), "model.frnge: unknown key; did you mean 'fringe'?"),
    "wrong type": (content(kinetic_energy_MeV_per_u="60"), "kinetic_energy_MeV_per_u: found '60', expected a number"),
    "yes is no number": (content(kinetic_energy_MeV_per_u=True), "found True, expected a number"),
    "number for text": (content(machine=5), "machine: found 5, expected text"),
    "nan": (content(kinetic_energy_MeV_per_u=float("nan")), "kinetic_energy_MeV_per_u: found nan, expected a finite"),
    "inf": (content(parameters={"kf": float("inf")}), "parameters.kf: found inf, expected a finite number"),
    "negative energy": (content(kinetic_energy_MeV_per_u=-3.0), "found -3.0; input should be greater than 0"),
    "both": (content(lattice="ring.seq"), "a study needs either machine or lattice, found both"),
    "neither": ({"study": "optics"}, "a study needs either machine or lattice, found neither"),
    "study": (
        content(study="optcs"),
        "study: found 'optcs', expected one of 'optics', 'extraction', 'linac-optics', 'linac-energy-switching', ",
    ),
    "no study": ({"machine": "cnao"}, "study: missing; expected the question asked, one of 'optics'"),
    "fringe": (content(model={"fringe": "hard"}), "model.fringe: found 'hard', expected 'full' or 'linear'"),
    "nothing varied": (content(match={"vary": [], "targets": [{"quantity": "qx", "value": 1.0}]}), "at least 1"),
    "bounds": (content(match={"vary": [{"name": "kf", "lower": 2, "upper": 1}], "targets": []}), "is above upper 1"),
    "sequence of a machine": (content(sequence="ring"), "sequence belongs to a study with lattice"),
    "folder in a name": (content(name="../x"), "name: found '../x'"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said(case: str) -> None:
    study, expected = WRONG[case]
    assert expected in refusal(study)


REQUIREMENT: dict[str, Any] = content()["requirement"][0]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"quantity": "max_bettx"}, "unknown quantity 'max_bettx'; did you mean 'max_betx', 'max_bety'"),
        ({"quantity": "betx"}, "'betx' varies along the lattice: give a place (betx@NAME), max_betx or min_betx"),
        ({"quantity": "qx", "at": "symp", "unit": "1"}, "'qx' is one number for the whole lattice"),
        ({"unit": "T"}, "unit 'T' does not fit max_betx: expected one of 'm', 'cm', 'mm', 'um'"),
        ({"upper": None}, "requirement 'OPT-03' needs a limit: give lower or upper"),
        ({"lower": 18.0}, "lower 18.0 is above upper 17.0"),
        ({"source": None}, "requirement.0.source ('OPT-03'): missing, and the study needs it"),
        ({"upper": float("nan")}, "requirement.0.upper ('OPT-03'): found nan, expected a finite number"),
    ],
)
def test_a_requirement_that_cannot_be_judged_is_refused(change: dict[str, Any], expected: str) -> None:
    requirement = {key: value for key, value in {**REQUIREMENT, **change}.items() if value is not None}
    assert expected in refusal(content(requirement=[requirement]))


def test_an_id_stands_once() -> None:
    assert "requirement id used twice: OPT-03" in refusal(content(requirement=[REQUIREMENT, REQUIREMENT]))


def test_several_faults_are_told_at_once() -> None:
    message = refusal(content(matchh={}, kinetic_energy_MeV_per_u="x"))
    assert "matchh: unknown key" in message
    assert "kinetic_energy_MeV_per_u: found 'x'" in message


def test_set_changes_values_typed_as_toml() -> None:
    changes = ("kinetic_energy_MeV_per_u=100", "match.targets.0.value=1.662", "particle=carbon-12", "parameters.a.b=2")
    study = validated(content(), "my.toml", changes)
    assert isinstance(study, RingStudy)
    assert study.kinetic_energy_MeV_per_u == 100.0
    assert study.match is not None
    assert study.match.targets[0].value == 1.662
    assert (study.particle, study.parameters) == ("carbon-12", {"a.b": 2.0})


def test_set_does_not_change_what_it_was_given() -> None:
    original = content()
    validated(original, "my.toml", ["match.targets.0.value=1.662"])
    assert original == content()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            "match.targets.0.valu=3",
            "--set match.targets.0.valu=3: match.targets.0.valu: unknown key; did you mean 'value'?",
        ),
        ("match.targets.7.value=3", "'7' is no place in a list of 2"),
        ("seed=1.5", "--set seed=1.5: seed: found 1.5, expected a whole number"),
        ("seed=inf", "seed: found inf, expected a whole number"),
        ("machine.x=3", "'x' cannot be set inside the value 'cnao'"),
        ("seed", "expected KEY=VALUE"),
        ("=3", "expected KEY=VALUE"),
    ],
)
def test_a_wrong_set_names_itself(change: str, expected: str) -> None:
    assert expected in refusal(content(), change)


def test_entries_of_a_list_that_is_not_there_show_the_form_that_works() -> None:
    without = {key: value for key, value in content().items() if key != "match"}
    told = refusal(without, "match.vary.0.name=kqf")
    assert "match.vary: found {'0': {'name': 'kqf'}}, expected a list; the study has no such list" in told
    (whole,) = re.findall(r"--set '(match\.vary=.*?)'$", told, re.MULTILINE)
    assert whole == 'match.vary=[{ name = "kqf" }]'
    assert "match.vary" not in refusal(without, whole)  # what is missing now are the targets


def test_a_file_that_is_no_toml_is_told_with_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "my.toml"
    path.write_text('study = "optics"\nmachine = \n')
    with pytest.raises(InputError, match=r"my\.toml: not valid TOML: .*line 2"):
        load_study(path)


def test_a_missing_file_is_a_file_error(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"my\.toml: there is no such study file"):
        load_study(tmp_path / "my.toml")


def test_a_byte_order_mark_is_no_part_of_a_study(tmp_path: Path) -> None:
    """Some editors begin every file with one."""
    text = 'study = "optics"\nmachine = "cnao"\n'
    (tmp_path / "my.toml").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert load_study(tmp_path / "my.toml").machine == "cnao"


def test_bytes_that_are_no_text_are_a_file_error(tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FileError, match="not a text file"):
        load_study(tmp_path / "my.toml")
