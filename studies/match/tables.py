"""Tables of a match: its goals and knobs, why it failed, what the knobs can do, and its other solutions."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from optics.matching.limits import Limit
from optics.matching.matching import MatchResult
from optics.matching.targets import Goal
from studies.results import TableData
from studies.spec.units import unit_shown, vary_unit

_SHOWN = 12  # solutions


def match_tables(matched: MatchResult) -> Iterator[TableData]:
    """Everything in words and numbers, the conflict first where there is one."""
    if not matched.success and (matched.conflicts or matched.relaxation):
        yield TableData("match-conflict", "Goals in conflict", _why(matched), _conflict(matched))
    yield TableData("match-values", "Targets before and after", matched.message + ".", _targets(matched), digits=10)
    if matched.limits:
        yield TableData("match-limits", "Limits", "Excess over the limit, 0 inside.", _limits(matched))
    caption = "Parameters of the match with their bounds (none: open)."
    yield TableData("match-parameters", "Parameters before and after", caption, _parameters(matched), digits=10)
    caption = "Change of each target for a change of each parameter at the match, exact derivatives."
    yield TableData("match-sensitivity", "Sensitivity of the targets", caption, _sensitivity(matched))
    caption = "Of the Jacobian of the targets by the parameters, each in its own scale, where the match ended."
    yield TableData("match-diagnosis", "What the parameters can do", caption, _diagnosis(matched))
    if len(matched.solutions) > 1:
        yield TableData("match-solutions", "Solutions that were met", _ranking(matched), _solutions(matched))


def _why(matched: MatchResult) -> str:
    together = (
        "The smallest set of goals that were not met together is marked; without any one of them the others were. "
        if len(matched.conflicts) > 1
        else ""
    )
    return (
        f"{together}Least relaxation: the changes of the goals, smallest in the sum of their own scales, with which "
        "all the rest is met. Nothing is proved: a solution that no search came near is not excluded."
    )


def _conflict(matched: MatchResult) -> pd.DataFrame:
    goals: dict[str, Goal | Limit] = dict(zip(matched.target_labels, matched.targets, strict=True))
    goals |= dict(zip(matched.limit_labels, matched.limits, strict=True))
    named = [label for label in goals if label in matched.conflicts or label in matched.relaxation]
    relaxed = [float(matched.relaxation.get(label, 0.0)) for label in named]
    asked = [_asked(goals[label]) for label in named]
    return pd.DataFrame(
        {
            "goal": named,
            "unit": [_goal_unit(label, goals[label]) for label in named],
            "kind": ["limit" if isinstance(goals[label], Limit) else "target" for label in named],
            "in conflict": ["yes" if label in matched.conflicts else "" for label in named],
            "asked": asked,
            "could be met at": [a + _side(goals[label]) * r for label, a, r in zip(named, asked, relaxed, strict=True)],
            "change": [_side(goals[label]) * r for label, r in zip(named, relaxed, strict=True)],
        }
    )


def _asked(goal: Goal | Limit) -> float:
    if not isinstance(goal, Limit):
        return float(goal.value)
    bound = goal.lower if goal.upper is None else goal.upper
    return float("nan") if isinstance(bound, str) or bound is None else float(bound)


def _side(goal: Goal | Limit) -> float:
    """An excess below a lower limit lowers it."""
    return -1.0 if isinstance(goal, Limit) and goal.upper is None else 1.0


def _goal_unit(label: str, goal: Goal | Limit) -> str:
    if isinstance(goal, Limit):
        return "m" if goal.quantity.startswith("size_") else unit_shown(goal.quantity)
    return unit_shown(label)


def _targets(matched: MatchResult) -> pd.DataFrame:
    labels, targets = matched.target_labels, matched.targets
    return pd.DataFrame(
        {
            "target": list(labels),
            "unit": [unit_shown(label) for label in labels],
            "goal": [float(target.value) for target in targets],
            "before": [float(matched.values_before[label]) for label in labels],
            "after": [float(matched.values[label]) for label in labels],
            "residual": [float(matched.residuals[label]) for label in labels],
            "tolerance": [float(target.tolerance or 0.0) for target in targets],
            "met": [abs(matched.residuals[x]) <= (t.tolerance or 0.0) for x, t in zip(labels, targets, strict=True)],
        }
    )


def _limits(matched: MatchResult) -> pd.DataFrame:
    labels, limits = matched.limit_labels, matched.limits
    return pd.DataFrame(
        {
            "limit": list(labels),
            "unit": [_goal_unit(label, limit) for label, limit in zip(labels, limits, strict=True)],
            "excess": [float(matched.residuals[label]) for label in labels],
            "kept": [matched.residuals[label] == 0.0 for label in labels],
        }
    )


def _parameters(matched: MatchResult) -> pd.DataFrame:
    labels = [vary.label for vary in matched.vary]
    tied = [", ".join(f"{factor:g} of it: {name}" for name, factor in v.tied.items()) for v in matched.vary]
    return pd.DataFrame(
        {
            "parameter": labels,
            "unit": [vary_unit(vary, matched) for vary in matched.vary],
            "lower": [float("nan") if vary.lower is None else float(vary.lower) for vary in matched.vary],
            "upper": [float("nan") if vary.upper is None else float(vary.upper) for vary in matched.vary],
            "before": [float(matched.parameters_before[label]) for label in labels],
            "after": [float(matched.parameters[label]) for label in labels],
            **({"tied": tied} if any(tied) else {}),
        }
    )


def _sensitivity(matched: MatchResult) -> pd.DataFrame:
    columns = {f"d/d({vary.label})": matched.sensitivity[:, column] for column, vary in enumerate(matched.vary)}
    return pd.DataFrame({"target": list(matched.target_labels), **columns})


def _diagnosis(matched: MatchResult) -> pd.DataFrame:
    found = matched.diagnosis
    margin = f"{matched.margin:.3g} of the limit or bound that is nearest" if np.isfinite(matched.margin) else "none"
    parallel = "; ".join(map(", ".join, found.parallel))
    leading = "; ".join(f"{target} by {knob}" for target, knob in found.leading.items())
    rows = {
        "targets that can be moved independently (rank)": f"{found.rank} of {len(found.targets)}",
        "condition number": f"{found.condition:.3g}",
        "parameters at a bound": ", ".join(found.active_bounds) or "none",
        "most moved": leading or "none",
        "parameters that move nothing": ", ".join(found.idle) or "none",
        "targets that nothing moves": ", ".join(found.unmoved) or "none",
        **({"parameters that move all targets in one ratio": parallel} if parallel else {}),
        "found by": f"{matched.method}, starting points: {matched.starts}",
        **({"margin": margin} if matched.success else {}),
    }
    return pd.DataFrame({"of the match": list(rows), "found": list(rows.values())})


def _ranking(matched: MatchResult) -> str:
    first = "first the one that was chosen, then by margin"
    more = f"; {_SHOWN} of {len(matched.solutions)} are shown" if len(matched.solutions) > _SHOWN else ""
    return (
        f"Distinct points that meet every goal, {first}{more}. Margin: the smallest room left, of a limit in parts of "
        "it, of a parameter in parts of the width of its bounds."
    )


def _solutions(matched: MatchResult) -> pd.DataFrame:
    shown = matched.solutions[:_SHOWN]
    columns = {label: [one.parameters[label] for one in shown] for label in matched.parameters}
    return pd.DataFrame({"solution": list(range(1, len(shown) + 1)), **columns, "margin": [s.margin for s in shown]})
