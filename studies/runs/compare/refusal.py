"""What cannot be compared, and why: runs that answer different questions have nothing side by side."""

from __future__ import annotations

from collections.abc import Iterator

from lattice import InputError
from studies.results import StudyResult

#: Tables of a study file that make it another question: many cases, or a search among them.
_MANY = ("scan", "search")


def check_comparable(first: StudyResult, second: StudyResult) -> None:
    """InputError saying why two runs cannot be compared and what to do."""
    reason = next(_reasons(first, second), "")
    if reason:
        raise InputError(f"A ({first.name}) and B ({second.name}) cannot be compared: {reason}")


def _reasons(first: StudyResult, second: StudyResult) -> Iterator[str]:
    for letter, one in (("A", first), ("B", second)):
        if any(table.id.startswith("compare-") for table in one.tables):
            yield f"{letter} is itself a comparison. Give the runs that it compares"
    questions = [str(one.study.get("study", "")) for one in (first, second)]
    if questions[0] != questions[1]:
        yield (
            f"they answer different questions, '{questions[0]}' and '{questions[1]}'. Compare two runs of one kind of "
            "study"
        )
    many = [next((key for key in _MANY if one.study.get(key)), "") for one in (first, second)]
    if many[0] != many[1]:
        told = [f"a {key}" if key else "a single run" for key in many]
        yield f"A is {told[0]} and B is {told[1]}. Compare two of the same"
    names = [{quantity.name for quantity in one.quantities} for one in (first, second)]
    if not names[0] & names[1]:
        yield "they have no quantity in common"
