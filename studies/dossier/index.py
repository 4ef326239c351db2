"""The index of a dossier: every requirement, figure, table, chapter and machine by name, with its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from studies.dossier.matrix import Matrix
from studies.dossier.parameters import Parameters
from studies.dossier.placing import Placed
from studies.report.sections import Numbers


@dataclass(frozen=True)
class Place:
    """One entry: its ``text``, where it leads (``anchor``), and what stands there (``told``)."""

    text: str
    anchor: str
    told: str


def index_of(
    runs: Sequence[Placed],
    matrices: Iterable[Matrix],
    parameters: Parameters,
    numbers: Numbers,
) -> tuple[tuple[str, tuple[Place, ...]], ...]:
    """Entries by their first letter, sorted; those without a letter come first under "#"."""
    places = [
        *_requirements(matrices),
        *_parameters(parameters),
        *_figures_and_tables(runs, numbers),
        *(Place(run.entry.label, run.entry.slug, "study") for run in runs),
    ]
    ordered = sorted(dict.fromkeys(places), key=lambda place: (_letter(place), place.text.lower(), place.anchor))
    return tuple((letter, tuple(group)) for letter, group in groupby(ordered, _letter))


def _letter(place: Place) -> str:
    first = place.text[:1].upper()
    return first if first.isascii() and first.isalpha() else "#"


def _requirements(matrices: Iterable[Matrix]) -> Iterator[Place]:
    for matrix in matrices:
        for row in matrix.rows:
            yield Place(f"{row.id} {row.text}", row.anchor, "requirement")


def _parameters(parameters: Parameters) -> Iterator[Place]:
    for _, rows in parameters.groups:
        for row in rows:
            yield Place(f"{row.text[:1].upper()}{row.text[1:]}", row.anchor, "parameter")


def _figures_and_tables(runs: Iterable[Placed], numbers: Numbers) -> Iterator[Place]:
    for run in runs:
        for figure in run.own.figures:
            told = f"Figure {numbers.figures[figure.id]}, {run.entry.label}"
            yield Place(figure.title, f"figure-{figure.id}", told)
        for table in run.own.tables:
            yield Place(table.title, f"table-{table.id}", f"Table {numbers.tables[table.id]}, {run.entry.label}")
