"""Files of Bmad: its statements and defaults as its manual has them, mistakes told with their place."""

from __future__ import annotations

from collections.abc import Callable
from math import pi, sin
from pathlib import Path

import pytest

from lattice import (
    Aperture,
    Bend,
    Drift,
    FileError,
    InputError,
    Kicker,
    Lattice,
    LatticeError,
    Multipole,
    Quadrupole,
    ReferenceParticle,
    RFCavity,
    Sextupole,
    Solenoid,
    SRotation,
    Translation,
    read_bmad,
)
from lattice.reference import SPEED_OF_LIGHT

Read = Callable[..., Lattice]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def written(text: str, **options: str) -> Lattice:
        (tmp_path / "a.bmad").write_text(text)
        return read_bmad(tmp_path / "a.bmad", **options)

    return written


# -- arithmetic --


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("-2^2", -4.0),
        ("2^3^2", 64.0),
        ("2*-3", -6.0),
        ("2^-1", 0.5),
        ("1 - 2 - 3", -4.0),
        ("8 / 2 / 2", 2.0),
        ("1e1 + .5 + 2d0", 12.5),
        ("90 * degrees * 2 / pi", 1.0),
        ("atan2(1, 0) / twopi", 0.25),
        ("cot(pi/4) + int(-2.5) + ceiling(0.2) + floor(-0.2)", -1.0),
        ("factorial(4) * sinc(0)", 24.0),
        ("d[l] * k", 6.0),
        ("charge_of(#12C+4) + 0 * mass_of(proton)", 4.0),
        ("parameter[p0c] / 1e9", 0.5),
    ],
)
def test_arithmetic(read: Read, text: str, value: float) -> None:
    head = "parameter[p0c] = 5e8; k = 2; d: drift, l = 3; "
    ring = read(f"{head} q: quadrupole, l = 1, k1 = {text}\n a: line = (q); use, a")
    assert ring.value(ring["q"].k1) == pytest.approx(value, abs=1e-14)  # type: ignore[attr-defined]


def test_an_attribute_in_an_expression_is_the_value_of_that_place(read: Read) -> None:
    ring = read("k = 2; q: quad, l = 1, k1 = k\n p: q, k1 = 3 * q[k1]\n q[k1] = 5\n a: line = (p, q)")
    assert (ring["p"].k1, ring["q"].k1) == ("3 * k", 5.0)  # type: ignore[attr-defined]
    assert ring.with_parameters(k=1.0).value("3 * k") == 3.0


def test_a_constant_is_set_again_by_redef_only(read: Read) -> None:
    text = "k = 1; q: quad, l = 1, k1 = k; {} k = 2; p: quad, l = 1, k1 = k; a: line = (q, p)"
    ring = read(text.format("redef:"))
    assert [element.k1 for element in ring] == [1.0, 2.0]  # type: ignore[attr-defined]
    assert dict(ring.parameters) == {}
    with pytest.raises(FileError, match="'k' is set already"):
        read(text.format(""))


# -- statements --


def test_lines_go_on_and_statements_share_lines(read: Read) -> None:
    ring = read("q: quad,\n  l = 1 ! length\n  , k1 =\n 0.3; p: quad, l = & \n 2\n a: line\n = (q,\n p\n)")
    assert list(ring) == [Quadrupole("q", length=1.0, k1=0.3), Quadrupole("p", length=2.0)]


def test_attributes_of_many_elements_are_changed_at_once(read: Read) -> None:
    ring = read(
        "q1: quad, l = 1; q2: quad, l = 1; q22: quad, l = 1; s1: sext, l = 1; x: drift, l = 0\n"
        "*[l] = 2; q%[k1] = 0.1; quad::*2[k1] = 0.2; *[tracking_method] = runge_kutta\n"
        "a: line = (q1, q2, q22, s1, x)"
    )
    strengths = [element.k1 for element in ring if isinstance(element, Quadrupole)]
    assert (strengths, ring.length) == ([0.1, 0.2, 0.2], 10.0)


def test_a_minus_reflects_the_order_only(read: Read) -> None:
    ring = read("b: sbend, l = 1, angle = 0.1, e1 = 0.02; q: quad, l = 1; x: line = (b, q); a: line = (-2*x, -(x, q))")
    assert [element.name for element in ring] == ["q", "b", "q", "b", "q", "q", "b"]


def test_which_line_is_read(read: Read) -> None:
    text = "q: quad, l = 1; p: quad, l = 2; x: line = (q); y: line = (x, p); z: line = (p)\n"
    assert read(text, line="Y").length == 3.0
    assert read(f"use, y\n{text} use, z").length == 2.0
    with pytest.raises(InputError, match="holds several lines, name one of them: x, y, z"):
        read(f"{text} use, y, z")


def test_files_are_called_from_the_folder_only(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "More.bmad").write_text("q: quad, l = 1\nend_file\nnonsense")
    (tmp_path / "inner/a.bmad").write_text("call, file = ../More.bmad\na: line = (q)")
    with pytest.raises(FileError, match=r"a\.bmad:1: call: '\.\./More\.bmad' is outside the folder"):
        read_bmad(tmp_path / "inner/a.bmad")
    assert read_bmad(tmp_path / "inner/a.bmad", root=tmp_path).length == 1.0


# -- particle --


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("parameter[particle] = #12C+6; parameter[p0c] = 12e9", ReferenceParticle.from_momentum("carbon-12", 12e9)),
        ("parameter[particle] = He++; beginning[p0c] = 2e9", ReferenceParticle.from_momentum("helium-4", 2e9)),
        ("beam, particle = proton, pc = 0.5", ReferenceParticle.from_momentum("proton", 0.5e9)),
        ("parameter[e_tot] = 3e9", ReferenceParticle.from_momentum("positron", (9e18 - 510998.95069**2) ** 0.5)),
        ("parameter[particle] = proton", None),
        ("parameter[particle] = pion+; parameter[p0c] = 1e9", None),
    ],
)
def test_the_particle(read: Read, text: str, expected: ReferenceParticle | None) -> None:
    found = read(f"{text}\n q: quad, l = 1; a: line = (q)").particle
    assert (found is None) == (expected is None)
    if found is not None and expected is not None:
        assert found.kind == expected.kind
        assert found.momentum == pytest.approx(expected.momentum, rel=1e-12)


def test_fields_are_normalised_with_the_momentum(read: Read) -> None:
    head = "parameter[particle] = #12C+6; parameter[p0c] = 12e9; g = 9.0"
    body = "q: quad, l = 1, b1_gradient = g; s: solenoid, l = 1, bs_field = 2; b: sbend, l = 1, b_field = 0.4"
    ring = read(f"{head}; {body}; a: line = (q, s, b)")
    per_field = 6 * SPEED_OF_LIGHT / 12e9
    assert ring.value(ring["q"].k1) == pytest.approx(9 * per_field, rel=1e-14)  # type: ignore[attr-defined]
    assert ring["s"] == Solenoid("s", length=1.0, ks=2 * per_field)
    assert ring.value(ring["b"].angle) == pytest.approx(0.4 * per_field, rel=1e-14)  # type: ignore[attr-defined]
    with pytest.raises(LatticeError, match="b1_gradient is a field, and the file says of no particle"):
        read(f"{body.replace('= g', '= 1')}; a: line = (q)")


# -- elements --


def one(read: Read, definition: str) -> object:
    return read(f"x: {definition}\na: line = (x)")["x"]


def test_defaults_and_conventions(read: Read) -> None:
    bend = one(read, "sbend, l = 1, angle = 0.1, hgap = 0.02, fint, hgapx = 0.04, dg = 0.01, fringe_at = exit_end")
    assert bend == Bend("x", length=1.0, angle=0.1, k0=0.11, hgap=0.02, fint=0.5, fintx=1.0, kill_ent_fringe=True)
    assert one(read, "sbend, rho = 10, angle = 0.1") == Bend("x", length=1.0, angle=0.1)
    assert one(read, "quad, l = 1, k1 = 0.1, tilt") == Quadrupole("x", length=1.0, k1=0.1, tilt=pi / 4)
    assert one(read, "sext, l = 1, k2 = 3, tilt") == Sextupole("x", length=1.0, k2=3.0, tilt=pi / 6)
    assert one(read, "multipole, k1l = 0.1, t1") == Multipole("x", knl=(0.0, 0.1), tilt=pi / 4)
    assert one(read, "multipole, k0l = 0.1, k2sl = 3") == Multipole("x", knl=(0.1,), ksl=(0.0, 0.0, 3.0))
    assert one(read, "ab_multipole, b2 = 1.5, a1 = 0.2") == Multipole("x", knl=(0.0, 0.0, 3.0), ksl=(0.0, 0.2))
    assert one(read, "ab_multipole, b0 = 1e-3, a0 = 2e-3") == Kicker("x", hkick=-1e-3, vkick=2e-3)
    assert one(read, "vkicker, l = 0.1, kick = 1e-3") == Kicker("x", length=0.1, vkick=1e-3, plane="y")
    assert one(read, "rfcav, l = 2, gradient = 1e3, harmon = 4, phi0 = 0.5") == RFCavity(
        "x", length=2.0, volt=2e3, harmon=4.0, lag=0.0
    )
    assert one(read, "patch, tilt = 0.1") == SRotation("x", angle=0.1)
    assert one(read, "patch, x_offset = 0.1") == Translation("x", dx=0.1)
    opening = Aperture("ellipse", 0.03, 0.02, 0.01)
    drift = Drift("x", length=1.0, aperture=opening)
    assert (
        one(read, "pipe, l = 1, x1_limit = 0.02, x2_limit = 0.04, y_limit = 0.02, aperture_type = elliptical") == drift
    )


@pytest.mark.parametrize("species", ["proton", "#12C+6", "antiproton"])
@pytest.mark.parametrize("phase", [0.0, 0.1, 0.25, 0.5])
def test_a_cavity_gives_the_energy_that_bmad_gives(read: Read, phase: float, species: str) -> None:
    """Manual, "RFcavity": dE = e voltage sin(2 pi (phi0 - f t)) of a particle that comes t late, whatever its charge.

    Ours, MAD-X's and Xsuite's: q volt sin(2 pi (lag + f t)). 0 is stable above transition there, 0.5 here.
    """
    ring = read(f"parameter[particle] = {species}; c: rfcavity, voltage = 600, phi0 = {phase}\na: line = (c)")
    cavity, charge = ring["c"], {"proton": 1, "#12C+6": 6, "antiproton": -1}[species]
    assert isinstance(cavity, RFCavity)
    volt, lag = ring.value(cavity.volt), ring.value(cavity.lag)
    for late in (-0.1, 0.0, 0.03, 0.4):  # f t
        theirs = 600 * sin(2 * pi * (phase - late))
        assert charge * volt * sin(2 * pi * (lag + late)) == pytest.approx(theirs, abs=1e-11)


def test_of_limits_that_are_set_twice_the_last_holds(read: Read) -> None:
    """Manual, "Aperture and Limit Attributes": x_limit sets x1_limit and x2_limit, aperture all four."""
    text = "q: quad, l = 1, aperture = 0.04, x1_limit = 0.01; q[x_limit] = 0.03; q[y2_limit] = 0.02\na: line = (q)"
    assert read(text)["q"].aperture == Aperture("rectangle", 0.03, 0.03, 0.0, -0.01)
    for place in ("no_aperture", "wall_transition"):  # the second loses who crosses a wall, and not who is outside
        assert one(read, f"quad, l = 1, aperture = 0.04, aperture_at = {place}") == Quadrupole("x", length=1.0)


def test_an_attribute_that_is_not_given_is_told(read: Read) -> None:
    """Manual, "Arithmetic Expressions": b[angle] is 0 until the lattice is expanded, where g and l are given."""
    ring = read("b: sbend, l = 1, g = 0.1; d: drift, l = 1 - b[angle]\na: line = (d)")
    assert ring.length == 1.0
    assert "b[angle] is not given up to here, and is 0" in " ".join(ring.warnings)


def test_the_chord_of_a_rectangular_bend(read: Read) -> None:
    """Manual: l of an rbend is the chord, l_chord = 2 sin(angle/2) rho."""
    arc = 0.25 / sin(0.25)
    by_angle = one(read, "rbend, l = 1, angle = 0.5, e1 = 0.1")
    by_curvature = one(read, "rbend, l = 1, g = 2 * sin(1/4), e1 = 0.1")
    by_arc = one(read, f"rbend, l_arc = {arc!r}, angle = 0.5, e1 = 0.1")
    for bend in (by_angle, by_curvature, by_arc):
        assert isinstance(bend, Bend)
        found = [bend.length, bend.angle, bend.e1, bend.e2]
        assert found == pytest.approx([arc, 0.5, 0.35, 0.25], abs=1e-14)


def test_what_is_left_out_is_told(read: Read) -> None:
    ring = read(
        "title, 'a ring'\nparameter[lattice] = x; bmad_com[absolute_time_tracking] = T\nprint hello 'world\n"
        "q: quad, l = 1, fringe_type = full; c: crab_cavity, l = 1; g: girder = {q, c}; expand_lattice\n"
        "o: group = {q[k1]: v}, var = {v}; a: line = (q, c)"
    )
    told = " ".join(ring.warnings)
    for part in ("title", "parameter[lattice]", "bmad_com", "print", "fringe of 'q'", "'c' is held", "girder", "group"):
        assert part in told, part


@pytest.mark.parametrize("word", ["title", "TITLE", "Title,"])
def test_the_words_behind_a_title_are_passed_over(read: Read, word: str) -> None:
    ring = read(f"{word}\na ring, of one quadrupole\nq: quad, l = 1; a: line = (q)")
    assert [element.name for element in ring] == ["q"]


MISTAKES = [
    ("q: quad, l = 1; q: quad, l = 2", 1, "'q' is defined twice"),
    ("\nq quad l 1", 2, "expected 'name: kind, attribute = value, ...'"),
    ("q: quid, l = 1", 1, "unknown kind of element 'quid'"),
    ("q: s, l = 1", 1, "'s' may mean"),
    ("q: quad l = 1", 1, "expected ',' after 'quad', found 'l = 1'"),
    ("q: quad, l = 1, 0.3", 1, "expected 'attribute = value', found '0.3'"),
    ("q: quad, l", 1, "expected a value after 'l ='"),
    ("q: quad, l =", 1, "the file ends within this statement, after '='"),
    ("q: quad, l = 1, k1 = 2 * kf", 1, "'kf' is not defined before this place"),
    ("q: quad, l = 1, k1 = (2", 1, "cannot read the expression .* at its end"),
    ("q: quad, l = 1, k1 = 2 3", 1, "cannot read the expression '2 3' at '3'"),
    ("q: quad, l = 1, k1 = 1/0", 1, "division by zero"),
    ("q: quad, l = 1, k1 = ran()", 1, r"the function ran\(\) is not read"),
    ("q: quad, l = 1, k1 = mass_of(unobtainium)", 1, "expected the name of a particle"),
    (f"k = {'(' * 100}1{')' * 100}", 1, "too deeply nested"),
    ("k = 1e400", 1, "the number inf is not finite"),
    ("pi = 3", 1, "'pi' is a constant of Bmad"),
    ("q[k1] = 3", 1, "there is no element 'q'"),
    ("q##2[k1] = 3", 1, "means elements of an expanded lattice"),
    ("q: quad, l = 1, superimpose, ref = m", 1, "'q' is superimposed, which is not honoured"),
    ("superimpose, element = q", 1, "SUPERIMPOSE is not honoured: let Bmad write the lattice"),
    ("q: quad, l = 1; o: overlay = {q[k1]: v}, var = {v}", 1, "OVERLAY sets attributes of other elements"),
    ("q: quad, l = 1; o: group = {q[k1]: v}, var = {v}, v = 0.1", 1, "GROUP changes attributes of other elements"),
    ("slice_lattice q1:q2", 1, "SLICE_LATTICE is not honoured"),
    ("a(x): line = (x)", 1, "a line with arguments, or with multipass, is not read"),
    ("a: line[multipass] = (q)", 1, "a line with arguments, or with multipass, is not read"),
    ("a: list = (q)", 1, "a list is not read"),
    ("a: line = (t@b)", 1, "tags, slices and lines with arguments are not read"),
    ("a: line = (b[q1:q2])", 1, "tags, slices and lines with arguments are not read"),
    ("q: quad, l = 1\n a: line = (--q)", 2, "'q' is turned round"),
    ("a: line = (a)", 1, "line 'a' contains itself"),
    ("a: line = (q)", 1, "there is no element 'q'"),
    ("q: quad, l = 1, x_offset = 1e-3; a: line = (q)", 1, "quadrupole 'q': x_offset cannot be held here"),
    ("q: quad, l = 1, is_on = F; a: line = (q)", 1, "'q' is off"),
    ("q: quad, l = 1, wall = {section = {s = 1}}; a: line = (q)", 1, "wall cannot be held"),
    ("w: wiggler, l = 1; a: line = (w)", 1, "'w' is a wiggler, which cannot be held"),
    ("c: lcavity, l = 1, voltage = 1; a: line = (c)", 1, "voltage acts on the beam"),
    ("b: sbend, angle = 0.1; a: line = (b)", 1, "sbend 'b' has no length"),
    ("b: sbend, l = 1, angle = 0.1, g = 0.2; a: line = (b)", 1, "give two of l, angle and g"),
    ("b: rbend, l = 3, g = 1; a: line = (b)", 1, "has no finite value"),
    ("b: sbend, l = 1, e1 = 0.1, kill_fringe = both_ends; a: line = (b)", 1, "kill_fringe cannot be held"),
    ("q: quad, l = 1, k1 = 1, field_master = T; a: line = (q)", 1, "with field_master its strengths are fields"),
    ("b: sbend, l = 1, g = 1, field_master = T; a: line = (b)", 1, "with field_master its strengths are fields"),
    ("q: quad, l = 1; a: line = (q); a[p0c] = 1e9", 1, r"'a' is a line: say it of the file, parameter\[p0c\] = ..."),
    ("m: ab_multipole, b1 = 1, field_master = T; a: line = (m)", 1, "with field_master its strengths are fields"),
    ("m: multipole, k1l = 1, t1 = 0.1, k2l = 1; a: line = (m)", 1, "only one order with an angle t"),
    ("m: ab_multipole, b0 = 1, b1 = 1; a: line = (m)", 1, "a dipole beside other orders"),
    ("parameter[p0c] = -1", 1, "p0c must be positive"),
    ("parameter[e_tot] = 1e5; q: quad, l = 1; a: line = (q)", 1, "e_tot must be more than the mass"),
    ('q: quad, l = "1', 1, "a text in quotes begins here and does not end"),
    ("call, file = nothing.bmad", 1, "there is no file 'nothing.bmad'"),
    ("call, file = a.bmad", 1, "call each other in a circle"),
    ("call", 1, "expected 'name: kind"),
]


@pytest.mark.parametrize(("text", "line", "message"), MISTAKES)
def test_mistakes_are_told_with_their_place(read: Read, text: str, line: int, message: str) -> None:
    with pytest.raises((FileError, LatticeError), match=rf"a\.bmad:{line}: .*{message}"):
        read(text)


def test_a_magnet_of_no_length_is_a_marker_and_told_where_it_has_a_strength(read: Read) -> None:
    """The strength times no length is nothing: a word, and no end of the reading."""
    lattice = read("q: quad, k1 = 1; q0: quad; d: drift, l = 1; a: line = (q, q0, d); use, a")
    assert [type(element).__name__ for element in lattice.elements] == ["Marker", "Marker", "Drift"]
    (warning,) = [warning for warning in lattice.warnings if "no length" in warning]
    assert "its strength does nothing: held as a marker" in warning


def test_expressions_that_grow_without_end_are_refused(read: Read) -> None:
    chain = "\n".join(f"q{n + 1}: quad, l = 1, k1 = q{n}[k1] * q{n}[k1]" for n in range(40))
    with pytest.raises(FileError, match="is too long or too deeply nested"):
        read(f"k = 1; q0: quad, l = 1, k1 = k\n{chain}\n a: line = (q9)")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("pi/4", pi / 4),
        ("twopi/16", pi / 8),
        ("a/2", 0.15),
        ("a-b", 0.1),
        ("b/a", 2 / 3),
        ("-a/2", -0.15),
        ("clight/3e8", SPEED_OF_LIGHT / 3e8),
    ],
)
def test_a_quotient_of_names_is_a_number(read: Read, text: str, value: float) -> None:
    """No word with a slash in it: what stands at many a tilt and length."""
    ring = read(f"a = 0.3\nb = 0.2\nq: quadrupole, l = 1, k1 = 0.1, tilt = {text}\nr: line = (q)\nuse, r")
    found = ring.resolved(ring["q"])
    assert isinstance(found, Quadrupole)
    assert found.tilt == pytest.approx(value, rel=1e-15)


def test_a_quotient_of_what_is_not_known_is_refused(read: Read) -> None:
    with pytest.raises(LatticeError, match="tilt: 'x/4' is no number and no name defined before line 1"):
        read("q: quadrupole, l = 1, k1 = 0.1, tilt = x/4\nr: line = (q)\nuse, r")


def test_the_energy_of_a_beam_statement(read: Read) -> None:
    """``beam[energy]`` is in GeV, as the statement is; files that divide by it mean that."""
    ring = read(
        "beam, energy = 1.843\nk = -1e-9 * clight * 0.9 / beam[energy]\ns: solenoid, l = 3, ks = k\nr: line = (s)"
    )
    assert ring.parameters["k"] == pytest.approx(-1e-9 * SPEED_OF_LIGHT * 0.9 / 1.843, rel=1e-14)


def test_a_file_may_define_clight_itself(read: Read) -> None:
    ring = read("clight = 3.0\nd: drift, l = clight\nr: line = (d)\nuse, r")
    assert ring.length == 3.0


def test_a_mistake_is_told_at_the_element_with_the_statement_that_changed_it(read: Read) -> None:
    text = "q: quad, l = 1, k1 = kf/2\nkf = 3\nq[tilt] = 0.1\na: line = (q)"
    with pytest.raises(LatticeError, match=r"a\.bmad:1: .*no name defined before line 1 \(changed by .*a\.bmad:3: q"):
        read(text)
