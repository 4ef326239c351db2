"""The site's made pages: one for everything that the registries know, all reached, all links leading somewhere.

Sphinx itself, with warnings as errors, is ``make docs`` (in CI behind ``make test``): it takes a minute.
"""

from __future__ import annotations

import ast
import posixpath
import re
from functools import cache
from importlib import import_module
from typing import get_args

import pytest

from docs.pages import contents
from docs.pages.elements import driver_pages, element_pages
from docs.pages.quantities import quantity_pages
from docs.pages.reference import public_names, reference_pages
from docs.pages.studies import study_pages
from docs.pages.tutorials import cells, scripts, tutorial
from extraction.drivers.drivers import Driver
from lattice.elements import ELEMENT_KINDS
from studies.registry import ROOMS
from studies.vocabulary import COLUMNS, NUMBERS
from tests.checkout import PACKAGES, ROOT


@cache
def made() -> dict[str, str]:
    """Text of every made page by its path, but for the notebooks."""
    found = {"index.md": contents.index()}
    found |= {f"examples/{path.stem}/README.md": tutorial(path) for path in scripts(ROOT / "examples")}
    for pages in (element_pages(), driver_pages(), quantity_pages(), study_pages(), reference_pages()):
        found |= dict(pages)
    return found


def test_everything_that_is_registered_has_a_page() -> None:
    wanted = [f"elements/{word}.md" for word in ELEMENT_KINDS]
    wanted += [f"drivers/{kind.__name__}.md" for kind in get_args(Driver)]
    wanted += [f"quantities/{key}.md" for key in {**NUMBERS, **COLUMNS}]
    wanted += [f"studies/{word}.md" for word in ROOMS]
    assert [path for path in wanted if path not in made()] == []


def test_a_made_page_has_a_title_and_its_links_lead_somewhere() -> None:
    for path, text in made().items():
        assert re.search(r"^# \S", text, re.MULTILINE), path
        for target in re.findall(r"\]\(([^)#\s]+)", text):
            if "://" not in target:
                place = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
                assert place in made() or (ROOT / place).exists(), f"{path}: {target}"


def test_every_document_and_example_is_in_the_contents() -> None:
    """What a table of contents names is there, and no document is left out."""
    named = set(re.findall(r"^([\w/-]+)$", made()["index.md"], re.MULTILINE))
    assert [name for name in named if f"{name}.md" not in made() and not (ROOT / f"{name}.md").is_file()] == []
    documents = {f"docs/{path.stem}" for path in (ROOT / "docs").glob("*.md")}
    assert documents - named == set()
    assert {f"examples/{path.stem}/README" for path in scripts(ROOT / "examples")} - named == set()


@pytest.mark.parametrize("name", ["lattice", "optics", "extraction"])
def test_the_reference_holds_every_public_name(name: str) -> None:
    page = made()[f"reference/{name}.md"]
    assert [member for member in public_names(name) if f":: {name}.{member}\n" not in page] == []


#: What documents import that other pages tell: keys of section tables, colours of charts, the commands.
ELSEWHERE = {"machines.linacs.table", "studies.charts.style", "studies.cli"}


def test_the_reference_holds_what_documents_and_examples_import() -> None:
    """A reader of the site meets no function that the reference does not have."""
    pages = "".join(text for path, text in made().items() if path.startswith("reference/"))
    found = {(module, name) for text in sources() for module, name in imported(text) if module not in ELSEWHERE}
    assert len(found) > 100
    assert [f"{module}.{name}" for module, name in sorted(found) if f":: {module}.{name}\n" not in pages] == []


def sources() -> list[str]:
    """Python of the documents, a text a block, and of the examples."""
    documents = [*(ROOT / "docs").glob("*.md"), ROOT / "README.md"]
    blocks = [re.findall(r"```python\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL) for path in documents]
    return [
        *(text for some in blocks for text in some),
        *(path.read_text(encoding="utf-8") for path in scripts(ROOT / "examples")),
    ]


def imported(text: str) -> list[tuple[str, str]]:
    """Module and name of what a text takes from the toolkit; modules taken whole are none."""
    statements = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)]
    own = [node for node in statements if (node.module or "").partition(".")[0] in PACKAGES]
    taken = [(str(node.module), alias.name) for node in own for alias in node.names]
    return [(module, name) for module, name in taken if callable(getattr(import_module(module), name))]


def test_a_tutorial_shows_the_whole_script() -> None:
    script = ROOT / "examples" / "steinbach" / "steinbach.py"
    code = [line for kind, text in cells(script) if kind == "code" for line in text.splitlines()]
    written = [line for line in script.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    assert [line for line in code if line and not line.startswith("#")] == written
    assert all(line in tutorial(script) for line in written)
