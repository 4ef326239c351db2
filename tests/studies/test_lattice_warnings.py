"""What is told of a reader's warnings: one line of a kind, nothing of another kind hidden in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from studies.registry import study_of
from studies.spec.lattice_warnings import told
from studies.spec.resolution import Resolved


def undefined(line: int) -> str:
    return f"a.seq:{line}: q{line}: hkicker, kick=u{line} ('u{line}' is not defined here and counts as 0)"


def test_seventy_of_one_kind_are_one_line() -> None:
    assert told(undefined(line) for line in range(2, 72)) == [
        f"{undefined(2)}, and 69 more of this kind (lines 3 to 71)"
    ]


def test_a_few_are_each_told() -> None:
    few = [undefined(line) for line in (4, 9, 11)]
    assert told(few) == few


def test_other_reasons_files_and_commands_are_other_kinds() -> None:
    """In the order in which the first of each came."""
    constant = "a.seq:1: k = 2 (a constant keeps its value, as in MAD-X)"
    elsewhere = [undefined(line).replace("a.seq", "b.seq") for line in range(5)]
    passed = [f"a.seq:{line}: twiss, file=x{line}" for line in (7, 8, 9, 10)]
    found = told([constant, *map(undefined, range(20, 30)), *passed, *elsewhere, "no place at all"])
    assert found == [
        constant,
        f"{undefined(20)}, and 9 more of this kind (lines 21 to 29)",
        f"{passed[0]}, and 3 more of this kind (lines 8 to 10)",
        f"{elsewhere[0]}, and 4 more of this kind (lines 1 to 4)",
        "no place at all",
    ]


def _warnings(folder: Path, text: str) -> tuple[str, ...]:
    (folder / "line.seq").write_text(text)
    study = study_of("optics")
    spec = study.spec(study="optics", lattice="line.seq", particle="proton", kinetic_energy_MeV_per_u=100.0)
    resolved: Resolved[Any] = study.resolve(spec, folder / "study.toml")
    return resolved.warnings


def test_names_that_count_as_0_are_a_warning_of_their_own(tmp_path: Path) -> None:
    """Every strength of them is off: that is more than a statement that was passed over."""
    text = "q: quadrupole, l=0.2, k1:=kq1;\np: quadrupole, l=0.2, k1:=kq2;\nc: line=(q, p);\n"
    found = _warnings(tmp_path, text)
    assert any("uses 2 names that its file does not define, kq1, kq2: they count as 0" in one for one in found)
    assert not any("Passed over" in one for one in found)
    assert not any("does not define" in one for one in _warnings(tmp_path, "kq1 = 1; kq2 = -1;\n" + text))


def test_a_line_that_is_studied_as_a_ring_is_told(tmp_path: Path) -> None:
    found = _warnings(tmp_path, "b: sbend, l=1, angle=pi/8;\nc: line=(b);\n")
    assert any(
        "'c' is taken as a cell that repeats, its bends turn 22.5 degrees; a line needs its [start]" in one
        for one in found
    )
    assert not any("taken as" in one for one in _warnings(tmp_path, "b: sbend, l=1, angle=pi/8;\nc: line=(16*b);\n"))
