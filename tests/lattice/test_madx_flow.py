"""IF, WHILE and macros of MAD-X: the values are those that MAD-X itself has after the same statements."""

from __future__ import annotations

from pathlib import Path

import pytest

from lattice import Quadrupole, read_madx
from tests.madx_session import madx

TEXT = """
ab = 1; n = 2.7; xa = 5;
mac(a, bb): macro = { v.a = bb; w_a_x = 2*bb; tab = 7; };
exec, mac(1, 3+4);
exec, mac($n, $xa);
m2: macro = { zz = 9; if (zz > 8) { zq = 1; } else { zq = 2; } };
exec, m2;
i = 0;
while (i < 3) { i = i + 1; exec, mac($i, i); j = 0; while (j < i) { j = j + 1; s.j = i*j; } }
if (i == 3) { r1 = 1; } else { r1 = 2; }
if (i < 3) { r2 = 1; } elseif (i == 3 && ab == 1) { r2 = 5; } else { r2 = 2; }
if (i < 3 || ab == 1) { r3 = 1; }
if (i < 3 && ab == 1) { r3 = 2; }
if (i <> 3) { r4 = 1; } elseif (i >= 4) { r4 = 2; } elseif (i <= 3) { r4 = 3; } else { r4 = 4; }
if (2*(ab + n) > xa + 2) { r5 = 1; if (n < 0) { r5 = 2; } else { r5 = 3; } }
q: quadrupole, l=1, k1:=r5/10;
l: sequence, l=4, refer=entry; q, at=1; endsequence;
beam, particle=proton, energy=1.2;
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("flow") / "flow.seq"
    file.write_text(TEXT)
    return file


def test_variables_are_those_of_madx(path: Path) -> None:
    ours = read_madx(path).parameters
    with madx(TEXT) as session:
        theirs = {name: float(session.globals[name]) for name in ours}
    assert dict(ours) == theirs
    # By hand too: t2b is "tab" with the letter of the argument put in, wherever it stands.
    assert (ours["t2b"], ours["v.2"], ours["r2"], ours["r4"], ours["r5"], ours["zq"]) == (7.0, 2.0, 5.0, 3.0, 3.0, 1.0)
    assert {"r3", "s.j", "v.3"} <= set(ours)


def test_what_was_decided_is_told_and_strengths_stay_expressions(path: Path) -> None:
    ring = read_madx(path)
    assert ring["q"] == Quadrupole("q", length=1.0, k1="r5/10")
    told = [warning for warning in ring.warnings if "decided when the file is read" in warning]
    assert told[0].startswith("flow.seq:6: if (zz > 8)")
    assert sum("true" in one for one in told) > 3
    assert any("repeated when the file is read" in warning for warning in ring.warnings)


def test_the_branch_that_was_taken_is_told(tmp_path: Path) -> None:
    file = tmp_path / "branches.seq"
    file.write_text(
        "a = 2;\nif (a > 2) { b = 1; }\nelseif (a > 1) { b = 2; }\nelse { b = 3; }\n"
        "if (a > 2) { c = 1; }\nelse { c = 2; }\n" + TEXT
    )
    told = [one for one in read_madx(file).warnings if "decided when the file is read" in one][:4]
    places = [(one.split(":")[1], one.rpartition(": ")[2]) for one in told]
    assert places == [("2", "false)"), ("3", "true)"), ("5", "false)"), ("6", "taken)")]


def test_a_branch_that_is_not_taken_may_say_anything(tmp_path: Path) -> None:
    """As in MAD-X: what is not followed is not looked at."""
    file = tmp_path / "no.seq"
    file.write_text("a = 1; if (a > 2) { nonsense here; seqedit, sequence=x; }\n" + TEXT)
    assert read_madx(file).parameters["a"] == 1.0
