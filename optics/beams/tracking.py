"""Tracking of many particles through the element maps, turn by turn, with apertures and monitors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lattice import Element, InputError, Lattice, ReferenceParticle, RFCavity
from lattice.arrays import Array
from lattice.lattice import checked_lattice
from lattice.magnitudes import Magnitude
from lattice.reference import SPEED_OF_LIGHT
from lattice.showing import Showing, chart, told
from optics.beams.openings import opening_of
from optics.beams.turns import LOST, track_turns
from optics.closed import closed
from optics.linear.conditions import END
from optics.maps.bank import Bank
from optics.maps.blocks import room_of
from optics.maps.lattices.checked import checked_fringe, checked_particle
from optics.maps.plan import arguments_of
from optics.maps.steps import Setting, Step, cavity_step, program, steps

if TYPE_CHECKING:
    import pandas as pd

COORDINATES = ("x", "px", "y", "py", "zeta", "delta")
_USUAL = Magnitude(1.0, "m", "mm")  # half of the particles stand within it in x and in y
_AT_ONCE = 100  # turns, after which the lost are left out


#: Of a plane: its first coordinate, and the titles of both axes in thousandths.
_PANELS: Mapping[str, tuple[int, str, str]] = {
    "x": (0, "x [mm]", "px [1e-3]"),
    "y": (2, "y [mm]", "py [1e-3]"),
    "zeta": (4, "zeta [mm]", "dp/p [1e-3]"),
}


@closed
@dataclass(frozen=True, eq=False, repr=False)
class Tracked(Showing):
    """Where particles are after tracking.

    ``coordinates``: (n, 6) at the end of the last turn, nan for lost particles; ``alive``: (n,) mask; ``lost``: table
    of particle, turn (from 0), element, s [m] of the end at which it was lost and x, px, y, py, zeta, delta there;
    ``history``: (turns + 1, n, 6) at the start of each turn when asked for; ``seen``: (turns, places, n, 6) of the
    monitors that were asked for, nan once a particle is lost, ``seen_table`` the same as a table.

    Last axis: x [m], px = Px / P0, y [m], py = Py / P0, zeta = s - beta0 c t [m], delta = (P - P0) / P0.
    """

    coordinates: Array
    alive: Array
    lost: pd.DataFrame
    history: Array | None
    seen: Array | None = None
    #: Places and turns of ``seen``, in its order.
    monitors: tuple[str, ...] = ()
    monitor_turns: tuple[int, ...] = ()

    @property
    def seen_table(self) -> pd.DataFrame:
        """What the monitors saw, in the order of ``seen``: a row each turn, place and particle, columns x, px, y, py,
        zeta, delta [m, 1].

        ``found.seen_table.loc[(0, "qf")]`` is the first turn at "qf"; ``.xs("qf", level="place")`` all its turns. Lost
        particles are nan. InputError where nothing was asked to be seen.
        """
        import pandas as pd

        if self.seen is None:
            raise InputError("no monitor was asked for: track(..., monitors=['qf', '_end'])")
        places = list(dict.fromkeys(self.monitors))
        turns, rows, particles = np.indices(self.seen.shape[:3]).reshape(3, -1)
        place = np.array([places.index(one) for one in self.monitors], dtype=int)[rows]
        # levels in this order, not by name as from_product has them: so pandas takes the table as sorted
        levels = (self.monitor_turns, places, range(self.seen.shape[2]))
        index = pd.MultiIndex(levels, (turns, place, particles), names=("turn", "place", "particle"))
        return pd.DataFrame(self.seen.reshape(-1, len(COORDINATES)), index, COORDINATES)

    def summary(self) -> Mapping[str, Any]:
        """How many are alive and where the others were lost; what else is kept."""
        places = self.lost["element"].value_counts()
        where = ", ".join(f"{number} in {place}" for place, number in places.items())
        kept = {"coordinates": self.coordinates, "history": self.history, "seen": self.seen}
        axes = f" (turns, places, particles, {', '.join(COORDINATES)}); seen_table names them"
        return {
            "alive": f"{np.count_nonzero(self.alive)} of {len(self.alive)}",
            "lost": where or "none",
            **{
                name: told(values) + (axes if name == "seen" else "")
                for name, values in kept.items()
                if values is not None
            },
        }

    def _frame(self) -> pd.DataFrame | None:
        return self.lost if len(self.lost) else None

    def plot(self, plane: str = "x") -> Any:
        """Particles that are left after the last turn, in ``plane`` x, y or zeta, with both marginals: a plotly figure.

        InputError for another plane, or where none is left.
        """
        if plane not in _PANELS:
            raise InputError(f"Tracked.plot: plane must be one of {', '.join(_PANELS)}, found {plane!r}")
        left = self.coordinates[self.alive] * 1e3
        if not len(left):
            raise InputError("Tracked.plot: no particle is left to draw")
        first, *titles = _PANELS[plane]
        return chart("cloud", x=left[:, first], y=left[:, first + 1], x_title=titles[0], y_title=titles[1])


def track(
    lattice: Lattice,
    particle: ReferenceParticle | None,
    coordinates: Array | pd.DataFrame,
    *,
    turns: int = 1,
    fringe: str = "full",
    apertures: bool = True,
    history: bool = False,
    monitors: Sequence[str] = (),
    monitor_turns: Sequence[int] | None = None,
) -> Tracked:
    """Track ``coordinates`` (n, 6) of x, px, y, py, zeta, delta for ``turns``; cavities act.

    ``particle``: whose momentum P0 and velocity the coordinates refer to; None is the lattice's own.
    A table is read by the names of these columns, in any order.
    A particle outside an element's aperture at its entrance or its exit is lost there; one with a coordinate that is no
    longer finite, or without momentum (dp/p <= -1), at the next of these, or at ``_end``. ``monitors``: places
    (elements, "element:end", "_end") whose coordinates come back as ``seen``, in the order given, of all turns or of
    ``monitor_turns`` alone (from 0, rising).

    Equation:
        z(s1) = exp(-:H: L) z(s0) element by element, H = -sqrt((1 + delta)^2 - px^2 - py^2) - (1 + h x) a_s.

    Returns:
        Tracked: ``coordinates`` (n, 6) [m, 1] with nan for lost particles, ``alive`` (n,), ``lost`` (a table), and with
        ``history`` (turns + 1, n, 6) at the start of each turn; with ``monitors`` ``seen`` (turns, places, n, 6), which
        ``seen_table`` gives by turn, place and particle.

    Raises:
        InputError: no particle anywhere, a batch of lattices, complex parameters, coordinates of another shape or in
            mm, columns missing, unknown places, or turns that are not tracked.

    Source:
        E. Forest, Beam Dynamics: A New Attitude and Framework, Harwood 1998, chapters 10 to 13.

    Example:
        >>> from lattice import Drift, ReferenceParticle
        >>> proton = ReferenceParticle("proton", kinetic_energy_per_u=100e6)
        >>> line = Lattice("line", elements=[Drift("d", length=2.0)])
        >>> end = track(line, proton, np.array([[0.0, 3e-3, 0.0, 0.0, 0.0, 0.0]])).coordinates
        >>> print(round(end[0, 0] * 1e3, 6))  # mm: 2 px / sqrt(1 - px^2)
        6.000027
    """
    if checked_lattice(lattice, "track").batch is not None:
        raise InputError(f"track works on one lattice, '{lattice.name}' holds {lattice.batch}")
    if any(np.iscomplexobj(value) for value in lattice.parameters.values()):
        raise InputError(f"track works on real parameters, '{lattice.name}' has complex ones")
    if not (isinstance(turns, (int, np.integer)) and turns >= 1):
        raise InputError(f"turns must be a whole number above 0, found {turns!r}")
    state = _checked_coordinates(coordinates)
    particle = checked_particle(lattice, particle)
    setting = Setting(particle, checked_fringe(fringe), _revolution_frequency(lattice, particle))
    flight = _Flight(_line(lattice, setting, apertures), state, int(turns), history)
    flight.watch(_rows(lattice, monitors), monitor_turns)
    flight.run()
    survived = flight.lost[:, 0] < 0
    ends = np.where(survived[:, None], flight.state, np.nan)
    seen = flight.seen[:, flight.order] if monitors else None
    places, when = (tuple(monitors), flight.watched_turns) if monitors else ((), ())
    return Tracked(ends, survived, _table_of(lattice, flight.lost), flight.history, seen, places, when)


def _rows(lattice: Lattice, monitors: Sequence[str]) -> list[int]:
    if isinstance(monitors, str) or not all(isinstance(place, str) for place in monitors):
        raise InputError(f"monitors must be a list of places, 'element' or 'element:end', found {monitors!r}")
    return [lattice.row(place) for place in monitors]


@dataclass(frozen=True)
class _Line:
    """A lattice as ``track_turns`` reads it."""

    code: tuple[Array, ...]
    programs: Array
    arguments: Array
    first: Array
    openings: Array


class _Flight:
    """Particles under way: what is written of them while they are tracked."""

    def __init__(self, line: _Line, state: Array, turns: int, history: bool) -> None:
        number = len(state)
        self.line, self.state, self.turns = line, state, turns
        self.lost = np.full((number, LOST), -1.0)
        self.history = np.full((turns + 1, number, len(COORDINATES)), np.nan) if history else None
        if self.history is not None:
            self.history[0] = state
        self.watch([], None)

    def watch(self, rows: Sequence[int], turns: Sequence[int] | None) -> None:
        """What monitors in front of these ``rows`` see in these turns."""
        chosen = list(range(self.turns)) if turns is None else list(turns)
        if any(not isinstance(turn, (int, np.integer)) or not 0 <= turn < self.turns for turn in chosen):
            raise InputError(f"monitor_turns must be whole numbers from 0 to {self.turns - 1}, found {turns!r}")
        if chosen != sorted(set(chosen)):
            raise InputError(f"monitor_turns must rise, found {turns!r}")
        self.watched_turns = tuple(int(turn) for turn in chosen)
        self.watched = np.full(self.turns, -1, dtype=np.int64)
        self.places, self.order = np.unique(np.array(rows, dtype=np.int64), return_inverse=True)
        self.watched[chosen] = np.arange(len(chosen))
        self.seen = np.full((len(chosen) if rows else 0, len(self.places), len(self.state), len(COORDINATES)), np.nan)

    def run(self) -> None:
        """All turns, so many at a time of those that are there still."""
        for begin in range(0, self.turns, _AT_ONCE):
            alive = np.flatnonzero(self.lost[:, 0] < 0)
            if len(alive):
                self._some(alive, begin, min(begin + _AT_ONCE, self.turns))

    def _some(self, alive: Array, begin: int, end: int) -> None:
        line, every = self.line, len(alive) == len(self.state)
        past, seen = self._written(alive, begin, end)
        state, lost = np.ascontiguousarray(self.state[alive].T), self.lost[alive]
        track_turns(
            line.code,
            line.programs,
            line.arguments,
            line.first,
            line.openings,
            state,
            lost,
            (begin, end - begin),
            past,
            self.places,
            self.watched[begin:end] if len(self.seen) else self.watched[:0],
            seen,
            *room_of(line.code, line.programs),
        )
        self.state[alive], self.lost[alive] = state.T, lost
        if not every and self.history is not None:
            self.history[begin + 1 : end + 1, alive] = past
        if not every and len(self.seen):
            self.seen[:, :, alive] = seen

    def _written(self, alive: Array, begin: int, end: int) -> tuple[Array, Array]:
        """Where history and monitors are written, of those that are ``alive``."""
        past = (
            np.empty((0, len(alive), len(COORDINATES))) if self.history is None else self.history[begin + 1 : end + 1]
        )
        if len(alive) == len(self.state):
            return past, self.seen
        past = past if self.history is None else np.ascontiguousarray(past[:, alive])
        return past, np.ascontiguousarray(self.seen[:, :, alive])


def _table_of(lattice: Lattice, lost: Array) -> pd.DataFrame:
    """Who was lost, in the order of turns and places."""
    import pandas as pd

    order = np.lexsort((np.arange(len(lost)), lost[:, 1], lost[:, 0]))
    who = order[lost[order, 0] >= 0]
    element, at_exit = np.divmod(lost[who, 1].astype(int), 2)
    names = (*lattice.names, END)
    columns = {
        "particle": who,
        "turn": lost[who, 0].astype(int),
        "element": [names[k] for k in element],
        "s": np.asarray(lattice.s)[element + at_exit],
    }
    return pd.DataFrame(columns | dict(zip(COORDINATES, lost[who, 2:].T, strict=True)))


def _checked_coordinates(coordinates: Array | pd.DataFrame) -> Array:
    state = _state(coordinates)
    for name in ("x", "y"):
        values = state[:, COORDINATES.index(name)]
        sizes = np.abs(values[np.isfinite(values)])
        if len(sizes) and (fault := _USUAL.fault(float(np.median(sizes)))):
            raise InputError(f"coordinates: {name} of the middle particle {fault}")
    return state


def _by_name(table: pd.DataFrame) -> pd.DataFrame:
    missing = [name for name in COORDINATES if name not in table]
    if missing:
        raise InputError(f"a table of particles has columns {', '.join(COORDINATES)}: {', '.join(missing)} missing")
    return table[list(COORDINATES)]


def _state(coordinates: Any) -> Array:
    if hasattr(coordinates, "columns"):
        coordinates = _by_name(coordinates)
    try:
        state = np.array(coordinates, dtype=float, ndmin=2)
    except (TypeError, ValueError):
        raise InputError(f"coordinates must be numbers, shape (n, 6), found {coordinates!r}") from None
    if state.ndim != 2 or state.shape[1] != len(COORDINATES):
        raise InputError(f"coordinates must have shape (n, 6) of {', '.join(COORDINATES)}, found {state.shape}")
    return state


def _revolution_frequency(lattice: Lattice, particle: ReferenceParticle) -> float:
    return particle.beta * SPEED_OF_LIGHT / float(lattice.length) if lattice.length > 0 else float("nan")


def _line(lattice: Lattice, setting: Setting, apertures: bool) -> _Line:
    """Steps of all elements, in order, and how far each is open."""
    unique, indices = lattice.unique_elements
    parts = [_tracked_steps(lattice, element, setting) for element in unique]
    every = [step for part in parts for step in part]
    names = sorted({step.program for step in every}) or ["drift"]
    bank = Bank([program(name) for name in names], names)
    programs = np.array([names.index(step.program) for step in every], dtype=np.int64)
    arguments = arguments_of(every, bank, 1)
    arguments[np.arange(len(every)), 0, bank.argument_counts[programs] - 1] = setting.particle.beta
    begins = np.cumsum([0, *(len(part) for part in parts)])
    order = np.array([k for u in indices for k in range(begins[u], begins[u + 1])], dtype=np.int64)
    first = np.cumsum([0, *(len(parts[u]) for u in indices)]).astype(np.int64)
    openings = [opening_of(element.aperture if apertures else None) for element in lattice.elements]
    every_opening = np.array([*openings, opening_of(None)])
    arguments = np.ascontiguousarray(arguments.transpose(0, 2, 1)[order])
    return _Line(bank.instructions(shared=True), programs[order], arguments, first, every_opening)


def _tracked_steps(lattice: Lattice, element: Element, setting: Setting) -> list[Step]:
    static = steps(element, lattice.value, setting)
    if not isinstance(element, RFCavity) or lattice.value(element.volt) == 0.0:
        return static
    half = [step.part(2) for step in static]
    return [*half, cavity_step(element, lattice.value, setting), *half]
