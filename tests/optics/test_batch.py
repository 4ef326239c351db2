"""Batches of lattices: the same numbers as one lattice at a time, masks for what is unstable, refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lattice import Bend, Drift, InputError, Kicker, Lattice, LatticeError, Quadrupole, ReferenceParticle, Sextupole
from machines.cnao_like import cnao
from optics import twiss
from optics.linear.functions import COLUMNS, SCALARS

PROTON = ReferenceParticle("proton", kinetic_energy_per_u=60e6)

#: Strengths, lengths, angles, edges and tilts from parameters, some of them dependent on others.
LIVE = Lattice(
    "live",
    elements=[
        [
            Quadrupole("qf", length="lq", k1="kf"),
            Drift("d", length="1.1 - lq"),
            Bend("b", length=1.0, angle="twopi/16", e1="e", hgap=0.03, fint="f", tilt="0*kf"),
            Quadrupole("qd", length="lq", k1="kd*(1 + 0.1*f)"),
            Sextupole("s", length=0.2, k2="s"),
            Drift("g", length=0.6),
        ]
    ]
    * 16,
    parameters={"kf": 1.3, "kd": "-0.9*kf", "lq": 0.3, "e": 0.1, "f": 0.4, "s": 3.0},
    particle=PROTON,
)
VALUES = {"kf": [1.3, 1.31, 1.25], "lq": [0.3, 0.32, 0.28], "e": [0.1, 0.0, -0.05], "f": [0.4, 0.0, 0.7]}


def singles(values: dict[str, list[float]]) -> list[Lattice]:
    count = len(next(iter(values.values())))
    return [LIVE.with_parameters({name: row[i] for name, row in values.items()}) for i in range(count)]


@pytest.mark.parametrize(
    "options",
    [{}, {"fringe": "linear"}, {"delta": 0.002}, {"start": {"betx": 4.0, "alfx": 0.3, "bety": 2.0, "px": 1e-4}}],
)
def test_a_batch_is_its_lattices_one_by_one(options: dict[str, Any]) -> None:
    together = twiss(LIVE.with_parameters(VALUES), **options)
    for i, lattice in enumerate(singles(VALUES)):
        alone = twiss(lattice, **options)
        for name in COLUMNS:  # to the last bit, but for sums of lengths
            np.testing.assert_allclose(together[name][i], alone[name], rtol=1e-13, atol=1e-13, err_msg=name)
        for name in SCALARS:
            assert together.scalar(name)[i] == pytest.approx(alone.scalar(name), rel=1e-13, nan_ok=True), name
        # off axis the orbit is found again with cut sextupoles, which differ by the error of their integrator
        assert together.maximum("betx")[i] == pytest.approx(alone.maximum("betx"), rel=1e-9 if options else 1e-13)


def test_shapes() -> None:
    optics = twiss(LIVE.with_parameters(VALUES))
    assert optics.qx.shape == optics.stable.shape == optics.length.shape == (3,)
    assert optics["betx"].shape == optics["s"].shape == (3, len(LIVE) + 1)
    assert optics.value("betx", "qf::3").shape == optics.maximum("dx").shape == (3,)
    assert optics.length == pytest.approx([16 * (2.9 + x) for x in VALUES["lq"]])
    one = twiss(LIVE.with_parameters(kf=[1.3]))
    assert one.qx.shape == (1,)
    assert one.qx[0] == twiss(LIVE).qx
    assert isinstance(twiss(LIVE).qx, float)


def test_an_array_no_element_uses_still_makes_a_batch() -> None:
    ring = cnao()
    idle = Lattice("idle", elements=ring.elements, parameters={**ring.parameters, "idle": 0.0}, particle=PROTON)
    assert list(twiss(idle.with_parameters(idle=[1.0, 2.0])).qx) == [twiss(ring, PROTON).qx] * 2


@pytest.mark.parametrize("delta", [0.0, 0.001])
def test_unstable_lattices_are_nan_and_masked(delta: float) -> None:
    optics = twiss(LIVE.with_parameters(kf=[1.3, 30.0, 1.31, 1e8]), delta=delta)
    assert list(optics.stable) == [True, False, True, False]
    for name in ("qx", "dqy", "momentum_compaction", "gamma_transition"):
        assert list(np.isnan(optics.scalar(name))) == [False, True, False, True], name
    assert np.isnan(optics["betx"][1]).all()
    assert np.isfinite(optics["betx"][2]).all()
    assert list(np.isnan(optics.maximum("betx"))) == [False, True, False, True]
    assert optics.qx[2] == pytest.approx(twiss(LIVE.with_parameters(kf=1.31), delta=delta).qx, rel=1e-14)


def test_each_lattice_has_its_own_kicked_orbit() -> None:
    kicked = Lattice("kicked", elements=[LIVE, Kicker("k", hkick="h")], parameters={"h": 0.0}, particle=PROTON)
    kicks = [0.0, 1e-4, -3e-4]
    together = twiss(kicked.with_parameters(h=kicks))
    for i, kick in enumerate(kicks):
        alone = twiss(kicked.with_parameters(h=kick))
        assert together["x"][i] == pytest.approx(alone["x"], abs=1e-14)  # two searches: the rounding of the maps
        assert together.dqx[i] == pytest.approx(alone.dqx, abs=1e-11)
        assert together.maximum("x")[i] == pytest.approx(alone.maximum("x"), abs=1e-11)  # cut sextupoles, as above


def test_a_complex_step_is_the_derivative_of_everything() -> None:
    step, h = 1e-30, 1e-5
    stepped = twiss(LIVE.with_parameters(kf=1.3 + 1j * step, e=0.1 + 1j * step))
    up, down = (twiss(LIVE.with_parameters(kf=1.3 + sign * h, e=0.1 + sign * h)) for sign in (1, -1))
    for name in SCALARS:
        if name != "length":  # 1e-7: the differences, h^2 and rounding/h
            slope = (up.scalar(name) - down.scalar(name)) / (2 * h)
            assert stepped.scalar(name).imag / step == pytest.approx(slope, rel=1e-7, abs=1e-8), name
    for name in ("betx", "alfy", "dx", "muy"):
        np.testing.assert_allclose(stepped[name].imag / step, (up[name] - down[name]) / (2 * h), rtol=1e-6, atol=1e-7)
    assert stepped.maximum("betx").imag / step == pytest.approx(
        (up.maximum("betx") - down.maximum("betx")) / (2 * h), rel=1e-6
    )


def test_what_a_batch_cannot_do_says_so() -> None:
    batch = twiss(LIVE.with_parameters(VALUES))
    with pytest.raises(InputError, match=r"tw\.table is for one lattice, here are 3"):
        _ = batch.table
    with pytest.raises(InputError, match=r"tw\.inside is for one lattice"):
        batch.inside()
    with pytest.raises(LatticeError, match=r"one length, found .*'lq': 3"):
        LIVE.with_parameters(kf=[1.0, 2.0], lq=[0.3, 0.2, 0.1])
    with pytest.raises(LatticeError, match="'kd' depends on others"):
        LIVE.with_parameters(kd=[1.0, 2.0])
    with pytest.raises(LatticeError, match="length must not be negative"):
        LIVE.with_parameters(lq=[0.3, -0.1])
