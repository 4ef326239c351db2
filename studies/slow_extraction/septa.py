"""The septa of an extraction study: what the study says, then what the machine's or the lattice's elements say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from extraction.septum import Septum
from lattice import ElectrostaticSeptum, InputError, Lattice, MagneticSeptum
from lattice.errors import did_you_mean
from machines.rings.machine import RingMachine
from optics.aperture import openings
from studies.slow_extraction.spec import ExtractionSpec, ExtractionStudy

#: Key of the study and attribute of the element it stands for.
_WIRES = {
    "x_septum": "position",
    "wire_thickness": "thickness",
    "wire_length": "length",
    "septum_kick": "kick",
    "septum_gap": "gap",
}
_WALL = {"x_wall": "position", "wall_thickness": "thickness"}


def with_septa(study: ExtractionStudy, lattice: Lattice, machine: RingMachine | None) -> ExtractionStudy:
    """The study with its septa as elements of the lattice and their numbers written out.

    InputError when there is no electrostatic septum, several and none is named, or no position of its wires.
    """
    spec, places = study.extraction, dict(machine.places) if machine else {}
    electrostatic = _element(spec.electrostatic_septum, "electrostatic_septum", lattice, places)
    if electrostatic is None:
        raise InputError(
            f"'{lattice.name}' has no electrostatic septum: name the element its wires begin at as "
            "extraction.electrostatic_septum, with the position of the wires as extraction.x_septum"
        )
    magnetic = _element(spec.magnetic_septum, "magnetic_septum", lattice, places)
    found: dict[str, Any] = {"electrostatic_septum": electrostatic, "magnetic_septum": magnetic}
    found |= _numbers(spec, lattice, electrostatic, ElectrostaticSeptum, _WIRES)
    found |= _numbers(spec, lattice, magnetic, MagneticSeptum, _WALL) if magnetic else {}
    if not found["x_septum"]:
        raise InputError(
            f"extraction.x_septum: found {found['x_septum']}; the position of the wires of '{electrostatic}' [m] is "
            "needed, and its sign tells their side"
        )
    _inside_aperture(lattice, electrostatic, found["x_septum"])
    return study.model_copy(update={"extraction": spec.model_copy(update=found)})


def _inside_aperture(lattice: Lattice, name: str, position: float) -> None:
    low, high = openings(lattice)[lattice.index(name), :2]
    if position < low or position > high:
        raise InputError(
            f"extraction.x_septum: the wires at {position:g} m lie outside the aperture of '{name}', which reaches "
            f"from {low:g} to {high:g} m"
        )


def septum_of(spec: ExtractionSpec, lattice: Lattice) -> Septum:
    """The septum of a resolved study; its wires are parallel to the reference orbit unless the study says else.

    Kick and length of the magnetic septum are those of its element.
    """
    wires = _wires(spec)
    wall = lattice.resolved(lattice[spec.magnetic_septum]) if spec.magnetic_septum else None
    if not isinstance(wall, MagneticSeptum):
        return wires
    return replace(wires.into(wall), magnetic_at=wires.magnetic_at, magnetic_thickness=wires.magnetic_thickness)


def _wires(spec: ExtractionSpec) -> Septum:
    return Septum(
        at=str(spec.electrostatic_septum),
        position=spec.x_septum or 0.0,
        thickness=spec.wire_thickness or 0.0,
        kick=spec.septum_kick or 0.0,
        length=spec.wire_length or 0.0,
        gap=spec.septum_gap or 0.0,
        angle=spec.septum_angle or 0.0,
        magnetic_at=spec.magnetic_septum,
        magnetic_thickness=spec.wall_thickness or 0.0,
    )


def _numbers(
    spec: ExtractionSpec, lattice: Lattice, name: str, kind: type[Any], keys: dict[str, str]
) -> dict[str, float]:
    """Each number of the study, or else of the element (0 when that is of another kind)."""
    element = lattice.resolved(lattice.elements[lattice.index(name)])
    own = {
        key: float(getattr(element, attribute)) if isinstance(element, kind) else 0.0 for key, attribute in keys.items()
    }
    if "septum_kick" in own:
        own["septum_kick"] = abs(own["septum_kick"])
    return {key: value if (given := getattr(spec, key)) is None else given for key, value in own.items()}


def _element(given: str | None, place: str, lattice: Lattice, places: dict[str, str]) -> str | None:
    """An element by its own name or the machine's for the place; else the only one of that kind; else None."""
    if given is not None:
        name = places.get(given, given)
        if name not in lattice.names:
            known = (*lattice.names, *places)
            raise InputError(
                f"extraction.{place}: '{lattice.name}' has no element '{given}'{did_you_mean(given, known)}"
            )
        return name
    if place in places:
        return places[place]
    kind = place.replace("_", "")
    septa = [name for name, element in zip(lattice.names, lattice.elements, strict=True) if element.kind == kind]
    if len(septa) > 1:
        raise InputError(
            f"'{lattice.name}' has {len(septa)} of kind {kind} ({', '.join(septa)}): name one as extraction.{place}"
        )
    return septa[0] if septa else None
