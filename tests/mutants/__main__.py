"""``python -m tests.mutants [PACKAGE ...] [--number N] [--seed S] [--jobs J]``: small wrong changes that pass tests.

In each package so many changes are drawn from a seed, one at a time put into a copy of the tree, and the tests that use
the changed module run there until one fails. A change that none notices is a survivor: printed with its place.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from math import sqrt
from pathlib import Path

from tests.checkout import PACKAGES, ROOT, tracked_files
from tests.mutants.changes import Change, changes

_SLOW = 300  # seconds after which a change that makes the tests hang counts as caught
_MOST_FILES = 12  # of tests for one change: the nearest ones


@dataclass(frozen=True)
class Mutant:
    """A change of a module; ``tests`` are the files that may notice it, the nearest first."""

    module: Path
    change: Change
    tests: tuple[Path, ...]

    def __str__(self) -> str:
        old = " ".join(self.change.old.split())
        return f"{self.module}:{self.change.line}: {self.change.kind}: {old[:70]} -> {self.change.new[:70]}"


def drawn(package: str, number: int, seed: int) -> list[Mutant]:
    """So many changes of a package, every module as likely as it is long."""
    modules = [path for path in tracked_files() if path.suffix == ".py" and path.is_relative_to(ROOT / package)]
    every = [(path.relative_to(ROOT), change) for path in modules for change in changes(path.read_text("utf-8"))]
    chosen = random.Random(f"{package} {seed}").sample(every, min(number, len(every)))
    return [Mutant(path, change, watchers(path)) for path, change in chosen]


def watchers(module: Path) -> tuple[Path, ...]:
    """Test files that load a module, those first that name it, then those that name its room, then the rest."""
    name = ".".join(module.with_suffix("").parts).removesuffix(".__init__")
    near = {path: _distance(name, path) for path in _tests()}
    return tuple(sorted((path for path in near if near[path] < 3), key=lambda path: (near[path], path)))[:_MOST_FILES]


def _distance(name: str, test: Path) -> int:
    """-1 for the test called after the module, 0 for one that imports it, 1 one of its room, 2 one of its package."""
    package, own = name.partition(".")[0], name.rpartition(".")[2]
    imported = _imports(test)
    if any(found == name or found.startswith(f"{name}.") for found in imported):
        return -1 if test.stem == f"test_{own}" and test.parent.name == package else 0
    room = name.rpartition(".")[0]
    if room.count(".") and any(found.startswith(f"{room}.") or found == room for found in imported):
        return 1
    return 2 if test.parent.name == package else 3


@cache
def _tests() -> tuple[Path, ...]:
    return tuple(path.relative_to(ROOT) for path in tracked_files() if path.name.startswith("test_"))


@cache
def _imports(test: Path) -> frozenset[str]:
    """Modules and names that a test file imports, by their dotted names."""
    found: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / test).read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return frozenset(found | {_handed_on()[name] for name in found if name in _handed_on()})


@cache
def _handed_on() -> dict[str, str]:
    """What a package's face hands on, and where it stands: ``optics.twiss`` in ``optics.linear.twiss``."""
    faces = [path for package in PACKAGES for path in (ROOT / package).rglob("__init__.py")]
    return {
        f"{'.'.join(face.parent.relative_to(ROOT).parts)}.{alias.asname or alias.name}": f"{node.module}.{alias.name}"
        for face in faces
        for node in ast.walk(ast.parse(face.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }


def caught(mutant: Mutant, tree: Path) -> bool:
    """True when a test fails (or hangs) with the change in the ``tree``, which is as before afterwards."""
    path = tree / mutant.module
    before = path.read_text("utf-8")
    path.write_text(mutant.change.apply(before), "utf-8")
    try:
        return any(_fails([test], tree) for test in mutant.tests)
    finally:
        path.write_text(before, "utf-8")


def _fails(tests: Sequence[Path], tree: Path) -> bool:
    options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--no-header", "--durations=0"]
    command = [sys.executable, "-m", "pytest", *options, *map(str, tests)]
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, timeout=_SLOW, check=False)
    except subprocess.TimeoutExpired:
        return True
    return done.returncode != 0


def interval(caught_ones: int, number: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson, J. Am. Stat. Assoc. 22, 209, 1927)."""
    if not number:
        return 0.0, 1.0
    share, z = caught_ones / number, 1.96
    middle = (share + z**2 / (2 * number)) / (1 + z**2 / number)
    half = z / (1 + z**2 / number) * sqrt(share * (1 - share) / number + z**2 / (4 * number**2))
    return middle - half, middle + half


def run(packages: Sequence[str], number: int, seed: int, jobs: int) -> Iterator[str]:
    """Lines of the report, as they are known."""
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(jobs) as pool:
        trees = [_copy(Path(folder) / str(job)) for job in range(jobs)]
        for package in packages:
            mutants = drawn(package, number, seed)
            parts = [(mutants[job::jobs], trees[job]) for job in range(jobs)]
            survivors = [one for found in pool.map(_survivors, *zip(*parts, strict=True)) for one in found]
            share = len(mutants) - len(survivors)
            low, high = interval(share, len(mutants))
            yield f"{package}: {share} of {len(mutants)} caught ({low:.0%} to {high:.0%}, 95 %)"
            yield from (f"  survived: {one}" for one in survivors)


def _survivors(mutants: Sequence[Mutant], tree: Path) -> list[Mutant]:
    return [mutant for mutant in mutants if not caught(mutant, tree)]


def _copy(tree: Path) -> Path:
    for path in tracked_files():
        target = tree / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)
    return tree


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", nargs="*", default=list(PACKAGES))
    parser.add_argument("--number", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    asked = parser.parse_args()
    for line in run(asked.package, asked.number, asked.seed, asked.jobs):
        print(line, flush=True)


if __name__ == "__main__":
    main()
