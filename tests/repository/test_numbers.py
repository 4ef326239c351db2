"""Every quantity that a report shows has a test of its number, and not only of its presence.

A test says so with ``@pytest.mark.number("qx", "qy", by="second code")``; ``by`` is one of WAYS. The table of which
test checks what is printed at the end of the suite.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache

from studies.vocabulary import COLUMNS, NUMBERS
from tests.checkout import ROOT

WAYS = ("exact law", "closed form", "second code", "by hand")


@cache
def checked() -> dict[str, list[tuple[str, str]]]:
    """For each quantity the tests that check its number, and how."""
    found: dict[str, list[tuple[str, str]]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                for name, way in _marks(node):
                    found.setdefault(name, []).append((f"{path.relative_to(ROOT / 'tests')}::{node.name}", way))
    return found


def _marks(function: ast.FunctionDef) -> Iterator[tuple[str, str]]:
    for mark in function.decorator_list:
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.number":
            way = next(ast.literal_eval(keyword.value) for keyword in mark.keywords if keyword.arg == "by")
            yield from ((ast.literal_eval(name), way) for name in mark.args)


def test_every_quantity_has_a_test_of_its_number() -> None:
    assert {*NUMBERS, *COLUMNS} - set(checked()) == set(), "no test checks the number of these"


def test_a_mark_names_a_quantity_and_a_way() -> None:
    assert [name for name in checked() if name not in {**NUMBERS, **COLUMNS}] == []
    assert {way for found in checked().values() for _, way in found} <= set(WAYS)
