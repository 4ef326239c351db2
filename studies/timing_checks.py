"""Published numbers of real machines beside what the models of the comparison give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from studies.delivery import Timeline
from studies.switching_schema import SwitchingComparisonStudy
from studies.treatment import DoseModel, SpotPlan, Target, Treatment, planned

_ELEMENTARY_CHARGE = 1.602176634e-19  # C, exact


@dataclass(frozen=True)
class Check:
    """``what`` was compared: ``value`` here, ``low`` to ``high`` published by ``source``, in ``unit``."""

    what: str
    value: float
    low: float
    high: float
    unit: str
    source: str

    @property
    def met(self) -> bool:
        """True when the value lies within what is published."""
        return self.low <= self.value <= self.high


def checks(
    study: SwitchingComparisonStudy, treatment: Treatment, timelines: Mapping[str, Timeline]
) -> tuple[Check, ...]:
    """The checks that this study allows."""
    del treatment, timelines
    litre = Target(0.10, 0.20, 0.10, 2.0)
    plan = SpotPlan(3e-3, 5e-3, 0.0)
    model = DoseModel(study.dose.straggling, study.dose.energy_spread, 0.012)
    protons = planned("proton", litre, (60.0, 250.0), model, plan)
    current = protons.particles.sum() * _ELEMENTARY_CHARGE / 60.0
    synchrotron = study.synchrotron
    found = [
        Check("energies for 10 cm of depth at 3 mm", float(protons.layers), 33, 35, "1",
              "R = 0.0022 E^1.77 cm; 34 in treatment planning"),
        Check("mean proton current for 2 Gy a minute in one litre", current * 1e9, 0.33, 0.56, "nA",
              "clinical need, proton therapy"),
        Check("change of energy, one a cycle", synchrotron.change_s, 1.0, 2.0, "s",
              "MedAustron: 1 to 2 s between spills"),
        Check("step within a spill", synchrotron.step_s, 0.1, 0.2, "s", "HIMAC, Iwata et al. 2010"),
    ]  # fmt: skip
    if study.linac is not None:
        found.append(
            Check("change of energy, linac", study.linac.change_s, 1 / study.linac.repetition_Hz, 0.2, "s",
                  "one pulse at 200 Hz, 5 ms; beam lines 0.1 s and more")
        )  # fmt: skip
    if study.cyclotron is not None:
        found.append(
            Check("change of energy, degrader", study.cyclotron.change_s, 0.05, 1.0, "s", "0.05 to 1 s published")
        )
    return tuple(replace(check, value=float(f"{check.value:.6g}")) for check in found)
