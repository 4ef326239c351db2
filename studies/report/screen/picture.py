"""The picture of the machine with its tightest places numbered, as SVG of the page's own: no script, no font."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import cos, pi, sin

import numpy as np
from markupsafe import Markup

from lattice import Lattice
from lattice.arrays import Array
from studies.charts.magnet_shapes import KEY_ORDER, MagnetStyle
from studies.report.screen.outline import ARROW, Outline, outline
from studies.report.verdicts import VerdictRow
from studies.vocabulary.places import in_full

WIDTH = 560.0  # of the drawing, in its own units
_TALLEST = 470.0
_MARGIN = 46.0  # round the machine: room for the numbers
_RADIUS = 11.0  # of a number's disc
_MOST = 5  # places
_TOGETHER = 14.0  # nearer than this, places share a number
_SIDES = 24  # directions that are tried for a number
_REACHES = (28.0, 42.0, 60.0)


@dataclass(frozen=True)
class TightPlace:
    """One number of the picture: the requirements that are tightest there, each with its element, the worst first."""

    number: int
    rows: tuple[tuple[str, VerdictRow], ...]

    @property
    def kind(self) -> str:
        """The verdict that its mark shows: that of the worst."""
        return self.rows[0][1].kind


@dataclass(frozen=True)
class Picture:
    """``svg`` of the machine, what its numbers stand for, the sorts of magnets in it and how it is seen."""

    svg: Markup
    places: tuple[TightPlace, ...]
    sorts: tuple[MagnetStyle, ...]
    view: str


def picture(
    lattice: Lattice, rows: Sequence[VerdictRow], at: dict[str, str], words: Mapping[str, str]
) -> Picture | None:
    """The machine, with the places of the requirements in ``rows`` (the most serious first) numbered.

    ``at``: the element that each judged quantity is found at; ``words``: what elements are called. None where there is
    nothing to draw.
    """
    drawn = outline(lattice)
    if drawn is None:
        return None
    paper = _Paper.of(drawn)
    found = list(_places(rows, at, drawn, paper, words))
    discs = _discs([point for _, point in found], paper, drawn)
    svg = _svg(drawn, paper, [(place, point, disc) for (place, point), disc in zip(found, discs, strict=True)])
    present = {shape.sort for shape in drawn.shapes}
    sorts = tuple(sort for sort in KEY_ORDER if sort in present)
    return Picture(Markup(svg), tuple(place for place, _ in found), sorts, drawn.view)


@dataclass(frozen=True)
class _Paper:
    """From metres to the drawing: across to the right, up upwards."""

    scale: float
    low: Array
    height: float

    @classmethod
    def of(cls, drawn: Outline) -> _Paper:
        points = np.concatenate([drawn.orbit, *(shape.points for shape in drawn.shapes)])
        low, high = points.min(axis=0), points.max(axis=0)
        across, up = np.maximum(high - low, 1e-6)
        scale = min((WIDTH - 2 * _MARGIN) / across, (_TALLEST - 2 * _MARGIN) / up)
        wide = 0.5 * ((WIDTH - 2 * _MARGIN) / scale - across)
        return cls(float(scale), np.array([low[0] - wide, low[1]]), float(up * scale + 2 * _MARGIN))

    def __call__(self, points: Array) -> Array:
        on = (np.atleast_2d(points) - self.low) * self.scale + _MARGIN
        return np.column_stack([on[:, 0], self.height - on[:, 1]])


def _places(
    rows: Iterable[VerdictRow], at: dict[str, str], drawn: Outline, paper: _Paper, words: Mapping[str, str]
) -> Iterator[tuple[TightPlace, Array]]:
    """The first places, each with where it is on paper; requirements of one place share its number."""
    groups: list[tuple[Array, list[tuple[str, VerdictRow]]]] = []
    for row in rows:
        told = at.get(row.verdict.requirement.quantity, "")
        name = _row_of(told, drawn)
        if name is None or row.verdict.margin is None:
            continue
        point = paper(drawn.places[name])[0]
        near = next((group for group in groups if np.hypot(*(group[0] - point)) < _TOGETHER), None)
        if near is not None:
            near[1].append((in_full(told, words), row))
        elif len(groups) < _MOST:
            groups.append((point, [(in_full(told, words), row)]))
    for number, (point, together) in enumerate(groups, 1):
        yield TightPlace(number, tuple(together)), point


def _row_of(name: str, drawn: Outline) -> str | None:
    """The row of an element, or the middle one of those that a tank's or unit's name begins."""
    if name in drawn.places or not name:
        return name or None
    inside = [row for row in drawn.places if row.startswith((f"{name}-", f"{name}::"))]
    return inside[len(inside) // 2] if inside else None


def _discs(points: Sequence[Array], paper: _Paper, drawn: Outline) -> list[Array]:
    """Where each number stands: near its place, off the machine, over no other number, inside the drawing."""
    machine = paper(np.concatenate([drawn.orbit, _arrow(drawn), *(shape.points for shape in drawn.shapes)]))
    placed: list[Array] = []
    for point in points:
        tried = [
            point + reach * np.array([cos(2 * pi * k / _SIDES), sin(2 * pi * k / _SIDES)])
            for reach in _REACHES
            for k in range(_SIDES)
        ]
        placed.append(min(tried, key=lambda spot, point=point: _cost(spot, point, placed, machine, paper)))  # type: ignore[misc]
    return placed


def _cost(spot: Array, point: Array, placed: Sequence[Array], machine: Array, paper: _Paper) -> float:
    inside = _RADIUS + 1 <= spot[0] <= WIDTH - _RADIUS - 1 and _RADIUS + 1 <= spot[1] <= paper.height - _RADIUS - 1
    others = min((float(np.hypot(*(spot - other))) for other in placed), default=1e9)
    off = float(np.min(np.hypot(*(machine - spot).T)))
    crowded = max(0.0, 2 * _RADIUS + 4 - others) + max(0.0, _RADIUS + 3 - off)
    return float(np.hypot(*(spot - point))) + 40.0 * crowded + (0.0 if inside else 1e6)


# -------------------------------------------------------------------------------------------------------------- svg


def _svg(drawn: Outline, paper: _Paper, marks: Sequence[tuple[TightPlace, Array, Array]]) -> str:
    parts = [
        f'<path class="orbit" d="{_path(paper(drawn.orbit))}"/>',
        *_filled(drawn, paper),
        _beam(drawn, paper),
        _scale_bar(paper),
        *(_mark(place, point, disc) for place, point, disc in marks),
    ]
    named = "; ".join(f"{place.number}: {', '.join(_told(place))}" for place, _, _ in marks)
    label = f"The machine {drawn.view}" + (f", its tightest places numbered. {named}" if marks else "")
    box = f"0 0 {WIDTH:g} {paper.height:.0f}"
    return f'<svg class="machine" viewBox="{box}" role="img" aria-label="{escape(label)}">{"".join(parts)}</svg>'


def _told(place: TightPlace) -> list[str]:
    return [f"{row.verdict.requirement.id} at {at}" for at, row in place.rows]


def _filled(drawn: Outline, paper: _Paper) -> Iterator[str]:
    """One path for each sort of magnet."""
    for sort in KEY_ORDER:
        path = "".join(_path(paper(shape.points)) + "z" for shape in drawn.shapes if shape.sort == sort)
        if path:
            yield f'<path fill="{sort.color}" stroke="{sort.color}" stroke-width="0.6" d="{path}"/>'


def _path(points: Array) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _arrow(drawn: Outline) -> Array:
    """Tail and head of an arrow beside the start, with the beam [m]."""
    point, along = drawn.start
    size = ARROW * float(np.ptp(drawn.orbit, axis=0).max())
    middle = np.mean(drawn.orbit, axis=0) - point
    side = np.array([-along[1], along[0]])
    side = side if side @ middle >= 0 else -side
    offset = 1.75 if drawn.view == "along the beam" else 0.7
    tail = point + offset * size * side
    return np.array([tail, tail + size * along])


def _beam(drawn: Outline, paper: _Paper) -> str:
    (x0, y0), (x1, y1) = paper(_arrow(drawn))
    ahead = np.array([x1 - x0, y1 - y0]) / max(float(np.hypot(x1 - x0, y1 - y0)), 1e-9)
    left, right = (np.array([x1, y1]) - 8 * ahead + turn * np.array([-ahead[1], ahead[0]]) for turn in (4.0, -4.0))
    tip = f"M{x1:.1f} {y1:.1f}L{left[0]:.1f} {left[1]:.1f}L{right[0]:.1f} {right[1]:.1f}z"
    return f'<g class="beam"><path d="M{x0:.1f} {y0:.1f}L{x1:.1f} {y1:.1f}"/><path class="tip" d="{tip}"/></g>'


def _scale_bar(paper: _Paper) -> str:
    """A length of 1, 2 or 5 times a power of ten, about a sixth of the drawing."""
    sought = WIDTH / 6 / paper.scale
    power = 10.0 ** np.floor(np.log10(sought))
    length = float(max(step * power for step in (1, 2, 5) if step * power <= sought))
    y, x = paper.height - 8, 8.0
    end = x + length * paper.scale
    ticks = f"M{x:g} {y - 4:.1f}V{y:.1f}H{end:.1f}V{y - 4:.1f}"
    return f'<path class="scale" d="{ticks}"/><text x="{end + 6:.1f}" y="{y:.1f}">{length:g} m</text>'


def _mark(place: TightPlace, point: Array, disc: Array) -> str:
    x, y = disc
    shape = (
        f'<rect x="{x - 10:.1f}" y="{y - 10:.1f}" width="20" height="20"/>'
        if place.kind == "fail"
        else f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{_RADIUS:g}"/>'
    )
    dot = f'<circle cx="{point[0]:.1f}" cy="{point[1]:.1f}" r="2.6"/>'
    line = f'<path d="M{point[0]:.1f} {point[1]:.1f}L{x:.1f} {y:.1f}"/>{dot}'
    number = f'<text x="{x:.1f}" y="{y + 4.5:.1f}">{place.number}</text>'
    return f'<g class="mark {place.kind}">{line}{shape}{number}</g>'
