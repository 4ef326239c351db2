"""Twiss of rings and lines: exact laws first, then MAD-X and Xsuite, then stored numbers."""

from __future__ import annotations

import numpy as np
import pytest

from lattice import (
    Bend,
    Drift,
    InputError,
    Kicker,
    Lattice,
    LatticeError,
    Marker,
    Multipole,
    Quadrupole,
    ReferenceParticle,
    RFCavity,
    RFGap,
    Sextupole,
    UnstableOptics,
)
from lattice.arrays import Array
from machines.cnao_like import cnao, pimms
from optics import track, twiss
from optics.engines.madx_session import available
from optics.engines.verification import verify
from optics.maps.lattices.turns import turns

PROTON = ReferenceParticle("proton", kinetic_energy_per_u=60e6)
START = {"betx": 5.0, "alfx": 0.3, "bety": 4.0, "alfy": -0.2, "dx": 0.5, "dpx": 0.1}
COLUMNS = ("betx", "alfx", "mux", "dx", "dpx", "bety", "alfy", "muy")


def small_ring(**changes: float) -> Lattice:
    """Eight cells with strong bends, a gap, all kinds of edges and sextupoles: every effect is large in it."""
    bend = Bend("mb", length=1.1, angle=np.pi / 8, e1=0.12, e2=0.05, hgap=0.03, fint=0.45, fintx=0.3)
    cell = [
        Quadrupole("qf", length=0.3, k1="kf"),
        Sextupole("sf", length=0.2, k2="sf"),
        Drift("d1", length=0.6),
        bend,
        Quadrupole("qd", length=0.3, k1="-kd"),
        Sextupole("sd", length=0.2, k2="-sd"),
        Drift("d2", length=0.4),
        bend,
    ]
    parameters = {"kf": 1.1, "kd": 0.9, "sf": 2.0, "sd": 3.0, **changes}
    return Lattice("small", elements=[cell] * 8, parameters=parameters, particle=PROTON)


def matrix(ring: Lattice, delta: float = 0.0) -> Array:
    turn = turns(ring, ring.particle or PROTON, "full")[0]
    return turn.jacobian(turn.closed_orbit(delta))[1]


def line(*elements: object) -> Lattice:
    return Lattice("line", elements=elements)  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------- exact laws


@pytest.mark.number("qx", "qy", "dqx", "dqy", "betx", "bety", "alfx", "alfy", by="closed form")
def test_thin_lens_fodo_cell() -> None:
    # sin(mu/2) = L/(4f), beta = L (1 +- sin(mu/2)) / sin(mu), chromaticity -tan(mu/2)/pi (S.Y. Lee, chapter 2)
    half, f = 2.5, 3.1
    elements = [
        Multipole("qf", knl=(0.0, 0.5 / f)),
        Drift("a", length=half),
        Multipole("qd", knl=(0.0, -1 / f)),
        Drift("b", length=half),
        Multipole("qe", knl=(0.0, 0.5 / f)),
    ]
    cell = twiss(line(*elements), PROTON)
    mu = 2 * np.arcsin(2 * half / (4 * f))
    largest, smallest = (2 * half * (1 + sign * np.sin(mu / 2)) / np.sin(mu) for sign in (1, -1))
    assert (cell.qx, cell.qy) == pytest.approx([mu / (2 * np.pi)] * 2, abs=1e-15)
    assert (cell.value("betx", "qf"), cell.value("bety", "qf")) == pytest.approx((largest, smallest), rel=1e-14)
    assert (cell.value("alfx", "qf"), cell.value("alfy", "qf")) == pytest.approx((0.0, 0.0), abs=1e-15)
    assert (cell.dqx, cell.dqy) == pytest.approx([-np.tan(mu / 2) / np.pi] * 2, rel=1e-13)


@pytest.mark.number("dx", "dpx", "dy", "dpy", by="exact law")
@pytest.mark.parametrize("delta", [0.0, 0.004])
def test_functions_are_those_of_the_one_turn_matrix_everywhere(delta: float) -> None:
    ring = small_ring()
    optics = twiss(ring, delta=delta)
    for first in (0, 5, 20):
        turned = Lattice(
            "turned",
            elements=ring.elements[first:] + ring.elements[:first],
            parameters=ring.parameters,
            particle=PROTON,
        )
        one_turn = matrix(turned, delta)
        for plane, q in ((0, optics.qx), (2, optics.qy)):
            block, axis = one_turn[plane : plane + 2, plane : plane + 2], "xy"[plane // 2]
            beta, alpha = optics["bet" + axis][first], optics["alf" + axis][first]
            gamma, c, s = (1 + alpha**2) / beta, np.cos(2 * np.pi * q), np.sin(2 * np.pi * q)
            np.testing.assert_allclose(block, [[c + alpha * s, beta * s], [-gamma * s, c - alpha * s]], atol=2e-13)
            assert np.linalg.det(block) == pytest.approx(1.0, abs=1e-13)
        dispersion = np.array([optics[name][first] for name in ("dx", "dpx", "dy", "dpy")])
        np.testing.assert_allclose(one_turn[:4, :4] @ dispersion + one_turn[:4, 5], dispersion, atol=1e-13)


def test_a_ring_started_elsewhere_is_the_same_ring() -> None:
    ring = small_ring()
    turned = Lattice("turned", elements=ring.elements[19:] + ring.elements[:19], parameters=ring.parameters)
    here, there = twiss(ring), twiss(turned, PROTON)
    for name in ("qx", "qy", "dqx", "dqy", "momentum_compaction"):
        assert getattr(here, name) == pytest.approx(getattr(there, name), abs=2e-13), name
    np.testing.assert_allclose(here["betx"][19:-1], there["betx"][: len(ring) - 19], rtol=1e-13)


@pytest.mark.parametrize("delta", [0.0, -0.003])
def test_a_line_started_with_the_periodic_values_is_the_ring(delta: float) -> None:
    optics = twiss(cnao(), delta=delta)
    names = ("betx", "alfx", "bety", "alfy", "dx", "dpx", "dy", "dpy", "x", "px", "y", "py")
    again = twiss(cnao(), start={name: optics[name][0] for name in names}, delta=delta)
    for name in (*COLUMNS, "x", "px", "zeta"):
        np.testing.assert_allclose(again[name], optics[name], rtol=1e-12, atol=1e-13, err_msg=name)
    assert np.isnan(again.dqx)
    assert np.isnan(again.momentum_compaction)


@pytest.mark.number("dqx", "dqy", "dx", "dpx", by="exact law")
@pytest.mark.parametrize("fringe", ["full", "linear"])
@pytest.mark.parametrize("delta", [0.0, 0.002])
def test_dispersion_chromaticity_and_compaction_are_differences_over_momentum(delta: float, fringe: str) -> None:
    # Richardson: the differences over h and h/2 leave errors of h^4; h = 1e-3 leaves 1e-9 and rounding/h 1e-12
    ring, h = small_ring(), 1e-3

    def slope(name: str, step: float) -> float:
        up, down = (twiss(ring, delta=delta + sign * step, fringe=fringe) for sign in (1, -1))
        values = [o.scalar(name) if name in ("qx", "qy") else o[name][7] for o in (up, down)]
        return float(values[0] - values[1]) / (2 * step)

    here = twiss(ring, delta=delta, fringe=fringe)
    for quantity, derivative in (("qx", here.dqx), ("qy", here.dqy), ("x", here["dx"][7]), ("px", here["dpx"][7])):
        assert (4 * slope(quantity, h / 2) - slope(quantity, h)) / 3 == pytest.approx(derivative, abs=2e-8), quantity


@pytest.mark.number("momentum_compaction", "gamma_transition", "slip_factor", by="exact law")
@pytest.mark.parametrize("delta", [0.0, 0.003])
def test_momentum_compaction_is_the_lengthening_of_the_closed_orbit(delta: float) -> None:
    ring, h = small_ring(), 1e-3

    def path(momentum: float) -> float:
        """From zeta = s - beta0 c t: the particle of that momentum goes with its own velocity."""
        turn = turns(ring, PROTON, "full")[0]
        orbit = turn.closed_orbit(momentum)
        slip = float(turn.track(orbit[None])[0, 4])
        energy = np.hypot(PROTON.momentum * (1 + momentum), PROTON.mass)
        speed = PROTON.momentum * (1 + momentum) / energy
        return (float(ring.length) - slip) * speed / PROTON.beta

    wide, narrow = ((path(delta + step) - path(delta - step)) / (2 * step) for step in (h, h / 2))
    optics = twiss(ring, delta=delta)
    assert (4 * narrow - wide) / 3 / ring.length == pytest.approx(optics.momentum_compaction, abs=1e-9)
    assert optics.gamma_transition == pytest.approx(optics.momentum_compaction**-0.5, rel=1e-15)
    if delta == 0.0:
        assert optics.slip_factor == pytest.approx(optics.momentum_compaction - PROTON.gamma**-2, abs=1e-14)


def test_tunes_are_the_frequencies_of_tracked_particles() -> None:
    ring, count = small_ring(sf=0.0, sd=0.0), 512
    optics, turn = twiss(ring), turns(ring, PROTON, "full")[0]
    history = [np.array([[1e-6, 0, 1e-6, 0, 0, 0]])]
    for _ in range(count - 1):
        history.append(turn.track(history[-1]))
    window = np.hanning(count)
    for coordinate, tune in ((0, optics.qx), (2, optics.qy)):
        signal = np.array(history)[:, 0, coordinate] * window

        def amplitude(q: float, signal: Array = signal) -> float:
            return float(abs(signal @ np.exp(-2j * np.pi * q * np.arange(count))))

        grid = np.linspace(0.0, 0.5, 4001)
        rough = grid[np.argmax([amplitude(q) for q in grid])]
        fine = np.linspace(rough - 2e-4, rough + 2e-4, 2001)
        found = fine[np.argmax([amplitude(q) for q in fine])]
        folded = abs(tune - round(tune))
        assert found == pytest.approx(folded, abs=2e-6)  # a windowed line is found to better than 1/turns^2


@pytest.mark.number("x", "px", by="exact law")
def test_a_kicked_orbit_is_the_fixed_point_of_tracking() -> None:
    ring = Lattice(
        "kicked",
        elements=[small_ring().elements, Kicker("h", length=0.1, hkick=1e-3)],
        parameters=small_ring().parameters,
        particle=PROTON,
    )
    optics = twiss(ring)
    orbit = np.array([[optics[name][0] for name in ("x", "px", "y", "py", "zeta", "delta")]])
    after = track(ring, PROTON, orbit, turns=3).coordinates
    assert abs(orbit[0, 0]) > 1e-4
    np.testing.assert_allclose(after[:, :4], orbit[:, :4], atol=1e-14)
    assert optics["x"][0] == pytest.approx(optics["x"][-1], abs=1e-15)


def test_maxima_inside_elements_are_those_of_fine_slicing() -> None:
    for optics in (twiss(small_ring()), twiss(cnao()), twiss(small_ring(), delta=0.004)):
        fine = optics.inside(400)
        for column in ("betx", "bety", "dx"):
            # interpolation between eighths of a magnet: relative 1e-6
            assert optics.maximum(column) == pytest.approx(fine[column].max(), rel=1e-6)
            assert optics.minimum(column) == pytest.approx(fine[column].min(), rel=1e-6)
    between = optics.maximum("betx", between=("sd::2", "qf::5"))
    table = fine[(fine["s"] >= optics.value("s", "sd::2")) & (fine["s"] <= optics.value("s", "qf::5"))]
    assert between == pytest.approx(table["betx"].max(), rel=1e-6)


def test_inside_a_kicked_line_the_orbit_is_the_lines() -> None:
    kicked = line(Drift("d", length=1.0), Kicker("k", hkick=1e-3), Quadrupole("q", length=0.5, k1=1.0), Marker("m"))
    optics = twiss(kicked, PROTON, start=START)
    inside = optics.inside(4)
    assert np.all(inside["x"][inside["element"] == "d"] == 0.0)
    assert inside["x"].iloc[-1] == pytest.approx(optics.value("x", "q:end"), abs=1e-16)


def test_phases_grow_through_a_magnet_of_more_than_half_an_oscillation() -> None:
    long = twiss(line(Quadrupole("q", length=2.0, k1=4.0)), PROTON, start=START)
    short = twiss(line(*[Quadrupole("q", length=0.5, k1=4.0)] * 4), PROTON, start=START)
    assert long.qx == pytest.approx(short.qx, abs=1e-14)
    assert long.qx > 0.5


@pytest.mark.parametrize("element", [Kicker("k", hkick=1e-5, tilt=0.7), Multipole("m", knl=(1e-5,), tilt=0.7)])
def test_a_rolled_deflection_leaves_the_focusing_alone(element: Kicker | Multipole) -> None:
    plain = twiss(line(Drift("d", length=1.0), Drift("e", length=1.0)), PROTON, start=START)
    rolled = twiss(line(Drift("d", length=1.0), element, Drift("e", length=1.0)), PROTON, start=START)
    assert rolled["betx"][-1] == pytest.approx(plain["betx"][-1], rel=1e-8)


# ------------------------------------------------------------------------------------------------ second codes


@pytest.mark.skipif(not available(), reason="cpymad is not installed")
@pytest.mark.madx
def test_madx_gives_the_same_tunes_functions_and_dispersion() -> None:
    from cpymad.madx import Madx

    ring = small_ring()
    cell = """
        qf: quadrupole, l=0.3, k1=1.1; qd: quadrupole, l=0.3, k1=-0.9; d1: drift, l=0.6; d2: drift, l=0.4;
        sf: sextupole, l=0.2, k2=2; sd: sextupole, l=0.2, k2=-3;
        mb: sbend, l=1.1, angle=pi/8, e1=0.12, e2=0.05, hgap=0.03, fint=0.45, fintx=0.3;
        ring: line=(8*(qf,sf,d1,mb,qd,sd,d2,mb));
    """  # written out here: the comparison must not share our own translation
    madx = Madx(stdout=False)
    madx.input(cell)
    madx.beam(particle="proton", energy=PROTON.total_energy * 1e-9)
    madx.use("ring")
    table, summary = madx.twiss(), madx.table.summ
    optics = twiss(ring, fringe="linear")  # MAD-X's fringe of a gap is the linear one; tunes are those of first order
    rows, beta = slice(len(ring) + 1), PROTON.beta
    assert (optics.qx, optics.qy) == pytest.approx((summary.q1[0], summary.q2[0]), abs=1e-8)  # proton mass: 1e-9
    for ours, theirs in (("betx", table.betx), ("bety", table.bety), ("alfx", table.alfx), ("mux", table.mux)):
        np.testing.assert_allclose(optics[ours], theirs[rows], rtol=1e-7, atol=1e-7, err_msg=ours)
    np.testing.assert_allclose(optics["dx"], table.dx[rows] * beta, atol=1e-7)
    madx.quit()


@pytest.mark.parametrize("fringe", ["full", "linear"])
def test_xsuite_agrees_on_strong_edges_gaps_and_gradients(fringe: str) -> None:
    assert verify(small_ring(), fringe=fringe).success
    gradient = [
        Bend("f", length=1.2, angle=np.pi / 8, k1=1.2),
        Drift("d", length=0.3),
        Bend("g", length=1.2, angle=np.pi / 8, k1=-1.2),
    ]
    outcome = verify(Lattice("combined", elements=[gradient, Drift("e", length=0.3)] * 8), PROTON, fringe=fringe)
    assert outcome.success, outcome.message


# ---------------------------------------------------------------------------------------------- stored numbers


# Computed with Xsuite (exact bends, sliced sextupoles) and MAD-X; the digits quoted are the tolerance, and 1e-5 for the
# chromaticity, where the other codes differentiate numerically.
def test_fringes_of_the_bends_decide_the_chromaticity_of_cnao() -> None:
    full, linear = twiss(cnao()), twiss(cnao(), fringe="linear")
    assert (full.dqx, full.dqy) == pytest.approx((-2.26362, -1.08305), abs=1.5e-5)
    assert (linear.dqx, linear.dqy) == pytest.approx((-2.33760, -0.51405), abs=1.5e-5)
    assert (full.qx, full.qy) == pytest.approx((linear.qx, linear.qy), abs=1e-13)
    assert (full["betx"].max(), full["bety"].max(), full["dx"].max()) == pytest.approx(
        (16.728, 15.418, 8.634), abs=5e-4
    )
    assert (full.maximum("betx"), full.maximum("bety")) == pytest.approx((16.751, 15.515), abs=5e-4)


def test_pimms_at_extraction() -> None:
    optics = twiss(pimms("extraction-proton-200MeV-no-sextupoles"))
    assert (optics.momentum_compaction, optics.gamma_transition) == pytest.approx((0.25888, 1.9654), abs=5e-5)
    assert optics["betx"].max() == pytest.approx(15.94, abs=5e-3)
    assert optics["bety"].max() == pytest.approx(14.69, abs=5e-3)
    assert optics["dx"].max() == pytest.approx(8.24, abs=5e-3)


def test_the_particle_changes_only_what_depends_on_velocity() -> None:
    carbon = ReferenceParticle("carbon-12", kinetic_energy_per_u=400e6)
    light, heavy = twiss(cnao(), PROTON), twiss(cnao(), carbon)
    for name in ("qx", "qy", "dqx", "dqy", "momentum_compaction"):  # magnetic optics: alpha_p is geometry
        assert getattr(light, name) == pytest.approx(getattr(heavy, name), abs=1e-12)
    assert heavy.slip_factor == pytest.approx(heavy.momentum_compaction - carbon.gamma**-2, abs=1e-14)
    assert light.slip_factor < 0 < heavy.slip_factor + 0.24


# ---------------------------------------------------------------------------------- what is not kept from before


def test_nothing_is_remembered_that_should_not_be() -> None:
    ring = small_ring()
    carbon = ReferenceParticle("carbon-12", kinetic_energy_per_u=120e6)
    first = twiss(ring)
    first.inside(3)
    twiss(ring, fringe="linear")
    changed = ring.with_parameters(kf=1.12)
    for lattice, particle, fringe, slices in ((ring, PROTON, "full", 5), (changed, carbon, "linear", 3)):
        fresh = small_ring(kf=float(lattice.parameters["kf"]))
        ours, theirs = (twiss(each, particle, fringe=fringe) for each in (lattice, fresh))
        assert ours.scalars == theirs.scalars
        assert ours.inside(slices).equals(theirs.inside(slices))
    assert twiss(ring).scalars == first.scalars


# ------------------------------------------------------------------------------------------- places and tables


def test_rows_are_entrances_and_places_have_ends() -> None:
    optics = twiss(small_ring())
    assert list(optics.table.index[:4]) == ["qf::0", "sf::0", "d1::0", "mb::0"]
    assert optics.table.index[-1] == "_end"
    assert optics.value("betx", "qf::0:end") == optics.value("betx", "sf::0") == optics["betx"][1]
    assert optics.value("betx", "SF::0") == optics["betx"][1]
    assert optics.value("s", "_end") == optics.length == pytest.approx(8 * 4.2)
    with pytest.raises(InputError, match=r"stands 8 times.*qf::0, qf::1"):
        optics.value("betx", "qf")
    with pytest.raises(InputError, match="no element 'qx'"):
        optics.value("betx", "qx")
    with pytest.raises(InputError, match="no column 'bettx'; did you mean 'betx'"):
        optics.value("bettx", "qf::0")


@pytest.mark.parametrize("bends", [16, 400])
def test_a_trace_of_two_within_rounding_is_no_ring(bends: int) -> None:
    """Bends between parallel faces do not focus in x: the trace is exactly 2, and by rounding 1e-14 to 2e-13 less."""
    angle = 2 * np.pi / bends
    cell = [Bend("b", length=1.0, angle=angle, e1=angle / 2, e2=angle / 2), Drift("d", length=0.7)]
    with pytest.raises(UnstableOptics, match=r"horizontal.*\|trace\| = 2, .* by more than rounding"):
        twiss(line(*(cell * bends)), PROTON)
    weak = twiss(line(Quadrupole("q", length=0.5, k1=1e-3), *(cell * bends)), PROTON)
    assert 0 < weak["betx"][0] < 1e5


def test_of_many_rings_those_without_focusing_have_no_optics() -> None:
    cell = [Bend("b", length=1.0, angle=np.pi / 8, e1=np.pi / 16, e2=np.pi / 16), Drift("d", length=0.7)]
    ring = Lattice("r", elements=[Quadrupole("q", length=0.5, k1="k"), *(cell * 16)], parameters={"k": 0.0})
    betas = twiss(ring.with_parameters(k=np.array([0.0, 1e-3])), PROTON)["betx"][:, 0]
    assert np.isnan(betas[0])
    assert np.isfinite(betas[1])


def test_lattices_of_nothing() -> None:
    still = [line(Marker("m"), Marker("n")), line(Drift("d", length=0.0)), line(Drift("d", length=3.0))]
    for lattice in still:
        with pytest.raises(UnstableOptics, match=r"horizontal.*\|trace\| = 2,"):
            twiss(lattice, PROTON)
    for lattice in still[:2]:
        optics = twiss(lattice, PROTON, start=START)
        assert set(optics["betx"]) == {5.0}
        assert len(optics.inside()) == len(lattice) + 1
    assert twiss(still[2], PROTON, start=START)["dx"][-1] == pytest.approx(0.8)


def test_a_cavity_is_a_drift_and_lengths_may_be_expressions() -> None:
    rf = Lattice("line", elements=[RFCavity("rf", length="l", volt=1e5, freq=1e6)], parameters={"l": 1.5})
    assert (
        twiss(rf, PROTON, start=START)["betx"][-1]
        == twiss(line(Drift("d", length=1.5)), PROTON, start=START)["betx"][-1]
    )
    assert list(twiss(rf.with_parameters(l=2.0), PROTON, start=START)["s"]) == [0.0, 2.0]


# ------------------------------------------------------------------------------------------------- refusals


def test_unstable_and_lost_beams_are_said_to_be_so() -> None:
    with pytest.raises(
        UnstableOptics, match=r"'cnao' is unstable: the horizontal one-turn matrix has \|trace\| = [0-9.]+"
    ):
        twiss(cnao().with_parameters(kf=1.0))
    with pytest.raises(UnstableOptics, match="vertical"):
        twiss(line(Multipole("m", knl=(0.0, 0.3)), Drift("d", length=1.0)), PROTON)
    with pytest.raises(UnstableOptics, match=r"no closed orbit at delta = -0\.9999"):
        twiss(small_ring(), delta=-0.9999)
    with pytest.raises(UnstableOptics, match=r"lost .* in 'd'"):
        twiss(line(Marker("m"), Drift("d", length=1.0)), PROTON, start={**START, "px": 2.0})
    for strength in (1e8, -1e8):
        with pytest.raises(UnstableOptics):
            twiss(small_ring(kf=strength))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"fringe": "ful"}, "did you mean 'full'"),
        ({"delta": "much"}, "delta must be a number above -1"),
        ({"delta": -1.0}, "delta must be a number above -1"),
        ({"delta": float("nan")}, "delta must be a number above -1"),
        ({"start": 3}, "start must be a mapping"),
        ({"start": {"betx": 1.0}}, "positive 'bety'"),
        ({"start": {"betx": -1.0, "bety": 1.0}}, "positive 'betx'"),
        ({"start": {**START, "alpx": 1.0}}, "no key 'alpx'; did you mean 'alfx'"),
        ({"start": {**START, "q": 1.0}}, r"no key 'q'\. Known: betx"),
        ({"start": {**START, "dx": float("inf")}}, r"start\['dx'\] must be a finite number"),
        ({"particle": "proton"}, "must be a ReferenceParticle"),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        twiss(small_ring(), **arguments)


def test_other_refusals() -> None:
    with pytest.raises(InputError, match="names no particle"):
        twiss(line(Drift("d", length=1.0)))
    with pytest.raises(InputError, match="takes a Lattice"):
        twiss("ring")  # type: ignore[arg-type]
    with pytest.raises(LatticeError, match="RFGap 'g' changes the reference energy"):
        twiss(line(RFGap("g", volt=1.0)), PROTON)
    with pytest.raises(InputError, match="whole number from 1 to 1000"):
        twiss(small_ring()).inside(0)
    with pytest.raises(InputError, match="'mb::3' must lie before 'mb::1'"):
        twiss(small_ring()).maximum("betx", between=("mb::3", "mb::1"))
