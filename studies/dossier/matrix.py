"""The matrix of requirement by machine, particle and energy, over all runs of a dossier: the worst of both first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from machines.requirements import PASS
from studies.dossier.entries import Case, slugs
from studies.dossier.judged import Judged, most_serious_first
from studies.report.severity import severity

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class MatrixRow:
    """One requirement: its verdicts in each column, the most serious first; () where it is not asked.

    ``anchor`` is its place on the page.
    """

    anchor: str
    id: str
    text: str
    quantity: str
    cells: tuple[tuple[Judged, ...], ...]

    @property
    def subject(self) -> str:
        """The kind of study that asks for it, of its most serious verdict."""
        first = next(one for cell in self.cells for one in cell)
        return str(first.entry.result.study.get("study", "other"))

    @property
    def limit(self) -> str:
        """The limit with its unit where all cells have the same, else ""."""
        limits = {f"{one.row.limit} {one.row.unit}".rstrip() for cell in self.cells for one in cell}
        return limits.pop() if len(limits) == 1 else ""


@dataclass(frozen=True)
class MatrixGroup:
    """The rows of one kind of study, over those cases alone that one of them is asked of."""

    anchor: str
    title: str
    cases: tuple[Case, ...]
    rows: tuple[MatrixRow, ...]

    def judged(self, machine: str = "") -> tuple[Judged, ...]:
        """All verdicts of a machine, or of all machines; () for one that none is asked of."""
        every = (one for row in self.rows for cell in row.cells for one in cell)
        return tuple(one for one in every if machine in ("", one.entry.case.machine))

    def told(self, machine: str = "") -> tuple[tuple[str, str], ...]:
        """How many verdicts of a machine there are by word, ``("fail", "1 failed")``, the worst first; () of none."""
        words = Counter(one.row.kind for one in self.judged(machine))
        return tuple((kind, f"{words[kind]} {word}") for kind, word in _WORDS.items() if words[kind])

    @property
    def passed(self) -> bool:
        """Whether all of it is met."""
        return all(one.verdict.verdict == PASS for one in self.judged())


#: Of a verdict's kind on the page: what several are counted as.
_WORDS = {"fail": "failed", "not-evaluated": "not evaluated", "pass": "passed"}

#: What the rows of each kind of study are about; a kind without one stands under its own word.
_TITLES = {
    "optics": "Optics",
    "extraction": "Extraction",
    "energy-switching": "Energy switching of rings",
    "linac-optics": "Linac",
    "linac-energy-switching": "Energy switching of linacs",
    "switching-comparison": "Time to treat",
    "delivery": "Delivery",
    "tolerances": "Tolerances of rings",
    "linac-tolerances": "Tolerances of linacs",
}


@dataclass(frozen=True)
class Matrix:
    """``rows`` over ``cases``, one cell for each pair; ``groups`` are the same rows by the kind of their study."""

    cases: tuple[Case, ...]
    rows: tuple[MatrixRow, ...]
    groups: tuple[MatrixGroup, ...] = ()

    @property
    def machines(self) -> tuple[str, ...]:
        """The machines of the cases, the worst first."""
        return tuple(dict.fromkeys(case.machine for case in self.cases))


def matrix_of(judged: Iterable[Judged], prefix: str) -> Matrix:
    """Rows and columns ordered by their most serious verdict, then the next; anchors begin with ``prefix``.

    Requirements are the same when both id and quantity are: two machines may use one id for different things.
    """
    ordered = most_serious_first(judged)
    cases = _worst_first(ordered, lambda one: one.entry.case)
    groups = _grouped(ordered, lambda one: (one.verdict.requirement.id, one.verdict.requirement.quantity))
    anchors = slugs([id for id, _ in groups])
    rows = tuple(_row(f"{prefix}-{anchor}", rows, cases) for anchor, rows in zip(anchors, groups.values(), strict=True))
    return Matrix(cases, rows, tuple(_by_subject(rows, cases, prefix)))


def _by_subject(rows: Iterable[MatrixRow], cases: Sequence[Case], prefix: str) -> Iterator[MatrixGroup]:
    """Groups in the order of their worst rows, each without the columns that it would leave empty."""
    groups: dict[str, list[MatrixRow]] = {}
    for row in rows:
        groups.setdefault(row.subject, []).append(row)
    for subject, mine in groups.items():
        asked = [place for place, _ in enumerate(cases) if any(row.cells[place] for row in mine)]
        kept = tuple(replace(row, cells=tuple(row.cells[place] for place in asked)) for row in mine)
        title = _TITLES.get(subject, subject)
        yield MatrixGroup(f"{prefix}-of-{subject}", title, tuple(cases[place] for place in asked), kept)


def _worst_first(ordered: Sequence[Judged], key: Callable[[Judged], Case]) -> tuple[Case, ...]:
    groups = _grouped(ordered, key)
    return tuple(sorted(groups, key=lambda case: [severity(one.verdict)[:2] for one in groups[case]]))


def _grouped(ordered: Iterable[Judged], key: Callable[[Judged], Key]) -> dict[Key, list[Judged]]:
    groups: dict[Key, list[Judged]] = {}
    for one in ordered:
        groups.setdefault(key(one), []).append(one)
    return groups


def _row(anchor: str, group: Sequence[Judged], cases: Sequence[Case]) -> MatrixRow:
    need = group[0].verdict.requirement
    cells = tuple(tuple(one for one in group if one.entry.case == case) for case in cases)
    return MatrixRow(anchor, need.id, need.text, need.quantity, cells)
