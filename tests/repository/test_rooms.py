"""Rooms: a folder is one subject of a readable size, its names are short, and every kind of study is whole."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from studies.pipeline import Study
from studies.registry import ROOMS, spec_of, study_of
from studies.spec.builtin import FOLDER
from studies.spec.schema import StudySpec
from tests.checkout import DOCUMENTS, PACKAGES, ROOT

#: Modules that a person can hold in view at once.
LARGEST = 20
#: What the room of a kind of study holds: what its file says, what it means, computes, judges, shows and tells.
FILES = ("spec", "study", "facts", "quantities", "figures", "tables", "text")


def rooms() -> list[Path]:
    """Every folder of modules."""
    inits = [init.parent for package in PACKAGES for init in (ROOT / package).rglob("__init__.py")]
    return sorted(inits)


def modules(room: Path) -> list[str]:
    return sorted(path.stem for path in room.glob("*.py") if path.stem != "__init__")


@pytest.mark.parametrize("room", rooms(), ids=lambda room: str(room.relative_to(ROOT)))
def test_a_room_is_one_subject(room: Path) -> None:
    """More modules than fit in view, or four with one prefix, are a folder that is missing; a room says what it is."""
    assert len(modules(room)) <= LARGEST
    prefixes = Counter(name.partition("_")[0] for name in modules(room) if "_" in name)
    assert [prefix for prefix, number in prefixes.items() if number > 3] == []
    said = (room / "__init__.py").read_text(encoding="utf-8")
    assert said.startswith('"""')


@pytest.mark.parametrize("word", ROOMS)
def test_a_kind_of_study_is_whole(word: str) -> None:
    """Its room has the files that all have, its value the right spec; a built-in study and a page show it."""
    room = ROOT / ROOMS[word].replace(".", "/")
    assert [name for name in FILES if name not in modules(room)] == []
    study = study_of(word)
    assert isinstance(study, Study)
    assert study.spec is spec_of(word)
    assert issubclass(study.spec, StudySpec)
    assert study.spec.title_begins
    builtin = [path.stem for path in FOLDER.glob("*.toml") if tomllib.loads(path.read_text())["study"] == word]
    assert builtin
    pages = "".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)
    assert any(name in pages for name in builtin)


def test_every_built_in_study_is_of_a_known_kind() -> None:
    assert {tomllib.loads(path.read_text())["study"] for path in FOLDER.glob("*.toml")} == set(ROOMS)


def test_the_page_of_the_rooms_names_each_of_them() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `([\w/]+)/` \|", page, flags=re.MULTILINE))
    small = {"optics/engines/xsuite"}  # a part of the room of engines
    assert named == {str(room.relative_to(ROOT)) for room in rooms()} - small


RECIPES = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`((?:\w+/)+[\w.]+\.\w+)`", RECIPES))))
def test_what_a_recipe_names_is_there(name: str) -> None:
    assert (ROOT / name).is_file()


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        *re.findall(r"`(\w+)`(?:\s+in|\s+of)\s+`((?:\w+/)+\w+\.py)`", RECIPES),
        *((symbol, name) for name, symbol in re.findall(r"`((?:\w+/)+\w+\.py)`, listed\s+in `(\w+)`", RECIPES)),
    ],
)
def test_what_a_recipe_extends_is_there(symbol: str, name: str) -> None:
    assert re.search(rf"^{symbol}\b", (ROOT / name).read_text(encoding="utf-8"), flags=re.MULTILINE)
