"""Optics of the rings at their working points.

The numbers were computed with Xsuite (exact bends, full fringe, sliced sextupoles); MAD-X gives the same tunes. They
are quoted to the digits below, which are the tolerances.
"""

from __future__ import annotations

import pytest

from machines.cnao_like import cnao, pimms
from machines.registry import ring_named
from optics import twiss

CNAO = ring_named("cnao")


def test_cnao_at_design_extraction() -> None:
    optics = twiss(cnao())
    assert optics.qx == pytest.approx(1.6660023, abs=5e-8)
    assert optics.qy == pytest.approx(1.7399969, abs=5e-8)
    assert optics.dqx == pytest.approx(-2.26362, abs=5e-6 + 1e-5)  # 1e-5: step of the other code's derivative
    assert optics.dqy == pytest.approx(-1.08305, abs=5e-6 + 1e-5)
    assert optics.momentum_compaction == pytest.approx(0.2574564, abs=5e-7)
    assert optics.gamma_transition == pytest.approx(1.9708, abs=5e-5)


def test_cnao_at_the_electrostatic_septum() -> None:
    at_septum = twiss(cnao()).table.loc[CNAO.places["electrostatic_septum"]]
    assert at_septum["betx"] == pytest.approx(16.51747, abs=1e-5)
    assert at_septum["alfx"] == pytest.approx(0.41999, abs=1e-5)
    assert at_septum["dx"] == pytest.approx(3.94483, abs=1e-5)
    assert at_septum["dpx"] == pytest.approx(-0.62884, abs=1e-5)


def test_cnao_has_no_dispersion_in_the_long_straights() -> None:
    # the design strengths leave 1.4e-5 m
    table = twiss(cnao()).table
    assert abs(table.loc[CNAO.places["symp"], "dx"]) < 2e-5
    assert abs(table.loc[CNAO.places["rf_cavity"], "dx"]) < 2e-5


@pytest.mark.parametrize("point", [name for name in CNAO.working_points if name.startswith("matched")])
def test_matched_strengths_give_the_tunes_they_were_matched_to(point: str) -> None:
    wanted = CNAO.working_point(point)
    optics = twiss(cnao(point))
    # strengths are written to 1e-10 m^-2; dQ/dk1 is about 10 m^2
    assert (optics.qx, optics.qy) == pytest.approx((wanted.qx, wanted.qy), abs=5e-9)
    assert abs(optics.table.loc["symp", "dx"]) < 1e-7


@pytest.mark.parametrize(
    ("point", "qx", "qy"),
    [
        ("injection-proton-7MeV", 1.7027995, 1.8479666),
        ("injection-carbon-7MeV", 1.7259751, 1.7702022),
        ("operation-proton-62.6MeV", 1.6845912, 1.8444051),
        ("operation-proton-150.3MeV", 1.6787260, 1.8444953),
        ("operation-proton-227.5MeV", 1.6735052, 1.8446025),
        ("operation-carbon-115.4MeV", 1.6649787, 1.8446132),
        ("operation-carbon-273.6MeV", 1.6638070, 1.8448338),
        ("operation-carbon-399.1MeV", 1.6590576, 1.8444354),
    ],
)
def test_operational_strengths_in_the_ideal_ring(point: str, qx: float, qy: float) -> None:
    # they compensate field errors of the real machine, so the ideal ring is not where operation is
    optics = twiss(cnao(point))
    assert (optics.qx, optics.qy) == pytest.approx((qx, qy), abs=1e-7)


@pytest.mark.parametrize(
    ("point", "qx", "qy", "dqx", "dqy"),
    [
        ("extraction-proton-200MeV-no-sextupoles", 1.665997, 1.720026, -0.587, -1.748),
        ("extraction-proton-200MeV", 1.665997, 1.720026, -2.034, -0.575),
    ],
)
def test_pimms_at_extraction(point: str, qx: float, qy: float, dqx: float, dqy: float) -> None:
    optics = twiss(pimms(point))
    assert (optics.qx, optics.qy) == pytest.approx((qx, qy), abs=5e-7)
    assert (optics.dqx, optics.dqy) == pytest.approx((dqx, dqy), abs=6e-4)


def test_pimms_at_its_other_tune() -> None:
    optics = twiss(pimms("other-tune-proton-200MeV"))
    assert (optics.qx, optics.qy) == pytest.approx((1.644999, 1.720001), abs=5e-7)
    assert optics.table.loc["xrra", "dx"] == pytest.approx(-0.037, abs=5e-4)
