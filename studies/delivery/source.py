"""The beam that enters the line at every energy: its particles, their second moments, and where they meet the axis."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from extraction import Septum, track_spill
from extraction.drivers.programmes import core_programme
from extraction.junction import ExtractedBeam, Junction, extracted_beam
from extraction.resonance.diagram import WaitingBeam, steinbach_of
from extraction.resonance.stack import WaitingStack
from extraction.spill.waiting_beam import stack_beam
from lattice import InputError, Lattice, ReferenceParticle
from lattice.arrays import Array
from machines.registry import ring_named
from machines.rings.machine import RingMachine, WorkingPoint
from optics import Moments
from studies.delivery.resolution import ResolvedDelivery

LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Source:
    """What enters the line: ``states`` (n, 6) at its entrance at the energy of ``particle``, in the line's frame.

    At another energy the vertical emittance shrinks as 1/(beta gamma), and (where ``both``) the horizontal one too:
    the width of an extracted bar is that of the spiral step, which normalised strengths keep.
    ``beam`` and ``junction``: of a spill, with the ``ring`` and its ``septum``. What a ring extracts is ``level``: ring
    and stack are the same in the mirror of the midplane, so that what a sample has in common between y and the other
    coordinates is chance.
    """

    states: Array
    particle: ReferenceParticle
    both: bool
    told: str
    level: bool = False
    beam: ExtractedBeam | None = None
    junction: Junction | None = None
    ring: Lattice | None = None
    septum: Septum | None = None

    def at(self, particle: ReferenceParticle) -> Array:
        """Particles (n, 6) that enter at another energy."""
        return np.asarray(self.states * self._scale(particle))

    def moments(self, particle: ReferenceParticle) -> Moments:
        """All second moments of these about their mean, which lies on the axis."""
        sigma = Moments.of_particles(particle, self.at(particle)).sigma.copy()
        if self.level:
            sigma[np.ix_(_UPRIGHT, _LEVEL)] = sigma[np.ix_(_LEVEL, _UPRIGHT)] = 0.0
        return Moments(particle, sigma)

    def _scale(self, particle: ReferenceParticle) -> Array:
        shrunk = np.sqrt(self.particle.beta * self.particle.gamma / (particle.beta * particle.gamma))
        x = shrunk if self.both else 1.0
        return np.array([x, x, shrunk, shrunk, 1.0, 1.0])


_UPRIGHT, _LEVEL = [2, 3], [0, 1, 4, 5]  # y and py, and what a mirror of the midplane leaves


def source_of(resolved: ResolvedDelivery) -> Source:
    """The source that a study asks for. Raises what tracking a spill raises; InputError where nothing fits."""
    return _SOURCES[resolved.study.source.kind](resolved)


def _of_functions(resolved: ResolvedDelivery) -> Source:
    study, spec = resolved.study, resolved.study.source
    particle = resolved.particles[0]
    scale = 1e-6 / (particle.beta * particle.gamma)
    assert spec.normalised_emittance_x_um is not None
    assert spec.normalised_emittance_y_um is not None
    if spec.functions is not None:
        functions, told = spec.functions.model_dump(), "the study's functions"
    else:
        assert resolved.machine is not None
        entering = resolved.machine.entering(study.particle)
        functions, told = dict(entering.functions), f"the functions of {entering.source}"
    moments = Moments.from_functions(
        particle,
        functions,
        emittance_x=spec.normalised_emittance_x_um * scale,
        emittance_y=spec.normalised_emittance_y_um * scale,
        sigma_delta=spec.rms_momentum_spread,
    )
    return Source(_exact(moments, study.particles, study.seed), particle, both=True, told=told)


def _exact(moments: Moments, count: int, seed: int) -> Array:
    """A Gaussian sample whose second moments are those asked for, not those of a sample: whitened, then coloured."""
    drawn = moments.sample(count, seed=seed)
    drawn = drawn - drawn.mean(axis=0)
    used = np.flatnonzero(np.diagonal(moments.sigma) > 0)
    some = np.ix_(used, used)
    here = np.linalg.cholesky(drawn[:, used].T @ drawn[:, used] / count)
    there = np.linalg.cholesky(moments.sigma[some] + 1e-14 * np.diag(np.diagonal(moments.sigma)[used]))
    states = np.zeros_like(drawn)
    states[:, used] = np.linalg.solve(here, drawn[:, used].T).T @ there.T
    return np.asarray(states)


def _of_spill(resolved: ResolvedDelivery) -> Source:
    spec, line = resolved.study.source, resolved.machine
    assert line is not None
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
    )
    beam = extracted_beam(ring, septum, spill, resolved.study.model.fringe)
    told = f"{len(beam.states)} particles that {machine.title} extracts at '{point.name}', tracked by our maps"
    return Source(
        states=at_its_own_momentum(beam.coordinates()),
        particle=ring.particle or point.particle,
        both=False,
        told=told,
        level=True,
        beam=beam,
        junction=beam.junction,
        ring=ring,
        septum=septum,
    )


def at_its_own_momentum(states: Array) -> Array:
    """The states (n, 6) with their mean momentum for reference: a line's magnets are set for what is extracted.

    (1 + delta) and the slopes' momenta over 1 + mean delta.
    """
    mean = 1.0 + states[:, 5].mean()
    found = np.array(states)
    found[:, [1, 3]] /= mean
    found[:, 5] = (1.0 + states[:, 5]) / mean - 1.0
    return found


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


_DRAWN = 200  # particles of the diagram that tells where the stack waits

#: How a source is made, by its kind.
_SOURCES: dict[str, Callable[[ResolvedDelivery], Source]] = {"spill": _of_spill, "functions": _of_functions}
