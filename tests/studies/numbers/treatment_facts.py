"""A treatment of three layers and the machines that deliver it, with round numbers that nobody computed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd

from lattice.arrays import Array
from optics.matter.layers import Target, Treatment
from studies.spec.builtin import study_path
from studies.spec.study_file import load_study
from studies.treatment.facts import CYCLES, CYCLOTRON, LINAC, STEPS, ComparisonFacts, Machines
from studies.treatment.machines import ComputedLinac, ComputedRing
from studies.treatment.spec import SwitchingComparisonStudy
from studies.treatment.timeline import BEAM, CHANGE, GATE, MOVES, REFILL, Timeline
from studies.treatment.timing_checks import ASSUMED, CASE, COMPUTED, Check
from tests.studies.numbers.switching_facts import EXTRACTED

NOTHING = cast(Any, None)
#: What the study says: moves of 5 mm take 1.5 ms.
ROUND = (
    "target.species=proton",
    "scanning.speed_m_per_s=10.0",
    "scanning.overhead_s=0.001",
    "scanning.repaints=1",
    "scanning.volumetric=false",
    "scanning.gate_duty=1.0",
    "synchrotron.particles_per_spill.proton=4e8",
    "synchrotron.spill_s=1.0",
    "synchrotron.flat_top_s=10.0",
    "synchrotron.step_loss=0.1",
    "synchrotron.least_of_layer=0.2",
    "synchrotron.energies_per_spill=2",
    "synchrotron.isocentre_beta_m=4.0",
    "linac.largest_particles_per_pulse=1e7",
    "linac.pulses_per_spot=1",
    "linac.isocentre_beta_m=9.0",
    "cyclotron.rate_per_s=1e10",
    "cyclotron.upper_MeV_per_u=250.0",
    "cyclotron.exponent=2.0",
    "cyclotron.largest_rate_per_s=2e9",
    "cyclotron.change_s=0.4",
    "cyclotron.energy_spread=0.005",
    "cyclotron.emittance_um=5.0",
    "cyclotron.isocentre_beta_m=16.0",
    "isocentre.nozzle_mm=0.0",
)


def study(*changes: str) -> SwitchingComparisonStudy:
    path = study_path("switching-comparison")
    assert path is not None
    found = load_study(path, [*ROUND, *changes])
    assert isinstance(found, SwitchingComparisonStudy)
    return found


def treatment(level: tuple[float, float] = (0.96, 1.03)) -> Treatment:
    """Deepest first: 120, 100, 80 MeV with 2, 1 and 0.5 times 1e8 protons on 11 spots."""
    return Treatment(
        species="proton",
        target=Target(0.05, 0.10, 0.05, 2.0),
        energies=np.array([120.0, 100.0, 80.0]),
        ranges=np.array([0.107, 0.077, 0.052]),
        particles=np.array([2e8, 1e8, 0.5e8]),
        spots=11,
        spot_spacing=5e-3,
        level=level,
        depths=np.zeros(1),
        dose=np.zeros(1),
        broken_up=0.12,
    )


def ring(up: bool = False) -> ComputedRing:
    """Changes to 80, 100, 120 MeV of 1, 2, 3 s; steps between neighbours of 0.1 and 0.2 s."""

    def times_at(energies: Array) -> tuple[Array, Array]:
        return energies / 20.0 - 3.0, energies[1:] / 200.0 - 0.4

    spec = EXTRACTED.model_copy(update={"species": "proton"})
    cycle = SimpleNamespace(
        species="proton", energies=np.array([70.0, 130.0]), times_at=times_at, step_plan=SimpleNamespace(up=up)
    )
    return ComputedRing("a ring", cast(Any, SimpleNamespace(cycles=(cycle,), study=SimpleNamespace(extracted=(spec,)))))


def linac() -> ComputedLinac:
    """Pulses at 200 Hz; a change takes a second for each GeV that it begins at; 3e7, 5e6, 2e6 protons a pulse."""
    beams = pd.DataFrame(
        {
            "energy": [120.0, 100.0, 80.0],
            "spread": [1e-3, 2e-3, 3e-3],
            "transmission": [0.9, 0.8, 0.7],
            "emittance_x": [1e-7, 2e-7, 3e-7],
            "emittance_y": [4e-7, 5e-7, 6e-7],
        }
    )
    machine = SimpleNamespace(pulse=SimpleNamespace(repetition=200.0), change_time=lambda begin, end: begin / 1e9)
    return ComputedLinac("a linac", cast(Any, machine), beams, np.array([3e7, 5e6, 2e6]))


def machines(up: bool = False) -> Machines:
    return Machines(ring(up), linac(), {})


def timeline(title: str, *seconds: float, **counts: float) -> Timeline:
    spent = dict(zip((BEAM, MOVES, CHANGE, REFILL, GATE), seconds, strict=True))
    return Timeline(title, spent, (1.0, 2.0), counts)


TIMELINES = {
    CYCLES: timeline("ring, cycles", 1.0, 2.0, 40.0, 8.0, 0.5, spills=9.0),
    STEPS: timeline("ring, steps", 1.5, 2.5, 3.0, 20.0, 0.25, spills=4.0),
    LINAC: timeline("linac", 11.0, 0.125, 4.0, 0.0, 1.0, pulses=2200.0),
    CYCLOTRON: timeline("cyclotron", 6.0, 7.0, 5.0, 0.0, 2.0),
}
#: Spots from 3.0 to 7.9 mm: the least is farther from 5.5 mm than the largest.
BEAMS = pd.DataFrame(
    {
        "machine": ["synchrotron", "linac", "cyclotron"],
        "energy": [100.0, 90.0, 80.0],
        "spread": [1e-3, 4e-3, 2.5e-3],
        "emittance_x": [1e-6, 2e-6, 3e-6],
        "emittance_y": [4e-6, 5e-6, 6e-6],
        "spot_x": [7.9e-3, 5.1e-3, 4.1e-3],
        "spot_y": [6.2e-3, 3.0e-3, 5.2e-3],
        "arriving": [0.9, 1.0, 1.0],
    }
)
CHECKS = (
    Check("above", 3.0, 1.0, 2.0, "s", "source a"),
    Check("below", 0.5, 1.0, 2.0, "ms", "source b", COMPUTED),
    Check("within", 1.5, 1.0, 2.0, "%", "source c"),
    Check("another case", 9.0, 1.0, 2.0, "1", "source d", CASE),
    Check("an assumption", 9.0, 1.0, 2.0, "1", "source e", ASSUMED),
)


def facts(**changes: Any) -> ComparisonFacts:
    given: dict[str, Any] = {
        "resolved": NOTHING,
        "study": NOTHING,
        "treatment": treatment(),
        "machines": Machines(None, None, {}),
        "timelines": TIMELINES,
        "beams": BEAMS,
        "sensitivity": pd.DataFrame(),
        "several": pd.DataFrame(),
        "checks": CHECKS,
    }
    return ComparisonFacts(**{**given, **changes})
