"""Modules of an extraction line: what each changes, and that it changes nothing else."""

from __future__ import annotations

from math import pi, radians

import numpy as np
import pytest

from lattice import InputError, Lattice, NoSolution, ReferenceParticle
from optics import twiss
from optics.line.modules import Passage, matched_module, module, phase_shifter, stepper, telescope

PROTON = ReferenceParticle("proton", kinetic_energy_per_u=120e6)
WAIST = {"betx": 4.0, "bety": 4.0}


def ends(line: Lattice) -> dict[str, float]:
    optics = twiss(line, PROTON, start=WAIST)
    return {name: float(optics.value(name, "_end")) for name in ("betx", "alfx", "bety", "alfy", "mux", "muy")}


def test_the_matrix_of_a_passage_has_determinant_one_and_takes_the_functions() -> None:
    """b2 = R11^2 b1 - 2 R11 R12 a1 + R12^2 g1, a2 = -R11 R21 b1 + (R11 R22 + R12 R21) a1 - R12 R22 g1."""
    r = Passage((3.0, 7.0), (0.4, -1.1), 2.2).matrix
    gamma = (1 + 0.4**2) / 3.0
    assert np.linalg.det(r) == pytest.approx(1.0, rel=1e-14)
    assert r[0, 0] ** 2 * 3.0 - 2 * r[0, 0] * r[0, 1] * 0.4 + r[0, 1] ** 2 * gamma == pytest.approx(7.0, rel=1e-13)
    alfa = -r[0, 0] * r[1, 0] * 3.0 + (r[0, 0] * r[1, 1] + r[0, 1] * r[1, 0]) * 0.4 - r[0, 1] * r[1, 1] * gamma
    assert alfa == pytest.approx(-1.1, rel=1e-12)


def test_a_telescope_is_point_to_point_and_parallel_to_parallel() -> None:
    found = twiss(telescope(PROTON, -2.0, -1.0), PROTON, start=WAIST).matrix()
    np.testing.assert_allclose(found[:2, :2], [[-2.0, 0.0], [0.0, -0.5]], rtol=0, atol=1e-9)
    np.testing.assert_allclose(found[2:4, 2:4], -np.eye(2), rtol=0, atol=1e-9)


@pytest.mark.parametrize("bety", [2.0, 8.0])
def test_a_stepper_changes_the_vertical_beta_function_alone(bety: float) -> None:
    found = ends(stepper(PROTON, 4.0, (4.0, bety)))
    assert found == pytest.approx(
        {"betx": 4.0, "alfx": 0.0, "bety": bety, "alfy": 0.0, "mux": 0.5, "muy": 0.5}, rel=1e-8, abs=1e-8
    )


@pytest.mark.parametrize("degrees", [120.0, 210.0])
def test_a_phase_shifter_changes_the_horizontal_phase_alone(degrees: float) -> None:
    found = ends(phase_shifter(PROTON, 4.0, 4.0, radians(degrees)))
    expected = {"betx": 4.0, "alfx": 0.0, "bety": 4.0, "alfy": 0.0, "mux": degrees / 360, "muy": 0.5}
    assert found == pytest.approx(expected, rel=1e-8, abs=1e-8)


def test_what_six_quadrupoles_cannot_do_is_told() -> None:
    with pytest.raises(NoSolution, match=r"module 'weak' has no strengths within 0\.2 m"):
        matched_module(module("weak"), PROTON, -np.eye(2), -np.eye(2), largest=0.2)
    with pytest.raises(InputError, match="beta functions must be positive"):
        Passage((0.0, 1.0), (0.0, 0.0), pi)
