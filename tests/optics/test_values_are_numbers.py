"""Values given by people: a boolean or a text is no number, and a number in another unit is told from a likely one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, cast

import numpy as np
import pytest

from extraction import (
    BetatronCore,
    ConstantOptics,
    ExtractionTarget,
    PhaseDisplacement,
    RFKnockout,
    Ripple,
    Septum,
    TuneSweep,
)
from lattice import Aperture, InputError, Quadrupole, ReferenceParticle, Species
from machines.requirements import Requirement
from optics import Beam, Limit, Target, Vary
from optics.aperture import BeamEdge
from optics.imperfections.errors import MagnetErrors
from optics.linac import Bunch, PermanentQuadrupole, SpaceCharge, Tank
from optics.linac.structure.errors import Errors as LinacErrors

PROTON = ReferenceParticle("proton", kinetic_energy_per_u=60e6)
BEAM = Beam(PROTON, 1e-6, 1e-6)
STEADY = [(0.0, 1e-5), (1.0, 1e-5)]
BUNCH = {
    "betx": 1.0, "alfx": 0.0, "bety": 1.0, "alfy": 0.0, "emittance_x": 1e-7, "emittance_y": 1e-7,
    "sigma_phase": 0.1, "sigma_energy": 1e3, "frequency": 750e6,
}  # fmt: skip
TANK = {"length": 0.5, "bore": 2e-3, "cells": 10, "e0": 1e7, "frequency": 3e9, "synchronous_phase": -0.3}


def bunch(name: str, value: Any) -> Bunch:
    """A bunch with one number in place of its own."""
    return Bunch(particle=PROTON, **{**BUNCH, name: value})


def tank(name: str, value: Any) -> Tank:
    """A tank with one number in place of its own."""
    return Tank("t", **cast(Any, {**TANK, name: value}))


#: Of each value: how it is made with a number in one place, and a number that it takes there.
MADE: dict[str, tuple[Callable[[Any], object], float]] = {
    "Target value": (lambda v: Target("qx", v), 1.66),
    "Target tolerance": (lambda v: Target("qx", 1.66, tolerance=v), 1e-6),
    "Target weight": (lambda v: Target("qx", 1.66, weight=v), 2.0),
    "Vary lower": (lambda v: Vary("kf", lower=v), 0.1),
    "Vary upper": (lambda v: Vary("kf", upper=v), 0.3),
    "Vary tied": (lambda v: Vary("kf", tied={"kd": v}), -1.7),
    "Limit lower": (lambda v: Limit("betx", lower=v), 1.0),
    "Limit upper": (lambda v: Limit("betx", upper=v), 17.0),
    "Limit sigmas": (lambda v: Limit("size_x", upper=0.03, beam=BEAM, sigmas=v), 3.0),
    "ExtractionTarget value": (lambda v: ExtractionTarget("stable_area", v, at="es"), 1e-5),
    "ExtractionTarget x_septum": (lambda v: ExtractionTarget("arm_angle", 0.0, at="es", x_septum=v), 0.035),
    "programme": (lambda v: BetatronCore([(0.0, 0.0), (1.0, v)]), 1e-3),
    "programme's time": (lambda v: ConstantOptics([(0.0, 0.0), (v, 1e-3)]), 1.0),
    "programme of a sweep": (lambda v: TuneSweep("kf", [(0.0, v)]), 0.29),
    "RFKnockout tune": (lambda v: RFKnockout("k", STEADY, tune=v), 0.66),
    "RFKnockout bandwidth": (lambda v: RFKnockout("k", STEADY, tune=0.66, bandwidth=v), 0.01),
    "RFKnockout period": (lambda v: RFKnockout("k", STEADY, tune=0.66, period=v), 1e-3),
    "PhaseDisplacement volt": (lambda v: PhaseDisplacement(STEADY, volt=v), 100.0),
    "Ripple amplitude": (lambda v: Ripple("kf", ((v, 50.0, 0.0),)), 1e-4),
    "Ripple frequency": (lambda v: Ripple("kf", ((1e-4, v, 0.0),)), 50.0),
    "Septum position": (lambda v: Septum(at="es", position=v, thickness=1e-4, kick=1e-3, length=0.5), 0.035),
    "Beam emittance": (lambda v: Beam(PROTON, v, 1e-6), 1e-6),
    "Beam sigma_delta": (lambda v: Beam(PROTON, 1e-6, 1e-6, sigma_delta=v), 1e-3),
    "BeamEdge sigmas": (lambda v: BeamEdge(BEAM, sigmas=v), 3.0),
    "Species mass": (lambda v: Species("x", v, 1), 938e6),
    "energy": (lambda v: ReferenceParticle("proton", kinetic_energy_per_u=v), 60e6),
    "Quadrupole length": (lambda v: Quadrupole("q", length=v), 0.4),
    "Aperture": (lambda v: Aperture("rectangle", v, 0.03), 0.03),
    "Requirement lower": (lambda v: Requirement("A", "b", "qx", "1", "c", "d", lower=v), 1.0),
    "Errors dx": (lambda v: MagnetErrors(magnets="quadrupole", dx=v), 1e-4),
    "Errors cut": (lambda v: MagnetErrors(magnets="quadrupole", dx=1e-4, cut=v), 3.0),
    **{f"Bunch {name}": (partial(bunch, name), BUNCH[name]) for name in BUNCH},
    **{f"Tank {name}": (partial(tank, name), TANK[name]) for name in TANK},
    "PermanentQuadrupole": (lambda v: PermanentQuadrupole("q", length=0.03, bore=2e-3, gradient=v), 100.0),
    "SpaceCharge charge": (lambda v: SpaceCharge(charge=v), 1e-12),
    "SpaceCharge until": (lambda v: SpaceCharge(charge=1e-12, until=v), 1e7),
    "errors of a linac": (lambda v: LinacErrors(offset=v), 1e-4),
}  # fmt: skip


@pytest.mark.parametrize("name", MADE)
def test_a_boolean_and_a_text_are_no_numbers(name: str) -> None:
    """True would count as 1, "0.3" as 0.3 or as an error of the program; numbers of numpy are numbers."""
    make, good = MADE[name]
    make(good)
    make(np.float64(good) if not isinstance(good, int) else good)
    for wrong in (True, str(good)):
        if wrong is not True and name in ("Quadrupole length",):
            continue  # there a text is an expression
        with pytest.raises(InputError):
            make(wrong)


@pytest.mark.parametrize(
    ("quantity", "value", "tolerance"), [("qx", 1.666, 10.0), ("dx", 0.0, 20.0), ("x", 0.0, 1.0), ("betx", 5.0, 50.0)]
)
def test_a_tolerance_that_anything_meets_is_refused(quantity: str, value: float, tolerance: float) -> None:
    at = None if quantity == "qx" else "symp"
    with pytest.raises(InputError, match="is met by anything"):
        Target(quantity, value, at=at, tolerance=tolerance)
    Target(quantity, value, at=at, tolerance=tolerance / 100)


@pytest.mark.parametrize(
    ("kind", "value", "unit"),
    [("dx", 0.15, "mm"), ("noise", 0.1, "mm"), ("roll", 1.5, "mrad"), ("field", 2.0, "per cent"), ("radius", 30, "mm")],
)
def test_errors_of_magnets_in_another_unit_are_refused(kind: str, value: float, unit: str) -> None:
    """0.15 mm given as 0.15 would move every quadrupole by 15 cm; a thousandth of it is the usual size."""
    with pytest.raises(InputError, match=f"errors of 'quadrupole': {kind} is in .* if that is in {unit}, give it in"):
        MagnetErrors(magnets="quadrupole", **{kind: value})  # type: ignore[arg-type]
    MagnetErrors(magnets="quadrupole", **{kind: value / 1000})  # type: ignore[arg-type]
