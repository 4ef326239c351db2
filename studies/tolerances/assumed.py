"""The errors that tolerances of a ring assume where the study file names none: those of usual rings, rms."""

from __future__ import annotations

from typing import Any

from lattice import Lattice
from machines.rings.machine import RingMachine
from studies.spec.assumed import with_unsaid
from studies.tolerances.asked import FamilySpec
from studies.tolerances.spec import TolerancesStudy

_ALIGNED = {"dx": 0.15e-3, "dy": 0.15e-3, "roll": 0.15e-3}
_USUAL: dict[str, dict[str, Any]] = {
    "bend": {"family": "bends", "field": 5e-4, "stability": 2e-5, **_ALIGNED},
    "quadrupole": {"family": "quadrupoles", "field": 5e-4, "calibration": 2e-4, **_ALIGNED},
    "sextupole": {"family": "sextupoles", "calibration": 5e-3, **_ALIGNED},
    "monitor": {"family": "monitors", "dx": 0.2e-3, "dy": 0.2e-3, "noise": 0.05e-3, "gain": 0.02},
}


def with_assumed(study: TolerancesStudy, lattice: Lattice, machine: RingMachine | None) -> TolerancesStudy:
    """The study with the errors of the magnets that the lattice has, and named in ``assumed`` that they are."""
    if study.tolerances.errors:
        return study
    kinds = {element.kind for element in lattice.unique_elements[0]}
    usual = ({"magnets": kind, **errors} for kind, errors in _USUAL.items() if kind in kinds)
    errors = tuple(FamilySpec.model_validate(one) for one in usual)
    tolerances = study.tolerances.model_copy(update={"errors": errors})
    return study.model_copy(update={"tolerances": tolerances, "assumed": with_unsaid(study, ("tolerances.errors",))})
