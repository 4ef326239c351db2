"""Tracking by Xsuite in short runs between which settings, signals and the reference momentum may change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lattice import Lattice, LatticeError, ReferenceParticle
from lattice.arrays import Array
from lattice.reference import SPEED_OF_LIGHT
from optics.engines.xsuite.bunch import COORDINATES, bunch_of
from optics.engines.xsuite.contexts import build_tracker, exciter, thin_cavity, tracking_context
from optics.engines.xsuite.elements import LONG_KICKS
from optics.engines.xsuite.engine import quietly
from optics.engines.xsuite.line import line_elements, to_xsuite, variable_names
from optics.maps.lattices.checked import checked_particle

_CHANGE = 1e-3  # of a parameter, relative, to see what follows it
_EXCITER, _CAVITY = "signal_exciter", "signal_cavity"


@dataclass(frozen=True, eq=False)
class Run:
    """``coordinates`` (turns + 1, n, 6) at the start of each turn and after the last, nan for what is lost by then.

    Of each particle: ``place``, the element it was lost in (-1: it was not), ``turn`` of the run in which it was,
    ``lost`` (n, 6), its coordinates there, and ``unbounded``: beyond 1 m instead of at an aperture.
    """

    coordinates: Array
    place: Array
    turn: Array
    lost: Array
    unbounded: Array


class XsuiteTracker:
    """One turn of a lattice from element ``first``, by Xsuite, as often as wanted.

    ``apertures``: particles are lost at them. ``exciter_at``, ``cavity_at``: elements that have a horizontal exciter or
    a thin cavity in their middle, the exciter with room for ``samples``. ``context`` "cpu" (with ``threads``), "cupy"
    or "opencl". ``settings``: parameters that will be ``set``. Raises InputError for a batch of lattices, an unknown or
    absent context, and LatticeError for elements that Xsuite cannot express, or that do not follow one of ``settings``.
    """

    def __init__(
        self,
        lattice: Lattice,
        particle: ReferenceParticle | None = None,
        fringe: str = "full",
        first: int = 0,
        *,
        apertures: bool = False,
        exciter_at: int | None = None,
        samples: int = 0,
        cavity_at: int | None = None,
        context: str = "cpu",
        threads: int = 1,
        settings: Iterable[str] = (),
    ) -> None:
        self.particle = checked_particle(lattice, particle)
        self.length = float(lattice.length)
        self._context = tracking_context(context, threads)
        self._names = variable_names(lattice)
        line = self._line = to_xsuite(lattice, self.particle, fringe, apertures=apertures, **LONG_KICKS)
        owners = line_elements(lattice, fringe, apertures)
        for name in settings:
            self._check_setting(lattice, fringe, apertures, name)
        if exciter_at is not None:
            owners = _inserted(line, owners, lattice, exciter_at, _EXCITER, exciter(samples))
        if cavity_at is not None:
            owners = _inserted(line, owners, lattice, cavity_at, _CAVITY, thin_cavity())
        begin = owners.index(first)
        with quietly():
            line.cycle(index_first_element=begin, inplace=True)
        self._owners = np.array(owners[begin:] + owners[:begin])
        build_tracker(line, self._context)

    def set(self, parameters: Mapping[str, float]) -> None:
        """Give parameters of the lattice new values."""
        for name, value in parameters.items():
            self._line.vars[self._names[name]] = value

    def _check_setting(self, lattice: Lattice, fringe: str, apertures: bool, name: str) -> None:
        """LatticeError when an element does not follow a parameter: Xsuite holds its number, not its expression."""
        own = float(lattice.parameters[name])
        other = own * (1.0 + _CHANGE) if own else _CHANGE
        right = to_xsuite(
            lattice.with_parameters({name: other}), self.particle, fringe, apertures=apertures, **LONG_KICKS
        )
        self.set({name: other})
        wrong = next((one for one in right.element_names if not _alike(self._line[one], right[one])), None)
        self.set({name: own})
        if wrong is not None:
            raise LatticeError(
                f"Xsuite cannot change '{name}' while it tracks: its element '{wrong}' does not follow (an expression "
                f"it cannot hold); track with engine='sectional'"
            )

    def velocity(self, momentum: float) -> float:
        """Of the reference particle [m/s] with ``momentum`` [eV/c]."""
        return SPEED_OF_LIGHT * momentum / float(np.hypot(momentum, self.particle.mass))

    def excite(self, kicks: Array, rate: float, momentum: float, lead: int = 0) -> None:
        """Signal of the exciter: ``kicks`` [rad], ``rate`` [Hz] of them, from ``lead`` turns before a run's time 0."""
        element = self._line[_EXCITER]
        element.samples = self._context.nparray_to_context_array(kicks.astype(np.float32))
        element.sampling_frequency, element.start_turn = rate, -lead
        element.frev = self.velocity(momentum) / self.length

    def accelerate(self, voltage: float, frequency: float, phase: float) -> None:
        """Amplitude [V], frequency [Hz] and phase [rad] of the cavity: V sin(phase + 2 pi f t) in a run's first turn.

        t is the time of arrival less the reference particle's flight from the start of the turn.
        """
        cavity = self._line[_CAVITY]
        cavity.voltage, cavity.frequency, cavity.phase = voltage, frequency, phase

    def track(self, coordinates: Array, turns: int, momentum: float | None = None) -> Run:
        """Track coordinates (n, 6) about a reference ``momentum`` [eV/c] (the particle's own if None).

        A particle begins at time -zeta / v, v the velocity of the reference particle.
        """
        bunch = bunch_of(self.particle, coordinates, self._context, momentum)
        with quietly():
            self._line.track(bunch, num_turns=turns, turn_by_turn_monitor=True)
        record = self._line.record_last_track
        history = np.stack([self._host(getattr(record, name)).T for name in COORDINATES], axis=-1)
        history[self._host(record.state).T <= 0] = np.nan
        order = np.argsort(self._host(bunch.particle_id))
        state, place, turn = (self._host(getattr(bunch, name))[order] for name in ("state", "at_element", "at_turn"))
        final = np.stack([self._host(getattr(bunch, name))[order] for name in COORDINATES], axis=-1)
        alive = (state > 0)[:, None]
        return Run(
            coordinates=np.concatenate([history, np.where(alive, final, np.nan)[None]]),
            place=np.where(alive[:, 0], -1, self._owners[place]),
            turn=turn,
            lost=np.where(alive, np.nan, final),
            unbounded=state < 0,
        )

    def _host(self, array: Any) -> Array:
        """An array of the context as one of numpy."""
        return np.asarray(array if isinstance(array, np.ndarray) else self._context.nparray_from_context_array(array))


def _alike(one: Any, other: Any) -> bool:
    """Whether two of Xsuite's elements have the same numbers, to rounding."""
    first, second = one.to_dict(), other.to_dict()
    if first.keys() != second.keys():
        return False
    numbers = [key for key, value in first.items() if isinstance(value, (int, float, list, np.ndarray))]
    return all(np.allclose(first[key], second[key], rtol=1e-9, atol=1e-15) for key in numbers)


def _inserted(line: Any, owners: list[int], lattice: Lattice, at: int, name: str, element: Any) -> list[int]:
    """Put an element into the middle of the lattice's element ``at``; the owners of the longer line."""
    before = list(line.element_names)
    middle = float(lattice.s[at] + lattice.s[at + 1]) / 2
    with quietly():
        line.env.elements[name] = element
        line.insert(name, at=middle, with_progress=False)
    after = list(line.element_names)
    same = next(i for i, (one, other) in enumerate(zip(before, after, strict=False)) if one != other)
    grown = len(after) - len(before)
    cut = after[same + 1] != before[same]  # the element there became two
    return owners[:same] + [at] * (grown + cut) + owners[same + cut :]
