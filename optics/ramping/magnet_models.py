"""Magnets and their supplies as stated models: excitation curve, eddy currents, hysteresis, voltage and slew.

Fields are in the magnet's own unit (T for a bend, T/m, T/m^2): every ``field`` below is one of these.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lattice import InputError
from lattice.arrays import Array


@dataclass(frozen=True)
class Excitation:
    """Excitation curve: I = (B - ``remanent``) / ``gain`` * (1 + (|B| / ``knee``)^``power``).

    ``gain`` [field per A]; ``knee``: the field whose current is twice what the gain says (inf: no saturation).
    Raises InputError for a gain or knee that is not positive.
    """

    gain: float
    remanent: float = 0.0
    knee: float = float("inf")
    power: float = 8.0

    def __post_init__(self) -> None:
        if not (self.gain > 0 and self.knee > 0 and self.power > 0):
            raise InputError(f"an excitation curve needs positive gain, knee and power, found {self}")

    def current(self, field: Any) -> Array:
        """Current [A] that gives ``field``."""
        field = np.asarray(field, dtype=float)
        return np.asarray((field - self.remanent) / self.gain * (1.0 + self._excess(field)))

    def slope(self, field: Any) -> Array:
        """dI/dB [A per field]."""
        field = np.asarray(field, dtype=float)
        excess = self._excess(field)
        with np.errstate(divide="ignore", invalid="ignore"):
            bent = np.where(field == 0.0, 0.0, self.power * excess * (field - self.remanent) / field)
        return np.asarray((1.0 + excess + bent) / self.gain)

    def field(self, current: Any) -> Array:
        """Field at ``current`` [A]: Newton's method on the rising curve."""
        current = np.asarray(current, dtype=float)
        field = self.remanent + self.gain * current
        for _ in range(60):
            step = (self.current(field) - current) / self.slope(field)
            field = field - step
            if np.all(np.abs(step) <= 1e-14 * (np.abs(field) + abs(self.remanent) + 1e-30)):
                break
        return np.asarray(field)

    def _excess(self, field: Array) -> Array:
        return np.asarray((np.abs(field) / self.knee) ** self.power)


@dataclass(frozen=True)
class EddyCurrents:
    """Field in the gap behind the field of the current by ``delay`` [s] times dB/dt, fading with ``time_constant`` [s].

    The first order of diffusion through a conducting wall or yoke end (Moritz, CERN Yellow Report 2010-004, p. 103).
    """

    delay: float
    time_constant: float

    def error(self, rate: Any, field: Any, time: Any) -> Array:
        """Relative field error ``time`` [s] after a ramp of ``rate`` [field/s] ended at ``field``."""
        lag = self.delay * np.abs(rate) / np.abs(field)
        return np.asarray(lag * np.exp(-np.asarray(time) / self.time_constant))

    def settling(self, rate: Any, field: Any, tolerance: float) -> Array:
        """Time [s] until the relative error is below ``tolerance``."""
        ratio = self.error(rate, field, 0.0) / tolerance
        return np.asarray(self.time_constant * np.log(np.maximum(ratio, 1.0)))


@dataclass(frozen=True)
class Hysteresis:
    """Field left over when the iron goes back: ``width`` (1 - exp(-|change| / ``reach``)), both in units of field.

    A standardised magnet always arrives from below and has none of it; a step down within a spill has.
    """

    width: float
    reach: float

    def error(self, field: Any, change: Any) -> Array:
        """Relative field error at ``field`` after a step back of ``change`` from the branch that was calibrated."""
        back = self.width * (1.0 - np.exp(-np.abs(change) / self.reach))
        return np.asarray(np.where(np.asarray(change) < 0, back, 0.0) / np.abs(field))


@dataclass(frozen=True)
class Supply:
    """Power supply of a family: U = ``resistance`` I + ``inductance`` dI/dt within its ratings (A, V, A/s; ohm, H)."""

    largest_current: float
    largest_voltage: float
    largest_slew: float
    resistance: float
    inductance: float

    def rates(self, low: Any, high: Any) -> tuple[Array, Array]:
        """Fastest even ramps between two currents [A/s]: (up, down); 0 where the voltage cannot hold ``high``."""
        spare = np.maximum(self.largest_voltage - self.resistance * np.asarray(high, dtype=float), 0.0)
        help_ = self.largest_voltage + self.resistance * np.asarray(low, dtype=float)
        up = np.minimum(self.largest_slew, spare / self.inductance)
        return np.asarray(up), np.asarray(np.minimum(self.largest_slew, help_ / self.inductance))

    def ramp_time(self, begin: Any, end: Any) -> Array:
        """Least time [s] of an even ramp from ``begin`` to ``end`` [A]; inf where the voltage cannot hold the top."""
        begin, end = np.asarray(begin, dtype=float), np.asarray(end, dtype=float)
        up, down = self.rates(np.minimum(begin, end), np.maximum(begin, end))
        with np.errstate(divide="ignore", invalid="ignore"):
            time = np.abs(end - begin) / np.where(end >= begin, up, down)
        return np.asarray(np.where(begin == end, 0.0, time))

    def voltage(self, current: Any, slew: Any) -> Array:
        """Voltage [V] at ``current`` [A] while it changes by ``slew`` [A/s]."""
        return np.asarray(self.resistance * np.asarray(current) + self.inductance * np.asarray(slew))
