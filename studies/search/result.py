"""A finished search as the result of a study: what was tried and found, how, and what must be known of it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lattice.errors import counted, listed
from studies.provenance import provenance
from studies.results import Quantity, StudyResult
from studies.scan.plan import Plan
from studies.search.figures import figures
from studies.search.gathering import SearchFacts, never_broken
from studies.search.judgement import Judgement, beaten
from studies.search.tables import tables
from studies.sources import cited
from studies.spec.schema import as_mapping

_REFERENCES = {
    "nsga2": cited("deb-2002", "blank-2020", "zitzler-1999"),
    "surrogate": cited("deb-2002", "blank-2020", "zitzler-1999", "regis-2007", "jin-2011"),
    "random": cited("zitzler-1999"),
}
_METHODS = {
    "nsga2": "by NSGA-II (pymoo)",
    "surrogate": "by NSGA-II (pymoo), up to half of each after the first by models of what was computed (cubic radial "
    "functions over the knobs, on which NSGA-II runs too)",
    "random": "drawn evenly at random",
}


def result_of(facts: SearchFacts) -> StudyResult:
    """The result of a search."""
    search = facts.search
    resolved = search.plan.resolved
    return StudyResult(
        name=resolved.name if resolved.name.endswith("-search") else f"{resolved.name}-search",
        title=f"{resolved.title}: search over {', '.join(knob.name for knob in search.knobs)}",
        machine=resolved.machine_name,
        particle=str(resolved.particle),
        study=as_mapping(resolved.study),
        lattice=search.plan.design,
        quantities=tuple(_quantities(facts)),
        verdicts=(),
        figures=figures(facts),
        tables=tables(facts),
        methods=tuple(_methods(facts)),
        references=_REFERENCES[search.spec.method],
        warnings=tuple(_warnings(facts)),
        provenance={**provenance(search.seed, resolved.hashed), "search": _knobs(facts)},
        headline=headline(facts),
        wanting=not len(facts.front),
    )


def headline(facts: SearchFacts) -> str:
    """What was found, in a sentence."""
    tried = f"{len(facts.table):,} machines tried, {int(facts.scores.feasible.sum()):,} keep all constraints"
    if not len(facts.front):
        return f"{tried}: {facts.conflict}"
    return f"{tried}, {len(facts.front)} of them unbeaten (the front){_beaten(facts)}{_again(facts)}"


def _beaten(facts: SearchFacts) -> str:
    """How many machines of the front are better than the start in all objectives."""
    start = facts.scores.objectives[0]
    if not facts.scores.feasible[0]:
        return "; the machine that was begun with breaks a constraint"
    better = int(np.all(facts.scores.objectives[facts.front] < start, axis=1).sum())
    return f", {better} better than the machine that was begun with in every objective"


def _again(facts: SearchFacts) -> str:
    """How many of the machines that were judged again keep all requirements, under every condition."""
    kept = _by_machine(facts)
    if not kept:
        return ""
    begun, own = kept.get(0), [keeps for case, keeps in kept.items() if case]
    told = f"; judged again by the whole study {sum(own)} of {len(own)} of the front keep all requirements"
    return told if begun is None else f"{told}, the machine that was begun with {'too' if begun else 'does not'}"


def _by_machine(facts: SearchFacts) -> dict[int, bool]:
    """Of each machine that was judged again: whether all requirements pass under all conditions that have any."""
    own = [one for one in facts.rejudged if not one.unasked]
    return {case: all(one.keeps_all for one in own if one.case == case) for case in dict.fromkeys(o.case for o in own)}


def _of_maps(facts: SearchFacts) -> bool:
    """True where thousands of lattices are computed at a time."""
    made = facts.search.plan
    return isinstance(made, Plan) and made.study.scanned == "blocks" and not made.whole


def _quantities(facts: SearchFacts) -> Iterator[Quantity]:
    counts = {
        "cases": (len(facts.table), "machines tried"),
        "answered": (facts.scores.answered.sum(), "machines with an answer"),
        "feasible": (facts.scores.feasible.sum(), "machines that keep all constraints"),
        "front": (len(facts.front), "machines that no other beats"),
    }
    engine = "own maps alone" if _of_maps(facts) else "own maps"
    for name, (count, method) in counts.items():
        yield Quantity(f"search.{name}", float(count), "1", 0.0, engine, method, "search-front")
    for one in facts.search.objectives:
        if len(facts.front):
            best = facts.table[one.quantity].to_numpy(dtype=float)[facts.front]
            value = float(best.min() if one.sign > 0 else best.max())
            yield Quantity(
                f"search.best.{one.quantity}", value, one.kind.unit, None, engine, one.kind.text, "search-front"
            )


def _knobs(facts: SearchFacts) -> str:
    return "; ".join(f"{knob.name}={knob.lower!r}:{knob.upper!r}" for knob in facts.search.knobs)


def _methods(facts: SearchFacts) -> Iterator[str]:
    spec = facts.search.spec
    yield (
        f"{spec.generations} generations of {spec.population} machines {_METHODS[spec.method]}, seed "
        f"{facts.search.seed}, after one case for each knob moved from the design by a hundredth of its range. "
        f"Constraints: {'; '.join(one.id for one in facts.search.constraints) or 'none'}."
    )
    if spec.polish:
        yield (
            f"Then {spec.polish} steps of polishing of up to {spec.polished} points of the front: by the slopes of all "
            "quantities, one knob at a time, to where no objective goes down without another going up (sequential "
            "linear programming)."
        )
    if _of_maps(facts):
        yield (
            "Each case by our own maps alone, as in a scan; run the study at a chosen point for all requirements and "
            "both engines."
        )
    else:
        yield "Each case is the whole study; machines whose linear optics breaks a constraint on it are passed over."
    yield from _rejudged(facts)


def _rejudged(facts: SearchFacts) -> Iterator[str]:
    """How machines were judged again."""
    if facts.rejudged:
        under = listed(dict.fromkeys(one.at for one in facts.rejudged))
        machines = counted(len({one.case for one in facts.rejudged}), "machine")
        yield (
            f"{machines} judged again by the whole study, both engines, under: {under}. Chosen: the one that was begun "
            "with, the best of the front in each objective, others spread between."
        )


def _missed(one: Judgement) -> str:
    """Which requirements a machine does not keep, or why nothing is known of it."""
    missed = [*one.failed, *(f"{id} (not evaluated)" for id in one.unevaluated)]
    return listed(missed) if missed else one.status


def _judged_warnings(facts: SearchFacts) -> Iterator[str]:
    """What machines of the front fail when they are judged again, and where one of them beats another."""
    for case in _by_machine(facts):
        own = [one for one in facts.rejudged if one.case == case]
        missed = {one.at: _missed(one) for one in own if not (one.keeps_all or one.unasked)}
        if missed:
            told = "; ".join(f"{at}: {what}" for at, what in missed.items())
            yield f"Judged again, case {case} ({own[0].machine}) does not keep all requirements: {told}."
    signs = {one.quantity: one.sign for one in facts.search.objectives}
    better: dict[tuple[int, str], list[str]] = {}
    for one, other in beaten(facts.rejudged, signs):
        better.setdefault((one.case, one.at), []).append(str(other.case))
    for (case, at), others in better.items():
        yield f"Judged again, case {case} is beaten in all objectives by case {listed(others)}: {at}."


def _warnings(facts: SearchFacts) -> Iterator[str]:
    yield from getattr(facts.search.plan.resolved, "warnings", ())
    unjudged = facts.search.plan.unjudged
    if unjudged and facts.search.spec.requirements:
        yield f"Requirements that a case cannot judge: {', '.join(f'{r.id} ({r.quantity})' for r in unjudged)}."
    for one, lattices, (least, largest) in never_broken(facts):
        of = f" of {', '.join(lattices)}" if facts.lattices else ""
        yield (
            f"{one.id} judges nothing here: no case{of} breaks it within the bounds of the search, {one.quantity} lies "
            f"between {least:.4g} and {largest:.4g}."
        )
    yield from _judged_warnings(facts)
    at_bound = [knob.name for knob in facts.search.knobs if _all_at_bound(facts, knob.name, knob.lower, knob.upper)]
    if at_bound:
        yield f"The whole front stands at a bound of {', '.join(at_bound)}: a wider search may find better."
    feasible, population = int(facts.scores.feasible.sum()), facts.search.spec.population
    if 0 < feasible < population:
        yield (
            f"Only {counted(feasible, 'machine')} of {len(facts.table):,} keep all constraints, fewer than the "
            f"{population} of a generation: more generations, wider bounds or looser constraints may find better."
        )
    asked = facts.search.spec.rejudge
    if facts.rejudged and asked and len(facts.front) < asked.points:
        yield f"{counted(asked.points, 'machine')} of the front were to be judged again, it has {len(facts.front)}."
    if 0 < len(facts.front) < len(facts.search.objectives) + 1:
        few = counted(len(facts.front), "machine")
        yield f"The front has {few} only: the objectives hardly conflict, or few machines are feasible."


def _all_at_bound(facts: SearchFacts, name: str, lower: float, upper: float) -> bool:
    if not len(facts.front):
        return False
    values = facts.table[name].to_numpy()[facts.front]
    return bool(np.all(np.minimum(values - lower, upper - values) < 1e-3 * (upper - lower)))
