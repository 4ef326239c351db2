"""What every study goes through: resolve, gather, judge, draw, tabulate, tell.

A kind of study is a value, ``Study``; ``gather`` is the only one of its functions that computes optics, tracks or
matches. What is asked decides what it computes: a report everything, a case of a scan its quantities alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import pandas as pd

from lattice import Lattice
from machines.requirements import PROGRAM, Requirement, Verdict
from studies.charts.kit.evidence import with_evidence
from studies.judging import no_pass_outside, verdicts_on
from studies.moves import (
    Moved,
    MovedCase,
    Touched,
    all_moves,
    move_table,
    told_what_decides,
    values_of,
    with_model_errors,
    without_model_error,
)
from studies.provenance import provenance
from studies.results import FigureData, Quantity, StudyResult, TableData
from studies.spec.assumed import told
from studies.spec.assumption import AssumptionSpec
from studies.spec.judged import not_asked
from studies.spec.schema import RingStudy, StudySpec, as_mapping
from studies.terminal import LOGGER


class Resolved(Protocol):
    """A study with nothing left open: what every kind of it says of itself."""

    @property
    def study(self) -> StudySpec:
        """What study.toml of the run holds; running that gives the same numbers."""

    @property
    def name(self) -> str:
        """Name of the study."""

    @property
    def title(self) -> str:
        """Title of its report."""

    @property
    def machine_name(self) -> str:
        """How results call the machine."""

    @property
    def requirements(self) -> tuple[Requirement, ...]:
        """What is judged."""

    @property
    def outside(self) -> str:
        """Why it lies outside the range that its machine is described for, so that nothing passes; "" within."""

    @property
    def hashed(self) -> Mapping[str, bytes]:
        """The inputs that provenance tells, by name."""


class Facts(Protocol):
    """What a study has computed, before anything is judged."""

    @property
    def lattice(self) -> Lattice:
        """The final lattice."""

    @property
    def told(self) -> str:
        """Particle and energy, as the head of the report says them."""

    @property
    def unreached(self) -> str:
        """Why the design was not reached, so that nothing is judged; "" when it was."""

    @property
    def interrupted(self) -> bool:
        """True when Ctrl-C ended it and what was finished is kept."""


@dataclass(frozen=True)
class Asked:
    """What a study is computed for: the quantities wanted by name, and whether all that a ``report`` shows is.

    Without ``engines`` no second one is asked: for what only changes from case to case.
    """

    names: tuple[str, ...]
    report: bool = True
    engines: bool = True

    def any_of(self, names: Iterable[str]) -> bool:
        """True for a report, or when one of ``names`` is wanted."""
        return self.report or not set(self.names).isdisjoint(names)


@dataclass(frozen=True)
class Text:
    """A study in sentences. ``headline`` stands in the banner where nothing is judged."""

    methods: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    headline: str = ""


Spec = TypeVar("Spec", bound=StudySpec)
R = TypeVar("R", bound=Resolved)
F = TypeVar("F", bound=Facts)


def _nothing(_: Any, __: Path) -> None:
    """Most studies write no further files into the run's folder."""


@dataclass(frozen=True, kw_only=True)
class Moving(Generic[R, F]):
    """How a kind of study is computed with its assumptions moved.

    ``moved``: the resolved study with one of them up or down (InputError for a key that it lacks); ``lighter``: with as
    few samples as differences need; ``touched``: which of some quantities a key can move.

    ``base``: the facts of the lighter study from those of the study itself, with what the moved ones share; ``again``:
    those of a moved study from these, with what the moved key does not reach as it was. None: all is computed.
    """

    moved: Callable[[R, AssumptionSpec, float], R]
    lighter: Callable[[R], R] = lambda resolved: resolved
    touched: Touched = lambda key, names: names
    base: Callable[[F, R, Sequence[R], Asked], F | None] = lambda facts, light, moved, asked: None
    again: Callable[[F, R, str, Asked], F | None] = lambda facts, resolved, key, asked: None


@dataclass(frozen=True)
class Many(Generic[R, F]):
    """What a kind of study says of its many cases, when it has them.

    ``number`` of them; ``rows`` of some, by their numbers: a table with a row each and its ``status``, a function of
    study and number alone; ``batch``: how many are computed together, numbers k batch to (k + 1) batch - 1. ``gather``
    makes facts of the table of all.
    """

    number: Callable[[R], int]
    rows: Callable[[R, np.ndarray[Any, Any]], pd.DataFrame]
    gather: Callable[[R, pd.DataFrame, Asked], F]
    batch: int


@dataclass(frozen=True)
class Study(Generic[Spec, R, F]):
    """A kind of study.

    ``spec``: what its file may say. ``resolve`` closes what that leaves open (InputError, FileError). ``gather``
    computes (UnstableOptics, NoSolution). The others make finished values of the facts and compute nothing more;
    ``save`` writes further files into the run's folder; without ``moving`` no error of the model is given; ``many``:
    its cases, which a run keeps as they are finished.
    """

    spec: type[Spec]
    resolve: Callable[[Spec, Path | None], R]
    gather: Callable[[R, Asked], F]
    quantities: Callable[[F, Asked], tuple[Quantity, ...]]
    figures: Callable[[F], tuple[FigureData, ...]]
    tables: Callable[[F], tuple[TableData, ...]]
    text: Callable[[F, Sequence[Quantity]], Text]
    save: Callable[[F, Path], None] = _nothing
    moving: Moving[R, F] | None = None
    many: Many[R, F] | None = None


@dataclass(frozen=True)
class Outcome:
    """The finished study, whether its match (if it has one) converged, and whether Ctrl-C cut it short.

    ``save`` writes further files into the run's folder.
    """

    result: StudyResult
    converged: bool
    interrupted: bool = False
    save: Callable[[Path], None] | None = None


@dataclass(frozen=True)
class Judged:
    """The numbers of a study alone: quantities, and the verdicts on them."""

    quantities: tuple[Quantity, ...]
    verdicts: tuple[Verdict, ...]


def compute(study: Study[Spec, R, F], resolved: R) -> Outcome:
    """The whole study; no file is touched. Raises what ``study.gather`` raises."""
    asked = Asked(_wanted(resolved))
    cases = _moved_cases(study, resolved)
    moved = f"{len(cases)} assumptions moved, " if cases else ""
    LOGGER.info("%s: its numbers, then %sfigures, tables and the report", resolved.name, moved)
    facts = study.gather(resolved, asked)
    quantities = study.quantities(facts, asked)
    moves = () if facts.unreached or facts.interrupted else _moves(study, resolved, cases, facts, quantities)
    if moves:
        quantities = with_model_errors(quantities, moves, _movable(resolved, quantities))
    judged = Judged(quantities, told_what_decides(_verdicts(resolved, facts, quantities), moves, quantities))
    LOGGER.info("figures and tables")
    text = study.text(facts, judged.quantities)
    figures, quantities = with_evidence(study.figures(facts), judged.verdicts, judged.quantities)
    result = StudyResult(
        name=resolved.name,
        title=resolved.title,
        machine=resolved.machine_name,
        particle=facts.told,
        study=as_mapping(resolved.study),
        lattice=facts.lattice,
        quantities=quantities,
        verdicts=judged.verdicts,
        figures=figures,
        tables=(*study.tables(facts), *([move_table(moves, quantities, judged.verdicts)] if moves else ())),
        methods=text.methods,
        assumptions=(
            *text.assumptions,
            *told(resolved.study),
            *without_model_error(quantities, resolved.requirements),
        ),
        references=text.references,
        warnings=text.warnings,
        provenance=provenance(resolved.study.seed, resolved.hashed),
        headline=text.headline,
        wanting=bool(facts.unreached),
        outside=resolved.outside,
        unasked=not_asked(resolved.machine_name, resolved.study.study, resolved.requirements),
    )
    return Outcome(result, not facts.unreached, facts.interrupted, lambda folder: study.save(facts, folder))


def judged(
    study: Study[Spec, R, F], resolved: R, more: tuple[str, ...] = (), engines: bool = True, whole: bool = False
) -> Judged:
    """The numbers that requirements name and ``more``; what a report alone needs only where the ``whole`` is computed.

    Raises as ``study.gather``.
    """
    asked = Asked(tuple(dict.fromkeys((*_wanted(resolved), *more))), report=whole, engines=engines)
    return _judged(study, resolved, study.gather(resolved, asked), asked)


def _wanted(resolved: Resolved) -> tuple[str, ...]:
    return tuple(dict.fromkeys(requirement.quantity for requirement in resolved.requirements))


def _judged(study: Study[Spec, R, F], resolved: R, facts: F, asked: Asked) -> Judged:
    quantities = study.quantities(facts, asked)
    return Judged(quantities, _verdicts(resolved, facts, quantities))


def _verdicts(resolved: Resolved, facts: Facts, quantities: Sequence[Quantity]) -> tuple[Verdict, ...]:
    match = resolved.study.match if isinstance(resolved.study, RingStudy) else None
    spent = match.spent if match else ""
    return no_pass_outside(verdicts_on(resolved.requirements, quantities, facts.unreached, spent), resolved.outside)


# --------------------------------------------------------------------------------------------------- assumptions moved


def _moved_cases(study: Study[Spec, R, F], resolved: R) -> tuple[MovedCase[R], ...]:
    """The resolved study with each assumption down and up: a wrong key is told before anything is computed."""
    if study.moving is None:
        return ()
    light, moved = study.moving.lighter(resolved), study.moving.moved
    return tuple(MovedCase(one, moved(light, one, -1.0), moved(light, one, 1.0)) for one in resolved.study.assumption)


def _movable(resolved: Resolved, quantities: Sequence[Quantity]) -> tuple[str, ...]:
    """The judged quantities that have a value and say something of the machine."""
    judged = {one.quantity for one in resolved.requirements if one.kind != PROGRAM}
    return tuple(name for name in values_of(quantities) if name in judged)


def _moves(
    study: Study[Spec, R, F], resolved: R, cases: Sequence[MovedCase[R]], facts: F, quantities: Sequence[Quantity]
) -> tuple[Moved, ...]:
    """What each assumption moves of the judged quantities."""
    moving, names = study.moving, _movable(resolved, quantities)
    if moving is None or not cases or not names:
        return ()
    light, asked = moving.lighter(resolved), Asked(names, report=False, engines=False)
    known = moving.base(facts, light, [side for case in cases for side in (case.down, case.up)], asked)
    base = study.gather(light, asked) if known is None else known
    unmoved = values_of(study.quantities(base, asked))
    return all_moves(cases, unmoved, names, moving.touched, partial(_alone, study, base))


def _alone(study: Study[Spec, R, F], base: F, resolved: R, key: str, names: tuple[str, ...]) -> tuple[Quantity, ...]:
    """Quantities by our own maps, and nothing that a report alone needs."""
    asked = Asked(names, report=False, engines=False)
    again = study.moving.again(base, resolved, key, asked) if study.moving else None
    return study.quantities(study.gather(resolved, asked) if again is None else again, asked)
