"""results.json, the part of a run that other programs read: exactly the object that ``--json`` prints."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import inf, isfinite
from typing import Any

from machines.requirements import ASSUMED, PROGRAM, PUBLISHED, Requirement, Verdict
from studies.results import Quantity, StudyResult
from studies.vocabulary import checks_program

SCHEMA = 2
#: Those that can still be read. 1 had no kinds of verdicts.
READABLE = (1, 2)


def results_object(result: StudyResult) -> dict[str, Any]:
    """The object of results.json, of plain values; what could not be computed is null."""
    return {
        "schema": SCHEMA,
        "study": result.name,
        "machine": result.machine,
        "quantities": {quantity.name: _quantity_object(quantity) for quantity in result.quantities},
        "verdicts": [_verdict_object(verdict) for verdict in result.verdicts],
        "warnings": list(result.warnings),
        "provenance": plain(result.provenance),
    }


def _quantity_object(quantity: Quantity) -> dict[str, Any]:
    return {
        "value": number_or_none(quantity.value),
        "unit": quantity.unit,
        "error": number_or_none(quantity.error),
        "numerical": number_or_none(quantity.numerical),
        "statistical": number_or_none(quantity.statistical),
        "model": number_or_none(quantity.model),
        "engine": quantity.engine,
        "method": quantity.method,
    }


def _verdict_object(verdict: Verdict) -> dict[str, Any]:
    requirement = verdict.requirement
    return {
        "id": requirement.id,
        "quantity": requirement.quantity,
        "value": number_or_none(verdict.value),
        "limit": deciding_limit(requirement, verdict.value),
        "unit": requirement.unit,
        "margin": number_or_none(verdict.margin),
        "verdict": verdict.verdict,
        "kind": requirement.kind,
        "source": requirement.source,
        "reason": verdict.reason,
    }


def deciding_limit(requirement: Requirement, value: float | None) -> float:
    """The one limit, or of two the one that the value is nearest to (the upper one when there is no value)."""
    limits = [limit for limit in (requirement.upper, requirement.lower) if limit is not None]
    if value is None or not isfinite(value):
        return limits[0]
    return min(limits, key=lambda limit: abs(value - limit))


def quantity_from(name: str, stored: Mapping[str, Any], figure: str, at: str = "") -> Quantity:
    """A quantity as results.json holds it; ``figure`` and ``at`` come from report.json."""
    return Quantity(
        name=name,
        value=stored["value"],
        unit=stored["unit"],
        numerical=stored.get("numerical", stored["error"]),  # of schema 1: all that was told of it
        engine=stored["engine"],
        method=stored["method"],
        figure=figure,
        statistical=_known(stored.get("statistical", 0.0)),
        model=stored.get("model"),
        at=at,
    )


def _known(error: float | None) -> float:
    """A statistical error as results.json holds it: null for one that has no bound."""
    return inf if error is None else error


def verdict_from(stored: Mapping[str, Any], details: Mapping[str, Any]) -> Verdict:
    """A verdict as results.json holds it; text, both limits and error come from report.json."""
    requirement = Requirement(
        id=stored["id"],
        text=details["text"],
        quantity=stored["quantity"],
        unit=stored["unit"],
        source=stored["source"],
        study=details["study"],
        lower=details["lower"],
        upper=details["upper"],
        kind=_kind_from(stored, details),
    )
    value, margin = stored["value"], stored["margin"]
    error = details["error"]
    numerical = details.get("numerical", error) or 0.0  # of schema 1: all that was told of it
    return Verdict(requirement, stored["verdict"], value, error, margin, stored["reason"], numerical)


def _kind_from(stored: Mapping[str, Any], details: Mapping[str, Any]) -> str:
    """The kind of a verdict; one of schema 1 says only whether its limit was assumed."""
    if "kind" in stored:
        return str(stored["kind"])
    if checks_program(stored["quantity"]):
        return PROGRAM
    return ASSUMED if details["assumed"] else PUBLISHED


def verdict_details(verdict: Verdict) -> dict[str, Any]:
    """What results.json leaves out of a verdict."""
    requirement = verdict.requirement
    return {
        "text": requirement.text,
        "study": requirement.study,
        "lower": requirement.lower,
        "upper": requirement.upper,
        "error": number_or_none(verdict.error),
        "numerical": number_or_none(verdict.numerical),
    }


def number_or_none(value: Any) -> float | None:
    """A finite number, or None: JSON has neither NaN nor infinity."""
    return float(value) if value is not None and isfinite(value) else None


def plain(value: Any) -> Any:
    """Dictionaries, lists, text, numbers and None alone: what JSON holds (NaN becomes None)."""
    if type(value) is float:  # most are
        return value if isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if isfinite(value) else None
    if hasattr(value, "tolist"):  # numpy's numbers and arrays
        return plain(value.tolist())
    raise TypeError(f"JSON cannot hold {value!r}")


def json_text(content: Any) -> str:
    """JSON text for people and programs, the same bytes for the same content."""
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
