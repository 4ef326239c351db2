"""Reading MAD-X files. MAD-X 5.09 (through cpymad) says what a text means; the messages are ours."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from math import pi, sin
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lattice import (
    Aperture,
    Bend,
    Collimator,
    Drift,
    FileError,
    InputError,
    Kicker,
    Lattice,
    LatticeError,
    Marker,
    Monitor,
    Multipole,
    Quadrupole,
    RFCavity,
    Solenoid,
    read_madx,
    write_madx,
)
from lattice.reference import species_named
from tests.madx_ring import COUPLED_RING, PLAIN_RING
from tests.madx_session import START, madx, madx_optics, used_optics

Read = Callable[..., Lattice]

#: Where tests need a place to put one element: 4 m long, the element "x" in the middle.
AROUND = "s: sequence, l=4; x, at=2; endsequence;"
AROUND_ = "s_: sequence, l=4; x_, at=2; endsequence;"


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Reads a text as a file called ring.seq."""

    def reader(text: str | bytes, sequence: str | None = None) -> Lattice:
        path = tmp_path / "ring.seq"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return read_madx(path, sequence)

    return reader


def element(read: Read, definition: str) -> Any:
    """The element that ``x: definition`` gives."""
    return read(f"x: {definition}; {AROUND}")["x"]


def own(lattice: Lattice) -> list[tuple[str, float]]:
    """Names and exits of the elements that are not implicit drifts."""
    exits = zip(lattice.elements, lattice.s[1:], strict=True)
    return [(e.name, float(s)) for e, s in exits if not e.name.startswith("drift_")]


# -- against MAD-X's own reading --


@pytest.mark.madx
@pytest.mark.parametrize("text", [PLAIN_RING, COUPLED_RING])
def test_names_and_positions_are_those_of_madx(read: Read, text: str) -> None:
    ring, reference = read(text, "ring"), madx_optics(text, "ring")
    assert [name for name, _ in own(ring)] == reference.names
    # sums of some hundred lengths in doubles
    assert np.array([s for _, s in own(ring)]) == pytest.approx(reference.columns["s"], abs=1e-12)


@pytest.mark.madx
def test_tunes_and_betas_are_those_of_madx(read: Read) -> None:
    """MAD-X prints tunes to 1e-9. Both take the same linear map, so the betas differ by rounding, enlarged by the
    inverse sine of the phase advance and the length of the ring."""
    from optics import twiss

    ring, reference = read(PLAIN_RING, "ring"), madx_optics(PLAIN_RING, "ring")
    optics = twiss(ring)
    assert optics.qx == pytest.approx(reference.summary["q1"], abs=2e-9)
    assert optics.qy == pytest.approx(reference.summary["q2"], abs=2e-9)
    named = [not element.name.startswith("drift_") for element in ring.elements]
    for column in ("betx", "bety"):
        at_exits = optics.table[column].to_numpy()[1:][named]
        assert at_exits == pytest.approx(reference.columns[column], rel=1e-9)


#: Names that end in "_" get the number of the case, so that one MAD-X can read all cases.
MADX_MEANINGS = {
    "= now, := later": "kf_=0.3; x_: quadrupole, l=1, k1=kf_, k1s:=ks_; kf_=0.5; ks_=0.01;" + AROUND_,
    "parents are copied": "k_=0.3; p_: quadrupole, l=1, k1:=k_; x_: p_; p_->k1=0.7; k_=0.4;" + AROUND_,
    "changed afterwards": "x_: quadrupole, l=1, k1=0.1;" + AROUND_ + "x_, k1=0.7; x_->l=0.6;",
    "defined again": "x_: quadrupole, l=1, k1=0.1;" + AROUND_ + "x_: quadrupole, l=0.5, k1=0.7;",
    "ignored without label": "x_: quadrupole, l=1, k1=0.3; s_: sequence, l=4; x_, at=1; x_, at=3, k1=-1; endsequence;",
    "undefined is 0": "x_: quadrupole, l=1, k1=0.3+nowhere_, k1s:=never_;" + AROUND_,
    "attributes as values": "q_: quadrupole, l=0.8, k1=0.4; x_: quadrupole, l=q_->l, k1:=q_->k1/2; q_->k1=0.2;"
    + AROUND_,
    "position live": "p_=1; x_: quadrupole, l:=p_, k1=0.1;"
    "s_: sequence, l=6; x_, at:=p_; x_, at:=3*p_; endsequence; p_=1.5;",
    "position fixed": "p_=1; x_: quadrupole, l=p_, k1=0.1;"
    "s_: sequence, l=6; x_, at=p_; x_, at=3*p_; endsequence; p_=1.5;",
    "int cuts": "int n_ = 3.7; x_: quadrupole, l=1, k1=n_/10;" + AROUND_,
    "constants stay": "pi = 3; e = 0.3; x_: quadrupole, l=1, k1=pi/10+e/100;" + AROUND_,
    "powers": "x_: quadrupole, l=1, k1=2^3^2/200-(-2^2)/10;" + AROUND_,
    "sbend": "x_: sbend, l=1, angle=0.3, e1=0.1, e2=-0.05, k1=0.1, hgap=0.04, fint=0.5;" + AROUND_,
    "fintx 0": "x_: sbend, l=1, angle=0.3, e1=0.1, hgap=0.1, fint=0.5, fintx=0;" + AROUND_,
    "fintx negative": "x_: sbend, l=1, angle=0.3, e1=0.1, hgap=0.1, fint=0.5, fintx=-0.3;" + AROUND_,
    "fint alone": "x_: sbend, l=1, angle=0.3, e2=0.1, hgap=0.1, fint;" + AROUND_,
    "rbend": "x_: rbend, l=1, angle=0.5, e1=0.05, k1=0.1; s_: sequence, l=4, refer=entry; x_, at=2; endsequence;",
    "rbend live": "a_=0.2; x_: rbend, l=1, angle:=a_; a_=0.5;" + AROUND_,
    "rbend arc": "option, rbarc=false; x_: rbend, l=1, angle=0.5;" + AROUND_,
    "rbend arc, as used": "option, -rbarc; x_: rbend, l=1, angle=0.5;" + AROUND_ + "option, rbarc;",
    "negative bend": "x_: rbend, l=1, angle=-0.5, e2=0.1;" + AROUND_,
    "k0 of its own": "x_: sbend, l=1, angle=0.3, k0=0.302;" + AROUND_,
    "skew": "x_: quadrupole, l=1, k1=0.3, k1s=0.1, tilt=0.2;" + AROUND_,
    "tilted bend": "x_: sbend, l=1, angle=0.3, e1=0.1, e2=0.2, tilt=0.4;" + AROUND_,
    "multipole": "x_: multipole, knl={0, 0.2, }, ksl={0, 0.05}, tilt=0.1;" + AROUND_,
    "thin bend": "x_: multipole, knl={0.1}, lrad=1;" + AROUND_,
    "thin bend, no focusing": "option, -thin_foc; x_: multipole, knl={0.1}, lrad=1;" + AROUND_,
    "solenoid": "x_: solenoid, l=1, ks=0.4, ksi=0.4;" + AROUND_,
    "hkicker": "x_: hkicker, l=0.2, kick=1e-3, tilt=0.3;" + AROUND_,
    "hkicker, both": "x_: hkicker, kick=1e-3, hkick=2e-3;" + AROUND_,
    "vkicker": "x_: vkicker, l=0.2, kick=1e-3;" + AROUND_,
    "kicker": "x_: kicker, l=0.2, hkick=1e-3, vkick=2e-3, tilt=0.3;" + AROUND_,
    "tkicker": "x_: tkicker, hkick=1e-3;" + AROUND_,
    "from": "x_: quadrupole, l=1, k1=0.1; s_: sequence, l=10, refer=exit; q_: x_, at=2;x_, at=3, from=q_; endsequence;",
    "nested": "x_: quadrupole, l=1, k1=0.1; c_: sequence, l=3; x_, at=1; endsequence;"
    "s_: sequence, l=10; c_, at=2; c_, at=6; endsequence;",
    "nested, entry": "x_: quadrupole, l=1, k1=0.1; c_: sequence, l=3; x_, at=1; endsequence;"
    "s_: sequence, l=10, refer=entry; c_, at=2; c_, at=6; endsequence;",
    "nested, refpos": "x_: quadrupole, l=1, k1=0.1; c_: sequence, l=3, refpos=q_; q_: x_, at=1; endsequence;"
    "s_: sequence, l=10, refer=entry; c_, at=2; c_, at=6; endsequence;",
    "small gaps": "x_: quadrupole, l=1, k1=0.3; s_: sequence, l=4; x_, at=0.5; x_, at=1.5000009;"
    "x_, at=2.5000001; endsequence;",
    "line": "x_: quadrupole, l=1, k1=0.3; d_: drift, l=0.5; b_: sbend, l=1, angle=0.2, e1=0.1; l1_: line=(x_, d_, b_);"
    "s_: line=(2*l1_, -l1_, -2*(d_, x_), 3*d_, -x_, -(l1_, d_));",
    "real const": "real const k_ = 0.3; x_: quadrupole, l=1, k1=k_;" + AROUND_,
    "const": "const k_ = 0.3; x_: quadrupole, l=1, k1=k_;" + AROUND_,
    "no length, no strength": "x_: quadrupole, l=0, k1=0.5; y_: sextupole, k2=30; z_: octupole, k3s=1; q_: quadrupole, "
    "l=1, k1=0.3; s_: sequence, l=4; x_, at=1; y_, at=1; z_, at=1; q_, at=2; endsequence;",
    "divided by 0": "v_ := 0.3*(2/y_); w_ := 2*v_*(1/y_)/3; x_: quadrupole, l=1, k1:=0.1+w_;" + AROUND_,
    "an element that is not there": "x_: quadrupole, l=1, k1=0.1; pr.nowhere_, k1:=kn_;" + AROUND_,
    "begins with #": "k_=0.3; #k_=0.5; #x_: drift, l=2; x_: quadrupole, l=1, k1=k_;" + AROUND_,
    "unit matrix": "m_: matrix, l=0, rm21:=off_, rm11=1; x_: quadrupole, l=1, k1=0.1;"
    "s_: sequence, l=4; m_, at=1; x_, at=2; endsequence;",
    "macros": "set_: macros = { k_ = 0.3; }; exec, set_; x_: quadrupole, l=1, k1=k_;" + AROUND_,
    "line, later": "s_: line=(a_, a_); a_: line=(x_, d_); x_: quadrupole, l=1, k1=0.3; d_: drift, l=0.5;",
}


def numbered(text: str, number: int) -> str:
    """The text with the names of one case."""
    return re.sub(r"\b(\w+)_\b", rf"\1_{number}", text)


@pytest.fixture(scope="module")
def session() -> Iterator[Any]:
    """One MAD-X for many cases."""
    with madx("beam, particle=proton, energy=1.2;") as started:
        yield started


@pytest.mark.madx
@pytest.mark.parametrize("number", range(len(MADX_MEANINGS)), ids=list(MADX_MEANINGS))
def test_every_construct_means_what_it_means_to_madx(read: Read, session: Any, tmp_path: Path, number: int) -> None:
    """MAD-X's optics and orbit of a text from some start, and those of the file we write after reading the text.

    Both are MAD-X's own transport through a few metres, in which only the roundings of our reading differ.
    """
    text = numbered(list(MADX_MEANINGS.values())[number], number)
    line = read(text, f"s_{number}")
    session.input("option, rbarc=true, thin_foc=true;" + text)
    reference = used_optics(session, f"s_{number}", START)
    write_madx(Lattice("own", elements=line.elements, parameters=line.parameters.definitions), tmp_path / "own.seq")
    session.input("option, rbarc=true, thin_foc=true;" + (tmp_path / "own.seq").read_text())
    ours = used_optics(session, "own", START)
    assert [name for name, _ in own(line)] == reference.names == ours.names
    assert np.array([s for _, s in own(line)]) == pytest.approx(reference.columns["s"], abs=1e-13)
    for column, values in reference.columns.items():
        assert ours.columns[column] == pytest.approx(values, rel=1e-12, abs=1e-14), column


def test_const_real_is_read_and_told(read: Read) -> None:
    """MAD-X itself leaves such a variable undefined; what the file means is plain."""
    lattice = read("const real k = 0.3; real const m = 0.2; x: quadrupole, l=1, k1:=k;" + AROUND)
    assert lattice.parameters["k"] == 0.3
    (warning,) = lattice.warnings
    assert "ring.seq:1" in warning
    assert "'real const'" in warning


def test_what_is_passed_over_as_in_madx_is_told(read: Read) -> None:
    """Each of these MAD-X warns of and passes over: so is it here, with its place."""
    text = "#k = 1;\nx: quadrupole, l=1, k1=0.3;\npr.qsk42, k1 = 3;\nv := 1/y;\nz: quadrupole, k1=2;\n"
    lattice = read(text + "m: matrix, rm21:=off;\ns: sequence, l=4; z, at=1; m, at=1; x, at=2; endsequence;")
    told = "\n".join(lattice.warnings)
    for line, reason in (
        (1, "begins with '#'"),
        (3, "there is no element 'pr.qsk42': passed over"),
        (4, "divided by 0: counts as 0"),
        (5, "'z' has no length, so that its strength does nothing"),
        (6, "'m' is the unit matrix as the file stands, and held as a marker"),
    ):
        assert f"ring.seq:{line}: " in told
        assert reason in told


MADX_BEAMS = [
    "beam, particle=proton;",
    "beam, particle=proton, energy=1.2;",
    "beam, particle=proton, mass=3, charge=2, energy=5;",
    "beam, particle=proton, energy=2; beam, pc=1;",
    "beam, particle=proton, energy=2, pc=5;",
    "beam, particle=proton, brho=6;",
    "beam, particle=proton, beta=0.3;",
    "beam, particle=antiproton, gamma=1.3;",
    "beam, particle=ion, mass=11.17, charge=6, energy=15;",
    "beam, particle=carbon, mass=12*0.931, charge=6, pc=5;",
    "beam, mass=11.17, charge=6, pc=5;",
    "beam, particle=ion, mass=11.17, charge=6, energy=15; beam, mass=11.2;",
    "beam, particle=ion, mass=0.9315, charge=54/208, energy=1.2;",
    "beam, particle=ion, mass=0.9315, charge=0.2596153846, pc=1.5;",
    "beam, particle=ion, mass=0.9315, charge=0.5, gamma=1.1;",
    "beam, particle=ion, mass=0.9315, charge=54/208, energy=1.2; beam, pc=2;",
    "beam, particle=ion, mass=0.9315, charge=54/208, gamma=1.3; beam, particle=ion, mass=0.932, charge=54/208;",
    "beam, particle=ion, mass=0.9315, charge=54/208, pc=5; beam, particle=ion, mass=3.7, charge=2;",
    "beam, particle=ion, mass=0.9315, charge=54/208, beta=0.6;",
    "beam, particle=ion, mass=0.9315, charge=54/208, brho=6;",
    "beam, particle=posmuon;",
    "beam, particle=electron, energy=3;",
    "beam, particle=electron; beam, sequence=s_, particle=proton, pc=2;",
    "beam, particle=proton, pc=2; beam, sequence=t_, particle=electron;",
    "beam, particle=electron; resbeam; beam, particle=proton, pc=2;",
    "gev_ = 1.5; beam, particle=proton, energy:=gev_; gev_ = 2;",
]


@pytest.mark.madx
@pytest.mark.parametrize("number", range(len(MADX_BEAMS)), ids=MADX_BEAMS)
def test_beams_are_those_of_madx(read: Read, session: Any, number: int) -> None:
    """MAD-X's masses are CODATA 2018, ours 2022: 2e-9 apart, which a small gamma - 1 or beta enlarges."""
    lines = "x_: quadrupole, l=1; s_: sequence, l=4; x_, at=2; endsequence; t_: sequence, l=1; x_, at=0.5; endsequence;"
    text = numbered(f"{lines} {MADX_BEAMS[number]}", 100 + number)
    particle = read(text, f"s_{100 + number}").particle
    assert particle is not None
    session.input("resbeam;" + text)
    session.use(f"s_{100 + number}")
    beam = session.sequence[f"s_{100 + number}"].beam
    session.input("resbeam; beam, particle=proton, energy=1.2;")
    parts = particle.nucleons if beam["charge"] % 1 else 1  # all is of one nucleon there
    values = {
        "mass": particle.mass / 1e9 / parts,
        "charge": particle.charge / parts,
        "energy": particle.total_energy / 1e9 / parts,
        "pc": particle.momentum / 1e9 / parts,
        "beta": particle.beta,
    }
    for name, value in values.items():
        assert value == pytest.approx(beam[name], rel=1e-8), name


def test_a_beam_of_a_known_mass_and_charge_is_that_species(read: Read) -> None:
    """A proton by its numbers is the proton; of its mass and the other charge it is none that is known."""
    text = "beam, particle=ion, mass=pmass, charge={}, energy=1.0; x: drift, l=1; " + AROUND
    proton, other = (read(text.format(charge)).particle for charge in (1, -1))
    assert proton is not None
    assert proton.kind == species_named("proton")
    assert other is not None
    assert (other.charge, other.kind == species_named("proton")) == (-1, False)


def test_a_bend_s_own_field_is_held_where_it_is_not_its_curvature(read: Read) -> None:
    bends = "x: sbend, l=2, angle=0.2, k0={}; " + AROUND
    assert [read(bends.format(k0)).elements[1].k0 for k0 in ("0.1", "0.2/2", "0.101")] == [None, None, 0.101]  # type: ignore[attr-defined]


@pytest.mark.parametrize("charge", ["54/208", "0.2596153846", "27/104"])
def test_a_beam_of_a_nucleon_is_one_of_the_whole_ion(charge: str, read: Read) -> None:
    """Rigidity p / q and energy per nucleon are the same; what the file reads of the beam is what it wrote."""
    text = f"beam, particle=ion, mass=0.9315, charge={charge}, energy=1.2; k_ = beam->energy * beam->charge;"
    ring = read(f"{text} x: quadrupole, l=1, k1:=k_; s: sequence, l=4; x, at=2; endsequence;", "s")
    particle = ring.particle
    assert particle is not None
    assert particle.charge == round(particle.charge)
    number = 54 / 208
    assert ring.parameters["k_"] == pytest.approx(1.2 * number, rel=1e-9)
    momentum = (1.2**2 - 0.9315**2) ** 0.5 * 1e9
    assert particle.magnetic_rigidity == pytest.approx(momentum / number / 299_792_458.0, rel=1e-9)
    assert particle.kinetic_energy_per_u == pytest.approx(1.2e9 - 0.9315e9, rel=1e-9)


def test_what_a_file_reads_of_its_beam(read: Read) -> None:
    """Relativity by hand for an alpha particle of 4 GeV, in GeV and T m; brho is p / q."""
    mass, energy = 3.7273794, 4.0
    names = ("mass", "charge", "energy", "pc", "gamma", "beta", "brho")
    asked = "".join(f"k_{name} = beam->{name};" for name in names)
    kept = "".join(f"x_{name}: quadrupole, l=1, k1:=k_{name};" for name in names)
    line = ",".join(f"x_{name}" for name in names)
    found = read(f"beam, mass={mass}, charge=2, energy={energy}; {asked} {kept} s: line=({line});", "s").parameters
    momentum = (energy**2 - mass**2) ** 0.5
    values = (mass, 2.0, energy, momentum, energy / mass, momentum / energy, momentum / 2 / 0.299792458)
    for name, value in zip(names, values, strict=True):
        assert found[f"k_{name}"] == pytest.approx(value, rel=1e-9), name


def test_a_rounded_charge_of_a_nucleon_is_refused(read: Read) -> None:
    """0.26 is that of no ion: 13/50 would change the rigidity of 54/208 by 1.5e-3 without a word."""
    with pytest.raises(LatticeError, match="or that of one nucleon, as a fraction"):
        read(
            "beam, particle=ion, mass=0.9315, charge=0.2596, energy=1.2; x: quadrupole, l=1; s: sequence, l=4; "
            "x, at=2; endsequence;",
            "s",
        )


# -- what becomes what --


def test_elements_become_ours(read: Read) -> None:
    assert element(read, "sbend, l=1, angle=0.3, fint=0.5") == Bend("x", length=1.0, angle=0.3, fint=0.5)
    assert element(read, "quadrupole, l=1, k1=0.3") == Quadrupole("x", length=1.0, k1=0.3)
    assert element(read, "multipole, knl={0, 0.1, 0}") == Multipole("x", knl=(0.0, 0.1))
    assert element(read, "solenoid, l=1, ks=0.3") == Solenoid("x", length=1.0, ks=0.3)
    assert element(read, "vkicker, kick=1e-3") == Kicker("x", vkick=1e-3, plane="y")
    assert element(read, "tkicker, vkick=1e-3") == Kicker("x", vkick=1e-3)
    assert element(read, "hmonitor, l=0.1") == Monitor("x", length=0.1, plane="x")
    assert element(read, "instrument, l=0.1") == Drift("x", length=0.1)
    assert element(read, "placeholder") == Marker("x")
    assert element(read, "elseparator, l=0.1") == Drift("x", length=0.1)
    cavity = RFCavity("x", length=0.2, volt=1.1e6, freq=1.3e6, lag=0.5)
    assert element(read, "rfcavity, l=0.2, volt=1.1, freq=1.3, lag=0.5") == cavity


def test_rectangular_bends_become_sector_bends(read: Read) -> None:
    bend = element(read, "rbend, l=2, angle=0.5, e1=0.1")
    assert bend.length == pytest.approx(2 * 0.25 / sin(0.25), rel=1e-15)
    assert (bend.e1, bend.e2) == (0.35, 0.25)
    live = read(f"a=0.5; x: rbend, l=2, angle:=a, e1=0.1; {AROUND}")
    assert live.resolved(live["x"]).strengths() == pytest.approx(bend.strengths())
    assert live.length == 4
    assert live.with_parameters(a=0.1).length == pytest.approx(4, abs=1e-15)  # the drifts follow


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ("aperture={0.05}", Aperture("ellipse", 0.05, 0.05)),
        ("aperture=0.05", Aperture("ellipse", 0.05, 0.05)),
        ("apertype=Ellipse, aperture={0.05, 0.03}", Aperture("ellipse", 0.05, 0.03)),
        ("apertype=rectangle, aperture:={a, a/2}, aper_offset={0.01}", Aperture("rectangle", 0.06, 0.03, 0.01)),
        ("apertype=rectcircle, aperture={1, 2, 3}", Aperture("rectellipse", 1.0, 2.0, 0.0, 0.0, 3.0, 3.0)),
        ("apertype=lhcscreen, aperture={1, 2, 3}", Aperture("rectellipse", 1.0, 2.0, 0.0, 0.0, 3.0, 3.0)),
        ('apertype="rectellipse", aperture={1, 2, 3, 4}', Aperture("rectellipse", 1.0, 2.0, 0.0, 0.0, 3.0, 4.0)),
        ("apertype=ellipse", None),
        ("apertype=ellipse, aperture={0, 0}", None),
    ],
)
def test_apertures(read: Read, attributes: str, expected: Aperture | None) -> None:
    lattice = read(f"a = 0.06; x: collimator, l=1, {attributes}; {AROUND}")
    assert lattice["x"] == Collimator("x", length=1.0, aperture=expected)
    assert lattice.warnings == ()


@pytest.mark.parametrize("attributes", ["apertype=racetrack, aperture={1, 2, 3}", "apertype=ellipse, aperture={1}"])
def test_apertures_that_cannot_be_held_are_noted(read: Read, attributes: str) -> None:
    lattice = read(f"x: collimator, l=1, {attributes}; {AROUND}")
    assert lattice["x"].aperture is None
    assert "the aperture of 'x' is not read" in lattice.warnings[0]


def test_old_collimators_have_their_sizes(read: Read) -> None:
    assert element(read, "ecollimator, l=1, xsize=0.1, ysize=0.2").aperture == Aperture("ellipse", 0.1, 0.2)
    assert element(read, "rcollimator, l=1, xsize=0.1, ysize=0.2").aperture == Aperture("rectangle", 0.1, 0.2)


def test_deferred_expressions_stay_live(read: Read) -> None:
    ring = read(
        "kf := 0.3*scale; scale = 1; x: quadrupole, l=1, k1:=kf-q->k1, k1s=kf; q: quadrupole, k1:=-scale;" + AROUND
    )
    assert dict(ring.parameters.definitions) == {"kf": "0.3*scale", "scale": 1.0}
    assert ring["x"] == Quadrupole("x", length=1.0, k1="kf-(-scale)", k1s=0.3)
    assert ring.with_parameters(scale=2).value(ring["x"].k1) == pytest.approx(2.6)


def test_drifts_have_free_names_and_follow_what_varies(read: Read) -> None:
    ring = read(
        "l=1; drift_1: drift, l=0.2; x: quadrupole, l:=l, k1=0;"
        "s: sequence, l:=4*l+2; x, at:=l; x, at:=2*l+1.5; drift_1, at=5; endsequence;"
    )
    assert [e.name for e in ring.elements] == ["drift_0", "x", "drift_2", "x", "drift_3", "drift_1", "drift_4"]
    lengths = [e.length for e in ring.elements if isinstance(e, Drift)]
    assert [isinstance(length, str) for length in lengths] == [True, False, True, False, True]
    assert (lengths[1], lengths[3]) == (1.5, 0.2)
    # entrances at l = 1.1: 0.55, then 2.2+1.5-0.55, and 4.9; the end at 6.4
    assert ring.with_parameters(l=1.1).s == pytest.approx([0, 0.55, 1.65, 3.15, 4.25, 4.9, 5.1, 6.4])


def test_gaps_that_vanish_whatever_the_parameters_are_make_no_drift(read: Read) -> None:
    ring = read("l=1; x: quadrupole, l:=l; s: sequence, l:=2*l; x, at:=l*0.5; x, at:=l+0.5*l; endsequence;")
    assert ring.names == ("x::0", "x::1")
    touching = read("l=1; d=1; x: quadrupole, l:=l; s: sequence, l:=2*d; x, at:=0.5*l; x, at:=1.5*d; endsequence;")
    assert touching.names == ("x::0", "drift_0", "x::1", "drift_1")  # no room now, but there can be
    assert touching.s == pytest.approx([0, 1, 1, 2, 2])


# -- how texts are written --


@pytest.mark.parametrize(
    "text",
    [
        "X:QUADRUPOLE,L=1,K1:=KF;KF=0.3;S:SEQUENCE,L=4;X,AT=2;ENDSEQUENCE;",
        "x : quadrupole , l = 1 , k1 : = kf ; kf = .3 ; s : sequence , l = 4. ; x , at = 2 ; endsequence ;",
        "x:\n quadrupole,\n l=1, ! length\n k1:=kf; /* k1:=3;\n */ kf=3d-1;\ns: sequence,"
        "\n\nl=4;x,at\n=\n2;endsequence;",
        "x: quadrupole, l=1, k1:=kf,; kf=0.3;; ; s: sequence, l=4; x, at=2, ; endsequence; // end",
        "\"X\": quadrupole, l=1, k1:=kf; real kf=0.3; s: sequence, l=4, refer='Centre'; 'x', at=2; endsequence;",
        "title, 'it; is ! so // a \"title\"'; x: quadrupole, l=1, k1:=kf; kf=0.3;"
        "s: sequence, l=4; x, at=2; endsequence;",
    ],
)
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_layout_of_the_text_does_not_matter(read: Read, text: str, ends: str) -> None:
    ring = read(text.replace("\n", ends))
    assert ring.elements == (
        Drift("drift_0", length=1.5),
        Quadrupole("x", length=1.0, k1="kf"),
        Drift("drift_1", length=1.5),
    )
    assert dict(ring.parameters) == {"kf": 0.3}


def test_latin_1_utf_8_and_dos_ends_are_text(read: Read) -> None:
    text = f'! Länge in m\nx: quadrupole, l=1, apertype="Müller.txt"; {AROUND}'
    for encoding in ("latin-1", "utf-8-sig"):
        (warning,) = read(text.encode(encoding)).warnings
        assert warning.startswith('ring.seq:2: x: quadrupole, l=1, apertype="Müller.txt"')
    assert read(text.encode() + b"\x1a").length == 4


# -- what is passed over, and what cannot be --


@pytest.mark.parametrize(
    ("use", "listed"),
    [
        ("use, sequence=a;", ()),
        ("use, period=A;", ()),
        ("use, a;", ()),
        ("use, sequence=a, range=#s/x;", ("ring.seq:1: use, sequence=a, range=#s/x",)),
        ("use, sequence=b;", ("ring.seq:1: use, sequence=b",)),
    ],
)
def test_a_use_is_listed_unless_it_only_says_what_is_read(read: Read, use: str, listed: tuple[str, ...]) -> None:
    assert read(f"{use} x: drift, l=1; a: line=(x);").warnings == listed


def test_what_is_not_lattice_is_listed_with_file_and_line(read: Read) -> None:
    ring = read(
        f"""title, "x";
option, -echo;
q1val := table(summ, q1); other := q1val*2;
x: quadrupole, l=1, k1=0.3; {AROUND}
use, sequence=s; select, flag=twiss, column=name, s;
init: beta0, betx=1; savebeta, label=b, place=x;
twiss, file="t.tfs"; system, "touch here"; value, table(summ, q1); show, x;
match, sequence=s; vary, name=k; x->k1 = 3; lmdif, calls=10; endmatch;
x, k1=0.4;
plot, haxis=s, vaxis=betx; survey; save, sequence=s, file=x; print, text="a";
stop; x, k1 = 0.5;
"""
    )
    assert "q1val := table(summ, q1) (this value is not read)" in ring.warnings[0]
    (passed,) = (warning for warning in ring.warnings if warning.startswith("passed over"))
    assert "title (ring.seq:1), option (ring.seq:2), select (ring.seq:5), beta0 (ring.seq:6)" in passed
    assert "plot (ring.seq:10), survey (ring.seq:10)" in passed
    assert any(
        warning.startswith("ends the reading here") and "stop (ring.seq:11)" in warning for warning in ring.warnings
    )
    assert ring["x"] == Quadrupole("x", length=1.0, k1=0.4)
    assert "q1val" not in ring.parameters
    assert "other" not in ring.parameters


REFUSED = [
    ("exec, m(3);", 2, "there is no macro 'm'"),
    ("m(a): macro = { x->k1 = a; };\nexec, m;", 3, "macro 'm' takes 1 argument, found 0"),
    ("m(a): macro = { exec, m(a); };\nexec, m(1);", 2, "macros call each other in a circle"),
    ("if (1 < 2) x->k1 = 3;", 2, r"expected if \(a < b\) \{ \.\.\. \}"),
    ("if (1) { x->k1 = 3; }", 2, "expected a comparison such as a < b, found '1'"),
    ("if (1 < 2 && 2 < 3 && 3 < 4) { x->k1 = 3; }", 2, "a condition joins two comparisons at most"),
    ("if (1 < 2) { x->k1 = 3; }\nk = 1;\nelse { x->k1 = 4; }", 4, "'else' without an 'if' before it"),
    ("if (1 < 2) {\n\nquadrupol, l=1; }", 4, "unknown command or element .quadrupol."),
    ("while (1 < 2) { i = i + 1; };", 2, "more than 30,000 statements"),
    ("seqedit, sequence=s; remove, element=x; endedit;", 2, "SEQEDIT would change .* let MAD-X write the sequence"),
    ("ealign, dx=1e-3;", 2, "EALIGN would change .* ideal lattice"),
    ("efcomp, order=0;", 2, "EFCOMP would change"),
    ("makethin, sequence=s;", 2, "MAKETHIN would change"),
    ("quadrupol, l=1;", 2, r"unknown command or element 'quadrupol'; did you mean 'quadrupole'\?"),
    ("y: quadrupol, l=1;", 2, r"unknown element class 'quadrupol'; did you mean 'quadrupole'\?"),
    ("y: quadrupole l=1;", 2, "expected ',' or ';' after 'quadrupole', found 'l=1'"),
    ("y: quadrupole, l=1\nz: drift, l=1;", 2, "expected ',' or ';' after the value of 'l', found '1 z: drift'"),
    ("y: quadrupole, l=;", 2, "expected a value after 'l ='"),
    ("\n\ny: quadrupole, l=1+;", 4, r"cannot read the expression '1\+' at its end"),
    ("y: quadrupole, l=sinn(1);", 2, "unknown function 'sinn'"),
    ("y: quadrupole, l=2*-3;", 2, "a sign after an operator .* MAD-X takes such an expression as 0"),
    ("y: quadrupole, k1=ranf();", 2, r"ranf\(\) is not read: write the number"),
    ("y->l = 3;", 2, "there is no element 'y'"),
    ("= 3;", 2, "cannot make sense of this statement"),
    ("y: quadrupole, l=1, 'a';", 2, "expected 'attribute = value', found"),
    ("a(b): line = (x, b);", 2, "a line with arguments is not read"),
    ("a: line = x;", 2, r"expected 'name: line = \(member"),
    ("t: sequence;", 2, "sequence 't' has no length"),
    ("t: sequence, l=1, refer=middle;", 2, "refer is entry, centre or exit, found 'middle'"),
    ("t: sequence, l=1;\nu: sequence, l=1;", 3, "sequence 't' of line 2 has not ended"),
    ("t: sequence, l=1; x;", 2, r"expected at = \.\.\. for 'x'|sequence 't' begins here and never ends"),
    ("t: sequence, l=1;\n", 2, "sequence 't' begins here and never ends: expected 'endsequence;'"),
    ("endsequence;", 2, "'endsequence' without a sequence"),
    (
        "c: sequence, l=1;\nendsequence;\nt: sequence, l=2;\nc1: c, at=1;\nendsequence;",
        5,
        "'c' is a sequence or line and must stand without a label: write `c, at=...`",
    ),
    ("match;\nvary, name=k;", 2, "this block never ends: expected 'endmatch;'"),
    ("k = 3", 2, "the file ends within this statement: expected a ';'"),
    ("k = 3; /* a comment", 2, r"the comment '/\*' here is never closed"),
    ('title, "a;\nb";', 2, "a text in quotes begins here and does not end on its line"),
    ("k = {3;\n", 2, "the '{' here is never closed"),
    ("k = 3};", 2, "'}' without a '{'"),
    ("k = \x003;", 2, "byte 0x00 found: this file is binary, one of MAD-X is text"),
    (
        "beam, particle=deuteron, energy=4;",
        2,
        "particle 'deuteron' is none that MAD-X knows .* give its mass and charge",
    ),
    ("beam, partikle=proton;", 2, r"beam has no attribute 'partikle'; did you mean 'particle'\?"),
    ("call, file='other.seq';", 2, "there is no file 'other.seq'"),
    ("call, file='../ring.seq';", 2, r"outside the folder of ring\.seq: put the file beside it"),
    ("call, file='/etc/passwd';", 2, "outside the folder"),
    ("call, file='c:\\ring.seq';", 2, "outside the folder"),
    ("call, file='ring.seq';", 1, "files call each other in a circle|'x'"),
    ("call;", 2, "call: expected file="),
]


@pytest.mark.parametrize(("text", "line", "message"), REFUSED)
def test_what_cannot_be_read_is_a_file_error_with_its_line(read: Read, text: str, line: int, message: str) -> None:
    with pytest.raises(FileError, match=rf"ring\.seq:{line}: .*(?:{message})|{message}") as error:
        read(f"x: quadrupole, l=1; {AROUND}\n{text}")
    if line > 1:
        assert f"ring.seq:{line}: " in str(error.value)


def test_an_energy_in_ev_is_named(read: Read) -> None:
    """60 MeV and 1.06 GeV of eV; the largest collider's lead has 4e6 GeV."""
    for energy, told in (
        ("1.06e9", r"1\.06e\+09: if that is eV, write energy = 1\.06"),
        ("998e6", r"write energy = 0\.998"),
    ):
        with pytest.raises(LatticeError, match=rf"beam: energy is in GeV, found .*{told}"):
            read(f"beam, particle=proton, energy={energy}; x: quadrupole, l=1; {AROUND}")
    beam = "beam, mass=193.7, charge=82, energy=4.1e6;"
    assert read(f"{beam} x: quadrupole, l=1; {AROUND}").particle is not None


NONSENSE = [
    ("quadrupole, l=-1", "Quadrupole 'x': length must not be negative, found -1.0"),
    ("quadrupole, l:=-len", "Quadrupole 'x': length must not be negative, found -1.0"),
    ("quadrupole, l=1e999", "too large"),
    ("quadrupole, l=1, k1=1/0", "has no finite value"),
    ("quadrupole, l=1, k1:=1/(len-1)", "has no finite value"),
    ("quadrupole, l=1, k1:=table(a,b)", "is not read"),
    ("quadrupole, l=1, k1:=val", "'val' has a value that is not read, see .*ring.seq:1"),
    ("quadrupole, l=1, kk1=3", r"quadrupole 'x' has no attribute 'kk1'; did you mean 'k1'\?"),
    ("quadrupole, l=1, k1:=x->k1", "refers to attributes that refer to each other"),
    ("sbend, l=0, angle=0.1", "bend 'x' has no length"),
    ("elseparator, ex=2", "a field ex, ey needs a length"),
    ("elseparator, ex_l=2", "ex_l changes the optics"),
    ("hkicker, sinkick=1", "sinkick changes the optics"),
    ("multipole, knl={0.1}, angle=0.2", "angle changes the optics"),
    ("marker, l=1", "a marker has no length"),
    ("matrix, rm12=0.1", "matrix 'x': rm12 would act, and only the unit matrix"),
    ("changerefp0", "'x' is a CHANGEREFP0, which cannot be held"),
    ("crabcavity, volt=0.1", "crabcavity 'x': volt changes the optics and cannot be held; set it to 0"),
    ("rfmultipole, knl={0, 0.1}", "knl changes the optics"),
    ("beambeam, sigx=1e-3, sigy=1e-3", "give it charge=0 or take it out"),
    ("collimator, l=1, aperture={-1}", "must be positive"),
]


@pytest.mark.parametrize(("definition", "message"), NONSENSE)
def test_values_that_make_no_sense_name_element_and_line(read: Read, definition: str, message: str) -> None:
    with pytest.raises((LatticeError, FileError), match=rf"ring\.seq:2: .*{message}"):
        read(f"len = 1; val = table(summ, q1);\nx: {definition};\n{AROUND}")


def test_what_is_not_used_may_be_what_cannot_be_held(read: Read) -> None:
    assert read(f"y: beambeam, charge=1; z: quadrupole, l=-1; x: drift, l=1; {AROUND}").length == 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x, at=1; x, at=1.5;", "ring.seq:2: 'x' and 'x' overlap by 0.5 m"),
        ("x, at=0.4;", "the start of the sequence and 'x' overlap by 0.1 m"),
        ("x, at=3.6;", "'x' and the end of the sequence overlap by 0.1 m"),
        ("x, at=3; q: x, at=1;", "'q' stands before 'x' in the machine"),
        ("q: x, at=1; q: x, at=3;", "'q' is defined twice in sequence 's'"),
        ("x, at=1, from=y;", "sequence 's' has no element 'y' to place 'x' from"),
        ("q: x, at=1, from=r; r: x, at=1, from=q;", "placed from each other in a circle"),
        ("s, at=1;", "unknown command or element 's'"),
        ("quadrupole, at=1;", "expected the name of an element"),
        ("y, at=1;", "unknown command or element 'y'"),
    ],
)
def test_sequences_that_make_no_sense_are_refused(read: Read, text: str, message: str) -> None:
    with pytest.raises((FileError, LatticeError), match=message):
        read(f"x: quadrupole, l=1;\ns: sequence, l=4; {text} endsequence;")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: line=(b, x); b: line=(a);", "contains itself"),
        ("a: line=(y);", "there is no element 'y'"),
        ("a: line=(999999999*x);", "more than 1,000,000 elements"),
        ("a: line=(1000*(1000*(x, x)));", "more than 1,000,000 elements"),
        ("a: line=(" + "(" * 200 + "x" + ")" * 200 + ");", "nest too deep"),
        ("a: line=(x,, x);", "expected names"),
        ("a: line=(x, fodo(x));", "lines with arguments are not read"),
        ("a: line=(x x);", "expected a name in this line, found 'x x'"),
        ("t: sequence, l=1; x, at=0.5; endsequence; a: line=(t);", "'t' is a sequence"),
    ],
)
def test_lines_that_make_no_sense_are_refused(read: Read, text: str, message: str) -> None:
    with pytest.raises(FileError, match=message):
        read(f"x: quadrupole, l=1; {text}", "a")


def test_a_sequence_that_contains_itself_is_refused(read: Read) -> None:
    text = "x: marker; a: sequence, l=0; x, at=0; endsequence; b: sequence, l=0; a, at=0; endsequence;"
    with pytest.raises(FileError, match="contains itself"):
        read(text + "a: sequence, l=0; b, at=0; endsequence;", "a")


def test_nested_sequences_are_bounded(read: Read) -> None:
    levels = [f"a{n}: sequence, l=0; a{n - 1}, at=0; a{n - 1}, at=0; endsequence;" for n in range(1, 40)]
    with pytest.raises(FileError, match="more than 1,000,000"):
        read("a0: sequence, l=0; endsequence;" + "".join(levels), "a39")


def test_lines_in_lines_are_bounded(read: Read) -> None:
    """A hundred levels, of brackets and of lines: recursion of Python ends at a thousand."""

    def chain(levels: int) -> str:
        return "x: marker; a0: line=(x);" + "".join(f"a{n}: line=(a{n - 1});" for n in range(1, levels))

    assert len(read(chain(100), "a99").elements) == 1
    with pytest.raises(FileError, match="nest too deep"):
        read(chain(101), "a100")


# -- which sequence --


def test_the_sequence_is_the_named_the_only_or_the_used_one(read: Read) -> None:
    two = "x: marker; a: sequence, l=1; x, at=0; endsequence; b: line=(x);"
    assert read("x: marker; a: sequence, l=1; x, at=0; endsequence;").name == "a"
    assert read(two, "A").name == "a"
    assert read(two, "b").name == "b"
    assert read(two + "use, sequence=a;").name == "a"
    with pytest.raises(InputError, match=r"holds several sequences, name one of them: a, b"):
        read(two)
    with pytest.raises(InputError, match="holds several sequences"):
        read(two + "use, sequence=a; use, period=b;")
    with pytest.raises(InputError, match=r"has no sequence 'rang'; did you mean 'ring'\? Its sequences: ring"):
        read("x: marker; ring: line=(x);", "rang")
    with pytest.raises(InputError, match="no sequence and no line"):
        read("x: marker;")
    with pytest.raises(InputError, match="no sequence and no line"):
        read("")


# -- files that call files --


def test_files_beside_the_file_are_called(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "ring.seq").write_text('k = 1; call, file="sub/elements.seq"; call, file=Strengths.str; ' + AROUND)
    (tmp_path / "sub/elements.seq").write_text("call, file='more.seq'; return; x: marker;")
    (tmp_path / "sub/more.seq").write_text("title, 'more';\nx: quadrupole, l=1, k1:=k;")
    (tmp_path / "strengths.str").write_text("k = 0.3;")
    ring = read_madx(tmp_path / "ring.seq")
    assert ring["x"] == Quadrupole("x", length=1.0, k1="k")
    assert ring.parameters["k"] == 0.3
    assert ring.warnings == (
        "passed over, as it does not change the lattice: title (more.seq:1)",
        "ends its file or macro here, nothing behind it in there is read: return (elements.seq:1)",
    )


def test_what_ends_the_reading_is_told_as_that(read: Read) -> None:
    told = read("x: marker; " + AROUND + "stop;\nk = 3;").warnings
    assert any(
        re.fullmatch(r"ends the reading here, nothing behind it is read: stop \(ring\.seq:\d+\)", one) for one in told
    )
    assert not any("does not change the lattice" in one for one in told)


def test_links_out_of_the_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "secret.seq").write_text("k = 3;")
    (tmp_path / "here").mkdir()
    (tmp_path / "here/link.seq").symlink_to(tmp_path / "secret.seq")
    (tmp_path / "here/ring.seq").write_text('call, file="link.seq";')
    with pytest.raises(FileError, match="outside the folder"):
        read_madx(tmp_path / "here/ring.seq")


def test_a_root_lets_files_of_other_folders_in(tmp_path: Path) -> None:
    (tmp_path / "machine/optics").mkdir(parents=True)
    (tmp_path / "machine/k.madx").write_text("k = 0.3;")
    (tmp_path / "secret.madx").write_text("k = 4;")
    ring = tmp_path / "machine/optics/ring.seq"
    body = "q: quadrupole, l=1, k1:=k; s: line=(q);"
    for name in ("../k.madx", str(tmp_path / "machine/k.madx")):
        ring.write_text(f"call, file='{name}'; {body}")
        assert read_madx(ring, root=tmp_path / "machine").parameters["k"] == 0.3
        with pytest.raises(FileError, match="or name a folder that holds both"):
            read_madx(ring)
    ring.write_text(f"call, file='../../secret.madx'; {body}")
    with pytest.raises(FileError, match=r"outside the folder .*machine that --root"):
        read_madx(ring, root=tmp_path / "machine")


def test_a_root_does_not_follow_links_out_of_it(tmp_path: Path) -> None:
    (tmp_path / "secret.seq").write_text("k = 3;")
    (tmp_path / "here").mkdir()
    (tmp_path / "here/link.seq").symlink_to(tmp_path / "secret.seq")
    (tmp_path / "here/ring.seq").write_text('call, file="link.seq";')
    with pytest.raises(FileError, match="outside the folder"):
        read_madx(tmp_path / "here/ring.seq", root=tmp_path / "here")


def test_nothing_is_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "ring.seq"
    path.write_text(
        f"x: marker; {AROUND} system, 'touch executed'; use, sequence=s; save, sequence=s, file=executed;"
        "assign, echo=executed; twiss, file=executed; copyfile, file=ring.seq, to=executed; chdir, dir='/';"
    )
    read_madx(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["ring.seq"]


# -- warnings --


def test_a_command_that_comes_often_is_told_with_its_first_places(read: Read) -> None:
    selects = "select, flag=twiss, column=s;\n" * 9
    (told,) = read(selects + "x: marker; " + AROUND).warnings
    assert told == (
        "passed over, as it does not change the lattice: select (ring.seq:1, ring.seq:2, ring.seq:3 and 6 more)"
    )


def test_what_beam_says_and_no_lattice_keeps_is_noted(read: Read) -> None:
    ring = read("beam, particle=proton, energy=1.2, ex=5e-6, sige=1e-3, npart=1e9; x: marker; " + AROUND)
    assert "(ex, npart, sige of BEAM: no lattice keeps this, give it to optics.Beam)" in ring.warnings[0]


def test_an_aperture_of_a_file_is_noted(read: Read) -> None:
    ring = read('x: quadrupole, l=1, apertype="pipe.tfs"; ' + AROUND)
    assert "apertype 'pipe.tfs' names a file; give a shape and sizes" in ring.warnings[0]


def test_what_beam_gives_to_a_parameter_is_a_number_that_can_be_set(read: Read) -> None:
    ring = read("beam, particle=proton, energy=1.2; rigidity := 2*beam->brho; x: marker; " + AROUND)
    assert ring.with_parameters(rigidity=1.0).parameters["rigidity"] == 1.0


def test_what_counts_as_0_is_noted_once(read: Read) -> None:
    ring = read(f"a = nowhere + 1;\nx: quadrupole, l=1, k1:=never+nowhere;\n{AROUND}")
    assert ring.parameters["never"] == 0
    assert sorted(ring.warnings) == [
        "ring.seq:1: a = nowhere + 1 ('nowhere' is not defined here and counts as 0)",
        "ring.seq:2: x: quadrupole, l=1, k1:=never+nowhere ('never' is not defined here and counts as 0)",
    ]


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("x: quadrupole, l=1, knl={0, 0.1};", "knl of 'x' has no effect and is not kept"),
        ("pi = 3; x: quadrupole, l=1;", "a constant keeps its value"),
        ("const k = 1; k = 2; x: quadrupole, l=1;", "a constant keeps its value"),
        ("beam; x: quadrupole, l=1;", "MAD-X's default, positrons, is taken"),
        ("x: quadrupole, l=1; quadrupole, l=1;", "defaults of a class are not followed"),
    ],
)
def test_what_one_should_know_is_noted(read: Read, text: str, note: str) -> None:
    warnings = read(text + AROUND).warnings
    assert len(warnings) == 1
    assert note in warnings[0]


def test_closed_gaps_are_noted(read: Read) -> None:
    ring = read("x: marker; s: sequence, l=1; x, at=0; x, at=5e-7; endsequence;")
    assert ring.warnings[0].endswith("(5e-07 m between 'x' and 'x' closed, as MAD-X does)")


# -- the ring of the facility, and speed --


def test_a_ring_in_the_manner_of_cnao(read: Read) -> None:
    """The ring of the machine definitions, written out as a file with positions to nine digits, as the source has it.

    Tunes to 1e-6: the positions are cut at 1e-9 m, the strengths of the definitions are kept.
    """
    from machines.cnao_like import cnao
    from optics import twiss

    ring = cnao()
    read_back = read(_as_a_laboratory_writes_it(ring), "cnao")
    assert read_back.length == pytest.approx(ring.length, abs=1e-8)
    one, other = twiss(ring), twiss(read_back, ring.particle)
    assert (other.qx, other.qy) == pytest.approx((one.qx, one.qy), abs=1e-6)
    assert (other.dqx, other.dqy) == pytest.approx((one.dqx, one.dqy), abs=1e-5)


def _as_a_laboratory_writes_it(ring: Lattice) -> str:
    """Families as classes with deferred strengths, centres as positions, drifts left out."""
    lines = [f"{name} := {value};" for name, value in ring.parameters.definitions.items()]
    lines += [f"CNAO: SEQUENCE, refer=centre, L={ring.length:.9f};"]
    for e, s in zip(ring.elements, ring.s, strict=False):
        length = ring.value(getattr(e, "length", 0.0))
        if isinstance(e, Drift):
            continue
        word = {"bend": "SBEND", "quadrupole": "Quadrupole", "sextupole": "sextupole"}.get(e.kind, "placeholder")
        attributes = [f"L={length}"] if length else []
        if word != "placeholder":
            strengths = {k: v for k, v in e.strengths().items() if k not in ("length", "fintx", "k0") and v != 0.0}
            attributes += [f"{k.upper()} := {v}" for k, v in strengths.items()]
        lines.append(f"  {e.name.upper()}: {', '.join([word, *attributes, f'at = {s + length / 2:.9f}'])};  ! {e.kind}")
    return "\r\n".join([*lines, "ENDSEQUENCE;"])


def test_three_thousand_elements_take_seconds(read: Read) -> None:
    """Half of them live: deferred strengths, lengths and positions; read in 0.3 s, five times that under coverage.

    A reader whose time grew with the square of the elements would need minutes. Processor time: others may be at work.
    """
    cells = []
    for n in range(750):
        cells.append(f"qf.{n}: qf, at={10 * n}+lq/2, aperture={{0.03, 0.02}}; mb.{n}: mb, at={10 * n + 3};")
        cells.append(f"qd.{n}: qd, at:={10 * n + 5}+lq/2; bpm.{n}: monitor, l=0.1, at={10 * n + 9.5};")
    text = (
        f"lq = 0.5; kf := kf0*(1+dk); kf0 = 0.3; dk = 0; qf: quadrupole, l=lq, k1:=kf, apertype=ellipse;"
        f"qd: quadrupole, l:=lq, k1:=-kf; mb: rbend, l=2, angle={2 * pi / 750};"
        f"s: sequence, l=7500; {' '.join(cells)} endsequence;"
    )
    begin = time.process_time()
    ring = read(text)
    assert time.process_time() - begin < 10
    assert sum(not e.name.startswith("drift_") for e in ring.elements) == 3000
    assert ring.length == pytest.approx(7500, rel=1e-14)


def test_what_files_of_laboratories_hold_besides_is_passed_over(read: Read) -> None:
    """Number formats, initial optics, beams of other sequences, results of MAD-X that no element uses."""
    ring = read(
        """
        set, format="22.14e"; beam, sequence=other, particle=proton, pc=450, bv=-1;
        beam, sequence=ring, particle=proton, pc=450;
        ini: beta0, betx=2.0, mux:=0.25, range=#s; savebeta, label=saved, place=q, sequence=ring; ini->betx = 3;
        b0 = saved->betx; c0 := 2*saved -> bety + 1; k = ini->betx / 10 + ini->alfx;
        q: quadrupole, l=1, k1:=k; q: q, k1=5; other: sequence, l=3; q, at=1; endsequence;
        m: multipole, knl={, 0.1, };
        ring: sequence, l=3; q, at=1; m, at=2; endsequence;
    """,
        "ring",
    )
    assert ring.parameters["k"] == 0.3
    assert ring["q"].strengths()["k1"] == "k"
    assert ring["m"].strengths()["knl"] == (0.0, 0.1)
    assert "b0" not in ring.parameters
    assert "c0" not in ring.parameters
    assert ring.particle is not None


def test_a_beam_against_the_sequence_is_refused_where_it_is_used(read: Read) -> None:
    text = "beam, particle=proton, energy=5, bv=-1;\nring: sequence, l=1; endsequence;"
    with pytest.raises(FileError, match=r":1: bv: only beams in the direction of the sequence"):
        read(text)


def test_a_result_of_madx_cannot_be_a_strength(read: Read) -> None:
    with pytest.raises(LatticeError, match=r"ring\.seq:1: 'saved' holds results of MAD-X"):
        read("savebeta, label=saved, place=q; q: quadrupole, l=1, k1:=saved->betx; ring: line=(q);")


def test_a_marker_may_say_that_it_has_no_length_by_a_name(tmp_path: Path) -> None:
    """MAD-X's own SAVE writes ``l := name``; an ENTRANCE of a DIPEDGE says nothing that acts (and is noted)."""
    path = tmp_path / "ring.seq"
    path.write_text(
        "none = 0; m: marker, l := none; d: dipedge, h=0.1, e1=0.2, entrance;"
        " ring: sequence, l=1; m, at=0.5; d, at=0.6; endsequence;"
    )
    ring = read_madx(path)
    assert ring["m"].kind == "marker"
    assert any("entrance of 'd' has no effect" in warning for warning in ring.warnings)
    path.write_text(path.read_text().replace("none = 0", "none = 0.1"))
    with pytest.raises(LatticeError, match="a marker has no length"):
        read_madx(path)
