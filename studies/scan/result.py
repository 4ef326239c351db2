"""A finished scan as the result of a study: what it counts, how it was computed, what must be known of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from machines.requirements import PASS
from studies.provenance import provenance
from studies.results import Quantity, StudyResult
from studies.scan.facts import gather_scan
from studies.scan.figures import figures
from studies.scan.plan import COMPUTED, STATUS, Plan
from studies.scan.quantities import MOST_CASES
from studies.spec.schema import as_mapping


def result_of(made: Plan, table: pd.DataFrame) -> StudyResult:
    """The result of a scan from its table."""
    resolved = made.resolved
    return StudyResult(
        name=f"{resolved.name}-scan",
        title=f"{resolved.title}: scan over {', '.join(axis.name for axis in made.axes)}",
        machine=resolved.machine_name,
        particle=str(resolved.particle),
        study=as_mapping(resolved.study),
        lattice=made.design,
        quantities=tuple(_counts(made, table)),
        verdicts=(),
        figures=figures(gather_scan(made, table)),
        methods=tuple(_methods(made)),
        warnings=tuple(_warnings(made, table)),
        provenance={
            **provenance(resolved.study.seed, resolved.hashed),
            "scan": "; ".join(axis.text for axis in made.axes),
        },
        headline=f"{int(feasible(made, table).sum()):,} of {len(table):,} cases pass all of {len(made.judged)} "
        f"requirements that a scan can judge",
    )


def feasible(made: Plan, table: pd.DataFrame) -> pd.Series[bool]:
    """Cases that were computed and pass every requirement that the scan judges."""
    good = table[STATUS] == COMPUTED
    for requirement in made.judged:
        good &= table[requirement.id] == PASS if requirement.id in table else False
    return good


def _counts(made: Plan, table: pd.DataFrame) -> Iterator[Quantity]:
    counts: Mapping[str, tuple[Any, str]] = {
        "cases": (len(table), "points of the grid"),
        "computed": ((table[STATUS] == COMPUTED).sum(), "cases with an answer"),
        "feasible": (feasible(made, table).sum(), f"cases that pass all of {len(made.judged)} requirements"),
    }
    for name, (count, method) in counts.items():
        yield Quantity(f"scan.{name}", float(count), "1", 0.0, "own maps alone", method, "scan-region")
    for requirement in made.judged:
        passed = float((table[requirement.id] == PASS).sum()) if requirement.id in table else 0.0
        method = f"cases that pass: {requirement.text}"
        yield Quantity(f"scan.{requirement.id}", passed, "1", 0.0, "own maps alone", method, "scan-region")


def _methods(made: Plan) -> Iterator[str]:
    spans = "; ".join(f"{a.name} from {a.lower:g} to {a.upper:g}, {a.number} values" for a in made.axes)
    yield f"Scan over a regular grid: {spans}. All other parameters are those of the design."
    if made.resolved.study.match is not None:
        yield "The study's match was made once; the grid departs from its solution and no case is matched again."
    if made.names:
        yield (
            "Each case by our own maps alone: matrices and second derivatives of every element that changes, exact "
            "bends, peaks of beta and dispersion inside elements in closed form; the room of beams (grids of at most "
            f"{MOST_CASES:,} cases) from optics cut into parts. Xsuite does not repeat the cases: run "
            "the study itself at a chosen point for a comparison and for all its requirements."
        )
    else:
        yield "Each case is the whole study, with its comparison of the engines."


def _warnings(made: Plan, table: pd.DataFrame) -> Iterator[str]:
    yield from made.resolved.warnings
    failed = int((table[STATUS] != COMPUTED).sum())
    if failed:
        reasons = table.loc[table[STATUS] != COMPUTED, STATUS].value_counts()
        yield f"{failed:,} of {len(table):,} cases have no answer; most often: {reasons.index[0]}."
    if made.unjudged:
        listed = ", ".join(f"{r.id} ({r.quantity})" for r in made.unjudged)
        yield f"Not judged in a scan: {listed}."
