"""Chosen machines of a front judged again by the whole study: with spills, at all energies, or what cases leave out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from lattice import InputError
from machines.requirements import FAIL, NOT_EVALUATED, PASS, PROGRAM
from studies.pipeline import judged
from studies.registry import study_of
from studies.runs.executors import in_executor
from studies.runs.logs import LOGGER, unheard
from studies.runs.rows import CASE, Segment
from studies.runs.workers import Lost, in_workers
from studies.scan.plan import COMPUTED
from studies.scan.work import reason_of
from studies.search.gathering import SearchFacts
from studies.search.judgement import BEGUN_WITH, Judgement
from studies.search.points import at_case
from studies.spec.checking import checked, merged_tables
from studies.spec.schema import StudySpec
from studies.spec.search import ConditionSpec, RejudgeSpec
from studies.vocabulary import words_of

#: Column of the journal that a judgement is kept in, and the number of the first: behind those of all cases.
KEPT, FIRST = "judged again", 1_000_000_000

Spec = TypeVar("Spec", bound=StudySpec)


@dataclass(frozen=True)
class Judging:
    """A case that is to be judged again: what it is of the front (``machine``), the condition, the study of both."""

    case: int
    machine: str
    at: str
    study: StudySpec
    file: Path | None
    names: tuple[str, ...]


def conditions(study: Spec, spec: RejudgeSpec) -> Iterator[tuple[str, Spec]]:
    """The study under each condition, by name. InputError for a key that it does not have or a wrong value."""
    for one in spec.at or (ConditionSpec(name="as the study", change={}),):
        content = study.model_dump(mode="json", exclude_none=True, exclude_unset=True)
        made = merged_tables(merged_tables(content, spec.change), one.change)
        yield one.name, checked(type(study), made, f"search.rejudge, {one.name}")


def check_rejudged(study: StudySpec, spec: RejudgeSpec | None) -> None:
    """InputError, before anything is computed, for conditions that are no studies and quantities of other studies."""
    if spec is None:
        return
    for key in [*spec.change, *(key for one in spec.at for key in one.change)]:
        if key in ("search", "study", "match"):
            raise InputError(f"search.rejudge: '{key}' is that of the search itself: take it out of change")
    for name in spec.show:
        if study.study not in words_of(name.partition("@")[0]):
            raise InputError(f"search.rejudge.show: '{name}' is not computed by a study of study = \"{study.study}\"")
    tuple(conditions(study, spec))


def chosen(facts: SearchFacts, number: int) -> dict[int, str]:
    """Cases to judge again, with what they are: the first, of the front the best in each objective, others between."""
    found = {0: BEGUN_WITH}
    for position, one in enumerate(facts.search.objectives[:number]):
        if len(facts.front):
            best = int(facts.front[np.argmin(facts.scores.objectives[facts.front, position])])
            found.setdefault(best, f"best {one.kind.symbol}")
    rest = [int(case) for case in facts.front if case not in found]
    more = min(max(number + 1 - len(found), 0), len(rest))
    places = np.linspace(0, len(rest) - 1, more + 2)[1:-1].round().astype(int) if more < len(rest) else range(len(rest))
    return found | {rest[place]: "between" for place in places} if more else found


def judgings(study: StudySpec, file: Path | None, facts: SearchFacts, about: Mapping[str, Any]) -> list[Judging]:
    """Every chosen case under every condition; ``about``: what the search's table says of itself."""
    spec = facts.search.spec.rejudge
    if spec is None or not spec.points or not len(facts.front):
        return []
    names = tuple(dict.fromkeys([*(one.quantity for one in facts.search.objectives), *spec.show]))
    cases = chosen(facts, spec.points)
    return [
        Judging(case, machine, at, made, file, names)
        for case, machine in cases.items()
        for at, made in conditions(at_case(study, dict(facts.table.iloc[case]), about), spec)
    ]


def judged_again(one: Judging) -> str:
    """The judgement on one, in whatever process, as JSON."""
    return json.dumps(asdict(_judgement(one)))


def _judgement(one: Judging) -> Judgement:
    kind = study_of(one.study.study)
    try:
        with unheard():
            result = judged(kind, kind.resolve(one.study, one.file), one.names, whole=True)
    except Exception as error:
        return Judgement(one.case, one.machine, one.at, reason_of(error), {})
    values = {q.name: float(q.value) for q in result.quantities if q.name in one.names and q.value is not None}
    told: dict[str, list[str]] = {PASS: [], FAIL: [], NOT_EVALUATED: []}
    for verdict in result.verdicts:
        if verdict.requirement.kind != PROGRAM or verdict.verdict == FAIL:
            told[verdict.verdict].append(verdict.requirement.id)
    return Judgement(one.case, one.machine, one.at, COMPUTED, values, told[PASS], told[FAIL], told[NOT_EVALUATED])


def rejudged(
    asked: Sequence[Judging],
    known: Mapping[int, str],
    segment: Segment,
    jobs: int,
    elsewhere: tuple[Executor, int] | None,
) -> tuple[Judgement, ...]:
    """The judgements in their order; ``known`` ones, by number, as they are, new ones on the disk as they are made."""
    found = dict(known)
    left = {number: one for number, one in enumerate(asked) if number not in found}
    numbers = {id(one): number for number, one in left.items()}
    for task, text in _judged(list(left.values()), jobs, elsewhere):
        number = numbers[id(task)]
        found[number] = text
        segment.append(np.array([FIRST + number]), pd.DataFrame({KEPT: [text]}))
        LOGGER.info("judged again: case %d, %s (%d of %d)", task.case, task.at, len(found), len(asked))
    return tuple(Judgement(**json.loads(found[number])) for number in range(len(asked)))


def _judged(tasks: list[Judging], jobs: int, elsewhere: tuple[Executor, int] | None) -> Iterator[tuple[Judging, str]]:
    if elsewhere is not None:
        found: Iterator[tuple[Judging, Any]] = in_executor(judged_again, tasks, *elsewhere)
    elif jobs > 1:
        found = in_workers(judged_again, tasks, jobs)
    else:
        found = ((task, judged_again(task)) for task in tasks)
    for task, text in found:
        if isinstance(text, Lost):
            text = json.dumps(asdict(Judgement(task.case, task.machine, task.at, text.reason, {})))
        yield task, text


def known_judgements(rows: pd.DataFrame) -> tuple[pd.DataFrame, dict[int, str]]:
    """The journal's rows of cases alone, and the judgements in it by number."""
    if KEPT not in rows:
        return rows, {}
    mine = (rows[CASE] >= FIRST).to_numpy()
    own = rows[mine]
    found = {int(case) - FIRST: str(text) for case, text in zip(own[CASE], own[KEPT], strict=True)}
    return rows[~mine].drop(columns=KEPT).reset_index(drop=True), found
