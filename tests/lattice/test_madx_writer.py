"""Writing MAD-X files: our reader gets the same lattice back, MAD-X the same optics."""

from __future__ import annotations

from pathlib import Path

import pytest

from lattice import (
    Aperture,
    Bend,
    Collimator,
    DipoleEdge,
    Drift,
    ElectrostaticSeptum,
    FileError,
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
    XRotation,
    YRotation,
    read_madx,
    write_madx,
)
from lattice.madx.legal import legal_names
from lattice.madx.writer import madx_text
from tests.madx_ring import COUPLED_RING, PLAIN_RING
from tests.madx_session import START, madx, madx_optics, used_optics

#: One of every kind MAD-X can hold, with everything it can say of it.
EVERYTHING = Lattice(
    "all",
    elements=[
        Drift("d", length=0.3, aperture=Aperture("rectangle", 0.07, 0.03, 0.001, -0.002)),
        Bend("mb", length=1.1, angle="a", e1="a/2", e2=0.1, k0=0.32, k1=0.01, k2="s", hgap=0.03, fint=0.5, fintx=0.0),
        Bend("mc", length=0.7, angle=-0.2, tilt=0.1, fint=0.4, hgap=0.02),
        Quadrupole("qf", length=0.3, k1="kf", k1s=1e-3, tilt=0.1, aperture=Aperture("ellipse", 0.05, 0.04)),
        Sextupole("sx", length=0.2, k2="-s", k2s=0.1, tilt=-0.1),
        Octupole("oc", length=0.1, k3=3.0, k3s=0.2),
        Multipole("mp", knl=(0.0, "kf/10", "s*s"), ksl=(0.0, 1e-3), tilt=0.2, lrad=0.1),
        Solenoid("so", length=0.4, ks=0.1),
        Kicker("k", length=0.1, hkick="hk", vkick=1e-4, tilt=0.3),
        Kicker("kx", length=0.1, hkick="hk", plane="x"),
        Kicker("ky", vkick="-hk", tilt=0.1, plane="y"),
        Monitor("bpm", length=0.05),
        Monitor("bpmx", length=0.05, plane="x"),
        Monitor("bpmy", plane="y"),
        DipoleEdge("de", h=0.2, e1="a/2", hgap=0.03, fint=0.5, tilt=0.1),
        SRotation("rs", angle="a"),
        XRotation("rx", angle=1e-3),
        YRotation("ry", angle="-a/100", aperture=Aperture("ellipse", 0.05, 0.04)),
        Translation("tr", dx=1e-3, dy="hk", ds=0.05),
        Separator("sep", length=0.5, ex=1e4, ey="v", tilt=0.1),
        ThinSolenoid("st", ks=0.1, ksi="a/10"),
        Marker("mk", aperture=Aperture("rectellipse", 0.07, 0.03, 0.0, 0.0, 0.07, 0.05)),
        RFCavity("rf", length=0.4, volt="v", freq=1.3e6, lag=0.25),
        RFCavity("rh", volt=1.1e3, harmon=2.0),
        Collimator("col", length=0.1),
        ElectrostaticSeptum("es", length=0.8, position="xs", thickness=1e-4, kick=2.5e-3, gap=0.015, angle=-1e-3),
        MagneticSeptum("ms", length=0.6, position=0.03),
        Quadrupole("qf", length=0.3, k1="kf", k1s=1e-3, tilt=0.1, aperture=Aperture("ellipse", 0.05, 0.04)),
    ],
    parameters={
        "a": 0.3,
        "kf": "kf0*(1+dk)",
        "kf0": 0.9,
        "dk": 0.01,
        "s": -0.4,
        "hk": 1e-4,
        "v": "2*v1",
        "v1": 1e3,
        "xs": 0.03,
    },
    particle=ReferenceParticle("carbon-12", kinetic_energy_per_u=400e6),
)


def written_and_read(lattice: Lattice, folder: Path) -> Lattice:
    write_madx(lattice, folder / "written.seq")
    return read_madx(folder / "written.seq")


def test_everything_comes_back(tmp_path: Path) -> None:
    back = written_and_read(EVERYTHING, tmp_path)
    assert back.name == "all"
    assert back.elements == EVERYTHING.elements
    assert back.parameters.definitions == EVERYTHING.parameters.definitions
    assert back.warnings == ()
    assert madx_text(back).splitlines()[3:] == madx_text(EVERYTHING).splitlines()[3:]  # the particle: see below


@pytest.mark.parametrize(
    "particle",
    [
        ReferenceParticle("proton", kinetic_energy_per_u=60e6),
        ReferenceParticle("carbon-12", kinetic_energy_per_u=7e6),
        ReferenceParticle("electron", kinetic_energy_per_u=1e9),
        ReferenceParticle(Species("carbon-12 4+", 11.1779e9, 4, 12), kinetic_energy_per_u=7e6),
        ReferenceParticle(Species("proton", 1.0e9, 1), kinetic_energy_per_u=7e6),
    ],
)
def test_the_particle_comes_back(tmp_path: Path, particle: ReferenceParticle) -> None:
    """BEAM holds the momentum; the kinetic energy comes back to a few roundings."""
    back = written_and_read(EVERYTHING.with_particle(particle), tmp_path).particle
    assert back is not None
    assert (back.charge, back.nucleons) == (particle.charge, particle.nucleons)
    assert back.mass == pytest.approx(particle.mass, rel=1e-15)
    assert back.kinetic_energy_per_u == pytest.approx(particle.kinetic_energy_per_u, rel=4e-15)


def test_lengths_that_vary_make_a_line(tmp_path: Path) -> None:
    lattice = Lattice(
        "cell",
        elements=[Drift("d", length="l/2"), Quadrupole("q", length="l", k1=0.3)] * 9,
        parameters={"l": 0.4},
    )
    assert "cell: line = (" in madx_text(lattice)
    back = written_and_read(lattice, tmp_path)
    assert back.elements == lattice.elements
    assert back.with_parameters(l=1).length == pytest.approx(13.5)


@pytest.mark.madx
@pytest.mark.parametrize("text", [PLAIN_RING, COUPLED_RING])
def test_rings_that_were_read_come_back_to_us_and_to_madx(tmp_path: Path, text: str) -> None:
    """MAD-X gets the same numbers in the same order, so the optics differ by roundings of a turn.

    But for the dispersion, which MAD-X gives per PT: BEAM has energy and MAD-X's mass of the proton there, the momentum
    and ours here, and beta0 differs by 6e-10.
    """
    (tmp_path / "ring.seq").write_text(text)
    ring = read_madx(tmp_path / "ring.seq", "ring")
    back = written_and_read(ring, tmp_path)
    assert back.elements == ring.elements
    assert back.parameters.definitions == ring.parameters.definitions
    reference, ours = madx_optics(text, "ring"), madx_optics((tmp_path / "written.seq").read_text(), "ring")
    assert ours.names == reference.names
    for name in ("q1", "q2", "dq1", "dq2", "alfa"):
        assert ours.summary[name] == pytest.approx(reference.summary[name], abs=2e-9)  # printed to 1e-9
    for column in ("s", "betx", "bety", "dx", "dy", "r11"):
        assert ours.columns[column] == pytest.approx(reference.columns[column], rel=2e-9, abs=1e-10)


@pytest.mark.madx
def test_madx_reads_everything() -> None:
    """Names and positions as ours; MAD-X stops at a word it does not know."""
    with madx(madx_text(EVERYTHING)) as session:
        optics = used_optics(session, "all", START)
    assert optics.names == [element.name for element in EVERYTHING.elements]
    assert optics.columns["s"] == pytest.approx(EVERYTHING.s[1:], abs=1e-13)


@pytest.mark.madx
def test_expressions_have_the_same_value_in_madx() -> None:
    texts = [
        "2*-kf",
        "-kf^2",
        "--kf",
        "kf**2",
        "2^-kf",
        "(kf+1)*-(2-kf)",
        "1e-3*kf",
        "sin(-kf)*-cos(kf)^2",
        "2^3^kf",
        "+kf",
    ]
    definitions = {f"p{number}": text for number, text in enumerate(texts)}
    lattice = Lattice("x", elements=[Marker("m")], parameters={"kf": 0.7, **definitions})
    with madx(madx_text(lattice)) as session:
        for name in definitions:
            assert session.eval(name) == pytest.approx(lattice.parameters[name], rel=1e-14), definitions[name]


def test_names_become_legal_and_stay_different() -> None:
    names = ["qf", "qf+0", "qf/0", "qf_0", "1a", "marker", "twiss", "a" * 60, "a" * 61, "käfer", "électron", "e"]
    legal = legal_names(names)
    assert legal["qf"] == "qf"
    assert legal["qf_0"] == "qf_0"
    assert len(set(legal.values())) == len(names)
    assert all(len(name) <= 47 and name.isascii() for name in legal.values())
    assert legal["marker"] != "marker"


@pytest.mark.madx
def test_changed_names_are_read_by_madx(tmp_path: Path) -> None:
    names = [
        "qf+0",
        "qf+1",
        "qf_0",
        "1a",
        "marker",
        "a" * 60,
        "käfer",
        "value",
        "at",
        "l",
        "exit",
        "const",
        "real",
        "table",
        "use",
    ]
    lattice = Lattice("beam", elements=[Drift(name, length=1.0) for name in names])
    text = madx_text(lattice)
    assert "! 'qf+1' is called qf_1 here" in text
    back = written_and_read(lattice, tmp_path)
    with madx("beam, particle=proton, pc=1;" + text) as session:
        assert used_optics(session, back.name, START).names == [element.name for element in back.elements]


@pytest.mark.parametrize(
    ("elements", "parameters", "message"),
    [
        ([RFGap("gap")], {}, "RFGap 'gap': MAD-X has no such element; write this lattice as JSON"),
        ([Marker("m")], {"kf": [1.0, 2.0]}, "lattice 'x' has array parameters"),
        ([Marker("m")], {"kf": 1j}, "parameter 'kf' is complex"),
        ([Marker("m")], {"a": 0.5, "b": "atan2(a, 1)"}, r"parameter 'b': MAD-X has no function atan2\(\)"),
        ([Kicker("k", hkick="min(a, 1)")], {"a": 0.5}, r"Kicker 'k': hkick: MAD-X has no function min\(\)"),
    ],
)
def test_what_madx_cannot_hold_is_an_error(
    tmp_path: Path, elements: list[Marker], parameters: dict[str, object], message: str
) -> None:
    with pytest.raises(LatticeError, match=message):
        write_madx(Lattice("x", elements=elements, parameters=parameters), tmp_path / "x.seq")
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_place_is_a_file_error(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot write this file"):
        write_madx(EVERYTHING, tmp_path / "nowhere" / "x.seq")
