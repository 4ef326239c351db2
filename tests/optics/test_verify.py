"""Our optics beside Xsuite's and MAD-X's: agreement on real rings, and disagreement noticed."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import optics.engines.madx as madx_engine
import optics.engines.verification as verification
from benchmarks.codes.rings import compact
from lattice import (
    Bend,
    Drift,
    Element,
    FileError,
    InputError,
    Kicker,
    Lattice,
    LatticeError,
    Quadrupole,
    ReferenceParticle,
    RFGap,
    Sextupole,
    Solenoid,
    UnstableOptics,
)
from machines.cnao_like import cnao, pimms
from optics import Optics, twiss
from optics.engines.engine_optics import EngineOptics
from optics.engines.madx import madx_twiss
from optics.engines.madx_session import available, madx_text
from optics.engines.ptc import ptc_twiss
from optics.engines.tolerances import MADX_TOLERANCES, PTC_TOLERANCES, XSUITE_TOLERANCES
from optics.engines.verification import verify
from tests.madx_session import madx as madx_session
from tests.optics.test_coupling import PROTON, START, cells

madx = pytest.mark.skipif(not available(), reason="cpymad is not installed")


OFF_AXIS = {
    **{"betx": 9.0, "alfx": 0.2, "mux": 0.3, "bety": 4.0, "alfy": 0.7},
    **{"dx": -0.3, "dpx": 0.1, "x": 1e-3, "px": 1e-4},
}


def with_gap(ring: Lattice) -> Lattice:
    """The ring with a half gap of 36 mm and a fringe integral of 0.5 in its bends."""
    elements = [replace(e, hgap=0.036, fint=0.5) if isinstance(e, Bend) else e for e in ring.elements]
    return Lattice(ring.name, elements=elements, parameters=ring.parameters.definitions, particle=ring.particle)


def test_the_tolerances_are_the_promised_ones() -> None:
    promised = {"qx": 1e-9, "qy": 1e-9, "dqx": 1e-5, "dqy": 1e-5, "betx": 1e-8, "bety": 1e-8, "dx": 3e-8}
    assert {name: XSUITE_TOLERANCES[name].limit for name in promised} == promised
    assert all(
        tolerance.reason
        for tolerance in (*XSUITE_TOLERANCES.values(), *MADX_TOLERANCES.values(), *PTC_TOLERANCES.values())
    )


@pytest.mark.number(
    "qx",
    "qy",
    "dqx",
    "dqy",
    "momentum_compaction",
    "betx",
    "bety",
    "alfx",
    "alfy",
    "mux",
    "muy",
    "dx",
    "dpx",
    by="second code",
)
@pytest.mark.parametrize("fringe", ["full", "linear"])
@pytest.mark.parametrize("ring", [cnao(), pimms(), with_gap(cnao())], ids=["cnao", "pimms", "cnao with a gap"])
def test_our_rings_agree_with_xsuite(ring: Lattice, fringe: str) -> None:
    outcome = verify(ring, fringe=fringe)
    assert outcome.success, outcome.message
    assert len(outcome.table) == len(XSUITE_TOLERANCES) - 2  # betx2, bety1 are those of coupled rings


def test_off_momentum_optics_agree() -> None:
    assert verify(cnao(), delta=1e-3).success
    assert verify(cnao(), delta=-3e-3, fringe="linear").success


def test_a_line_off_axis_and_off_momentum_agrees() -> None:
    outcome = verify(cnao(), start=OFF_AXIS, delta=1e-3)
    assert outcome.success, outcome.message
    assert "qx" not in set(outcome.table["quantity"])


@pytest.mark.number(
    "qx",
    "qy",
    "dqx",
    "dqy",
    "momentum_compaction",
    "betx",
    "bety",
    "alfx",
    "alfy",
    "mux",
    "muy",
    "dx",
    "dpx",
    by="second code",
)
@madx
@pytest.mark.madx
@pytest.mark.parametrize("ring", [cnao(), pimms()], ids=["cnao", "pimms"])
def test_our_rings_agree_with_madx_to_rounding(ring: Lattice) -> None:
    outcome = verify(ring, engine="madx")
    assert outcome.success, outcome.message
    assert {"dqx", "dqy"} <= set(outcome.table["quantity"])
    assert outcome.engines[1].startswith("MAD-X 5")


@madx
@pytest.mark.madx
def test_what_madx_models_otherwise_is_left_out() -> None:
    for outcome in (verify(cnao(), fringe="linear", engine="madx"), verify(with_gap(cnao()), engine="madx")):
        assert outcome.success, outcome.message
        assert "dqy" not in set(outcome.table["quantity"])


@madx
@pytest.mark.madx
def test_a_line_agrees_with_madx() -> None:
    start = {"betx": 9.07, "alfx": 0.22, "bety": 3.94, "alfy": 0.75, "dx": -0.34, "dpx": 0.01}
    assert verify(cnao(), start=start, engine="madx").success


def kicked(ring: Lattice, size: float, seed: int) -> Lattice:
    """The ring with random kicks (rms ``size``, rad) in both planes behind every quadrupole."""
    rng = np.random.default_rng(seed)
    elements: list[Element] = []
    for i, element in enumerate(ring.elements):
        elements.append(element)
        if isinstance(element, Quadrupole):
            kick_x, kick_y = size * rng.normal(size=2)
            elements.append(Kicker(f"kick{i}", hkick=kick_x, vkick=kick_y))
    return Lattice("kicked", elements=elements, parameters=ring.parameters.definitions, particle=ring.particle)


def random_line(seed: int) -> Lattice:
    """Eight elements that couple strongly: solenoids up to full rotations, skew quadrupoles, rolled bends."""
    rng = np.random.default_rng(seed)
    elements: list[Element] = []
    for i in range(8):
        a, b = rng.normal(size=2)
        kinds: tuple[Element, ...] = (
            Solenoid(f"e{i}", length=0.5, ks=4 * a),
            Quadrupole(f"e{i}", length=0.4, k1=a, k1s=b),
            Bend(f"e{i}", length=1.0, angle=0.3, tilt=a),
            Drift(f"e{i}", length=0.7),
        )
        elements.append(kinds[rng.integers(4)])
    return Lattice("random", elements=elements, particle=PROTON)


@pytest.mark.number("dy", "dpy", "x", "px", "y", "py", by="second code")
@pytest.mark.parametrize("ring", [cells(), cnao()], ids=["coupled", "cnao"])
@pytest.mark.parametrize("size", [1e-5, 3e-4])
def test_kicked_coupled_rings_agree_with_xsuite(ring: Lattice, size: float) -> None:
    """Orbits up to millimetres in both planes: tunes, modes, dispersion and chromaticity about the closed orbit."""
    outcome = verify(kicked(ring, size, seed=5))
    assert outcome.ours.coupled
    assert outcome.success, outcome.message
    assert len(outcome.table) == len(XSUITE_TOLERANCES)


@madx
@pytest.mark.madx
@pytest.mark.parametrize("size", [0.0, 1e-6, 1e-4])
@pytest.mark.parametrize("ring", [cells(), cnao()], ids=["coupled", "cnao"])
def test_kicked_coupled_rings_agree_with_madx(ring: Lattice, size: float) -> None:
    """MAD-X's second-order maps leave errors of the orbit squared; at 1e-6 rad tunes are good to 1e-8."""
    outcome = verify(kicked(ring, size, seed=7), engine="madx")
    assert outcome.success, outcome.message
    if size == 1e-6:
        row = outcome.table.set_index("quantity").loc["qx"]
        assert abs(row["difference"]) < 1e-8


@madx
@pytest.mark.madx
@pytest.mark.parametrize("seed", range(6))
def test_strongly_coupled_lines_agree_with_madx(seed: int) -> None:
    """Modes that swap planes on the way: MAD-X's labels follow its modes, the comparison follows the planes."""
    outcome = verify(random_line(seed), start=START, engine="madx")
    assert outcome.ours.coupled
    assert outcome.success, outcome.message


@madx
@pytest.mark.madx
@pytest.mark.parametrize("turn", [0.2, 1.0, 1e-3 + np.pi / 2, 2.0, np.pi, 4.0])
def test_the_edwards_teng_columns_are_madx_own_betas(turn: float) -> None:
    """Behind a rotation too, where MAD-X turns its modes over. Rounding, and our slices of the quadrupole's maps."""
    elements = (Solenoid("s", length=1.0, ks=2 * turn), Quadrupole("q", length=0.3, k1=0.4), Drift("d", length=0.3))
    line = Lattice("line", elements=elements, particle=PROTON)
    ours = twiss(line, start=START)
    with madx_session(madx_text(line, PROTON)) as session:
        start = {key: value / PROTON.beta if key in madx_engine._DISPERSION else value for key, value in START.items()}
        theirs = session.twiss(**start)
        for column in ("betx", "alfx", "bety", "alfy"):
            np.testing.assert_allclose(ours[f"{column}_edw_teng"], theirs[column][:4], rtol=1e-10, atol=1e-10)


def gantry(**strengths: float) -> Lattice:
    """Three achromat halves and a long flight: betas from 3 m to a thousand kilometres from a round start."""
    elements: list[Element] = []
    for i in range(3):
        sign = (-1) ** i
        elements += [
            Drift(f"a{i}", length=0.8),
            Quadrupole(f"q{i}", length=0.3, k1=2.0 * sign + strengths.get(f"q{i}", 0.0)),
            Drift(f"b{i}", length=0.4),
            Bend(f"m{i}", length=1.5, angle=np.pi / 4, e1=0.2, e2=0.2),
            Quadrupole(f"r{i}", length=0.3, k1=-2.5 * sign),
            Drift(f"c{i}", length=1.0),
        ]
    elements += [Quadrupole("z", length=0.3, k1=6.0), Drift("d", length=9.0), Sextupole("s", length=0.2, k2=2.0)]
    return Lattice("gantry", elements=[*elements, Drift("e", length=20.0)], particle=PROTON)


@pytest.mark.parametrize("start", [{"betx": 3.0, "bety": 2.0}, {"betx": 30.0, "alfx": 3.0, "bety": 20.0, "dx": 1.0}])
def test_betas_of_kilometres_raise_no_false_alarm(start: dict[str, float]) -> None:
    """A strength that is off by 1e-6 of itself is noticed there as in a ring."""
    outcome = verify(gantry(), start=start)
    assert outcome.ours["betx"].max() > 1e6
    assert outcome.success, outcome.message
    off = twiss(gantry(q0=2e-6), start=start)
    scalars = dict.fromkeys(verification.SCALARS, np.nan)
    other = EngineOptics(engine="other 1.0", table=off.table, **scalars)
    rows = verification._compared(outcome.ours, other, XSUITE_TOLERANCES)
    assert {row["quantity"] for row in rows if not row["ok"]} >= {"betx", "alfx", "bety"}


# ------------------------------------------------------------------------------------------------------ PTC


@madx
@pytest.mark.madx
@pytest.mark.parametrize(
    ("ring", "delta"),
    [(cnao(), -3e-3), (pimms(), 0.0), (kicked(cells(), 3e-4, seed=5), 2e-3)],
    ids=["cnao", "pimms", "coupled"],
)
def test_our_rings_agree_with_ptc(ring: Lattice, delta: float) -> None:
    """On and off momentum, with orbits of 26 mm, coupled: all that is compared with Xsuite, tighter."""
    outcome = verify(ring, delta=delta, engine="ptc")
    assert outcome.success, outcome.message
    assert set(outcome.table["quantity"]) >= {"qx", "dqx", "betx", "dx", "momentum_compaction", "px"}
    assert outcome.engines[1].startswith("PTC of MAD-X 5")


@madx
@pytest.mark.madx
def test_what_ptc_models_otherwise_is_left_out() -> None:
    """Chromaticity where a gap acts, or a gradient behind turned faces: PTC has 0.012 more of the latter."""
    cell = compact(e1=0.2, e2=0.2, k1=-0.2)
    faces = Lattice("faces", elements=cell.elements * 6, particle=cell.particle)
    for ring in (faces, with_gap(cnao())):
        outcome = verify(ring, engine="ptc")
        assert outcome.success, outcome.message
        assert not {"dqx", "dqy"} & set(outcome.table["quantity"])


@madx
@pytest.mark.madx
def test_a_line_off_axis_and_off_momentum_agrees_with_ptc() -> None:
    """PTC's betas are those of slopes, (1 + dp/p) times those of momenta, where it starts and where it arrives."""
    outcome = verify(cnao(), start=OFF_AXIS, delta=1e-3, engine="ptc")
    assert outcome.success, outcome.message


@madx
@pytest.mark.madx
def test_ptc_refuses_what_it_models_otherwise() -> None:
    bend = Bend("b", length=1.0, angle=0.3, h1=0.2)
    with pytest.raises(LatticeError, match=r"bend 'b': PTC has no curved pole face"):
        verify(Lattice("line", elements=[bend], particle=PROTON), start=START, engine="ptc")
    with pytest.raises(InputError, match="full fringe"):
        verify(cnao(), fringe="linear", engine="ptc")
    with pytest.raises(InputError, match="finite gap"):
        verify(with_gap(cnao()), delta=1e-3, engine="ptc")
    assert cnao().particle is not None
    with pytest.raises(UnstableOptics, match="PTC finds no bounded motion in 'cnao'"):
        ptc_twiss(cnao().with_parameters(kf=2.0), cnao().particle or PROTON)


@pytest.mark.parametrize("turn", [np.pi / 2, np.pi / 2 + 1e-4])
def test_a_rotation_by_a_right_angle_agrees_with_xsuite(turn: float) -> None:
    """Where a mode leaves its plane its phase there is known as badly as it is seen, and its beta is nought."""
    elements = (Solenoid("s", length=1.0, ks=2 * turn), Quadrupole("q", length=0.3, k1=0.4), Drift("d", length=0.3))
    outcome = verify(Lattice("line", elements=elements, particle=PROTON), start=START)
    assert outcome.success, outcome.message


@madx
@pytest.mark.madx
def test_madx_refuses_what_it_cannot_do() -> None:
    proton = ReferenceParticle("proton", kinetic_energy_per_u=60e6)
    with pytest.raises(LatticeError, match="'gap_1'"):
        madx_twiss(Lattice("linac", elements=[RFGap("gap_1")]), proton)
    with pytest.raises(UnstableOptics, match="'cnao'"):
        madx_twiss(cnao().with_parameters(kf=2.0), proton)
    with pytest.raises(InputError, match="on momentum"):
        verify(cnao(), delta=1e-3, engine="madx")


def test_without_cpymad_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cpymad", None)
    monkeypatch.setitem(sys.modules, "cpymad.madx", None)
    for engine in ("madx", "ptc"):
        with pytest.raises(FileError, match=r"pip install 'hadron-optics\[madx\]'"):
            verify(cnao(), engine=engine)


# ------------------------------------------------------------------------------------------ what is found wanting


def _pretend(monkeypatch: pytest.MonkeyPatch, change: Any) -> None:
    """An engine that answers our own optics, changed."""

    def answer(ours: Optics, start: Any) -> verification.Answer:
        scalars = {name: getattr(ours, name) for name in verification.SCALARS}
        same = EngineOptics(engine="other 1.0", table=ours.table, **scalars)
        return change(same), XSUITE_TOLERANCES

    monkeypatch.setitem(verification._ENGINES, "xsuite", answer)


def test_an_engine_that_says_the_same_agrees_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    _pretend(monkeypatch, lambda same: same)
    outcome = verify(cnao())
    assert outcome.success
    assert outcome.message == "'cnao' agrees with other 1.0 in all 20 quantities"
    assert (outcome.table["difference"] == 0.0).all()


def test_a_difference_beyond_tolerance_is_named_with_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    def bend_one_beta(same: EngineOptics) -> EngineOptics:
        table = same.table
        table.loc["symp", "betx"] *= 1 + 2e-8
        return replace(same, table=table)

    _pretend(monkeypatch, bend_one_beta)
    outcome = verify(cnao())
    assert not outcome.success
    failed = outcome.table[~outcome.table["ok"]]
    assert list(failed["quantity"]) == ["betx"]
    assert failed.iloc[0]["where"] == "symp"
    assert failed.iloc[0]["difference"] == pytest.approx(-2e-8 * failed.iloc[0]["ours"], rel=1e-6)
    assert "differs from other 1.0 in betx" in outcome.message
    assert "symp" in outcome.message


def test_a_number_that_is_missing_never_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    def lose(same: EngineOptics) -> EngineOptics:
        table = same.table
        table.loc["symp", "dx"] = np.nan
        return replace(same, table=table, dqy=np.nan)

    _pretend(monkeypatch, lose)
    table: pd.DataFrame = verify(cnao()).table.set_index("quantity")
    assert list(table.index[~table["ok"]]) == ["dqy", "dx"]
    assert table.loc["dx", "where"] == "symp"


# ------------------------------------------------------------------------------------------------ subjects


def test_a_result_is_verified_with_its_own_particle_and_fringe() -> None:
    class Result:
        lattice = cnao().with_particle(None)
        particle = cnao().particle
        fringe = "linear"

    outcome = verify(Result())
    assert outcome.success
    assert outcome.fringe == "linear"
    assert outcome.ours.dqy == pytest.approx(-0.51405, abs=1e-5)  # quoted digits of the linear-edge chromaticity


def test_wrong_subjects_are_refused() -> None:
    with pytest.raises(InputError, match="found str"):
        verify("cnao")
    with pytest.raises(InputError, match=r"optics\.lattice"):
        verify(twiss(cnao()))
    with pytest.raises(InputError, match="holds 2 lattices"):
        verify(cnao().with_parameters(kf=[0.29, 0.291]))
    with pytest.raises(InputError, match="did you mean 'xsuite'"):
        verify(cnao(), engine="xsuit")
    with pytest.raises(UnstableOptics):
        verify(cnao().with_parameters(kf=2.0))
    cell = Lattice("cell", elements=[Quadrupole("q", length=1.0, k1=0.1), Drift("d", length=1.0)])
    with pytest.raises(InputError, match="particle"):
        verify(cell)
