"""Sizes, correlation and functions in the laboratory's planes: of Sigma = R Sigma0 R^T, beside tracked particles."""

from __future__ import annotations

import numpy as np
import pytest

from lattice import Bend, Drift, InputError, Lattice, Quadrupole, ReferenceParticle, Solenoid, SRotation
from lattice.arrays import Array
from optics import Beam, Moments, track, twiss
from optics.linac import Bunch
from optics.linear.moments import PLANE_COLUMNS, plane_column

PROTON = ReferenceParticle("proton", kinetic_energy_per_u=120e6)
FUNCTIONS = {"betx": 8.9, "alfx": 0.21, "bety": 3.8, "alfy": 0.69, "dx": -0.36, "dpx": 0.02}
ROUND = Moments.from_functions(PROTON, FUNCTIONS, emittance_x=2e-6, emittance_y=1e-6, sigma_delta=1e-3)


def line(angle: float = np.radians(37.0)) -> Lattice:
    return Lattice(
        "line",
        elements=(
            Quadrupole("q1", length=0.4, k1=1.0),
            Drift("d", length=0.9),
            Quadrupole("q2", length=0.4, k1=-1.1),
            Drift("d", length=0.9),
            SRotation("turn", angle=angle),
            Bend("b", length=1.0, angle=0.4, e1=0.1, e2=0.1),
            Drift("d", length=0.9),
            Quadrupole("q3", length=0.4, k1=0.8),
            Drift("d", length=0.9),
        ),
    )


def bar(count: int = 400_000) -> Array:
    """A narrow bar, tilted in x, px, whose x follows the momentum, asymmetric; Gaussian in y: (count, 6)."""
    random = np.random.default_rng(7)
    along = random.gamma(2.0, 1.0, count)  # asymmetric along the arm of the separatrix
    delta = 6e-4 * (along - 2.0) + 2e-4 * random.standard_normal(count)
    x = 2e-3 * (along - 2.0) + 2e-4 * random.standard_normal(count)
    px = -3e-4 * (along - 2.0) + 2e-5 * random.standard_normal(count)
    y, py = random.multivariate_normal([0.0, 0.0], [[4e-6, -7e-7], [-7e-7, 3.9e-7]], count).T
    return np.column_stack([x, px, y, py, np.zeros(count), delta])


def test_the_moments_of_a_matched_beam_give_its_functions_back() -> None:
    for name in ("betx", "alfx", "bety", "alfy", "dx", "dpx"):
        assert ROUND[f"{name}_lab"] == pytest.approx(FUNCTIONS[name], rel=1e-12)
    assert (ROUND["emit_x"], ROUND["emit_y"]) == pytest.approx((2e-6, 1e-6), rel=1e-12)
    assert ROUND["size_x"] == pytest.approx(np.sqrt(2e-6 * 8.9 + 0.36e-3**2), rel=1e-12)
    assert ROUND["corr_xy"] == 0.0


def test_without_coupling_the_planes_are_those_of_twiss() -> None:
    optics = twiss(line(0.0), PROTON, start=ROUND)
    for name in ("betx", "alfx", "bety", "alfy", "dx", "dpx", "dy", "dpy"):
        np.testing.assert_allclose(optics[f"{name}_lab"], optics[name], rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(optics["emit_x"], 2e-6, rtol=1e-11)


def test_behind_a_rotation_sizes_are_those_of_both_modes() -> None:
    """e1 betx + e2 betx2 + (D sigma)^2 of Mais-Ripken functions: a check for a beam that is matched to the modes."""
    optics = twiss(line(), PROTON, start=ROUND)
    sizes = Beam(PROTON, 2e-6, 1e-6, 1e-3).sizes(optics)
    np.testing.assert_allclose(optics["size_x"], sizes[0], rtol=1e-11)
    np.testing.assert_allclose(optics["size_y"], sizes[1], rtol=1e-11)
    assert abs(optics["betx_lab"][-1] / optics["betx"][-1] - 1) > 0.1  # the mode's beta is not the plane's


def test_a_quarter_turn_changes_the_planes() -> None:
    optics = twiss(Lattice("turn", elements=(SRotation("r", angle=np.pi / 2),)), PROTON, start=ROUND)
    end = {name: optics.value(name, "_end") for name in PLANE_COLUMNS}
    assert (end["size_x"], end["size_y"]) == pytest.approx((ROUND["size_y"], ROUND["size_x"]), rel=1e-12)
    assert (end["betx_lab"], end["alfx_lab"], end["dy_lab"]) == pytest.approx((3.8, 0.69, 0.36), rel=1e-12)


def test_a_turned_ellipse_has_its_tilt_and_correlation() -> None:
    """x' = x cos + y sin: the long axis lies at minus the angle; <x'y'> = (sy2 - sx2) sin cos."""
    angle = np.radians(37.0)
    optics = twiss(Lattice("turn", elements=(SRotation("r", angle=angle),)), PROTON, start=ROUND)
    sx2, sy2 = ROUND["size_x"] ** 2, ROUND["size_y"] ** 2
    mixed = (sy2 - sx2) * np.sin(angle) * np.cos(angle)
    sizes = optics.value("size_x", "_end") * optics.value("size_y", "_end")
    assert optics.value("corr_xy", "_end") == pytest.approx(mixed / sizes, rel=1e-12)
    assert optics.value("tilt_xy", "_end") == pytest.approx(-angle, rel=1e-12)


def test_a_solenoid_turns_a_pencil_by_half_its_strength() -> None:
    """Larmor: by ks L / 2; a long flat beam keeps its length to (ks L)^2."""
    flat = Moments(PROTON, np.diag([1e-4, 1e-12, 1e-8, 1e-12, 0.0, 0.0]))
    optics = twiss(Lattice("s", elements=(Solenoid("s", length=0.1, ks=0.6),)), PROTON, start=flat)
    assert abs(optics.value("tilt_xy", "_end")) == pytest.approx(0.03, rel=2e-3)


def test_an_asymmetric_tilted_dispersive_bar_at_37_degrees_is_that_of_tracked_particles() -> None:
    """The moments of the very particles go through the matrix; tracked ones differ by second order, here 1e-3."""
    start = bar()
    moments = Moments.of_particles(PROTON, start)
    optics = twiss(line(), PROTON, start=moments)
    tracked = Moments.of_particles(PROTON, track(line(), PROTON, start).coordinates)
    for name in ("size_x", "size_px", "size_y", "size_py"):
        assert optics.value(name, "_end") == pytest.approx(tracked[name], rel=5e-3)
    assert optics.value("corr_xy", "_end") == pytest.approx(tracked["corr_xy"], abs=5e-3)
    assert optics.value("dx_lab", "_end") == pytest.approx(tracked["dx_lab"], abs=2e-2)
    upright = twiss(line(), PROTON, start=upright_of(moments))
    assert abs(upright.value("size_x", "_end") / tracked["size_x"] - 1) > 0.05
    assert abs(upright.value("corr_xy", "_end") - tracked["corr_xy"]) > 0.05


def upright_of(moments: Moments) -> Moments:
    """The ellipse that is often put in the place of a bar: same sizes and emittances, no correlations at all."""
    return Moments(moments.particle, np.diag(np.diag(moments.sigma)), moments.mean)


def test_a_sample_has_the_moments_that_it_is_drawn_of() -> None:
    sample = Moments.of_particles(PROTON, ROUND.sample(400_000, seed=3))
    for name in ("size_x", "size_py", "betx_lab"):
        assert sample[name] == pytest.approx(ROUND[name], rel=1e-2)  # sqrt(2 / n) = 2.2e-3, more than four times over
    assert sample["dx_lab"] == pytest.approx(ROUND["dx_lab"], abs=0.03)  # 4.2 mm / 1e-3 / sqrt(n) = 0.007


def test_a_bunch_of_a_linac_is_a_beam_of_a_line() -> None:
    """Its normalised emittances over beta gamma, its functions, and delta = dW / (beta^2 E)."""
    bunch = Bunch(
        particle=PROTON,
        betx=0.35,
        alfx=-0.9,
        bety=1.9,
        alfy=0.5,
        emittance_x=0.1e-6,
        emittance_y=0.2e-6,
        sigma_phase=0.07,
        sigma_energy=1e5,
        frequency=3e9,
    )
    found = Moments.of_particles(PROTON, bunch.sample(200_000, seed=4))
    scale = PROTON.beta * PROTON.gamma
    assert (found["betx_lab"], found["bety_lab"]) == pytest.approx((0.35, 1.9), rel=2e-2)
    assert (found["emit_x"] * scale, found["emit_y"] * scale) == pytest.approx((0.1e-6, 0.2e-6), rel=1e-2)
    energy = PROTON.mass + PROTON.kinetic_energy
    assert found["size_delta"] == pytest.approx(1e5 / (PROTON.beta**2 * energy), rel=1e-2)


def test_the_mean_is_the_orbit_that_the_line_begins_with() -> None:
    moved = ROUND.moved(x=1e-3, py=-2e-4, delta=1e-3)
    optics = twiss(line(), PROTON, start=moved)
    particle = track(line(), PROTON, moved.mean[None]).coordinates[0]
    np.testing.assert_allclose([optics[name][-1] for name in ("x", "px", "y", "py")], particle[:4], atol=1e-12)
    assert optics.delta == 1e-3


def test_beams_of_a_batch_go_through_lattices_of_a_batch() -> None:
    two = Moments.from_functions(PROTON, FUNCTIONS, emittance_x=np.array([1e-6, 2e-6]), emittance_y=1e-6)
    turned = Lattice(
        "turned", elements=(SRotation("r", angle="a"), Drift("d", length=1.0)), parameters={"a": np.array([0.0, 0.5])}
    )
    both = twiss(turned, PROTON, start=two)["size_x"]
    for k, angle in enumerate((0.0, 0.5)):
        alone = Moments(PROTON, two.sigma[k])
        single = twiss(turned.with_parameters(a=angle), PROTON, start=alone)["size_x"]
        np.testing.assert_allclose(both[k], single, rtol=1e-13)
    with pytest.raises(InputError, match="2 beams for 1 lattices"):
        twiss(turned.with_parameters(a=0.1), PROTON, start=two)


@pytest.mark.parametrize(
    ("sigma", "told"),
    [
        (np.eye(5), "found shape"),
        (np.diag([1e-6, 1e-6, 1e-6, -1e-6, 0.0, 0.0]), "a mean square along some direction is negative"),
        (np.diag([1e-6] * 6) + np.eye(6, k=1) * 1e-6, "symmetric"),
    ],
)
def test_moments_that_no_beam_has_are_refused(sigma: Array, told: str) -> None:
    with pytest.raises(InputError, match=told):
        Moments(PROTON, sigma)


def test_what_a_beam_lacks_is_told() -> None:
    with pytest.raises(InputError, match="no emittance in y"):
        twiss(line(), PROTON, start=Moments(PROTON, np.diag([1e-6, 1e-6, 0.0, 0.0, 0.0, 0.0])))
    with pytest.raises(InputError, match="give both the same particle"):
        twiss(line(), ReferenceParticle("proton", kinetic_energy_per_u=60e6), start=ROUND)
    with pytest.raises(InputError, match="betx and bety"):
        Moments.from_functions(PROTON, {"betx": 1.0}, emittance_x=1e-6, emittance_y=1e-6)
    with pytest.raises(InputError, match="leave delta out"):
        twiss(line(), PROTON, start=ROUND, delta=1e-3)


@pytest.mark.parametrize("name", [name for name in PLANE_COLUMNS if name.partition("_")[0] in ("size", "corr", "tilt")])
def test_a_complex_step_gives_the_slope_of_a_number_of_the_planes(name: str) -> None:
    """Im f(sigma + ih d)/h beside central differences, along a direction in which every moment changes."""
    drawn = np.random.default_rng(4).normal(size=(2, 6, 6))
    sigma, along = drawn[0] @ drawn[0].T, drawn[1] + drawn[1].T
    slope = plane_column(name, sigma + 1e-30j * along).imag / 1e-30
    ahead, behind = (plane_column(name, sigma + sign * 1e-6 * along) for sign in (1, -1))
    assert slope == pytest.approx((ahead - behind) / 2e-6, rel=1e-5)
