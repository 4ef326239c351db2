"""The walls inside the house: what may import what, read from the sources and not from what happens to be loaded."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from studies.registry import ROOMS
from tests.checkout import PACKAGES, ROOT


@cache
def _modules() -> dict[str, Path]:
    """Every module of the five packages by its dotted name."""
    files = [file for package in PACKAGES for file in (ROOT / package).rglob("*.py")]
    return {_dotted(file): file for file in files}


def _dotted(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def _tree(name: str) -> ast.Module:
    return ast.parse(_modules()[name].read_text())


@cache
def _imported(name: str) -> frozenset[str]:
    """Modules of the house that ``name`` loads: at its head, inside functions, and by a name in quotes."""
    return frozenset(found for node in _loading(_tree(name)) for found in _named(node)) - {name}


def _loading(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those that only a type checker reads."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"):
            yield from _loading(child)


def _named(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if alias.name in _modules())
    elif isinstance(node, ast.ImportFrom) and node.module in _modules():
        yield from (_imported_from(str(node.module), alias.name) for alias in node.names)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in _modules():
        yield from [node.value] if "." in node.value else []


def _imported_from(module: str, name: str) -> str:
    return f"{module}.{name}" if f"{module}.{name}" in _modules() else module


def _circles() -> list[list[str]]:
    """Groups of modules that reach each other (Tarjan's strongly connected components of more than one)."""
    edges = {name: sorted(_imported(name)) for name in _modules()}
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for other in edges[name]:
            if other not in index:
                visit(other)
            if other in stack:
                low[name] = min(low[name], low[other])
        if low[name] == index[name]:
            group = [stack.pop()]
            while group[-1] != name:
                group.append(stack.pop())
            found.append(group)

    for name in edges:
        if name not in index:
            visit(name)
    return [sorted(group) for group in found if len(group) > 1]


def test_no_circle_of_imports() -> None:
    """A module that needs itself by a detour cannot be read, tested or moved alone."""
    assert _circles() == []


#: Rooms that a kind of study builds on beside its own and those below all.
BUILDS_ON = {
    "optics": {"ring_optics", "scan", "match"},
    "extraction": {"slow_extraction", "ring_optics", "scan", "match"},
    "linac-optics": {"linac"},
    "linac-energy-switching": {"linac"},
    "energy-switching": {"energy_switching", "ring_optics", "scan", "match"},
    "switching-comparison": {"treatment", "energy_switching", "linac", "ring_optics", "scan", "match"},
}
#: What every study goes through.
COMMON = {"charts", "judging", "pipeline", "provenance", "registry", "results", "runs", "spec", "vocabulary"}


@pytest.mark.parametrize("word", ROOMS)
def test_a_study_loads_only_what_it_builds_on(word: str) -> None:
    """Importing what computes one question imports no other question; a linac's nothing of extraction."""
    code = f"import sys; from studies.registry import study_of; study_of({word!r}); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    rooms = {name.split(".")[1] for name in loaded.split() if name.startswith("studies.")}
    assert rooms - COMMON - {"terminal", "exit_codes"} == BUILDS_ON[word]
    assert ("extraction" in loaded.split()) == (not word.startswith("linac"))
