"""The front: cases that no other beats in all objectives at once, and how much of the objectives' space they cover."""

from __future__ import annotations

import numpy as np

from lattice.arrays import Array
from studies.search.scoring import Scores


def front(scores: Scores, among: Array | None = None) -> Array:
    """Numbers of the feasible cases (``among`` some) that no feasible one of them dominates, by their first objective.

    Each point once. a dominates b where it is nowhere larger and somewhere smaller.
    """
    from moocore import is_nondominated

    rows = np.flatnonzero(scores.feasible)
    rows = rows if among is None else np.intersect1d(rows, among)
    if len(rows) == 0:
        return rows
    values = scores.objectives[rows]
    kept = rows[is_nondominated(values)] if values.shape[1] > 1 else rows[[int(np.argmin(values))]]
    return np.asarray(kept[np.argsort(scores.objectives[kept, 0], kind="stable")])


def hypervolume(objectives: Array, worst: Array) -> float:
    """Volume between points (n, m), all to be small, and the corner ``worst`` (m,): what a better front has more of.

    E. Zitzler, L. Thiele, IEEE Trans. Evol. Comput. 3, 257 (1999). Points that are worse than the corner in some
    objective add nothing. In one objective the way from the corner to the least.
    """
    inside = objectives[np.all(objectives < worst, axis=1)] if len(objectives) else objectives
    if len(inside) == 0:
        return 0.0
    from moocore import hypervolume as volume

    return float(volume(inside, ref=worst)) if inside.shape[1] > 1 else float(worst[0] - inside.min())


def coverage(scores: Scores, counts: Array) -> tuple[Array, Array]:
    """Hypervolume of the front after the first ``counts`` cases, over that of a box round all feasible ones.

    Returns it (len(counts),) and the corner that it is counted from: the worst feasible value of each objective.
    """
    feasible = np.flatnonzero(scores.feasible)
    if len(feasible) == 0:
        return np.zeros(len(counts)), np.full(scores.objectives.shape[1], np.nan)
    found = scores.objectives[feasible]
    best, span = found.min(axis=0), np.ptp(found, axis=0)
    worst = best + 1.1 * np.where(span > 0.0, span, 1.0)  # the ends of the front add something too
    box = float(np.prod(worst - best))
    parts = [hypervolume(scores.objectives[feasible[feasible < count]], worst) / box for count in counts]
    return np.asarray(parts), worst
