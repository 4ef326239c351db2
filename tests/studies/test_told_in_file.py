"""What is wrong with a study's machine is told with the file and the key that names it."""

from pathlib import Path
from typing import Any

import pytest

from lattice import InputError
from studies.registry import study_of
from studies.spec.study_file import validated

BESIDE = {
    "optics": {},
    "linac-optics": {},
    "delivery": {"particle": "proton"},
    "switching-comparison": {},
}


def resolve(folder: Path, **content: Any) -> None:
    study = validated(content, "own.toml")
    study_of(study.study).resolve(study, folder / "own.toml")


@pytest.mark.parametrize("kind", BESIDE)
def test_an_unknown_machine(kind: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^own\.toml: machine: unknown machine 'cnoa'; did you mean 'cnao'\?"):
        resolve(tmp_path, study=kind, machine="cnoa", **BESIDE[kind])


def test_a_machine_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^own\.toml: machine: machine 'cnao' is a ring, here a linac is needed"):
        resolve(tmp_path, study="linac-optics", machine="cnao")


@pytest.mark.parametrize("name", ["x.seq", "X.LTE", "x.pals.yaml", "x.xsuite.json"])
def test_a_lattice_where_a_section_table_is_meant(name: str, tmp_path: Path) -> None:
    expected = (
        rf"^own\.toml: linac: {name} is a lattice file, a section table \(TOML\) was expected: docs/linac\.md has one"
    )
    with pytest.raises(InputError, match=expected):
        resolve(tmp_path, study="linac-optics", linac=name)
