"""The comparison of two runs as a run folder of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from machines.requirements import PROGRAM
from studies.moves import ASSUMPTIONS
from studies.results import StudyResult, TableData
from studies.runs.building import open_run
from studies.runs.compare.compared import Compared, compare_runs
from studies.runs.compare.overlay import Overlaid, overlaid
from studies.runs.logs import RunLog, messages
from studies.runs.running import RunOptions
from studies.runs.store import read_run


def compare_to_folder(first: Path, second: Path, options: RunOptions) -> tuple[Compared, dict[str, Any], Path]:
    """Compare two run folders and write the report.

    FileError for a folder that holds no finished run; InputError for two runs that cannot be compared.
    """
    from studies.report import render

    log = RunLog()
    folder = options.out or Path("runs") / f"{_name(first)}-and-{_name(second)}"
    with messages(options.verbose, options.quiet, log):
        found = compare_runs(read_run(first), read_run(second))
        result = comparison(found, _name(first), _name(second))
        with open_run(folder, options.force) as run:
            results = run.finish(result, render, log.text)
    return found, results, folder


def _name(folder: Path) -> str:
    """What the folder is called, in letters: its name may be any bytes."""
    return os.fsencode(folder.resolve().name).decode("utf-8", "replace")


def comparison(found: Compared, first: str, second: str) -> StudyResult:
    """The second run's verdicts, under what differs from the first, with the figures of both overlaid."""
    a, b = found.first, found.second
    drawn = overlaid(a.figures, b.figures)
    return StudyResult(
        name=f"{a.name}-and-{b.name}",
        title=f"{second} (B) beside {first} (A)",
        machine=b.machine if a.machine == b.machine else f"{a.machine} and {b.machine}",
        particle=b.particle if a.particle == b.particle else f"A: {a.particle}; B: {b.particle}",
        study=b.study,
        lattice=b.lattice,
        quantities=b.quantities,
        verdicts=b.verdicts,
        figures=drawn.figures,
        tables=(*_tables(found), *(table for table in b.tables if table.id == ASSUMPTIONS)),
        methods=tuple(_methods(drawn)),
        warnings=tuple(_warnings(found)),
        provenance={"A": a.provenance, "B": b.provenance},
    )


def _tables(found: Compared) -> Iterator[TableData]:
    contents: Mapping[str, tuple[str, str, pd.DataFrame]] = {
        "compare-requirements": (
            "Requirements side by side",
            "Those that turned first, then those that lost most of their margin. Values and margins in the unit of the "
            "requirement; a margin is positive inside.",
            found.requirements[found.requirements["kind"] != PROGRAM],
        ),
        "compare-limits": ("Limits that changed", "Requirements of both runs that ask something else.", found.limits),
        "compare-verdicts": (
            "Verdicts that differ",
            "Margins in the unit of the requirement; positive inside.",
            found.verdicts,
        ),
        "compare-parameters": ("Parameters that differ", "Of the final lattices.", found.parameters),
        "compare-quantities": (
            "Quantities that differ",
            "By more than the numerical and statistical errors of both.",
            found.quantities,
        ),
        "compare-checks": (
            "Checks of the program side by side",
            "They say nothing of the machine.",
            found.requirements[found.requirements["kind"] == PROGRAM],
        ),
    }
    for id, (title, caption, frame) in contents.items():
        if len(frame):
            yield TableData(id, title, caption, frame.reset_index(drop=True), 4 if "text" in frame else 6)


def _methods(drawn: Overlaid) -> Iterator[str]:
    yield (
        "Two finished runs, A and B, are read from their folders; nothing is computed. The requirement table and the "
        "quantities on this page are those of B. A quantity is listed when it differs by more than the sum of the "
        "numerical and statistical errors of both."
    )
    yield (
        "A figure that both runs have is drawn once: B full, A dashed or faded, and below it B less A of its curves. "
        "A slider stands at its first position."
    )
    if drawn.alike:
        yield f"Alike in both, so not drawn: {', '.join(drawn.alike)}."
    if drawn.one:
        yield f"Of one run alone, so not drawn: {', '.join(drawn.one)}."


def _warnings(found: Compared) -> Iterator[str]:
    a, b = found.first, found.second
    if found.worse:
        yield f"Turned to FAIL: {', '.join(found.worse)}."
    if len(found.limits):
        yield f"Limits changed: {', '.join(dict.fromkeys(found.limits['requirement']))}."
    for what in ("machine", "particle"):
        if getattr(a, what) != getattr(b, what):
            yield f"The runs are of different {what}s: A has {getattr(a, what)}, B has {getattr(b, what)}."
    yield from (f"A: {warning}" for warning in a.warnings)
    yield from (f"B: {warning}" for warning in b.warnings)
