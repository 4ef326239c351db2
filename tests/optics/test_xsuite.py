"""Lattices as Xsuite lines and back, and Xsuite's answers in our conventions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xtrack as xt

from lattice import (
    Aperture,
    Bend,
    Collimator,
    DipoleEdge,
    Drift,
    ElectrostaticSeptum,
    Element,
    FileError,
    InputError,
    Kicker,
    Lattice,
    LatticeError,
    MagneticSeptum,
    Marker,
    Monitor,
    Multipole,
    Octupole,
    Quadrupole,
    ReferenceParticle,
    RFCavity,
    RFGap,
    Separator,
    Sextupole,
    Solenoid,
    Species,
    SRotation,
    ThinSolenoid,
    Translation,
    UnstableOptics,
    XRotation,
    YRotation,
)
from lattice.arrays import Array
from lattice.elements import ELEMENT_KINDS
from machines.cnao_like import cnao
from optics import track
from optics.engines.xsuite.files import read_xsuite_json, write_xsuite_json
from optics.engines.xsuite.line import to_xsuite
from optics.engines.xsuite.live_line import from_xsuite
from optics.engines.xsuite.passages import xsuite_track
from optics.engines.xsuite.twiss import xsuite_twiss

PROTON = ReferenceParticle("proton", kinetic_energy_per_u=60e6)
OPENING = Aperture("rectellipse", 0.03, 0.02, 0.001, -0.001, 0.04, 0.025)

#: One of every kind that Xsuite can hold, with every attribute away from its default.
EVERY: tuple[Element, ...] = (
    Drift("dr", length=0.7),
    Bend(
        "be",
        length=1.1,
        angle=0.3,
        e1=0.1,
        e2=0.12,
        k0=0.28,
        k1=-0.1,
        k2=0.3,
        hgap=0.03,
        fint=0.5,
        fintx=0.4,
        h1=0.2,
        h2=-0.1,
        tilt=0.1,
    ),
    Quadrupole("qu", length=0.3, k1=0.6, tilt=0.05),
    Sextupole("se", length=0.2, k2=3.0, k2s=0.5, tilt=0.1),
    Octupole("oc", length=0.2, k3=30.0, k3s=5.0, tilt=0.1),
    Multipole("mu", knl=(0.01, 0.1, 2.0), ksl=(0.0, 0.05), lrad=0.2, tilt=0.1),
    Solenoid("so", length=0.5, ks=0.4),
    Kicker("ki", length=0.2, hkick=1e-3, vkick=-2e-3, tilt=0.1),
    Kicker("kx", length=0.2, hkick=1e-3, plane="x"),
    Monitor("mo", length=0.1),
    Monitor("my", length=0.1, plane="y"),
    DipoleEdge("de", h=0.2, e1=0.1, hgap=0.03, fint=0.5, tilt=0.1),
    SRotation("rs", angle=0.3),
    XRotation("rx", angle=0.2),
    YRotation("ry", angle=-0.1),
    Translation("tr", dx=1e-3, dy=-2e-3, ds=0.1),
    Separator("sp", length=0.4),
    ThinSolenoid("ts", ks=0.3),
    Marker("ma", aperture=OPENING),
    RFCavity("rf", length=0.4, volt=1e4, freq=2e6, lag=0.1),
    ElectrostaticSeptum("es", length=0.8, position=0.035, thickness=1e-4, kick=2.5e-3, gap=0.02, angle=1e-3),
    MagneticSeptum("ms", length=0.9, position=0.04, thickness=0.01, kick=0.05, gap=0.02, angle=1e-3),
    Collimator("co", length=0.1, aperture=Aperture("ellipse", 0.01, 0.02)),
)


def test_every_kind_of_element_has_a_case() -> None:
    assert {element.kind for element in EVERY} | {"rfgap"} == set(ELEMENT_KINDS)


@pytest.mark.parametrize("element", EVERY, ids=lambda element: element.kind)
def test_an_element_comes_back_as_it_went(element: Element) -> None:
    there = Lattice("line", elements=[element], particle=PROTON)
    back = from_xsuite(to_xsuite(there, apertures=True))
    assert back.elements == there.elements
    assert (back.name, back.particle) == ("line", PROTON)


@pytest.mark.parametrize(
    "kind",
    [
        "kicker",
        "multipole",
        "drift",
        "monitor",
        "collimator",
        "srotation",
        "xrotation",
        "translation",
        "dipoleedge",
    ],
)
def test_what_does_nothing_keeps_its_kind(kind: str) -> None:
    lattice = Lattice("line", elements=[ELEMENT_KINDS[kind]("idle"), Drift("d", length=1.0)])
    assert from_xsuite(to_xsuite(lattice)).elements == lattice.elements


def test_names_and_positions_are_the_lattices() -> None:
    ring = cnao()
    table = to_xsuite(ring).get_table()
    assert tuple(table.name[:-1]) == ring.names
    np.testing.assert_allclose(table.s, ring.s, atol=1e-11)  # sums of lengths in another order
    repeated = Lattice("line", elements=[Drift("d", length=1.0), Marker("m"), Drift("d", length=1.0)])
    assert tuple(to_xsuite(repeated).get_table().name[:-1]) == ("d::0", "m", "d::1")


def test_the_models_are_the_documented_ones() -> None:
    line = to_xsuite(Lattice("line", elements=EVERY), fringe="linear")
    assert (line["be"].model, line["be"].edge_entry_model, line["be"].edge_exit_model) == (
        "bend-kick-bend",
        *["linear"] * 2,
    )
    for name in ("qu", "se", "oc", "ki"):  # all exact alike: kicks of a sixth-order integrator between exact drifts
        element = line[name]
        assert (element.model, element.integrator) == ("drift-kick-drift-exact", "yoshida-6")
        assert element.num_multipole_kicks == 28
    fewer = to_xsuite(Lattice("line", elements=EVERY), quadrupole_kicks=14, sextupole_kicks=7)
    assert [fewer[name].num_multipole_kicks for name in ("qu", "se", "oc", "ki")] == [14, 7, 7, 7]
    assert line["dr"].model == "exact"
    assert to_xsuite(Lattice("line", elements=EVERY))["be"].edge_exit_model == "dipole-only"
    assert (
        to_xsuite(Lattice("line", elements=[Bend("be", length=1.1, angle=0.3, e1=0.1)]))["be"].edge_exit_model == "full"
    )


LIVE = Lattice(
    "live",
    elements=[
        Quadrupole("qf", length=0.3, k1="kf*2^3^1 - -kd/3 + sqrt(a.1)/pi"),
        Drift("d", length="1+a.1"),
        Bend("b", length=1.0, angle="twopi/16*a.1", k0="b"),
        Multipole("m", knl=("a.1/10", "kd"), ksl=(0.0, "kf")),
        Kicker("k", length=0.1, hkick="a.1/100"),
        RFCavity("rf", length=0.1, volt=1e3, harmon=2.0, lag="a.1/2"),
        Quadrupole("skew", length=0.3, k1=0.1, k1s="kd"),
        MagneticSeptum("ms", length=0.7, kick="ms->kick"),
    ],
    parameters={"kf": 0.3, "kd": "-1.7*kf", "a.1": 0.1, "b": 0.04, "ms->kick": 0.002, "unused": "kd*sin(a.1)"},
    particle=PROTON,
)


def test_expressions_stay_live_in_the_line_and_on_the_way_back() -> None:
    line = to_xsuite(LIVE)
    line.vars["kf"] = 0.4
    changed, expected = from_xsuite(line), LIVE.with_parameters(kf=0.4)
    assert changed.parameters == pytest.approx(dict(expected.parameters))
    for name in ("qf", "d", "b", "m", "k", "rf", "ms"):
        ours, theirs = (lattice.resolved(lattice[name]).strengths() for lattice in (expected, changed))
        assert theirs.keys() == ours.keys()
        for attribute, value in ours.items():  # rounding of 2 pi * lag / (2 pi)
            assert theirs[attribute] == (value if value is None else pytest.approx(value, rel=1e-14)), name
    assert isinstance(changed["qf"].strengths()["k1"], str)


@pytest.mark.parametrize("strength", [0.4, -0.3, 0.0])
def test_the_knob_of_a_skew_quadrupole_turns_the_same_magnet_in_xsuite(strength: float) -> None:
    """Set in the line behind Xsuite's back, from 0 and through its sign: ours beside theirs, to their cut of a body."""
    magnet = Quadrupole("qs", length=0.3, k1s="ks", tilt=0.1)
    ring = Lattice("line", elements=[magnet, Drift("d", length=1.0)], parameters={"ks": 0.0}, particle=PROTON)
    line = to_xsuite(ring)
    line.vars["ks"] = strength
    start = np.array([[1e-3, 2e-4, -3e-3, 1e-4, 0.0, 1e-3]])
    ours = track(ring.with_parameters(ks=strength), None, start).coordinates
    theirs = track(from_xsuite(line), None, start).coordinates
    particles = line.build_particles(x=1e-3, px=2e-4, y=-3e-3, py=1e-4, delta=1e-3)
    line.track(particles)
    xsuite = np.array([[*particles.x, *particles.px, *particles.y, *particles.py]])
    np.testing.assert_allclose(xsuite, ours[:, :4], atol=1e-10)
    np.testing.assert_allclose(theirs, ours, atol=1e-15)


def test_a_parameter_named_like_an_element_gets_another_name_in_the_line_only() -> None:
    line = to_xsuite(LIVE)
    line.vars["b_value"] = 0.05  # the element "b" has the name
    assert from_xsuite(line).parameters["b"] == 0.05


def test_an_expression_xsuite_lacks_a_function_for_becomes_its_number() -> None:
    lattice = Lattice("line", elements=[Quadrupole("q", length=1.0, k1="max(a, 2)")], parameters={"a": 3.0})
    assert from_xsuite(to_xsuite(lattice))["q"] == Quadrupole("q", length=1.0, k1=3.0)


@pytest.mark.parametrize(
    ("element", "message"),
    [
        (RFGap("gap_3", volt=1.0), "RFGap 'gap_3'"),
        (ThinSolenoid("so", ks=0.1, ksi=0.1), "ThinSolenoid 'so': Xsuite has no thin solenoid"),
        (Separator("sp", length=1.0, ex=1e5), "Separator 'sp': Xsuite has no element for an electric field"),
    ],
)
def test_what_xsuite_cannot_hold_is_refused_by_name(element: Element, message: str) -> None:
    with pytest.raises(LatticeError, match=message):
        to_xsuite(Lattice("line", elements=[element]))


def test_batches_unknown_fringes_and_missing_particles_are_refused() -> None:
    lattice = Lattice("line", elements=[Quadrupole("q", length=1.0, k1="k")], parameters={"k": 1.0})
    with pytest.raises(InputError, match="holds 2 lattices"):
        to_xsuite(lattice.with_parameters(k=[1.0, 2.0]))
    with pytest.raises(InputError, match="did you mean 'linear'"):
        to_xsuite(lattice, fringe="liner")
    with pytest.raises(InputError, match="particle"):
        xsuite_twiss(lattice)


def _foreign(element: object) -> xt.Line:
    return xt.Line(elements=[element], element_names=["x1"])


@pytest.mark.parametrize(
    ("element", "message"),
    [
        (xt.Quadrupole(length=1.0, k1=0.1, shift_x=1e-3), "shift_x = 0.001"),
        (xt.Quadrupole(length=1.0, k1=0.1, knl=[0.0, 0.0, 0.1]), "knl"),
        (xt.Multipole(knl=[0.1, 0.2]), "bends the reference orbit"),
        (xt.Wire(), "Wire has no counterpart"),
        (xt.Wedge(angle=0.1), "Wedge has no counterpart"),
        (xt.FirstOrderTaylorMap(), "FirstOrderTaylorMap has no counterpart"),
        (xt.DipoleEdge(k=0.1, e1=0.1, model="full"), "only a linear edge"),
        (xt.Rotation(rot_s_rad=0.1, rot_x_rad=0.2), "rot_s_rad and rot_x_rad in one"),
        (xt.UniformSolenoid(length=1.0, ks=0.1, x0=0.01), "x0 = 0.01 cannot be carried over"),
        (xt.UniformSolenoid(length=1.0, ks=0.1, edge_exit_active=False), "without its edges"),
    ],
)
def test_nothing_of_a_foreign_line_is_dropped_silently(element: object, message: str) -> None:
    with pytest.raises(LatticeError, match=f"x1'.*{message}"):
        from_xsuite(_foreign(element))


def test_a_file_in_the_place_of_a_line_is_told() -> None:
    with pytest.raises(
        InputError, match=r"takes an xtrack\.Line, found 'ring\.json': a file is read by read_xsuite_json"
    ):
        from_xsuite("ring.json")


@pytest.mark.filterwarnings("ignore::FutureWarning")  # Xsuite's older rotations and shifts, in files of the last years
def test_older_changes_of_frame_are_the_ones_of_today() -> None:
    angle = np.deg2rad(3.0)
    for theirs, ours in ((xt.SRotation, SRotation), (xt.XRotation, XRotation), (xt.YRotation, YRotation)):
        found = from_xsuite(_foreign(theirs(angle=3.0)))["x1"]
        assert isinstance(found, ours)
        assert found.angle == pytest.approx(angle, rel=1e-15)  # they keep its sine and cosine
    assert from_xsuite(_foreign(xt.XYShift(dx=1e-3, dy=2e-3)))["x1"] == Translation("x1", dx=1e-3, dy=2e-3)


def test_a_rectangular_bend_becomes_a_sector_bend_with_turned_faces() -> None:
    bend = from_xsuite(_foreign(xt.RBend(length_straight=1.0, angle=0.3, edge_entry_angle=0.02)))["x1"]
    assert isinstance(bend, Bend)
    assert bend.length == pytest.approx(0.15 / np.sin(0.15), rel=1e-14)  # arc over chord
    assert (bend.e1, bend.e2) == pytest.approx((0.17, 0.15), rel=1e-14)


def test_the_particle_of_a_line_is_recognised_by_mass_and_charge() -> None:
    line = _foreign(xt.Drift(length=1.0))
    line.particle_ref = xt.Particles(mass0=xt.PROTON_MASS_EV, q0=1, p0c=0.34e9)
    assert from_xsuite(line).particle == ReferenceParticle.from_momentum("proton", 0.34e9)
    line.particle_ref = xt.Particles(mass0=105.66e6, q0=-1, p0c=0.1e9)
    found = from_xsuite(line).particle
    assert found is not None
    assert found.kind == Species("particle", 105.66e6, -1)


# ------------------------------------------------------------------------------------------------------- files


def test_a_ring_survives_the_file(tmp_path: Path) -> None:
    ring = cnao()
    write_xsuite_json(ring, tmp_path / "ring.xsuite.json")
    back = read_xsuite_json(tmp_path / "ring.xsuite.json")
    assert (back.names, back.particle) == (ring.names, ring.particle)
    assert dict(back.parameters) == dict(ring.parameters)
    assert [e.kind for e in back.elements] == [e.kind for e in ring.elements]
    assert [e.aperture for e in back.elements] == [e.aperture for e in ring.elements]


def test_one_line_of_an_environment(tmp_path: Path) -> None:
    environment = xt.Environment()
    environment.new("d", xt.Drift, length=1.0)
    environment.new_line(name="one", components=["d"])
    environment.new_line(name="two", components=["d", "d"])
    environment.to_json(str(tmp_path / "both.json"))
    assert read_xsuite_json(tmp_path / "both.json", line="two").length == 2.0
    with pytest.raises(InputError, match="one, two"):
        read_xsuite_json(tmp_path / "both.json")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "there is no such"),
        ("{", r"line\.json:1: no valid JSON here"),
        ("[" * 100_000, "nested too deep"),
        ('{"elements": ' + "9" * 5000 + "}", "elements must be an object"),
        ("[1, 2]", "neither an Xsuite line"),
        ('{"elements": {"q": {"__class__": "Nonsense"}}, "element_names": ["q"]}', "Nonsense has no counterpart"),
    ],
)
def test_a_bad_file_is_one_clear_message(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "line.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises((FileError, LatticeError), match=message):
        read_xsuite_json(path)


def test_an_unwritable_place_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileError):
        write_xsuite_json(Lattice("line", elements=[Marker("m")]), tmp_path / "missing" / "line.json")
    assert not list(tmp_path.iterdir())


def test_the_file_is_plain_json_that_xsuite_reads(tmp_path: Path) -> None:
    write_xsuite_json(LIVE, tmp_path / "live.json")
    assert json.loads((tmp_path / "live.json").read_text())["element_names"][0] == "qf"
    line = xt.Line.from_dict(json.loads((tmp_path / "live.json").read_text()), verbose=False)
    assert line["qf"].k1 == pytest.approx(LIVE.value(LIVE["qf"].strengths()["k1"]), rel=1e-15)


# ------------------------------------------------------------------------------------------- tracking and Twiss

SOME = np.array([[3e-3, 1e-3, -2e-3, 5e-4, 0.01, 1e-3], [-1e-3, 2e-4, 1e-3, -1e-3, 0.0, -2e-3]])


def _through(*elements: Element) -> Array:
    return xsuite_track(Lattice("line", elements=elements), PROTON, SOME)[-1]


def test_a_kick_raises_the_momentum_it_is_named_after() -> None:
    change = _through(Kicker("k", hkick=1e-3, vkick=2e-3)) - SOME
    np.testing.assert_allclose(change, [[0, 1e-3, 0, 2e-3, 0, 0]] * 2, atol=1e-15)  # Xsuite rounds delta so


def test_a_cavity_gives_the_energy_its_wave_has_at_the_particle() -> None:
    cavity = RFCavity("rf", volt=5e4, freq=3e6, lag=0.15)
    out = _through(cavity)
    momenta = PROTON.momentum * (1 + np.array([SOME[:, 5], out[:, 5]]))
    gain = np.diff(np.hypot(momenta, PROTON.mass), axis=0)[0]
    late = -SOME[:, 4] / (PROTON.beta * 299_792_458.0)
    # 1e-6 eV: rounding of total energies of 1e9 eV
    np.testing.assert_allclose(gain, 5e4 * np.sin(2 * np.pi * (0.15 + 3e6 * late)), atol=1e-6)


def test_a_skew_quadrupole_is_the_limit_of_thin_skew_slices() -> None:
    n, length = 400, 0.3
    half = Drift("half", length=length / n / 2)
    kick = Multipole("kick", knl=(0.0, 0.7 * length / n), ksl=(0.0, 0.4 * length / n))
    sliced = _through(*[half, kick, half] * n)
    # 2nd-order slicing: (K L^2 / n)^2 of coordinates of 3e-3
    np.testing.assert_allclose(_through(Quadrupole("q", length=length, k1=0.7, k1s=0.4)), sliced, atol=1e-8)


def test_a_combined_function_bend_is_converged() -> None:
    strong = Bend("b", length=1.6, angle=0.39, k1=-0.6, k2=3.0)
    halves = Bend("b", length=0.8, angle=0.195, k1=-0.6, k2=3.0)
    np.testing.assert_allclose(_through(halves, halves), _through(strong), atol=1e-11)  # integrator: 6e-13 per metre


def test_particles_outside_an_aperture_are_nan_ever_after() -> None:
    narrow = Collimator("c", aperture=Aperture("rectangle", 0.002, 0.01))
    history = xsuite_track(
        Lattice("line", elements=[narrow, Drift("d", length=1.0)]), PROTON, SOME, turns=2, apertures=True
    )
    assert history.shape == (3, 2, 6)
    np.testing.assert_allclose(history[0], SOME, atol=1e-15)
    assert np.isnan(history[1:, 0]).all()
    assert np.isfinite(history[:, 1]).all()


def test_cnao_by_xsuite() -> None:
    # The reference optics of this ring: Xsuite and MAD-X, exact bends, computed for the requirements document.
    full, linear = xsuite_twiss(cnao()), xsuite_twiss(cnao(), fringe="linear")
    assert (full.qx, full.qy) == pytest.approx((1.6660023, 1.7399969), abs=5e-8)  # digits quoted
    assert (full.dqx, full.dqy) == pytest.approx((-2.26362, -1.08305), abs=1e-5)
    assert (linear.dqx, linear.dqy) == pytest.approx((-2.33760, -0.51405), abs=1e-5)
    assert full.momentum_compaction == pytest.approx(0.2574564, abs=5e-8)
    assert full.table.index[-1] == "_end"


def test_an_unstable_ring_is_said_to_be_unstable() -> None:
    with pytest.raises(UnstableOptics, match="'cnao'"):
        xsuite_twiss(cnao().with_parameters(kf=2.0))


# ------------------------------------------------------------------------------------------------------- frame

_NO_COMPILER = """
import numpy as np
from tests.optics.test_xsuite import EVERY, PROTON
from lattice import Lattice
from optics.engines.xsuite.passages import xsuite_track
from optics.engines.xsuite.twiss import xsuite_twiss
xsuite_track(Lattice("line", elements=EVERY), PROTON, np.zeros((1, 6)), turns=2, apertures=True)
xsuite_twiss(Lattice("line", elements=EVERY), PROTON, start={"betx": 1.0, "bety": 1.0})
"""


@pytest.mark.slow
def test_no_compiler_is_needed() -> None:
    """Xsuite's wheel brings compiled kernels; a fresh machine may have no compiler."""
    environment = {**os.environ, "PATH": "", "CC": "/bin/false", "CXX": "/bin/false"}
    done = subprocess.run([sys.executable, "-c", _NO_COMPILER], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_our_optics_do_not_load_xsuite() -> None:
    code = "import sys, optics, optics.matching; sys.exit('xtrack' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_pole_faces_are_thin_sextupoles_that_stay_live() -> None:
    bend = Bend("b", length=1.0, angle=0.2, e1="e", e2=0.1, k1="k", h2="2*e", tilt=0.3)
    lattice = Lattice("line", elements=[bend], parameters={"k": -0.4, "e": 0.2})
    line = to_xsuite(lattice)
    assert line.element_names == ["b_face_in", "b", "b_face_out"]
    assert line["b_face_in"].knl[2] == pytest.approx(0.8 * np.tan(0.2), rel=1e-15)
    line["k"], line["e"] = 0.5, 0.1
    assert line["b_face_in"].knl[2] == pytest.approx(-np.tan(0.1), rel=1e-15)
    assert line["b_face_out"].knl[2] == pytest.approx(-np.tan(0.1) - 0.2 * 0.2 / np.cos(0.1) ** 3, rel=1e-15)
    back = from_xsuite(to_xsuite(lattice))
    assert back.elements == lattice.elements
    assert to_xsuite(lattice, fringe="linear").element_names == ["b"]
    assert xsuite_twiss(lattice, PROTON, start={"betx": 2.0, "bety": 3.0}).table.index.tolist() == ["b", "_end"]
