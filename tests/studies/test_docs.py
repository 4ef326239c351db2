"""The documents name every command, option, key of a study file and quantity there is."""

from __future__ import annotations

import re
import tomllib
from typing import Any, get_args

import pytest
from click import Option
from pydantic import BaseModel

from studies.cli import COMMANDS, group
from studies.registry import ROOMS, spec_of
from studies.spec.study_file import validated
from studies.vocabulary import COLUMNS, NUMBERS
from studies.vocabulary.__main__ import page
from tests.checkout import DOCUMENTS, ROOT, blocks

DOCUMENT = ROOT / "docs" / "commands.md"
TEXT = DOCUMENT.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_is_there(name: str) -> None:
    assert f"`{name}" in TEXT
    command = group.commands.get(name) or group.get_command(None, name)  # type: ignore[arg-type]
    assert command is not None
    for option in command.params:
        if isinstance(option, Option):
            assert any(word in TEXT for word in option.opts if word.startswith("--")) or option.name in (
                "verbose",
                "quiet",
            ), option.opts


def tables() -> list[type[BaseModel]]:
    """Every table that may stand in a study file of any kind."""
    found: list[type[BaseModel]] = []
    for word in ROOMS:
        _add(spec_of(word), found)
    return found


def _add(annotation: Any, found: list[type[BaseModel]]) -> None:
    parts = get_args(annotation)
    if not parts and isinstance(annotation, type) and issubclass(annotation, BaseModel) and annotation not in found:
        found.append(annotation)
        parts = tuple(field.annotation for field in annotation.model_fields.values())
    for part in parts:
        _add(part, found)


@pytest.mark.parametrize("table", tables(), ids=lambda table: table.__name__)
def test_every_key_of_a_study_is_there(table: type[BaseModel]) -> None:
    pages = "".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)
    words = set(re.findall(r"\w+", " ".join(re.findall(r"`[^`]+`|```.*?```", pages, flags=re.DOTALL))))
    assert [key for key in table.model_fields if key not in words] == []


def test_every_quantity_is_there() -> None:
    """The page of the quantities is the vocabulary's own."""
    assert (ROOT / "docs" / "quantities.md").read_text(encoding="utf-8") == page()
    assert [name for name in (*NUMBERS, *COLUMNS) if f"| `{name}` |" not in page()] == []


def test_the_study_that_is_shown_is_one() -> None:
    shown = [block.text for block in blocks(DOCUMENT) if block.language == "toml"]
    studies = [validated(tomllib.loads(text), "docs") for text in shown]
    assert [(study.study, study.machine) for study in studies] == [
        ("optics", "cnao"),
        ("energy-switching", "medaustron"),
        ("optics", "cnao"),
        ("extraction", "cnao"),
        ("optics", "cnao"),
    ]
