"""What the terminal is told of a dossier that was written."""

from __future__ import annotations

from machines.requirements import FAIL, NOT_EVALUATED, PASS, PROGRAM
from studies.dossier.assembly import Study
from studies.dossier.judged import not_passed, smallest_margins
from studies.dossier.writing import Written
from studies.runs.results_json import json_text
from studies.terminal import show, table


def show_dossier(written: Written, as_json: bool) -> None:
    """The runs with their verdicts counted, what did not pass and why, the smallest margin, where the files are."""
    if as_json:
        show(json_text(written.data).rstrip())
        return
    header = ("run", "machine", "passed", "failed", "not evaluated", "checks passed")
    show(table(header, [_row(study) for study in written.dossier.studies], (2, 3, 4, 5)))
    show(f"\n{written.data['counted']}")
    for one in not_passed(written.dossier.judged):
        show(f"{one.verdict.requirement.id} ({one.entry.label}): {one.verdict.verdict}: {one.verdict.reason}")
    for one in smallest_margins(written.dossier.judged, 1):
        margin = f"{one.row.margin} {one.row.unit}".rstrip()
        show(f"smallest margin: {one.verdict.requirement.id} ({one.entry.label}), {margin}")
    show(f"dossier: {written.page}")
    if written.pdf:
        show(f"PDF: {written.pdf}")


def _row(study: Study) -> tuple[str, ...]:
    entry = study.run.entry
    if entry.repeats:
        return entry.label, entry.case.machine, *["repeats"] * 4
    words = [one.verdict.verdict for one in study.judged if one.verdict.kind != PROGRAM]
    checks = [one.verdict.verdict for one in study.judged if one.verdict.kind == PROGRAM]
    numbers = [str(words.count(word)) for word in (PASS, FAIL, NOT_EVALUATED)]
    return entry.label, entry.case.machine, *numbers, f"{checks.count(PASS)} of {len(checks)}"
