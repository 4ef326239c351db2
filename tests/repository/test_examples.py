"""Every example says what it models and what must hold, asserts it, and runs."""

from __future__ import annotations

import ast
import re
import runpy
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.checkout import ROOT

EXAMPLES = ROOT / "examples"
SCRIPTS = sorted(EXAMPLES.glob("*/*.py"))
#: What the text of an example has to say.
SECTIONS = ("What is modelled", "What must hold", "Source", "Run")


def test_there_are_examples() -> None:
    """Twelve questions, each in a folder with a script of the same name."""
    assert len(SCRIPTS) >= 12
    assert [script.name for script in SCRIPTS if script.stem != script.parent.name] == []


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_an_example_says_what_must_hold(script: Path) -> None:
    text = (script.parent / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == list(SECTIONS)
    assert f"python examples/{script.stem}/{script.name}" in text
    targets = [target for target in re.findall(r"\]\(([^)#\s]+)", text) if "://" not in target]
    assert [target for target in targets if not (script.parent / target).exists()] == []


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_an_example_opens_as_a_notebook_and_asserts(script: Path) -> None:
    """Cells of the percent format, the first of them text; for each claim of its page an assertion at least."""
    text = script.read_text(encoding="utf-8")
    assert text.startswith("# %% [markdown]\n# ")
    claims = (script.parent / "README.md").read_text(encoding="utf-8").partition("## What must hold")[2].count("\n- ")
    assert sum(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(text))) >= claims >= 3


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_an_example_has_a_picture_on_its_page(script: Path) -> None:
    """Made by its script, small enough to be kept, and told in words to who cannot see it."""
    text = (script.parent / "README.md").read_text(encoding="utf-8")
    (told,) = re.findall(r"!\[([^\]]+)\]\(picture\.svg\)", text)
    picture = script.with_name("picture.svg")
    assert 1_000 < picture.stat().st_size < 50_000
    root = ElementTree.parse(picture).getroot()
    assert (root.tag, root.get("aria-label")) == ("{http://www.w3.org/2000/svg}svg", told)


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_an_example_runs(script: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a copy, so that nothing it writes is left in the tree."""
    folder = shutil.copytree(EXAMPLES, tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    script = folder / script.parent.name / script.name
    script.with_name("picture.svg").unlink()
    runpy.run_path(str(script), run_name="__main__")
    assert script.with_name("picture.svg").is_file()
