"""Matrices between places, of both orders: laws, MAD-X, PTC and Xsuite on foreign lines that couple and turn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from lattice import (
    Bend,
    Drift,
    InputError,
    Lattice,
    Quadrupole,
    ReferenceParticle,
    RFCavity,
    Sextupole,
    SRotation,
    Translation,
    read_madx,
)
from lattice.arrays import Array
from optics import Limit, Moments, Target, Vary, match, to_xsuite, twiss
from optics.engines.xsuite.bunch import bunch_of, coordinates_of
from optics.engines.xsuite.contexts import tracking_context
from optics.engines.xsuite.elements import CONVERGED_KICKS
from optics.linear.transfer import transfer
from optics.maps.lattices.turns import turns
from tests.madx_session import madx

PROTON = ReferenceParticle("proton", kinetic_energy_per_u=120e6)
START = {"betx": 3.0, "bety": 2.0}
#: A foreign line in MAD-X's language: a rotator between two skewed quadrupoles, a solenoid, a rolled bend with edges.
FOREIGN = """
beam, particle=proton, energy={energy};
b1: sbend, l=1.2, angle=0.39, e1=0.1, e2=0.25, tilt={tilt};
q1: quadrupole, l=0.4, k1=1.1, tilt=0.3;
q2: quadrupole, l=0.3, k1=-0.9, k1s=0.2;
so: solenoid, l=0.8, ks=0.35;
ro: srotation, angle=0.6457718232379019;
s1: sextupole, l=0.2, k2=4.0, tilt=0.2;
d1: drift, l=0.7;
line: line=(d1, q1, d1, b1, d1, ro, q2, so, d1, s1, q1, d1, b1, ro, d1);
"""


def foreign(tilt: float = 0.0) -> str:
    return FOREIGN.format(energy=1e-9 * (PROTON.kind.mass + 120e6), tilt=tilt)


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Lattice:
    file = tmp_path_factory.mktemp("foreign") / "line.madx"
    file.write_text(foreign(0.21))
    return read_madx(file, sequence="line")


def scaled(difference: Array, size: Array) -> float:
    """Largest difference over the largest element."""
    return float(np.abs(difference).max() / np.abs(size).max())


def test_a_matrix_is_the_derivative_of_the_map(line: Lattice) -> None:
    optics = twiss(line, PROTON, start=START)
    jacobian = turns(line, PROTON, "full")[0].jacobian(np.zeros(6))[1]
    np.testing.assert_allclose(optics.matrix(), jacobian, rtol=0, atol=1e-12 * np.abs(jacobian).max())
    assert optics["r12"][-1] == optics.matrix()[0, 1]


def test_matrices_between_places_multiply_to_the_whole(line: Lattice) -> None:
    optics = twiss(line, PROTON, start=START)
    front, back = optics.matrix("so"), optics.matrix("_end", "so")
    np.testing.assert_allclose(back @ front, optics.matrix(), rtol=0, atol=1e-12)
    assert np.linalg.det(back[:4, :4]) == pytest.approx(1.0, abs=1e-12)
    np.testing.assert_array_equal(optics.matrix("so", "so"), np.eye(6))
    with pytest.raises(InputError, match="lies behind"):
        optics.matrix("so", "so:end")


def test_second_order_is_that_of_the_map_in_central_differences(line: Lattice) -> None:
    """Third order cancels in central differences: their error is that of the fourth, (1e-3)^2 of the second's."""
    optics = twiss(line, PROTON, start=START)
    turn, step = turns(line, PROTON, "full")[0], 1e-3
    second = optics.second_order()
    np.testing.assert_array_equal(second, np.swapaxes(second, -1, -2))
    for j in (0, 1, 2, 3, 5):
        for k in (0, 1, 2, 3, 5):
            away = step * (np.eye(6)[j] + np.eye(6)[k])
            both, one, two = (turn.track(np.array([p, -p])) for p in (away, step * np.eye(6)[j], step * np.eye(6)[k]))
            mixed = sum(both) - sum(one) - sum(two)
            np.testing.assert_allclose(second[:, j, k], mixed / (4 * step**2), rtol=0, atol=3e-4 * np.abs(second).max())


def test_a_matrix_of_second_order_from_a_place_is_that_of_the_rest_of_the_line(line: Lattice) -> None:
    rest = twiss(line["so":], PROTON, start=START)
    whole = twiss(line, PROTON, start=START)
    np.testing.assert_allclose(whole.second_order("_end", "so"), rest.second_order(), rtol=0, atol=1e-12)


@pytest.mark.parametrize("tilt", [0.0, 0.21])
def test_madx_has_the_same_matrix(tmp_path_factory: pytest.TempPathFactory, tilt: float) -> None:
    """In MAD-X's t and pt: zeta = beta0 t, delta = pt / beta0. Both are products of the same formulas: 1e-9."""
    text = foreign(tilt).replace("particle=proton", f"mass={PROTON.kind.mass * 1e-9!r}, charge=1")  # the same CODATA
    with madx(text) as session:
        session.use("line")
        session.twiss(betx=3.0, bety=2.0, rmatrix=True)
        theirs = np.array([[session.table.twiss[f"re{i}{j}"][-1] for j in range(1, 7)] for i in range(1, 7)])
    file = tmp_path_factory.mktemp("foreign") / "line.madx"
    file.write_text(foreign(tilt))
    ours = twiss(read_madx(file, sequence="line"), PROTON, start=START).matrix()
    scale = np.array([1.0, 1.0, 1.0, 1.0, PROTON.beta, 1 / PROTON.beta])
    theirs = scale[:, None] * theirs / scale
    assert scaled(ours - theirs, theirs) < 1e-9


def test_ptc_has_the_same_second_order() -> None:
    """PTC's exact maps, 60 kicks of sixth order a magnet: 1e-6 of the largest term. No solenoid, no rolled bend."""
    text = foreign().replace("so: solenoid, l=0.8, ks=0.35;", "so: quadrupole, l=0.8, k1=0.3, tilt=0.7;")
    text = text.replace("ro: srotation, angle=0.6457718232379019;", "ro: quadrupole, l=0.1, k1s=1.7;")
    with madx(text) as session:
        session.use("line")
        session.input(
            "ptc_create_universe; ptc_create_layout, time=false, model=2, method=6, nst=60, exact=true;"
            "ptc_setswitch, fringe=true, time=false, totalpath=false;"
            "ptc_twiss, icase=5, no=2, betx=3, bety=2, maptable=true, table=ptc_twiss;"
        )
        table = session.table.map_table
        rows = list(
            zip(table.n_vector, table.coef, table.nx, table.nxp, table.ny, table.nyp, table.ndeltap, strict=True)
        )
    theirs = np.zeros((4, 6, 6))
    for row, coefficient, *powers in rows:
        which = [j for j, power in zip((0, 1, 2, 3, 5), powers, strict=True) for _ in range(int(power))]
        if len(which) == 2 and row <= 4:
            j, k = which
            theirs[int(row) - 1, j, k] = theirs[int(row) - 1, k, j] = coefficient * (1.0 if j == k else 0.5)
    ours = twiss(_read(text), PROTON, start=START).second_order()[:4]
    assert np.abs(theirs).max() > 1.0
    assert scaled(ours - theirs, theirs) < 1e-6


def _read(text: str) -> Lattice:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "line.madx"
        file.write_text(text)
        return read_madx(file, sequence="line")


def test_xsuite_has_the_same_matrix(line: Lattice) -> None:
    """By differences of tracked particles of fourth order: their error is (2e-3)^4 of the fifth derivative, 1e-7."""
    tracked, step = to_xsuite(line, PROTON, **CONVERGED_KICKS), 5e-4
    starts = np.concatenate([h * step * np.eye(6) for h in (2, 1, -1, -2)])
    bunch = bunch_of(PROTON, starts, tracking_context())
    tracked.track(bunch)
    twice, once, back, far = coordinates_of(bunch).reshape(4, 6, 6)
    theirs = (-twice + 8 * once - 8 * back + far).T / (12 * step)
    ours = twiss(line, PROTON, start=START).matrix()
    assert scaled(ours - theirs, theirs) < 1e-7


def test_a_line_flown_back_undoes_the_line(line: Lattice) -> None:
    """T R^-1 T, T = diag(1, -1, 1, -1, -1, 1), of everything that looks otherwise from its other side."""
    more = line + Lattice(
        "more",
        elements=(
            Translation("t", dx=0.01, dy=-0.02, ds=0.1),
            Bend("b", length=0.8, angle=0.3, e1=0.1, e2=-0.05, hgap=0.03, fint=0.5, fintx=0.2, k1=0.3),
            Sextupole("s", length=0.1, k2=3.0),
            SRotation("r", angle=0.4),
            RFCavity("c", length=0.2),
        ),
    )
    turn = np.diag([1.0, -1.0, 1.0, -1.0, -1.0, 1.0])
    point = np.array([[2e-3, -1e-3, 1e-3, 3e-3, 0.0, 4e-3]])
    for fringe, error in (("linear", 1e-12), ("full", 1e-7)):  # full fringes are symplectic to their order only
        there, back = (turns(one, PROTON, fringe)[0] for one in (more, more.reversed()))
        np.testing.assert_allclose(back.track(there.track(point) @ turn) @ turn, point, rtol=0, atol=error)
        assert np.abs(there.track(point) - point).max() > 1e-2


CELL = Lattice(
    "cell",
    elements=(
        Quadrupole("q1", length=0.3, k1="k1"),
        Drift("d1", length=1.5),
        Quadrupole("q2", length=0.3, k1="k2"),
        Drift("d2", length=0.8),
        Quadrupole("q3", length=0.3, k1="k3"),
        Drift("d3", length=1.5),
        Quadrupole("q4", length=0.3, k1="k4"),
        Drift("d4", length=2.0),
    ),
    parameters={"k1": 1.0, "k2": -1.0, "k3": 1.0, "k4": -1.0},
)
KNOBS = [Vary(name, -5.0, 5.0) for name in ("k1", "k2", "k3", "k4")]


def test_point_to_point_in_both_planes_is_matched() -> None:
    """r12 = r34 = 0 is an image in both planes, with the magnifications asked."""
    goals = [Target("r12", 0.0, at="_end"), Target("r34", 0.0, at="_end")]
    result = match(CELL, PROTON, vary=KNOBS, targets=[*goals, Target("r11", -1.2, at="_end")], start=START)
    assert result.success, result.message
    found = twiss(result.lattice, PROTON, start=START).matrix()
    assert found[[0, 2, 0], [1, 3, 0]] == pytest.approx([0.0, 0.0, -1.2], abs=1e-6)


def test_elements_of_both_orders_are_targets_with_exact_derivatives() -> None:
    """Goals that a known setting meets; slopes beside central differences, whose error is step^2."""
    known = twiss(CELL.with_parameters(k1=1.3, k2=-0.8, k3=0.7, k4=-1.2), PROTON, start=START)
    asked = [
        Target("r12", 0.0, between=("q2", "d4")),
        Target("r34@_end - r12@_end", 0.0),
        Target("t126", 0.0, at="_end"),
    ]
    targets = [replace(one, value=float(one.evaluate(known)[0])) for one in asked]
    result = match(CELL, PROTON, vary=KNOBS, targets=targets, start=START)
    assert result.success, result.message
    step = 1e-5
    for knob, name in enumerate(result.parameters):
        high, low = (
            twiss(result.lattice.with_parameters({name: result.parameters[name] + h}), PROTON, start=START)
            for h in (step, -step)
        )
        slopes = [(t.evaluate(high)[0] - t.evaluate(low)[0]) / (2 * step) for t in targets]
        np.testing.assert_allclose(result.sensitivity[:, knob], slopes, rtol=1e-7, atol=1e-7)


def test_sizes_are_targets_and_limits_of_the_moments_a_line_begins_with() -> None:
    beam = Moments.from_functions(
        PROTON, {"betx": 8.0, "alfx": 0.4, "bety": 4.0, "dx": 0.3}, emittance_x=1e-6, emittance_y=3e-6, sigma_delta=1e-3
    )
    goals = [Target("size_x", 2e-3, at="_end"), Target("size_y", 3e-3, at="_end")]
    limits = [Limit("size_x", upper=8e-3), Limit("size_y", upper=8e-3, sigmas=1.0)]
    result = match(CELL, PROTON, vary=KNOBS, targets=goals, limits=limits, start=beam)
    assert result.success, result.message
    optics = twiss(result.lattice, PROTON, start=beam)
    assert (optics.value("size_x", "_end"), optics.value("size_y", "_end")) == pytest.approx((2e-3, 3e-3), abs=1e-9)
    assert optics.maximum("size_x") <= 8e-3
    assert optics.maximum("size_x") >= optics["size_x"].max()


def test_a_size_without_a_beam_is_told() -> None:
    with pytest.raises(InputError, match=r"size_x@_end is that of a beam: match a line with start=Moments"):
        match(CELL, PROTON, vary=KNOBS, targets=[Target("size_x", 2e-3, at="_end")], start=START)
    with pytest.raises(InputError, match="begin with its moments"):
        twiss(CELL, PROTON, start=START)["size_x"]
    with pytest.raises(InputError, match=r"or beam=Beam\(...\) of the limit"):
        match(
            CELL,
            PROTON,
            vary=KNOBS,
            targets=[Target("betx", 2.0, at="_end")],
            limits=[Limit("size_x", upper=0.1)],
            start=START,
        )


def test_matrices_are_the_same_beside_those_of_second_order(line: Lattice) -> None:
    """From the beginning and from a place: asked alone, and asked with the second order."""
    conditions = twiss(line, PROTON, start=START)
    for begin in (0, 4):
        alone, beside = (transfer(conditions, order=order, begin=begin).first for order in (1, 2))
        np.testing.assert_allclose(beside, alone, rtol=0, atol=1e-13)
