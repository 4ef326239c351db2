"""Rows of a scan on disk: what was finished is there however the process, the disk or the file ends."""

from __future__ import annotations

import resource
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lattice import FileError
from studies.runs.rows import CASE, Segment, begin_rows, kept_rows, open_segment, read_rows, remove_rows, rows_about


def block(first: int, number: int = 3) -> tuple[np.ndarray, pd.DataFrame]:
    cases = np.arange(first, first + number)
    return cases, pd.DataFrame({"kf": 0.1 * cases, "status": ["computed"] * number})


def segment_of(folder: Path, *firsts: int) -> Path:
    folder.mkdir(exist_ok=True)
    begin_rows(folder, {"scan": ["kf=0:1:9"]})
    before = set((folder / "rows").iterdir())
    with open_segment(folder) as segment:
        for first in firsts:
            segment.append(*block(first))
    (made,) = set((folder / "rows").iterdir()) - before
    return made


def test_rows_of_several_segments_come_in_order_and_once(tmp_path: Path) -> None:
    """As of two slices, one of which was begun twice."""
    segment_of(tmp_path, 6, 0)
    segment_of(tmp_path, 3, 6)
    found = read_rows(tmp_path)
    assert found[CASE].tolist() == list(range(9))
    assert found["kf"].tolist() == [0.1 * case for case in range(9)]
    assert kept_rows(tmp_path) == 12
    assert rows_about(tmp_path) == {"scan": ["kf=0:1:9"]}
    remove_rows(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_torn_block_is_passed_over_wherever_it_is_torn(tmp_path: Path) -> None:
    """The file cut at each of its bytes: the blocks before the cut are whole, nothing else is taken for rows."""
    whole = segment_of(tmp_path / "a", 0).stat().st_size
    path = segment_of(tmp_path / "b", 0, 3)
    content = path.read_bytes()
    for length in range(0, len(content) + 1, 7):
        path.write_bytes(content[:length])
        assert kept_rows(tmp_path / "b") == (0 if length < whole else 3 if length < len(content) else 6)
    path.write_bytes(content[:-1])
    assert read_rows(tmp_path / "b")[CASE].tolist() == [0, 1, 2]


def test_a_block_of_zeros_or_with_a_changed_byte_is_no_row(tmp_path: Path) -> None:
    """What a power cut leaves where a block was to be: length without content."""
    path = segment_of(tmp_path, 0, 3)
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    assert read_rows(tmp_path)[CASE].tolist() == [0, 1, 2]
    path.write_bytes(bytes(len(content)))
    assert kept_rows(tmp_path) == 0


def fill(segment: Segment) -> None:
    for first in range(3, 30, 3):
        segment.append(*block(first))


def test_a_full_disk_is_told_and_costs_the_block_in_hand(tmp_path: Path) -> None:
    begin_rows(tmp_path, {})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with open_segment(tmp_path) as segment:
        segment.append(*block(0))
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (4000, hard))
            with pytest.raises(FileError, match="the rows cannot be written"):
                fill(segment)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    kept = read_rows(tmp_path)[CASE].tolist()
    assert kept == list(range(len(kept)))
    assert 3 <= len(kept) < 30


def test_rows_that_are_none_are_refused(tmp_path: Path) -> None:
    segment_of(tmp_path, 0)
    (tmp_path / "rows" / "scan.json").write_text("{")
    with pytest.raises(FileError, match="--force begins the scan again"):
        rows_about(tmp_path)
