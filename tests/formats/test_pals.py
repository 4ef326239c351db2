"""Files of PALS: kinds and groups as the standard has them, mistakes with their place, all kinds there and back."""

from __future__ import annotations

import sys
from collections.abc import Callable
from math import sin
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
    SRotation,
    ThinSolenoid,
    Translation,
    XRotation,
    YRotation,
    read_pals,
    write_pals,
)
from lattice.elements import ELEMENT_KINDS, Element
from lattice.reference import SPEED_OF_LIGHT

Read = Callable[..., Lattice]
HEAD = "PALS:\n  facility:\n"


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def written(text: str, **options: str) -> Lattice:
        (tmp_path / "a.pals.yaml").write_text(HEAD + "".join(f"    {line}\n" for line in text.split("\n")))
        return read_pals(tmp_path / "a.pals.yaml", **options)

    return written


def one(read: Read, definition: str) -> Element:
    return read(f"- x: {definition}\n- a: {{kind: BeamLine, line: [x]}}")["x"]


def test_kinds_and_groups(read: Read) -> None:
    assert one(
        read, "{kind: Quadrupole, length: 2, MagneticMultipoleP: {Kn1L: 1, Ks1L: 0.5, tilt1: 0.1}}"
    ) == Quadrupole("x", length=2.0, k1=0.5, k1s=0.25, tilt=0.1)
    assert one(read, "{kind: Sextupole, MagneticMultipoleP: {Kn2L: 1}}") == Multipole("x", knl=(0.0, 0.0, 1.0))
    assert one(read, "{kind: Multipole, length: 0.5, MagneticMultipoleP: {Ks3: 1}}") == Octupole(
        "x", length=0.5, k3s=1.0
    )
    assert one(read, "{kind: Kicker, length: 0.5, MagneticMultipoleP: {Kn0: 0.1, Ks0: 0.2}}") == Kicker(
        "x", length=0.5, hkick=-0.05, vkick=0.1
    )
    assert one(read, "{kind: RFCavity, length: 2, RFP: {gradient: 10, harmon: 3}}") == RFCavity(
        "x", length=2.0, volt=20.0, harmon=3.0, lag=0.25
    )
    assert one(read, "{kind: RFCavity, RFP: {voltage: 1, phase: 0.1, zero_phase: ABOVE_TRANSITION}}") == RFCavity(
        "x", volt=1.0, lag=0.6
    )
    opening = Aperture("ellipse", 0.03, 0.02, 0.01)
    limits = "ApertureP: {x_min: -0.02, x_max: 0.04, y_min: -0.02, y_max: 0.02}"
    assert one(read, f"{{kind: Mask, {limits}}}") == Marker("x", aperture=opening)
    assert one(read, "{kind: Patch, PatchP: {x_offset: 0.1}}") == Translation("x", dx=0.1)


@pytest.mark.parametrize(
    "group",
    [
        "angle_ref: 0.5, L_chord: 0.98961583701809",
        "angle_ref: 0.5, radius_ref: 2",
        "g_ref: 0.5, L_chord: 0.98961583701809",
        "rho_ref: 2, angle_ref: 0.5",
        "rho_ref: 2, angle_ref: 0.5, e1: 0.35",
    ],
)
def test_two_numbers_make_a_bend(read: Read, group: str) -> None:
    """Arc 1 m, angle 0.5 rad, radius 2 m: a chord of 4 sin(1/4)."""
    assert 4 * sin(0.25) == pytest.approx(0.98961583701809, abs=1e-14)
    bend = one(read, f"{{kind: Bend, BendP: {{{group}, e1_rect: 0.1, e2: 0.1, edge1_int: 0.01, edge2_int: 0.02}}}}")
    assert isinstance(bend, Bend)
    found = [bend.length, bend.angle, bend.e1, bend.e2, bend.hgap, bend.fint, bend.fintx]
    assert found == pytest.approx([1.0, 0.5, 0.35, 0.1, 0.02, 0.5, 1.0], abs=1e-13)


@pytest.mark.parametrize(
    ("group", "field"),
    [
        ("MagneticMultipoleP: {Kn0: 0.5}", None),  # as Bmad writes it: the reference field once more
        ("MagneticMultipoleP: {Kn0L: 1.2}", 0.6),
        ("MagneticMultipoleP: {Kn0: 0}", 0.0),
        ("MetaP: {}", None),
    ],
)
def test_kn0_is_the_whole_field_of_a_bend(read: Read, group: str, field: float | None) -> None:
    """The standard, "BendP", Kn0_from_g_ref: the actual field is Kn0, and g_ref only where it is not set."""
    assert one(read, f"{{kind: Bend, length: 2, BendP: {{g_ref: 0.5}}, {group}}}") == Bend(
        "x", length=2.0, angle=1.0, k0=field
    )


def test_a_bend_may_have_no_field_of_its_own(read: Read, tmp_path: Path) -> None:
    bend = one(read, "{kind: Bend, length: 2, BendP: {g_ref: 0.5, Kn0_from_g_ref: false}}")
    assert bend == Bend("x", length=2.0, angle=1.0, k0=0.0)
    write_pals(Lattice("a", elements=[bend]), tmp_path / "b.pals.yaml")
    assert read_pals(tmp_path / "b.pals.yaml")["x"] == bend


@pytest.mark.parametrize(
    ("geometry", "faces"),
    [
        ("ref_geometry: ARC", (0.0, 0.3)),
        ("ref_geometry: CHORD", (0.5, 0.3)),
        ("ref_geometry: ENTRANCE_COORDS", (0.0, 0.8)),
        ("ref_coords: exit_coords", (1.0, -0.2)),
    ],
)
def test_faces_are_measured_from_the_geometry_of_a_bend(read: Read, geometry: str, faces: tuple[float, float]) -> None:
    """The standard, "BendP": an angle of 1, no face at the entrance, e2_rect = -0.2 at the exit (ARC: e2 = 0.3)."""
    exit_face = "e2: 0.3" if "ARC" in geometry else "e2_rect: -0.2"
    bend = one(read, f"{{kind: Bend, length: 2, BendP: {{g_ref: 0.5, {geometry}, {exit_face}}}}}")
    assert isinstance(bend, Bend)
    assert [bend.e1, bend.e2] == pytest.approx(faces, abs=1e-14)


def test_an_opening_that_is_nowhere_is_none(read: Read) -> None:
    limits = "x_width: 0.1, y_width: 0.1"
    assert one(read, f"{{kind: Drift, length: 2, ApertureP: {{{limits}, location: NOWHERE}}}}") == Drift(
        "x", length=2.0
    )


def test_fields_are_normalised_with_the_momentum_of_the_beginning(read: Read) -> None:
    ring = read(
        "- q: {kind: Quadrupole, length: 1, MagneticMultipoleP: {Bn1: 9}}\n- a:\n    kind: BeamLine\n    line:\n"
        "      - begin: {kind: BeginningEle, ReferenceP: {species_ref: '#12C+6', pc_ref: 12e9}}\n      - q"
    )
    assert ring.particle == ReferenceParticle.from_momentum("carbon-12", 12e9)
    assert [e.k1 for e in ring] == pytest.approx([54 * SPEED_OF_LIGHT / 12e9], rel=1e-14)  # type: ignore[attr-defined]


def test_lines_repeat_place_and_end(read: Read) -> None:
    ring = read(
        "- p: {kind: Quadrupole, length: 1}\n- q: {inherit: p, length: 2}\n- x: {kind: BeamLine, line: [p, q]}\n- a:\n"
        "    kind: BeamLine\n    length: 12\n    line:\n      - x: {repeat: -2}\n"
        "      - d: {kind: Drift, placement: {offset: 0.5}, length: 1}"
    )
    assert [element.name for element in ring] == ["q", "p", "q", "p", "drift_1", "d", "drift_2"]
    assert [element.length for element in ring][-3:] == [0.5, 1.0, 4.5]  # type: ignore[attr-defined]


def test_a_line_repeated_beyond_all_bounds_is_refused_before_it_is_made(read: Read) -> None:
    """Two elements 500,001 times are more than a million, and as many the other way round."""
    pair = "- p: {kind: Drift, length: 1}\n- x: {kind: BeamLine, line: [p, p]}\n"
    for repeat in (500_001, -500_001):
        with pytest.raises(FileError, match="more than 1,000,000 elements"):
            read(pair + f"- a: {{kind: BeamLine, line: [x: {{repeat: {repeat}}}]}}")


def test_which_line_is_read(read: Read) -> None:
    lines = "- p: {kind: Drift, length: 1}\n- x: {kind: BeamLine, line: [p]}\n- y: {kind: BeamLine, line: [x, p]}"
    lattice = "\n- l: {kind: Lattice, branches: [other: {inherit: x}]}\n- m: {kind: Lattice, branches: [y]}"
    assert read(lines).length == 2.0  # the one that stands in no other
    assert read(lines, line="X").length == 1.0
    assert read(lines + lattice).length == 2.0  # the last lattice
    assert read(f"{lines}{lattice}\n- use: l").length == 1.0
    with pytest.raises(InputError, match="name one of its lines: x, y"):
        read(f"{lines}\n- l: {{kind: Lattice, branches: [x, y]}}")


def test_files_are_included_from_the_folder_only(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "more.pals.yaml").write_text(HEAD + "    - q: {kind: Drift, length: 1}\n")
    (tmp_path / "inner/a.pals.yaml").write_text(
        HEAD + "    - include: ../more.pals.yaml\n    - a: {kind: BeamLine, line: [q]}\n"
    )
    with pytest.raises(FileError, match=r"a\.pals\.yaml:3: call: '\.\./more\.pals\.yaml' is outside the folder"):
        read_pals(tmp_path / "inner/a.pals.yaml")
    assert read_pals(tmp_path / "inner/a.pals.yaml", root=tmp_path).length == 1.0


def test_without_pyyaml_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    (tmp_path / "a.pals.yaml").write_text(HEAD)
    with pytest.raises(FileError, match=r"pip install 'hadron-optics\[formats\]', or write the file as JSON"):
        read_pals(tmp_path / "a.pals.yaml")


EVERY_KIND = (
    Drift("d", length=1.0, aperture=Aperture("rectangle", 0.03, 0.02, 0.01)),
    Bend("b", length=1.0, angle="k*2", e1=0.05, k0=0.25, k1=0.1, k2=0.3, h1=0.1, tilt=0.1, kill_ent_fringe=True),
    DipoleEdge("de", h=0.1, e1=0.1, hgap=0.02, fint=0.5),
    Quadrupole("1-q", length="k", k1="-(k^2) + 3*pi", k1s=0.1, aperture=Aperture("ellipse", 0.03, 0.02)),
    Sextupole("include", length=0.2, k2=1.0, k2s=0.5, tilt=0.2),
    Octupole("o", length=0.1, k3=1.0),
    Multipole("m", knl=(0.0, 0.1, "k"), ksl=(0.0, 0.1), lrad=0.1, tilt=0.1),
    Multipole("md", knl=(0.01,), lrad=0.2),
    Solenoid("so", length=0.3, ks=0.1),
    ThinSolenoid("ts", ks=0.1, ksi=0.03),
    SRotation("sr", angle=0.1),
    XRotation("xr", angle=0.01),
    YRotation("yr", angle=0.01),
    Translation("t", dx=0.001, ds=0.002),
    Kicker("ki", length=0.1, hkick=1e-3, vkick="k/100", tilt=0.3),
    Kicker("kx", hkick=1e-3, plane="x"),
    Monitor("mo", length=0.1, plane="x"),
    Separator("se", length=0.3, ex=1e5),
    Marker("mk", aperture=Aperture("rectellipse", 0.03, 0.02, ellipse_x=0.04, ellipse_y=0.03)),
    RFCavity("rf", length=0.2, volt=1e4, freq=1e6, lag=0.4),
    RFGap("g", volt=1e5, freq=1e8, phase=0.1),
    ElectrostaticSeptum("es", length=0.8, position=0.03, thickness=1e-4, kick="k/1000", gap=0.02),
    MagneticSeptum("ms", length=0.8, position=0.03, kick=1e-3),
    Collimator("co", length=0.1, aperture=Aperture("ellipse", 0.03, 0.02)),
)


def test_every_kind_comes_back(tmp_path: Path) -> None:
    assert {element.kind for element in EVERY_KIND} == set(ELEMENT_KINDS)
    particle = ReferenceParticle("carbon-12", kinetic_energy_per_u=1e8)
    lattice = Lattice("l", elements=EVERY_KIND, parameters={"k": 0.1, "e": "k*clight"}, particle=particle)
    write_pals(lattice, tmp_path / "l.pals.yaml")
    back = read_pals(tmp_path / "l.pals.yaml")
    assert back.particle is not None
    assert back.particle.kind == particle.kind
    assert back.particle.momentum == pytest.approx(particle.momentum, rel=1e-15)
    assert dict(back.parameters) == pytest.approx(dict(lattice.parameters), rel=1e-15)
    for element, other in zip(lattice, back, strict=True):
        assert type(element) is type(other)
        assert element.aperture == other.aperture
        ours, theirs = (one.resolved(part).strengths() for one, part in ((lattice, element), (back, other)))
        assert _flat(theirs) == pytest.approx(_flat(ours), rel=1e-14, abs=1e-15), element.name


def _flat(strengths: dict[str, object]) -> list[float]:
    parts = [part for value in strengths.values() for part in (value if isinstance(value, tuple) else (value,))]
    return [0.0 if part is None else float(str(part)) for part in parts]


MISTAKES = [
    ("- x: 3", 3, "x: expected a table with a kind, found '3.0'"),
    ("- [x]", 1, "facility: expected '- name: ...'"),
    ("- x: {kind: Quad}\n- a: {kind: BeamLine, line: [x]}", 3, "'x' is of kind 'Quad', which cannot be held"),
    ("- x: {kind: Drift}\n- x: {kind: Drift}", 4, "'x' is defined twice"),
    ("- x: {kind: Drift, kind: Marker}", 3, "the key 'kind' a second time"),
    ("- x: &a {kind: Drift}\n- y: *a", 3, "anchors and aliases of YAML are not read"),
    ("- x: {kind: Drift", 4, "no valid YAML here"),
    ("- x: {kind: Drift, length: 2 * k}\n- a: {kind: BeamLine, line: [x]}", 3, "length: 'k' is not defined"),
    ("- x: {kind: Drift, length: k}\n- a: {kind: BeamLine, line: [x]}", 3, "length must be a number, found 'k'"),
    ("- variables: {k: 2 * l, l: k}\n- a: {kind: BeamLine, line: []}", 3, "depends on itself"),
    ("- variables: {k: 1, K: 2}", 3, "'K' is defined twice"),
    ("- a: {kind: BeamLine, line: [x]}", 3, "there is no element 'x'"),
    ("- a: {kind: BeamLine, line: [a]}", 3, "line 'a' contains itself"),
    ("- a: {kind: BeamLine}", 3, "expected a list 'line:'"),
    ("- a: {kind: BeamLine, line: []}", 3, "line 'a' has no elements"),
    ("- x: {kind: Drift}\n- a: {kind: BeamLine, line: [x: {direction: -1}]}", 4, "'x' is turned round"),
    ("- x: {kind: Drift}\n- a: {kind: BeamLine, line: [x: {repeat: 1.5}]}", 4, "repeat: expected a whole number"),
    ("- x: {kind: Drift}\n- a: {kind: BeamLine, line: [x: {length: 2}]}", 4, "changes an element in place"),
    ("- x: {kind: Drift, length: 2}\n- a: {kind: BeamLine, length: 1, line: [x]}", 4, "is longer than its length"),
    ("- x: {kind: Drift}\n- a: {kind: BeamLine, multipass: true, line: [x]}", 4, "multipass is not read"),
    ("- superimpose: {place: x}", 3, "superimpose: changes elements and is not honoured"),
    (
        "- x: {kind: Quadrupole, length: 1, BodyShiftP: {x_offset: 1e-3}}\n- a: {kind: BeamLine, line: [x]}",
        3,
        "BodyShiftP.x_offset cannot be held",
    ),
    (
        "- x: {kind: Quadrupole, length: 1, MagneticMultipoleP: {Kn1: 1, Kn2: 1}}\n- a: {kind: BeamLine, line: [x]}",
        3,
        "a multipole of order 2 beside its own field",
    ),
    (
        "- x: {kind: Quadrupole, length: 1, MagneticMultipoleP: {Bn1: 1}}\n- a: {kind: BeamLine, line: [x]}",
        3,
        "Bn1 is a field, and the file says of no particle",
    ),
    (
        "- x: {kind: Quadrupole, length: 1, MagneticMultipoleP: {Kn1: 1, Kn1L: 1}}\n- a: {kind: BeamLine, line: [x]}",
        3,
        "two ways to say one thing",
    ),
    (
        "- x: {kind: Bend, length: 1, BendP: {angle_ref: 0.1, g_ref: 0.3}}\n- a: {kind: BeamLine, line: [x]}",
        3,
        "length, angle_ref and the curvature contradict each other",
    ),
    (
        "- x: {kind: Bend, length: 1, BendP: {angle_ref: 1, e1: 0.2, e1_rect: 0.2}}\n- a: {kind: BeamLine, line: [x]}",
        3,
        "e1 and e1_rect contradict each other",
    ),
    (
        "- x: {kind: Bend, length: 1, BendP: {g_ref: 1, ref_geometry: CHORD}, MagneticMultipoleP: {Kn1: 1}}\n"
        "- a: {kind: BeamLine, line: [x]}",
        3,
        "multipoles about a straight line",
    ),
    ("- x: {kind: Bend}\n- a: {kind: BeamLine, line: [x]}", 3, "Bend 'x' has no length"),
    (
        "- x: {kind: Drift, hadron_optics: {kind: nothing}}\n- a: {kind: BeamLine, line: [x]}",
        3,
        "unknown kind 'nothing'",
    ),
    ("- include: nothing.pals.yaml", 3, "there is no file 'nothing.pals.yaml'"),
    ("- include: a.pals.yaml", 3, "in a circle, or too many of them"),
]


@pytest.mark.parametrize(("text", "line", "message"), MISTAKES)
def test_mistakes_are_told_with_their_place(read: Read, text: str, line: int, message: str) -> None:
    with pytest.raises((FileError, LatticeError), match=rf"a\.pals\.yaml:{line}: .*{message}"):
        read(text)


def test_lines_that_grow_without_end_are_refused(read: Read) -> None:
    lines = "\n".join(f"- l{n + 1}: {{kind: BeamLine, line: [l{n}, l{n}]}}" for n in range(40))
    with pytest.raises(FileError, match="more than 1,000,000 elements"):
        read(f"- q: {{kind: Drift, length: 1}}\n- l0: {{kind: BeamLine, line: [q]}}\n{lines}", line="l40")


def test_an_included_file_may_be_the_entries_alone(read: Read, tmp_path: Path) -> None:
    """What the standard calls a subpals file: a list that is spliced into the facility."""
    (tmp_path / "parts.subpals.yaml").write_text("- a: {kind: Drift, length: 0.7}\n- b: {kind: Marker}\n")
    found = read("- include: parts.subpals.yaml\n- r: {kind: BeamLine, line: [a, b, a]}", line="r")
    assert found.names == ("a::0", "b", "a::1")
    assert found.length == pytest.approx(1.4)
    (tmp_path / "parts.subpals.yaml").write_text("a: {kind: Drift, length: 0.7}\n")
    with pytest.raises(FileError, match="no PALS file"):
        read("- include: parts.subpals.yaml")


def test_a_file_is_no_list_of_entries_alone(tmp_path: Path) -> None:
    (tmp_path / "a.pals.yaml").write_text("- a: {kind: Drift, length: 0.7}\n")
    with pytest.raises(FileError, match=r"expected a table 'PALS:' with a list 'facility:'"):
        read_pals(tmp_path / "a.pals.yaml")


@pytest.mark.number
def test_radii_of_electron_and_proton(read: Read) -> None:
    """CODATA 2022: 2.8179403205e-15 m; that of the proton is smaller by the ratio of masses, 1836.152673426."""
    found = read(
        "- constants: {a: 1e15 * r_electron, b: a / (1e15 * r_proton)}\n"
        "- d: {kind: Drift, length: a}\n- q: {kind: Drift, length: b}\n- r: {kind: BeamLine, line: [d, q]}"
    )
    assert found.length == pytest.approx(2.8179403205 + 1836.152673426, rel=1e-9)


def test_a_field_without_a_particle_says_how_pals_tells_it(read: Read) -> None:
    with pytest.raises(LatticeError, match=r"Bn1 is a field, .*a BeginningEle with ReferenceP, species_ref and pc_ref"):
        read("- q: {kind: Quadrupole, length: 1, MagneticMultipoleP: {Bn1: 1.0}}\n- r: {kind: BeamLine, line: [q]}")
