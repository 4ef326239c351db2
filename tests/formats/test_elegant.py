"""Files of elegant: its statements and defaults as its manual and source have them, mistakes told with their place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lattice import (
    Aperture,
    Bend,
    Collimator,
    FileError,
    InputError,
    Kicker,
    Lattice,
    LatticeError,
    Marker,
    Multipole,
    Quadrupole,
    RFCavity,
    read_elegant,
)

Read = Callable[..., Lattice]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def written(text: str, **options: str) -> Lattice:
        (tmp_path / "a.lte").write_text(text)
        return read_elegant(tmp_path / "a.lte", **options)

    return written


# -- arithmetic --


@pytest.mark.parametrize(
    ("rpn", "value"),
    [
        ("2 3 pow", 8.0),
        ("90 dsin", 1.0),
        ("1 datan", 45.0),
        ("pi 2 / cos", 0.0),
        ("3 = *", 9.0),
        ("1 2 swap -", 1.0),
        ("4 sqrt rec chs", -0.5),
        ("3 4 hypot", 5.0),
        ("7 9 cle 1.5", 1.5),
        ("2 3 max2 1 min2", 1.0),
        ("1d-1 2 mult", 0.2),
        ("e1 2 *", 0.5),
    ],
)
def test_reverse_polish_arithmetic(read: Read, rpn: str, value: float) -> None:
    ring = read(f'% 0.25 sto e1\nQ: QUAD, L=1, K1="{rpn}"\nA: LINE=(Q)')
    assert ring.value(ring["q"].k1) == pytest.approx(value, abs=1e-15)  # type: ignore[attr-defined]


def test_what_is_stored_is_the_top_of_the_stack(read: Read) -> None:
    ring = read('% 7 0.25 sto e1\nQ: QUAD, L=1, K1="e1 2 *"\nA: LINE=(Q)')
    assert ring.value(ring["q"].k1) == pytest.approx(0.5, abs=1e-15)  # type: ignore[attr-defined]


def test_what_uses_a_variable_that_is_set_again_keeps_its_number(read: Read) -> None:
    ring = read('% 1 sto a\nP: QUAD, L=1, K1="a 2 *"\n% 3 sto a\nQ: QUAD, L=1, K1="a"\n% a sto b\nA: LINE=(P, Q)')
    assert ring["p"] == Quadrupole("p", length=1.0, k1=2.0)
    assert ring["q"] == Quadrupole("q", length=1.0, k1=3.0)
    assert dict(ring.parameters) == {"b": 3.0}
    assert "a.lte:3: % 3 sto a ('a' is set again: what uses it keeps the number of that place)" in ring.warnings


def test_names_that_cannot_be_kept_are_changed_and_told(read: Read) -> None:
    ring = read('% 2 sto clight\n% 3 sto K\n% 4 sto k\n"a:1": QUAD, L=1, K1="clight K + k *"\nA: LINE=("a:1")')
    assert [element.name for element in ring] == ["a_1"]
    assert ring.value(ring["a_1"].k1) == 20.0  # type: ignore[attr-defined]
    assert dict(ring.parameters) == {"clight_": 2.0, "k": 3.0, "k_2": 4.0}
    assert [text for text in ring.warnings if "is called" in text] == [
        "a.lte: 'clight' is called clight_ here",
        "a.lte: 'k' is called k_2 here",
        "a.lte: 'a:1' is called a_1 here",
    ]


# -- lines --


def test_a_reflected_bend_has_its_faces_exchanged(read: Read) -> None:
    ring = read(
        "B: SBEN, L=1, ANGLE=0.1, E1=0.02, H2=0.3\nQ: QUAD, L=1\nX: LINE=(Q, B)\nA: LINE=(X, Q, -X, -2*X)\nUSE, A"
    )
    assert [element.name for element in ring] == ["q", "b", "q", "b_rev", "q", "b_rev", "q", "b_rev", "q"]
    turned = ring["b_rev"]
    assert isinstance(turned, Bend)
    assert (turned.e1, turned.e2, turned.h1, turned.h2) == (0.0, 0.02, 0.3, 0.0)
    assert [
        e.name for e in read("B: SBEN, L=1, ANGLE=0.1, E1=0.02\nX: LINE=(B)\nY: LINE=(X, -X)\nA: LINE=(-Y)\nUSE, A")
    ] == [
        "b",
        "b_rev",
    ]


def test_bends_of_one_name_in_a_row_are_one_magnet(read: Read) -> None:
    """Source of elegant, ``determine_bend_flags``: no face between them, markers and watch points do not count."""
    bend = "B: CSBEND, L=1, ANGLE=0.1, E1=0.05, E2=0.02, HGAP=0.01"
    ring = read(f"{bend}\nW: WATCH\nQ: QUAD, L=1\nX: LINE=(B, W, B, 2*B, Q, B, -B)\nA: LINE=(X)\nUSE, A")
    bends = [element for element in ring if isinstance(element, Bend)]
    cuts = [(element.kill_ent_fringe, element.kill_exi_fringe) for element in bends]
    assert cuts == [(False, True), (True, True), (True, True), (True, False), (False, True), (True, False)]
    assert [element.e1 for element in bends] == [0.05] * 5 + [0.02]  # the last one is turned round
    assert "pieces in a row are one magnet" in " ".join(ring.warnings)


def test_faces_that_do_nothing_make_no_pieces(read: Read) -> None:
    ring = read("B: SBEN, L=1, ANGLE=0.1\nC: SBEN, L=1, ANGLE=0.1, E1=0.1\nD: C\nA: LINE=(B, B, C, D)\nUSE, A")
    assert [element.name for element in ring] == ["b", "b", "c", "d"]


def test_elegant_reads_up_to_use(read: Read) -> None:
    """Source of elegant, ``get_beamline``: USE ends the file, so that the first one holds."""
    ring = read("Q: QUAD, L=1\nP: QUAD, L=2\nX: LINE=(Q)\nY: LINE=(P)\nUSE, X\nUSE, Y")
    assert ring.length == 1.0
    assert "elegant reads no further" in " ".join(ring.warnings)


def test_which_line_is_read(read: Read) -> None:
    text = "Q: QUAD, L=1\nP: QUAD, L=2\nX: LINE=(Q)\nY: LINE=(X, P)\nZ: LINE=(P)"
    assert read(text, line="y").length == 3.0
    assert read(f"{text}\nUSE, Z").length == 2.0
    assert read("Q: QUAD, L=1\nX: LINE=(Q)\nY: LINE=(2*X)").length == 2.0  # the one that stands in no other
    with pytest.raises(InputError, match="holds several lines, name one of them: X, Y, Z"):
        read(text)
    with pytest.raises(InputError, match="has no line 'W'"):
        read(text, line="W")


# -- elements --


def one(read: Read, definition: str) -> object:
    return read(f"X: {definition}\nA: LINE=(X)")["x"]


def test_defaults_and_conventions(read: Read) -> None:
    bend = one(read, "CSBEND, L=1, ANGLE=0.1, HGAP=0.02, FINT2=0.3, EDGE1_EFFECTS=0")
    assert bend == Bend("x", length=1.0, angle=0.1, hgap=0.02, fint=0.5, fintx=0.3, kill_ent_fringe=True)
    assert one(read, "SBEN, L=1, ANGLE=0.1") == Bend("x", length=1.0, angle=0.1)
    assert one(read, "RFCA, VOLT=2e5, PHASE=90") == RFCavity("x", volt=2e5, freq=5e8, lag=0.25)
    assert one(read, "HKICK, KICK=1e-3, CALIBRATION=2") == Kicker("x", hkick=2e-3, plane="x")
    assert one(read, "MULT, L=0.5, ORDER=1, KNL=0.2, FACTOR=0.5") == Quadrupole("x", length=0.5, k1=0.2)
    assert one(read, "MULT, ORDER=3, KNL=2") == Multipole("x", knl=(0.0, 0.0, 0.0, 2.0))
    opening = Aperture("ellipse", 0.02, 0.01, 1e-3)
    assert one(read, "ECOL, L=0.1, X_MAX=0.02, Y_MAX=0.01, DX=1e-3") == Collimator("x", length=0.1, aperture=opening)
    assert one(read, 'WATCH, FILENAME="%s.w1", MODE=coord, EXCLUDE_SLOPES=1') == Marker("x")
    assert one(read, "MALIGN, DX=0") == Marker("x")
    assert one(read, 'WAKE, INPUTFILE="wake.sdds", TCOLUMN="t"') == Marker("x")


@pytest.mark.parametrize("word", ["QUAD", "quad", "QUADRUPOLE", "QUA"])
def test_kinds_may_be_longer_or_shorter(read: Read, word: str) -> None:
    assert one(read, f"{word}, L=1, K1=0.1") == Quadrupole("x", length=1.0, k1=0.1)


def test_an_element_may_be_the_kind_of_another(read: Read) -> None:
    ring = read("Q: QUAD, L=1, K1=0.1\nP: Q, K1=0.2\nA: LINE=(P, Q)")
    assert ring["p"] == Quadrupole("p", length=1.0, k1=0.2)


def test_files_are_included_from_the_folder_only(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "more.lte").write_text("Q: QUAD, L=1\n")
    (tmp_path / "inner/a.lte").write_text("#INCLUDE: ../more.lte\nA: LINE=(Q)\n")
    with pytest.raises(FileError, match=r"a\.lte:1: call: '\.\./more\.lte' is outside the folder"):
        read_elegant(tmp_path / "inner/a.lte")
    assert read_elegant(tmp_path / "inner/a.lte", root=tmp_path).length == 1.0


def test_what_is_left_out_is_told(read: Read) -> None:
    ring = read(
        "TITLE\nmy ring\nC: CHARGE, TOTAL=1e-9\nQ: KQUAD, L=1, EDGE1_EFFECTS=1\nW: WAKE\nA: LINE=(C, Q, W)\nRETURN\nQ:"
    )
    told = " ".join(ring.warnings)
    for part in (
        "a.lte:2: my ring (title)",
        "edge1_effects of 'Q' is not kept",
        "'W' is held",
        "'C' is held",
        "RETURN",
    ):
        assert part in told, part
    assert ring["c"] == Marker("c")


MISTAKES = [
    ("Q: QUAD, L=1, K1=0.1\nQ: QUAD, L=2", 2, "'Q' is defined twice"),
    ("Q QUAD L=1", 1, "expected 'name: kind, attribute=value, ...'"),
    ("Q: QUID, L=1", 1, "unknown kind of element 'QUID'; did you mean 'quad'"),
    ("Q: K, L=1", 1, "'K' may mean"),
    ("Q: QUAD L=1", 1, "expected ',' after 'QUAD', found 'L=1'"),
    ("Q: QUAD, L=1, 0.3", 1, "expected 'attribute=value', found '0.3'"),
    ('Q: QUAD, L=1, K1="kf 2 *"\nA: LINE=(Q)', 1, "'kf' is no number, no variable set before"),
    ('Q: QUAD, L=1, K1="2 *"\nA: LINE=(Q)', 1, r"'\*' needs 2 numbers on the stack, found 1"),
    ('Q: QUAD, L=1, K1="1 0 /"\nA: LINE=(Q)', 1, "division by zero"),
    ('Q: QUAD, L=1, K1="0 ln"\nA: LINE=(Q)', 1, "has no finite value"),
    ('Q: QUAD, L=1, K1=""\nA: LINE=(Q)', 1, "k1: expected a value"),
    ("Q: QUAD, L=1e400", 1, "l: the number inf is not finite"),
    ("% sto a", 1, "expected a number before 'sto'"),
    ("% 3 sto", 1, "and the name of a variable after it"),
    ('% 3 system "touch x"', 1, "'system' is no number"),
    ('Q: QUAD, L="1', 1, "a text in quotes begins here and does not end"),
    ("Q: QUAD, &", 1, "the file ends within this statement"),
    ("Q: QUAD, L=1\nA: LINE=(Q, P)", 2, "there is no element 'P'"),
    ("A: LINE=(A)", 1, "line 'A' contains itself"),
    ("Q: QUAD, L=1\nA: LINE=(Q, -2*(Q, Q))", 2, "elegant leaves the minus before brackets out; make a line of them"),
    ("A: LINE=(Q,,Q)", 1, "expected a name or a list in brackets"),
    ("A: LINE=(999999999*Q)", 1, "more than 1,000,000 elements"),
    ("A: LINE Q", 1, r"expected 'name: LINE=\(member"),
    ("A: LINE=()", 1, "expected a name or a list"),
    ("Q: QUAD, L=1, DX=1e-3\nA: LINE=(Q)", 1, "QUAD 'Q': dx cannot be held here; set it to 0"),
    ("Q: QUAD, L=1, FSE=0.1\nA: LINE=(Q)", 1, "QUAD 'Q': fse cannot be held"),
    ("M: MALIGN, DX=1e-3\nA: LINE=(M)", 1, "MALIGN 'M': dx cannot be held"),
    ('Q: KQUAD, L=1, SYSTEMATIC_MULTIPOLES="q.sdds"\nA: LINE=(Q)', 1, "systematic_multipoles cannot be held"),
    ("Q: QUAD, L=1, COLOUR=3\nA: LINE=(Q)", 1, "QUAD 'Q': colour cannot be held"),
    ("W: WIGGLER, L=1\nA: LINE=(W)", 1, "'W' is a WIGGLER, which cannot be held: replace it"),
    ("R: RFCA, L=1, CHANGE_P0=1\nA: LINE=(R)", 1, "change_p0 accelerates the reference particle"),
    ("R: RFCW, L=1, VOLT=1\nA: LINE=(R)", 1, "volt acts on the beam, and this kind cannot be held"),
    ("S: SOLE, L=1, B=1\nA: LINE=(S)", 1, "b is a field, and the file says of no momentum"),
    ("M: MULT, ORDER=1.7, KNL=1\nA: LINE=(M)", 1, "ORDER must be 1 to 20, found 1.7"),
    ('M: KICKMAP, L=1, FILENAME="x"\nA: LINE=(M)', 1, "'M' is a KICKMAP, which cannot be held"),
    ("T: TWMTA, L=1, BSOL=1\nA: LINE=(T)", 1, "bsol acts on the beam"),
    ("B: CSBEND, L=1, ANGLE=0.1, K2=3, NONLINEAR=0\nA: LINE=(B)", 1, "k2 is left out by elegant where NONLINEAR is 0"),
    ("C: CEPL, L=1, STATIC_VOLTAGE=1\nA: LINE=(C)", 1, "static_voltage acts on the beam"),
    ("B: SBEN, ANGLE=0.1\nA: LINE=(B)", 1, "SBEN 'B' has no length"),
    ("Q: QUAD, L=-1\nA: LINE=(Q)", 1, "length must not be negative"),
    ("#INCLUDE: nothing.lte", 1, "there is no file 'nothing.lte'"),
    ("#INCLUDE: a.lte", 1, "include each other in a circle"),
]


@pytest.mark.parametrize(("text", "line", "message"), MISTAKES)
def test_mistakes_are_told_with_their_place(read: Read, text: str, line: int, message: str) -> None:
    with pytest.raises((FileError, LatticeError), match=rf"a\.lte:{line}: .*{message}"):
        read(text)


def test_a_magnet_of_no_length_is_a_marker_and_told_where_it_has_a_strength(read: Read) -> None:
    """The strength times no length is nothing: a word, and no end of the reading."""
    lattice = read("Q: QUAD, K1=1\nQ0: QUAD\nD: DRIF, L=1\nA: LINE=(Q, Q0, D)")
    assert [type(element).__name__ for element in lattice.elements] == ["Marker", "Marker", "Drift"]
    (warning,) = [warning for warning in lattice.warnings if "no length" in warning]
    assert "its strength does nothing: held as a marker" in warning


def test_expressions_that_grow_without_end_are_refused(read: Read) -> None:
    doubled = "a " + "= * " * 40
    with pytest.raises(LatticeError, match="is too long or too deeply nested"):
        read(f'% 1.0 sto a\nQ: QUAD, L=1, K1="{doubled}"\nA: LINE=(Q)')


def test_lines_that_grow_without_end_are_refused(read: Read) -> None:
    lines = "\n".join(f"L{n + 1}: LINE=(L{n}, L{n})" for n in range(40))
    with pytest.raises(FileError, match="more than 1,000,000 elements"):
        read(f"Q: QUAD, L=1\nL0: LINE=(Q)\n{lines}", line="L40")
