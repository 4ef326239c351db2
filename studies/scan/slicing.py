"""A part of a scan by itself: processes and machines each compute a slice, and ``--collect`` makes one table of them.

Each slice writes segments of its own into the run folder that all share, or into a copy of it: segments that are put
together in one folder are one scan. The folder's lock lets slices in together and nobody else. Where a shared file
system has no locks, no two processes write one file all the same, for each creates its segment anew; the same slice
begun twice costs its time twice, and its rows count once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lattice import InputError
from lattice.arrays import Array
from lattice.errors import FileError
from lattice.files import write_text_atomic
from studies.runs.building import check_folder
from studies.runs.contents import LOG, LOG_TITLE, ROWS, is_complete, is_run
from studies.runs.locks import one_of_many
from studies.runs.rows import Segment, begin_rows, lock_of, open_segment, rows_about


@dataclass(frozen=True)
class Slice:
    """Part ``number`` of ``of`` of a scan, counted from 1. InputError when there is no such part."""

    number: int
    of: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.of:
            raise InputError(f"there is no slice {self.number}/{self.of}: they are 1/{self.of} to {self.of}/{self.of}")

    @property
    def name(self) -> str:
        """As its segments are called."""
        return f"slice-{self.number}-of-{self.of}"

    def cases(self, total: int) -> Array:
        """Its cases of a scan of so many: neighbours; slices differ by one case at most."""
        return np.arange(total * (self.number - 1) // self.of, total * self.number // self.of)


@contextmanager
def open_slice(
    folder: Path, part: Slice, about: Mapping[str, Any], check: Callable[[Mapping[str, Any]], object]
) -> Iterator[tuple[Path, Segment]]:
    """The place of a folder that slices share, and a segment for this one; ``check`` refuses rows of another scan.

    InputError when the folder holds a finished run or what is none; FileError when it cannot be written, or when the
    same slice is being computed.
    """
    _refuse(folder)
    with _file_errors(folder), ExitStack() as stack:
        place = _made(folder)
        stack.enter_context(one_of_many(place, lock_of(place, part.name), folder))
        found = rows_about(place)
        if found is None:
            begin_rows(place, about)
        else:
            check(found)
        yield place, stack.enter_context(open_segment(place, part.name))


@contextmanager
def _file_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = f"the run folder cannot be written ({error.strerror}); give another with --out"
        raise FileError(f"{folder}: {reason}") from None


def _refuse(folder: Path) -> None:
    if is_complete(folder):
        raise InputError(f"{folder} holds a finished run: give another folder with --out")
    check_folder(folder, may_replace=True)


def _made(folder: Path) -> Path:
    """The place of the folder, which says that a run was begun there."""
    place = folder.resolve()
    place.mkdir(parents=True, exist_ok=True)
    if not is_run(place):
        write_text_atomic(place / LOG, f"{LOG_TITLE}\nbegun in slices, not collected\n")
    (place / ROWS).mkdir(exist_ok=True)
    return place


def missing_slices(place: Path, missing: Array, total: int) -> list[str]:
    """The slices to which missing cases belong, as --slice names them; none when there were no slices."""
    found = [re.fullmatch(r"slice-\d+-of-(\d+)-\d+", path.stem) for path in (place / ROWS).iterdir()]
    parts = max((int(one[1]) for one in found if one), default=0)
    return [f"{k}/{parts}" for k in range(1, parts + 1) if np.isin(Slice(k, parts).cases(total), missing).any()]
