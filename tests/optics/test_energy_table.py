"""A ring over a table of energies: what must be constant is, errors are undone, and errors put in are found again."""

from __future__ import annotations

import numpy as np
import pytest

from lattice import InputError, Lattice, NoSolution, ReferenceParticle
from machines.registry import ring_named
from optics import Target, twiss, verify
from optics.ramping.energy_table import BEND_K1, BEND_K2, FieldErrors, match_table, with_bend_errors
from optics.ramping.field_error_fit import Held, fit_field_errors

GOALS = [Target("qx", 1.666), Target("qy", 1.74), Target("dx", 0.0, at="symp")]
FAMILIES = ("kf", "kd", "kr")
PARTICLE = ReferenceParticle("proton", kinetic_energy_per_u=60e6)
RIGIDITIES = np.linspace(1.16, 6.34, 15)


@pytest.fixture(scope="module")
def ring() -> Lattice:
    return with_bend_errors(ring_named("cnao").lattice("matched-proton-60MeV-qx1.666"))


def test_an_ideal_ring_needs_the_same_strengths_at_every_rigidity(ring: Lattice) -> None:
    """Normalised strengths know no energy; the values are those of the reference match (1e-9: its printed digits)."""
    found = match_table(ring, PARTICLE, RIGIDITIES, FAMILIES, GOALS)
    for name, value in {"kf": 0.2912133254, "kd": 0.4954575537, "kr": 0.4970950872}.items():
        assert found.set[name] == pytest.approx(np.full(15, value), abs=1e-9)
    assert found.worst < 1.0


def test_a_relative_gradient_error_is_divided_out(ring: Lattice) -> None:
    """Exact: the true strengths must be the ideal ones, so the set ones are those over 1 + e."""
    errors = FieldErrors(gradients={"kf": (0.0, -0.01, 0.004), "kd": (0.002,)})
    found = match_table(ring, PARTICLE, RIGIDITIES, FAMILIES, GOALS, errors, degree=4)
    ideal = match_table(ring, PARTICLE, RIGIDITIES, FAMILIES, GOALS)
    for name in FAMILIES:  # 1e-8: what a polynomial of degree 4 leaves of 1 / (1 + e)
        assert found.set[name] * errors.factor(name, RIGIDITIES) == pytest.approx(ideal.set[name], abs=1e-8)


def test_errors_of_the_bends_are_compensated_and_xsuite_agrees(ring: Lattice) -> None:
    """The bends' gradient and sextupole components act in the maps; Xsuite has the same at the highest rigidity."""
    errors = FieldErrors(bend_k1=(0.0, 0.0, 2e-3), bend_k2=(0.05,))
    found = match_table(ring, PARTICLE, RIGIDITIES, FAMILIES, GOALS, errors, degree=4)
    assert np.ptp(found.set["kf"]) > 1e-4  # they do act
    assert np.abs(found.optics.qx - 1.666).max() < 1e-6  # what the polynomials leave
    top = ring.with_parameters({name: float(values[-1]) for name, values in found.true.items()})
    compared = verify(top, PARTICLE)
    assert compared.success, compared.message


def test_an_impossible_table_names_rigidities(ring: Lattice) -> None:
    with pytest.raises(NoSolution, match=r"no stable optics.* at B rho = 4\.12 T m, .* and 3 more"):
        match_table(
            ring,
            PARTICLE,
            RIGIDITIES,
            FAMILIES,
            GOALS,
            FieldErrors(bend_k1=(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)),
        )
    with pytest.raises(NoSolution, match=r"'kf' would be 0.29.* allowed are 0 to 0.2"):
        match_table(ring, PARTICLE, RIGIDITIES, FAMILIES, GOALS, limits={"kf": (0.0, 0.2)})
    with pytest.raises(InputError, match="did you mean 'kf'"):
        match_table(ring, PARTICLE, RIGIDITIES, ("kff",), GOALS)
    with pytest.raises(InputError, match="2 energies do not fix"):
        match_table(ring, PARTICLE, np.array([2.0, 3.0]), FAMILIES, GOALS)
    with pytest.raises(InputError, match="of its own"):
        with_bend_errors(ring)


def test_field_errors_put_in_are_found_again(ring: Lattice) -> None:
    """Closed loop: settings that undo known errors; the chromaticity held is that of a known sextupole error."""
    groups = {"focusing": ("kf", "kr"), "defocusing": ("kd",)}
    put_in = {"kf": (0.001, -0.004), "kr": (0.001, -0.004), "kd": (0.0, 0.003)}
    errors = FieldErrors(gradients=put_in)
    programme = match_table(ring, PARTICLE, RIGIDITIES, FAMILIES, GOALS, errors, degree=5)
    wanted = twiss(ring.with_parameters({BEND_K1: 0.0, BEND_K2: -0.004}), PARTICLE)
    found = fit_field_errors(ring, PARTICLE, RIGIDITIES, programme.set, groups, Held(1.666, 1.74, wanted.dqx), degree=1)
    for name, values in put_in.items():  # 1e-7: what the polynomials of the programme leave
        assert found.errors.gradients[name] == pytest.approx(values, abs=1e-7)
    assert found.errors.bend_k2 == pytest.approx([-0.004, 0.0], abs=1e-6)
    assert max(found.rms) < 1e-7


def test_operational_settings_in_an_ideal_ring() -> None:
    """First and last proton row of CNAO/optics, synchro/LGEN: Qx 1.6846 and 1.6735 by two other codes (4 digits)."""
    machine = ring_named("cnao")
    for point, tune in (("operation-proton-62.6MeV", 1.6846), ("operation-proton-227.5MeV", 1.6735)):
        assert twiss(machine.lattice(point)).qx == pytest.approx(tune, abs=5e-5)
