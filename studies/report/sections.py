"""The parts of a report in their order. A part is shown when it has something to say, or always."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from studies.results import FigureData, StudyResult, TableData


@dataclass(frozen=True)
class Section:
    """A part of the page: ``template`` fills it. ``subjects``: what ids of figures and tables in it begin with."""

    id: str
    title: str
    template: str
    subjects: tuple[str, ...] = ()
    always: bool = True


_STEERED = ("trajectories", "steered", "supplies", "line-supplies")

#: In the order of the page. The longest subject that an id begins with decides; where there is none, "More results".
SECTIONS = (
    Section("compare", "What changed", "figures.html.j2", ("compare",), always=False),
    Section("requirements", "Requirements", "requirements.html.j2"),
    Section("limits", "Values beside their limits", "figures.html.j2", ("requirements",), always=False),
    Section("scan", "Scan", "figures.html.j2", ("scan",), always=False),
    Section("search", "What was found", "figures.html.j2", ("search",), always=False),
    Section("layout", "Layout", "figures.html.j2", ("layout", "floor", "survey"), always=False),
    Section("optics", "Optics", "figures.html.j2", ("optics", "twiss", "envelope", "aperture"), always=False),
    Section("line", "The line", "figures.html.j2", ("line", "gantry"), always=False),
    Section("isocentre", "At the isocentre", "figures.html.j2", ("spot", "delivery"), always=False),
    Section("settings", "Settings of the line", "figures.html.j2", ("settings", "delivery-settings"), always=False),
    Section("acceptance", "Momenta that the line takes", "figures.html.j2", ("acceptance",), always=False),
    Section("entrance", "Beam at the entrance", "figures.html.j2", ("entrance",), always=False),
    Section("steering", "Errors and steering of the line", "figures.html.j2", _STEERED, always=False),
    Section("planning", "Beams for planning", "figures.html.j2", ("beam-energies",), always=False),
    Section("linac", "Along the linac", "figures.html.j2", ("linac",), always=False),
    Section("energies", "Energies", "figures.html.j2", ("energies",), always=False),
    Section("bunch", "Beam in six dimensions", "figures.html.j2", ("bunch",), always=False),
    Section("power", "RF power", "figures.html.j2", ("power",), always=False),
    Section("tolerances", "Tolerances", "figures.html.j2", ("tolerances",), always=False),
    Section("timing", "Time", "figures.html.j2", ("timing",), always=False),
    Section("trips", "Trips", "figures.html.j2", ("trips",), always=False),
    Section("match", "Match", "figures.html.j2", ("match", "strengths", "knobs"), always=False),
    Section("tunes", "Tunes and resonances", "figures.html.j2", ("tune", "tunes", "resonance"), always=False),
    Section("orbit", "Imperfections and the orbit", "figures.html.j2", ("orbit",), always=False),
    Section("phase-space", "Phase space at the septa", "figures.html.j2", ("phase",), always=False),
    Section("steinbach", "Steinbach diagram", "figures.html.j2", ("steinbach",), always=False),
    Section("arms", "Extraction arms over momentum", "figures.html.j2", ("momenta", "hardt"), always=False),
    Section("wires", "Spiral step and losses", "figures.html.j2", ("steps", "losses", "turns"), always=False),
    Section("spill", "Spill", "figures.html.j2", ("spill",), always=False),
    Section("time", "Time to treat", "figures.html.j2", ("time", "dose"), always=False),
    Section("held", "Optics over all energies", "figures.html.j2", ("held", "beam"), always=False),
    Section("cycle", "The cycle", "figures.html.j2", ("cycle",), always=False),
    Section("table", "Operational table", "figures.html.j2", ("table", "operational"), always=False),
    Section("sensitivity", "Sensitivity", "figures.html.j2", ("sensitivity",), always=False),
    Section(
        "engines", "Engines compared", "figures.html.j2", ("engines", "verify", "residuals", "xsuite"), always=False
    ),
    Section("more", "More results", "figures.html.j2", always=False),
    Section("quantities", "Quantities", "quantities.html.j2"),
    Section("warnings", "Warnings", "sentences.html.j2"),
    Section("methods", "Methods", "sentences.html.j2"),
    Section("assumptions", "Assumptions", "sentences.html.j2"),
    Section("references", "References", "sentences.html.j2"),
    Section("provenance", "Provenance", "provenance.html.j2"),
)
_HOMES = {subject: section for section in SECTIONS for subject in section.subjects}
_MORE = next(section for section in SECTIONS if section.id == "more")


@dataclass(frozen=True)
class SectionContent:
    """A section with the figures and tables that belong to it."""

    section: Section
    figures: tuple[FigureData, ...]
    tables: tuple[TableData, ...]


def contents(result: StudyResult) -> tuple[SectionContent, ...]:
    """The sections to show, in order; every figure and every table is in exactly one."""
    filled = [
        SectionContent(
            section,
            tuple(figure for figure in result.figures if home_of(figure.id) == section),
            tuple(table for table in result.tables if home_of(table.id) == section),
        )
        for section in SECTIONS
    ]
    told = bool(result.headline and not result.verdicts)  # a result that is not judged has no part on requirements
    return tuple(
        part
        for part in filled
        if (part.section.always and not (told and part.section.id == "requirements")) or part.figures or part.tables
    )


@dataclass(frozen=True)
class Numbers:
    """Numbers of the sections, figures and tables of a page by their ids, each counted from 1 in its order."""

    sections: Mapping[str, int]
    figures: Mapping[str, int]
    tables: Mapping[str, int]


def numbered(parts: Sequence[SectionContent]) -> Numbers:
    """The parts of a page, its figures and its tables counted through."""
    return Numbers(
        _counted(part.section.id for part in parts),
        _counted(figure.id for part in parts for figure in part.figures),
        _counted(table.id for part in parts for table in part.tables),
    )


def _counted(ids: Iterable[str]) -> dict[str, int]:
    return {id: number for number, id in enumerate(ids, start=1)}


def home_of(id: str) -> Section:
    """The section of a figure or table."""
    words = re.split(r"[-_.]", id.lower())
    begins = ("-".join(words[:number]) for number in range(len(words), 0, -1))
    return next((_HOMES[begin] for begin in begins if begin in _HOMES), _MORE)
