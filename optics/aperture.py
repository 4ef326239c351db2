"""Beams inside their apertures: where the edge of a beam runs, and the least room it leaves.

One convention for every place that asks: the edge lies beside the closed orbit by

    half width = n sqrt(e1 b1 + e2 b2 + (D sigma_delta)^2) + |D| w / 2,

b1, b2 the functions of both modes of the (coupled) betatron motion seen in the plane, e1, e2 their geometric rms
emittances (H. Mais & G. Ripken, DESY M-82-05), n the sigmas that have to fit. A Gaussian momentum spread sigma_delta is
independent of the betatron motion, so its variance adds. A bounded one of full width w, as of a stacked or a
debunched beam, is filled up to its ends by particles of every amplitude, so it adds as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from lattice import ElectrostaticSeptum, InputError, Lattice
from lattice.arrays import Array
from lattice.magnitudes import is_number
from optics.beams.beam import Beam
from optics.linear.optics import Optics
from optics.linear.solution import functions_inside

if TYPE_CHECKING:
    import pandas as pd

PLANES = ("x", "y")
#: Parts an element is cut into: the edge is looked at between them too.
SLICES = 8
#: A table's column of optical functions by its name.
Column = Callable[[str], Any]
_EDGES = ("x_low", "x_high", "y_low", "y_high")


class Edged(Protocol):
    """What has an edge on either side of a plane: ``BeamEdge``, ``MomentsEdge``."""

    def sides(self, column: Column, plane: str) -> tuple[Any, Any]:
        """Lower and upper edge [m], in the shape of the columns."""


class Along(Protocol):
    """Columns along lattices (batch, rows + 1), and the element that each row belongs to."""

    @property
    def row_element(self) -> Array:
        """The element that each row begins at: (rows,)."""

    def column(self, name: str) -> Array:
        """One column: (batch, rows + 1)."""


@dataclass(frozen=True)
class BeamEdge:
    """What has to fit: ``sigmas`` of a ``beam`` and a bounded momentum spread of ``full_width`` (of dp/p) beside it.

    Of the beam count the emittances, ``sigma_delta`` and the mean ``delta``. Raises InputError for sigmas that are not
    positive and a width below 0.

    >>> from lattice import ReferenceParticle
    >>> proton = ReferenceParticle("proton", kinetic_energy_per_u=60e6)
    >>> stack = BeamEdge(Beam(proton, 4e-6, 1e-6), sigmas=3.0, full_width=2e-3)
    >>> functions = {"x": 1e-3, "dx": -2.0, "betx": 9.0, "betx2": 0.0}
    >>> [round(1e3 * float(side), 9) for side in stack.sides(functions.__getitem__, "x")]  # 3 x 6 mm + 2 mm about 1 mm
    [-19.0, 21.0]
    """

    beam: Beam
    sigmas: float = 1.0
    full_width: float = 0.0

    def __post_init__(self) -> None:
        if not (is_number(self.sigmas) and self.sigmas > 0):
            raise InputError(f"BeamEdge: sigmas must be positive, found {self.sigmas!r}")
        if not (is_number(self.full_width) and self.full_width >= 0):
            raise InputError(f"BeamEdge: full_width of dp/p must not be negative, found {self.full_width!r}")

    def centre(self, column: Column, plane: str) -> Any:
        """Where the middle of the beam runs [m]: the closed orbit at its mean momentum."""
        return column(plane) + column(f"d{plane}") * self.beam.delta

    def half_width(self, column: Column, plane: str) -> Any:
        """Half width [m], in the shape of the columns; see the head of this module for the formula."""
        spread = _size(column(f"d{plane}")) * (self.full_width / 2)
        return self.sigmas * np.sqrt(self.beam.mean_square(column, plane)) + spread

    def sides(self, column: Column, plane: str) -> tuple[Any, Any]:
        """Lower and upper edge [m], in the shape of the columns."""
        centre, half = self.centre(column, plane), self.half_width(column, plane)
        return centre - half, centre + half

    def reach(self, column: Column, plane: str, about: Any = 0.0) -> Any:
        """How far the further edge lies from ``about`` [m], in the shape of the columns: |centre - about| + half width.

        Holomorphic, so that a complex step in a strength passes through.
        """
        return _size(self.centre(column, plane) - about) + self.half_width(column, plane)

    def reach_slope(self, column: Column, plane: str, about: Any = 0.0) -> Any:
        """Slope of ``reach`` along s times 1 + delta of the optics, from beta' = -2 alfa, D' = dpx and x' = px."""
        dispersion, angle = column(f"d{plane}"), column(f"dp{plane}")
        mean_square = self.beam.mean_square(column, plane)
        root = np.sqrt(np.where(mean_square == 0, 1.0, mean_square))
        width = self.sigmas * self.beam.mean_square_slope(column, plane) / (2.0 * root)
        spread = _sign(dispersion) * angle * (self.full_width / 2)
        outwards = _sign(self.centre(column, plane) - about)
        return outwards * (column(f"p{plane}") + angle * self.beam.delta) + width + spread


#: Columns that ``MomentsEdge`` reads of a beam's moments; the middle is a column of the optics.
MOMENTS_OF_EDGE = ("size_x", "size_y", "slope_x", "slope_y")


@dataclass(frozen=True)
class MomentsEdge:
    """As ``BeamEdge``, of the moments that a line carries: |middle| + ``sigmas`` rms, the orbit being the middle."""

    sigmas: float = 1.0

    def half_width(self, column: Column, plane: str) -> Any:
        """``sigmas`` times the rms size [m]."""
        return self.sigmas * column(f"size_{plane}")

    def sides(self, column: Column, plane: str) -> tuple[Any, Any]:
        """Lower and upper edge [m]."""
        half = self.half_width(column, plane)
        return column(plane) - half, column(plane) + half

    def reach(self, column: Column, plane: str, about: Any = 0.0) -> Any:
        """How far the further edge lies from ``about`` [m]."""
        return _size(column(plane) - about) + self.half_width(column, plane)

    def reach_slope(self, column: Column, plane: str, about: Any = 0.0) -> Any:
        """Slope of ``reach`` along s times 1 + delta: d sqrt(<x x>)/ds = <x px>/sqrt(<x x>)."""
        return _sign(column(plane) - about) * column(f"p{plane}") + self.sigmas * column(f"slope_{plane}")


def _size(values: Any) -> Any:
    """|values|, holomorphic for a complex step."""
    return _sign(values) * values


def _sign(values: Any) -> Any:
    """-1 or 1, of the real part."""
    return np.where(np.real(values) < 0, -1.0, 1.0)


@dataclass(frozen=True)
class Clearance:
    """The least room, or the furthest reach, [m] and where it is: the element and s [m]."""

    value: float
    element: str
    s: float


def openings(lattice: Lattice) -> Array:
    """Free opening at each element: (elements, 4) of x_low, x_high, y_low, y_high [m], nan without an aperture.

    Of an ellipse it is the box of its axes: planes are looked at one by one.
    """
    found = np.full((len(lattice), 4), np.nan)
    for row, element in zip(found, lattice.elements, strict=True):
        a = element.aperture
        if a is not None:
            half_x = a.half_x if a.ellipse_x is None else min(a.half_x, a.ellipse_x)
            half_y = a.half_y if a.ellipse_y is None else min(a.half_y, a.ellipse_y)
            row[:] = (a.offset_x - half_x, a.offset_x + half_x, a.offset_y - half_y, a.offset_y + half_y)
    return found


def rooms(lattice: Lattice, functions: Along, edge: Edged, plane: str, chamber: Array | None = None) -> Array:
    """Distance [m] of a beam from the aperture at both ends of each part of an element: (batch, parts, 2).

    The nearer side counts: min(high opening - upper edge, lower edge - low opening). nan where an element has no
    aperture or a lattice no bounded motion. ``functions`` are those of ``functions_inside``, or of machines with
    errors in the frame of each magnet, for apertures move with their magnets. ``chamber``: other ``openings``.
    """
    first = 2 * PLANES.index(plane)
    free = openings(lattice) if chamber is None else chamber
    below, above = free[functions.row_element, first : first + 2].T
    low, high = edge.sides(functions.column, plane)
    ends = (slice(None, -1), slice(1, None))
    return np.stack([np.minimum(above - high[:, rows], low[:, rows] - below) for rows in ends], axis=-1)


def least_rooms(lattice: Lattice, functions: Along, edge: Edged, plane: str, chamber: Array | None = None) -> Array:
    """Least of ``rooms`` in each lattice: (batch,), nan where motion is not bounded; InputError without apertures."""
    known = _with_aperture(lattice)[functions.row_element]
    return np.asarray(rooms(lattice, functions, edge, plane, chamber)[:, known].min(axis=(1, 2)))


def tightest_rooms(lattice: Lattice, functions: Along, edge: Edged, chamber: Array | None = None) -> Array:
    """Least room of a beam in the tighter plane of each lattice, or machine: (batch,); see ``least_rooms``."""
    return np.asarray(np.min([least_rooms(lattice, functions, edge, plane, chamber) for plane in PLANES], axis=0))


def fits(rooms_of_beams: Iterable[Array]) -> Array:
    """Which lattices, or machines, leave room for every beam: (batch,); one without bounded motion (nan) does not."""
    return np.asarray(np.all([room > 0 for room in rooms_of_beams], axis=0))


def clearances(optics: Optics, edge: BeamEdge, plane: str, slices: int = SLICES) -> Array:
    """Least distance [m] of a beam from the aperture of each lattice of a batch, inside elements too: (batch,).

    nan where motion is not bounded; InputError without apertures.
    """
    return least_rooms(optics.lattice, functions_inside(optics, slices), edge, plane)


def clearance(
    optics: Optics, edge: BeamEdge, plane: str, slices: int = SLICES, chamber: Lattice | None = None
) -> Clearance:
    """Least distance of a beam from the aperture of one lattice in a plane, inside elements too, and where it is.

    ``chamber``: a lattice of the same elements with other apertures, which then count. Raises InputError without
    apertures and for a batch (see ``clearances``).
    """
    _refuse_batch(optics)
    _with_aperture(optics.lattice)
    fine = functions_inside(optics, slices)
    room = rooms(optics.lattice, fine, edge, plane, openings(chamber or optics.lattice))[0]
    part, end = divmod(int(np.nanargmin(room)), 2)
    name = optics.lattice.names[fine.row_element[part]]
    return Clearance(float(room[part, end]), name, float(fine.s[0, part + end]))


def furthest(optics: Optics, edge: BeamEdge, plane: str, slices: int = SLICES) -> Clearance:
    """How far the edge of a beam reaches from the reference orbit of one lattice, inside elements too, and where."""
    _refuse_batch(optics)
    fine = functions_inside(optics, slices)
    reach = edge.reach(fine.column, plane)[0]
    row = int(np.nanargmax(reach))
    part = min(max(row - 1, 0), len(fine.row_element) - 1)
    return Clearance(float(reach[row]), optics.lattice.names[fine.row_element[part]], float(fine.s[0, row]))


def room_at_wires(optics: Optics, edge: BeamEdge, septum: str, chamber: Lattice | None = None) -> Any:
    """Distance [m] of a beam from the wires at the entrance of an electrostatic septum: a number, or (batch,).

    Wires at x < 0 face the lower edge, others the upper one: |x_wires| - half width - sign(x_wires) x_centre. Those of
    ``chamber``, a lattice of the same elements, where it is given. Raises InputError for an element that is no
    electrostatic septum, or one without a position.
    """
    return room_before(wires_of(chamber or optics.lattice, septum), edge, lambda name: optics.value(name, septum))


def room_before(position: Any, edge: BeamEdge, column: Callable[[str], Any]) -> Any:
    """Distance [m] of a beam from wires at ``position`` [m], its functions there by name: one for each lattice."""
    return abs(position) - edge.half_width(column, "x") - np.sign(position) * edge.centre(column, "x")


def clearance_at_wires(optics: Optics, edge: BeamEdge, septum: str, chamber: Lattice | None = None) -> Clearance:
    """``room_at_wires`` of one lattice, with its place."""
    _refuse_batch(optics)
    return Clearance(float(room_at_wires(optics, edge, septum, chamber)), septum, float(optics.value("s", septum)))


def envelope(optics: Optics, edge: BeamEdge, slices: int = SLICES) -> pd.DataFrame:
    """Edges of beam and aperture [m]: two rows (its two ends) for each part of an element: apertures keep their steps.

    Columns: element, s, x_low, x_high, y_low, y_high, aperture_x_low ... aperture_y_high (nan where there is none).
    """
    import pandas as pd

    _refuse_batch(optics)
    fine = functions_inside(optics, slices)
    owner = np.repeat(fine.row_element, 2)
    ends = np.repeat(np.arange(len(fine.row_element)), 2) + np.tile([0, 1], len(fine.row_element))
    sides = [side[0, ends] for plane in PLANES for side in edge.sides(fine.column, plane)]
    table: dict[str, Any] = {"element": np.array(optics.lattice.names)[owner], "s": fine.s[0, ends]}
    table |= dict(zip(_EDGES, sides, strict=True))
    free = openings(optics.lattice)[owner].T
    table |= {f"aperture_{name}": column for name, column in zip(_EDGES, free, strict=True)}
    return pd.DataFrame(table)


def _with_aperture(lattice: Lattice) -> Array:
    """Which elements have an aperture: (elements,); InputError when none has."""
    known = np.array([element.aperture is not None for element in lattice.elements])
    if not known.any():
        raise InputError(
            f"no element of '{lattice.name}' has an aperture: give elements one (in a MAD-X file APERTYPE and APERTURE)"
        )
    return known


def wires_of(lattice: Lattice, septum: str) -> Any:
    """Position [m] of the wires of an electrostatic septum, a number or (batch,)."""
    element = lattice[septum]
    position = lattice.value(element.position) if isinstance(element, ElectrostaticSeptum) else 0.0
    if np.any(position == 0):
        raise InputError(f"'{septum}' is no electrostatic septum with a position of its wires")
    return position


def _refuse_batch(optics: Optics) -> None:
    if optics.lattice.batch is not None:
        raise InputError(f"a place is that of one lattice, here are {optics.lattice.batch}: use clearances")
