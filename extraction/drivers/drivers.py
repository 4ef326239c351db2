"""What drives the beam into the resonance, as values with a programme in time.

A programme is a table of (time [s], value) pairs, linear between them and constant outside, or a function of time.
Times count from the start of the extraction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import pi
from typing import Any

import numpy as np

from lattice import InputError, Lattice, ReferenceParticle
from lattice.arrays import Array
from lattice.errors import did_you_mean
from lattice.magnitudes import is_number
from lattice.showing import Showing

Programme = Callable[[float], float] | Sequence[tuple[float, float]]


def programme_values(programme: Programme, times: Array) -> Array:
    """Values of a programme at times [s]; InputError when a function gives something that is not a finite number."""
    if not callable(programme):
        table_times, values = zip(*programme, strict=True)
        return np.asarray(np.interp(times, table_times, values))
    try:
        found = [programme(float(time)) for time in times]
    except (ArithmeticError, TypeError, ValueError, LookupError) as error:
        raise InputError(f"a driver's programme cannot be evaluated: {type(error).__name__}: {error}") from error
    for time, value in zip(times, found, strict=True):
        if not is_number(value):
            raise InputError(f"a driver's programme gave {value!r} at {time} s: it must give finite numbers")
    return np.array(found, dtype=float)


def programme_value(programme: Programme, time: float) -> float:
    """Value of a programme at one time [s]."""
    return float(programme_values(programme, np.array([time]))[0])


def _checked(owner: str, programme: Any) -> Any:
    """The programme, a table as a tuple of pairs; InputError for what is neither table nor function."""
    if callable(programme):
        return programme
    try:
        given = [(time, value) for time, value in programme]
        table = tuple((float(time), float(value)) for time, value in given)
    except (TypeError, ValueError):
        raise InputError(f"{owner}: a programme is a function of time or a list of (time, value) pairs") from None
    times = [time for time, _ in table]
    if not table or not all(is_number(number) for pair in given for number in pair) or sorted(set(times)) != times:
        raise InputError(f"{owner}: a programme's times must rise and all its numbers be finite, found {table!r}")
    return table


@dataclass(frozen=True)
class BetatronCore(Showing):
    """Moves the stack in momentum: ``programme`` is the acceleration dp/p given so far against time."""

    programme: Programme

    def __post_init__(self) -> None:
        object.__setattr__(self, "programme", _checked("BetatronCore", self.programme))

    def momentum_shift(self, time: float) -> float:
        """dp/p that every particle has gained by ``time`` [s]."""
        return programme_value(self.programme, time)

    @staticmethod
    def flux(ring: Lattice, particle: ReferenceParticle, momentum_shift: float) -> float:
        """Flux change [Wb] that accelerates by dp/p = ``momentum_shift``: C B rho dp/p."""
        return float(ring.length) * particle.magnetic_rigidity * momentum_shift


@dataclass(frozen=True)
class TuneSweep(Showing):
    """Moves the tune: ``parameter`` of the lattice (a quadrupole family) follows ``programme``."""

    parameter: str
    programme: Programme

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameter", str(self.parameter).lower())
        object.__setattr__(self, "programme", _checked("TuneSweep", self.programme))

    def setting(self, time: float) -> float:
        """Value of the parameter at ``time`` [s]."""
        return programme_value(self.programme, time)


@dataclass(frozen=True)
class ConstantOptics(Showing):
    """Moves the resonance through the stack: all magnets are scaled by 1 + ``programme``; the optics stays."""

    programme: Programme

    def __post_init__(self) -> None:
        object.__setattr__(self, "programme", _checked("ConstantOptics", self.programme))

    def momentum_shift(self, time: float) -> float:
        """dp/p of a particle of fixed momentum against the scaled magnets: 1/(1 + scaling) - 1."""
        return 1.0 / (1.0 + programme_value(self.programme, time)) - 1.0


_EXCITATIONS = ("sine", "chirp", "dual-fm", "noise")


@dataclass(frozen=True)
class RFKnockout(Showing):
    """Heats the betatron amplitude: transverse kicks at element ``at``.

    ``programme``: amplitude [rad] of the kick against time. ``excitation``: "sine", "chirp", "dual-fm" or "noise",
    around ``tune`` (fraction of the revolution frequency) over ``bandwidth`` (full width, same unit), swept in
    ``period`` [s]; noise is drawn with ``seed``.
    """

    at: str
    programme: Programme
    tune: float
    excitation: str = "sine"
    bandwidth: float = 0.0
    period: float = 1e-3
    seed: int = 1

    def __post_init__(self) -> None:
        owner = f"RFKnockout at '{self.at}'"
        object.__setattr__(self, "programme", _checked(owner, self.programme))
        if self.excitation not in _EXCITATIONS:
            hint = did_you_mean(str(self.excitation), _EXCITATIONS)
            raise InputError(f"{owner}: unknown excitation '{self.excitation}'{hint} Known: {', '.join(_EXCITATIONS)}")
        if not (is_number(self.tune) and 0 < self.tune):
            raise InputError(f"{owner}: tune must be a positive number, found {self.tune!r}")
        if not (is_number(self.bandwidth) and self.bandwidth >= 0) or not (is_number(self.period) and self.period > 0):
            raise InputError(f"{owner}: bandwidth must not be negative and period must be positive")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise InputError(f"{owner}: seed must be a whole number not below 0, found {self.seed!r}")
        if self.excitation != "sine" and self.bandwidth == 0.0:
            raise InputError(f"{owner}: '{self.excitation}' needs a bandwidth")


@dataclass(frozen=True)
class PhaseDisplacement(Showing):
    """Moves the stack by sweeping empty buckets through it.

    ``programme``: momentum deviation of the buckets' centre against time; ``volt`` [V] and ``harmonic`` of the RF. One
    passage displaces the stack by bucket area / (2 pi) in (phase, dp/p), against the sweep.
    """

    programme: Programme
    volt: float
    harmonic: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "programme", _checked("PhaseDisplacement", self.programme))
        if not (is_number(self.volt) and self.volt > 0) or not (
            is_number(self.harmonic) and isinstance(self.harmonic, int) and self.harmonic > 0
        ):
            raise InputError("PhaseDisplacement: volt must be positive and harmonic a whole number above 0")


@dataclass(frozen=True)
class Ripple(Showing):
    """Ripple of a power supply: ``parameter`` is multiplied by 1 + sum of lines (amplitude, frequency [Hz], phase)."""

    parameter: str
    lines: tuple[tuple[float, float, float], ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameter", str(self.parameter).lower())
        try:
            given = [(a, f, phase) for a, f, phase in self.lines]
            lines = tuple((float(a), float(f), float(phase)) for a, f, phase in given)
        except (TypeError, ValueError):
            raise InputError(f"Ripple of '{self.parameter}': lines are (amplitude, frequency, phase)") from None
        if not lines or not all(is_number(n) for line in given for n in line) or any(f < 0 for _, f, _ in lines):
            raise InputError(f"Ripple of '{self.parameter}': amplitudes, frequencies >= 0 and phases must be finite")
        object.__setattr__(self, "lines", lines)

    def factors(self, times: Array) -> Array:
        """1 + sum a sin(2 pi f t + phase) at times [s]."""
        return np.asarray(1.0 + sum(a * np.sin(2 * pi * f * np.asarray(times) + phase) for a, f, phase in self.lines))

    def factor(self, time: float) -> float:
        """The same at one time [s]."""
        return float(self.factors(np.array(time)))

    def compensated(self, gain: float, delay: float = 0.0) -> Ripple:
        """What a feed-forward leaves over that subtracts ``gain`` times the ripple, ``delay`` [s] late.

        a sin(wt + phase) - gain a sin(w (t - delay) + phase), line by line.
        Raises InputError for a gain or delay that is no finite number.
        """
        if not (is_number(gain) and is_number(delay)):
            raise InputError(f"Ripple of '{self.parameter}': gain and delay of a feed-forward must be finite")
        return Ripple(self.parameter, tuple(_left_over(line, gain, delay) for line in self.lines))


def _left_over(line: tuple[float, float, float], gain: float, delay: float) -> tuple[float, float, float]:
    amplitude, frequency, phase = line
    phasor = amplitude * np.exp(1j * phase) * (1.0 - gain * np.exp(-2j * pi * frequency * delay))
    return float(abs(phasor)), frequency, float(np.angle(phasor))


#: What drives the beam out: one of these, or several together.
Driver = BetatronCore | TuneSweep | ConstantOptics | RFKnockout | PhaseDisplacement
