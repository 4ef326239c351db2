"""Mutated MAD-X files: each ends in a lattice or in one of our errors, which says where, in bounded time."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lattice import FileError, HadronOpticsError, Lattice, LatticeError, read_madx, write_madx
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


def read_or_refused(path: Path) -> Lattice | None:
    """The lattice, or None after one of our errors, which names the place where the text is at fault."""
    try:
        return read_madx(path, "ring")
    except HadronOpticsError as error:
        message, kind = str(error), type(error)
    if kind in (FileError, LatticeError):
        assert re.search(r"ring\.seq:\d+: ", message), message
    return None


@given(_MUTATIONS)
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_file_ends_in_a_lattice_or_in_our_errors(tmp_path: Path, mutations: list[tuple[float, int, str]]) -> None:
    path = tmp_path / "ring.seq"
    path.write_text(mutated(COUPLED_RING, mutations), encoding="utf-8")
    begin = time.perf_counter()
    ring = read_or_refused(path)
    assert time.perf_counter() - begin < 5  # a whole one takes 0.03 s
    if ring is not None:
        written = tmp_path / "written.seq"
        try:
            write_madx(ring, written)
        except LatticeError:
            return  # a name or function that MAD-X lacks
        back = read_madx(written)  # names may have changed
        assert [element.strengths() for element in back.elements] == [element.strengths() for element in ring.elements]


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
        "a" * 1_000_000 + ";",
    ],
)
def test_bombs_do_not_go_off(tmp_path: Path, text: str) -> None:
    path = tmp_path / "ring.seq"
    path.write_text(text + "x: marker; ring: sequence, l=1; x, at=0; endsequence;")
    begin = time.perf_counter()
    read_or_refused(path)
    assert time.perf_counter() - begin < 10
