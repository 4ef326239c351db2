"""What a match is asked, checked before anything is computed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lattice import InputError, Lattice
from lattice.errors import did_you_mean
from lattice.lattice import checked_lattice
from optics.linear.conditions import END, element_of
from optics.linear.moments import Moments
from optics.linear.rings import warn_of_a_line
from optics.linear.twiss import twiss
from optics.maps.lattices.checked import checked_fringe, checked_particle
from optics.matching.limits import SIZES, Limit
from optics.matching.problem import START, Case, Problem, with_start
from optics.matching.targets import Goal, Target, Vary

_NEEDS = "a match needs at least one Vary and one Target"
_START_KNOBS = ("betx", "alfx", "bety", "alfy", "dx", "dpx", "dy", "dpy")


def checked_problem(cases: Sequence[Case], vary: Sequence[Vary]) -> Problem:
    """The problem of active variables and goals; InputError names what is unknown, doubled or contradictory."""
    active = tuple(v for v in _all_of(vary, Vary, "vary=[Vary('kf', 0.2, 0.4), ...]") if v.active)
    if not _all_of(cases, Case, "cases=[Case(lattice=..., targets=...), ...]"):
        raise InputError("a match needs at least one case: cases=[Case(lattice=..., targets=...), ...]")
    if not active:
        raise InputError(f"{_NEEDS}{': all parameters are frozen' if vary else ''}")
    kept = tuple(_checked_case(_with_start_knobs(case, active)) for case in cases)
    _check_names(kept)
    _check_vary(kept, active)
    return Problem(kept, active)


def _all_of(values: Any, kind: Any, example: str) -> tuple[Any, ...]:
    """The values, when they are a sequence of that kind; InputError shows what is expected."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise InputError(f"expected {example}, found {values!r}")
    found = tuple(values)
    for value in found:
        if not isinstance(value, kind):
            raise InputError(f"expected {example}, found {value!r} among them")
    return found


def checked_count(name: str, value: Any) -> int:
    """A whole number that is not negative, else InputError."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 0:
        raise InputError(f"{name} must be a whole number from 0 on, found {value!r}")
    return int(value)


def _with_start_knobs(case: Case, vary: Sequence[Vary]) -> Case:
    """The case with the start conditions that are varied (start.betx ...) as parameters of its lattice."""
    here = [name for one in vary if one.case in (None, case.name) for name in one.factors]
    keys = [name.removeprefix(START) for name in here if name.startswith(START)]
    if not keys or not isinstance(case.lattice, Lattice):
        return case
    if case.start is None:
        raise InputError(f"'{START}{keys[0]}' is varied, but a ring has no start conditions: give start for a line")
    if isinstance(case.start, Moments):
        raise InputError(
            f"'{START}{keys[0]}' is varied, but the line begins with a beam's moments: give start={{'betx': ...}}"
        )
    for key in keys:
        if key not in _START_KNOBS:
            raise InputError(
                f"'{START}{key}' is no start condition that can be varied{did_you_mean(key, _START_KNOBS)}"
                f" Known: {', '.join(_START_KNOBS)}"
            )
    twiss(case.lattice, case.particle, start=case.start, fringe=case.fringe, delta=case.delta)  # refuses a wrong start
    return replace(case, lattice=with_start(case.lattice, case.start, keys))


def _checked_case(case: Case) -> Case:
    lattice = checked_lattice(case.lattice, "match")
    if lattice.batch is not None:
        raise InputError(f"match works on one lattice, '{lattice.name}' holds {lattice.batch}")
    every = _all_of(case.targets, (Target, Goal), "targets=[Target('qx', 1.666), ...]")
    targets = tuple(target for target in every if getattr(target, "active", True))
    limits = tuple(
        limit for limit in _all_of(case.limits, Limit, "limits=[Limit('betx', upper=17.0), ...]") if limit.active
    )
    if not targets:
        raise InputError(f"{_NEEDS}{': all targets are switched off' if every else ''}")
    _check_doubles(targets)
    kept = replace(case, targets=targets, limits=limits, particle=checked_particle(lattice, case.particle))
    for goal in kept.goals:
        _check_places(lattice, goal)
        _check_beam(goal, case.start)
    _check_contradictions(targets, limits)
    if case.start is None:
        warn_of_a_line(lattice, stacklevel=5)
    if case.start is not None and any(goal.chromatic for goal in kept.goals):
        raise InputError("chromaticity belongs to a ring: it cannot be matched in a line with start conditions")
    checked_fringe(case.fringe)
    return kept


def _check_beam(goal: Goal | Limit, start: Any) -> None:
    """A size needs a beam: the moments that the line begins with, or (of a limit) a Beam of its own."""
    if getattr(goal, "of_a_beam", False) and not isinstance(start, Moments):
        own = ", or beam=Beam(...) of the limit" if isinstance(goal, Limit) and goal.quantity in SIZES else ""
        raise InputError(f"{goal.label} is that of a beam: match a line with start=Moments(...){own}")


def _check_names(cases: tuple[Case, ...]) -> None:
    names = [case.name for case in cases]
    if len(cases) > 1 and (len(set(names)) < len(names) or not all(names)):
        raise InputError(f"cases that are matched together need different names, found {names}")


def _check_vary(cases: tuple[Case, ...], vary: tuple[Vary, ...]) -> None:
    """Every parameter must be there, free, and moved by one variable only."""
    moved: set[tuple[str, str]] = set()
    for one in vary:
        homes = [case for case in cases if one.case is None or case.name == one.case]
        if not homes:
            known = [case.name for case in cases]
            raise InputError(
                f"Vary('{one.name}'): there is no case '{one.case}'{did_you_mean(str(one.case), known)}; "
                f"the cases are {', '.join(map(repr, known))}"
            )
        for name in one.factors:
            _check_parameter(name, homes)
            for case in homes:
                if (case.name, name) in moved:
                    raise InputError(f"parameter '{name}' is varied twice")
                moved.add((case.name, name))


def _check_parameter(name: str, cases: list[Case]) -> None:
    homes = [case.lattice for case in cases if name in case.lattice.parameters]
    if not homes:
        raise InputError(cases[0].lattice.no_parameter(name))
    for lattice in homes:
        if lattice.parameters.is_dependent(name):
            raise InputError(_dependent(name, lattice))


def _dependent(name: str, lattice: Lattice) -> str:
    """What is said of a parameter that depends on others: on which, and how it is varied."""
    text, sources = lattice.parameters.definitions[name.lower()], lattice.parameters.sources(name)
    if not sources:
        return f"parameter '{name}' is fixed as '{text}': write it as a number to vary it"
    others = ", ".join(f"Vary('{one}')" for one in sources)
    return f"parameter '{name}' depends on others, it is '{text}': vary what it depends on, {others}"


def _check_doubles(targets: Sequence[Goal]) -> None:
    labels = [target.label for target in targets]
    for label in labels:
        if labels.count(label) > 1:
            raise InputError(
                f"the target {label} is given {labels.count(label)} times: a match aims at one value of it"
            )


def _check_places(lattice: Lattice, goal: Goal | Limit) -> None:
    check = getattr(goal, "check_in", None)
    if check is not None:
        check(lattice)
        return
    for place in goal.places:
        if place.lower() != END:
            lattice.index(element_of(place))


def _check_contradictions(targets: Sequence[Goal], limits: Sequence[Limit]) -> None:
    """A limit that leaves no room for a target, or for another limit, on the same quantity and place."""
    for limit in limits:
        for target in targets:
            if _covers(limit, target) and not _admits(limit, target.value, target.tolerance or 0.0):
                raise InputError(f"the target {target.label} = {target.value:g} lies outside the limit {limit.label}")
        for other in limits:
            if _same(limit, other) and _numbers(limit.lower) and _numbers(other.upper) and limit.lower > other.upper:  # type: ignore[operator]
                raise InputError(f"the limits {limit.label} and {other.label} contradict each other")


def _numbers(*values: Any) -> bool:
    return all(isinstance(value, (int, float)) for value in values)


def _covers(limit: Limit, target: Goal) -> bool:
    """True when the limit holds at the target's place: the same place, or everywhere."""
    if getattr(target, "quantity", None) != limit.quantity or limit.between is not None:
        return False
    return limit.at is None or limit.at == getattr(target, "at", None)


def _same(limit: Limit, other: Limit) -> bool:
    return all(getattr(limit, name) == getattr(other, name) for name in ("quantity", "at", "between", "beam", "sigmas"))


def _admits(limit: Limit, value: float, tolerance: float) -> bool:
    low, high = limit.lower, limit.upper
    return (low is None or value + tolerance >= low) and (
        high is None or isinstance(high, str) or value - tolerance <= high
    )
