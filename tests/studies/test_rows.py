"""Rows of a scan on disk: what was finished is there however the process, the disk or the file ends."""

from __future__ import annotations

import resource
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lattice import FileError
from optics.beams.parquet import read_parquet, write_parquet_parts
from studies.runs.ordered import Rows, rows_at
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


def test_rows_are_read_in_parts_as_they_are_read_whole(tmp_path: Path) -> None:
    """Spans of cases that cut blocks and hold parts of several, a span without a row, a column that some lack."""
    for firsts in ((6, 0), (3, 6, 30)):
        segment_of(tmp_path, *firsts)
    with open_segment(tmp_path) as segment:
        segment.append(np.array([11, 10]), pd.DataFrame({"kf": [1.1, 1.0], "qx": [3, 2], "status": ["computed"] * 2}))
    whole = read_rows(tmp_path).set_index(CASE).rename_axis(None)
    for span in (1, 4, 7, 100):
        parts = list(Rows(tmp_path).parts(span))
        assert all(len(part) <= span for part in parts)
        found = pd.concat(parts)
        assert list(found.columns) == ["kf", "status", "qx"]
        pd.testing.assert_frame_equal(found[whole.columns], whole, check_dtype=False)
    assert Rows(tmp_path).missing(35).tolist() == [9, *range(12, 30), 33, 34]
    some = rows_at(Rows(tmp_path).parts, np.array([2, 10, 31]))
    assert some["kf"].tolist() == [0.2, 1.0, 0.1 * 31]


def test_a_table_written_in_parts_is_the_table(tmp_path: Path) -> None:
    """Numbers, words and what is missing; a span of any length gives the same values."""
    segment_of(tmp_path, 6, 0)
    with open_segment(tmp_path) as segment:
        segment.append(np.arange(3, 6), pd.DataFrame({"kf": [0.3, np.nan, 0.5], "qx": [1.5, 2.5, np.inf]}))
    rows = Rows(tmp_path)
    write_parquet_parts(tmp_path / "a.parquet", rows.parts(2), rows.schema, {"scan": "kf"})
    found, about = read_parquet(tmp_path / "a.parquet")
    assert about == {"scan": "kf"}
    pd.testing.assert_frame_equal(found, read_rows(tmp_path).drop(columns=CASE)[list(found)], check_dtype=False)
    assert found["status"].isna().tolist() == [False] * 3 + [True] * 3 + [False] * 3
    assert list(read_parquet(tmp_path / "a.parquet", only=["qx"])[0]) == ["qx"]


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
