"""Facts of energy switching that nobody computed: two species, five energies, no two numbers the same."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd

from lattice import Lattice, Quadrupole, ReferenceParticle, Sextupole
from optics.ramping.acceleration import RingRF
from optics.ramping.circuits import Circuit, MagnetCircuit
from optics.ramping.cycle import PHASES, CyclePlan
from optics.ramping.energy_table import FieldErrors, Programme
from optics.ramping.field_error_fit import FieldErrorFit, Held
from optics.ramping.magnet_models import EddyCurrents, Excitation, Hysteresis, Supply
from optics.ramping.species import SpeciesCycle
from optics.ramping.steps import STEP_PARTS, StepPlan, left_by
from studies.energy_switching.facts import EngineSample, SwitchingFacts, TableFacts
from studies.energy_switching.spec import ExtractedBeamSpec
from studies.energy_switching.table_file import OperationalTable

NOTHING = cast(Any, None)
PROTONS = [ReferenceParticle("proton", kinetic_energy_per_u=energy) for energy in (60e6, 120e6)]
CARBON = [ReferenceParticle("carbon-12", kinetic_energy_per_u=energy) for energy in (120e6, 200e6, 300e6)]
#: Seconds that each ramp takes longer than its even part.
ROUNDING = 0.1

RING = Lattice(
    "ring",
    elements=[Quadrupole("q", length=0.5, k1="-kd"), Sextupole("s", length=0.2, k2="2 * s0")],
    parameters={"kd": 0.5, "s0": 1.0},
)


def circuits(bends: list[float], gradients: list[float], bend: float, gradient: float) -> tuple[Circuit, Circuit]:
    """Fields at extraction and injection. A bend has 1 mT an ampere, a gradient 10 mT/m, and is negative."""
    dipole = Supply(largest_current=2000.0, largest_voltage=1000.0, largest_slew=1e4, resistance=0.1, inductance=0.5)
    quadrupole = Supply(
        largest_current=500.0, largest_voltage=100.0, largest_slew=1e4, resistance=0.05, inductance=0.02
    )
    eddy, iron = EddyCurrents(1e-3, 0.01), Hysteresis(1e-4, 0.02)
    one = MagnetCircuit("bend", "T", Excitation(1e-3), dipole, eddy, iron)
    other = MagnetCircuit("kd", "T/m", Excitation(0.01), quadrupole, eddy, iron)
    return Circuit(one, bend, np.array(bends)), Circuit(other, gradient, np.array(gradients))


def times(ramps: list[float], changes: list[float]) -> pd.DataFrame:
    """Every part of every cycle is another number: row + column / 100, but the ramp and the change."""
    rows = np.arange(len(ramps))
    frame = pd.DataFrame({phase: 0.1 * rows + 0.01 * (k + 1) for k, phase in enumerate(PHASES)})
    return frame.assign(ramp=ramps, change=changes, slowest=["bend", "kd", "bend"][: len(ramps)])


def steps(totals: list[float], gradients: list[float], bends: list[float]) -> pd.DataFrame:
    rows = np.arange(len(totals))
    frame = pd.DataFrame({part: 0.2 * rows + 0.02 * (k + 1) for k, part in enumerate(STEP_PARTS)})
    return frame.assign(
        step=totals, hysteresis_quadrupole=gradients, hysteresis_bend=bends, **{left_by("kd"): gradients}
    )


def rf(voltages: list[float]) -> pd.DataFrame:
    rows = np.arange(len(voltages))
    columns = {"time": 0.5, "energy": 7e6, "frequency": 2e6, "phase": 11.0, "area": 0.3, "height": 1.5e-3}
    return pd.DataFrame({name: value * (1.0 + rows) for name, value in columns.items()} | {"voltage": voltages})


def cycle(particles: list[ReferenceParticle], up: bool, **parts: Any) -> SpeciesCycle:
    plan = CyclePlan(
        injection=0.1,
        rounding=ROUNDING,
        preparation=0.05,
        extraction=1.0,
        field_tolerance=1e-4,
        standardise=False,
        top_current=0.9,
        adiabaticity=0.3,
        capture_voltage=500.0,
    )
    return SpeciesCycle(
        species=particles[0].species,
        energies=np.array([particle.kinetic_energy_per_u / 1e6 for particle in particles]),
        particles=particles,
        injection=ReferenceParticle(particles[0].species, kinetic_energy_per_u=7e6),
        cavity=RingRF(77.6, 0.257, 1, 5000.0),
        plan=plan,
        step_plan=StepPlan(slew=0.5, preparation=0.05, loss=0.2, field_tolerance=1e-4, up=up),
        **parts,
    )


def proton_cycle() -> SpeciesCycle:
    """Currents 500 and 900 A from 100, -200 and -390 A from -40; even ramps of 0.9 and 1.5 s."""
    return cycle(
        PROTONS,
        up=True,
        circuits=circuits([0.5, 0.9], [-2.0, -3.9], 0.1, -0.4),
        times=times([1.0, 1.6], [1.2, 1.9]),
        steps=steps([0.21], [3e-4], [1e-4]),
        rf=rf([100.0, 400.0]),
    )


def carbon_cycle() -> SpeciesCycle:
    """Currents 400, 800, 1500 A from 200, -100 to -300 A from -50; even ramps of 0.9, 1.3 and 2.0 s."""
    return cycle(
        CARBON,
        up=False,
        circuits=circuits([0.4, 0.8, 1.5], [-1.0, -2.0, -3.0], 0.2, -0.5),
        times=times([1.0, 1.4, 2.1], [1.1, 1.7, 1.5]),
        steps=steps([0.31, 0.18], [1e-4, 2e-4], [5e-5, 4e-4]),
        rf=rf([700.0, 300.0, 50.0]),
    )


#: Value minus goal of everything that is held, and the goals.
OFF = {
    "qx": [1e-5, -3e-5, 2e-5, 0.0, 1e-5],
    "qy": [2e-5, 1e-5, -5e-5, 0.0, 3e-5],
    "dx@symp": [1e-3, -2e-3, 0.0, 5e-4, 1e-4],
    "virtual_sextupole@es": [0.1, 0.2, -0.4, 0.3, 0.0],
    "hardt_residual@es": [0.01, -0.02, 0.005, 0.0, 0.015],
}
GOALS = {"qx": 1.666, "qy": 1.74, "dx@symp": 0.5, "virtual_sextupole@es": 11.0, "hardt_residual@es": 0.25}


def programme(*names: str) -> Programme:
    """What the programme holds of OFF, all of it without ``names``."""
    held = names or tuple(OFF)
    optics = SimpleNamespace(
        qx=np.array([1.66, 1.67, 1.68, 1.69, 1.70]),
        qy=np.array([1.71, 1.72, 1.73, 1.74, 1.75]),
        dqx=np.array([-4.1, -3.9, -4.3, -4.0, -4.2]),
        dqy=np.array([-1.1, -1.2, -1.3, -1.4, -1.5]),
    )
    return Programme(
        rigidities=np.array([1.1, 1.6, 3.2, 4.3, 5.3]),
        set={"kd": np.array([0.51, 0.52, 0.53, 0.54, 0.55]), "s0": np.array([1.1, 1.2, 1.3, 1.4, 1.5])},
        true={"kd": np.array([0.61, 0.62, 0.63, 0.64, 0.65])},
        optics=cast(Any, optics),
        values={name: GOALS[name] + np.array(OFF[name]) for name in held},
        goals={name: GOALS[name] for name in held},
        tolerances=dict.fromkeys(held, 1e-5),
        coefficients={},
        rounds=1,
    )


def table() -> TableFacts:
    """An operational table of two energies; the error of the second group is the larger, and negative."""
    settings = {name: np.array([0.1, 0.2]) * (k + 1) for k, name in enumerate(("kf", "kr", "kd", "sr", "s1", "s0"))}
    read = OperationalTable("proton", np.array([60.0, 120.0]), np.array([1.1, 1.6]), settings)
    fitted = {
        "rigidity": [1.15, 1.65],
        "focusing": [3e-3, -5e-3],
        "defocusing": [-2e-2, 1e-2],
        "bend_k2": [0.03, 0.04],
        "tune_x": [2e-3, -1e-3],
        "tune_y": [4e-3, -3e-3],
    }
    errors = FieldErrors(6.35, {"kf": [1e-3, 2e-3], "kd": [3e-3, 4e-3]}, bend_k2=[5e-3, 6e-3])
    fit = FieldErrorFit(errors, pd.DataFrame(fitted), (1.5e-3, 3.5e-3))
    optics = SimpleNamespace(
        qx=np.array([1.61, 1.62]), qy=np.array([1.63, 1.64]), dqx=np.array([-3.1, -3.2]), dqy=np.array([-1.6, -1.7])
    )
    return TableFacts((read,), ["proton", "proton"], read.energies, cast(Any, optics), fit, Held(1.666, 1.74, -4.0))


EXTRACTED = ExtractedBeamSpec(
    species="carbon-12",
    plane="exit",
    betx=9.0,
    alfx=-1.0,
    bety=4.0,
    alfy=0.5,
    dx=2.0,
    dpx=-0.5,
    emittance_x_um=1.5,
    normalised_emittance_y_um=0.75,
    momentum_spread_rms=5e-4,
)
ENGINES = (
    EngineSample(60.0, "proton", (1.666, 1.74), (1.666 + 2e-9, 1.74 - 5e-9)),
    EngineSample(300.0, "carbon-12", (1.667, 1.75), (1.667 - 3e-9, 1.75 + 1e-9)),
)


def facts(**changes: Any) -> SwitchingFacts:
    study = SimpleNamespace(
        held=SimpleNamespace(groups={"focusing": ("kf",), "defocusing": ("kd",)}),
        extracted=(EXTRACTED,),
        cycle=SimpleNamespace(wanted_ramp_s=None),
    )
    given: dict[str, Any] = {
        "resolved": NOTHING,
        "study": study,
        "matched": None,
        "design": RING,
        "ring": RING,
        "programme": programme(),
        "species": 2 * ["proton"] + 3 * ["carbon-12"],
        "energies": np.array([60.0, 120.0, 120.0, 200.0, 300.0]),
        "cycles": (proton_cycle(), carbon_cycle()),
        "tune_slopes": {"kd": -2.0},
        "table": table(),
        "engines": ENGINES,
        "field_ratings": (1.6, 5.0),
    }
    return SwitchingFacts(**{**given, **changes})
