"""Every verdict of every run as a row of the page, and what a board wants to know of them first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from machines.requirements import ASSUMED, FAIL, NOT_EVALUATED, PASS, PROGRAM, PUBLISHED, Verdict
from studies.dossier.entries import Entry, slugs
from studies.dossier.placing import Placed
from studies.report.severity import severity
from studies.report.verdicts import VerdictRow, verdict_rows
from studies.results import FigureData
from studies.vocabulary import remedy_of


@dataclass(frozen=True)
class Judged:
    """One verdict: the run it is of, and its row with the places that it has on the page."""

    entry: Entry
    row: VerdictRow

    @property
    def verdict(self) -> Verdict:
        """The verdict of the row."""
        return self.row.verdict

    @property
    def cause(self) -> str:
        """Why it is no PASS, without what helps."""
        return "; ".join(part for part in self.verdict.reason.split("; ") if not part.startswith(_REMEDY))

    @property
    def remedy(self) -> str:
        """What a designer can turn, as the run says it; runs of earlier versions leave it to the vocabulary."""
        told = [part.removeprefix(_REMEDY) for part in self.verdict.reason.split("; ") if part.startswith(_REMEDY)]
        if told or self.verdict.verdict != FAIL or self.verdict.kind == PROGRAM:
            return "; ".join(told)
        return remedy_of(self.verdict.requirement.quantity)

    @property
    def source(self) -> str:
        """Where the limit is from, without the word for its kind."""
        return self.verdict.requirement.source.removeprefix("assumed: ")


_REMEDY = "remedy: "


def judged_of(run: Placed, figures: Sequence[FigureData]) -> tuple[Judged, ...]:
    """The verdicts of a run, the most serious first; ``figures`` are all of the page."""
    rows = verdict_rows(run.result.verdicts, run.result.quantities, figures)
    names = slugs([row.verdict.requirement.id for row in rows])
    prefix = run.entry.slug
    return tuple(
        Judged(run.entry, replace(row, anchor=f"{prefix}-requirement-{name}", basis=f"{prefix}-basis-{name}"))
        for row, name in zip(rows, names, strict=True)
    )


def most_serious_first(judged: Iterable[Judged]) -> tuple[Judged, ...]:
    """Sorted as a report sorts its rows, runs apart."""
    return tuple(sorted(judged, key=lambda one: (severity(one.verdict), one.entry.slug)))


def of_the_machine(judged: Iterable[Judged]) -> tuple[Judged, ...]:
    """Those that say something of a machine."""
    return tuple(one for one in judged if one.verdict.kind != PROGRAM)


def of_the_program(judged: Iterable[Judged]) -> tuple[Judged, ...]:
    """The checks of the program."""
    return tuple(one for one in judged if one.verdict.kind == PROGRAM)


def not_passed(judged: Iterable[Judged]) -> tuple[Judged, ...]:
    """What failed or was not evaluated, of the machine first, the most serious first."""
    left = [one for one in most_serious_first(judged) if one.verdict.verdict != PASS]
    return (*of_the_machine(left), *of_the_program(left))


def smallest_margins(judged: Iterable[Judged], number: int = 3) -> tuple[Judged, ...]:
    """The requirements of the machine that are met most narrowly."""
    met = (one for one in of_the_machine(judged) if one.verdict.verdict == PASS)
    return most_serious_first(met)[:number]


@dataclass(frozen=True)
class Count:
    """How many verdicts of one kind there are, by word."""

    kind: str
    passed: int
    failed: int
    not_evaluated: int

    @property
    def all(self) -> int:
        """How many they are together."""
        return self.passed + self.failed + self.not_evaluated


#: What the kinds of verdicts are called, in the order of the page.
KINDS = {
    PUBLISHED: "against published limits",
    ASSUMED: "against assumed limits",
    PROGRAM: "checks of the program",
}


def counts(verdicts: Sequence[Verdict]) -> tuple[Count, ...]:
    """The verdicts counted by the kind of their limit; every kind has its line."""
    return tuple(_count(kind, [one.verdict for one in verdicts if one.kind == kind]) for kind in KINDS)


def _count(kind: str, words: Sequence[str]) -> Count:
    return Count(kind, *(words.count(word) for word in (PASS, FAIL, NOT_EVALUATED)))
