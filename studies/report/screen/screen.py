"""The first screen of a report: picture, verdicts by kind, smallest margins, key numbers, what decides, what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from machines.requirements import ASSUMED, FAIL, NOT_EVALUATED, PASS, PROGRAM, PUBLISHED, Verdict
from studies.report.naming import words_of
from studies.report.screen.deciding import Deciding, deciding
from studies.report.screen.keys import KeyNumber, key_numbers, sources
from studies.report.screen.picture import Picture, picture
from studies.report.severity import has_margin
from studies.report.verdicts import VerdictRow, rows_of_machine
from studies.results import StudyResult
from studies.vocabulary import remedy_of

MARGINS = 3
_MOST = 6  # of what did not pass, on the first screen
_REMEDY = "remedy: "
_HINTS = ("the limit is reached", "no assumption reaches", "most of the error")
_KINDS = ((PUBLISHED, "published limits"), (ASSUMED, "assumed limits"), (PROGRAM, "checks of the program"))


@dataclass(frozen=True)
class KindCount:
    """How the verdicts of one kind of limit came out; ``kind`` is the mark of the worst of them."""

    text: str
    passed: int
    failed: int
    open: int

    @property
    def number(self) -> int:
        """All of them."""
        return self.passed + self.failed + self.open

    @property
    def kind(self) -> str:
        """The mark: of the worst verdict among them."""
        return "fail" if self.failed else "not-evaluated" if self.open else "pass"


@dataclass(frozen=True)
class Wanting:
    """A requirement that did not pass: what is wrong, what can be done, and what the assumptions say of it."""

    row: VerdictRow
    cause: str
    remedy: str
    hints: tuple[str, ...]


@dataclass(frozen=True)
class FirstScreen:
    """All that the first screen shows; ``more`` further requirements that did not pass are told below."""

    picture: Picture | None
    kinds: tuple[KindCount, ...]
    smallest: tuple[VerdictRow, ...]
    wanting: tuple[Wanting, ...]
    more: int
    keys: tuple[KeyNumber, ...]
    sources: tuple[tuple[str, str, bool], ...]
    deciding: tuple[Deciding, ...]


def first_screen(result: StudyResult, rows: Sequence[VerdictRow]) -> FirstScreen:
    """The first screen of a result; ``rows`` are those of its verdicts, the most serious first."""
    machine = rows_of_machine(rows)
    smallest = tuple(row for row in machine if has_margin(row.verdict))[:MARGINS]
    wanting = tuple(wanting_of(row) for row in rows if row.verdict.verdict != PASS)
    keys = key_numbers(result, [row for row in machine if row not in smallest])
    at = {quantity.name: quantity.at for quantity in result.quantities}
    return FirstScreen(
        picture=picture(result.lattice, machine, at, words_of(result)),
        kinds=tuple(kind_counts(result.verdicts)),
        smallest=smallest,
        wanting=wanting[:_MOST],
        more=max(len(wanting) - _MOST, 0),
        keys=keys,
        sources=sources(keys),
        deciding=deciding(result, machine),
    )


def kind_counts(verdicts: Sequence[Verdict]) -> Iterator[KindCount]:
    """The verdicts counted by the kind of their limit; a kind without any is left out."""
    for kind, text in _KINDS:
        words = [verdict.verdict for verdict in verdicts if verdict.kind == kind]
        if words:
            yield KindCount(text, *(words.count(word) for word in (PASS, FAIL, NOT_EVALUATED)))


def wanting_of(row: VerdictRow) -> Wanting:
    """The parts of a reason: what a designer can turn, what the assumptions say, and the rest.

    Runs of earlier versions do not say what a designer can turn: then the vocabulary does.
    """
    parts = row.verdict.reason.split("; ")
    told = next((part.removeprefix(_REMEDY) for part in parts if part.startswith(_REMEDY)), "")
    hints = tuple(part for part in parts if part.startswith(_HINTS))
    cause = "; ".join(part for part in parts if part not in hints and not part.startswith(_REMEDY))
    judged = row.verdict.verdict == FAIL and row.verdict.kind != PROGRAM
    known = remedy_of(row.verdict.requirement.quantity) if judged else ""
    return Wanting(row, cause, told or known, hints)
