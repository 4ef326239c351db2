"""A finished scan as the result of a study: what it counts, how it was computed, what must be known of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from studies.provenance import provenance
from studies.results import Quantity, StudyResult
from studies.runs.ordered import Parts, rows_at
from studies.scan.counting import Counted, count_cases
from studies.scan.facts import gather_scan
from studies.scan.figures import figures
from studies.scan.plan import Plan
from studies.scan.quantities import MOST_CASES
from studies.spec.schema import as_mapping


def result_of(made: Plan, parts: Parts) -> StudyResult:
    """The result of a scan from all its rows."""
    resolved, found = made.resolved, count_cases(made.judged, parts)
    return StudyResult(
        name=f"{resolved.name}-scan",
        title=f"{resolved.title}: scan over {', '.join(axis.name for axis in made.axes)}",
        machine=resolved.machine_name,
        particle=str(resolved.particle),
        study=as_mapping(resolved.study),
        lattice=made.design,
        quantities=tuple(_counts(made, found)),
        verdicts=(),
        figures=figures(gather_scan(made, found.classes, partial(rows_at, parts))),
        methods=tuple(_methods(made)),
        warnings=tuple(_warnings(made, found)),
        provenance={
            **provenance(resolved.study.seed, resolved.hashed),
            "scan": "; ".join(axis.text for axis in made.axes),
        },
        headline=f"{found.feasible:,} of {found.number:,} cases pass all of {len(made.judged)} "
        f"requirements that a scan can judge",
    )


def _counts(made: Plan, found: Counted) -> Iterator[Quantity]:
    counts: Mapping[str, tuple[Any, str]] = {
        "cases": (found.number, "points of the grid"),
        "computed": (found.computed, "cases with an answer"),
        "feasible": (found.feasible, f"cases that pass all of {len(made.judged)} requirements"),
    }
    for name, (count, method) in counts.items():
        yield Quantity(f"scan.{name}", float(count), "1", 0.0, "own maps alone", method, "scan-region")
    for requirement in made.judged:
        passed, method = float(found.passed[requirement.id]), f"cases that pass: {requirement.text}"
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


def _warnings(made: Plan, found: Counted) -> Iterator[str]:
    yield from made.resolved.warnings
    if failed := found.number - found.computed:
        reason = max(found.reasons, key=found.reasons.__getitem__)
        yield f"{failed:,} of {found.number:,} cases have no answer; most often: {reason}."
    if made.unjudged:
        listed = ", ".join(f"{r.id} ({r.quantity})" for r in made.unjudged)
        yield f"Not judged in a scan: {listed}."
