"""Every verdict of every run as a row of the page, and what a board wants to know of them first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from machines.requirements import PASS, PROGRAM, Verdict
from studies.dossier.entries import Entry, slugs
from studies.dossier.placing import Placed
from studies.report.screen import Deciding, Wanting, deciding, wanting_of
from studies.report.severity import has_margin, severity
from studies.report.verdicts import VerdictRow, verdict_rows
from studies.results import FigureData


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
    def wanting(self) -> Wanting:
        """Why it is no PASS, and what helps."""
        return wanting_of(self.row)

    @property
    def source(self) -> str:
        """Where the limit is from, without the word for its kind."""
        return self.verdict.requirement.source.removeprefix("assumed: ")


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
    """The requirements of the machine that are met most narrowly; each once, where it is met most narrowly."""
    met = most_serious_first(
        one for one in of_the_machine(judged) if one.verdict.verdict == PASS and has_margin(one.verdict)
    )
    first: dict[tuple[str, str], Judged] = {}
    for one in met:
        first.setdefault((one.verdict.requirement.id, one.verdict.requirement.quantity), one)
    return tuple(first.values())[:number]


def what_decides(judged: Sequence[Judged], number: int = 3) -> tuple[tuple[Entry, Deciding], ...]:
    """The assumptions that turn a verdict soonest, over all runs, each once, with the run that says so."""
    found: list[tuple[Entry, Deciding]] = []
    for entry in {one.entry.slug: one.entry for one in judged}.values():
        rows = [one.row for one in of_the_machine(judged) if one.entry.slug == entry.slug]
        found += [(entry, one) for one in deciding(entry.result, rows)]
    first: dict[str, tuple[Entry, Deciding]] = {}
    for entry, one in sorted(found, key=lambda pair: pair[1].soonest):
        first.setdefault(one.assumption, (entry, one))
    return tuple(first.values())[:number]
