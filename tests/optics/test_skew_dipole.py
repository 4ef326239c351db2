"""Thin multipoles whose skew dipole bends the reference orbit vertically."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lattice import Drift, Lattice, Multipole, Quadrupole, ReferenceParticle, read_madx
from optics import from_xsuite, to_xsuite, twiss, verify

PROTON = ReferenceParticle("proton", kinetic_energy_per_u=2e9)
SOURCE = """
k1 = 0.4; v0 := 0.02; h0 := {h0};
qf: quadrupole, l=.5, k1:=k1;  qd: quadrupole, l=.5, k1:=-k1;
m: multipole, knl:={{h0,0.01,0.3}}, ksl:={{v0,0.003}}, lrad={lrad};
m2: multipole, knl:={{0,0.01,0.3}}, ksl:={{-v0}}, lrad={lrad}, tilt={tilt};
d: drift, l=1;
ring: line=(6*(qf,d,m,d,qd,d,m2,d));
beam, particle=proton, energy=3;
"""


def ring_of(tmp_path: Path, **values: float) -> Lattice:
    path = tmp_path / "ring.seq"
    path.write_text(SOURCE.format(**values))
    return read_madx(path)


def ring(multipole: Multipole, **parameters: float) -> Lattice:
    cell = [
        Quadrupole("qf", length=0.5, k1=0.4),
        Drift("d1", length=1.0),
        multipole,
        Quadrupole("qd", length=0.5, k1=-0.4),
        Drift("d2", length=1.0),
    ]
    return Lattice("ring", elements=cell * 8, parameters=parameters, particle=PROTON)


def test_a_skew_dipole_is_a_normal_one_seen_from_the_side() -> None:
    """Strengths k + i ks in a frame rolled by phi are (k + i ks) exp(i (n + 1) phi): here phi = -pi/2."""
    skew = ring(Multipole("m", knl=(0.0, 0.02), ksl=(0.03, 0.0, 0.4), lrad=0.5))
    normal = ring(Multipole("m", knl=(0.03, -0.02, -0.4), lrad=0.5, tilt=-np.pi / 2))
    ours, rolled = twiss(skew), twiss(normal)
    for name in ("qx", "qy", "dqx", "dqy", "momentum_compaction"):
        assert getattr(ours, name) == pytest.approx(getattr(rolled, name), abs=1e-12)
    np.testing.assert_allclose(ours["dy"], rolled["dy"], atol=1e-13)
    assert np.max(np.abs(ours["dy"])) > 0.1  # it does bend


@pytest.mark.parametrize(
    "values",
    [
        {"h0": 0.05, "lrad": 0.0, "tilt": 0.3},  # in any direction, without the weak focusing of a length
        {"h0": 0.0, "lrad": 0.4, "tilt": 0.0},  # vertical, with it
    ],
)
def test_optics_are_those_of_mad_x(tmp_path: Path, values: dict[str, float]) -> None:
    assert verify(ring_of(tmp_path, **values), engine="madx").success


def test_weak_focusing_in_a_rolled_direction_is_that_of_xsuite(tmp_path: Path) -> None:
    """MAD-X leaves out the cross term of the weak focusing there, so that turning the whole ring changes its tunes."""
    lattice = ring_of(tmp_path, h0=0.05, lrad=0.4, tilt=0.3)
    assert verify(lattice).success


def test_the_derivative_by_a_skew_dipole_is_exact() -> None:
    lattice = ring(Multipole("m", knl=(0.02,), ksl=("v",), lrad=0.5), v=0.03)
    step = 1e-6
    plus, minus = (twiss(lattice.with_parameters(v=0.03 + s)).qx for s in (step, -step))
    exact = np.imag(twiss(lattice.with_parameters(v=np.array([0.03 + 1e-20j]))).qx[0]) / 1e-20
    # Central differences: rounding 1e-15 / 1e-6, and the third derivative times 1e-12.
    assert exact == pytest.approx((plus - minus) / (2 * step), abs=1e-7)


def test_it_goes_to_xsuite_and_back() -> None:
    lattice = ring(Multipole("m", knl=(0.01,), ksl=(0.03, 0.0, 0.4), lrad=0.5))
    back = from_xsuite(to_xsuite(lattice))
    assert twiss(back, PROTON).qx == pytest.approx(twiss(lattice).qx, abs=1e-13)
