"""The beam that a ring extracts into a line, tracked over its wires."""

from __future__ import annotations

from dataclasses import replace

from extraction import Septum, track_spill
from extraction.drivers.programmes import core_programme
from extraction.junction import extracted_beam
from extraction.resonance.diagram import WaitingBeam, steinbach_of
from extraction.resonance.stack import WaitingStack
from extraction.spill.waiting_beam import stack_beam
from lattice import InputError, Lattice
from machines.registry import ring_named
from machines.rings.machine import RingMachine, WorkingPoint
from studies.delivery.entering.source import Source, at_its_own_momentum
from studies.delivery.resolution import ResolvedDelivery
from studies.runs.logs import LOGGER, shows_progress

_LEVEL = ((0, 1, 4, 5), (2, 3))  # what a mirror of the midplane leaves: y and py have nothing in common with the rest
_BAR = (
    "The bar in x and the momenta are those of the spill tracked, at every energy: the normalised strengths of "
    "the ring, and so the spiral step, are the same; the vertical emittance shrinks as 1/(beta gamma)."
)
_DRAWN = 200  # particles of the diagram that tells where the stack waits


def of_spill(resolved: ResolvedDelivery) -> Source:
    """What is extracted at the working point asked for. Raises what tracking a spill raises."""
    spec, line = resolved.study.source, resolved.machine
    if line is None or not line.ring:
        raise InputError("source.kind: a spill enters a line that begins at a ring; this line does not")
    machine = ring_named(line.ring)
    point = _working_point(machine, resolved)
    ring = machine.lattice(point.name)
    septum = Septum.of(ring, machine.places["electrostatic_septum"], magnetic=line.ring_place)
    septum = replace(septum, angle=1e-3 * spec.septum_angle_mrad)
    stack = _stack(machine, ring, point, septum, resolved.study.model.fringe)
    LOGGER.info("%d particles of %s extracted over %d turns", spec.particles, point.name, spec.turns)
    spill = track_spill(
        ring,
        None,
        stack_beam(stack, spec.particles, seed=resolved.study.seed),
        core_programme(stack, spec.turns * stack.revolution_time),
        septum,
        turns=spec.turns,
        seed=resolved.study.seed,
        fringe=resolved.study.model.fringe,
        progress=shows_progress(),
    )
    beam = extracted_beam(ring, septum, spill, resolved.study.model.fringe)
    told = f"{len(beam.states)} particles extracted at '{point.name}' ({machine.title}), tracked by our maps"
    return Source(
        states=at_its_own_momentum(beam.coordinates()),
        particle=ring.particle or point.particle,
        told=told,
        assumed=_BAR,
        shrinking="y",
        apart=_LEVEL,
        beam=beam,
        junction=beam.junction,
        ring=ring,
        septum=septum,
    )


def _working_point(machine: RingMachine, resolved: ResolvedDelivery) -> WorkingPoint:
    """The one asked for, or the first extraction of the species."""
    asked, species = resolved.study.source.working_point, resolved.study.particle
    if asked is not None:
        point = machine.working_point(asked)
        if point.particle.species != species:
            raise InputError(f"source.working_point '{asked}' is of {point.particle.species}, the study of {species}")
        return point
    found = [p for p in machine.working_points.values() if p.particle.species == species and "extraction" in p.name]
    if not found:
        raise InputError(f"{machine.name} has no extraction of {species}: give source.working_point")
    return found[0]


def _stack(machine: RingMachine, ring: Lattice, point: WorkingPoint, septum: Septum, fringe: str) -> WaitingStack:
    """The stack that waits, below the resonance."""
    particle, species = point.particle, point.particle.species
    beams = [one for one in machine.beams if machine.working_point(one.working_point).particle.species == species]
    own = [one for one in beams if one.working_point == point.name]
    if not beams:
        raise InputError(f"no beam of {species} is known of '{machine.name}'")
    beam = (own or beams)[0]
    emittances = (particle.geometric_emittance(beam.emittance_x), particle.geometric_emittance(beam.emittance_y))
    waiting = WaitingBeam(emittances, beam.momentum_spread, beam.sigmas)
    diagram = steinbach_of(ring, particle, septum.at, waiting, side=-1.0, count=_DRAWN, seed=1, fringe=fringe)
    return WaitingStack(ring, particle, septum.at, diagram, waiting, fringe)
