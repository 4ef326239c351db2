"""Tables in Parquet files, with a description of what they hold."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lattice import FileError
from lattice.errors import did_you_mean
from lattice.files import write_bytes_atomic

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_KEY = b"hadron_optics"
MAX_ROWS = 100_000_000
_FEW_CELLS, _CELLS_A_BYTE = 50_000_000, 8  # 0.4 GB; beyond it no table of particles is squeezed like that
_FEW_BYTES, _BYTES_A_BYTE = 1_000_000_000, 100  # the same of what the columns hold, texts above all


def write_parquet(path: str | Path, table: pd.DataFrame, about: Mapping[str, Any] | None = None) -> None:
    """Write a table whole or not at all; ``about`` (JSON values) goes into the file's metadata."""
    import pyarrow as pa
    from pyarrow import parquet

    content = pa.Table.from_pandas(table, preserve_index=False)
    described = {**(content.schema.metadata or {}), _KEY: json.dumps(dict(about or {})).encode()}
    stream = BytesIO()
    parquet.write_table(content.replace_schema_metadata(described), stream, compression="zstd")
    write_bytes_atomic(path, stream.getvalue())


def write_parquet_parts(
    path: Path, parts: Iterable[pd.DataFrame], schema: pa.Schema, about: Mapping[str, Any] | None = None
) -> None:
    """Write a table that is never whole in memory, each part a group of rows with the columns of ``schema``."""
    import pyarrow as pa
    from pyarrow import parquet

    described = schema.with_metadata({_KEY: json.dumps(dict(about or {})).encode()})
    with parquet.ParquetWriter(path, described, compression="zstd") as writer:
        for part in parts:
            writer.write_table(pa.Table.from_pandas(part, schema=described, preserve_index=False))


def _texts(path: Path) -> list[str]:
    """Columns of text: one text in many rows is held once until its length is known."""
    from pyarrow import parquet, types

    kinds = (types.is_string, types.is_large_string, types.is_binary, types.is_large_binary)
    with parquet.ParquetFile(path) as file:
        return [field.name for field in file.schema_arrow if any(kind(field.type) for kind in kinds)]


def _plain(path: Path, table: Any) -> Any:
    """The table with its texts in every row, if they are not too long together."""
    from pyarrow import types

    for number, field in enumerate(table.schema):
        if types.is_dictionary(field.type):
            column = table.column(number)
            _refuse_many_bytes(path, sum(_length(chunk) for chunk in column.chunks))
            table = table.set_column(number, field.name, column.cast(field.type.value_type))
    return table


def _length(chunk: Any) -> int:
    """Bytes of a column's texts, each counted as often as it stands there."""
    import pyarrow.compute as pc

    lengths = pc.fill_null(pc.binary_length(chunk.dictionary), 0).to_numpy(zero_copy_only=False)
    places = chunk.indices.drop_null().to_numpy(zero_copy_only=False)
    return int(np.sum(lengths[places], dtype=np.int64)) if len(lengths) else 0


def _uncompressed(metadata: Any) -> int:
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    return sum(group.column(n).total_uncompressed_size for group in groups for n in range(group.num_columns))


def _refuse_many_bytes(path: Path, held: int) -> None:
    size = path.stat().st_size
    if held > max(_FEW_BYTES, _BYTES_A_BYTE * size):
        raise FileError(f"{path}: {held:,} bytes of columns in a file of {size:,} bytes: this is no table")


def read_parquet(
    path: str | Path, needs: Iterable[str] = (), only: Sequence[str] | None = None
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Table and description of a Parquet file; FileError for what is none, or has not the columns in ``needs``.

    ``only``: columns that are read, and no others.
    """
    from pyarrow import ArrowException, parquet

    path = Path(path)
    if not path.is_file():
        raise FileError(f"{path}: there is no such Parquet file")
    try:
        with parquet.ParquetFile(path, read_dictionary=_texts(path)) as file:
            _refuse_many_bytes(path, _uncompressed(file.metadata))
            if file.metadata.num_rows > MAX_ROWS:
                raise FileError(f"{path}: {file.metadata.num_rows:,} rows are more than the {MAX_ROWS:,} allowed")
            cells = file.metadata.num_rows * file.metadata.num_columns
            if cells > max(_FEW_CELLS, _CELLS_A_BYTE * path.stat().st_size):
                raise FileError(
                    f"{path}: {cells:,} values in a file of {path.stat().st_size:,} bytes: this is no table"
                )
            content = _plain(path, file.read(columns=only))
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
