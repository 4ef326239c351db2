"""``python -m tests.mutants [PACKAGE ...] [--number N] [--seed S] [--jobs J]``: small wrong changes that pass tests.

In each package so many changes are drawn from a seed. Each is put into a copy of the tree, alone, and the tests that
ran the changed line are run, the quickest first, until one fails. A change that none notices is a survivor: printed
with its place. Which tests run which line is recorded once a test file (``build/mutants``); answers are kept as long
as the code and the tests stay.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from math import sqrt
from pathlib import Path

from tests.checkout import PACKAGES
from tests.mutants.asking import judged, name
from tests.mutants.choosing import Records
from tests.mutants.drawing import drawn
from tests.mutants.trees import HOME, RECORDS, pytest_in, synced, warm


def interval(caught_ones: int, number: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson, J. Am. Stat. Assoc. 22, 209, 1927)."""
    if not number:
        return 0.0, 1.0
    share, z = caught_ones / number, 1.96
    middle = (share + z**2 / (2 * number)) / (1 + z**2 / number)
    half = z / (1 + z**2 / number) * sqrt(share * (1 - share) / number + z**2 / (4 * number**2))
    return middle - half, middle + half


def report(package: str, number: int, seed: int, seconds: float, trees: Sequence[Path]) -> Iterator[str]:
    """Lines about a package."""
    records, mutants = Records(RECORDS, trees[0]), drawn(trees[0], package, number, seed)
    chosen = [records.chosen(one, seconds) for one in mutants]
    answers = judged(mutants, chosen, trees, HOME / "answers")
    none = {"caught": False, "by": ""}
    outcome = [(one, its, answers.get(name(one), none)) for one, its in zip(mutants, chosen, strict=True)]
    share = sum(answer["caught"] for _, _, answer in outcome)
    unending = sum(answer["by"] == "tests that do not end" for _, _, answer in outcome)
    low, high = interval(share, len(mutants))
    yield f"{package}: {share} of {len(mutants)} caught ({low:.0%} to {high:.0%}, 95 %), {unending} as tests do not end"
    for mutant, its, answer in outcome:
        if not answer["caught"]:
            yield f"  survived {len(its.tests)} tests ({its.left} slower ones left out): {mutant}"


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", nargs="*", default=list(PACKAGES))
    parser.add_argument("--number", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=60.0, help="of tests for one change, as they were recorded")
    given = parser.parse_args()
    trees = [synced(f"tree-{job}") for job in range(given.jobs)]
    prepare(trees)
    for package in given.package:
        for line in report(package, given.number, given.seed, given.seconds, trees):
            print(line, flush=True)


def prepare(trees: Sequence[Path]) -> None:
    """Compiled code for every copy, and a record of every test file."""
    for tree in trees:
        warm(tree)
    missing = Records(RECORDS, trees[0]).missing()
    if missing:
        print(f"recording which lines {len(missing)} test files run, once", flush=True)
        pytest_in(trees[0], "tests.mutants.recording", missing, MUTANTS_RECORDS=str(RECORDS))


if __name__ == "__main__":
    main()
