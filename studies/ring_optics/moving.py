"""How the optics study is computed with its assumptions moved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

from extraction.targets import QUANTITIES as EXTRACTION_GOALS
from optics.matching.limits import SIZES
from studies.pipeline import Asked, Moving
from studies.ring_optics.facts import Facts
from studies.ring_optics.imperfections import Imperfections, rooms_of, some_machines, with_other_errors
from studies.ring_optics.spec import ImperfectionsSpec, OpticsStudy
from studies.spec.assumption import AssumptionSpec
from studies.spec.moving import movable, moved_ring
from studies.spec.resolution import Resolved
from studies.vocabulary import IMPERFECTIONS

#: Machines with errors that a move is told from: the same seeds on either side of it.
_MACHINES = 16
_WIRES = "elements.electrostaticseptum.position"
_OF_ROOM = ("clearance_es_errors", "orbit_yield")  # of the machines with errors what beams and chamber decide


@dataclass(frozen=True)
class MovedFacts(Facts):
    """The facts that moved ones begin with; ``others``: machines of moved tables of errors, by the table."""

    others: Mapping[str, Imperfections] = field(default_factory=dict)


def _lighter(resolved: Resolved[OpticsStudy]) -> Resolved[OpticsStudy]:
    """Fewer machines, and a parameter for each assumption on elements: moved lattices all have the same elements."""
    spec = resolved.study.imperfections
    own = [one for one in resolved.study.assumption if one.key != _WIRES]
    if spec is not None:
        fewer = spec.model_copy(update={"machines": min(spec.machines, _MACHINES)})
        resolved = replace(resolved, study=resolved.study.model_copy(update={"imperfections": fewer}))
    return movable(resolved, own)


def _touched(key: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """Errors of the machines move what their orbits and optics are; they alone are worth so many machines.

    Beams, chamber and wires move the room that is left in the machines too.
    """
    if key.startswith("imperfections."):
        return tuple(name for name in names if name in IMPERFECTIONS)
    room = _OF_ROOM if _of_room(key) else ()
    return tuple(name for name in names if name not in IMPERFECTIONS or name in room)


def _of_room(key: str) -> bool:
    return key == _WIRES or key.startswith(("beams.", "apertures."))


# ------------------------------------------------------------------------------------------------- what is computed


def _base(
    facts: Facts, light: Resolved[OpticsStudy], moved: Sequence[Resolved[OpticsStudy]], asked: Asked
) -> MovedFacts:
    """The study's own facts with its first machines, and the machines of all moved tables of errors in one batch."""
    found, spec = facts.imperfections, light.study.imperfections
    others: dict[str, Imperfections] = {}
    if found is not None and found.correction is not None and spec is not None:
        tables = {_name(one): one for one in _other_errors(spec, moved)}
        if tables:
            several = with_other_errors(light, facts.lattice, list(tables.values()), spec.machines, found)
            others = dict(zip(tables, several, strict=True))
        found = some_machines(found, slice(spec.machines))
    known = {one.name: getattr(facts, one.name) for one in fields(Facts)}
    return MovedFacts(**{**known, "resolved": light, "imperfections": found}, others=others)


def _other_errors(spec: ImperfectionsSpec, moved: Sequence[Resolved[OpticsStudy]]) -> Iterator[ImperfectionsSpec]:
    """Tables of the moved studies that differ in their errors alone."""
    for one in moved:
        other = one.study.imperfections
        if other is not None and other != spec and other.model_copy(update={"errors": spec.errors}) == spec:
            yield other


def _name(spec: ImperfectionsSpec) -> str:
    return spec.model_dump_json()


def _again(facts: Facts, resolved: Resolved[OpticsStudy], key: str, _: Asked) -> Facts | None:
    """What errors, beams and chamber do not reach is kept: the match and the optics."""
    spec = resolved.study.imperfections
    if key.startswith("imperfections."):
        known = facts.others.get(_name(spec)) if isinstance(facts, MovedFacts) and spec is not None else None
        return None if known is None else replace(facts, resolved=resolved, imperfections=known)
    if not _of_room(key) or _matched_to_room(resolved):
        return None
    beams = tuple(
        replace(one, beam=case.beam, chamber=case.lattice)
        for one, case in zip(facts.beams, resolved.beams if facts.beams else (), strict=True)
    )
    return replace(facts, resolved=resolved, beams=beams, imperfections=_in_chamber(facts.imperfections, resolved))


def _matched_to_room(resolved: Resolved[OpticsStudy]) -> bool:
    """Whether the match itself holds a beam in its chamber, or an arm at the wires."""
    match = resolved.study.match
    goals = [*(one.quantity for one in match.targets), *(one.quantity for one in match.limits)] if match else []
    return any(one in SIZES or one in EXTRACTION_GOALS for one in goals)


def _in_chamber(found: Imperfections | None, resolved: Resolved[OpticsStudy]) -> Imperfections | None:
    """The machines with the rooms of moved beams, in a moved chamber."""
    if found is None or not found.points:
        return found
    machines = slice(len(found.before.table))
    rooms, wires = (
        {name: values[machines] for name, values in one.items()} for one in rooms_of(found.points, resolved, moved=True)
    )
    return replace(found, rooms=rooms, wires=wires)


def _moved(resolved: Resolved[OpticsStudy], assumption: AssumptionSpec, sign: float) -> Resolved[OpticsStudy]:
    return moved_ring(resolved, assumption, sign)


MOVING: Moving[Resolved[OpticsStudy], Facts] = Moving(
    moved=_moved, lighter=_lighter, touched=_touched, base=_base, again=_again
)
