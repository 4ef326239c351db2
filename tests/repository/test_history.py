"""The history of benchmarks: what became slower by more than a tenth is told, and nothing else."""

from __future__ import annotations

from pathlib import Path

from benchmarks.history import Slower, append, compared


def test_what_became_slower_by_more_than_a_tenth_is_told(tmp_path: Path) -> None:
    file = tmp_path / "cache" / "benchmarks.jsonl"
    assert compared(file, {"twiss": 1.0}) == []  # nothing is known yet
    for ratio in (10.0, 12.0, 11.0):
        append(file, {"twiss": ratio, "spill": 0.5})
    assert compared(file, {"twiss": 9.8, "spill": 0.46, "match": 1.0}) == [Slower("twiss", 11.0, 9.8)]
    assert compared(file, {"twiss": 10.0, "spill": 0.44}) == [Slower("spill", 0.5, 0.44)]


def test_a_line_cut_short_loses_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "benchmarks.jsonl"
    append(file, {"twiss": 10.0})
    with file.open("a") as out:
        out.write('\n[]\n{"when": "2026-')
    append(file, {"twiss": 12.0})
    assert compared(file, {"twiss": 9.0}) == [Slower("twiss", 11.0, 9.0)]
