"""Chromatic functions: their definition, closed forms, differences of our own optics, Xsuite, MAD-X, PTC."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lattice import Bend, Drift, Element, InputError, Kicker, Lattice, Quadrupole, ReferenceParticle, Sextupole
from machines.cnao_like import cnao
from optics import Optics, to_xsuite, twiss
from optics.engines.madx_session import madx_text
from optics.engines.ptc import ptc_twiss
from optics.engines.verification import verify
from optics.linear.functions import ALL_COLUMNS, CHROMATIC_COLUMNS, COLUMNS
from tests.madx_session import madx as madx_session
from tests.optics.test_coupling import PROTON, START, cells

SOURCES = {"dmux": "mux", "dmuy": "muy", "ddx": "dx", "ddpx": "dpx", "ddy": "dy", "ddpy": "dpy"}


def kicked() -> Lattice:
    """The coupled cells with a closed orbit of a few tenths of a millimetre."""
    elements: list[Element] = [Kicker("kick", hkick=1e-4, vkick=2e-4), *cells().elements]
    return Lattice("kicked", elements=elements, parameters=cells().parameters.definitions, particle=PROTON)


def slopes(at: Any, h: float = 1e-4) -> Any:
    """d/ddelta by differences of fourth order: ``at(delta)`` gives optics."""
    optics = {k: at(k * h) for k in (-2, -1, 1, 2)}

    def slope(value: Any) -> Any:
        f = {k: np.asarray(value(tw)) for k, tw in optics.items()}
        return (8 * (f[1] - f[-1]) - (f[2] - f[-2])) / (12 * h)

    return slope


def check_against_differences(tw: Optics, slope: Any) -> None:
    """The differences: h^4 times a fifth derivative, and 1e-12 (closed orbits) over h. Measured 4e-8."""
    for name, source in SOURCES.items():
        expected = slope(lambda other, source=source: other[source])
        np.testing.assert_allclose(tw[name], expected, rtol=1e-7, atol=1e-7, err_msg=name)
    for plane in "xy":
        beta, alpha = tw[f"bet{plane}"], tw[f"alf{plane}"]
        b = slope(lambda other, plane=plane: other[f"bet{plane}"]) / beta
        a = slope(lambda other, plane=plane: other[f"alf{plane}"]) - alpha * b
        phase = 2 * np.pi * tw[f"phi{plane}"]
        np.testing.assert_allclose(tw[f"w{plane}"] * np.sin(phase), a, atol=1e-6)
        np.testing.assert_allclose(tw[f"w{plane}"] * np.cos(phase), b, atol=1e-6)


@pytest.mark.parametrize("delta", [0.0, 2e-3])
@pytest.mark.parametrize("ring", [cells(), cells(solenoids=False), kicked(), cnao()], ids=lambda ring: ring.name)
def test_chromatic_columns_are_the_slopes_of_the_optics(ring: Lattice, delta: float) -> None:
    tw = twiss(ring, delta=delta)
    slope = slopes(lambda step: twiss(ring, delta=delta + step))
    check_against_differences(tw, slope)
    assert tw.ddqx == pytest.approx(slope(lambda other: other.dqx), rel=1e-7, abs=1e-6)
    assert tw.ddqy == pytest.approx(slope(lambda other: other.dqy), rel=1e-7, abs=1e-6)


@pytest.mark.parametrize("ring", [cells(), kicked(), cnao()], ids=lambda ring: ring.name)
def test_what_was_known_before_comes_out_again(ring: Lattice) -> None:
    """The phases' change over a turn is 2 pi times nothing but the chromaticity: another formula. Rounding."""
    tw = twiss(ring)
    if not tw.coupled:
        assert tw["dmux"][-1] == pytest.approx(tw.dqx, abs=1e-11)
        assert tw["dmuy"][-1] == pytest.approx(tw.dqy, abs=1e-11)
    for name in (*CHROMATIC_COLUMNS[3:5], "wx", "wy"):  # periodic
        assert tw[name][-1] == pytest.approx(tw[name][0], rel=1e-9, abs=1e-10)


def test_a_line_takes_up_where_a_ring_begins() -> None:
    """The ring's own values as start: the same columns along it. Rounding."""
    for ring in (cells(solenoids=False), cnao()):
        tw = twiss(ring)
        row = tw.full_table.iloc[0]
        line = twiss(ring, start={key: row[key] for key in (*START, "dpx", "wx", "phix", "ddx", "ddpx", "wy", "phiy")})
        for name in CHROMATIC_COLUMNS:
            np.testing.assert_allclose(line[name], tw[name], rtol=1e-9, atol=1e-9, err_msg=name)
        assert np.isnan(line.ddqx)


def test_a_line_off_axis() -> None:
    """The orbit of the line at delta starts displaced by the dispersion, its functions stay."""
    start = {**START, "x": 1e-3, "py": 2e-4}
    tw = twiss(cells(), start=start)

    def at(step: float) -> Optics:
        return twiss(cells(), start={**start, "x": 1e-3 + start["dx"] * step}, delta=step)

    check_against_differences(tw, slopes(at))


def test_a_drift_in_closed_form() -> None:
    """x = p s / (1 + delta) for small p, so x'' = 2 p s; beta = beta0 + s^2 / beta0 / (1 + delta)^2."""
    line = Lattice("line", elements=[Drift("d", length=2.0)])
    tw = twiss(line, PROTON, start={"betx": 4.0, "bety": 4.0, "px": 1e-6})
    assert tw["ddx"][-1] == pytest.approx(2 * 1e-6 * 2.0, rel=1e-9)
    beta, alpha, slope = 4.0 + 2.0**2 / 4.0, -2.0 / 4.0, -2 * 2.0**2 / 4.0
    b = slope / beta
    a = 2.0 / 4.0 - alpha * b  # alpha = -s / beta0 / (1 + delta)
    assert tw["wy"][-1] == pytest.approx(np.hypot(a, b), rel=1e-12)


@pytest.mark.parametrize("ring", [cells(), cnao()], ids=lambda ring: ring.name)
def test_xsuite_says_the_same(ring: Lattice) -> None:
    """Xsuite takes differences over 1e-4 in dp/p: 1e-8 times third derivatives, 1e-11 over 1e-8 in second ones."""
    tw, rows = twiss(ring), slice(len(ring) + 1)
    theirs = to_xsuite(ring, sextupole_kicks=20).twiss4d(chrom=True)
    for ours, name in (("wx", "wx_chrom"), ("wy", "wy_chrom"), ("ddx", "ddx"), ("ddpx", "ddpx"), ("ddy", "ddy")):
        np.testing.assert_allclose(tw[ours], theirs[name][rows], rtol=5e-6, atol=1e-4, err_msg=ours)


@pytest.mark.madx
def test_ptc_says_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PTC's exact maps in power series of delta (methods of order 6, 30 slices): measured 1e-12 in all of it.

    Tunes, chromaticity, both modes, dispersion of first and second order, W, in a coupled ring. With kicks its
    quadrupole fringes, which cannot be left out alone, would count too.
    """
    monkeypatch.chdir(tmp_path)  # PTC leaves a file where it was started
    ring = cells()
    tw = twiss(ring)
    with madx_session(madx_text(ring, PROTON)) as session:
        session.input(
            "ptc_create_universe; ptc_create_layout, time=false, model=2, method=6, nst=30, exact=true;"
            "ptc_setswitch, fringe=true, time=false, totalpath=false;"
            "ptc_twiss, closed_orbit, icase=5, no=4, deltap_dependency, table=ptc_twiss;"
        )
        theirs = {name: np.array(session.table.ptc_twiss[name][: len(ring) + 1]) for name in PTC_COLUMNS}
        summary = session.table.ptc_twiss_summary
        whole = {name: float(summary[name][0]) for name in ("q1", "q2", "dq1", "dq2")}
    for ours, name in (("dqx", "dq1"), ("dqy", "dq2")):
        assert tw.scalar(ours) == pytest.approx(whole[name], abs=1e-8)
    for ours, name in (("qx", "q1"), ("qy", "q2")):
        assert tw.scalar(ours) % 1 == pytest.approx(whole[name], abs=1e-10)
    for name, ours in PTC_COLUMNS.items():
        if ours:
            np.testing.assert_allclose(tw[ours], theirs[name], rtol=1e-9, atol=1e-9, err_msg=ours)
    for ours, plane in (("wx", "11"), ("wy", "22")):
        b = theirs[f"beta{plane}p"] / theirs[f"beta{plane}"]
        a = theirs[f"alfa{plane}p"] - theirs[f"alfa{plane}"] * b
        np.testing.assert_allclose(tw[ours], np.hypot(a, b), rtol=1e-8, atol=1e-8)


def far_off_axis(**bends: Any) -> Lattice:
    """Six cells whose correctors make an orbit of 14 mm and 10 mrad: exact and paraxial quadrupoles part there."""
    elements: list[Element] = []
    for i in range(6):
        elements += [
            Quadrupole(f"f{i}", length=0.4, k1=1.6),
            Drift(f"a{i}", length=0.3),
            Kicker(f"k{i}", length=0.2, hkick=4e-3 if i % 2 else -2e-3, vkick=1.2e-3 if i == 2 else 0.0),
            Bend(f"b{i}", length=1.2, angle=np.pi / 3, **bends),
            Drift(f"c{i}", length=0.3),
            Quadrupole(f"d{i}", length=0.4, k1=-1.3),
            Drift(f"e{i}", length=0.4),
            Sextupole(f"s{i}", length=0.2, k2=1.5 if i % 2 else 0.0),
            Drift(f"g{i}", length=0.3),
        ]
    return Lattice("far", elements=elements, particle=PROTON)


@pytest.mark.madx
def test_ptc_says_the_same_on_a_large_orbit() -> None:
    """Exact bodies off axis and off momentum, PTC's quadrupole fringes off: tunes, chromaticity, its slope.

    1e-9: measured 4e-10 of a tune; 1e-7 of dq (4e-8); 1e-5 of its difference over 1e-2, which is the slope to 2e-6 of
    its own change. With paraxial quadrupoles the tunes are off by 5e-5.
    """
    ring, tunes, slopes_ = far_off_axis(), ("qx", "qy"), ("dqx", "dqy")
    ours, theirs = {}, {}
    for delta in (-5e-3, 0.0, 5e-3):
        tw = twiss(ring, delta=delta)
        ours[delta] = np.array([*(tw.scalar(name) % 1 for name in tunes), *(tw.scalar(name) for name in slopes_)])
        theirs[delta] = ptc_tunes(ring, delta)
        np.testing.assert_allclose(ours[delta][:2], theirs[delta][:2], rtol=0, atol=1e-9)
        np.testing.assert_allclose(ours[delta][2:], theirs[delta][2:], rtol=0, atol=1e-7)
    assert np.abs(twiss(ring)["px"]).max() > 0.01
    ddq = (theirs[5e-3] - theirs[-5e-3])[2:] / 1e-2
    np.testing.assert_allclose((ours[5e-3] - ours[-5e-3])[2:] / 1e-2, ddq, rtol=0, atol=1e-5)


@pytest.mark.madx
@pytest.mark.parametrize("bends", [{"k1": -0.2}, {"k1": -0.2, "k2": 1.0}], ids=str)
def test_ptc_says_the_same_of_combined_bends(bends: dict[str, Any]) -> None:
    """Gradient and sextupole in 60-degree bends on a large orbit, off momentum: the curved field's third order.

    1e-9 of a tune (1e-10), 1e-7 of chromaticity (3e-8, our slices of the sextupoles). Without that order tunes are off
    by 1e-6 with a gradient, 3e-4 with a sextupole.
    """
    ring = far_off_axis(**bends)
    for delta in (-5e-3, 5e-3):
        ours, theirs = twiss(ring, delta=delta), ptc_twiss(ring, PROTON, delta=delta)
        for name, error in (("qx", 1e-9), ("qy", 1e-9), ("dqx", 1e-7), ("dqy", 1e-7)):
            assert ours.scalar(name) == pytest.approx(getattr(theirs, name), abs=error), name
    outcome = verify(ring, delta=5e-3)  # Xsuite: wider, and said why
    assert outcome.success, outcome.message
    assert "curved body" in outcome.table.set_index("quantity").loc["qy", "reason"]


def ptc_tunes(ring: Lattice, delta: float) -> Any:
    """q1, q2, dq1, dq2 on the closed orbit at ``delta``."""
    with madx_session(madx_text(ring, PROTON)) as session:
        session.input(
            "ptc_create_universe; ptc_create_layout, time=false, model=2, method=6, nst=30, exact=true;"
            "ptc_setswitch, fringe=false, time=false, totalpath=false;"
            f"ptc_twiss, closed_orbit, icase=5, no=2, deltap={delta}, deltap_dependency, table=ptc_twiss;"
        )
        summary = session.table.ptc_twiss_summary
        return np.array([float(summary[name][0]) for name in ("q1", "q2", "dq1", "dq2")])


#: PTC's columns and ours; what ends in p is a derivative with respect to dp/p.
PTC_COLUMNS = {
    "beta11": "betx",
    "beta12": "betx2",
    "beta21": "bety1",
    "beta22": "bety",
    "alfa11": "alfx",
    "alfa22": "alfy",
    "disp1": "dx",
    "disp2": "dpx",
    "disp3": "dy",
    "disp4": "dpy",
    "disp1p": "ddx",
    "disp2p": "ddpx",
    "disp3p": "ddy",
    "disp4p": "ddpy",
    "beta11p": "",
    "beta22p": "",
    "alfa11p": "",
    "alfa22p": "",
}


def fast_cells() -> Lattice:
    """Twenty-four cells of a 450 GeV ring, where MAD-X's derivatives per PT are those per dp/p to 2e-6."""
    elements: list[Element] = []
    for i in range(24):
        elements += [
            Quadrupole(f"f{i}", length=1.0, k1=0.1),
            Sextupole(f"s{i}", length=0.3, k2=0.6 * (1 + 0.5 * (i % 3))),
            Drift(f"a{i}", length=1.0),
            Bend(f"b{i}", length=5.0, angle=np.pi / 12),
            Drift(f"c{i}", length=1.0),
            Quadrupole(f"d{i}", length=1.0, k1=-0.11),
            Sextupole(f"t{i}", length=0.3, k2=-1.0),
            Drift(f"e{i}", length=1.0),
        ]
    return Lattice("fast", elements=elements, particle=ReferenceParticle("proton", kinetic_energy_per_u=450e9))


@pytest.mark.madx
def test_the_conventions_are_those_of_madx() -> None:
    """W, phi and dmu are MAD-X's; its second-order dispersion is half of ours. 2e-5: its differences over 1e-6."""
    ring = fast_cells()
    assert ring.particle is not None
    tw = twiss(ring)
    with madx_session(madx_text(ring, ring.particle)) as session:
        theirs = session.twiss(chrom=True)
        for name in ("wx", "phix", "wy", "phiy", "dmux", "dmuy"):
            expected = np.array(theirs[name][: len(ring) + 1])
            difference = tw[name] - expected
            if name.startswith("phi"):
                difference -= np.round(difference)
            assert np.max(np.abs(difference)) < 2e-5 * np.max(np.abs(expected)), name
        for name in ("ddx", "ddpx"):
            expected = 2 * np.array(theirs[name][: len(ring) + 1])
            np.testing.assert_allclose(tw[name], expected, rtol=2e-5, atol=2e-5 * np.max(np.abs(expected)))


def test_a_batch_is_its_lattices_one_by_one() -> None:
    strengths = np.array([1.15, 1.2, 9.0])
    together = twiss(cells().with_parameters(kf=strengths))
    assert together["wx"].shape == (3, len(cells()) + 1)
    for i, kf in enumerate(strengths[:2]):
        alone = twiss(cells().with_parameters(kf=float(kf)))
        for name in CHROMATIC_COLUMNS:
            np.testing.assert_allclose(together[name][i], alone[name], rtol=1e-10, atol=1e-10)
        assert together.ddqx[i] == pytest.approx(alone.ddqx, rel=1e-10)
    assert np.isnan(together["wx"][2]).all()
    assert np.isnan(together.ddqy[2])


def test_tables_and_names() -> None:
    tw = twiss(cells())
    assert list(tw.table.columns) == list(COLUMNS)
    assert list(tw.full_table.columns) == list(ALL_COLUMNS)
    assert tw.value("wx", at="qf0") == tw["wx"][0]
    assert tw.value("ddqx") == tw.ddqx
    assert tw.maximum("wx") >= np.max(tw["wx"])  # looks inside elements too
    with pytest.raises(InputError, match="'wx' needs a place"):
        tw.value("wx")
    with pytest.raises(InputError, match="did you mean 'phix'"):
        tw["phi_x"]
    with pytest.raises(InputError, match="real strengths"):
        twiss(cells().with_parameters(kf=1.2 + 1e-30j))["wx"]


def test_near_the_difference_resonance_modes_keep_their_chromaticity() -> None:
    """Tunes a hair apart: the modes exchange their nature there, dq is the slope of what is called qx throughout."""
    ring = cells()
    for kd in (-0.9, -1.05, -1.15, -1.19):
        tw = twiss(ring.with_parameters(kd=kd))
        slope = slopes(lambda step, kd=kd: twiss(ring.with_parameters(kd=kd), delta=step), h=1e-5)
        assert tw.dqx == pytest.approx(float(slope(lambda other: other.qx)), abs=1e-6)
        assert tw.dqy == pytest.approx(float(slope(lambda other: other.qy)), abs=1e-6)
