"""Figures and tables of many runs on one page: names of their own, numbers, and what several runs share only once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from studies.dossier.entries import Entry
from studies.report.csv import csv_text
from studies.report.sections import Numbers, contents, numbered
from studies.results import FigureData, Quantity, StudyResult, TableData


@dataclass(frozen=True)
class Shared:
    """A figure or table of a run that stands on the page already: what it is called and its id there."""

    kind: str
    id: str
    title: str


@dataclass(frozen=True)
class Placed:
    """A run with the ids of the page: ``result`` holds all its figures and tables, ``own`` those that stand with it."""

    entry: Entry
    result: StudyResult
    own: StudyResult
    shared: tuple[Shared, ...]


def placed(entries: Iterable[Entry]) -> tuple[Placed, ...]:
    """The runs with figures and tables renamed; one with the same content as an earlier one takes its id."""
    known: dict[str, str] = {}
    return tuple(_placed(entry, known) for entry in entries)


def _placed(entry: Entry, known: dict[str, str]) -> Placed:
    result, own, shared = entry.result, set(), []
    names: dict[str, str] = {}
    items: tuple[FigureData | TableData, ...] = (*result.figures, *result.tables)
    for item in items:
        key, id = _content(item), f"{item.id}--{entry.slug}"
        names[item.id] = known.setdefault(key, id)
        if names[item.id] == id:
            own.add(id)
        else:
            kind = "figure" if isinstance(item, FigureData) else "table"
            shared.append(Shared(kind, names[item.id], item.title))
    renamed = _renamed(result, names)
    figures = tuple(figure for figure in renamed.figures if figure.id in own)
    tables = tuple(table for table in renamed.tables if table.id in own)
    return Placed(entry, renamed, replace(renamed, figures=figures, tables=tables), tuple(shared))


def _content(item: FigureData | TableData) -> str:
    """A key of all that is seen of a figure or a table."""
    if isinstance(item, FigureData):
        seen = [json.dumps(item.plotly, sort_keys=True, default=str), csv_text(item.table)]
    else:
        seen = [csv_text(item.frame), str(item.digits)]
    return sha256("\0".join((type(item).__name__, item.title, item.caption, *seen)).encode()).hexdigest()


def _renamed(result: StudyResult, names: Mapping[str, str]) -> StudyResult:
    return replace(
        result,
        figures=tuple(_figure(figure, names) for figure in result.figures),
        tables=tuple(replace(table, id=names[table.id]) for table in result.tables),
        quantities=tuple(_quantity(quantity, names) for quantity in result.quantities),
    )


def _quantity(quantity: Quantity, names: Mapping[str, str]) -> Quantity:
    return replace(quantity, figure=names.get(quantity.figure, ""))


def _figure(figure: FigureData, names: Mapping[str, str]) -> FigureData:
    """With its new id, also where its layout names other figures for the page's script."""
    plotly = dict(figure.plotly)
    if "meta" in plotly["layout"]:
        plotly["layout"] = {**plotly["layout"], "meta": _ids_within(plotly["layout"]["meta"], names)}
    return replace(figure, id=names[figure.id], plotly=plotly)


def _ids_within(content: Any, names: Mapping[str, str]) -> Any:
    if isinstance(content, Mapping):
        return {key: _ids_within(value, names) for key, value in content.items()}
    return names.get(content, content) if isinstance(content, str) else content


def numbers(runs: Iterable[Placed]) -> Numbers:
    """Figures and tables counted through the page, in the order in which they stand on it."""
    return numbered([part for run in runs for part in contents(run.own)])
