"""Studies whose assumptions are moved: the same resolved study with one of its numbers up or down."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from lattice import InputError, Lattice
from lattice.elements import Drift
from lattice.errors import did_you_mean
from machines.rings.machine import MachineBeam
from studies.spec.assumption import AssumptionSpec
from studies.spec.checking import checked
from studies.spec.resolution import BeamCase, Resolved
from studies.spec.schema import RingStudy, StudySpec, as_mapping

Move = Callable[[Any], Any]
Spec = TypeVar("Spec", bound=StudySpec)
Ring = TypeVar("Ring", bound=RingStudy)

#: What begins a key that is of a lattice.
OF_LATTICES = ("elements", "apertures", "parameters")
_MOVED = "moved_"  # how parameters that stand for assumptions begin
_OF_BEAMS = ("emittance_x", "emittance_y", "momentum_spread", "sigmas")


def moved_ring(resolved: Resolved[Ring], assumption: AssumptionSpec, sign: float) -> Resolved[Ring]:
    """A ring's study with one assumption moved; InputError for a key that it does not have."""
    head, _, rest = assumption.key.partition(".")

    def move(value: Any) -> Any:
        return assumption.moved(value, sign)

    if head == "beams":
        return replace(resolved, beams=tuple(_with_beam(case, rest, move) for case in resolved.beams))
    if head in OF_LATTICES:
        return _with_lattices(resolved, lambda lattice: moved_lattice(lattice, assumption, sign))
    return replace(resolved, study=moved_study(resolved.study, assumption.key, move))


def moved_lattice(lattice: Lattice, assumption: AssumptionSpec, sign: float) -> Lattice:
    """A lattice with an assumption on its elements, apertures or parameters moved; InputError for what it lacks."""
    head, _, rest = assumption.key.partition(".")
    if head == "elements" and (name := _parameter(assumption)) in lattice.parameters:
        return lattice.with_parameters({name: assumption.step(sign)})
    return _moved_lattice(lattice, head, rest, lambda value: assumption.moved(value, sign))


def moved_study(study: Spec, key: str, move: Move) -> Spec:
    """The study with the numbers of a dotted key moved, checked as if it were read so."""
    return checked(type(study), moved_content(as_mapping(study), key, move), f"assumption '{key}'")


def moved_content(content: Mapping[str, Any], key: str, move: Move) -> dict[str, Any]:
    """Plain values with the numbers at ``key`` moved; ``*`` enters every entry of a list or table that has the rest.

    What is empty there has nothing to move. InputError where nothing numeric stands there.
    """
    found: list[str] = []
    changed = _moved(content, key.split("."), move, found)
    if not found:
        raise InputError(f"assumption '{key}': no number stands there{did_you_mean(key.split('.')[0], content) or '.'}")
    return dict(changed)


def _moved(content: Any, parts: list[str], move: Move, found: list[str]) -> Any:
    if not parts:
        return _number(content, move, found)
    first, rest = parts[0], parts[1:]
    if first == "*" and isinstance(content, (Mapping, list, tuple)) and not content:
        found.append("")
    if isinstance(content, Mapping):
        return {
            name: _moved(value, rest, move, found) if first in ("*", str(name)) else value
            for name, value in content.items()
        }
    if isinstance(content, (list, tuple)):
        entries = enumerate(content)
        return [_moved(value, rest, move, found) if first in ("*", str(i)) else value for i, value in entries]
    return content


def _number(content: Any, move: Move, found: list[str]) -> Any:
    if isinstance(content, (list, tuple)):
        found += [] if content else [""]
        return [_number(one, move, found) for one in content]
    if isinstance(content, bool) or not isinstance(content, (int, float)):
        return content
    found.append("")
    return move(content)


# ------------------------------------------------------------------------------------------------------------ of rings


def _with_beam(case: BeamCase, field: str, move: Move) -> BeamCase:
    if field not in _OF_BEAMS:
        raise InputError(f"assumption 'beams.{field}': a beam has {', '.join(_OF_BEAMS)}")
    beam: MachineBeam = replace(case.beam, **{field: move(getattr(case.beam, field))})
    return replace(case, beam=beam)


def _with_lattices(resolved: Resolved[Ring], change: Callable[[Lattice], Lattice]) -> Resolved[Ring]:
    """The study's lattice and those that its beams live in, all of one machine."""
    beams = tuple(replace(case, lattice=change(case.lattice)) for case in resolved.beams)
    return replace(resolved, lattice=change(resolved.lattice), beams=beams)


def movable(resolved: Resolved[Ring], assumptions: Iterable[AssumptionSpec]) -> Resolved[Ring]:
    """The study with a parameter, 0 at first, for each assumption on its elements.

    Moved by these (``moved_ring`` sets them) all lattices have the same elements, and what follows from these alone is
    found once. InputError for elements or attributes that there are not.
    """
    changed: dict[int, Lattice] = {}
    own = movable_lattice(resolved.lattice, assumptions)

    def of(lattice: Lattice) -> Lattice:
        if lattice.elements != resolved.lattice.elements:
            return changed.setdefault(id(lattice), movable_lattice(lattice, assumptions))
        known = lattice.parameters
        numbers = {name: value for name, value in known.items() if not known.is_dependent(name)}
        same = own.with_parameters(numbers)
        return same if lattice.particle is None else same.with_particle(lattice.particle)

    return _with_lattices(resolved, of)


def _parameter(assumption: AssumptionSpec) -> str:
    """The parameter that stands for an assumption on elements."""
    kind = "share" if assumption.relative is not None else "shift"
    return f"{_MOVED}{kind}_{assumption.key.replace('.', '_')}"


def movable_lattice(lattice: Lattice, assumptions: Iterable[AssumptionSpec]) -> Lattice:
    """A lattice with a parameter, 0 at first, for each assumption on its elements, see ``movable``."""
    for one in assumptions:
        name = _parameter(one)
        if not one.key.startswith("elements.") or name in lattice.parameters:
            continue
        elements = _attributes(
            lattice,
            one.key.removeprefix("elements."),
            lambda written, one=one, name=name: one.as_parameter(written, name),  # type: ignore[misc]
        )
        lattice = _with_elements(lattice, elements, {name: 0.0})
    return lattice


def _with_elements(lattice: Lattice, elements: tuple[Any, ...], parameters: Mapping[str, float]) -> Lattice:
    return Lattice(
        lattice.name,
        elements=elements,
        parameters={**lattice.parameters.definitions, **parameters},
        particle=lattice.particle,
        warnings=lattice.warnings,
    )


def _moved_lattice(lattice: Lattice, head: str, rest: str, move: Move) -> Lattice:
    if head == "parameters":
        if rest not in lattice.parameters:
            hint = did_you_mean(rest, lattice.parameters)
            raise InputError(f"assumption 'parameters.{rest}': '{lattice.name}' has no such parameter{hint}")
        return lattice.with_parameters({rest: move(lattice.parameters[rest])})
    elements = _apertures(lattice, rest, move) if head == "apertures" else _attributes(lattice, rest, move)
    return _with_elements(lattice, elements, {})


def _apertures(lattice: Lattice, plane: str, move: Move) -> tuple[Any, ...]:
    """All half openings of a plane moved."""
    if plane not in ("x", "y"):
        raise InputError(f"assumption 'apertures.{plane}': expected apertures.x or apertures.y")
    fields = (f"half_{plane}", f"ellipse_{plane}")

    def opened(element: Any) -> Any:
        if element.aperture is None:
            return element
        sizes = {name: getattr(element.aperture, name) for name in fields}
        moved = {name: move(size) for name, size in sizes.items() if size is not None}
        return replace(element, aperture=replace(element.aperture, **moved))

    return tuple(opened(element) for element in lattice.elements)


def _attributes(lattice: Lattice, rest: str, move: Move) -> tuple[Any, ...]:
    """An attribute of all elements of a kind moved; of a length the drifts on either side give half of it."""
    kind, _, attribute = rest.partition(".")
    elements: list[Any] = list(lattice.elements)
    rows = [row for row, element in enumerate(elements) if element.kind == kind and hasattr(element, attribute)]
    if not rows:
        raise InputError(f"assumption 'elements.{rest}': '{lattice.name}' has no {kind} with '{attribute}'")
    free = {row for row, element in enumerate(elements) if isinstance(element, Drift) and _free(element.length)}
    for row in rows:
        before = getattr(elements[row], attribute)
        elements[row] = replace(elements[row], **{attribute: move(before)})
        if attribute == "length":
            _give_way(elements, row, free, before)
    return tuple(_renamed(elements, lattice))


def _written(value: Any) -> bool:
    """Whether a number is an expression."""
    return isinstance(value, str)


def _free(length: Any) -> bool:
    """Whether a drift may give way: one with a number for its length, or one that has given way already."""
    return not _written(length) or _MOVED in length


def _give_way(elements: list[Any], row: int, free: Collection[int], before: Any) -> None:
    """The nearest ``free`` drifts on either side take half of what an element has grown each: its middle stays."""
    after = elements[row].length
    for step in (-1, 1):
        away = next((step * n for n in range(1, len(elements)) if (row + step * n) % len(elements) in free), None)
        if away is not None:
            at = (row + away) % len(elements)
            elements[at] = replace(elements[at], length=_shorter(elements[at].length, before, after))


def _shorter(length: Any, before: Any, after: Any) -> Any:
    """A drift less half of what an element beside it has grown, as a number where all are."""
    if any(_written(one) for one in (length, before, after)):
        return f"({length})-0.5*(({after})-({before}))"
    return length - (after - before) / 2


def _renamed(elements: list[Any], lattice: Lattice) -> list[Any]:
    """Drifts of one name that are no longer alike have names of their own."""
    lengths: dict[str, set[Any]] = {}
    for element in elements:
        if isinstance(element, Drift):
            lengths.setdefault(element.name, set()).add(element.length)
    return [
        replace(element, name=f"{element.name}_{row}")
        if isinstance(element, Drift) and len(lengths[element.name]) > 1
        else element
        for row, element in enumerate(elements)
    ]
