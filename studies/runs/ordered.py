"""Rows of a scan in the order of their cases, some at a time: no others are in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from studies.runs.rows import CASE, Array, Block, blocks_of

if TYPE_CHECKING:
    import pyarrow as pa

#: Cases that are in memory together.
SPAN = 65_536
#: The rows of a scan from its first case on, in tables whose index is the number of the case; again at every call.
Parts = Callable[[], Iterable[pd.DataFrame]]


@dataclass(frozen=True)
class _Known:
    """A block, the first and last case in it, and the columns of its rows."""

    block: Block
    first: int
    last: int
    schema: pa.Schema


@dataclass(frozen=True)
class Rows:
    """The finished rows of a run ``folder``, as they are when first looked at."""

    folder: Path

    @cached_property
    def _known(self) -> list[_Known]:
        """The blocks by their first case."""
        import pyarrow as pa

        known = []
        for block in blocks_of(self.folder):
            table = block.read()
            cases = table.pop(CASE)
            schema = pa.Schema.from_pandas(table, preserve_index=False).remove_metadata()
            known.append(_Known(block, int(cases.min()), int(cases.max()), schema))
        return sorted(known, key=lambda one: one.first)

    def missing(self, number: int) -> Array:
        """The cases of so many that have no row, ascending."""
        there = np.zeros(number, dtype=bool)
        for block in blocks_of(self.folder):
            there[block.read()[CASE]] = True
        return np.flatnonzero(~there)

    @property
    def schema(self) -> pa.Schema:
        """The columns of all rows, as the first ones have them; some may be missing in others."""
        import pyarrow as pa

        return pa.unify_schemas([one.schema for one in self._known], promote_options="permissive")

    def parts(self, span: int = SPAN) -> Iterator[pd.DataFrame]:
        """The rows of every ``span`` of case numbers, each row once, its index the number of its case."""
        known, columns = self._known, self.schema.names
        for begin in range(0, 1 + max((one.last for one in known), default=-1), span):
            reaching = [one.block for one in known if one.first < begin + span and one.last >= begin]
            found = [part for block in reaching if len(part := _between(block.read(), begin, begin + span))]
            if found:
                table = pd.concat(found)
                yield table[~table.index.duplicated()].sort_index().reindex(columns=columns)


def _between(table: pd.DataFrame, begin: int, end: int) -> pd.DataFrame:
    """Some cases, by their number."""
    own = (table[CASE] >= begin) & (table[CASE] < end)
    return table[own].set_index(CASE).rename_axis(None)


def rows_at(parts: Parts, cases: Array) -> pd.DataFrame:
    """The rows of some ``cases`` (ascending), by their number."""
    found = [part[part.index.isin(cases)] for part in parts()]
    return pd.concat(found) if found else pd.DataFrame()
