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
    "switching-comparison": {"treatment", "delivery", "energy_switching", "linac", "ring_optics", "scan", "match"},
    "delivery": {"delivery"},
    "tolerances": {"tolerances", "ring_optics", "scan", "match"},
    "linac-tolerances": {"tolerances", "linac"},
    "line-tolerances": {"tolerances"},
}
#: What every study goes through.
COMMON = {
    *("charts", "judging", "moves", "pipeline", "provenance", "registry", "results", "runs", "sources", "spec"),
    "vocabulary",
}


@pytest.mark.parametrize("word", ROOMS)
def test_a_study_loads_only_what_it_builds_on(word: str) -> None:
    """Importing what computes one question imports no other question; a linac's or line's nothing of extraction."""
    loaded = loaded_by_each()[word]
    rooms = {name.split(".")[1] for name in loaded if name.startswith("studies.")}
    assert rooms - COMMON - {"terminal", "exit_codes"} == BUILDS_ON[word]
    assert ("extraction" in loaded) == (not word.startswith(("linac", "line")))


#: A Python that has none of our modules; each study is loaded by a child of it. What others made is loaded once.
LOADING = """
import os, sys
import numba, pandas, plotly.graph_objects, pydantic, scipy.optimize
assert "studies" not in sys.modules
for word in sys.argv[1:]:
    if not (child := os.fork()):
        from studies.registry import study_of
        study_of(word)
        print(word, *sys.modules, flush=True)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0, word
"""


@cache
def loaded_by_each() -> dict[str, set[str]]:
    """Modules that are loaded with a study."""
    command = [sys.executable, "-c", LOADING, *ROOMS]
    told = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    return {line.split()[0]: set(line.split()[1:]) for line in told.splitlines()}


# ------------------------------------------------------------------------------------------- drawing computes nothing

#: Modules that draw, tabulate or tell: rooms of drawing, and files of a study that make finished values of facts.
ROOMS_OF_DRAWING = ("studies.charts.", "studies.report.")
DRAWING = ("figures", "tables", "text", "portraits", "programmes", "picks")

#: What they may call below: closed formulas and statistics of finished samples. None follows a particle, finds an
#: optics or seeks a solution.
FORMULAS = {
    "extraction.spill.beam": "moments of particles that were tracked",
    "extraction.spill.losses": "shares of particles that were tracked",
    "extraction.spill.rate": "counts of times that were tracked",
    "extraction.spill.spectrum": "spectra of times that were tracked",
    "optics.beams.beam_table": "sizes of a Gaussian beam of given optics",
    "optics.magnets": "fields and families of magnets of given strengths",
    "optics.matter.ranges": "the law of ranges",
    "optics.resonances": "lines in the plane of the tunes",
}

#: Methods that compute, whatever value they are asked of.
COMPUTING = {"arm", "arms", "inside", "spiral_step", "stable_area", "survey", "track", "transported", "turn"}


def _drawing() -> list[str]:
    rooms = [name for name in _modules() if name.startswith(ROOMS_OF_DRAWING)]
    files = [name for name in _modules() if name.startswith("studies.") and _last(name).endswith(DRAWING)]
    return sorted({*rooms, *(name for name in files if not name.startswith("studies.commands."))})


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _functions(name: str) -> list[tuple[str, str]]:
    """Functions that a module imports from the rooms of physics: (module, function). Types and constants are nouns."""
    found = [node for node in _loading(_tree(name)) if isinstance(node, ast.ImportFrom) and node.module]
    return [
        (str(node.module), alias.name)
        for node in found
        for alias in node.names
        if str(node.module).partition(".")[0] in ("optics", "extraction") and alias.name[0].islower()
    ]


def test_what_draws_computes_nothing() -> None:
    """Figures, tables, texts and charts are made of facts: no function of theirs finds optics, tracks or matches."""
    assert len(_drawing()) > 40
    found = [(name, *one) for name in _drawing() for one in _functions(name) if one[0] not in FORMULAS]
    assert found == []


def test_what_draws_asks_no_value_to_compute() -> None:
    """A value that is a fact may know how to compute more: not while it is drawn."""
    calls = [
        f"{name}:{node.lineno} .{node.func.attr}()"
        for name in _drawing()
        for node in ast.walk(_tree(name))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in COMPUTING
    ]
    assert calls == []
