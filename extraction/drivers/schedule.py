"""Everything that changes during an extraction, put together: drivers and ripple as settings against time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from extraction.drivers.drivers import (
    BetatronCore,
    ConstantOptics,
    Driver,
    PhaseDisplacement,
    RFKnockout,
    Ripple,
    TuneSweep,
    programme_values,
)
from lattice import InputError, Lattice
from lattice.arrays import Array

_SAMPLES = 20001  # moments at which the range of a programme is looked for


@dataclass(frozen=True, eq=False)
class Schedule:
    """What drivers and ripples do to a ring.

    A particle of deviation delta0 has, against the ring's reference momentum at time t, the deviation
    (1 + delta0 + shift(t)) / (1 + scaling(t)) - 1; ``settings`` are parameters of the ring that follow a programme or
    ripple; ``knockout`` and ``buckets`` act on each particle. Raises InputError for what cannot be combined or set.
    """

    ring: Lattice
    drivers: tuple[Driver, ...]
    ripples: tuple[Ripple, ...] = ()
    _sweeps: Mapping[str, TuneSweep] = field(init=False)

    def __post_init__(self) -> None:
        for one in self.drivers:
            if not isinstance(one, Driver):
                raise InputError(f"a driver must be one of {_KNOWN}, found {one!r}")
        for ripple in self.ripples:
            if not isinstance(ripple, Ripple):
                raise InputError(f"ripple must be Ripple values, found {ripple!r}")
        sweeps = _one_each([driver for driver in self.drivers if isinstance(driver, TuneSweep)])
        _one_each(list(self.ripples))
        for kind in (RFKnockout, PhaseDisplacement):
            if sum(isinstance(driver, kind) for driver in self.drivers) > 1:
                raise InputError(f"only one {kind.__name__} can act at a time")
        object.__setattr__(self, "_sweeps", sweeps)
        for name in self.settings:
            known = name in self.ring.parameters
            self.ring.with_parameters(
                {name: self.ring.parameters[name] if known else 0.0}
            )  # refuses what it cannot set

    @property
    def settings(self) -> tuple[str, ...]:
        """Names of the parameters that change."""
        return tuple(dict.fromkeys([*self._sweeps, *(ripple.parameter for ripple in self.ripples)]))

    @property
    def knockout(self) -> RFKnockout | None:
        """The transverse exciter, if there is one."""
        return next((driver for driver in self.drivers if isinstance(driver, RFKnockout)), None)

    @property
    def buckets(self) -> PhaseDisplacement | None:
        """The longitudinal buckets, if there are any."""
        return next((driver for driver in self.drivers if isinstance(driver, PhaseDisplacement)), None)

    @property
    def highest_frequency(self) -> float:
        """Of the ripple's lines [Hz]; 0 without ripple."""
        return max((frequency for ripple in self.ripples for _, frequency, _ in ripple.lines), default=0.0)

    def shift(self, times: Array) -> Array:
        """Momentum deviation that the betatron core has given by ``times`` [s]."""
        cores = [driver for driver in self.drivers if isinstance(driver, BetatronCore)]
        return np.asarray(sum((programme_values(core.programme, times) for core in cores), np.zeros(len(times))))

    def scale(self, times: Array) -> Array:
        """1 / (1 + scaling of all magnets) at ``times`` [s]."""
        scaled = [driver for driver in self.drivers if isinstance(driver, ConstantOptics)]
        growth = [1.0 + programme_values(driver.programme, times) for driver in scaled]
        if any(np.any(factor <= 0) for factor in growth):
            raise InputError("ConstantOptics: magnets cannot be scaled by -1 or less")
        return np.asarray(1.0 / np.prod([np.ones(len(times)), *growth], axis=0))

    def values(self, times: Array) -> dict[str, Array]:
        """Each setting at ``times`` [s]."""
        found = {}
        for name in self.settings:
            own = self._sweeps.get(name)
            value = np.full(len(times), float(self.ring.parameters[name]))
            if own is not None:
                value = programme_values(own.programme, times)
            for ripple in self.ripples:
                if ripple.parameter == name:
                    value = value * ripple.factors(times)
            found[name] = value
        return found

    def momentum_range(self, deltas: Array, duration: float) -> tuple[float, float]:
        """Lowest and highest deviation against the magnets of particles that begin with ``deltas``."""
        times = self._moments(duration)
        shift, scale = self.shift(times), self.scale(times)
        ends = [(1.0 + delta + shift) * scale - 1.0 for delta in (np.min(deltas), np.max(deltas))]
        low, high = float(np.min(ends)), float(np.max(ends))
        if self.buckets is not None:
            reach = programme_values(self.buckets.programme, times)
            margin = np.max(deltas) - np.min(deltas) + 1e-3  # displaced particles move by less than the sweep
            low, high = min(low, float(np.min(reach))) - margin, max(high, float(np.max(reach))) + margin
        return low, high

    def ranges(self, duration: float) -> dict[str, tuple[float, float]]:
        """Lowest and highest value of each setting in the course of ``duration`` [s], with ripple at its largest."""
        times = self._moments(duration)
        found = {}
        for name, values in self.values(times).items():
            lines = [abs(a) for ripple in self.ripples if ripple.parameter == name for a, _, _ in ripple.lines]
            margin = float(np.max(np.abs(values))) * sum(lines)
            found[name] = (float(np.min(values)) - margin, float(np.max(values)) + margin)
        return found

    @staticmethod
    def _moments(duration: float) -> Array:
        return np.linspace(0.0, duration, _SAMPLES)


_KNOWN = "BetatronCore, TuneSweep, RFKnockout, ConstantOptics, PhaseDisplacement"


def _one_each(items: Sequence[Any]) -> dict[str, Any]:
    by_name: dict[str, Any] = {}
    for item in items:
        if item.parameter in by_name:
            raise InputError(f"two {type(item).__name__} act on '{item.parameter}': put them into one")
        by_name[item.parameter] = item
    return by_name
