"""The spill that an extraction study asks for: the waiting beam, each driver with its programme, the ripple.

A driver's own programme moves the whole stack through the resonance, from its near edge (the largest amplitudes leave
first) to its far one, evenly in time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import pi, sqrt
from typing import Any

import numpy as np

from extraction.drivers.drivers import (
    BetatronCore,
    ConstantOptics,
    Driver,
    PhaseDisplacement,
    RFKnockout,
    Ripple,
    TuneSweep,
)
from extraction.resonance.diagram import Steinbach
from extraction.resonance.steinbach import leaving_momentum
from extraction.septum import Septum
from extraction.spill.waiting_beam import waiting_beam
from lattice import InputError, Kicker, Lattice, Marker, Monitor, NoSolution, ReferenceParticle, RFCavity
from lattice.arrays import Array
from lattice.errors import did_you_mean
from lattice.reference import SPEED_OF_LIGHT
from optics import Beam, twiss
from studies.slow_extraction.facts import ExtractionFacts
from studies.slow_extraction.spec import ExtractionStudy
from studies.slow_extraction.spill.spec import SpillSpec

_MARGIN = 1.03  # of the way that brings the last particle to the resonance
_STEP = 1e-4  # relative change of a parameter in a difference
_HEATING = 2.1  # growth of <A^2> over the stable one that leaves 5 % of a diffusing beam behind
_BUCKET = 8 / (2 * pi)  # displacement by one sweep over the half height of the bucket: its area is 8 half heights


@dataclass(frozen=True, eq=False)
class SpillCase:
    """A spill to be tracked. ``reach``: momentum by which the stack has to move; ``emittances`` are geometric [m]."""

    ring: Lattice
    particle: ReferenceParticle
    fringe: str
    septum: Septum
    spec: SpillSpec
    seed: int
    stack: Steinbach
    reach: float
    emittances: tuple[float, float]
    width: float
    sigmas: float
    parameter: str
    ripple: tuple[Ripple, ...]

    @property
    def revolution_time(self) -> float:
        """Of the reference particle [s]."""
        return float(self.ring.length) / (self.particle.beta * SPEED_OF_LIGHT)

    @property
    def turns(self) -> int:
        """Turns of the whole spill."""
        return max(1, round(self.spec.duration_s / self.revolution_time))

    @property
    def speed(self) -> float:
        """dp/p per second at which the stack moves on average."""
        return self.reach / self.spec.duration_s

    @property
    def edge(self) -> float:
        """Momentum at which the largest amplitude leaves: the near end of the stack."""
        return float(leaving_momentum(self.stack.table, np.array([self.edge_amplitude]), self.stack.side)[0])

    @property
    def edge_amplitude(self) -> float:
        """Largest amplitude [m^1/2]."""
        return self.sigmas * sqrt(self.emittances[0])

    def beam(self, count: int, width: float | None = None, seed: int | None = None) -> Array:
        """Coordinates (count, 6) of the stack, its near edge where the largest amplitude is just stable."""
        full = self.width if width is None else width
        centre = self.edge + self.stack.side * full / 2
        one = Beam(self.particle, emittance_x=self.emittances[0], emittance_y=self.emittances[1], delta=centre)
        return waiting_beam(
            self.ring, one, count, seed=self.seed if seed is None else seed, full_width=full, cut=self.sigmas,
            fringe=self.fringe,
        )  # fmt: skip

    def beam_for(self, driver: str, count: int) -> Array:
        """The beam that a driver works on: RF knock-out has a narrower stack."""
        return self.beam(count, self.spec.knockout.momentum_spread if driver == "rf-knockout" else None)

    def driver(self, name: str, duration: float) -> Driver:
        """A driver with its own programme over ``duration`` [s]."""
        return _MAKERS[name](self, duration)

    def main_driver(self) -> Driver:
        """The study's driver, with the study's programme if it gives one."""
        made = self.driver(self.spec.driver, self.spec.duration_s)
        if self.spec.programme is None:
            return made
        settings: dict[str, Any] = {**_fields(made), "programme": self.spec.programme}
        return type(made)(**settings)


def spill_case(facts: ExtractionFacts) -> SpillCase:
    """What the study tracks; NoSolution where it is not known where the stack waits, InputError for wrong names."""
    study: ExtractionStudy = facts.optics.resolved.study
    spec = study.spill
    assert spec is not None
    found = facts.steinbach
    if found is None:
        raise NoSolution(f"where the stack waits is not known: {facts.no_steinbach}")
    optics = facts.optics.optics
    relativistic = optics.particle.beta * optics.particle.gamma
    emittances = facts.beam.emittance_x / relativistic, facts.beam.emittance_y / relativistic
    width = facts.beam.momentum_spread or 1e-3
    amplitude = facts.beam.sigmas * sqrt(emittances[0])
    edge = float(leaving_momentum(found.table, np.array([amplitude]), found.side)[0])
    reach = _MARGIN * (found.resonant - (edge + found.side * width))
    return SpillCase(
        ring=facts.ring,
        particle=optics.particle,
        fringe=facts.fringe,
        septum=facts.septum,
        spec=spec,
        seed=study.seed,
        stack=found,
        reach=reach,
        emittances=emittances,
        width=width,
        sigmas=facts.beam.sigmas,
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
    element = spec.knockout.element
    if element is not None and element not in ring.names:
        raise InputError(
            f"spill.knockout.element: '{ring.name}' has no element '{element}'{did_you_mean(element, ring.names)}"
        )


def _fields(driver: Driver) -> dict[str, Any]:
    return {name: getattr(driver, name) for name in driver.__dataclass_fields__}


# ------------------------------------------------------------------------------------------------------- programmes


def _core(case: SpillCase, duration: float) -> Driver:
    return BetatronCore(((0.0, 0.0), (duration, case.reach)))


def _constant_optics(case: SpillCase, duration: float) -> Driver:
    return ConstantOptics(((0.0, 0.0), (duration, 1.0 / (1.0 + case.reach) - 1.0)))


def _tune_sweep(case: SpillCase, duration: float) -> Driver:
    """The tune moves by Q' times the way that the stack would: its far end then stands on the resonance."""
    if not case.parameter:
        raise InputError("no parameter of the ring moves the tune: give spill.sweep_parameter")
    here = float(case.ring.parameters[case.parameter])
    ends = [
        twiss(case.ring.with_parameters({case.parameter: here * (1 + sign * _STEP)}), fringe=case.fringe)
        for sign in (1, -1)
    ]
    slope = float(ends[0].qx - ends[1].qx) / (2 * _STEP * here)
    change = float(0.5 * (ends[0].dqx + ends[1].dqx)) * case.reach / slope
    return TuneSweep(case.parameter, ((0.0, here), (duration, here + change)))


def _knockout(case: SpillCase, duration: float) -> Driver:
    """Noise over the tunes of the stack, so strong that the mean square amplitude reaches the stable one.

    A kick of amplitude a, its power even over a band b of tunes, adds a^2 beta / (4 b) to <A^2> in a turn.
    """
    spec = case.spec.knockout
    optics = twiss(case.ring, fringe=case.fringe, chromatic=True)
    farthest = case.edge + case.stack.side * spec.momentum_spread
    low = float(optics.qx + optics.dqx * (farthest - 0.0)) % 1.0
    high = round(3 * float(optics.qx)) / 3 % 1.0
    tune, band = spec.tune or 0.5 * (low + high), spec.bandwidth or 1.4 * abs(high - low)
    place = spec.element or _exciter(case.ring, case.septum.at)
    beta = float(optics["betx"][case.ring.index(place)])
    table = case.stack.table.dropna(subset=["exact"]).sort_values("delta")
    stable = float(np.interp(farthest, table["delta"], table["exact"]))
    growth = _HEATING * stable**2 / (duration / case.revolution_time)
    kick = sqrt(4 * band * growth / beta)
    return RFKnockout(
        place, ((0.0, kick), (duration, kick)), tune, spec.excitation, band, spec.period_s, seed=case.seed
    )  # fmt: skip


def _exciter(ring: Lattice, septum: str) -> str:
    """An element without a field of its own where an exciter may stand, the one with a kicker's name first."""
    for kind in (Kicker, Monitor, Marker, RFCavity):
        for name, element in zip(ring.names[1:], ring.elements[1:], strict=False):
            if isinstance(element, kind) and name != septum:
                return name
    raise InputError("no kicker, monitor, marker or cavity where an exciter could stand: give spill.knockout.element")


def _displacement(case: SpillCase, duration: float) -> Driver:
    """Buckets that sweep against the way the stack has to go, as often as asked; between sweeps they jump back.

    A sweep displaces by the bucket's area over 2 pi: 8 half heights, half height sqrt(2 e V / (pi h |eta| beta^2 E)).
    """
    spec = case.spec.buckets
    optics = twiss(case.ring, fringe=case.fringe)
    particle = case.particle
    half = abs(case.reach) / spec.sweeps / _BUCKET
    energy = particle.beta**2 * particle.gamma * particle.mass
    volt = spec.volt or half**2 * pi * spec.harmonic * abs(float(optics.slip_factor)) * energy / (2 * particle.charge)
    way = 1.0 if case.reach > 0 else -1.0
    begin = case.stack.resonant + way * 4 * half
    end = case.edge + case.stack.side * case.width - way * 4 * half
    one, back = duration / spec.sweeps, 1e-6 * duration
    table = [
        pair for i in range(spec.sweeps) for pair in ((i * one + (back if i else 0.0), begin), ((i + 1) * one, end))
    ]
    return PhaseDisplacement(tuple(table), volt, spec.harmonic)


_MAKERS: Mapping[str, Callable[[SpillCase, float], Driver]] = {
    "betatron-core": _core,
    "constant-optics": _constant_optics,
    "tune-sweep": _tune_sweep,
    "rf-knockout": _knockout,
    "phase-displacement": _displacement,
}
