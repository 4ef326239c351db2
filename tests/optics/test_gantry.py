"""Behind a rotator the beam in the gantry's frame is the same at every angle."""

from __future__ import annotations

import numpy as np
import pytest

from lattice import Bend, Drift, Lattice, Quadrupole, ReferenceParticle, SRotation
from optics import Moments, twiss
from optics.line.gantry import STRENGTHS, matched_rotator, rotator

PROTON = ReferenceParticle("proton", kinetic_energy_per_u=120e6)
ANGLES = np.radians([0.0, 30.0, 37.0, 90.0])
#: Emittances ten to one, with dispersion.
FLAT = Moments.from_functions(
    PROTON,
    {"betx": 9.0, "alfx": 0.4, "bety": 4.0, "alfy": -0.7, "dx": -0.5, "dpx": 0.1},
    emittance_x=0.2e-6,
    emittance_y=2e-6,
    sigma_delta=1e-3,
)
GANTRY = Lattice(
    "gantry",
    elements=(
        Bend("up", length=2.0, angle=0.6),
        Drift("d", length=1.0),
        Quadrupole("q", length=0.4, k1=0.9),
        Drift("d", length=1.0),
        Bend("down", length=4.0, angle=-1.2),
    ),
)
COLUMNS = ("size_x", "size_px", "size_y", "size_py", "betx_lab", "bety_lab", "dx_lab", "emit_x", "emit_y")


@pytest.fixture(scope="module")
def exact() -> Lattice:
    return matched_rotator(rotator(), PROTON)


def test_the_rotator_is_one_in_x_and_minus_one_in_y_at_every_angle(exact: Lattice) -> None:
    for angle in ANGLES:
        found = twiss(exact.with_parameters(gantry_angle=float(angle)), PROTON, start=FLAT).matrix()[:4, :4]
        np.testing.assert_allclose(found, np.diag([1.0, 1.0, -1.0, -1.0]), rtol=0, atol=1e-10)
    assert {name: exact.parameters[name] for name in STRENGTHS} == pytest.approx(STRENGTHS, abs=1e-7)


def test_sizes_in_the_gantry_do_not_depend_on_its_angle(exact: Lattice) -> None:
    whole = exact + GANTRY
    optics = [twiss(whole.with_parameters(gantry_angle=float(a)), PROTON, start=FLAT) for a in ANGLES]
    for column in COLUMNS:
        ends = [float(one.value(column, "_end")) for one in optics]
        np.testing.assert_allclose(ends, ends[0], rtol=1e-9)


def test_without_a_rotator_they_do() -> None:
    """The same gantry behind a plain turn of the frame: 10:1 becomes 1:1 and more."""
    plain = Lattice("turn", elements=(SRotation("turn", angle="a"),), parameters={"a": 0.0}) + GANTRY
    sizes = [twiss(plain.with_parameters(a=float(a)), PROTON, start=FLAT).value("size_x", "_end") for a in ANGLES]
    assert max(sizes) / min(sizes) > 1.3


def test_inside_the_rotator_planes_mix(exact: Lattice) -> None:
    """It is the whole that does not depend on the angle: half way it does."""
    half = [
        twiss(exact.with_parameters(gantry_angle=float(a)), PROTON, start=FLAT).value("size_x", "rotator_q4")
        for a in ANGLES
    ]
    assert max(half) / min(half) > 1.1
