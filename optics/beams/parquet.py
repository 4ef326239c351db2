"""Tables in Parquet files, with a description of what they hold."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd

from lattice import FileError
from lattice.errors import did_you_mean
from lattice.files import write_bytes_atomic

_KEY = b"hadron_optics"
MAX_ROWS = 100_000_000
_FEW_CELLS, _CELLS_A_BYTE = 50_000_000, 8  # 0.4 GB; beyond it no table of particles is squeezed like that


def write_parquet(path: str | Path, table: pd.DataFrame, about: Mapping[str, Any] | None = None) -> None:
    """Write a table whole or not at all; ``about`` (JSON values) goes into the file's metadata."""
    import pyarrow as pa
    from pyarrow import parquet

    content = pa.Table.from_pandas(table, preserve_index=False)
    described = {**(content.schema.metadata or {}), _KEY: json.dumps(dict(about or {})).encode()}
    stream = BytesIO()
    parquet.write_table(content.replace_schema_metadata(described), stream, compression="zstd")
    write_bytes_atomic(path, stream.getvalue())


def read_parquet(path: str | Path, needs: Iterable[str] = ()) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Table and description of a Parquet file; FileError for what is none, or has not the columns in ``needs``."""
    from pyarrow import ArrowException, parquet

    path = Path(path)
    if not path.is_file():
        raise FileError(f"{path}: there is no such Parquet file")
    try:
        with parquet.ParquetFile(path) as file:
            if file.metadata.num_rows > MAX_ROWS:
                raise FileError(f"{path}: {file.metadata.num_rows:,} rows are more than the {MAX_ROWS:,} allowed")
            cells = file.metadata.num_rows * file.metadata.num_columns
            if cells > max(_FEW_CELLS, _CELLS_A_BYTE * path.stat().st_size):
                raise FileError(
                    f"{path}: {cells:,} values in a file of {path.stat().st_size:,} bytes: this is no table"
                )
            content = file.read()
        about = json.loads((content.schema.metadata or {}).get(_KEY, b"{}"))
        table = content.to_pandas(ignore_metadata=True)  # of plain columns, whatever pandas' own description says
    except (
        ArrowException,
        OSError,
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        MemoryError,
        RecursionError,
    ) as error:
        raise FileError(f"{path}: this is no Parquet file that can be read: {error}") from None
    for name in needs:
        if name not in table.columns:
            hint = did_you_mean(name, map(str, table.columns))
            raise FileError(f"{path}: the table has no column '{name}'{hint} It has: {', '.join(map(str, table))}")
    return table, about if isinstance(about, dict) else {}
