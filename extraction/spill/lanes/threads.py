"""Groups of lanes on several processors; each group is tracked alike, whoever tracks it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np

from extraction.spill.lanes.group import track_groups
from extraction.spill.lanes.rows import LANES
from extraction.spill.lanes.turn import EXCITER, KICK, LENS
from lattice.arrays import Array

_PARTS = 4  # of the groups, to a thread: so that none waits long for the last


def track(
    state: Array,
    record: Array,
    turn: int,
    blocks: int,
    turns_each: int,
    maps: tuple[Any, ...],
    moments: tuple[Any, ...],
    septum: tuple[float, ...],
    apertures: tuple[Any, ...],
    exciter: tuple[Any, ...],
    buckets: tuple[Any, ...],
    threads: int = 1,
) -> None:
    """Track for ``blocks`` of ``turns_each`` turns, between which the settings change; ``turn`` is the first.

    ``state`` (N_STATE, n), n a multiple of LANES, is changed in place, as is ``record`` (n, N_RECORD). ``maps``:
    (tables (moments or 1, turn, degree + 1), centre, half_width) of SectionalMaps, the reference particle's beta
    gamma, drifts before sections (sections, 2) as in ``shears``, terms of a kick. ``moments``: (shift (moments,),
    scale (moments,), number of the first, their distance [s]) of Schedule. ``septum`` as in ``fate``. ``apertures``:
    (limits of the proof (levels, cells, 2), ellipse (4,), limits of the sections (levels, cells, sections, 2), squares
    of the region's amplitudes, first place of each section, openings (p, 6), stack of tables (tables, rows, powers),
    weights (moments or 1, tables), corrections (p, terms, powers)). ``exciter``: (cut or -1, envelope once a
    revolution, number of its first, time of a revolution [s], frequency [Hz]). ``buckets``: (frequency at each moment
    [Hz], step of delta or 0).
    """
    groups = state.shape[1] // LANES
    staged = (*maps[:5], _kinds(maps[4], exciter[0]), *maps[5:])
    given = (state, record, turn, blocks, turns_each, staged, moments, septum, apertures, exciter, buckets)
    if threads == 1 or groups == 1:
        track_groups(0, groups, *given)
        return
    parts = min(_PARTS * threads, groups)
    ends = [groups * part // parts for part in range(parts + 1)]
    with ThreadPoolExecutor(threads) as pool:
        for part in [pool.submit(track_groups, first, last, *given) for first, last in pairwise(ends)]:
            part.result()


def _kinds(extras: Array, cut: int) -> Array:
    """What stands behind the drift of each stage, a lens before all the first; the exciter stands at ``cut``."""
    kinds = [LENS]
    for section, drifts in enumerate(extras):
        kinds += [LENS] * int(np.any(drifts))
        kinds.append(LENS if section == len(extras) - 1 else EXCITER if section == cut else KICK)
    return np.array(kinds, dtype=np.int64)
