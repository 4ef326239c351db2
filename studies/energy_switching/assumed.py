"""What energy switching of a ring assumes where its study file is silent: energies, injection, circuits, times.

Sizes as the magnets, supplies and cavities of the machines of CNAO and MedAustron have; none of it is a ring's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from lattice import InputError, Lattice, ReferenceParticle
from machines.rings.machine import RingMachine
from optics.magnets import family_of, magnet_families, strongest
from optics.matter.ranges import energy_of
from studies.energy_switching.energies import Lists, energies_of
from studies.energy_switching.spec import CircuitSpec, EnergiesSpec, EnergySwitchingStudy, InjectionSpec
from studies.energy_switching.table_file import OperationalTable
from studies.spec.assumed import unsaid, with_unsaid

KEYS = ("vary", "energies", "injection", "circuit", "cycle", "rf", "steps")
DEPTHS = (0.030, 0.300)  # m of water, where treatments reach
NUMBER = 11  # energies of a species
INJECTION = 7.0  # MeV/u, of the linacs in front of such rings
SPILL = 1.0  # s
_FILLED = 0.8  # of the largest current, at the highest rigidity

_COMMON = ("largest_current_A", "largest_voltage_V", "largest_slew_A_per_s", "resistance_ohm", "inductance_H")
_FIELDS = ("eddy_delay_s", "eddy_time_s", "hysteresis_width", "hysteresis_reach")


def _supply(*numbers: float) -> Mapping[str, float]:
    return MappingProxyType(dict(zip((*_COMMON, *_FIELDS), numbers, strict=True)))


_USUAL = {
    "bend": _supply(3000.0, 1600.0, 6000.0, 0.16, 0.16, 8e-4, 0.035, 1e-4, 0.02),
    "quadrupole": _supply(550.0, 120.0, 1500.0, 0.08, 0.04, 5e-4, 0.025, 3e-4, 0.05),
    "sextupole": _supply(600.0, 60.0, 2000.0, 0.05, 0.005, 2e-4, 0.010, 0.02, 1.0),
}


def with_assumed(
    study: EnergySwitchingStudy, lattice: Lattice, machine: RingMachine | None, tables: Iterable[OperationalTable]
) -> EnergySwitchingStudy:
    """The study with all that it needs, and named in ``assumed`` what it does not say.

    InputError for a lattice without bends, or without a parameter that sets quadrupoles.
    """
    silent, given = _silent(study), tuple(tables)
    for key, made in _MAKERS.items():
        if key in silent:
            study = study.model_copy(update=made(study, lattice, machine, energies_of(study, given)))
    if study.cycle.injection_working_point:
        silent = tuple("cycle.injection_working_point" if key == "injection" else key for key in silent)
    return study.model_copy(update={"assumed": with_unsaid(study, silent)})


def _silent(study: EnergySwitchingStudy) -> tuple[str, ...]:
    """Which of ``KEYS`` the study leaves out, and nothing else says."""
    said = {"energies": study.table is not None, "injection": bool(study.cycle.injection_working_point)}
    return tuple(key for key in unsaid(study, KEYS) if not said.get(key))


def _energies(
    study: EnergySwitchingStudy, lattice: Lattice, machine: RingMachine | None, _: Lists
) -> dict[str, tuple[EnergiesSpec, ...]]:
    """Those of the machine, or, of the lattice's particle, those that reach the depths of treatments."""
    if machine is not None:
        return {"energies": tuple(_spaced(name, low / 1e6, top / 1e6) for name, (low, top) in machine.energies.items())}
    assert lattice.particle is not None
    species = lattice.particle.species
    return {"energies": (_spaced(species, *(float(energy_of(species, depth)) for depth in DEPTHS)),)}


def _spaced(species: str, lower: float, upper: float) -> EnergiesSpec:
    low, top = float(f"{lower:.6g}"), float(f"{upper:.6g}")
    return EnergiesSpec(species=species, lower_MeV_per_u=low, upper_MeV_per_u=top, number=NUMBER)


def _vary(
    study: EnergySwitchingStudy, lattice: Lattice, machine: RingMachine | None, _: Lists
) -> dict[str, tuple[str, ...]]:
    """What the match varies, else every parameter that sets quadrupoles."""
    if study.match is not None:
        return {"vary": tuple(dict.fromkeys(one.name for one in study.match.vary if one.active))}
    found = tuple(name for name, kind in magnet_families(lattice).items() if kind == "quadrupole")
    if not found:
        raise InputError(
            f"vary: no parameter of '{lattice.name}' sets quadrupoles: write their k1 as parameters (k1 := kf), or "
            "name what is to be set at each energy"
        )
    return {"vary": found}


def _injection(
    study: EnergySwitchingStudy, lattice: Lattice, machine: RingMachine | None, lists: Lists
) -> dict[str, Any]:
    """The working points of the machine for injection; of a species without one its energy, with the design's."""
    points = machine.working_points.values() if machine else ()
    named = {point.particle.species: point.name for point in points if "injection" in point.name}
    species = [name for name, particles in lists if particles]
    usual = [InjectionSpec(species=one, kinetic_energy_MeV_per_u=INJECTION) for one in species if one not in named]
    known = {one: named[one] for one in species if one in named}
    return {"injection": tuple(usual), "cycle": study.cycle.model_copy(update={"injection_working_point": known})}


def _circuits(
    study: EnergySwitchingStudy, lattice: Lattice, machine: RingMachine | None, lists: Lists
) -> dict[str, tuple[CircuitSpec, ...]]:
    """Supplies of usual size, whose gain leaves a fifth of the current at the highest rigidity."""
    rigidity = _highest_rigidity(lists)
    found = [_circuit("bend", "bend", strongest("max_bend_field", lattice, rigidity).value)]
    for name in study.vary:
        family = family_of(lattice, name) if name in lattice.parameters else None
        if family is not None and (field := abs(family.per_setting * lattice.parameters[name]) * rigidity) > 0:
            found.append(_circuit(name, "quadrupole" if family.unit == "T/m" else "sextupole", field))
    return {"circuit": tuple(found)}


def _highest_rigidity(lists: Lists) -> float:
    particles: list[ReferenceParticle] = [one for _, particles in lists for one in particles]
    return max(one.magnetic_rigidity for one in particles)


def _circuit(parameter: str, kind: str, field: float) -> CircuitSpec:
    usual = _USUAL[kind]
    gain = float(f"{field / (_FILLED * usual['largest_current_A']):.3g}")
    return CircuitSpec(parameter=parameter, gain=gain, **usual)


def _spills(study: EnergySwitchingStudy, lattice: Lattice, machine: RingMachine | None, lists: Lists) -> dict[str, Any]:
    lengths = {species: SPILL for species, particles in lists if particles}
    return {"cycle": study.cycle.model_copy(update={"extraction_s": lengths})}


_Maker = Callable[[EnergySwitchingStudy, Lattice, RingMachine | None, Lists], dict[str, Any]]
_MAKERS: dict[str, _Maker] = {
    "energies": _energies,
    "vary": _vary,
    "injection": _injection,
    "circuit": _circuits,
    "cycle": _spills,
}
