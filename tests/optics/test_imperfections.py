"""Magnets with errors: laws of displaced magnets, draws, Xsuite's and MAD-X's own misaligned elements."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pandas as pd
import pytest
from scipy.stats import truncnorm

from lattice import (
    Bend,
    Drift,
    InputError,
    Kicker,
    Lattice,
    LatticeError,
    Monitor,
    Quadrupole,
    ReferenceParticle,
    Sextupole,
    write_madx,
)
from lattice.arrays import Array
from optics import twiss
from optics.engines.imperfections import xsuite_closed_orbit
from optics.imperfections.draws import circuit_of, standard
from optics.imperfections.ensemble import Ensemble, ensemble
from optics.imperfections.errors import MagnetErrors, draw_errors, draw_numbered, draw_together, with_errors
from optics.maps.lattices.turns import turns
from tests.madx_session import madx

PROTON = ReferenceParticle("proton", kinetic_energy_per_u=60e6)
START = np.array([[1e-3, 2e-3, 3e-3, -1e-3, 0.0, 1e-3], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0]])
EVERYTHING: dict[str, Any] = {"dx": 1e-3, "dy": 2e-3, "ds": 3e-3, "roll": 4e-3, "pitch": 3e-3, "yaw": 2e-3}


def through(lattice: Lattice, particles: Array = START) -> Array:
    return turns(lattice, PROTON, "full")[0].track(particles)


def ring(cells: int = 6) -> Lattice:
    """A small ring with a monitor and a corrector of each plane in every cell; stable, uncoupled, with sextupoles."""
    elements: list[Any] = []
    for i in range(cells):
        elements += [
            Quadrupole(f"qf{i}", length=0.3, k1="kf"),
            Kicker(f"ch{i}", length=0.2, plane="x"),
            Monitor(f"mh{i}", length=0.2, plane="x"),
            Drift("d1", length=0.3),
            Bend(f"b{i}", length=1.2, angle=2 * np.pi / cells, e1=0.1, e2=0.1),
            Sextupole(f"s{i}", length=0.1, k2="ks"),
            Quadrupole(f"qd{i}", length=0.3, k1="kd"),
            Kicker(f"cv{i}", length=0.2, plane="y"),
            Monitor(f"mv{i}", length=0.2, plane="y"),
            Drift("d2", length=0.3),
        ]
    return Lattice("small", elements=elements, parameters={"kf": 1.2, "kd": -1.4, "ks": 2.0}, particle=PROTON)


def test_a_displaced_quadrupole_is_the_same_one_with_a_kick() -> None:
    """To first order in the displacement d: the beam sees -d, so behind it x = d (1 - cos), px = d k sin, k^2 = k1.

    Exact slopes add x'^3 L / 2: x' < 5e-4 here, below 1e-11 m.
    """
    k1, length, d = 1.1, 0.4, 0.7e-3
    magnet = Lattice("m", elements=[Quadrupole("q", length=length, k1=k1)], particle=PROTON)
    moved = draw_errors(magnet, MagnetErrors(magnets="q", dx=1e-3), 1)
    own = float(moved.values["q"]["dx"][0])
    k = np.sqrt(k1)
    out = through(moved.lattice, np.zeros((1, 6)))[0]
    assert out[0] == pytest.approx(own * (1 - np.cos(k * length)), abs=1e-11)
    assert out[1] == pytest.approx(own * k * np.sin(k * length), abs=1e-11)
    # thin: the kick k1 l d; the next term is (k l)^2/6 of it
    thin = Lattice("m", elements=[Quadrupole("q", length=1e-4, k1=1e4 * k1)], particle=PROTON)
    thin_moved = draw_errors(thin, MagnetErrors(magnets="q", dx=d), 1)
    kick = through(thin_moved.lattice, np.zeros((1, 6)))[0, 1]
    assert kick == pytest.approx(k1 * float(thin_moved.values["q"]["dx"][0]), rel=1e-4)


def test_a_rolled_quadrupole_is_a_skew_one_and_a_field_error_a_strength() -> None:
    magnet = Lattice("m", elements=[Quadrupole("q", length=0.4, k1=1.1)], particle=PROTON)
    rolled = draw_errors(magnet, MagnetErrors(magnets="q", roll=2e-2), 3)
    tilt = float(rolled.values["q"]["roll"][0])
    tilted = Lattice("m", elements=[Quadrupole("q", length=0.4, k1=1.1, tilt=tilt)], particle=PROTON)
    assert through(rolled.lattice) == pytest.approx(through(tilted), abs=1e-16)
    strong = draw_errors(magnet, MagnetErrors(magnets="q", field=1e-2), 3)
    k1 = 1.1 * (1 + float(strong.values["q"]["field"][0]))
    same = Lattice("m", elements=[Quadrupole("q", length=0.4, k1=k1)], particle=PROTON)
    assert through(strong.lattice) == pytest.approx(through(same), abs=1e-16)


@pytest.mark.parametrize("about", ["middle", "entrance"])
@pytest.mark.parametrize(
    "magnet",
    [
        Quadrupole("m", length=0.4, k1=1.1, tilt=0.1),
        Bend("m", length=1.6, angle=0.39, e1=0.1, e2=0.15),
        Bend("m", length=1.6, angle=0.39, e1=0.1, e2=0.15, tilt=0.3),
    ],
)
def test_xsuite_has_the_same_misaligned_magnets(magnet: Any, about: str) -> None:
    """Its shift_x ... rot_s_rad_no_frame about rot_shift_anchor, all at once: the same geometry, to rounding."""
    from optics.engines.xsuite.bunch import COORDINATES
    from optics.engines.xsuite.line import to_xsuite

    line = Lattice("l", elements=[Drift("a", length=0.5), magnet, Drift("b", length=0.5)], particle=PROTON)
    machine = draw_errors(line, MagnetErrors(magnets="m", **EVERYTHING), 3, about=about)
    errors = machine.table.loc["m"]
    theirs = to_xsuite(line, PROTON, quadrupole_kicks=224)
    element = theirs["m"]
    element.shift_x, element.shift_y, element.shift_s = errors.dx, errors.dy, errors.ds
    element.rot_x_rad, element.rot_y_rad, element.rot_s_rad_no_frame = errors.pitch, errors.yaw, errors.roll
    element.rot_shift_anchor = magnet.length / 2 if about == "middle" else 0.0
    bunch = theirs.build_particles(**dict(zip(COORDINATES, START.T, strict=True)))
    theirs.track(bunch)
    tracked = np.stack([getattr(bunch, name) for name in COORDINATES], axis=-1)
    assert through(machine.lattice) == pytest.approx(tracked, abs=1e-14)


@pytest.mark.number("residual_orbit_xsuite", by="second code")
def test_the_closed_orbit_of_a_machine_is_xsuites() -> None:
    """Bends, quadrupoles, sextupoles and all their errors; 1e-11 m: rounding of two searches."""
    machine = draw_errors(
        ring(),
        [
            MagnetErrors(
                magnets=("bend", "quadrupole", "sextupole"),
                field=1e-3,
                **{key: 0.1 * value for key, value in EVERYTHING.items()},
            )
        ],
        5,
    )
    theirs, ours = xsuite_closed_orbit(machine), ensemble(machine)
    assert np.max(np.abs(ours.orbit["x"])) > 1e-4
    for plane in ("x", "y"):
        assert ours.orbit[plane][0] == pytest.approx(theirs[plane], abs=1e-11)


def test_errors_depend_on_seed_and_name_alone_and_scale_with_their_rms() -> None:
    one = draw_errors(ring(), MagnetErrors(magnets="qf1", dx=1e-4), 7).table.loc["qf1", "dx"]
    many = draw_errors(ring(), [MagnetErrors(magnets="bend", roll=1e-3), MagnetErrors(magnets="kf", dx=2e-4)], 7, 5)
    assert many.values["qf1"]["dx"][0] == pytest.approx(2 * one, rel=1e-14)
    assert many.one(0).table.loc["qf1", "dx"] == many.values["qf1"]["dx"][0]
    assert draw_errors(ring(), MagnetErrors(magnets="qf1", dx=1e-4), 8).table.loc["qf1", "dx"] != one


def test_sets_drawn_together_are_the_machines_of_each() -> None:
    """Two machines of each of three sets of one batch: names, kinds and seeds decide, not the company."""
    sets = [
        [MagnetErrors(magnets="kf", dx=size, field=field), MagnetErrors(magnets="bend", roll=1e-3)]
        for size, field in ((1e-4, 0.0), (2e-4, 1e-3), (0.0, 1e-3))
    ]
    together = draw_together(ring(), sets, 7, 2)
    orbits = twiss(together.lattice, chromatic=False)["x"][:, together.rows]
    for number, errors in enumerate(sets):
        alone = draw_errors(ring(), errors, 7, 2)  # without displacements there are no frames: rows of elements count
        mine = orbits[2 * number : 2 * number + 2]
        assert twiss(alone.lattice, chromatic=False)["x"][:, alone.rows] == pytest.approx(mine, abs=1e-15)
    with pytest.raises(InputError, match="of the same magnets"):
        draw_together(ring(), [sets[0], [MagnetErrors(magnets="bend", roll=1e-3)]], 7, 2)


def test_rms_and_cut_of_a_draw() -> None:
    """Of 3000 numbers: the rms is known to 1/sqrt(2 n) = 1.3 %, five of which are allowed; the cut at 2 takes 12 %."""
    drawn = draw_errors(ring(), MagnetErrors(magnets="qf0", dx=1e-3, cut=6.0), 1, 3000).values["qf0"]["dx"]
    assert np.std(drawn) == pytest.approx(1e-3, rel=5 * 0.013)
    cut = draw_errors(ring(), MagnetErrors(magnets="qf0", dx=1e-3, cut=2.0), 1, 3000).values["qf0"]["dx"]
    assert np.max(np.abs(cut)) <= 2e-3
    assert np.std(cut) == pytest.approx(0.88e-3, rel=5 * 0.013)


@pytest.mark.parametrize("cut", [0.1, 2.0, 3.0, 40.0])
def test_a_cut_gaussian_is_that_of_scipy(cut: float) -> None:
    """Truncated normal of scipy at the same uniform numbers, to some roundings; never beyond the cut."""
    uniform = np.random.Generator(np.random.PCG64([1, crc32(b"q"), crc32(b"dx")])).random(500)
    found = standard(1, ("q", "dx"), "gaussian", cut, np.arange(500))
    assert found == pytest.approx(truncnorm.ppf(uniform, -cut, cut), abs=1e-14)
    assert np.abs(found).max() <= cut


EVERY_DRAW = [
    MagnetErrors(magnets="quadrupole", dx=1e-4, roll=1e-4, field=1e-3, normal={3: 1e-4}, calibration=1e-3),
    MagnetErrors(magnets="bend", dy=1e-4, stability=1e-4, distribution="uniform"),
    MagnetErrors(magnets="monitor", dx=1e-4, noise=1e-5, gain=0.02),
]


def test_a_slice_of_machines_equals_that_of_the_whole() -> None:
    """Machine n is the same from whichever number the draw begins: to the last bit, far into the streams too."""
    whole = draw_errors(ring(), EVERY_DRAW, 7, 5010)
    for first, number in ((0, 3), (1, 4), (5000, 10)):
        part = draw_errors(ring(), EVERY_DRAW, 7, number, first=first)
        for name, own in whole.values.items():
            assert list(part.values[name]) == list(own)
            for column, drawn in own.items():
                assert np.array_equal(part.values[name][column], drawn[first : first + number])
    assert draw_errors(ring(), EVERY_DRAW, 7, first=2).table.loc["qf1", "dx"] == whole.values["qf1"]["dx"][2]
    with pytest.raises(InputError, match="first machine must be a whole number"):
        draw_errors(ring(), EVERY_DRAW, 7, 3, first=-1)


def test_one_cause_is_taken_from_other_machines_than_the_rest() -> None:
    """The rolls of table 0 from machines 40, 41, all else from machines 3, 4."""
    kinds: set[str] = set()

    def numbers(table: int, kind: str) -> Any:
        kinds.add(kind)
        return np.array([40, 41] if (table, kind) == (0, "roll") else [3, 4])

    mixed, whole = draw_numbered(ring(), EVERY_DRAW, 7, numbers), draw_errors(ring(), EVERY_DRAW, 7, 42)
    assert {"dx", "roll", "normal_3", "calibration", "stability", "noise_x", "gain_y"} <= kinds
    assert np.array_equal(mixed.values["qf1"]["roll"], whole.values["qf1"]["roll"][40:42])
    for name, column in (("qf1", "dx"), ("qf1", "field"), ("mh1", "noise_x")):
        assert np.array_equal(mixed.values[name][column], whole.values[name][column][3:5])


def test_magnets_of_a_circuit_have_its_error_alike() -> None:
    """Those that kf and kd set, each their own; the bends, whose field no parameter sets, in series."""
    drawn = draw_errors(ring(), MagnetErrors(magnets=("quadrupole", "bend"), stability=1e-3), 7, 5).values
    by_circuit: dict[str, list[Any]] = {}
    for name, own in drawn.items():
        by_circuit.setdefault(circuit_of(ring()[name]), []).append(own["field"])
    assert len(by_circuit) == 3
    assert "bends in series" in by_circuit
    for alike in by_circuit.values():
        assert all(np.array_equal(one, alike[0]) for one in alike)
    firsts = [alike[0][0] for alike in by_circuit.values()]
    assert len(set(firsts)) == 3


def test_a_uniform_distribution_has_its_rms_and_its_ends() -> None:
    """Of 3000 numbers: the rms of a uniform sample is known to sqrt(0.8 / 4 n) = 0.8 %, five of which are allowed."""
    drawn = draw_errors(ring(), MagnetErrors(magnets="qf0", dx=1e-3, distribution="uniform"), 1, 3000)
    values = drawn.values["qf0"]["dx"]
    assert np.std(values) == pytest.approx(1e-3, rel=5 * 0.008)
    assert 1.7e-3 < np.max(np.abs(values)) <= np.sqrt(3) * 1e-3


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"distribution": "gausian"}, "unknown distribution 'gausian'; did you mean 'gaussian'"),
        ({"gain": -0.1}, "rms of gain_x must be a number of at least 0"),
        ({"cut": 0.0}, "cut must be positive"),
        ({"stability": float("nan")}, "rms of stability must be a number"),
    ],
)
def test_a_distribution_that_makes_no_sense_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        MagnetErrors(magnets="qf1", **wrong)


@pytest.mark.parametrize(
    ("errors", "message"),
    [
        (MagnetErrors(magnets="qf1", noise=1e-5), "takes no error 'noise': monitors do"),
        (MagnetErrors(magnets="mh1", stability=1e-5), "takes no error 'stability'"),
    ],
)
def test_errors_of_readings_are_those_of_monitors(errors: MagnetErrors, message: str) -> None:
    with pytest.raises(InputError, match=message):
        draw_errors(ring(), errors, 1)


def test_a_batch_is_its_machines_and_the_orbit_grows_with_the_rms() -> None:
    """Linear up to sextupoles and geometry: at 1e-6 m the second order is 1e-6 of the first."""

    def errors(size: float) -> MagnetErrors:
        return MagnetErrors(magnets=("quadrupole", "bend"), dx=size, dy=size, roll=size)

    many = draw_errors(ring(), errors(1e-6), 2, 3)
    orbits = twiss(many.lattice, chromatic=False)["y"]
    assert twiss(many.one(2).lattice, chromatic=False)["y"] == pytest.approx(orbits[2], abs=1e-15)
    twice = twiss(draw_errors(ring(), errors(2e-6), 2, 3).lattice, chromatic=False)["y"]
    assert twice == pytest.approx(2 * orbits, abs=1e-4 * np.max(np.abs(orbits)))


def test_multipole_errors_are_those_of_the_field_at_the_radius() -> None:
    """An octupole error of a quadrupole: K3 L = b 6 k1 L / r^2, and the kick K3 L x^3 / 6."""
    magnet = Lattice("m", elements=[Quadrupole("q", length=1e-6, k1=1e6)], particle=PROTON)
    machine = draw_errors(magnet, MagnetErrors(magnets="q", normal={3: 1e-3}, radius=0.03), 1)
    b, x = float(machine.values["q"]["normal_3"][0]), 0.01
    start = np.array([[x, 0, 0, 0, 0, 0.0]])
    change = (through(machine.lattice, start) - through(magnet, start))[0, 1]
    assert change == pytest.approx(-b * x**3 / 0.03**2, rel=1e-4)


@pytest.mark.number("coupling", by="closed form")
def test_coupling_is_the_least_distance_of_the_tunes() -> None:
    """The tunes are moved over each other (they cross modulo 1): their least distance is |C-|.

    In a thin skew lens |C-| = k1s l sqrt(betx bety) / 2 pi; both hold to second order in it, and the scan's step is
    1e-3 of the distance. The ring's sextupoles are off the orbit's way.
    """
    plain, strengths = ring(), np.linspace(-0.93, -0.84, 181)
    skewed = Lattice(
        "s",
        elements=[*plain.elements, Quadrupole("sk", length=1e-3, k1s=4.0)],
        parameters=dict(plain.parameters),
        particle=PROTON,
    )
    tunes = twiss(skewed.with_parameters(kd=strengths), chromatic=False)
    distance = np.abs(tunes.qx - tunes.qy - 1.0)
    best = int(np.nanargmin(distance))
    here = {"kd": float(strengths[best])}
    near = ensemble(draw_errors(skewed.with_parameters(here), MagnetErrors(magnets="qf0"), 1))
    base = twiss(plain.with_parameters(here))
    law = 4.0e-3 * np.sqrt(base["betx"][0] * base["bety"][0]) / (2 * np.pi)
    assert near.table["coupling"][0] == pytest.approx(distance[best], rel=0.01)
    assert near.table["coupling"][0] == pytest.approx(law, rel=0.01)


@pytest.mark.parametrize(
    ("errors", "words"),
    [
        ({"magnets": "quadrupol", "dx": 1e-3}, "no magnets 'quadrupol'; did you mean 'quadrupole'"),
        ({"magnets": "solenoid", "dx": 1e-3}, "it has no solenoid"),
        ({"magnets": "qf0", "dx": -1e-3}, "the rms of dx must be a number of at least 0, found -0.001"),
        ({"magnets": "qf0", "dx": 1e-3, "cut": 0.0}, "cut must be positive"),
        ({"magnets": "qf0", "normal": {0: 1e-3}}, "orders of field errors are 1"),
        ({"magnets": "ch0", "field": 1e-3}, "takes no error 'field'"),
    ],
)
def test_what_makes_no_sense_is_said(errors: dict[str, Any], words: str) -> None:
    with pytest.raises((InputError, LatticeError)) as caught:
        with_errors(ring(), MagnetErrors(**errors), 1)
    assert words in str(caught.value)


def test_magnets_that_repeat_get_names_of_their_own() -> None:
    quadrupole = Quadrupole("q", length=0.3, k1=1.0)
    line = Lattice("l", elements=[quadrupole, Drift("d", length=1.0), quadrupole], particle=PROTON)
    machine = draw_errors(line, MagnetErrors(magnets="q", dx=1e-3), 1)
    assert set(machine.values) == {"q_0", "q_1"}
    with pytest.raises(InputError, match="have errors already"):
        draw_errors(machine.lattice, MagnetErrors(magnets="q_0", dx=1e-3), 1)


def test_the_orbit_of_displaced_quadrupoles_is_that_of_madx_with_ealign_and_efcomp(tmp_path: Path) -> None:
    """The same errors in MAD-X: EALIGN (about the entrance) and relative gradient errors by EFCOMP, by name.

    Without bends MAD-X's maps are ours up to the exact square root: px^2 of an orbit with px = 1e-4 is 1e-8, times the
    orbit 1e-11 m, and as it is in the tunes.
    """
    cells = [
        [
            Quadrupole(f"qf{i}", length=0.3, k1="kf"),
            Drift(f"d{i}", length=1.0),
            Quadrupole(f"qd{i}", length=0.3, k1="kd"),
            Drift(f"e{i}", length=1.0),
        ]
        for i in range(6)
    ]
    line = Lattice(
        "straight", elements=[e for cell in cells for e in cell], parameters={"kf": 1.2, "kd": -1.3}, particle=PROTON
    )
    errors = MagnetErrors(magnets="quadrupole", dx=2e-4, dy=2e-4, roll=1e-3, field=2e-3)
    machine = draw_errors(line, errors, seed=5, about="entrance")
    ours = twiss(machine.lattice, chromatic=False)
    write_madx(line, tmp_path / "line.seq")
    given = "".join(_madx_errors(name, own) for name, own in machine.values.items())
    with madx((tmp_path / "line.seq").read_text()) as session:
        session.input(f"use, sequence=straight; eoption, add=true; {given}")
        table = session.twiss()
        theirs = {str(name).split(":")[0]: k for k, name in enumerate(table.name)}
        rows = machine.rows[1:]  # what MAD-X tells is at the exit of each element
        places = [theirs[name] for name in line.names if name.startswith("q")]
        kept = [row for row, name in zip(rows, line.names, strict=True) if name.startswith("q")]
        for column in ("x", "y"):
            orbit = np.array(table[column])[places]
            assert np.abs(orbit).max() > 1e-4
            assert ours[column][kept] == pytest.approx(orbit, abs=1e-10)
        assert (ours.qx, ours.qy) == pytest.approx((table.summary.q1, table.summary.q2), abs=1e-7)


def _madx_errors(name: str, own: Any) -> str:
    dx, dy, roll, field = (float(own[column][0]) for column in ("dx", "dy", "roll", "field"))
    return (
        f"select, flag=error, clear; select, flag=error, range={name}; ealign, dx={dx!r}, dy={dy!r}, dpsi={roll!r};"
        f"efcomp, order=1, radius=0.03, dknr={{0, {field!r}}};"
    )


def test_of_two_planes_the_worse_counts() -> None:
    """Machine by machine; one without a value in either plane has none."""
    table = pd.DataFrame({"orbit_max_x": [1.0, 3.0, np.nan], "orbit_max_y": [2.0, 1.0, 5.0]})
    nothing: Any = None
    found = Ensemble(nothing, {}, table, nothing).worse_plane("orbit_max")
    assert list(found[:2]) == [2.0, 3.0]
    assert np.isnan(found[2])
