"""Spill tracking through sectional maps: millions of particle-turns a second."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import ceil, floor, log2
from typing import Any

import numba
import numpy as np

from extraction.drivers.drivers import programme_values
from extraction.drivers.excitation import envelope
from extraction.spill.fate import CIRCULATES, UNBOUNDED
from extraction.spill.lanes.rows import CLOCK, LANES, N_STATE, OWN_DELTA, PHASE, PX, STATUS, X
from extraction.spill.lanes.threads import track
from extraction.spill.sections.cuts import AT_WIRES
from extraction.spill.sections.making import sectional_maps
from extraction.spill.sections.proof import Limits, ellipse_of, limits_of
from extraction.spill.sections.region import Region
from extraction.spill.sections.shears import drifts_of
from extraction.spill.sections.table import SectionalMaps
from extraction.spill.setup import Progress, SpillOutcome, SpillSetup, ctrl_c, empty_record
from lattice import HadronOpticsError
from lattice.arrays import Array
from lattice.reference import SPEED_OF_LIGHT
from optics import twiss

_STRIDE = 20_000_000  # particle-turns between two looks at progress, Ctrl-C and lost particles
_REACH = 1.5  # the fit of the maps holds up to this many times the septum's distance
_FARTHEST = (
    3.0  # times the septum's distance: what begins farther out is lost at once, and the maps are not fitted there
)


def track_sectional(setup: SpillSetup, progress: Progress) -> SpillOutcome:
    """Track a spill; Ctrl-C ends it early with what was found so far."""
    fast = _Fast.of(setup)
    maps, count = fast.maps, len(setup.coordinates)
    order = np.argsort(setup.coordinates[:, 5], kind="stable")  # groups of one momentum keep one clock
    state = _initial_state(setup, order)
    record, status, final = empty_record(count), np.full(count, CIRCULATES), setup.coordinates.copy()
    alive = np.append(order, np.full(state.shape[1] - count, -1))  # the particle of each lane
    turn, interrupted = 0, False
    with ctrl_c() as pressed:
        while not interrupted and turn < setup.turns and len(alive):
            blocks, each = _blocks(setup, turn, len(alive))
            here = empty_record(len(alive))
            _run(setup, fast, state, here, turn, blocks, each)
            turn += blocks * each
            state, alive = _keep(state, here, alive, record, status)
            progress(turn)
            interrupted = pressed()
    real = alive >= 0
    final[:] = np.nan
    final[alive[real]] = _coordinates(setup, state[:, real], turn)
    return SpillOutcome(
        status=status,
        record=record,
        coordinates=final,
        turns=turn if len(alive) else setup.turns,
        places=tuple(int(i) for i in maps.boundaries.elements),
        interrupted=interrupted,
        misfit=maps.misfit,
        missed=maps.missed,
        notes=_notes(setup, maps),
    )


def _notes(setup: SpillSetup, maps: SectionalMaps) -> tuple[str, ...]:
    """That the maps are not good enough, where they are not."""
    if maps.missed < AT_WIRES:
        return ()
    return (
        f"the fast tracker's maps of ring '{setup.ring.name}' bring particles up to {1e6 * maps.missed:.3g} um beside "
        f"where the exact turn does, at the wires after a transit ({1e6 * AT_WIRES:g} um are asked of them): "
        "engine='xsuite' tracks element by element",
    )


@dataclass(frozen=True, eq=False)
class _Fast:
    """What every stretch of a spill needs: the maps, drifts before their sections, the ellipse that amplitudes are
    counted on at the beginning of a turn, and what apertures are watched with, None where they are not."""

    maps: SectionalMaps
    drifts: Array
    ellipse: tuple[float, float, float, float]
    limits: Limits | None

    @staticmethod
    def of(setup: SpillSetup) -> _Fast:
        maps = maps_of(setup)
        own = {one.name: float(setup.ring.parameters[one.name]) for one in maps.settings}
        watched = len(maps.boundaries.elements) > 0
        return _Fast(maps, drifts_of(maps, own), ellipse_of(maps, own), limits_of(maps, own) if watched else None)


def maps_of(setup: SpillSetup) -> SectionalMaps:
    """Maps for all momenta and settings of a spill, of round ranges so that spills alike can share them."""
    schedule, delta = setup.schedule, setup.coordinates[:, 5]
    momenta, settings = schedule.momentum_range(delta, setup.duration), schedule.ranges(setup.duration)
    make = partial(
        sectional_maps,
        setup.ring,
        setup.particle,
        setup.start,
        _region(setup),
        fringe=setup.fringe,
        also=() if schedule.knockout is None else (setup.ring.index(schedule.knockout.at),),
        apertures=setup.apertures,
    )
    try:
        return make(_rounded(*momenta), settings={name: _rounded(*limits) for name, limits in settings.items()})
    except HadronOpticsError:  # the little more that rounding adds may be too much
        return make(momenta, settings=settings)


def _rounded(low: float, high: float) -> tuple[float, float]:
    """A range that holds this one, its ends multiples of a power of two: wider by a quarter at most."""
    if not high > low:
        return low, high
    unit = 2.0 ** (floor(log2(high - low)) - 3)
    return floor(low / unit) * unit, ceil(high / unit) * unit


def _region(setup: SpillSetup) -> Region:
    """Amplitudes of the spill: out to beyond the septum, and the beam's own, rounded up to powers of 2^(1/4)."""
    optics = twiss(setup.ring, setup.particle, fringe=setup.fringe, chromatic=False)
    beta = [float(optics[name][setup.start]) for name in ("betx", "bety")]
    alpha = [float(optics[name][setup.start]) for name in ("alfx", "alfy")]
    dispersion = [float(optics[name][setup.start]) for name in ("dx", "dpx")]
    x, px, y, py, _, delta = setup.coordinates.T
    own_x = _amplitude(x - dispersion[0] * delta, px - dispersion[1] * delta, beta[0], alpha[0])
    septum = abs(setup.septum.position) / np.sqrt(beta[0])
    reach = max(_REACH * septum, min(float(np.max(own_x)), _FARTHEST * septum))
    vertical = min(float(np.max(_amplitude(y, py, beta[1], alpha[1]))), _FARTHEST * septum)
    high = max(2.0 ** (ceil(4 * log2(1.05 * vertical)) / 4) if vertical > 0 else 0.0, 0.05 * reach)
    return Region(float(reach), float(high), float(setup.septum.position))


def _amplitude(u: Array, pu: Array, beta: float, alpha: float) -> Array:
    """sqrt of twice the action [m^1/2]."""
    return np.asarray(np.hypot(u, alpha * u + beta * pu) / np.sqrt(beta))


def _initial_state(setup: SpillSetup, order: Array) -> Array:
    count = len(order)
    lanes = -(-count // LANES) * LANES
    state = np.zeros((N_STATE, lanes))
    ordered = setup.coordinates[order]
    state[X : PX + 3, :count] = ordered[:, :4].T
    state[OWN_DELTA, :count], state[OWN_DELTA, count:] = ordered[:, 5], ordered[-1, 5]
    state[CLOCK, :count] = -ordered[:, 4] / (setup.particle.beta * SPEED_OF_LIGHT)
    state[CLOCK, count:] = state[CLOCK, count - 1]
    buckets = setup.schedule.buckets
    if buckets is not None:
        fraction = np.mod(state[CLOCK] / setup.revolution_time, 1.0)
        state[PHASE] = 2 * np.pi * buckets.harmonic * fraction
    state[STATUS, count:] = UNBOUNDED
    return state


def _blocks(setup: SpillSetup, turn: int, lanes: int) -> tuple[int, int]:
    """How many blocks of how many turns to track now; the last turns may be a shorter block."""
    left, each = setup.turns - turn, setup.turns_each
    if left < each:
        return 1, left
    return max(1, min(left // each, _STRIDE // (lanes * each), 1_000_000 // each)), each


def _run(setup: SpillSetup, fast: _Fast, state: Array, record: Array, turn: int, blocks: int, each: int) -> None:
    maps = fast.maps
    schedule, moment = setup.schedule, setup.turns_each * setup.revolution_time
    first = max(int(np.min(state[CLOCK]) / moment) - 1, 0)
    count = int(np.max(state[CLOCK]) / moment) + 3 + int(1.02 * blocks) - first
    times = setup.moments(first, count)
    values, moments = (schedule.values(times), count) if schedule.settings else ({}, 1)
    exciter = _exciter(setup, maps, state, blocks)
    track(
        state,
        record,
        turn,
        blocks,
        each,
        (
            maps.table(values, moments),
            maps.centre,
            maps.half_width,
            setup.particle.beta * setup.particle.gamma,
            fast.drifts,
            maps.layout.terms,
        ),
        (schedule.shift(times), schedule.scale(times), first, moment),
        setup.geometry,
        _apertures(fast, maps.weights(values, moments), exciter),
        exciter,
        _buckets(setup, maps, times),
        threads=min(setup.threads or numba.get_num_threads(), numba.get_num_threads()),
    )


def _apertures(fast: _Fast, weights: Array, exciter: tuple[Any, ...]) -> tuple[Any, ...]:
    """What the inner loop watches apertures with; without any no places, and limits that nothing exceeds."""
    maps, limits = fast.maps, fast.limits
    boundaries, rows = maps.boundaries, slice(maps.layout.turn, maps.layout.size)
    reach = np.array([maps.region.x, maps.region.y]) ** 2
    if limits is None:
        proof, sections = np.full((1, 1, 2), np.inf), np.zeros((1, 1, 1, 2))
    else:
        kick = float(np.max(np.abs(exciter[1])))
        proof = limits.turn if exciter[0] < 0 else limits.after_kicks(exciter[0], kick)
        sections = limits.sections
    watch = (np.array(fast.ellipse), sections, reach, boundaries.first(maps.layout.n + 1), boundaries.openings)
    tables = np.ascontiguousarray(maps.stack(rows))
    return (np.ascontiguousarray(proof), *watch, tables, weights, np.ascontiguousarray(maps.corrections))


def _exciter(setup: SpillSetup, maps: SectionalMaps, state: Array, blocks: int) -> tuple[Any, ...]:
    knockout, revolution = setup.schedule.knockout, setup.revolution_time
    if knockout is None:
        return -1, np.zeros(2, dtype=complex), 0, revolution, 0.0
    first = int(np.min(state[CLOCK]) / revolution) - 1
    count = int(np.max(state[CLOCK]) / revolution) + 3 + int(1.02 * blocks * setup.turns_each) - first
    signal = envelope(knockout, np.arange(first, first + count) * revolution, 1 / revolution)
    cut = maps.cuts.elements.index(setup.ring.index(knockout.at))
    return cut, signal, first, revolution, knockout.tune / revolution


def _buckets(setup: SpillSetup, maps: SectionalMaps, times: Array) -> tuple[Array, float]:
    """Frequency of the buckets at each moment, and their step of delta; 0 without buckets."""
    buckets = setup.schedule.buckets
    if buckets is None:
        return np.zeros(1), 0.0
    centres = programme_values(buckets.programme, times)
    powers = ((centres - maps.centre) / maps.half_width)[:, None] ** np.arange(maps.base.shape[-1])
    revolution = powers @ maps.base[maps.layout.time]
    particle = setup.particle
    return buckets.harmonic / revolution, particle.charge * buckets.volt / (particle.beta * particle.momentum)


def _keep(state: Array, here: Array, alive: Array, record: Array, status: Array) -> tuple[Array, Array]:
    """Put down what left, and keep the lanes of the rest (order kept, filled up with parked lanes)."""
    left = (state[STATUS] != CIRCULATES) & (alive >= 0)
    record[alive[left]], status[alive[left]] = here[left], state[STATUS, left].astype(int)
    stays = np.flatnonzero(state[STATUS] == CIRCULATES)
    if len(stays) == 0:
        return state[:, :0], alive[:0]
    fill = -len(stays) % LANES
    lanes = np.append(stays, np.full(fill, stays[-1]))
    kept, numbers = np.ascontiguousarray(state[:, lanes]), alive[lanes]
    if fill:
        kept[: PX + 3, -fill:], kept[STATUS, -fill:], numbers[-fill:] = 0.0, UNBOUNDED, -1
    return kept, numbers


def _coordinates(setup: SpillSetup, state: Array, turn: int) -> Array:
    """x, px, y, py, zeta, delta (n, 6) of what circulates, about the reference particle."""
    delta = state[OWN_DELTA] + setup.schedule.shift(state[CLOCK])
    zeta = setup.particle.beta * SPEED_OF_LIGHT * (turn * setup.revolution_time - state[CLOCK])
    return np.column_stack([*state[:4], zeta, delta])
