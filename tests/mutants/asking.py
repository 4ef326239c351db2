"""Changes given to servers, one a copy of the tree, and their answers, which are kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.mutants.choosing import Chosen
from tests.mutants.drawing import Mutant
from tests.mutants.lines import scopes
from tests.mutants.trees import dependents, is_compiled, pytest_in


def asked(mutant: Mutant, chosen: Chosen, tree: Path) -> dict[str, Any]:
    """What a server is told of a change."""
    path = tree / mutant.module
    before = path.read_text("utf-8")
    every = [one for one in scopes(before) if one.has(mutant.change.line)]
    return {
        "name": name(mutant),
        "module": str(mutant.module),
        "before": before,
        "after": mutant.change.apply(before),
        "time": path.stat().st_mtime_ns,
        "functions": [one.name for one in every],
        "tests": chosen.tests,
        "plain": chosen.plain,
        "limit": chosen.seconds,
        "fresh": chosen.imported or bool(chosen.compiled),
        "numba": any(is_compiled(one) for one in scopes(before)),
        "dependents": sorted(dependents(tree, _dotted(mutant.module), chosen.compiled)) if chosen.compiled else [],
    }


def name(mutant: Mutant) -> str:
    return f"{mutant} [{mutant.change.begin}]"


def _dotted(module: Path) -> str:
    return ".".join(module.with_suffix("").parts)


def judged(
    mutants: Sequence[Mutant], chosen: Sequence[Chosen], trees: Sequence[Path], folder: Path
) -> dict[str, dict[str, Any]]:
    """Answers by the name of the change, kept in a folder; those of earlier runs are not asked again."""
    answers = folder / f"{_digest(trees[0])}.jsonl"
    folder.mkdir(parents=True, exist_ok=True)
    known = _known(answers)
    new = [asked(one, its, trees[0]) for one, its in zip(mutants, chosen, strict=True) if name(one) not in known]
    with ThreadPoolExecutor(len(trees)) as pool:
        list(pool.map(lambda job: _serve(new[job :: len(trees)], trees[job], answers), range(len(trees))))
    return _known(answers)


def _known(answers: Path) -> dict[str, dict[str, Any]]:
    lines = answers.read_text("utf-8").splitlines() if answers.is_file() else []
    return {one["name"]: one for one in map(json.loads, lines)}


def _digest(tree: Path) -> str:
    """Of all code and tests."""
    found = hashlib.sha256()
    for path in sorted(tree.rglob("*.py")):
        found.update(path.relative_to(tree).as_posix().encode() + path.read_bytes())
    return found.hexdigest()[:16]


def _serve(new: Sequence[dict[str, Any]], tree: Path, answers: Path) -> None:
    if not new:
        return
    waiting = tree.with_name(f"{tree.name}.asked")
    waiting.write_text("".join(json.dumps(one) + "\n" for one in new), "utf-8")
    files = sorted({test.partition("::")[0] for one in new for test in (*one["tests"], *one["plain"])})
    quiet = ["-s", "-p", "no:terminalreporter"]
    pytest_in(tree, "tests.mutants.serving", [*quiet, *files], MUTANTS_ASKED=str(waiting), MUTANTS_ANSWERS=str(answers))
