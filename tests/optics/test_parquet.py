"""Parquet tables of strangers: what they hold when they are unpacked is bounded, and what is ours comes back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from lattice import FileError
from optics.beams.parquet import read_parquet, write_parquet


def test_a_long_text_in_many_rows_is_refused(tmp_path: Path) -> None:
    """A megabyte, 2,000 times: 2 GB unpacked, some kilobytes as a file."""
    column = pa.DictionaryArray.from_arrays(pa.array(np.zeros(2000, dtype=np.int32)), pa.array(["x" * 10**6]))
    plain = pa.schema([pa.field("cause", pa.dictionary(pa.int32(), pa.string()))])
    table = pa.table([column], schema=plain)
    parquet.write_table(table, tmp_path / "a.parquet", compression="zstd", store_schema=False)
    assert (tmp_path / "a.parquet").stat().st_size < 10**5
    with pytest.raises(FileError, match="this is no table"):
        read_parquet(tmp_path / "a.parquet")


def test_one_text_that_is_squeezed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """12 MB of one letter where 10 are the limit: by what the file says of itself, before anything is unpacked."""
    monkeypatch.setattr("optics.beams.parquet._FEW_BYTES", 10**7)
    table = pa.table({"cause": pa.array(["x" * 6_000_000] * 2, pa.large_string())})
    parquet.write_table(table, tmp_path / "a.parquet", compression="zstd", use_dictionary=False)
    with pytest.raises(FileError, match="this is no table"):
        read_parquet(tmp_path / "a.parquet")


def test_texts_come_back(tmp_path: Path) -> None:
    """With a missing one, an empty one, letters of other scripts, and numbers beside them."""
    table = pd.DataFrame({"cause": ["wires", None, "", "Blende β", "wires"], "x": [1.0, 2.0, np.nan, 4.0, 5.0]})
    write_parquet(tmp_path / "a.parquet", table, {"a": 1})
    found, about = read_parquet(tmp_path / "a.parquet", needs=("cause", "x"))
    pd.testing.assert_frame_equal(found, table)
    assert about == {"a": 1}
    write_parquet(tmp_path / "b.parquet", table[:0])
    assert len(read_parquet(tmp_path / "b.parquet")[0]) == 0
