"""Rows of a scan on disk as they are finished, whatever ends the process.

``rows/scan.json`` says which scan they belong to. Each process appends to a segment of its own, ``rows/*.rows``: blocks
with their length and checksum, on the disk before the next is computed. A block that a kill or a power cut tore is
passed over, with all behind it in its segment.
"""

from __future__ import annotations

import json
import os
import platform
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd

from lattice.errors import FileError
from lattice.files import write_text_atomic
from studies.runs.contents import OLD_ROWS, ROW_FILES, ROWS
from studies.runs.exchange import sync_folder
from studies.runs.locks import LOCK

Array = np.ndarray[Any, Any]

#: Column that says how a case went, and what it says of one that was computed.
STATUS, COMPUTED = "status", "computed"
#: Column of a block that numbers its cases; no parameter can have this name.
CASE = "case number"
_ABOUT = f"{ROWS}/scan.json"
_HEAD = struct.Struct("<4sIIQ")  # mark, length and CRC-32 of what follows, rows in it
_MARK = b"rows"
_PROCESSOR = b"hadron-optics processor"


@dataclass(frozen=True)
class Segment:
    """A segment that is open for one process, which appends to it."""

    stream: BinaryIO

    def append(self, cases: Array, rows: pd.DataFrame) -> None:
        """Have finished rows on the disk; ``cases`` are their numbers in the scan. FileError when that fails."""
        content = _packed(rows.assign(**{CASE: np.asarray(cases, dtype=np.int64)}))
        try:
            self.stream.write(_HEAD.pack(_MARK, len(content), zlib.crc32(content), len(rows)) + content)
            self.stream.flush()
            os.fsync(self.stream.fileno())
        except OSError as error:
            raise FileError(f"{self.stream.name}: the rows cannot be written ({error.strerror})") from None


@contextmanager
def open_segment(folder: Path, label: str = "rows") -> Iterator[Segment]:
    """A new segment in a run folder, for this process alone; an empty one is removed in the end."""
    path = _new_file(folder / ROWS, label)
    with path.open("r+b") as stream:
        try:
            yield Segment(stream)
        finally:
            if os.fstat(stream.fileno()).st_size == 0:
                with suppress(OSError):
                    path.unlink()


def _new_file(folder: Path, label: str) -> Path:
    for number in count(1):
        path = folder / f"{label}-{number:04d}{ROW_FILES}"
        with suppress(FileExistsError):
            path.open("xb").close()
            sync_folder(folder)
            break
    return path


def begin_rows(folder: Path, about: Mapping[str, Any]) -> None:
    """Make a run folder ready for rows of the scan that ``about`` (JSON values) describes."""
    (folder / ROWS).mkdir(exist_ok=True)
    write_text_atomic(folder / _ABOUT, json.dumps(dict(about), indent=1) + "\n")


def rows_about(folder: Path) -> dict[str, Any] | None:
    """What the rows in a run folder belong to; None when there are none, FileError when it cannot be told."""
    if not (folder / _ABOUT).is_file():
        return None
    try:
        found = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise FileError(f"{folder / _ABOUT}: damaged ({error}); --force begins the scan again") from None
    return found if isinstance(found, dict) else {}


def read_rows(folder: Path) -> pd.DataFrame:
    """All finished rows in order of their ``CASE``, each once."""
    found = [block.read() for block in blocks_of(folder)]
    if not found:
        return pd.DataFrame({CASE: np.empty(0, dtype=np.int64)})
    found.sort(key=lambda block: int(block[CASE].min()))  # columns in the same order, whoever was first
    table = pd.concat(found, ignore_index=True)
    found.clear()
    return _in_order(table)


def _in_order(table: pd.DataFrame) -> pd.DataFrame:
    """Each case once, ascending: as it is where it is so already, for a copy of a million rows takes its room."""
    if np.all(np.diff(table[CASE].to_numpy()) > 0):
        return table
    return table.drop_duplicates(CASE).sort_values(CASE, ignore_index=True)


def kept_rows(folder: Path) -> int:
    """How many finished rows of an interrupted scan a run folder holds (also of one kept the old way)."""
    kept = sum(block.rows for block in blocks_of(folder))
    return kept or int((folder / OLD_ROWS).is_file())


def remove_rows(folder: Path) -> None:
    """Forget the rows of an interrupted scan."""
    for path in (*_segments(folder), *_locks(folder), folder / _ABOUT, folder / OLD_ROWS):
        path.unlink(missing_ok=True)
    with suppress(OSError):
        (folder / ROWS).rmdir()


def lock_of(folder: Path, label: str) -> Path:
    """The lock file of the one process that computes the cases called ``label``."""
    return folder / ROWS / f"{label}{LOCK}"


def _locks(folder: Path) -> list[Path]:
    return [] if (folder / ROWS).is_symlink() else sorted((folder / ROWS).glob(f"*{LOCK}"))


def _segments(folder: Path) -> list[Path]:
    return [] if (folder / ROWS).is_symlink() else sorted((folder / ROWS).glob(f"*{ROW_FILES}"))


@dataclass(frozen=True)
class Block:
    """A whole block on the disk: its segment, where its content begins there, its bytes, its rows."""

    path: Path
    begin: int
    length: int
    rows: int

    def content(self) -> bytes:
        """An Arrow stream."""
        with self.path.open("rb") as stream:
            stream.seek(self.begin)
            return stream.read(self.length)

    def read(self) -> pd.DataFrame:
        """Its rows, numbered by ``CASE``. FileError for what are none."""
        return _unpacked(self.content(), self.path)


def blocks_of(folder: Path) -> Iterator[Block]:
    """The whole blocks of all segments."""
    for path in _segments(folder):
        yield from _blocks(path)


def _blocks(path: Path) -> Iterator[Block]:
    with path.open("rb") as stream:
        while len(head := stream.read(_HEAD.size)) == _HEAD.size:
            mark, length, checksum, number = _HEAD.unpack(head)
            begin = stream.tell()
            content = stream.read(length) if mark == _MARK else b""
            if mark != _MARK or len(content) != length or zlib.crc32(content) != checksum:
                return
            yield Block(path, begin, length, number)


def processors(folder: Path) -> tuple[str, ...]:
    """The kinds of processors that computed the rows: those of different kinds may differ in the last bits."""
    import pyarrow as pa

    kinds: set[str] = set()
    for block in blocks_of(folder):
        with suppress(pa.ArrowException, ValueError), pa.ipc.open_stream(block.content()) as reader:
            kinds.add((reader.schema.metadata or {}).get(_PROCESSOR, b"not told").decode("utf-8", "replace"))
    return tuple(sorted(kinds))


def processor() -> str:
    """The kind of processor that this process runs on, as the system calls it."""
    with suppress(OSError):
        told = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
        names = [line.partition(":")[2].strip() for line in told.splitlines() if line.startswith("model name")]
        if names:
            return names[0]
    return platform.processor() or platform.machine()


def _packed(rows: pd.DataFrame) -> bytes:
    """A table as an Arrow stream, with the kind of processor."""
    import pyarrow as pa

    stream = BytesIO()
    table = pa.Table.from_pandas(rows, preserve_index=False)
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), _PROCESSOR: processor().encode()})
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    return stream.getvalue()


def _unpacked(content: bytes, path: Path) -> pd.DataFrame:
    import pyarrow as pa

    try:
        with pa.ipc.open_stream(content) as reader:
            table: pd.DataFrame = reader.read_pandas()
        if not len(table) or table[CASE].dtype != np.int64:
            raise ValueError("a block without numbered rows")
    except (pa.ArrowException, ValueError, KeyError, TypeError) as error:
        raise FileError(f"{path}: these are no rows of a scan ({error}); --force begins the scan again") from None
    return table
