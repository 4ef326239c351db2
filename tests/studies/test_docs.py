"""docs/commands.md names every command, option, key of a study file and quantity there is."""

from __future__ import annotations

import tomllib

import pytest
from click import Option
from pydantic import BaseModel

from studies.cli import COMMANDS, group
from studies.ring_optics.spec import ErrorsSpec, ImperfectionsSpec, OpticsStudy
from studies.slow_extraction.spec import ExtractionSpec, ExtractionStudy, MomentaSpec
from studies.slow_extraction.spill.spec import BucketSpec, KnockoutSpec, RippleSpec, SpillSpec
from studies.spec.match import CaseSpec, LimitSpec, MatchSpec, TargetSpec, VarySpec
from studies.spec.schema import BeamSpec, RequirementSpec
from studies.spec.study_file import validated
from studies.vocabulary import COLUMNS, EXTRACTION, SCALARS, SPILL
from tests.checkout import ROOT, blocks

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


TABLES = (OpticsStudy, ExtractionStudy, MatchSpec, CaseSpec, VarySpec, TargetSpec, LimitSpec, BeamSpec, RequirementSpec,
          ExtractionSpec, MomentaSpec, SpillSpec, RippleSpec, KnockoutSpec, BucketSpec, ImperfectionsSpec,
          ErrorsSpec)  # fmt: skip


@pytest.mark.parametrize("table", TABLES)
def test_every_key_of_a_study_is_there(table: type[BaseModel]) -> None:
    missing = [key for key in table.model_fields if key not in TEXT]
    assert missing == []


def test_every_quantity_is_there() -> None:
    assert [name for name in (*SCALARS, *EXTRACTION, *SPILL, *COLUMNS) if f"`{name}`" not in TEXT] == []


def test_the_study_that_is_shown_is_one() -> None:
    shown = [block.text for block in blocks(DOCUMENT) if block.language == "toml"]
    studies = [validated(tomllib.loads(text), "docs") for text in shown]
    assert [(study.study, study.machine) for study in studies] == [
        ("optics", "cnao"),
        ("optics", "cnao"),
        ("extraction", "cnao"),
    ]
