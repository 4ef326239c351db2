"""The assumptions that decide: those whose move turns a verdict soonest, from the study's own table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from studies.moves import ASSUMPTIONS
from studies.report.verdicts import VerdictRow
from studies.report.written import short_text
from studies.results import StudyResult
from studies.vocabulary.typesetting import unit_text

_FACTOR, _SHARE = "passes up to uncertainty x", "part of the model's error [%]"
_LEAST_SHARE = 1.0  # %: what is less of a model's error is not why a requirement does not pass
NUMBER = 3


@dataclass(frozen=True)
class Deciding:
    """An ``assumption``, how uncertain it is (``size``), and the requirement (``row``) that it turns soonest.

    ``told``: up to which multiple of its uncertainty that passes; ``moved``: what the value does. ``turns`` within it.
    The least ``soonest`` decides most.
    """

    assumption: str
    size: str
    row: VerdictRow
    told: str
    moved: str
    turns: bool
    soonest: tuple[float, float]


def deciding(result: StudyResult, rows: Sequence[VerdictRow]) -> tuple[Deciding, ...]:
    """The three that turn a verdict soonest, each once; none for a study whose assumptions were not moved.

    ``rows`` are those of the machine's requirements.
    """
    frame = next((table.frame for table in result.tables if table.id == ASSUMPTIONS), None)
    if frame is None:
        return ()
    known = {(row.verdict.requirement.id, row.verdict.requirement.quantity): row for row in rows}
    found: dict[str, Deciding] = {}
    for entry in sorted(filter(_decides, frame.to_dict("records")), key=_soonest):
        row = known.get((str(entry["requirement"]), str(entry["quantity"])))
        if row is not None and str(entry["assumption"]) not in found:
            found[str(entry["assumption"])] = _told(entry, row)
    return tuple(found.values())[:NUMBER]


def _decides(entry: Mapping[Any, Any]) -> bool:
    """Not so what hardly moves a requirement that does not pass."""
    return _factor(entry) >= 1.0 or _share_of(entry) >= _LEAST_SHARE


def _soonest(entry: Mapping[Any, Any]) -> tuple[float, float]:
    """The least factor first; among requirements that do not pass, what the model's error is most of."""
    factor = _factor(entry)
    return (factor if factor >= 1.0 else 0.0), -_share_of(entry)


def _factor(entry: Mapping[Any, Any]) -> float:
    factor = float(entry[_FACTOR])
    return factor if isfinite(factor) else 0.0


def _share_of(entry: Mapping[Any, Any]) -> float:
    share = float(entry[_SHARE])
    return share if isfinite(share) else 100.0


def _told(entry: Mapping[Any, Any], row: VerdictRow) -> Deciding:
    factor = float(entry[_FACTOR])
    passes = f"passes up to {short_text(factor, 2)} times it" if factor > 0 else "does not pass"
    unit = unit_text(str(entry["unit"]))
    down, up = (_moved(float(entry[side])) for side in ("moved down", "moved up"))
    moved = f"{down} {unit} when it is lower, {up} {unit} when higher".replace("  ", " ")
    return Deciding(
        str(entry["assumption"]), str(entry["uncertain by"]), row, passes, moved, not factor >= 1.0, _soonest(entry)
    )


def _moved(value: float) -> str:
    if not isfinite(value):
        return "no value"
    text = short_text(value, 2)
    return text if value < 0 or text == "0" else f"+{text}"
