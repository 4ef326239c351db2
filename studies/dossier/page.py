"""The page of a dossier: one self-contained HTML file of finished runs; nothing is computed, nothing is fetched."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from lattice.errors import counted as amount
from machines.requirements import PASS, counted
from studies.dossier import statements
from studies.dossier.assembly import Dossier, Study
from studies.dossier.judged import Judged, not_passed, smallest_margins, what_decides
from studies.report.csv import csv_address
from studies.report.naming import words_of
from studies.report.page import environment, rows_by_figure, static_text
from studies.report.screen import Picture, kind_counts, picture
from studies.report.scripts import packed_plotly, page_script, policy_of
from studies.report.sections import SectionContent, contents
from studies.report.verdicts import VerdictRow, rows_of_machine, rows_of_program
from studies.results import StudyResult
from studies.runs.store import damage_told
from studies.spec.toml_text import toml_text

LOGGER = logging.getLogger("hadron_optics")

_HERE = Path(__file__).parent
#: The chapters by the name of their template, in the order of the page.
CHAPTERS = (
    ("control", "Control page"),
    ("summary", "Summary"),
    ("requirements-matrix", "Requirements by machine, particle and energy"),
    ("parameters", "Parameters"),
    ("assumptions", "Assumptions and open points"),
    ("traceability", "Traceability"),
    ("studies", "Studies"),
    ("references", "References"),
    ("index", "Index"),
)
#: Of the numbers in its CSV: those in full are in the folders of the runs.
CSV_DIGITS = 7
#: What stands in chapters of its own, all runs together.
_MERGED = ("assumptions", "references")


@dataclass(frozen=True)
class StudyPart:
    """A run as the templates of a report show it, under names that begin with its ``prefix``."""

    number: int
    study: Study
    prefix: str
    result: StudyResult
    rows: tuple[VerdictRow, ...]
    checks: tuple[VerdictRow, ...]
    parts: tuple[SectionContent, ...]
    sentences: dict[str, Sequence[str]]
    study_text: str
    banner: str
    wanting: bool
    picture: Picture | None


def render(dossier: Dossier, date: str) -> str:
    """The page; the same dossier and ``date`` give the same bytes. FileError names a run that cannot be shown."""
    filled = environment(_HERE / "templates")
    filled.filters["csv"] = partial(csv_address, digits=CSV_DIGITS)
    filled.globals["packs_rows"] = True
    figures = any(study.run.own.figures for study in dossier.studies)
    scripts = (page_script(figures), _static("dossier.js"))
    shown = _contents(dossier)
    return filled.get_template("dossier.html.j2").render(
        **shown,
        articles=_articles(filled, dossier, shown),
        control=dossier.control,
        dossier=dossier,
        date=date,
        chapters=CHAPTERS,
        numbers=dossier.numbers,
        policy=Markup(policy_of(scripts, figures)),
        style=Markup(static_text("report.css") + static_text("screen.css") + _static("dossier.css")),
        scripts=[Markup(script) for script in scripts],
        plotly=Markup(packed_plotly() if figures else ""),
    )


def _articles(filled: Environment, dossier: Dossier, shown: Mapping[str, Any]) -> list[Markup]:
    """The runs one by one: their drawings take most of the time, and the terminal is told."""
    chapter = 1 + [id for id, _ in CHAPTERS].index("studies")
    template, written = filled.get_template("study.html.j2"), []
    for part in shown["parts"]:
        entry, figures = part.study.run.entry, part.result.figures
        LOGGER.info("run %d of %d: drawing %s", part.number, len(shown["parts"]), amount(len(figures), "figure"))
        context = {"numbers": dossier.numbers, "judged": shown["judged"], "chapter": chapter, **vars(part)}
        with damage_told(entry.path):
            written.append(Markup(template.render(**context, entry=entry, level=5, brief=True)))
    return written


def _contents(dossier: Dossier) -> dict[str, Any]:
    verdicts = [one.verdict for one in dossier.judged]
    entries = dossier.entries
    return {
        "counted": counted(verdicts) if verdicts else "Nothing in these runs is judged.",
        "wanting": any(one.verdict != PASS for one in verdicts),
        "counts": tuple(kind_counts(verdicts)),
        "not_passed": not_passed(dossier.judged),
        "smallest": smallest_margins(dossier.judged),
        "deciding": what_decides(dossier.judged),
        "assumptions": statements.assumptions(entries),
        "warnings": statements.warnings(entries),
        "not_asked": statements.not_asked(entries),
        "open_points": statements.open_points(entries, dossier.judged),
        "references": statements.references(entries),
        "traced": sorted(dossier.judged, key=_by_id),
        "parts": [_part(number, study) for number, study in enumerate(dossier.studies, 1)],
        "judged": rows_by_figure(one.row for study in dossier.studies for one in study.judged),
    }


def _by_id(one: Judged) -> tuple[str, str, str]:
    return one.verdict.requirement.id, one.entry.case.told, one.entry.slug


def _part(number: int, study: Study) -> StudyPart:
    result = study.run.own
    rows = tuple(one.row for one in study.judged)
    at = {one.name: one.at for one in result.quantities}
    return StudyPart(
        number=number,
        study=study,
        prefix=f"{study.run.entry.slug}-",
        result=result,
        rows=rows_of_machine(rows),
        checks=rows_of_program(rows),
        parts=tuple(part for part in contents(result) if part.section.id not in _MERGED),
        sentences={"warnings": result.warnings, "methods": result.methods},
        study_text=toml_text(result.study),
        banner=counted(result.verdicts) if result.verdicts or not result.headline else result.headline,
        wanting=result.wanting or any(verdict.verdict != PASS for verdict in result.verdicts),
        picture=picture(result.lattice, rows_of_machine(rows), at, words_of(result)),
    )


def _static(name: str) -> str:
    return (_HERE / "static" / name).read_text(encoding="utf-8")
