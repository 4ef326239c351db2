"""All turns of a group of lanes, block by block."""

from __future__ import annotations

from typing import Any

import numpy as np

from extraction.spill.lanes.leaving import at_apertures, at_septum, count_beyond, count_unproven, stand
from extraction.spill.lanes.moments import new_limits, new_moment, new_path, new_phases, new_time_slopes
from extraction.spill.lanes.rows import CLOCK, LANES, N_OWN, N_STATE, SLOPE
from extraction.spill.lanes.turn import (
    EXCITER,
    LENS,
    STAGE,
    bucket_step,
    count_outside,
    drifted,
    excited,
    kicked,
    kicked_fifth,
    through_lens,
)
from optics.compiled import compiled


@compiled
def _leaving(
    s: Any,
    own: Any,
    vector: Any,
    first: Any,
    orbit: Any,
    time: Any,
    septum: Any,
    layout: Any,
    watch: Any,
    memory: Any,
    moment: int,
    signal: Any,
    record: Any,
    turn: int,
    late: int,
    scale: float,
) -> None:
    """Who leaves at the septum as a turn begins, then who leaves an opening in it."""
    here = stand(s, own, first)
    if count_beyond(here, orbit, own[SLOPE * LANES : (SLOPE + 1) * LANES], septum) > 0:
        at_septum(s, own, here, orbit, time, septum, record, turn, late, scale)
    if len(watch[4]) > 0 and count_unproven(here, own, watch[0]) > 0:
        at_apertures(s, own, here, vector, layout, watch, memory, moment, signal, time, record, turn, late, scale)


@compiled
def _turned(z: Any, own: Any, path: Any, kinds: Any, signal: Any) -> None:
    """One turn, from behind its first lens."""
    fifth = path.shape[1] > (STAGE + 5) * LANES
    for stage in range(1, len(kinds)):
        here = path[stage]
        if kinds[stage] == LENS:
            drifted(z, here)
        else:
            kicked(z, here)
            if fifth:
                kicked_fifth(z, here)
            if kinds[stage] == EXCITER:
                excited(z, own, signal[0], signal[1])


@compiled
def _track_group(
    state: Any,
    record: Any,
    turn: int,
    blocks: int,
    turns_each: int,
    maps: Any,
    moments: Any,
    septum: Any,
    apertures: Any,
    exciter: Any,
    buckets: Any,
) -> None:
    """All turns of one group; arguments as in ``track``."""
    tables, extras, kinds, terms = maps[0], maps[4], maps[5], maps[6]
    limits, watch = apertures[0], apertures[1:]
    shift, scale, first_moment, moment = moments
    cut, signal, first_signal, revolution, frequency = exciter
    rf, voltage = buckets
    cuts = len(extras) - 1
    layout = (terms, 8 * (cuts + 1), cut)
    orbit_row = 8 * (cuts + 1) + terms * cuts
    memory = (np.zeros(watch[5].shape[1:]), np.full(len(watch[4]), -1))
    s, own = np.zeros(N_STATE * LANES), np.zeros(N_OWN * LANES)
    for k in range(N_STATE):
        s[k * LANES : (k + 1) * LANES] = state[k]
    z = s[: 4 * LANES]
    vector, path = np.zeros(tables.shape[1] * LANES), np.zeros((len(kinds), (STAGE + terms) * LANES))
    first = path[0]
    orbit = vector[orbit_row * LANES : (orbit_row + 4) * LANES]
    time = vector[(orbit_row + 4) * LANES :]
    before = 1.0
    for block in range(blocks):
        # The group's own clock tells the moment whose middle is nearest to that of the block: particles of other
        # momentum fall behind or run ahead.
        clock = np.mean(s[CLOCK * LANES : (CLOCK + 1) * LANES])
        now = min(max(int(np.floor(clock / moment + 0.5)) - first_moment, 0), len(shift) - 1)
        keep = voltage != 0.0 and block > 0
        for row in (LANES, 3 * LANES):  # momenta in units of what the magnets are set for, the last orbit's too
            z[row : row + LANES] *= scale[now] / before
            orbit[row : row + LANES] *= scale[now] / before
        new_moment(s, own, vector, orbit, time, maps[:4], now, shift[now], scale[now], keep)
        new_path(path, vector, extras, terms)
        new_limits(s, own, limits, first, orbit, watch[0], septum)
        before = scale[now]
        sample = int(np.floor(clock / revolution))
        if cut >= 0:
            new_phases(s, own, time, frequency, revolution, sample)
        if voltage != 0.0:
            new_time_slopes(own, tables[min(now, len(tables) - 1), -1], maps[2], scale[now])
        begin = turn + block * turns_each
        through_lens(z, first, 1.0)
        for t in range(turns_each):
            row = min(max(sample - first_signal + t, 0), len(signal) - 2)
            excitation = (signal[row], signal[row + 1])
            if count_outside(z, own, watch[0][0], watch[0][2]) > 0:
                late = 0 if voltage != 0.0 else t  # turns that the clocks are behind
                _leaving(
                    s,
                    own,
                    vector,
                    first,
                    orbit,
                    time,
                    septum,
                    layout,
                    watch,
                    memory,
                    min(now, len(watch[6]) - 1),
                    excitation,
                    record,
                    begin + t,
                    late,
                    before,
                )
            _turned(z, own, path, kinds, excitation)
            if voltage != 0.0:
                bucket_step(s, own, time, rf[now], voltage)
        through_lens(z, first, -1.0)
        if voltage == 0.0:
            for i in range(LANES):
                s[CLOCK * LANES + i] += turns_each * time[i]
    z += orbit
    z[LANES : 2 * LANES] /= before
    z[3 * LANES :] /= before
    for k in range(N_STATE):
        state[k] = s[k * LANES : (k + 1) * LANES]


@compiled
def track_groups(
    first: int,
    last: int,
    state: Any,
    record: Any,
    turn: int,
    blocks: int,
    turns_each: int,
    maps: Any,
    moments: Any,
    septum: Any,
    apertures: Any,
    exciter: Any,
    buckets: Any,
) -> None:
    """Track groups ``first`` to before ``last``; the rest as in ``tracking.track``."""
    for group in range(first, last):
        lanes = slice(group * LANES, (group + 1) * LANES)
        _track_group(
            state[:, lanes], record[lanes], turn, blocks, turns_each, maps, moments, septum, apertures, exciter, buckets
        )
