"""One species through a ring: the cycle, the steps within a spill and the RF at all of its energies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lattice import ReferenceParticle
from lattice.arrays import Array
from optics.closed import closed
from optics.ramping.acceleration import RingRF, check_transition, ramp_programme
from optics.ramping.circuits import Circuit, check_ratings
from optics.ramping.cycle import CyclePlan, check_ramp, cycle_times
from optics.ramping.steps import StepPlan, step_times


@closed
@dataclass(frozen=True, eq=False)
class SpeciesCycle:
    """One species: its particles, circuits, and the times of cycle and steps, row by row as ``energies`` [MeV/u].

    ``rf``: ``rf_programme`` of the ramp to the highest energy. ``cavity``, ``plan``, ``step_plan``: what the times of
    other energies are computed with.
    """

    species: str
    energies: Array
    particles: list[ReferenceParticle]
    injection: ReferenceParticle
    circuits: tuple[Circuit, ...]
    times: pd.DataFrame
    steps: pd.DataFrame
    rf: pd.DataFrame
    cavity: RingRF
    plan: CyclePlan
    step_plan: StepPlan

    def times_at(self, energies: Array) -> tuple[Array, Array]:
        """Times [s] of the change to the rising ``energies`` [MeV/u], and of the step between each and the next.

        Fields of the circuits by interpolation in the rigidity (``Circuit.at``).
        """
        particles = [ReferenceParticle(self.species, kinetic_energy_per_u=float(e) * 1e6) for e in energies]
        rigidities = np.array([particle.magnetic_rigidity for particle in particles])
        known = np.array([particle.magnetic_rigidity for particle in self.particles])
        circuits = [circuit.at(known, rigidities) for circuit in self.circuits]
        changes = cycle_times(circuits, particles, self.injection, self.cavity, self.plan)["change"]
        steps = step_times(circuits, particles, self.cavity, self.plan, self.step_plan)["step"]
        return changes.to_numpy(), steps.to_numpy()


def species_cycle(
    particles: Sequence[ReferenceParticle],
    injection: ReferenceParticle,
    circuits: Sequence[Circuit],
    cavity: RingRF,
    *,
    plan: CyclePlan,
    steps: StepPlan,
    bucket_area: float,
    wanted_ramp: float | None = None,
) -> SpeciesCycle:
    """Cycle, steps and RF of ``particles`` of one species, energies rising; ``bucket_area`` [eV s per nucleon].

    NoSolution, naming the energies, where a rating or ``wanted_ramp`` [s] is not met or transition is crossed.
    """
    top, energies = particles[-1], np.array([p.kinetic_energy_per_u / 1e6 for p in particles])
    check_ratings(circuits, energies)
    check_transition(cavity, injection, top)
    times = cycle_times(circuits, particles, injection, cavity, plan)
    check_ramp(times, energies, wanted_ramp)
    return SpeciesCycle(
        species=top.species,
        energies=energies,
        particles=list(particles),
        injection=injection,
        circuits=tuple(circuits),
        times=times,
        steps=step_times(circuits, particles, cavity, plan, steps),
        rf=ramp_programme(
            cavity,
            injection,
            top,
            ramp=float(times["ramp"].iloc[-1]),
            rounding=plan.rounding,
            area=bucket_area * top.nucleons,
        ),
        cavity=cavity,
        plan=plan,
        step_plan=steps,
    )
