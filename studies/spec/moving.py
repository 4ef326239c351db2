"""Studies whose assumptions are moved: the same resolved study with one of its numbers up or down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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

_OF_BEAMS = ("emittance_x", "emittance_y", "momentum_spread", "sigmas")


def moved_ring(resolved: Resolved[Ring], assumption: AssumptionSpec, sign: float) -> Resolved[Ring]:
    """A ring's study with one assumption moved; InputError for a key that it does not have."""
    head, _, rest = assumption.key.partition(".")

    def move(value: Any) -> Any:
        return assumption.moved(value, sign)

    if head == "beams":
        return replace(resolved, beams=tuple(_with_beam(case, rest, move) for case in resolved.beams))
    if head in ("elements", "apertures", "parameters"):
        return _with_lattices(resolved, lambda lattice: _moved_lattice(lattice, head, rest, move))
    return replace(resolved, study=moved_study(resolved.study, assumption.key, move))


def moved_study(study: Spec, key: str, move: Move) -> Spec:
    """The study with the numbers of a dotted key moved, checked as if it were read so."""
    return checked(type(study), moved_content(as_mapping(study), key, move), f"assumption '{key}'")


def moved_content(content: Mapping[str, Any], key: str, move: Move) -> dict[str, Any]:
    """Plain values with the numbers at ``key`` moved; ``*`` enters every entry of a list or table that has the rest.

    InputError where nothing numeric stands there.
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


def _moved_lattice(lattice: Lattice, head: str, rest: str, move: Move) -> Lattice:
    if head == "parameters":
        if rest not in lattice.parameters:
            hint = did_you_mean(rest, lattice.parameters)
            raise InputError(f"assumption 'parameters.{rest}': '{lattice.name}' has no such parameter{hint}")
        return lattice.with_parameters({rest: move(lattice.parameters[rest])})
    elements = _apertures(lattice, rest, move) if head == "apertures" else _attributes(lattice, rest, move)
    return Lattice(
        lattice.name,
        elements=elements,
        parameters=dict(lattice.parameters.definitions),
        particle=lattice.particle,
        warnings=lattice.warnings,
    )


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
    for row in rows:
        before = getattr(elements[row], attribute)
        elements[row] = replace(elements[row], **{attribute: move(before)})
        if attribute == "length":
            _give_way(elements, row, lattice.value(move(before)) - lattice.value(before))
    return tuple(_renamed(elements, lattice))


def _give_way(elements: list[Any], row: int, longer: float) -> None:
    """The nearest drift before and behind an element take half of what it has grown, so that its middle stays."""
    for step in (-1, 1):
        for away in range(1, len(elements)):
            at = (row + step * away) % len(elements)
            if isinstance(elements[at], Drift) and isinstance(elements[at].length, float):
                elements[at] = replace(elements[at], length=elements[at].length - longer / 2)
                break


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
