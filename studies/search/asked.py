"""The search that a study asks for, with nothing left open: its cases' plan, knobs, objectives, constraints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lattice import InputError
from lattice.arrays import Array
from lattice.errors import did_you_mean, listed
from machines.requirements import PROGRAM, Requirement
from studies.registry import ROOMS, spec_of
from studies.scan.asked import plan
from studies.scan.plan import Plan
from studies.search.keyed import Keyed, keyed
from studies.search.limits import Constraint, check_together
from studies.spec.judged import requirement_spec
from studies.spec.schema import RingStudy, StudySpec
from studies.spec.search import KnobSpec, SearchSpec
from studies.vocabulary import IMPERFECTIONS, SPILL, QuantityKind, quantity_named, unit_factor, words_of

#: What a scan computes from maps of second order alone.
CHROMATIC = ("dqx", "dqy")
#: The table of all cases, in the run folder; a row's number is the case's id.
TABLE = "tables/search.parquet"
#: Column of a search's table that says which lattice a case is of, where there are several.
LATTICE = "lattice"


@dataclass(frozen=True)
class Objective:
    """A ``quantity`` (its name in a row) that is to be small, or large where ``sign`` is -1."""

    quantity: str
    sign: float
    kind: QuantityKind


@dataclass(frozen=True)
class Search:
    """A search ready to run. A case is a row of the ``plan``'s numbers at one point of the knobs.

    One of several lattices has ``parts``, one for each, called as its file is (``lattice``); ``plan`` then is that of
    the first and ``knobs`` are those of all, of which a part has those that are parameters of its lattice.
    """

    spec: SearchSpec
    plan: Plan | Keyed
    knobs: tuple[KnobSpec, ...]
    objectives: tuple[Objective, ...]
    constraints: tuple[Constraint, ...]
    seed: int
    lattice: str = ""
    parts: tuple[Search, ...] = ()

    @property
    def each(self) -> tuple[Search, ...]:
        """The searches that it consists of, one for each lattice; of one lattice itself."""
        return self.parts or (self,)

    @property
    def lower(self) -> Array:
        """Lower bounds of the knobs, (k,)."""
        return np.array([knob.lower for knob in self.knobs])

    @property
    def upper(self) -> Array:
        """Upper bounds of the knobs, (k,)."""
        return np.array([knob.upper for knob in self.knobs])

    @property
    def start(self) -> Array:
        """The design's own values, clipped to the bounds, (k,)."""
        return self.settled(np.clip([_value(self.plan, knob.name) for knob in self.knobs], self.lower, self.upper))

    def settled(self, points: Array) -> Array:
        """Points (n, k) or (k,) with the knobs that are whole numbers at those."""
        return np.where([knob.whole for knob in self.knobs], np.round(points), points)

    @property
    def most(self) -> int:
        """Cases at most."""
        if self.parts:
            return sum(part.most for part in self.parts)
        each = 1 + sum(not knob.whole for knob in self.knobs)
        return self.spec.population * self.spec.generations + self.spec.polish * self.spec.polished * each


def asked(study: StudySpec, file: Path | None) -> Search:
    """The search of a study; its match, if it has one, is made here, once.

    InputError for a study without [search], unknown knobs, and quantities that its cases do not compute.
    """
    if not (study.keyed or (isinstance(study, RingStudy) and study.scanned)):
        known = " or ".join(f'"{word}"' for word in ROOMS if spec_of(word).scanned or spec_of(word).keyed)
        raise InputError(f'a search takes studies of study = {known}, not "{study.study}"')
    spec: SearchSpec | None = study.search  # type: ignore[attr-defined]
    if spec is None:
        raise InputError(
            "the study has no [search]: name knobs (search.vary), objectives (search.objective) and, where the "
            "requirements do not say all, constraints (search.constraint)"
        )
    names = tuple(dict.fromkeys([*(one.name for one in spec.objective), *(one.name for one in spec.constraint)]))
    _check_computed(study, names)
    if isinstance(study, RingStudy) and spec.lattices:
        return _of_lattices(study, spec, file, names)
    if study.keyed:
        return _of_keys(study, spec, file, names)
    found = _of_one(study, spec, file, names)  # type: ignore[arg-type]
    _check_knobs(found)
    return found


def _of_one(study: RingStudy, spec: SearchSpec, file: Path | None, names: tuple[str, ...]) -> Search:
    """The search of one lattice."""
    made = _without_chromaticity(_given(_alone(plan(study, file, (), names)), names), names)
    limits = tuple(_constraints(spec, made.judged))
    check_together(limits)
    return Search(spec, made, spec.vary, tuple(_objectives(spec)), limits, study.seed)


def _of_lattices(study: RingStudy, spec: SearchSpec, file: Path | None, names: tuple[str, ...]) -> Search:
    """The search of the study's lattice and the further ones, each with the knobs that it has."""
    if study.lattice is None:
        raise InputError("search.lattices stand beside the study's own lattice: give lattice, not machine")
    files = (study.lattice, *spec.lattices)
    called = [Path(name).stem for name in files]
    repeated = sorted({name for name in called if called.count(name) > 1})
    if repeated:
        raise InputError(f"search.lattices: two files are called {listed(repeated)}, and cases are told by that name")
    parts = tuple(_part(at_lattice(study, name), spec, file, names) for name in files)
    unknown = [knob.name for knob in spec.vary if not any(knob in part.knobs for part in parts)]
    if unknown:
        known = sorted({name for part in parts for name in part.plan.design.parameters})
        raise InputError(f"search.vary: no lattice has a parameter '{unknown[0]}'{did_you_mean(unknown[0], known)}")
    return replace(parts[0], knobs=spec.vary, lattice="", parts=parts)


def at_lattice(study: RingStudy, file: str) -> RingStudy:
    """The study of another lattice file."""
    return study.model_copy(update={"lattice": file})


def _part(study: RingStudy, spec: SearchSpec, file: Path | None, names: tuple[str, ...]) -> Search:
    """The search of one lattice of several; InputError for one that has none of the knobs."""
    found = _of_one(study, spec, file, names)
    design = found.plan.design
    knobs = tuple(knob for knob in spec.vary if knob.name in design.parameters)
    if not knobs:
        raise InputError(f"search.lattices: {study.lattice} has no parameter that search.vary names")
    made = replace(found, knobs=knobs, lattice=Path(str(study.lattice)).stem)
    _check_knobs(made)
    return made


def _of_keys(study: StudySpec, spec: SearchSpec, file: Path | None, names: tuple[str, ...]) -> Search:
    """The search of a study whose knobs are keys of it; each key is looked for at once."""
    made = keyed(study, file, names)
    for knob in spec.vary:
        made.value(knob.name)
    limits = tuple(_constraints(spec, made.judged))
    check_together(limits)
    made = replace(made, limits=tuple(one for one in limits if one.quantity in study.cheap))
    return Search(spec, made, spec.vary, tuple(_objectives(spec)), limits, study.seed)


def _value(made: Plan | Keyed, name: str) -> float:
    """What a knob is at the design."""
    return made.value(name) if isinstance(made, Keyed) else float(np.real(made.design.parameters[name]))


def _alone(made: Plan) -> Plan:
    """The plan without what says nothing of the machine: checks of the program, the second engine, what nobody asked.

    What is left of the requirements are those that the search takes for constraints.
    """
    spec = made.study.search
    assert spec is not None
    kept = tuple(one for one in made.judged if spec.requirements and one.kind != PROGRAM)
    own = {"machine_requirements": False, "requirement": tuple(requirement_spec(one) for one in kept)}
    return replace(made, study=made.study.model_copy(update=own), judged=kept, engines=False)


def _check_computed(study: StudySpec, names: tuple[str, ...]) -> None:
    for name in names:
        if study.study not in words_of(name.partition("@")[0]):
            raise InputError(f"search: '{name}' is not computed by a study of study = \"{study.study}\"")
        if name in SPILL:
            raise InputError(
                f"search: '{name}' is of a tracked spill, which cases of a search do not have: judge chosen machines "
                "by it (search.rejudge.show), and search on what the analysis tells, worst_wire_loss or spiral_step"
            )


def _given(made: Plan, names: tuple[str, ...]) -> Plan:
    """The plan, of whole cases where machines with errors are asked for.

    InputError for what a study of optics computes once and not for thousands of lattices.
    """
    if made.study.scanned != "blocks":
        return made
    rest = [name for name in names if name not in made.names and name not in made.extra]
    with_errors = getattr(made.study, "imperfections", None) is not None
    for name in rest:
        if not (with_errors and name in IMPERFECTIONS):
            known = [*made.names, *made.extra]
            raise InputError(f"search: '{name}' is not computed for many lattices at a time{did_you_mean(name, known)}")
    return replace(made, whole=bool(rest))


def _without_chromaticity(made: Plan, names: tuple[str, ...]) -> Plan:
    """The plan without chromaticities that nobody asked for: they need maps of second order, three times the work."""
    wanted = {*names, *(one.quantity for one in made.judged)}
    kept = {name: key for name, key in made.names.items() if key not in CHROMATIC or name in wanted}
    return replace(made, names=kept)


def _check_knobs(search: Search) -> None:
    known = search.plan.design.parameters
    for knob in search.knobs:
        if knob.name not in known:
            name = search.plan.design.name
            raise InputError(f"search.vary: '{name}' has no parameter '{knob.name}'{did_you_mean(knob.name, known)}")
        if known.is_dependent(knob.name):
            raise InputError(f"search.vary: '{knob.name}' depends on other parameters: vary those instead")


def _objectives(spec: SearchSpec) -> Iterator[Objective]:
    for one in spec.objective:
        yield Objective(one.name, -1.0 if one.goal == "maximise" else 1.0, quantity_named(one.name).kind)


def _constraints(spec: SearchSpec, judged: Sequence[Requirement]) -> Iterator[Constraint]:
    for requirement in judged:
        factor = unit_factor(quantity_named(requirement.quantity), requirement.unit)
        yield _constraint(requirement.id, requirement.quantity, requirement.lower, requirement.upper, factor)
    for one in spec.constraint:
        factor = unit_factor(quantity_named(one.name), one.unit) if one.unit else 1.0
        limits = " and ".join(
            f"{word} {limit:g}"
            for word, limit in (("at least", one.lower), ("at most", one.upper))
            if limit is not None
        )
        yield _constraint(
            f"{one.name} {limits}{' ' + one.unit if one.unit else ''}", one.name, one.lower, one.upper, factor
        )


def _constraint(id: str, quantity: str, lower: float | None, upper: float | None, factor: float) -> Constraint:
    low = -np.inf if lower is None else lower * factor
    return Constraint(id, quantity, low, np.inf if upper is None else upper * factor)
