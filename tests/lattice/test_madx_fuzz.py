"""Mutated MAD-X files: each ends in a lattice or in one of our errors, which says where, in bounded time."""

from __future__ import annotations

import random
import re
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lattice import FileError, HadronOpticsError, Lattice, LatticeError, read_madx, write_madx
from lattice.madx import variables
from tests import madx_corpus
from tests.madx_ring import COUPLED_RING

#: What is thrown in: every separator, and words that begin something.
_WORDS = r"""
    ; , : := = { } ( ) -> * - / ^ ! /* */ " ' at l from refer sequence endsequence line call beam return; if macro
    quadrupole rbend ring cell qf aperture apertype angle energy charge mass x:=x; 1e400 -1 0 nan 1/0 sqrt(-1) ()
    ((( 100000000* é $ @ %
"""
_PIECES = st.sampled_from(_WORDS.split()) | st.sampled_from("\x00\n\r ")
_MUTATIONS = st.lists(
    st.tuples(st.floats(0, 1), st.sampled_from([0, 0, 1, 3, 20, 10_000]), st.just("") | _PIECES), min_size=1, max_size=6
)


def mutated(text: str, mutations: list[tuple[float, int, str]]) -> str:
    """At each place some characters cut out and a piece put in."""
    for place, cut, piece in mutations:
        at = int(place * len(text))
        text = text[:at] + piece + text[at + cut :]
    return text


def read_or_refused(path: Path, sequence: str = "ring") -> Lattice | None:
    """The lattice, or None after one of our errors, which names the place where the text is at fault."""
    try:
        return read_madx(path, sequence)
    except HadronOpticsError as error:
        message, kind = str(error), type(error)
    if kind in (FileError, LatticeError):
        assert re.search(rf"{path.name}:\d+: ", message), message
    return None


@given(_MUTATIONS)
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_file_ends_in_a_lattice_or_in_our_errors(tmp_path: Path, mutations: list[tuple[float, int, str]]) -> None:
    path = tmp_path / "ring.seq"
    path.write_text(mutated(COUPLED_RING, mutations), encoding="utf-8")
    begin = time.process_time()
    ring = read_or_refused(path)
    assert time.process_time() - begin < 5  # a whole one takes 0.03 s
    if ring is not None:
        comes_back(ring, tmp_path)


def comes_back(lattice: Lattice, folder: Path) -> None:
    """What was read is written and read again, unless it has a name or function that MAD-X lacks."""
    written = folder / "written.seq"
    try:
        write_madx(lattice, written)
    except LatticeError:
        return
    back = read_madx(written)  # names may have changed
    assert [element.strengths() for element in back.elements] == [element.strengths() for element in lattice.elements]


MACHINES = (
    madx_corpus.combined_function(),
    madx_corpus.rectangular("rectangular", arc=True),
    madx_corpus.coupled_ring(),
    madx_corpus.kicked_ring(),
    madx_corpus.transfer_line(),
    madx_corpus.low_beta(),
)
_SYNTAX_TEXT = r"""
    : := = , ; ( ) { } -> at from l 2* -( line sequence endsequence 1e308 * / ^ - + ' " ! // /* */ call if macro beam
    option,rbarc refer=exit kill_ent_fringe=true h1 knl:={ aperture={ sqrt( tan( 0 -1 1e5 nan twopi $ # % \ é
"""
_SYNTAX = _SYNTAX_TEXT.split()


def worn(text: str, dice: random.Random) -> str:
    """The text after some accidents: cut, doubled, moved, statements or names exchanged, numbers changed."""
    for _ in range(dice.choice([1, 1, 2, 3])):
        at = dice.randrange(len(text) + 1)
        end = min(len(text), at + dice.choice([1, 2, 5, 20, 200]))
        words = re.findall(r"[A-Za-z_.0-9]+", text) or ["x"]
        statements = text.split(";")
        one, other = dice.randrange(len(statements)), dice.randrange(len(statements))
        statements[one], statements[other] = statements[other], statements[one]
        text = dice.choice(
            [
                text[:at] + text[end:],
                text[:at] + dice.choice(_SYNTAX) + text[at:],
                text[:at],
                text[:at] + text[at:end] * 2 + text[end:],
                ";".join(statements),
                re.sub(rf"\b{re.escape(dice.choice(words))}\b", dice.choice(words), text, count=dice.choice([0, 1])),
                re.sub(r"\d+\.?\d*", lambda n: dice.choice([n[0], n[0], n[0], "0", f"-{n[0]}", "1e9"]), text),
            ]
        )
    return text


@pytest.mark.parametrize("seed", range(8))
def test_worn_files_of_laboratories_end_in_a_lattice_or_in_our_errors(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(20):
        machine = dice.choice(MACHINES)
        path = dice.choice(madx_corpus.STYLES[:3]).write(machine, tmp_path)
        path.write_text(worn(path.read_text("latin-1"), dice), "latin-1")
        begin = time.process_time()
        lattice = read_or_refused(path, machine.sequence)
        assert time.process_time() - begin < 5  # a whole one takes 0.03 s
        if lattice is not None:
            comes_back(lattice, tmp_path)


@given(st.binary(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_end_in_our_errors(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ring.seq"
    path.write_bytes(content)
    assert read_or_refused(path) is None


@pytest.mark.parametrize(
    "text",
    [
        "a1 := a0+a0;" + "".join(f"a{n} := a{n - 1}+a{n - 1};" for n in range(2, 200)) + "b = a199;",
        "x0: marker, type=a;" + "".join(f"x{n}: quadrupole, l:=x{n - 1}->l+x{n - 1}->l;" for n in range(1, 200)),
        "".join(f"a{n} := a{n + 1};" for n in range(3000)) + "b = a0;",
        "".join(f"l{n}: line = (l{n + 1}, l{n + 1});" for n in range(150)),
        "x = " + "(" * 5000 + "1" + ")" * 5000 + ";",
        "x = " + "-" * 5000 + "1;",
        "x = " + "1^" * 5000 + "1;",
        "a: marker" + ", l=1" * 20_000 + ";",
        "{" * 100_000,
        "/*" * 100_000,
        ";" * 1_000_000,
        # positions from positions, in the wrong order
        "m: marker; long: sequence, l=9;"
        + "".join(f"m{n}: m, at=0, from=m{n + 1};" for n in range(5000))
        + "endsequence;",
        "a" * 1_000_000 + ";",
    ],
)
def test_bombs_do_not_go_off(tmp_path: Path, text: str) -> None:
    path = tmp_path / "ring.seq"
    path.write_text(text + "x: marker; ring: sequence, l=1; x, at=0; endsequence;")
    begin = time.process_time()
    read_or_refused(path)
    assert time.process_time() - begin < 10


def test_variables_that_are_computed_again_and_again_are_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(variables, "_MOST_EVALUATIONS", 10_000)  # the true limit takes seconds
    chain = "a0=1;" + "".join(f"a{n}:=a{n - 1}+1;" for n in range(1, 400))
    (tmp_path / "ring.seq").write_text(chain + "".join(f"\na0={n}; b=a399;" for n in range(2000)))
    with pytest.raises(FileError, match=r"ring\.seq:27: more than 10,000 values had to be computed"):
        read_madx(tmp_path / "ring.seq")
