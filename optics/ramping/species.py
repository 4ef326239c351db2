"""One species through a ring: the cycle, the steps within a spill and the RF at all of its energies."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lattice import ReferenceParticle
from lattice.arrays import Array
from optics.closed import closed
from optics.ramping.acceleration import RF_COLUMNS, RingRF, check_transition, ramp_programme
from optics.ramping.circuits import Circuit, field_overloads, overloads, refuse
from optics.ramping.cycle import CyclePlan, check_ramp, cycle_times
from optics.ramping.steps import StepPlan, step_times


@closed
@dataclass(frozen=True, eq=False)
class SpeciesCycle:
    """One species: its particles, circuits, and the times of cycle and steps, row by row as ``energies`` [MeV/u].

    ``rf``: ``rf_programme`` of the ramp to the highest energy, no rows where a supply cannot hold its current and never
    gets there. ``overloads``: ratings that do not do, in words. ``cavity``, ``plan``, ``step_plan``: what the times of
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
    overloads: tuple[str, ...] = ()

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
    field_ratings: Sequence[float | None] | None = None,
    judged: Collection[str] = (),
) -> SpeciesCycle:
    """Cycle, steps and RF of ``particles`` of one species, energies rising; ``bucket_area`` [eV s per nucleon].

    ``field_ratings``: of each circuit, None where it has none. NoSolution, naming the energies, where ``wanted_ramp``
    [s] or a rating is not met or transition is crossed; ratings of a kind (``Overload.kind``) that is ``judged`` by the
    caller are told in ``overloads`` instead.
    """
    top, energies = particles[-1], np.array([p.kinetic_energy_per_u / 1e6 for p in particles])
    fields = field_overloads(circuits, field_ratings or [None] * len(circuits), energies)
    over = [*fields, *overloads(circuits, energies)]
    refuse(one for one in over if one.kind not in judged)
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
        rf=_programme(cavity, injection, top, times, plan, bucket_area),
        cavity=cavity,
        plan=plan,
        step_plan=steps,
        overloads=tuple(one.told for one in over),
    )


def _programme(
    cavity: RingRF,
    injection: ReferenceParticle,
    top: ReferenceParticle,
    times: pd.DataFrame,
    plan: CyclePlan,
    area: float,
) -> pd.DataFrame:
    """RF of the ramp to the top; no rows where it has no end."""
    ramp = float(times["ramp"].iloc[-1])
    if not np.isfinite(ramp):
        return pd.DataFrame(columns=list(RF_COLUMNS), dtype=float)
    return ramp_programme(cavity, injection, top, ramp=ramp, rounding=plan.rounding, area=area * top.nucleons)
