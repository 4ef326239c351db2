"""Linacs changed at random: no PASS that a hand with the laws of cells, klystrons and breakdown does not find too.

By hand: a tank gives E0T L cos(phi_s) at the velocity of its middle, cells of a sine are half a wavelength of that long
and have T = pi / 4; (E0T)^2 L over the shunt impedance goes into copper (T. P. Wangler, RF Linear Accelerators, 2008,
eq. 2.67); Kilpatrick's field is f = 1.64 E^2 exp(-8.5 / E), in MHz and MV/m (eq. 5.101); and a table of energies asks
for what lies between the tanks' ends.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import cos, exp, pi, radians, sqrt
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import brentq

from machines.requirements import FAIL, PASS, Verdict
from studies.judging import verdicts_on
from studies.pipeline import Asked
from studies.registry import study_of
from studies.spec.study_file import validated
from studies.spec.toml_text import toml_text
from tests.studies.test_no_false_pass import EXACT, MASS, Found, limits_beside, requirements
from tests.studies.test_no_false_pass_of_lines import Limits, counted

LINACS = range(3)
#: What a hand leaves of a gain, over it: cells of a tank are alike, and the velocity changes by some per cent along it.
GAIN = 1.5e-2
LIGHT = 299792458.0  # m/s


def section_table(random: np.random.Generator) -> dict[str, Any]:
    """One structure of coupled cells behind a source of protons; supplies and pulses at random."""
    tanks = int(random.integers(3, 7))
    signs = (-1) ** np.arange(tanks) * random.uniform(148.0, 160.0, tanks)
    return {
        "name": "random",
        "title": "Random booster",
        "largest_gradient_T_per_m": 250.0,
        "lowest_energy_MeV": 95.0,
        "highest_energy_MeV": 96.0,
        "beam": {
            "kinetic_energy_MeV": float(random.uniform(50.0, 90.0)),
            "emittance_x_um": 0.1,
            "emittance_y_um": 0.1,
            "sigma_phase_deg": 2.0,
            "sigma_energy_keV": 40.0,
            "frequency_MHz": 2997.92458,
            "current_uA": float(random.uniform(50.0, 500.0)),
        },
        "pulse": {
            "length_us": float(random.uniform(2.0, 10.0)),
            "repetition_Hz": float(random.uniform(50.0, 400.0)),
            "amplitude_settling_us": float(random.uniform(500.0, 6000.0)),
            "low_level_us": float(random.uniform(100.0, 3000.0)),
        },
        "section": [
            {
                "kind": "tanks",
                "name": "ccl",
                "mode": "pi",
                "tanks": tanks,
                "cells": int(random.integers(9, 13)),
                "E0T_MV_per_m": float(random.uniform(10.0, 18.0)),
                "synchronous_phase_deg": float(random.uniform(-30.0, -12.0)),
                "frequency_MHz": 2997.92458,
                "bore_mm": 3.0,
                "shortest_gap_mm": 65.0,
                "magnet_length_mm": 30.0,
                "tanks_per_unit": int(random.integers(1, tanks + 1)),
                "gradients_T_per_m": [float(one) for one in signs],
                "supply": {
                    "shunt_impedance_MOhm_per_m": float(random.uniform(50.0, 90.0)),
                    "surface_field_ratio": float(random.uniform(3.5, 5.0)),
                    "klystron_MW": float(random.uniform(2.0, 10.0)),
                    "waveguide_loss": float(random.uniform(0.0, 0.2)),
                },
            }
        ],
    }


# ---------------------------------------------------------------------------------------------------------- by hand


@dataclass(frozen=True)
class Tank:
    """Its length [m] and the energies [eV] in front of it and behind it."""

    length: float
    before: float
    after: float


def tanks_of(table: dict[str, Any]) -> Iterator[Tank]:
    section, energy = table["section"][0], 1e6 * table["beam"]["kinetic_energy_MeV"]
    wavelength, field = LIGHT / (1e6 * section["frequency_MHz"]), 1e6 * section["E0T_MV_per_m"]
    for _ in range(section["tanks"]):
        gain = 0.0
        for _ in range(50):
            gamma = 1 + (energy + gain / 2) / (1e6 * MASS["proton"])
            length = section["cells"] * sqrt(1 - gamma**-2) * wavelength / 2
            gain = field * length * cos(radians(section["synchronous_phase_deg"]))
        yield Tank(length, energy, energy + gain)
        energy += gain


def by_hand(table: dict[str, Any]) -> dict[str, Found]:
    """Energy, fields and power at the top energy."""
    section, tanks = table["section"][0], list(tanks_of(table))
    supply, field = section["supply"], 1e6 * section["E0T_MV_per_m"]
    gain = tanks[-1].after - tanks[0].before
    each = section["tanks_per_unit"]
    units = [tanks[n : n + each] for n in range(0, len(tanks), each)]
    copper = [sum(field**2 * t.length / (1e6 * supply["shunt_impedance_MOhm_per_m"]) for t in unit) for unit in units]
    beam = [1e-6 * table["beam"]["current_uA"] * (unit[-1].after - unit[0].before) for unit in units]
    needed = [(c + b) / (1 - supply["waveguide_loss"]) for c, b in zip(copper, beam, strict=True)]
    share = max(needed) / (1e6 * supply["klystron_MW"])
    limit = float(brentq(lambda e: 1.64 * e**2 * exp(-8.5 / e) - section["frequency_MHz"], 1.0, 1e3))
    surface = supply["surface_field_ratio"] * section["E0T_MV_per_m"] / (pi / 4) / limit
    steepest = max(abs(one) for one in section["gradients_T_per_m"])
    return {
        "final_energy": Found(tanks[-1].after, GAIN, gain, "eV"),
        "klystron_share": Found(share, GAIN, share, "1"),
        "rf_power": Found(sum(needed), GAIN, sum(needed), "W"),
        "unit_power": Found(max(needed), GAIN, max(needed), "W"),
        "kilpatrick": Found(surface, GAIN, surface, "1"),
        "max_gradient": Found(steepest, EXACT, steepest, "T/m"),
    }


def of_switching(table: dict[str, Any], energies: list[float]) -> dict[str, Found]:
    """Times in whole pulses, and how many of the energies lie between the source and the last tank's end."""
    pulse, tanks = table["pulse"], list(tanks_of(table))
    busy = 1e-6 * (pulse["low_level_us"] + pulse["amplitude_settling_us"] + pulse["length_us"])
    share = busy * pulse["repetition_Hz"]
    reached = sum(tanks[0].before <= 1e6 * energy <= tanks[-1].after for energy in energies) / len(energies)
    time = float(np.ceil(share)) / pulse["repetition_Hz"]
    return {
        "switching_share": Found(share, EXACT, share, "1"),
        "switching_time": Found(time, EXACT, time, "s"),
        "energies_reached": Found(reached, EXACT, 1.0, "1"),
    }


# ------------------------------------------------------------------------------------------------------ the studies


def judged(word: str, content: dict[str, Any], limits: Limits, file: Path) -> tuple[Verdict, ...]:
    kind = study_of(word)
    study = kind.resolve(validated({**content, "study": word, "requirement": requirements(limits)}, "random"), file)
    asked = Asked(tuple(limits), report=False, engines=False)
    return verdicts_on(study.requirements, kind.quantities(kind.gather(study, asked), asked))


def energies_of(table: dict[str, Any], random: np.random.Generator) -> list[float]:
    """From the source's energy on, some beyond what the tanks reach; none so near that end that a hand cannot tell."""
    tanks = list(tanks_of(table))
    low, top = 1e-6 * tanks[0].before, 1e-6 * tanks[-1].after
    ends = low + (top - low) * float(random.choice([0.9, 1.3]))
    return [float(one) for one in np.linspace(low + 0.3 * (top - low), ends, 4)]


def ran(number: int, folder: Path, seen: Counter[str]) -> None:
    random = np.random.default_rng([41, number])
    table = section_table(random)
    (folder / "linac.toml").write_text(toml_text(table))
    assert tomllib.loads((folder / "linac.toml").read_text()) == table
    found = by_hand(table)
    limits: Limits = limits_beside(found, random)
    content = {"name": "random", "linac": "linac.toml", "particles": 100, "integrated_particles": 10, "samples": 10}
    few = {"error_particles": 100, "error_samples": 2, "error_scales": [1.0]}
    counted(judged("linac-optics", {**content, **few}, limits, folder / "random.toml"), found, limits, seen)
    energies = energies_of(table, random)
    switched = of_switching(table, energies)
    own: Limits = {**limits_beside(switched, random), "energies_reached": ("lower", 0.99, "1")}
    more = {"energies": {"values_MeV": energies}, "particles_per_energy": 100}
    counted(judged("linac-energy-switching", {**content, **more}, own, folder / "random.toml"), switched, own, seen)
    seen["beyond"] += switched["energies_reached"].value < 1


def test_linacs_at_random_pass_what_a_hand_finds(tmp_path: Path) -> None:
    """Energies, cells, fields, phases, units, supplies, pulses and limits at random."""
    seen: Counter[str] = Counter()
    for number in LINACS:
        ran(number, tmp_path, seen)
    assert min(seen[PASS], seen[FAIL]) > 3 * len(LINACS)
    assert 0 < seen["beyond"] < len(LINACS)
