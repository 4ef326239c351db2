"""Small files that ask for much: refused with their place, before memory or an hour are gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from lattice import FileError, read_bmad, read_elegant, read_madx, read_pals

READERS = {".bmad": read_bmad, ".lte": read_elegant, ".pals.yaml": read_pals, ".seq": read_madx}
CALLS = {
    ".bmad": ("print a much longer text", "call, file = b.bmad\n"),
    ".lte": ("! a much longer text\n", "#INCLUDE: b.lte\n"),
    ".pals.yaml": ("PALS: {facility: []} # a text", "    - include: b.pals.yaml\n"),
    ".seq": ("! a much longer text\n", "call, file='b.seq';\n"),
}


@pytest.mark.parametrize("suffix", CALLS)
def test_called_files_are_bounded_together(suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """40 kB that are called a thousand times would be an hour of reading."""
    text, call = CALLS[suffix]
    head = "PALS:\n  facility:\n" if suffix == ".pals.yaml" else ""
    (tmp_path / f"b{suffix}").write_text(text)
    (tmp_path / f"a{suffix}").write_text(head + 50 * call)
    monkeypatch.setattr("lattice.madx.calls.MOST_BYTES", 30 * len(text))
    line = 31 + head.count("\n")
    with pytest.raises(FileError, match=rf"a{suffix}:{line}: call: the files called up to here come to more than"):
        READERS[suffix](tmp_path / f"a{suffix}")


ATTRIBUTES = 100
CHILDREN = {
    ".bmad": ("q0: drift, l = 1, {}\n", "r_custom({})=1", "q{}: q0\n"),
    ".lte": ("Q0: DRIFT, L=1, {}\n", "A{}=0", "Q{}: Q0\n"),
    ".pals.yaml": (
        "    - q0: {{kind: Drift, length: 1, MetaP: {{}}, AP: {{{}}}}}\n",
        "a{}: 0",
        "    - q{}: {{inherit: q0}}\n",
    ),
}


@pytest.mark.parametrize("suffix", CHILDREN)
def test_what_elements_inherit_is_bounded(suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand attributes and ten thousand heirs, 200 kB, would be ten million values."""
    first, attribute, heir = CHILDREN[suffix]
    parent = first.format(", ".join(attribute.format(n) for n in range(ATTRIBUTES)))
    heirs = "".join(heir.format(n) for n in range(1, 21))
    names = ", ".join(f"q{n}" for n in range(1, 21))
    head, tail = "", f"\na: line = ({names})"
    if suffix == ".pals.yaml":
        head, tail = "PALS:\n  facility:\n", f"    - a: {{kind: BeamLine, line: [{names}]}}\n"
    (tmp_path / f"a{suffix}").write_text(head + parent + heirs + tail)
    monkeypatch.setattr("lattice.formats.given.MOST_INHERITED", 10 * ATTRIBUTES)
    with pytest.raises(FileError, match="elements inherit more than 1,000 attributes up to here"):
        READERS[suffix](tmp_path / f"a{suffix}")
