"""What is told of a reader's warnings: one line of a kind, nothing of another kind hidden in it."""

from __future__ import annotations

from studies.spec.lattice_warnings import told


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
