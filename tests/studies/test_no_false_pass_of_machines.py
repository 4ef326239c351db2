"""Machines changed at random: no PASS outside their energies or above the fields of a hand with the rigidity."""

from __future__ import annotations

from collections import Counter
from math import pi
from pathlib import Path
from typing import Any

import numpy as np

from lattice import Quadrupole
from machines.registry import ring_named
from machines.requirements import FAIL, NOT_EVALUATED, PASS
from studies.spec.study_file import validated
from tests.studies.test_no_false_pass import EXACT, Found, check, requirements, rigidity, verdicts_of

MACHINES = 60

#: By hand from machines/cnao_like: radius of the main bends [m] and the energies of extraction [MeV/u].
RADIUS = {"cnao": 1.6772 / (pi / 8), "medaustron": 1.6772 / (pi / 8), "pimms": 1.661 / (pi / 8)}
RANGES = {
    "cnao": {"proton": (60.0, 250.0), "carbon-12": (115.0, 400.0)},
    "medaustron": {"proton": (60.0, 800.0), "carbon-12": (120.0, 400.0)},
    "pimms": {"proton": (60.0, 250.0), "carbon-12": (120.0, 400.0)},
}


def test_no_machine_passes_outside_its_energies_or_above_its_fields(tmp_path: Path) -> None:
    """Machine, species, energy, strengths and the limits of its magnets at random; fields by hand."""
    seen: Counter[str] = Counter()
    for number in range(MACHINES):
        random = np.random.default_rng([12, number])
        name, species = str(random.choice(list(RANGES))), str(random.choice(["proton", "carbon-12"]))
        energy = float(np.exp(random.uniform(np.log(30.0), np.log(1200.0))))
        top = max(rigidity(one, ends[1]) for one, ends in RANGES[name].items())
        own = max(top, rigidity(species, energy))
        ring = ring_named(name).lattice()
        quadrupoles = {str(e.k1).lstrip("-") for e in ring.elements if isinstance(e, Quadrupole)} & set(ring.parameters)
        strengths = {k: float(ring.parameters[k]) * float(random.uniform(0.999, 1.001)) for k in sorted(quadrupoles)}
        found = {
            "max_bend_field": Found(own / RADIUS[name], EXACT, own / RADIUS[name], "T"),
            "max_gradient": Found(own * max(map(abs, strengths.values())), EXACT, own, "T/m"),
        }
        limits = {key: ("upper", one.value * float(random.uniform(0.8, 1.25)), one.unit) for key, one in found.items()}
        low, high = RANGES[name][species]
        for verdict in verdicts_of(study_of_machine(name, species, energy, strengths, limits), None):
            key = verdict.requirement.quantity
            if low <= energy <= high:
                check(verdict, found[key], *limits[key][:2])
                seen[verdict.verdict] += 1
            else:
                assert verdict.verdict in (FAIL, NOT_EVALUATED)
                assert verdict.verdict == NOT_EVALUATED or found[key].value > limits[key][1]
                seen["outside"] += 1
    assert min(seen[PASS], seen[FAIL], seen["outside"]) > MACHINES / 5


def study_of_machine(
    name: str, species: str, energy: float, strengths: dict[str, float], limits: dict[str, tuple[str, float, str]]
) -> Any:
    content = {
        "study": "optics",
        "name": "random",
        "machine": name,
        "machine_requirements": False,
        "particle": species,
        "kinetic_energy_MeV_per_u": energy,
        "parameters": strengths,
        "requirement": requirements(limits),
    }
    return validated(content, "random study")
