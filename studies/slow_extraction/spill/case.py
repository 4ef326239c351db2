"""The spill that an extraction study asks for: the waiting stack, each driver with its programme, the ripple."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from extraction.drivers.drivers import Driver, Ripple
from extraction.drivers.programmes import (
    core_programme,
    displacement_programme,
    knockout_programme,
    scaling_programme,
    sweep_programme,
)
from extraction.resonance.diagram import WaitingBeam
from extraction.resonance.stack import WaitingStack
from extraction.septum import Septum
from extraction.spill.waiting_beam import stack_beam
from lattice import InputError, Lattice, NoSolution, ReferenceParticle
from lattice.arrays import Array
from lattice.errors import did_you_mean
from studies.slow_extraction.facts import ExtractionFacts
from studies.slow_extraction.spec import ExtractionStudy
from studies.slow_extraction.spill.spec import SpillSpec


@dataclass(frozen=True, eq=False)
class SpillCase:
    """A spill to be tracked: the ``stack`` that waits, what the study asks for, and the ripple.

    ``parameter``: the family that sweeps the tune.
    """

    stack: WaitingStack
    septum: Septum
    spec: SpillSpec
    seed: int
    parameter: str
    ripple: tuple[Ripple, ...]

    @property
    def ring(self) -> Lattice:
        """The ring."""
        return self.stack.ring

    @property
    def particle(self) -> ReferenceParticle:
        """The reference particle."""
        return self.stack.particle

    @property
    def fringe(self) -> str:
        """Model of the bends' edges."""
        return self.stack.fringe

    @property
    def turns(self) -> int:
        """Turns of the whole spill."""
        return max(1, round(self.spec.duration_s / self.stack.revolution_time))

    @property
    def speed(self) -> float:
        """dp/p per second at which the stack moves on average."""
        return self.stack.reach / self.spec.duration_s

    def beam_for(self, driver: str, count: int) -> Array:
        """The beam (count, 6) that a driver works on: RF knock-out has a narrower stack."""
        width = self.spec.knockout.momentum_spread if driver == "rf-knockout" else None
        return stack_beam(self.stack, count, seed=self.seed, width=width)

    def driver(self, name: str, duration: float) -> Driver:
        """A driver with its own programme over ``duration`` [s]."""
        return _MAKERS[name](self, duration)


def spill_case(facts: ExtractionFacts) -> SpillCase:
    """What the study tracks; NoSolution where it is not known where the stack waits, InputError for wrong names."""
    study: ExtractionStudy = facts.optics.resolved.study
    spec = study.spill
    assert spec is not None
    if facts.steinbach is None:
        raise NoSolution(f"where the stack waits is not known: {facts.no_steinbach}")
    particle, beam = facts.optics.optics.particle, facts.beam
    emittances = (particle.geometric_emittance(beam.emittance_x), particle.geometric_emittance(beam.emittance_y))
    return SpillCase(
        stack=WaitingStack(
            ring=facts.ring,
            particle=particle,
            at=facts.septum.at,
            diagram=facts.steinbach,
            beam=WaitingBeam(emittances, beam.momentum_spread, beam.sigmas),
            fringe=facts.fringe,
        ),
        septum=facts.septum,
        spec=spec,
        seed=study.seed,
        parameter=spec.sweep_parameter or facts.scans.tune_family,
        ripple=tuple(Ripple(one.parameter, one.lines) for one in spec.ripple),
    )


def check_names(ring: Lattice, spec: SpillSpec) -> None:
    """InputError, with the key, for a parameter or element that the ring does not have."""
    named = [(f"spill.ripple.{i}.parameter", ripple.parameter) for i, ripple in enumerate(spec.ripple)]
    named += [("spill.sweep_parameter", spec.sweep_parameter)] if spec.sweep_parameter else []
    for key, name in named:
        if name not in ring.parameters:
            raise InputError(f"{key}: '{ring.name}' has no parameter '{name}'{did_you_mean(name, ring.parameters)}")
    element = spec.knockout.at
    if element is not None and element not in ring.names:
        raise InputError(
            f"spill.knockout.at: '{ring.name}' has no element '{element}'{did_you_mean(element, ring.names)}"
        )


def _knockout(case: SpillCase, duration: float) -> Driver:
    spec = case.spec.knockout
    return knockout_programme(
        case.stack,
        duration,
        width=spec.momentum_spread,
        at=spec.at,
        tune=spec.tune,
        bandwidth=spec.bandwidth,
        excitation=spec.excitation,
        period=spec.period_s,
        seed=case.seed,
    )


def _displacement(case: SpillCase, duration: float) -> Driver:
    spec = case.spec.buckets
    return displacement_programme(case.stack, duration, sweeps=spec.sweeps, harmonic=spec.harmonic, volt=spec.volt)


_MAKERS: Mapping[str, Callable[[SpillCase, float], Driver]] = {
    "betatron-core": lambda case, duration: core_programme(case.stack, duration),
    "constant-optics": lambda case, duration: scaling_programme(case.stack, duration),
    "tune-sweep": lambda case, duration: sweep_programme(case.stack, duration, case.parameter),
    "rf-knockout": _knockout,
    "phase-displacement": _displacement,
}
