"""The machine as shapes on paper: from above where its orbit bends, as a bar along s where it is straight."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np

from lattice import InputError, Lattice
from lattice.arrays import Array
from lattice.survey import survey
from studies.charts.magnet_shapes import IDLE_QUADRUPOLE, RF, MagnetStyle, magnet_style
from studies.charts.magnets import MagnetBlock, magnet_blocks

_STRAIGHT = 0.02  # of its length: what a machine that is drawn as a bar may reach aside
_TURN = 0.12  # rad: an arc is drawn in steps of it
_BAR = 0.09  # of the length: half the height of the bar
#: Pictures keep the order of the beam: an arrow of this part of the machine's size stands at its start.
ARROW = 0.07


@dataclass(frozen=True)
class Shape:
    """A filled outline of one sort of magnet: points (n, 2) [m], across and up."""

    sort: MagnetStyle
    points: Array


@dataclass(frozen=True)
class Outline:
    """A machine on paper [m], across and up: the ``orbit``, its ``shapes``, the middle of each row by name.

    ``start``: where the beam begins and its direction. ``view``: "from above", "from the side" or "along the beam".
    """

    orbit: Array
    shapes: tuple[Shape, ...]
    places: dict[str, Array]
    start: tuple[Array, Array]
    view: str


def outline(lattice: Lattice) -> Outline | None:
    """The machine of a lattice; None for one that cannot be drawn: of no length, or many lattices in one."""
    if lattice.batch is not None or not lattice.length > 0:
        return None
    try:
        rows = survey(lattice)
    except InputError:
        return None
    reach = {axis: float(np.ptp(rows[axis].astype(float))) for axis in ("X", "Y", "Z")}
    if max(reach["X"], reach["Y"]) < _STRAIGHT * lattice.length:
        return _bar(lattice)
    return _plan(lattice, rows, "Y" if reach["Y"] > reach["X"] else "X")


# ------------------------------------------------------------------------------------------------------- from above


def _plan(lattice: Lattice, rows: dict[str, Array], up: str) -> Outline:
    points = np.column_stack([rows["Z"], rows[up]]).astype(float)
    theta, phi = rows["theta"].astype(float), rows["phi"].astype(float)
    rise = np.sin(theta) * np.cos(phi) if up == "X" else np.sin(phi)
    along = np.column_stack([np.cos(theta) * np.cos(phi), rise])
    pieces = [_curve(points, along, row) for row in range(len(lattice))]
    styles = {block.name: magnet_style(block) for block in magnet_blocks(lattice)}
    shapes = [
        Shape(styles[name], _thick(piece, styles[name].width))
        for name, piece in zip(lattice.names, pieces, strict=True)
        if name in styles
    ]
    places = {name: piece[len(piece) // 2] for name, piece in zip(lattice.names, pieces, strict=True)}
    view = "from above" if up == "X" else "from the side"
    return Outline(np.concatenate(pieces), tuple(shapes), places, (points[0], along[0]), view)


def _curve(points: Array, along: Array, row: int) -> Array:
    """The orbit through one element: the cubic that has the directions of both its ends, and an arc's middle.

    Of an arc of angle theta the tangents are 4 rho tan(theta / 4), the chord over cos^2(theta / 4).
    """
    begin, end = points[row], points[row + 1]
    chord = float(np.hypot(*(end - begin)))
    turn = float(np.hypot(*(along[row + 1] - along[row])))
    t = np.linspace(0.0, 1.0, 3 + ceil(turn / _TURN))[:, None]
    tangent = chord / float(np.cos(0.5 * np.arcsin(min(0.5 * turn, 1.0)))) ** 2
    one, two = (along[row] * tangent, along[row + 1] * tangent)
    hermite = (1 + 2 * t) * (1 - t) ** 2 * begin + t * (1 - t) ** 2 * one
    return np.asarray(hermite + t**2 * (3 - 2 * t) * end + t**2 * (t - 1) * two)


def _thick(piece: Array, width: float) -> Array:
    """The outline of a curve that is ``width`` across; what has no length is a thin box."""
    if float(np.hypot(*(piece[-1] - piece[0]))) < 1e-6:
        return _box(piece[0] - [0.05, 0.5 * width], piece[0] + [0.05, 0.5 * width])
    steps = np.gradient(piece, axis=0)
    steps /= np.maximum(np.hypot(steps[:, 0], steps[:, 1]), 1e-12)[:, None]
    across = 0.5 * width * np.column_stack([-steps[:, 1], steps[:, 0]])
    return np.concatenate([piece + across, (piece - across)[::-1]])


def _box(low: Array, high: Array) -> Array:
    return np.array([[low[0], low[1]], [high[0], low[1]], [high[0], high[1]], [low[0], high[1]]])


# ---------------------------------------------------------------------------------------------------------- as a bar


def _bar(lattice: Lattice) -> Outline:
    """Magnets above and below a line, tanks (gaps in a row) as one box each."""
    s, height = lattice.s.astype(float), _BAR * lattice.length
    blocks = magnet_blocks(lattice)
    shapes = [*_tanks(blocks, height), *(_standing(block, height) for block in blocks if block.kind != "rfgap")]
    middles = {name: np.array([0.5 * (s[row] + s[row + 1]), 0.0]) for row, name in enumerate(lattice.names)}
    orbit = np.column_stack([[s[0], s[-1]], [0.0, 0.0]])
    return Outline(orbit, tuple(shapes), middles, (orbit[0], np.array([1.0, 0.0])), "along the beam")


def _standing(block: MagnetBlock, height: float) -> Shape:
    sort = magnet_style(block)
    low, high = (sort.low, sort.high) if sort is not IDLE_QUADRUPOLE else (-0.5, 0.5)
    ends = (np.array([block.s, low * height]), np.array([block.s + block.length, high * height]))
    return Shape(sort, _box(*ends))


def _tanks(blocks: Sequence[MagnetBlock], height: float) -> Iterator[Shape]:
    """Gaps with no magnet between them."""
    begin: float | None = None
    end = 0.0
    for block in (*blocks, None):
        if block is not None and block.kind == "rfgap":
            begin, end = (block.s if begin is None else begin), block.s + block.length
        elif begin is not None:
            yield Shape(RF, _box(np.array([begin, -0.45 * height]), np.array([max(end, begin), 0.45 * height])))
            begin = None
