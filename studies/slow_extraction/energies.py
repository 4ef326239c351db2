"""The extraction at every working point of the machine's range: each species at its lowest, middle and highest energy.

Strengths stay those of the study, normalised: what magnets hold at another energy is not known, and k's that scale with
the rigidity give the same motion. What changes with the energy is the beam, whose emittance shrinks with beta gamma (so
that it leaves at other momenta), and the fields of the septa: E = kick B rho beta c / L, B = kick B rho / L.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import inf, isnan, nan, sqrt
from typing import TypeVar

import numpy as np

from extraction.resonance.diagram import Steinbach
from extraction.resonance.momenta import Case, case_at
from extraction.resonance.steinbach import leaving_momentum
from extraction.septum import Septum, early_hit, electric_field, magnetic_field, wire_loss
from lattice import InputError, Lattice, NoSolution, ReferenceParticle
from lattice.arrays import Array
from machines.rings.machine import MachineBeam, RingMachine
from studies.slow_extraction.spec import ExtractionStudy
from studies.spec.resolution import Resolved

T = TypeVar("T")

_SAME = 1e-9  # relative: energies that are written in MeV/u and held in eV


@dataclass(frozen=True, eq=False)
class AtEnergy:
    """One working point: fields ``electric`` [V/m] and ``magnetic`` [T] of the septa, nan without one.

    ``emittance`` [m], geometric and rms; ``momenta`` that leave; their spiral ``steps`` [m]; ``losses`` (n,), the part
    that hits the wires for each sampled particle's momentum. ``reason``: why there are no steps; ``early``: the first
    momentum that hits the wires before its turn, so that the losses are larger. ``cases``: the momenta's arms; ``edge``
    [m^1/2]: the largest amplitude of the beam.
    """

    particle: ReferenceParticle
    electric: float
    magnetic: float
    emittance: float = nan
    momenta: tuple[float, ...] = ()
    steps: tuple[float, ...] = ()
    losses: Array = field(default_factory=lambda: np.zeros(0))
    reason: str = ""
    early: float | None = None
    cases: tuple[Case, ...] = ()
    edge: float = nan

    @property
    def loss(self) -> float:
        """Part of the beam that hits the wires, nan where there are no steps."""
        return float(np.mean(self.losses)) if len(self.losses) else nan

    @property
    def name(self) -> str:
        """Species and energy, as people read them."""
        unit = "MeV" if self.particle.species == "proton" else "MeV/u"
        return f"{self.particle.species}, {self.particle.kinetic_energy_per_u / 1e6:g} {unit}"


@dataclass(frozen=True, eq=False)
class Extraction:
    """The extraction of the study's own working point, from which the others depart.

    ``cases`` are the extracted momenta, ``given`` when the study says them; ``edge`` [m^1/2] of its beam.
    """

    ring: Lattice
    fringe: str
    septum: Septum
    cases: tuple[Case, ...]
    given: bool
    steinbach: Steinbach | None
    edge: float


def beam_of(resolved: Resolved[ExtractionStudy], species: str) -> MachineBeam:
    """The beam of the study, or the machine's for a species (one at this working point first). InputError for none."""
    if resolved.study.beam is not None and species == resolved.particle.species:
        return resolved.beams[0].beam
    same = [case for case in resolved.beams if case.particle.species == species]
    if same and resolved.study.beam is None:
        return max(same, key=lambda case: case.follows).beam
    known = [beam for beam in _beams(resolved.machine) if _species(resolved.machine, beam) == species]
    if not known:
        raise InputError(f"no beam of {species} is known of '{resolved.machine_name}': give the study a [beam] table")
    return known[0]


def _beams(machine: RingMachine | None) -> tuple[MachineBeam, ...]:
    return machine.beams if machine else ()


def _species(machine: RingMachine | None, beam: MachineBeam) -> str:
    return machine.working_point(beam.working_point).particle.species if machine else ""


def at_every_energy(
    resolved: Resolved[ExtractionStudy], own: Extraction, some: Sequence[ReferenceParticle] | None = None
) -> tuple[AtEnergy, ...]:
    """Each working point of the machine's range, and the study's own; that alone without a machine.

    ``some``: these working points alone, by the least, middle and largest of their momenta.
    """
    if some is None:
        return tuple(_at(particle, resolved, own) for particle in working_particles(resolved))
    return tuple(_at(particle, resolved, own, fewer=True) for particle in some)


def deciding(points: Sequence[AtEnergy]) -> tuple[ReferenceParticle, ...]:
    """The working points with the largest fields, the least step and the largest loss, each once."""
    worst = (
        max(points, key=lambda point: point.electric),
        min(points, key=lambda point: min(point.steps, default=inf)),
        max(points, key=lambda point: -inf if isnan(point.loss) else point.loss),
    )
    return tuple({id(one): one.particle for one in worst}.values())


def with_septum(points: Sequence[AtEnergy], own: Extraction) -> tuple[AtEnergy, ...]:
    """The same arms at a septum of another kick or other wires, where its wires stand as they did."""
    return tuple(
        replace(
            point,
            electric=_or_nan(electric_field, own.septum, point.particle),
            magnetic=_or_nan(magnetic_field, own.septum, point.particle),
            losses=_losses(own, point.cases, point.edge) if point.cases else point.losses,
            early=_early(own.septum, point.cases),
        )
        for point in points
    )


def working_particles(resolved: Resolved[ExtractionStudy]) -> tuple[ReferenceParticle, ...]:
    """Lowest, middle and highest energy of each species, with the study's particle in its place."""
    ranges = resolved.machine.energies if resolved.machine else {}
    found = [
        ReferenceParticle(species, kinetic_energy_per_u=energy)
        for species, (low, top) in ranges.items()
        for energy in dict.fromkeys((low, 0.5 * (low + top), top))
    ]
    others = [particle for particle in found if not _same(particle, resolved.particle)]
    order = [*ranges, resolved.particle.species]
    return tuple(
        sorted((resolved.particle, *others), key=lambda one: (order.index(one.species), one.kinetic_energy_per_u))
    )


def _same(first: ReferenceParticle, second: ReferenceParticle) -> bool:
    energies = (first.kinetic_energy_per_u, second.kinetic_energy_per_u)
    return first.species == second.species and bool(np.isclose(*energies, rtol=_SAME, atol=0.0))


def _at(
    particle: ReferenceParticle, resolved: Resolved[ExtractionStudy], own: Extraction, fewer: bool = False
) -> AtEnergy:
    fields = (_or_nan(electric_field, own.septum, particle), _or_nan(magnetic_field, own.septum, particle))
    try:
        beam = beam_of(resolved, particle.species)
        emittance = particle.geometric_emittance(beam.emittance_x)
        edge = beam.sigmas * sqrt(emittance)
        cases = _cases(particle, resolved, own, edge, fewer)
    except (InputError, NoSolution) as error:
        return AtEnergy(particle, *fields, reason=str(error))
    steps = tuple(case.arm.spiral_step for case in cases if case.arm)
    momenta = tuple(case.delta for case in cases)
    losses = _losses(own, cases, edge)
    early = _early(own.septum, cases)
    return AtEnergy(particle, *fields, emittance, momenta, steps, losses, early=early, cases=cases, edge=edge)


def _or_nan(field: Callable[[Septum, ReferenceParticle], float], septum: Septum, particle: ReferenceParticle) -> float:
    try:
        return field(septum, particle)
    except InputError:
        return nan


def _cases(
    particle: ReferenceParticle, resolved: Resolved[ExtractionStudy], own: Extraction, edge: float, fewer: bool
) -> tuple[Case, ...]:
    """The extracted momenta of a beam with its ``edge`` [m^1/2]; NoSolution when one has no arm at the wires."""
    if own.given or _same(particle, resolved.particle):
        return _with_arms(_fewer(own.cases) if fewer else own.cases)
    if own.steinbach is None:
        raise NoSolution("the extracted momenta are not known")
    ring = own.ring.with_particle(particle)
    found = own.steinbach.extracted_momenta(edge)
    momenta = _fewer(tuple(found)) if fewer else tuple(found)
    return _with_arms(tuple(case_at(ring, own.septum, float(delta), own.fringe) for delta in momenta))


def _fewer(values: tuple[T, ...]) -> tuple[T, ...]:
    """The first, the middle and the last."""
    return tuple(values[row] for row in dict.fromkeys((0, len(values) // 2, len(values) - 1)))


def _with_arms(cases: tuple[Case, ...]) -> tuple[Case, ...]:
    for case in cases:
        if case.arm is None:
            raise NoSolution(f"dp/p = {case.delta:.4g} has no arm at the wires: {case.reason}")
    return cases


def _losses(own: Extraction, cases: Sequence[Case], edge: float) -> Array:
    """Part that hits the wires, for each of the sampled stack with its amplitudes in proportion to the edge."""
    values = [wire_loss(own.septum, case.arm, case.delta) for case in cases if case.arm]
    if own.steinbach is None:
        return np.array(values)
    leaving = _leaving(own.steinbach, edge / own.edge)
    return np.asarray(np.interp(leaving, [case.delta for case in cases], values))


def _early(septum: Septum, cases: Sequence[Case]) -> float | None:
    hits = (case.delta for case in cases if case.arm and early_hit(septum, case.arm, case.delta))
    return next(hits, None)


def _leaving(found: Steinbach, scale: float) -> Array:
    momenta = leaving_momentum(found.table, scale * found.stack.amplitude, found.side)
    return np.asarray(momenta[np.isfinite(momenta)])


def without_steps(points: Sequence[AtEnergy]) -> Iterator[str]:
    """Each working point at which nothing is extracted, and why."""
    for point in points:
        if point.reason:
            yield f"{point.name}: {point.reason}"
