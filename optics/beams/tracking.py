"""Tracking of many particles through the element maps, turn by turn, with apertures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lattice import Aperture, Element, InputError, Lattice, LatticeError, ReferenceParticle, RFCavity
from lattice.arrays import Array
from lattice.reference import SPEED_OF_LIGHT
from lattice.showing import Showing
from optics.closed import closed
from optics.linear.conditions import END
from optics.maps.bank import Bank
from optics.maps.model import checked_fringe, checked_particle
from optics.maps.plan import arguments_of
from optics.maps.steps import Setting, Step, cavity_step, program, steps
from optics.maps.turn import Turn

if TYPE_CHECKING:
    import pandas as pd

COORDINATES = ("x", "px", "y", "py", "zeta", "delta")


@closed
@dataclass(frozen=True, repr=False)
class Tracked(Showing):
    """Where particles are after tracking.

    ``coordinates``: (n, 6) at the end of the last turn, nan for lost particles; ``alive``: (n,) mask; ``lost``: table
    of particle, turn (from 0), element, s [m] of its entrance and x, px, y, py, zeta, delta there; ``history``:
    (turns + 1, n, 6) at the start of each turn when asked for.
    """

    coordinates: Array
    alive: Array
    lost: pd.DataFrame
    history: Array | None


def track(
    lattice: Lattice,
    particle: ReferenceParticle | None,
    coordinates: Array,
    *,
    turns: int = 1,
    fringe: str = "full",
    apertures: bool = True,
    history: bool = False,
) -> Tracked:
    """Track ``coordinates`` (n, 6) of x, px, y, py, zeta, delta for ``turns``; cavities act.

    A particle outside an element's aperture at its entrance is lost there; one with a coordinate that is no longer
    finite, or without momentum (dp/p <= -1), at the next entrance, or at ``_end``.

    Equation:
        z(s1) = exp(-:H: L) z(s0) element by element, H = -sqrt((1 + delta)^2 - px^2 - py^2) - (1 + h x) a_s.

    Returns:
        Tracked: ``coordinates`` (n, 6) [m, 1] with nan for lost particles, ``alive`` (n,), ``lost`` (a table), and with
        ``history`` (turns + 1, n, 6) at the start of each turn.

    Raises:
        InputError: a batch of lattices, complex parameters, or coordinates of another shape.

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
    if lattice.batch is not None:
        raise InputError(f"track works on one lattice, '{lattice.name}' holds {lattice.batch}")
    if any(np.iscomplexobj(value) for value in lattice.parameters.values()):
        raise InputError(f"track works on real parameters, '{lattice.name}' has complex ones")
    if not (isinstance(turns, (int, np.integer)) and turns >= 1):
        raise InputError(f"turns must be a whole number above 0, found {turns!r}")
    state = _checked_coordinates(coordinates)
    particle = checked_particle(lattice, particle)
    line = _line(lattice, Setting(particle, checked_fringe(fringe), _revolution_frequency(lattice, particle)))
    alive = np.arange(len(state))
    result = np.full_like(state, np.nan)
    lost: list[dict[str, Any]] = []
    past = [state.copy()] if history else None
    inside = state.copy()
    for turn in range(turns):
        for place, (element, passage) in enumerate(line):
            inside, alive = _keep(lattice, element if apertures else None, place, turn, inside, alive, lost)
            inside = passage.track(inside)
        inside, alive = _keep(lattice, None, len(line), turn, inside, alive, lost)
        if past is not None:
            now = np.full_like(state, np.nan)
            now[alive] = inside
            past.append(now)
    result[alive] = inside
    survived = np.isin(np.arange(len(state)), alive)
    return Tracked(result, survived, _table_of(lost), None if past is None else np.stack(past))


def _table_of(lost: list[dict[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(lost, columns=["particle", "turn", "element", "s", *COORDINATES])


def _checked_coordinates(coordinates: Array) -> Array:
    try:
        state = np.array(coordinates, dtype=float, ndmin=2)
    except (TypeError, ValueError):
        raise InputError(f"coordinates must be numbers, shape (n, 6), found {coordinates!r}") from None
    if state.ndim != 2 or state.shape[1] != len(COORDINATES):
        raise InputError(f"coordinates must have shape (n, 6) of {', '.join(COORDINATES)}, found {state.shape}")
    return state


def _revolution_frequency(lattice: Lattice, particle: ReferenceParticle) -> float:
    return particle.beta * SPEED_OF_LIGHT / float(lattice.length) if lattice.length > 0 else float("nan")


def _line(lattice: Lattice, setting: Setting) -> list[tuple[Element, Turn]]:
    """Each element with its own passage."""
    unique, indices = lattice.unique_elements
    parts = [_tracked_steps(lattice, element, setting) for element in unique]
    names = sorted({step.program for part in parts for step in part}) or ["drift"]
    bank = Bank([program(name) for name in names], names)
    passages = [_passage(lattice, bank, part, setting.particle.beta) for part in parts]
    return [(element, passages[u]) for element, u in zip(lattice.elements, indices, strict=True)]


def _passage(lattice: Lattice, bank: Bank, parts: list[Step], beta0: float) -> Turn:
    programs = np.array([bank.names.index(step.program) for step in parts], dtype=np.int64)
    arguments = arguments_of(parts, bank, 1)[:, 0]
    arguments[np.arange(len(parts)), bank.argument_counts[programs] - 1] = beta0
    return Turn(bank, programs, arguments, lattice.name)


def _tracked_steps(lattice: Lattice, element: Element, setting: Setting) -> list[Step]:
    static = steps(element, lattice.value, setting)
    if not isinstance(element, RFCavity) or lattice.value(element.volt) == 0.0:
        return static
    half = [step.part(2) for step in static]
    return [*half, cavity_step(element, lattice.value, setting), *half]


def _keep(
    lattice: Lattice,
    element: Element | None,
    place: int,
    turn: int,
    state: Array,
    alive: Array,
    lost: list[dict[str, Any]],
) -> tuple[Array, Array]:
    """Particles inside the aperture, and their numbers; the others are written down as lost."""
    good = np.all(np.isfinite(state), axis=1) & (state[:, 5] > -1.0)
    if element is not None and element.aperture is not None:
        good &= is_inside(element.aperture, state[:, 0], state[:, 2])
    if good.all():
        return state, alive
    for number, coordinates in zip(alive[~good], state[~good], strict=True):
        name = (*lattice.names, END)[place]
        where = {"particle": int(number), "turn": turn, "element": name, "s": lattice.s[place]}
        lost.append(where | dict(zip(COORDINATES, map(float, coordinates), strict=True)))
    return state[good], alive[good]


def is_inside(aperture: Aperture, x: Array, y: Array) -> Array:
    """True where (x, y) [m] lies within the aperture."""
    u, v = x - aperture.offset_x, y - aperture.offset_y
    rectangle = (np.abs(u) <= aperture.half_x) & (np.abs(v) <= aperture.half_y)
    if aperture.shape == "rectangle":
        return np.asarray(rectangle)
    if aperture.shape == "ellipse":
        return np.asarray((u / aperture.half_x) ** 2 + (v / aperture.half_y) ** 2 <= 1.0)
    if aperture.ellipse_x is None or aperture.ellipse_y is None:
        raise LatticeError("a rectellipse aperture needs ellipse_x and ellipse_y")
    return np.asarray(rectangle & ((u / aperture.ellipse_x) ** 2 + (v / aperture.ellipse_y) ** 2 <= 1.0))
