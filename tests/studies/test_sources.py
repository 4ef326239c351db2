"""What a result is cited with: one registry, DOIs as they are, and nothing that the result does not rest on."""

from __future__ import annotations

import ast
import doctest
import re
from collections import Counter
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from studies import sources
from studies.provenance import toolkit_version
from studies.ring_optics.text import references
from studies.sources import SOURCES, citation, cited
from tests.checkout import ROOT


@dataclass(frozen=True)
class Result:
    """The part of a result that is cited."""

    title: str = "Optics of a ring"
    references: tuple[str, ...] = ()


def used() -> Counter[str]:
    """Keys that the texts of studies cite."""
    found: Counter[str] = Counter()
    for path in (ROOT / "studies").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "cited":
                found.update(str(arg.value) for arg in node.args if isinstance(arg, ast.Constant))
    return found


def test_what_studies_cite_is_what_the_registry_holds() -> None:
    """A source that no study cites is one that nothing rests on."""
    assert set(used()) == set(SOURCES)


def test_a_doi_is_one_and_belongs_to_one_source() -> None:
    dois = [source.doi for source in SOURCES.values() if source.doi]
    assert [doi for doi in dois if not re.fullmatch(r"10\.\d{4,9}/\S+", doi)] == []
    assert max(Counter(dois).values()) == 1
    assert len(dois) >= len(SOURCES) / 2  # reports and proceedings have none


def test_a_source_without_a_doi_says_where_it_is_found() -> None:
    """An address, an ISBN, the number of a report, or volume and page."""
    found = r"ISBN [\d-]+|CERN[ /-]|SLAC-\d|Note \d|Proc\. |github\.com|\d+, \d+ \(\d{4}\)"
    bare = [key for key, one in SOURCES.items() if not (one.doi or one.url or re.search(found, one.text))]
    assert bare == []
    assert all(one.url in one.cited for one in SOURCES.values() if not one.doi)
    isbn = [int(digit) for digit in re.findall(r"ISBN ([\d-]+)", SOURCES["forest-1998"].text)[0].replace("-", "")]
    assert sum(digit * (10 - place) for place, digit in enumerate(isbn)) % 11 == 0  # its check digit


def test_no_reference_is_written_beside_the_registry() -> None:
    """A DOI in the text of a study stands in the registry alone."""
    texts = {path: path.read_text(encoding="utf-8") for path in (ROOT / "studies").rglob("*.py")}
    assert [path.name for path, text in texts.items() if '"doi:10.' in text and path.name != "sources.py"] == []


def test_a_citation_names_the_version_and_each_source_once() -> None:
    said = citation(Result(references=(*cited("courant-1958", "pimms-1"), *cited("courant-1958"), "a napkin")))
    assert toolkit_version() in said.splitlines()[0]
    assert [line.partition(" ")[0] for line in said.splitlines()[1:]] == ["[1]", "[2]", "[3]"]
    assert "doi:10.1016/0003-4916(58)90012-5" in said
    assert said.endswith("[3] a napkin")


def test_references_follow_from_what_was_computed() -> None:
    """Of uncoupled optics without a match three; a match, coupled planes and machines with errors bring theirs."""

    def facts(matched: bool, coupled: bool, errors: bool) -> Any:
        optics, resolved = SimpleNamespace(coupled=coupled), SimpleNamespace(machine=None)
        told = {"matched": matched or None, "imperfections": errors or None}
        return SimpleNamespace(optics=optics, resolved=resolved, **told)

    plain = tuple(references(facts(False, False, False)))
    assert plain == cited("courant-1958", "forest-1998", "iadarola-2024")
    assert set(references(facts(True, False, False))) - set(plain) == set(cited("madsen-2004", "squire-1998"))
    assert set(references(facts(False, True, False))) - set(plain) == set(cited("edwards-1973"))
    assert set(references(facts(False, False, True))) - set(plain) == set(cited("autin-1973", "sagan-1999"))


@pytest.mark.parametrize("key", SOURCES)
def test_a_key_is_the_year_that_the_source_tells(key: str) -> None:
    year = re.search(r"(?<!\d)(1[89]|20)\d\d$", key)
    if year:
        assert year[0] in SOURCES[key].text or f"/{year[0][2:]}-" in SOURCES[key].text  # ISR-MA/73-17


def test_the_example_of_a_citation_runs() -> None:
    assert doctest.testmod(sources).failed == 0
