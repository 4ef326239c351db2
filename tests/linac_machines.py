"""Linacs that several test modules share."""

from __future__ import annotations

from functools import cache
from math import radians

from lattice import ReferenceParticle
from optics.linac import Bunch, Linac, Section, Tank, design_pass, gap_cell, grade_gradients, linac_of

FREQUENCY = 2997.92458e6  # wavelength 0.1 m
CCL_ENTRANCE = ReferenceParticle("proton", kinetic_energy_per_u=37.5e6)
#: T/m of so many quadrupoles one behind the other.
RUNS = (
    (165, 1),
    (160, 3),
    (155, 4),
    (150, 5),
    (145, 3),
    (150, 1),
    (155, 5),
    (150, 3),
    (145, 2),
    (140, 2),
    (135, 3),
    (130, 4),
    (125, 4),
)
GRADIENTS = tuple(gradient for gradient, count in RUNS for _ in range(count))


@cache
def ccl() -> Linac:
    """A coupled-cell linac, 37.5 to 230 MeV: 10 units of 4 tanks of 16 sine cells, design pass done."""
    section = Section(
        name="ccl",
        tanks=40,
        cells=16,
        e0t=28.475e6 / 2,
        synchronous_phase=radians(-20),
        frequency=FREQUENCY,
        bore=2.5e-3,
        gradients=[(-1) ** i * g for i, g in enumerate(GRADIENTS)],
        magnet_length=0.03,
        shortest_gap=0.065,
        tanks_per_unit=4,
    )
    return design_pass(linac_of("ccl", CCL_ENTRANCE, [section]))


def ccl_bunch(sigma_energy: float = 60e3, emittance: float = 1e-7) -> Bunch:
    """The beam that is matched to it."""
    return Bunch(
        particle=CCL_ENTRANCE,
        betx=0.349,
        alfx=-0.917,
        bety=1.93,
        alfy=5.40,
        emittance_x=emittance,
        emittance_y=emittance,
        sigma_phase=radians(4),
        sigma_energy=sigma_energy,
        frequency=FREQUENCY,
    )


def tank(phase: float = 0.0, length: float = 0.2237, **changes: object) -> Linac:
    """One tank of 16 pi-mode sine cells for 37.5 MeV, peak field 28.475 MV/m, at ``phase`` [rad] from crest."""
    values: dict[str, object] = {"length": length, "bore": 2.5e-3, "cells": 16, "e0": 2 / 3.141592653589793 * 28.475e6}
    values |= {"frequency": FREQUENCY, "synchronous_phase": phase, "unit": "1"}
    return Linac("tank", CCL_ENTRANCE, (Tank("tank", **(values | changes)),))  # type: ignore[arg-type]


@cache
def scdtl() -> Linac:
    """A drift-tube linac in 0 mode, 5 to 37.9 MeV: 4 modules of 10 tanks, sized, phased, gradients graded."""
    section = Section(
        name="scdtl",
        tanks=40,
        cells=[5] * 20 + [6] * 20,
        e0t=8.6e6,
        synchronous_phase=radians(-25),
        frequency=FREQUENCY,
        bore=2e-3,
        gradients=[200.0 * (-1) ** i for i in range(40)],
        magnet_length=0.03,
        shortest_gap=0.045,
        tanks_per_unit=10,
        mode="0",
        cell=gap_cell(0.3, edge=0.08),
    )
    start = ReferenceParticle("proton", kinetic_energy_per_u=5e6)
    return grade_gradients(design_pass(linac_of("scdtl", start, [section])), 0.2, 230.0)
