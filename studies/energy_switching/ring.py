"""What energy switching takes from its ring, a machine's or one of a lattice file: magnets, energies, injection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from lattice import Bend, InputError, Lattice, ReferenceParticle
from lattice.errors import did_you_mean, listed
from machines.rings.machine import RingMachine
from optics.magnets import Family, family_of, magnet_families
from studies.energy_switching.energies import Lists
from studies.energy_switching.spec import EnergySwitchingStudy, InjectionSpec
from studies.spec.resolution import Resolved

_ROUNDING = 1e-9  # of energies that are the ends of a machine
_WHOLE_TURN = 1e-3  # rad, by which the angles of the bends may miss 2 pi


class Injection(NamedTuple):
    """The particle at injection and the parameters of the lattice there."""

    particle: ReferenceParticle
    strengths: Mapping[str, float]


def check_ring(resolved: Resolved[EnergySwitchingStudy]) -> None:
    """InputError where the lattice is not a whole ring: frequencies and ramps need its circumference."""
    if resolved.start is not None:
        raise InputError("start: energy switching is of a ring, whose optics is periodic: leave the table [start] out")
    ring = resolved.lattice
    angle = abs(sum(float(ring.value(element.angle)) for element in ring.elements if isinstance(element, Bend)))
    if angle == 0.0:
        raise InputError(f"'{ring.name}' has no bends: energy switching needs a ring")
    if abs(angle - 2 * np.pi) > _WHOLE_TURN:
        raise InputError(
            f"the bends of '{ring.name}' turn the beam by {np.degrees(angle):.6g} degrees, expected 360: give the "
            "whole ring, not one of its periods"
        )


# --------------------------------------------------------------------------------------------------------- magnets


def family(ring: Lattice, parameter: str) -> Family:
    """The quadrupoles or sextupoles of a circuit. InputError, with those there are, for a parameter that sets none."""
    found = family_of(ring, parameter) if parameter in ring.parameters else None
    if found is None:
        known = list(magnet_families(ring))
        hint = did_you_mean(parameter, known) or "."
        raise InputError(
            f"circuit '{parameter}' is no magnet family of '{ring.name}'{hint} Parameters that "
            f"set quadrupoles or sextupoles: {listed(known)}"
        )
    return found


# -------------------------------------------------------------------------------------------------------- energies


def reach(study: EnergySwitchingStudy, machine: RingMachine | None) -> dict[str, tuple[float, float]]:
    """Lowest and highest energy [MeV/u] of each species: of the machine, else of the study's own energies."""
    own = {spec.species: (min(spec.ends), max(spec.ends)) for spec in study.energies}
    described = {name: (low / 1e6, high / 1e6) for name, (low, high) in machine.energies.items()} if machine else {}
    return {**own, **described}


def energies_beyond(study: EnergySwitchingStudy, machine: RingMachine | None, lists: Lists) -> str:
    """Which energies lie outside those of the machine; "" where none does, or without a machine.

    InputError for a species that neither it nor the study describes.
    """
    told = [_beyond(study, machine, *one) for one in lists] if machine else []
    return "; ".join(filter(None, told))


def _beyond(
    study: EnergySwitchingStudy, machine: RingMachine, species: str, particles: Sequence[ReferenceParticle]
) -> str:
    low, high = _limits(study, machine, species)
    energies = [particle.kinetic_energy_per_u for particle in particles]
    outside = [energy for energy in energies if not low * (1 - _ROUNDING) <= energy <= high * (1 + _ROUNDING)]
    if not outside:
        return ""
    ends = " to ".join(dict.fromkeys(f"{energy / 1e6:.5g}" for energy in (min(outside), max(outside))))
    return (
        f"{len(outside)} of {len(energies)} energies of {species} ({ends} MeV/u) lie outside those of {machine.name} "
        f"({low / 1e6:.5g} to {high / 1e6:.5g} MeV/u)"
    )


def reached(lists: Lists, resolved: Resolved[EnergySwitchingStudy]) -> Lists:
    """The energies that the ring accelerates to; of a study outside its machine those above injection."""
    if not resolved.outside:
        return lists
    return [(species, _above(resolved, species, particles)) for species, particles in lists]


def _above(
    resolved: Resolved[EnergySwitchingStudy], species: str, particles: list[ReferenceParticle]
) -> list[ReferenceParticle]:
    """The particles above injection; all where that leaves none, which is then refused with the reason."""
    point = _injection(resolved, resolved.study, resolved.lattice, species).particle
    return [one for one in particles if one.kinetic_energy_per_u > point.kinetic_energy_per_u] or particles


def _limits(study: EnergySwitchingStudy, machine: RingMachine, species: str) -> tuple[float, float]:
    """Energies [eV/u] of the machine; up to its highest rigidity where the study gives the species' injection."""
    if species in machine.energies:
        return machine.energies[species]
    own = _own_injection(study, species)
    if own is None:
        raise InputError(
            f"'{machine.name}' is not described for {species}: it has {', '.join(machine.energies)}. Give "
            f'[[injection]] with species = "{species}" and kinetic_energy_MeV_per_u to run it up to its rigidity'
        )
    top = ReferenceParticle.from_rigidity(species, machine.top_particle.magnetic_rigidity)
    return own.kinetic_energy_MeV_per_u * 1e6, top.kinetic_energy_per_u


# ------------------------------------------------------------------------------------------------------- injection


def injection_of(
    resolved: Resolved[EnergySwitchingStudy], study: EnergySwitchingStudy, ring: Lattice, species: str, lowest: float
) -> Injection:
    """Injection of a species: the study's [[injection]], else the working point of the machine that it names.

    InputError when there is none, or it is not below ``lowest`` [MeV/u].
    """
    own, found = _own_injection(study, species), _injection(resolved, study, ring, species)
    energy = found.particle.kinetic_energy_per_u / 1e6
    if found.particle.species != species or energy >= lowest:
        place = (
            "injection" if own else f"cycle.injection_working_point: '{study.cycle.injection_working_point[species]}'"
        )
        raise InputError(
            f"{place} is {found.particle.species} of {energy:.5g} MeV/u, expected {species} below {lowest:.5g} MeV/u"
        )
    return found


def _injection(
    resolved: Resolved[EnergySwitchingStudy], study: EnergySwitchingStudy, ring: Lattice, species: str
) -> Injection:
    own = _own_injection(study, species)
    return _given(study, own, ring) if own else _working_point(resolved, study, species)


def _own_injection(study: EnergySwitchingStudy, species: str) -> InjectionSpec | None:
    return next((spec for spec in study.injection if spec.species == species), None)


def _given(study: EnergySwitchingStudy, spec: InjectionSpec, ring: Lattice) -> Injection:
    """The strengths are those of the design point where the study gives no others."""
    circuits = [circuit.parameter for circuit in study.circuit if circuit.parameter != "bend"]
    for name in spec.parameters:
        if name not in circuits:
            hint = did_you_mean(name, circuits) or "."
            raise InputError(
                f"injection of {spec.species}: parameter '{name}' has no [[circuit]]{hint} Circuits: {listed(circuits)}"
            )
    particle = ReferenceParticle(spec.species, kinetic_energy_per_u=spec.kinetic_energy_MeV_per_u * 1e6)
    design = {name: float(ring.parameters[name]) for name in circuits if name in ring.parameters}
    return Injection(particle, {**design, **spec.parameters})


def _working_point(resolved: Resolved[EnergySwitchingStudy], study: EnergySwitchingStudy, species: str) -> Injection:
    named, machine = study.cycle.injection_working_point, resolved.machine
    table = f'[[injection]] with species = "{species}" and kinetic_energy_MeV_per_u'
    if machine is None:
        also = ": working points belong to machines, this study has a lattice" if species in named else ""
        raise InputError(f"no injection of {species}{also}. Give {table}")
    if species not in named:
        raise InputError(
            f"cycle.injection_working_point has none for {species}: name one of '{machine.name}', which has "
            f"{', '.join(machine.working_points)}; or give {table}"
        )
    point = machine.working_point(named[species])
    return Injection(point.particle, point.strengths)
