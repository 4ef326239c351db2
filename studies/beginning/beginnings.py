"""What each kind of study begins with: machine or file, what it needs besides, numbers of the lattice to show."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ceil, floor
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from lattice import Bend, ElectrostaticSeptum, Element, InputError, Lattice, Multipole, Sextupole
from optics.aperture import openings
from optics.linear.optics import Optics
from optics.magnets import magnet_families
from studies.beginning.sources import START, Given, Source, relative, source_of
from studies.beginning.written import Begun
from studies.registry import study_of
from studies.spec.builtin import looks_like_file
from studies.spec.schema import as_mapping
from studies.spec.study_file import validated

#: The machine that a study is begun with when no file is given.
MACHINES: Mapping[str, str] = MappingProxyType({"delivery": "cnao-room3", "line-tolerances": "cnao-room3"})
WIRES = 0.035  # m, of an assumed septum, and within the aperture there
_FREE = 0.8  # of the aperture that such wires may stand at
_BELOW = 7e-4  # how far below the resonance the waiting tune is put
_SPAN = 0.3  # of a strength's size, by which a match may move it


def begun(word: str, subject: str | None, given: Given, target: Path) -> Begun:
    """A study of this kind on a machine or a file, to be written at ``target``.

    Everything that it needs is in it: what the toolkit assumes is written out and named. InputError for a file that
    has not what this kind of study needs; FileError for one that cannot be read.
    """
    source = _source(word, subject, given, target)
    more, assumed = _MORE.get(word, _nothing)(source)
    content = {"study": word, **source.keys, **more}
    completed = study_of(word).resolve(validated(content, "the new study"), target).study
    named = (*source.assumed, *assumed, *(completed.assumed or ()))
    values = as_mapping(completed)
    content |= {key: values[key] for key in completed.assumed or () if "." not in key}
    for table, _, key in (one.partition(".") for one in completed.assumed or () if "." in one):
        content[table] = {**content.get(table, {}), key: values[table][key]}
    content |= {"assumed": list(dict.fromkeys(named))} if named else {}
    return Begun(content, named, _shown(source) or _energies(values))


def _source(word: str, subject: str | None, given: Given, target: Path) -> Source:
    if word.startswith("linac"):
        return _linac(subject, given, target)
    found = source_of(subject or MACHINES.get(word, "cnao"), given, target)
    if word == "delivery":
        return _of_delivery(found)
    if found.lattice is not None and found.optics is None and word not in ("optics", "line-tolerances"):
        raise InputError(
            f"'{found.lattice.name}' has no stable optics as it stands: a study of {word} needs a ring that has. If it "
            "is a line: new optics, new delivery or new line-tolerances; if strengths are missing: match them first"
        )
    return found


def _linac(subject: str | None, given: Given, target: Path) -> Source:
    if given.keys(target):
        raise InputError("--sequence, --particle and --energy belong to a lattice file; a linac's table says its own")
    if subject is None or not looks_like_file(subject):
        return Source({"machine": (subject or "linac").lower()})
    return Source({"linac": relative(Path(subject), target)})


def _of_delivery(source: Source) -> Source:
    """Without an energy: those of a delivery are its own."""
    keys = {key: value for key, value in source.keys.items() if key != "kinetic_energy_MeV_per_u"}
    if source.lattice is not None and source.lattice.particle is not None:
        keys["particle"] = source.lattice.particle.species
    assumed = tuple(key for key in source.assumed if key in keys)
    return Source(keys, assumed, source.lattice, source.optics)


# ------------------------------------------------------------------------------------------ what a kind needs besides

_More = tuple[dict[str, Any], tuple[str, ...]]


def _nothing(source: Source) -> _More:
    return {}, ()


def _optics(source: Source) -> _More:
    """A line needs its start."""
    if source.lattice is None or source.optics is not None:
        return {}, ()
    return {"start": dict(START)}, ("start",)


def _extraction(source: Source) -> _More:
    """A lattice of one's own needs wires, and a tune near a third of a whole number."""
    if source.lattice is None or source.optics is None:
        return {}, ()
    if not any(map(_may_drive, source.lattice.elements)):
        raise InputError(f"'{source.lattice.name}' has no sextupole: nothing drives a third-integer extraction")
    wires, named = _wires(source.lattice, source.optics)
    matched = _near_resonance(source.lattice, source.optics)
    return {**wires, **matched}, (*named, *matched)


def _may_drive(element: Element) -> bool:
    """Whether an element is a sextupole, thick, thin or in a bend, on or off."""
    if isinstance(element, Multipole):
        return any(strengths[2:3] not in ((), (0.0,)) for strengths in (element.knl, element.ksl))
    return isinstance(element, Sextupole) or (isinstance(element, Bend) and element.k2 != 0.0)


def _wires(lattice: Lattice, optics: Optics) -> _More:
    """Those of the only septum, else wires where the horizontal beta is largest."""
    septa = [element for element in lattice.elements if isinstance(element, ElectrostaticSeptum)]
    if len(septa) == 1 and lattice.value(septa[0].position):
        return {}, ()
    place = int(np.argmax(optics["betx"][:-1]))
    free = openings(lattice)[place, 1]
    x = float(f"{min(WIRES, _FREE * free) if np.isfinite(free) else WIRES:.3g}")
    table = {"electrostatic_septum": lattice.names[place], "x_septum": x}
    return {"extraction": table}, tuple(f"extraction.{key}" for key in table)


def _near_resonance(lattice: Lattice, optics: Optics) -> dict[str, Any]:
    """A match of the tune to just below the next third, where it is farther; {} where two families are not there."""
    third = _third(float(optics.qx))
    if abs(float(optics.qx) - third) < 2 * _BELOW:
        return {}
    vary = _vary(lattice)
    if len(vary) < 2:
        return {}
    tunes = (("qx", third - _BELOW), ("qy", float(optics.qy)))
    targets = [{"quantity": name, "value": float(f"{tune:.6g}")} for name, tune in tunes]
    return {"match": {"vary": vary[:2], "targets": targets}}


def _third(tune: float) -> float:
    """The nearest third of a whole number that is not whole."""
    return min((n / 3 for n in range(1, 3 * int(tune) + 6) if n % 3), key=lambda third: abs(third - tune))


_MORE: Mapping[str, Callable[[Source], _More]] = MappingProxyType({"optics": _optics, "extraction": _extraction})


# ------------------------------------------------------------------------------------------- what comments may show


def _shown(source: Source) -> dict[str, Any]:
    """Numbers of the lattice for keys that are not set: its particle, a match that would leave it as it is."""
    if source.lattice is None or source.lattice.particle is None:
        return {}
    particle = source.lattice.particle
    shown: dict[str, Any] = {
        "particle": particle.species,
        "kinetic_energy_MeV_per_u": float(f"{particle.kinetic_energy_per_u / 1e6:.9g}"),
    }
    vary = _vary(source.lattice)
    if vary and source.optics is not None:
        target = {"quantity": "qx", "value": float(f"{float(source.optics.qx):.6g}")}
        shown["match"] = {"vary": vary[0], "targets": target}
    return shown


def _energies(values: Mapping[str, Any]) -> dict[str, Any]:
    """Energies and depths of a linac's own table, for a study that switches between them."""
    if "volume" not in values:
        return {}
    energies, volume = values["energies"], values["volume"]
    inside = {
        "nearest_mm": ceil(1e3 * volume["nearest_mm"]) / 1e3,
        "deepest_mm": floor(1e3 * volume["deepest_mm"]) / 1e3,
    }
    listed = {"values_MeV": [energies["lower_MeV"], energies["upper_MeV"]]}
    return {"energies": {**energies, **listed}, "volume": {**volume, **inside}}


def _vary(lattice: Lattice) -> list[dict[str, Any]]:
    """Parameters that set quadrupoles, with bounds about their values."""
    families = [name for name, kind in magnet_families(lattice).items() if kind == "quadrupole"]
    return [_bounded(name, float(lattice.parameters[name])) for name in families]


def _bounded(name: str, value: float) -> dict[str, Any]:
    reach = _SPAN * abs(value) or 1.0
    return {"name": name, "lower": float(f"{value - reach:.4g}"), "upper": float(f"{value + reach:.4g}")}
