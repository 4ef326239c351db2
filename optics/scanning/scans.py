"""Scans: the optics of very many lattices that differ in a few parameters, as a table."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from lattice import InputError, Lattice, ReferenceParticle
from lattice.arrays import Array
from optics.maps.lattices.checked import checked_fringe, checked_particle
from optics.scanning.job import Job, Wanted

if TYPE_CHECKING:
    import pandas as pd

Progress = Callable[[int], object]

#: What a scan gives unless told.
QUANTITIES = ("qx", "qy", "dqx", "dqy", "max_betx", "max_bety", "max_dx", "min_dx")
_CHUNK = 8192  # lattices a task: enough to make Python's part small, few enough for the memory


def grid(**ranges: tuple[float, float, int]) -> dict[str, Array]:
    """Parameters of a regular grid, both ends held: ``grid(kf=(0.28, 0.30, 101), kd=(0.45, 0.55, 101))``.

    Equation:
        k_j = lower + j (upper - lower) / (number - 1), all combinations.

    Returns:
        Arrays of equal length, the product of the numbers, by name; the last name runs fastest. Units are the
        parameters'.

    Raises:
        InputError: an empty range or no whole number of points.

    Source:
        A definition.

    Example:
        >>> {name: values.tolist() for name, values in grid(kf=(0.0, 1.0, 2), kd=(2.0, 3.0, 2)).items()}
        {'kf': [0.0, 0.0, 1.0, 1.0], 'kd': [2.0, 3.0, 2.0, 3.0]}
    """
    axes = [_axis(name, spec) for name, spec in ranges.items()]
    return dict(zip(ranges, (part.ravel() for part in np.meshgrid(*axes, indexing="ij")), strict=True))


def _axis(name: str, spec: Any) -> Array:
    try:
        low, high, points = spec
        if isinstance(points, bool) or points != int(points) or not np.isfinite([low, high]).all():
            raise ValueError
    except (TypeError, ValueError):
        raise InputError(f"{name}: expected (first, last, number of points), found {spec!r}") from None
    if points < 1 or (points == 1 and low != high):
        raise InputError(f"{name}: {points:g} points cannot hold both ends {low:g} and {high:g}")
    return np.linspace(low, high, int(points))


def scan(
    ring: Lattice,
    particle: ReferenceParticle | None = None,
    *,
    parameters: Mapping[str, Any],
    quantities: Sequence[str] = QUANTITIES,
    fringe: str = "full",
    jobs: int | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Periodic optics of every lattice that ``parameters`` (arrays of equal length) describe, one row each.

    ``quantities``: scalars of Optics, ``max_betx`` and the like (inside elements too), ``betx@place``. Uncoupled rings
    on their reference orbit go through a kernel of their own (peaks in closed form), derived from the same maps: qx,
    qy, dqx, dqy, momentum compaction, max_betx, max_bety, max_dx, min_dx, and betx, alfx, mux, dx, dpx, bety, alfy, muy
    at places. Whatever else is asked, and coupled, kicked or vertically dispersive lattices, go through batched
    ``twiss``, some thirty times slower. ``jobs`` threads (default: all processors); ``progress`` is told how many
    lattices are finished, some thousand at a time.

    Equation:
        That of ``twiss`` for each row.

    Returns:
        A table: the parameters, ``stable``, and ``quantities`` in the units of ``twiss``; nan where unstable.

    Raises:
        InputError: unknown quantities and places, arrays of unequal length, what is no finite number.

    Source:
        As of ``twiss``.

    Example:
        >>> from machines.cnao_like import cnao
        >>> table = scan(cnao(), parameters=grid(kf=(0.28, 0.30, 3)), quantities=("qx", "max_betx"), jobs=1)
        >>> len(table), bool(table["stable"].all()), list(table.columns)
        (3, True, ['kf', 'stable', 'qx', 'max_betx'])
    """
    import pandas as pd

    particle = checked_particle(ring, particle)
    checked_fringe(fringe)
    arrays = checked_parameters(parameters)
    wanted = [Wanted.of(name, ring) for name in quantities]
    parts = in_chunks(arrays, _CHUNK)
    # The first one alone: what is shared is then made once, and what is wrong is said once.
    job = Job.of(ring.with_parameters(parts[0]), particle, fringe, wanted)
    return pd.DataFrame({**arrays, **computed(job.run, parts, jobs, progress)})


def in_chunks(arrays: Mapping[str, Array], size: int) -> list[dict[str, Array]]:
    """Parts of arrays of equal length, ``size`` each but the last."""
    n = len(next(iter(arrays.values())))
    return [{name: values[i : i + size] for name, values in arrays.items()} for i in range(0, n, size)]


def computed(
    run: Callable[[dict[str, Array]], dict[str, Array]],
    parts: Sequence[dict[str, Array]],
    jobs: int | None,
    progress: Progress | None,
) -> dict[str, Array]:
    """Columns of all parts in order, ``run`` in threads but for the first part."""
    found = [run(parts[0])]
    _tell(progress, found[0])
    threads = jobs or os.cpu_count() or 1
    with ThreadPoolExecutor(threads) as pool:
        for part in _ahead(pool, run, parts[1:], 2 * threads):
            found.append(part)
            _tell(progress, part)
    return {name: np.concatenate([part[name] for part in found]) for name in found[0]}


def _tell(progress: Progress | None, part: Mapping[str, Array]) -> None:
    if progress is not None:
        progress(len(next(iter(part.values()))))


def _ahead(pool: ThreadPoolExecutor, run: Callable[[Any], Any], tasks: Sequence[Any], depth: int) -> Iterator[Any]:
    """Results in order, with no more than ``depth`` tasks begun: an interruption does not wait for the rest."""
    waiting = iter(tasks)
    begun = [pool.submit(run, task) for task in islice(waiting, depth)]
    while begun:
        yield begun.pop(0).result()
        begun += [pool.submit(run, task) for task in islice(waiting, 1)]


def checked_parameters(parameters: Mapping[str, Any]) -> dict[str, Array]:
    """Arrays of equal length, of finite numbers; else InputError."""
    if not isinstance(parameters, Mapping) or not parameters:
        raise InputError("a scan needs parameters={'kf': array, ...}")
    arrays = {}
    for name, values in parameters.items():
        try:
            arrays[name] = np.atleast_1d(np.asarray(values, dtype=float))
        except (TypeError, ValueError):
            raise InputError(f"{name}: expected an array of numbers, found {values!r}") from None
        if arrays[name].ndim != 1 or not len(arrays[name]) or not np.all(np.isfinite(arrays[name])):
            raise InputError(f"{name}: expected finite numbers in one row, at least one")
    lengths = {name: len(values) for name, values in arrays.items()}
    if len(set(lengths.values())) != 1:
        raise InputError(f"the arrays of a scan are equally long, found {lengths}")
    return arrays
