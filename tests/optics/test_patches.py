"""Changes of the reference frame, dipole edges, thin solenoids and electric fields: laws first, then MAD-X."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from lattice import (
    Bend,
    DipoleEdge,
    Drift,
    Element,
    Lattice,
    LatticeError,
    Quadrupole,
    ReferenceParticle,
    Separator,
    Solenoid,
    SRotation,
    ThinSolenoid,
    Translation,
    XRotation,
    YRotation,
    survey,
)
from lattice.arrays import Array
from optics import Beam, twiss, verify
from optics.engines.madx_session import available
from optics.maps.lattices.turns import turns

PROTON = ReferenceParticle("proton", kinetic_energy_per_u=60e6)
CARBON = ReferenceParticle("carbon-12", kinetic_energy_per_u=400e6)
#: Far out: 30 mm, 20 mrad, 2 %.
FAR = np.array([[0.030, -0.020, 0.025, 0.015, 0.05, 0.02], [-0.028, 0.012, 0.030, -0.020, -0.02, -0.018]])

needs_madx = pytest.mark.skipif(not available(), reason="cpymad is not installed: not compared with MAD-X")


def line(*elements: Element) -> Lattice:
    return Lattice("line", elements=elements, particle=PROTON)


def through(coordinates: Array, *elements: Element, fringe: str = "full") -> Array:
    return turns(line(*elements), PROTON, fringe)[0].track(coordinates)


def matrix(*elements: Element, delta: float = 0.0, fringe: str = "full") -> Array:
    start = np.array([0.0, 0.0, 0.0, 0.0, 0.0, delta])
    return turns(line(*elements), PROTON, fringe)[0].jacobian(start)[1]


# --------------------------------------------------------------------------------------------- frames


@pytest.mark.parametrize("kind", [SRotation, XRotation, YRotation])
def test_a_turn_and_its_opposite_cancel(kind: type[SRotation | XRotation | YRotation]) -> None:
    back = through(FAR, kind("there", angle=0.4), kind("back", angle=-0.4))
    np.testing.assert_allclose(back, FAR, rtol=0, atol=1e-16)


def test_a_displacement_and_its_opposite_cancel() -> None:
    back = through(FAR, Translation("there", dx=0.1, dy=-0.2, ds=0.3), Translation("back", dx=-0.1, dy=0.2, ds=-0.3))
    np.testing.assert_allclose(back, FAR, rtol=0, atol=2e-16)


def test_a_translation_along_s_is_a_drift_of_no_length() -> None:
    flown = through(FAR, Drift("d", length=0.3)) - [0, 0, 0, 0, 0.3, 0]
    np.testing.assert_array_equal(through(FAR, Translation("t", ds=0.3)), flown)
    assert line(Translation("t", ds=0.3)).length == 0.0


JOURNEY = (
    Drift("d1", length=0.7),
    YRotation("ry", angle=0.3),
    Drift("d2", length=0.4),
    XRotation("rx", angle=-0.2),
    SRotation("rs", angle=0.5),
    Translation("t", dx=0.02, dy=-0.03, ds=0.15),
    Drift("d3", length=0.6),
    YRotation("ry2", angle=-0.45),
)


def test_a_free_particle_flies_straight_whatever_the_frames() -> None:
    """In the floor coordinates of ``survey`` place and direction at the end lie on the line of the start."""
    floor = survey(line(*JOURNEY))
    axes = _axes(*(float(floor[angle][-1]) for angle in ("theta", "phi", "psi")))
    origin = np.array([floor[axis][-1] for axis in ("X", "Y", "Z")])
    for before, after in zip(FAR, through(FAR, *JOURNEY), strict=True):
        start, direction = np.array([before[0], before[2], 0.0]), _momentum(before)
        end = origin + axes @ [after[0], after[2], 0.0]
        np.testing.assert_allclose(axes @ _momentum(after), direction, rtol=0, atol=3e-16)
        np.testing.assert_allclose(np.cross(end - start, direction), 0.0, rtol=0, atol=2e-15)
        time = np.dot(end - start, direction) / np.dot(direction, direction)  # length over momentum
        path = time * (1 + before[5])
        flown = float(floor["s"][-1]) - (after[4] - before[4])  # beta0 c t
        assert flown == pytest.approx(path * _inverse_velocity_ratio(before[5]), abs=2e-15)


def _axes(theta: float, phi: float, psi: float) -> Array:
    """Local axes in floor coordinates: R_y(theta) R_x(-phi) R_z(psi) (MAD-X user's guide)."""
    ct, st, cp, sp, cs, ss = np.cos(theta), np.sin(theta), np.cos(phi), np.sin(phi), np.cos(psi), np.sin(psi)
    about_y = np.array([[ct, 0, st], [0, 1, 0], [-st, 0, ct]])
    about_x = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    return about_y @ about_x @ np.array([[cs, -ss, 0], [ss, cs, 0], [0, 0, 1]])


def _momentum(z: Array) -> Array:
    return np.array([z[1], z[3], np.sqrt((1 + z[5]) ** 2 - z[1] ** 2 - z[3] ** 2)])


def _inverse_velocity_ratio(delta: float) -> float:
    momentum = PROTON.beta * PROTON.gamma * (1 + delta)
    return float(PROTON.beta * np.sqrt(1 + momentum**2) / momentum)


def test_a_tilted_magnet_is_a_magnet_between_turns() -> None:
    plain = Quadrupole("q", length=0.4, k1=0.8, k1s=0.2)
    tilted = Quadrupole("q", length=0.4, k1=0.8, k1s=0.2, tilt=0.3)
    turned = through(FAR, SRotation("in", angle=0.3), plain, SRotation("out", angle=-0.3))
    np.testing.assert_allclose(turned, through(FAR, tilted), rtol=0, atol=1e-16)


def test_a_rectangular_bend_is_a_straight_one_between_turns_about_y() -> None:
    """Its frame is the chord: half the bending angle at each end. Arc and chord differ as lengths do."""
    angle, length = 0.4, 1.5
    half = angle / 2
    arc = Bend("arc", length=length, angle=angle, e1=half, e2=half)
    chord = length * np.sin(half) / half
    straight = Bend("straight", length=chord, angle=0.0, k0=angle / length)
    turned = through(FAR, YRotation("in", angle=-half), straight, YRotation("out", angle=-half))
    turned[:, 4] += length - chord
    np.testing.assert_allclose(turned, through(FAR, arc), rtol=0, atol=1e-15)


def test_turns_of_a_right_angle_are_refused() -> None:
    for kind in (XRotation, YRotation):
        with pytest.raises(LatticeError, match=f"{kind.__name__} 'r': angle must be below 1.5 rad, found 1.6"):
            turns(line(kind("r", angle=1.6)), PROTON, "full")


def test_sizes_of_the_beam_stay_right_behind_a_turn_by_a_right_angle() -> None:
    """What was horizontal is vertical: sizes swap, and grow on as the other plane's did."""
    start = {"betx": 2.0, "alfx": 0.5, "bety": 5.0, "alfy": -1.0, "dx": 0.3, "dpx": 0.1}
    swapped = {"bety": 2.0, "alfy": 0.5, "betx": 5.0, "alfx": -1.0, "dy": -0.3, "dpy": -0.1}
    cell = (Drift("d", length=1.0), Quadrupole("q", length=0.3, k1=0.7), Drift("e", length=1.0))
    turned = twiss(line(SRotation("r", angle=np.pi / 2), *cell), PROTON, start=start)
    plain = twiss(line(*cell), PROTON, start=swapped)
    for one, other in zip(
        Beam(PROTON, 4e-6, 1e-6, 1e-3).sizes(turned), Beam(PROTON, 1e-6, 4e-6, 1e-3).sizes(plain), strict=True
    ):
        np.testing.assert_allclose(one[1:], other, rtol=1e-13)


def test_a_ring_with_turned_magnets_has_the_tunes_of_the_ring() -> None:
    """Between turns by a right angle a focusing quadrupole is a defocusing one."""

    def ring(*defocusing: Element) -> Lattice:
        bend = Bend("b", length=1.2, angle=np.pi / 4)
        cell = [Quadrupole("qf", length=0.3, k1=0.6), Drift("d", length=0.8), bend, *defocusing, Drift("e", length=0.8)]
        return Lattice("ring", elements=cell * 8, particle=PROTON)

    plain = twiss(ring(Quadrupole("qd", length=0.3, k1=-0.65)))
    turn, back = SRotation("in", angle=np.pi / 2), SRotation("out", angle=-np.pi / 2)
    turned = twiss(ring(turn, Quadrupole("qd", length=0.3, k1=0.65), back))
    assert (turned.qx % 1, turned.qy % 1) == pytest.approx((plain.qx % 1, plain.qy % 1), abs=1e-12)
    assert turned["betx"][0] == pytest.approx(plain["betx"][0], rel=1e-12)
    assert turned.dqy == pytest.approx(plain.dqy, abs=1e-10)


# --------------------------------------------------------------------------------------------- dipole edges


def ring_of(*bend: Element) -> Lattice:
    cell = [Quadrupole("qf", length=0.3, k1=0.6), Drift("d", length=0.8), *bend, Drift("e", length=0.8)]
    cell += [Quadrupole("qd", length=0.3, k1=-0.65), Drift("f", length=0.8)]
    return Lattice("ring", elements=cell * 8, particle=PROTON)


FIELD = np.pi / 4 / 1.2
WHOLE = Bend("b", length=1.2, angle=np.pi / 4, e1=0.2, e2=0.1, hgap=0.03, fint=0.5)
PIECES = (
    DipoleEdge("in", h=FIELD, e1=0.2, hgap=0.03, fint=0.5),
    Bend("b", length=1.2, angle=np.pi / 4),
    DipoleEdge("out", h=FIELD, e1=0.1, hgap=0.03, fint=0.5),
)


def test_a_bend_with_its_edges_apart_is_the_bend_with_linear_edges() -> None:
    np.testing.assert_allclose(
        through(FAR, *PIECES, fringe="linear"), through(FAR, WHOLE, fringe="linear"), rtol=0, atol=1e-16
    )


def test_edges_apart_have_the_same_tunes_whatever_the_fringe() -> None:
    """1e-4 is the cube of the fringe's angle, which the full edge has: tan(e - psi) up to psi^3 / 3."""
    whole, pieces = twiss(ring_of(WHOLE)), twiss(ring_of(*PIECES))
    assert (pieces.qx, pieces.qy) == pytest.approx((whole.qx, whole.qy), abs=1e-4)
    assert pieces["betx"][0] == pytest.approx(whole["betx"][0], rel=1e-12)


@needs_madx
@pytest.mark.madx
def test_a_ring_with_edges_apart_is_madxs() -> None:
    """Chromaticity too: MAD-X's DIPEDGE is of first order, its SBEND beside it has its full normal face."""
    result = verify(ring_of(*PIECES), engine="madx")
    assert result.success, result.message
    assert {"qx", "qy", "dqx", "dqy"} <= set(result.table["quantity"])


# --------------------------------------------------------------------------------------------- solenoids


@pytest.mark.parametrize("delta", [0.0, 0.02])
def test_a_solenoid_is_the_limit_of_thin_ones_between_drifts(delta: float) -> None:
    """Slices in the middle of drifts: the error falls as their number squared."""
    length, ks = 0.9, 0.8
    whole = matrix(Solenoid("s", length=length, ks=ks), delta=delta)

    def error(n: int) -> float:
        half, thin = Drift("d", length=length / n / 2), ThinSolenoid("t", ks=ks, ksi=ks * length / n)
        return float(np.abs(matrix(*[half, thin, half] * n, delta=delta) - whole).max())

    assert error(16) < 2e-4
    assert error(16) / error(32) == pytest.approx(4, rel=0.01)


def test_a_thin_solenoid_turns_by_half_its_strength() -> None:
    turned = matrix(ThinSolenoid("s", ks=0.0, ksi=0.6))[:4, :4]
    np.testing.assert_allclose(turned, matrix(SRotation("r", angle=0.3))[:4, :4], rtol=0, atol=1e-16)


# --------------------------------------------------------------------------------------------- electric fields


def test_a_separator_is_the_motion_in_an_electric_field() -> None:
    """Integrated in s: dp/ds = E W / pz, with the energy W that grows by the work of the field (all over P0 c)."""
    separator = Separator("s", length=0.9, ex=5e6, ey=-3e6)
    field = np.array([5e6, -3e6]) / PROTON.momentum
    rest = PROTON.mass / PROTON.momentum

    def slope(s: float, state: Array, start: Array) -> list[float]:
        x, px, y, py, _ = state
        energy = np.sqrt(rest**2 + (1 + start[5]) ** 2) + field @ [x, y]
        pz = np.sqrt(energy**2 - rest**2 - px**2 - py**2)
        return [px / pz, field[0] * energy / pz, py / pz, field[1] * energy / pz, PROTON.beta * energy / pz]

    for before, after in zip(FAR, through(FAR, separator), strict=True):
        start = [*before[:4], 0.0]
        solved = solve_ivp(slope, (0.0, 0.9), start, args=(before,), method="DOP853", rtol=1e-13, atol=1e-15).y[:, -1]
        np.testing.assert_allclose(after[:4], solved[:4], rtol=0, atol=1e-13)
        assert after[4] - before[4] == pytest.approx(0.9 - solved[4], abs=1e-13)


def test_the_field_of_a_separator_acts_on_the_particle_that_flies() -> None:
    """One lattice, two particles: the kick is q E L / (beta p c), and sinh of it."""
    lattice = Lattice("line", elements=[Separator("s", length=1.0, ex=1e5, ey="e", tilt=0.1)], parameters={"e": 0.0})
    for particle in (PROTON, CARBON, PROTON):
        kick = particle.charge * 1e5 / (particle.momentum * particle.beta)
        end = turns(lattice, particle, "full")[0].track(np.zeros((1, 6)))[0]
        assert end[1] == pytest.approx(kick * np.cos(0.1), rel=1e-6)  # the square of the kick
        assert end[3] == pytest.approx(kick * np.sin(0.1), rel=1e-6)


def test_a_separator_is_differentiable_at_no_field() -> None:
    """A complex step in one component, with the other off or on."""
    for other in (0.0, 1e5):
        elements = [Separator("s", length=1.0, ex="a", ey=other)]
        lattice = Lattice("line", elements=elements, parameters={"a": 1e5 + 1e-3j})
        end = turns(lattice, PROTON, "full")[0].follow(np.zeros(6), 0)[-1, :, 0]
        slope = end[1].imag / 1e-3
        assert slope == pytest.approx(1 / (PROTON.momentum * PROTON.beta), rel=1e-5)


# --------------------------------------------------------------------------------------------- MAD-X

START = {"betx": 3.0, "bety": 2.0, "alfx": 0.1, "alfy": -0.2, "dx": 0.5, "dpx": 0.1, "dy": 0.3, "dpy": -0.1}
TRANSFER_LINE = line(
    Quadrupole("q1", length=0.3, k1=0.7),
    SRotation("rs", angle=0.4),
    Drift("d1", length=0.8),
    DipoleEdge("de", h=0.3, e1=0.2, hgap=0.03, fint=0.5, tilt=0.1),
    Bend("b", length=1.2, angle=0.36),
    ThinSolenoid("so", ks=0.3, ksi=0.2),
    Translation("t", ds=0.1),
    Quadrupole("q2", length=0.3, k1=-0.7),
    SRotation("rb", angle=-np.pi / 2),
    Drift("d2", length=0.8),
)


@needs_madx
@pytest.mark.madx
def test_a_line_with_turns_is_madxs() -> None:
    result = verify(TRANSFER_LINE, start=START, engine="madx")
    assert result.success, result.message


@needs_madx
@pytest.mark.madx
def test_off_its_axis_a_frame_is_madxs() -> None:
    """MAD-X's matrices of a turn about x or y and of a displacement hold about the orbit, as ours do."""
    for element in (XRotation("e1", angle=0.1), YRotation("e1", angle=-0.2), Translation("e1", dx=1e-3, dy=2e-3)):
        start = {**START, "x": 1e-3, "px": 2e-3, "y": -2e-3, "py": 1e-3}
        result = verify(line(element), start=start, engine="madx")
        compared = result.table[result.table["quantity"].isin(["x", "px", "y", "py", "betx", "bety", "alfx", "alfy"])]
        assert compared["difference"].abs().max() < 1e-11, result.message


@needs_madx
@pytest.mark.madx
def test_a_separator_on_the_axis_is_madxs() -> None:
    result = verify(line(Separator("s", length=1.0, ex=1e6, ey=-2e6, tilt=0.2)), start=START, engine="madx")
    compared = result.table[result.table["quantity"].isin(["x", "px", "y", "py", "betx", "bety", "dx", "dy"])]
    assert compared["difference"].abs().max() < 1e-9, result.message


def test_xsuite_agrees_on_a_ring_with_edges_apart_and_turns() -> None:
    turn, back = SRotation("ri", angle=0.3), SRotation("ro", angle=-0.3)
    rolled = (turn, Drift("g", length=0.5), back, YRotation("yi", angle=0.01), YRotation("yo", angle=-0.01))
    for fringe in ("full", "linear"):
        result = verify(ring_of(*PIECES, *rolled), fringe=fringe)
        assert result.success, result.message
