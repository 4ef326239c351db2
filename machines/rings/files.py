"""The two TOML files of a ring as their tables: what is known of the machine, and what stands where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from machines.tables import check_keys


@dataclass(frozen=True)
class MachineFile:
    """``<name>.toml``: title, name of the geometry file, settings and beams; keys carry their unit.

    ``energies_MeV_per_u``: lowest and highest of each species. A [[working_point]] names one of the sets of
    [strengths], which several may share.
    """

    title: str
    ring: str
    default_working_point: str
    energies_MeV_per_u: Mapping[str, Sequence[float]]
    strengths: Mapping[str, Mapping[str, float]]
    working_point: Sequence[Mapping[str, Any]]
    beam: Sequence[Mapping[str, Any]] = ()
    assumptions: Sequence[str] = ()
    references: Sequence[str] = ()


@dataclass(frozen=True)
class GeometryFile:
    """The geometry: lengths and positions [m], angles [rad].

    ``start`` says in words where s = 0 is. ``apertures``: full openings [m], horizontal and vertical, "chamber" that of
    drifts and of groups without one; ``aperture_of``: exceptions, by element. ``places`` maps what studies look for to
    elements.
    """

    length: float
    start: str
    apertures: Mapping[str, Sequence[float]]
    group: Mapping[str, Mapping[str, Any]]
    rating: Sequence[Mapping[str, Any]] = ()
    parameters: Mapping[str, float] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)
    aperture_of: Mapping[str, str] = field(default_factory=dict)

    def groups(self) -> Iterator[Group]:
        """The groups of magnets and devices, in the order of the file."""
        return (Group.of(name, table) for name, table in self.group.items())


@dataclass(frozen=True)
class Group:
    """One kind of magnet or device: ``at`` its elements and their centres [m], ``attributes`` those of the element.

    "{name}" in an attribute stands for the element's name, which makes a parameter of its own.
    """

    name: str
    kind: str
    at: tuple[tuple[str, float], ...]
    attributes: Mapping[str, Any]
    aperture: str = "chamber"
    role: str | None = None
    supply: str | None = None
    plane: str | None = None
    amperes_per_gradient: float | None = None

    @classmethod
    def of(cls, name: str, table: Mapping[str, Any]) -> Group:
        """From its table, where ``at`` gives every element's centre, or centres of elements that bear its name.

        InputError for a table without kind or places.
        """
        check_keys(table, ("kind", "at"), f"group '{name}'")
        own = {key: table[key] for key in _OWN_KEYS if key in table}
        attributes = {key: value for key, value in table.items() if key not in ("kind", "at", *_OWN_KEYS)}
        return cls(name, table["kind"], _positions(name, table["at"]), attributes, **own)


_OWN_KEYS = ("aperture", "role", "supply", "plane", "amperes_per_gradient")


def _positions(group: str, at: Mapping[str, float] | Sequence[float]) -> tuple[tuple[str, float], ...]:
    return tuple(at.items()) if isinstance(at, Mapping) else tuple((group, centre) for centre in at)
