"""Which changes are made: so many of a package, drawn from a seed, every module as likely as it is long."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.changes import Change, changes


@dataclass(frozen=True)
class Mutant:
    """A change of a module (its place in the tree)."""

    module: Path
    change: Change

    def __str__(self) -> str:
        old = " ".join(self.change.old.split())
        return f"{self.module}:{self.change.line}: {self.change.kind}: {old[:70]} -> {self.change.new[:70]}"


def drawn(tree: Path, package: str, number: int, seed: int) -> list[Mutant]:
    """So many changes of a package of a tree."""
    modules = sorted(path for path in (tree / package).rglob("*.py"))
    every = [Mutant(path.relative_to(tree), one) for path in modules for one in changes(path.read_text("utf-8"))]
    return random.Random(f"{package} {seed}").sample(every, min(number, len(every)))
