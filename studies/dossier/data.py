"""dossier.json, the part of a dossier that other programs read: exactly the object that ``--json`` prints."""

from __future__ import annotations

from typing import Any

from machines.requirements import FAIL, KINDS, NOT_EVALUATED, PASS, counted
from studies.dossier.assembly import Dossier
from studies.dossier.entries import Entry
from studies.dossier.judged import Judged
from studies.dossier.matrix import Matrix
from studies.runs.results_json import number_or_none

#: Counts up when the object changes; it is the first key, by which a folder is known as one of ours.
SCHEMA = 1


def dossier_object(dossier: Dossier, date: str) -> dict[str, Any]:
    """The object of dossier.json, of plain values."""
    verdicts = [one.verdict for one in dossier.judged]
    return {
        "dossier": SCHEMA,
        "title": dossier.title,
        "version": dossier.control.version,
        "date": date or None,
        "runs": [_run_object(entry) for entry in dossier.entries],
        "counted": counted(verdicts),
        "counts": {kind: _words([one.verdict for one in verdicts if one.kind == kind]) for kind in KINDS},
        "requirements": _rows(dossier.machine),
        "checks": _rows(dossier.program),
    }


def _run_object(entry: Entry) -> dict[str, Any]:
    case = entry.case
    return {
        "run": entry.label,
        "folder": entry.folder,
        "study": entry.result.name,
        "machine": case.machine,
        "particle": case.particle,
        "energy": case.energy,
        "sha256": entry.fingerprint,
        "counted": not entry.repeats,
    }


def _words(words: list[str]) -> dict[str, int]:
    return {word: words.count(word) for word in (PASS, FAIL, NOT_EVALUATED)}


def _rows(matrix: Matrix) -> list[dict[str, Any]]:
    return [
        {
            "id": row.id,
            "quantity": row.quantity,
            "text": row.text,
            "verdicts": [_cell(one) for cell in row.cells for one in cell],
        }
        for row in matrix.rows
    ]


def _cell(one: Judged) -> dict[str, Any]:
    verdict, case = one.verdict, one.entry.case
    return {
        "run": one.entry.label,
        "machine": case.machine,
        "particle": case.particle,
        "energy": case.energy,
        "verdict": verdict.verdict,
        "value": number_or_none(verdict.value),
        "lower": verdict.requirement.lower,
        "upper": verdict.requirement.upper,
        "unit": verdict.requirement.unit,
        "margin": number_or_none(verdict.margin),
        "kind": verdict.kind,
        "source": verdict.requirement.source,
        "reason": verdict.reason,
    }
