"""One self-contained HTML page of a finished study: nothing is computed, nothing is fetched.

The page runs two scripts, its own and plotly (``studies.report.scripts``), which its content security policy names by
their hashes; figures and CSV are packed data. The same result gives the same bytes.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from lattice import InputError
from machines.published import SYNCHROTRONS
from machines.registry import MACHINES, machine_named
from machines.requirements import PASS, counted
from studies.report.beam import beam_told
from studies.report.captions import caption_of
from studies.report.csv import csv_address
from studies.report.digits import thinned
from studies.report.drawing import draw
from studies.report.labels.columns import cell_size, columns_named
from studies.report.labels.placing import PHONE, WIDE, placed
from studies.report.labels.rows import gauges_beside
from studies.report.lettering import lettered
from studies.report.naming import named
from studies.report.packing.letters import packed
from studies.report.phone.layout import relaid
from studies.report.phone.titles import shortened
from studies.report.screen import first_screen
from studies.report.scripts import packed_plotly, page_script, policy_of
from studies.report.sections import contents, numbered
from studies.report.sliders import without_slider_room
from studies.report.verdicts import VerdictRow, rows_of_machine, rows_of_program, verdict_rows
from studies.report.written import error_parts, known_text, written_table
from studies.results import FigureData, Quantity, StudyResult
from studies.spec.toml_text import toml_text
from studies.vocabulary.typesetting import heading_text, unit_text

_HERE = Path(__file__).parent
_SAFE_ID = re.compile(r"[a-z][a-z0-9_-]*")

#: Of every figure: no button that sends data away, no address to send it to, no advertisement.
PLOTLY_CONFIG: dict[str, Any] = {
    "showSendToCloud": False,
    "plotlyServerURL": "",
    "displaylogo": False,
    "responsive": True,
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
}
_WEBGL = ("scattergl", "heatmapgl", "splom", "parcoords", "scatterpolargl", "pointcloud")


def render(result: StudyResult) -> str:
    """The report as one HTML page.

    The date is that of SOURCE_DATE_EPOCH, and there is none without it. Raises InputError for an id that is no plain
    word or stands twice, and for a figure that cannot be drawn, or only with WebGL.
    """
    check_ids(result)
    result = named(result)
    every = verdict_rows(result.verdicts, result.quantities, result.figures)
    rows, checks = rows_of_machine(every), rows_of_program(every)
    figures = bool(result.figures)
    script = page_script(figures)
    parts = contents(result)
    return (
        environment()
        .get_template("page.html.j2")
        .render(
            result=result,
            banner=_banner(result),
            machine=_machine(result),
            wanting=result.wanting or any(verdict.verdict != PASS for verdict in result.verdicts),
            run=_run(result),
            screen=first_screen(result, every),
            synchrotrons=SYNCHROTRONS,
            rows=rows,
            checks=checks,
            contents=parts,
            numbers=numbered(parts),
            date=report_date(),
            policy=Markup(policy_of((script,), figures)),
            style=Markup(static_text("report.css") + static_text("screen.css")),
            script=Markup(script),
            plotly=Markup(packed_plotly() if figures else ""),
            sentences={
                key: _once(getattr(result, key)) for key in ("warnings", "methods", "assumptions", "references")
            },
            study_text=toml_text(result.study),
            judged=rows_by_figure(every),
        )
    )


def _banner(result: StudyResult) -> str:
    """The verdicts counted, or what a result that is not judged says; before them why nothing passes."""
    told = counted(result.verdicts) if result.verdicts or not result.headline else result.headline
    return f"Nothing passes: {result.outside}. {told}" if result.outside else told


def _run(result: StudyResult) -> str:
    """What reviewers' notes on a result are kept under: the same for the same study and the same verdicts."""
    verdicts = [(one.requirement.id, one.requirement.quantity, one.verdict, one.value) for one in result.verdicts]
    return sha256(f"{result.name}\n{toml_text(result.study)}\n{verdicts}".encode()).hexdigest()[:16]


def _machine(result: StudyResult) -> str:
    """What the machine of a study is, as it calls itself; "" for a lattice of the study's own."""
    name = str(result.study.get("machine", "")).lower()
    return machine_named(name).title if name in MACHINES else ""


def figure_content(figure: FigureData) -> Markup:
    """What the page's script gives to plotly, packed: data, layout and the common configuration."""
    for trace in figure.plotly["data"]:
        if trace.get("type") in _WEBGL:
            raise InputError(f"figure '{figure.id}': a trace of type '{trace['type']}' needs WebGL; thin or bin it")
    slim = lettered(without_slider_room(figure.plotly))
    layouts = {"layout": wide(slim)["layout"], "phone": relaid(slim)["layout"]}
    layouts |= {"cells": size} if (size := cell_size(slim, min(PHONE))) is not None else {}
    plotly = {"data": [thinned(trace) for trace in slim["data"]], **layouts, "config": PLOTLY_CONFIG}
    return Markup(packed(json.dumps(plotly, separators=(",", ":"), allow_nan=False)))


def wide(plotly: Mapping[str, Any]) -> dict[str, Any]:
    """A figure for a wide screen and for paper: names of columns, titles and labels have room."""
    return gauges_beside(placed(shortened(columns_named(plotly, min(WIDE)), min(WIDE)), WIDE))


def _drawing(figure: FigureData) -> Markup:
    still = wide(lettered(without_slider_room(figure.plotly)))
    return Markup(draw(still, figure.id, f"Drawing: {figure.title}", f"caption-{figure.id}"))


def _errors(quantity: Quantity) -> str:
    return error_parts(quantity.numerical, quantity.statistical, quantity.model, quantity.unit)


def _packed_piece(piece: Markup) -> Markup:
    return Markup(packed(str(piece)))


def _breakable(heading: str) -> Markup:
    """A heading that may go on in a new line behind the parts of a name that is joined by underscores."""
    return Markup("_<wbr>").join(heading.split("_"))


def _once(sentences: Iterable[str]) -> tuple[str, ...]:
    """Each once, with or without its full stop."""
    return tuple({sentence.rstrip("."): sentence for sentence in sentences}.values())


def rows_by_figure(rows: Iterable[VerdictRow]) -> dict[str, list[VerdictRow]]:
    """The rows that each figure shows the value of, by the figure's id."""
    judged: dict[str, list[VerdictRow]] = {}
    for row in rows:
        if row.figure:
            judged.setdefault(row.figure.id, []).append(row)
    return judged


def check_ids(result: StudyResult) -> None:
    """InputError for an id of a figure or table that is no plain word, or stands twice."""
    ids = [figure.id for figure in result.figures] + [table.id for table in result.tables]
    for id, count in Counter(ids).items():
        if not _SAFE_ID.fullmatch(id):
            raise InputError(f"the id '{id}' of a figure or table must be a word of a-z, 0-9, - and _")
        if count > 1:
            raise InputError(f"the id '{id}' stands for {count} figures or tables; each needs its own")


def report_date() -> str:
    """The day of SOURCE_DATE_EPOCH, "" without it. InputError when it is no number of seconds that a calendar has."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not epoch:
        return ""
    try:
        if not (epoch.isascii() and epoch.isdigit()):
            raise ValueError
        return datetime.fromtimestamp(int(epoch), UTC).strftime("%Y-%m-%d")
    except (ValueError, OverflowError, OSError):
        raise InputError(f"SOURCE_DATE_EPOCH must be a whole number of seconds, found '{epoch[:40]}'") from None


def static_text(name: str) -> str:
    """A style sheet of this room."""
    return (_HERE / "static" / name).read_text(encoding="utf-8")


def _flat(content: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Provenance as pairs of name and text, nested names joined by a point."""
    pairs: list[tuple[str, str]] = []
    for key, value in content.items():
        if isinstance(value, Mapping):
            pairs += [(f"{key}: {inner}", text) for inner, text in _flat(value)]
        else:
            pairs.append((str(key), str(value)))
    return pairs


def environment(*more: Path) -> Environment:
    """What fills the templates of this room, and those in ``more`` folders, with their filters.

    Long tables stand in the page, unless ``packs_rows`` is set among its globals: a page of many runs packs them.
    """
    filled = Environment(
        loader=FileSystemLoader([_HERE / "templates", *more]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filled.filters.update(
        beam=beam_told,
        breakable=_breakable,
        caption=caption_of,
        csv=csv_address,
        drawing=_drawing,
        errors=_errors,
        flat=_flat,
        known=known_text,
        packed=_packed_piece,
        plotly=figure_content,
        powers=heading_text,
        unit=unit_text,
        written=written_table,
    )
    filled.globals["packs_rows"] = False
    return filled
