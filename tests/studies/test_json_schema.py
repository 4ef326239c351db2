"""``lattice-optimize schema``: what it prints and what the reader of study files takes are one."""

from __future__ import annotations

import copy
import json
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from lattice import InputError
from studies.cli import run
from studies.registry import ROOMS
from studies.spec.builtin import FOLDER
from studies.spec.json_schema import json_schema
from studies.spec.study_file import validated
from tests.checkout import ROOT
from tests.json_schema import wrong

STUDIES = [
    path
    for path in (*sorted(FOLDER.glob("*.toml")), *sorted((ROOT / "examples").rglob("*.toml")))
    if "study" in tomllib.loads(path.read_text(encoding="utf-8"))
]
_UNIT = re.compile(r"_(um|mm|m|s|A|V|H|Hz|ohm|deg|mrad|Gy|MeV|percent|per_\w+|T_m)( |_|$)|\[[^\]]+\]")
MISTAKES: tuple[Any, ...] = (["a", {"b": 1}], {"c": []})
_schema = cache(json_schema)


def content(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def refused(study: dict[str, Any]) -> bool:
    return any(True for _ in wrong(study, _schema(study["study"])))


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_studies_are_what_their_schema_says(path: Path) -> None:
    study = content(path)
    assert list(wrong(study, _schema(study["study"]))) == []


def places(node: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a study file, its tables among them."""
    yield at
    for key, part in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield from places(part, (*at, key))


def changed(study: dict[str, Any], at: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """The study with another value at a place."""
    other = copy.deepcopy(study)
    inside: Any = other
    for key in at[:-1]:
        inside = inside[key]
    inside[at[-1]] = value
    return other


def inside(study: dict[str, Any], at: tuple[Any, ...]) -> Any:
    for key in at:
        study = study[key]
    return study


@pytest.mark.parametrize("word", ROOMS)
def test_schema_and_reader_refuse_alike(word: str) -> None:
    """A value of a wrong kind in every place, an unknown key in every table; each place of a list stands for all."""
    study = next(found for path in STUDIES if (found := content(path))["study"] == word)
    for at in (one for one in places(study) if not any(isinstance(key, int) and key > 0 for key in one)):
        if isinstance(inside(study, at), dict):
            mistakes = [changed(study, (*at, "no such key"), {})]
        else:
            mistakes = [changed(study, at, value) for value in MISTAKES if at != ("study",)]
        for mistake in mistakes:
            assert refused(mistake) == is_refused(mistake), at


def is_refused(study: dict[str, Any]) -> bool:
    try:
        validated(study, "test")
    except InputError:
        return True
    return False


@pytest.mark.parametrize("word", ROOMS)
def test_every_key_is_explained_with_its_unit(word: str) -> None:
    """In a sentence; a number's unit stands in the name or, in brackets, in the text."""
    schema = _schema(word)
    tables = [("", schema), *schema["$defs"].items()]
    keys = [(name, key, said) for name, table in tables for key, said in table["properties"].items()]
    assert [f"{name}.{key}" for name, key, said in keys if not said.get("description", "").endswith((".", "}"))] == []
    numbers = [(name, key, said) for name, key, said in keys if '"number"' in json.dumps(said)]
    assert [f"{name}.{key}" for name, key, said in numbers if not _UNIT.search(f"{key} {said['description']}")] == []


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    """By the words of ``new`` and by those of the key ``study``."""
    for word, study in (("switching", "energy-switching"), ("linac", "linac-optics"), ("delivery", "delivery")):
        assert run(["schema", word]) == 0
        assert json.loads(capsys.readouterr().out) == json_schema(study)
    assert run(["schema", "optic"]) == 2
    assert "did you mean 'optics'?" in capsys.readouterr().err
