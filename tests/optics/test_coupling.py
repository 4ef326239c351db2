"""Coupled optics: exact laws of rolled rings, the second engine, derivatives, beams."""

from __future__ import annotations

from dataclasses import replace
from math import cos, sin
from typing import Any

import numpy as np
import pytest

from lattice import (
    Bend,
    Drift,
    Element,
    Kicker,
    Lattice,
    Multipole,
    Quadrupole,
    ReferenceParticle,
    Sextupole,
    Solenoid,
    SRotation,
    UnstableOptics,
)
from optics import Beam, gaussian_beam, to_xsuite, track, twiss

PROTON = ReferenceParticle("proton", kinetic_energy_per_u=100e6)
START = {"betx": 9.0, "alfx": 0.2, "bety": 4.0, "alfy": -0.7, "dx": -0.3}


def cells(solenoids: bool = True) -> Lattice:
    """Six cells of quadrupoles, bends and sextupoles, coupled by solenoids and skew gradients."""
    elements: list[Element] = []
    skew: dict[str, Any] = {"k1s": "kq"} if solenoids else {}
    for i in range(6):
        elements += [
            Quadrupole(f"qf{i}", length=0.3, k1="kf"),
            Drift(f"da{i}", length=0.5),
            Bend(f"b{i}", length=1.0, angle=np.pi / 3, e1=0.2, e2=0.2),
            *([Solenoid(f"s{i}", length=0.4, ks="ks")] if solenoids else []),
            Quadrupole(f"qd{i}", length=0.3, k1="kd", **skew),
            Sextupole(f"sx{i}", length=0.2, k2=2.0),
            Drift(f"db{i}", length=0.5),
        ]
    parameters = {"kf": 1.2, "kd": -0.9, **({"ks": 0.3, "kq": 0.05} if solenoids else {})}
    return Lattice("cells", elements=elements, parameters=parameters, particle=PROTON)


def rolled(lattice: Lattice, angle: float) -> Lattice:
    """The same machine turned about its orbit as a whole."""
    elements = [
        replace(element, tilt=angle) if isinstance(element, (Bend, Quadrupole, Sextupole)) else element
        for element in lattice.elements
    ]
    return Lattice("rolled", elements=elements, parameters=lattice.parameters.definitions, particle=lattice.particle)


@pytest.mark.parametrize("angle", [0.3, -0.6])
def test_a_ring_rolled_as_a_whole_keeps_its_modes(angle: float) -> None:
    """x = x' cos - y' sin: tunes and chromaticity stay, betas split as cos^2 and sin^2. Rounding over 40 maps."""
    plain = twiss(cells(solenoids=False))
    turned = twiss(rolled(cells(solenoids=False), angle))
    assert turned.coupled
    assert not plain.coupled
    for name in ("qx", "qy", "dqx", "dqy", "momentum_compaction"):
        assert getattr(turned, name) == pytest.approx(getattr(plain, name), abs=1e-11)
    c2, s2 = cos(angle) ** 2, sin(angle) ** 2
    for column, source, factor in (
        ("betx", "betx", c2),
        ("betx2", "bety", s2),
        ("bety", "bety", c2),
        ("bety1", "betx", s2),
        ("alfx", "alfx", c2),
        ("alfy", "alfy", c2),
        ("dx", "dx", cos(angle)),
        ("dy", "dx", sin(angle)),
    ):
        np.testing.assert_allclose(turned[column], factor * plain[source], rtol=1e-10, atol=1e-10)


def test_modes_agree_with_xsuite() -> None:
    """Tolerances as for the uncoupled rings: Xsuite differentiates its tracking numerically."""
    ring = cells()
    ours, theirs = twiss(ring), to_xsuite(ring, sextupole_kicks=50).twiss4d(coupling_edw_teng=True)
    assert ours.coupled
    assert ours.qx == pytest.approx(float(theirs.qx), abs=2e-9)
    assert ours.qy == pytest.approx(float(theirs.qy), abs=2e-9)
    assert ours.dqx == pytest.approx(float(theirs.dqx), abs=2e-5)
    assert ours.dqy == pytest.approx(float(theirs.dqy), abs=2e-5)
    rows = len(ours["s"])
    for column, name in (
        ("betx", "betx1"),
        ("bety", "bety2"),
        ("betx2", "betx2"),
        ("bety1", "bety1"),
        ("alfx", "alfx1"),
        ("alfy", "alfy2"),
        ("dx", "dx"),
        ("dy", "dy"),
    ):
        np.testing.assert_allclose(ours[column], theirs[name][:rows], rtol=2e-8, atol=3e-8)


def test_derivatives_pass_through_the_modes() -> None:
    """A complex step against central differences: their error is h^2, and rounding over h."""
    ring, h = cells(), 1e-5
    stepped = twiss(ring.with_parameters(ks=np.array([0.3 + 1e-30j, 0.3]), kq=np.array([0.05, 0.05 + 1e-30j])))
    for index, name in enumerate(("ks", "kq")):
        above, below = (twiss(ring.with_parameters({name: ring.parameters[name] + sign * h})) for sign in (1, -1))
        for scalar in ("qx", "qy", "dqx", "dqy"):
            difference = (getattr(above, scalar) - getattr(below, scalar)) / (2 * h)
            assert getattr(stepped, scalar)[index].imag / 1e-30 == pytest.approx(difference, abs=1e-7)
        difference = (above["betx2"] - below["betx2"]) / (2 * h)
        np.testing.assert_allclose(stepped["betx2"][index].imag / 1e-30, difference, atol=1e-7)


def test_a_batch_is_its_coupled_lattices_one_by_one() -> None:
    strengths = np.array([0.0, 0.2, 0.3])
    batch = twiss(cells().with_parameters(ks=strengths))
    for index, ks in enumerate(strengths):
        single = twiss(cells().with_parameters(ks=float(ks)))
        assert batch.qx[index] == pytest.approx(single.qx, abs=1e-13)
        np.testing.assert_allclose(batch["betx"][index], single["betx"], rtol=1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_phases_do_not_depend_on_how_elements_are_cut(seed: int) -> None:
    """Coupling turns the phase seen in a plane backwards here and there: no whole turn is made of that. Rounding."""
    rng = np.random.default_rng(seed)
    elements: list[Element] = []
    for i in range(6):
        ks, k1s = rng.normal(size=2) * (1.0, 0.3)
        elements += [
            Quadrupole(f"f{i}", length=0.3, k1=1.2),
            Bend(f"b{i}", length=1.0, angle=np.pi / 3, e1=0.2, e2=0.2),
            Solenoid(f"s{i}", length=0.4, ks=ks),
            Quadrupole(f"d{i}", length=0.3, k1=-0.9, k1s=k1s),
            Drift(f"e{i}", length=1.0),
        ]
    ring = Lattice("random", elements=elements, particle=PROTON)
    tw = twiss(ring, start={"betx": 2.0, "bety": 2.5})
    inside = tw.inside(slices=20)
    for column in ("mux", "muy"):
        assert tw[column][-1] == pytest.approx(inside[column].iloc[-1], abs=1e-7)  # slices of the skew quadrupoles


def test_chromaticity_is_the_tunes_slope() -> None:
    """Closed orbits at +-h: the difference is good to h^2 times the third derivative."""
    ring, h = cells(), 1e-5
    above, below = twiss(ring, delta=h), twiss(ring, delta=-h)
    tw = twiss(ring)
    assert (above.qx - below.qx) / (2 * h) == pytest.approx(tw.dqx, abs=1e-5)
    assert (above.qy - below.qy) / (2 * h) == pytest.approx(tw.dqy, abs=1e-5)


@pytest.mark.parametrize(
    "elements",
    [
        (Quadrupole("q", length=1.0, k1s=0.1),),
        (Solenoid("s", length=1.0, ks=1.5),),
        (Quadrupole("q", length=1.0, k1=0.5, tilt=0.7),),
        (Multipole("a", ksl=(0.0, 0.1)), Drift("d", length=1.0), Multipole("b", ksl=(0.0, -0.1))),
        (Kicker("v", vkick=1e-3), Drift("d", length=1.0), Sextupole("s", length=0.2, k2=5.0), Drift("e", length=2.0)),
    ],
    ids=lambda elements: elements[0].name,
)
def test_sizes_behind_a_coupled_line_are_those_of_the_beam(elements: tuple[Quadrupole, ...]) -> None:
    """Covariances are carried exactly by the matrix: sampled moments of a small beam agree to sampling (4 sigma)."""
    line = Lattice("line", elements=elements)
    optics = twiss(line, PROTON, start=START)
    assert optics.coupled
    beam = Beam(PROTON, 4e-12, 1e-12, 1e-6)
    count = 20_000
    after = track(line, PROTON, gaussian_beam(beam, optics, count, seed=3)).coordinates
    for size, column in zip(beam.sizes(optics), (0, 2), strict=True):
        assert np.std(after[:, column]) == pytest.approx(size[-1], rel=4 / np.sqrt(2 * count))


def test_a_rotation_by_a_right_angle_swaps_the_planes_sizes() -> None:
    """A solenoid of half turn pi/2 rotates the planes: the size in x behind it is the other plane's."""
    line = Lattice("half", elements=[Solenoid("s", length=1.0, ks=np.pi)])
    beam = Beam(PROTON, 4e-6, 1e-6)
    back = Lattice("no", elements=[Drift("d", length=1.0)])
    here = twiss(line, PROTON, start={"betx": 2.0, "bety": 2.0})
    assert here["betx"][-1] == pytest.approx(0.0, abs=1e-12)
    assert np.all(np.isfinite(np.concatenate(beam.sizes(here))))
    swapped = twiss(line, PROTON, start={"betx": 2.0, "bety": 2.0})
    other = Beam(PROTON, 1e-6, 4e-6)
    assert beam.sizes(swapped)[0][-1] == pytest.approx(other.sizes(swapped)[1][-1], rel=1e-12)
    assert not twiss(back, PROTON, start={"betx": 2.0, "bety": 2.0}).coupled


def test_a_turn_of_the_frame_by_a_right_angle_swaps_the_planes() -> None:
    """Behind it mode 1 is seen in y alone: its beta is bety1, and sizes are those of the other plane. Rounding."""
    elements = [Drift("a", length=1.0), SRotation("turn", angle=np.pi / 2), Drift("b", length=1.0)]
    straight = twiss(Lattice("one", elements=[Drift("a", length=1.0), Drift("b", length=1.0)]), PROTON, start=START)
    turned = twiss(Lattice("turned", elements=elements), PROTON, start=START)
    beam = Beam(PROTON, 4e-6, 1e-6, 1e-3)
    np.testing.assert_allclose(turned["bety1"][2:], straight["betx"][1:], rtol=1e-14)
    np.testing.assert_allclose(turned["betx2"][2:], straight["bety"][1:], rtol=1e-14)
    np.testing.assert_allclose(turned["alfx2"][2:], straight["alfy"][1:], rtol=1e-14)
    np.testing.assert_allclose(turned["betx_edw_teng"][2:], straight["betx"][1:], rtol=1e-14)
    for here, there in ((0, 1), (1, 0)):
        np.testing.assert_allclose(beam.sizes(turned)[here][2:], beam.sizes(straight)[there][1:], rtol=1e-14)


def test_a_sum_resonance_is_unstable_in_words() -> None:
    """qx + qy on an integer with a skew gradient: the modes merge off the unit circle."""
    ring = Lattice(
        "sum",
        elements=[
            Multipole("f", knl=(0.0, 0.5)),
            Drift("a", length=1.0),
            Multipole("g", knl=(0.0, -0.5), ksl=(0.0, "k")),
            Drift("b", length=1.0),
        ],
        parameters={"k": 0.0},
    )
    with pytest.raises(UnstableOptics, match="'sum' is unstable"):
        twiss(ring.with_parameters(k=3.0), PROTON)
