"""The matrix of requirement by machine, particle and energy, over all runs of a dossier: the worst of both first."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

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
    def limit(self) -> str:
        """The limit with its unit where all cells have the same, else ""."""
        limits = {f"{one.row.limit} {one.row.unit}".rstrip() for cell in self.cells for one in cell}
        return limits.pop() if len(limits) == 1 else ""


@dataclass(frozen=True)
class Matrix:
    """``rows`` over ``cases``, one cell for each pair."""

    cases: tuple[Case, ...]
    rows: tuple[MatrixRow, ...]


def matrix_of(judged: Iterable[Judged], prefix: str) -> Matrix:
    """Rows and columns ordered by their most serious verdict, then the next; anchors begin with ``prefix``.

    Requirements are the same when both id and quantity are: two machines may use one id for different things.
    """
    ordered = most_serious_first(judged)
    cases = _worst_first(ordered, lambda one: one.entry.case)
    groups = _grouped(ordered, lambda one: (one.verdict.requirement.id, one.verdict.requirement.quantity))
    anchors = slugs([id for id, _ in groups])
    rows = (_row(f"{prefix}-{anchor}", rows, cases) for anchor, rows in zip(anchors, groups.values(), strict=True))
    return Matrix(cases, tuple(rows))


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
