"""RF supplies and pulses of a linac, in SI units."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from lattice import ReferenceParticle

_ROUNDING = 1e-9  # of an interval


@dataclass(frozen=True)
class Supply:
    """RF of one unit.

    ``shunt_impedance`` [Ohm/m], effective: (E0T)^2 over copper power a length; ``surface_field_ratio``: peak surface
    field over E0; ``klystron`` [W]; ``waveguide_loss``: share lost on the way.
    """

    shunt_impedance: float
    surface_field_ratio: float
    klystron: float
    waveguide_loss: float


@dataclass(frozen=True)
class Pulse:
    """``length`` and settling times [s] of amplitude, low-level RF and magnets, ``repetition`` [Hz].

    ``magnet_slew`` [T m/s]: how fast the beam line behind changes its rigidity.
    """

    length: float
    repetition: float
    amplitude_settling: float
    low_level: float
    magnet_slew: float
    magnet_settling: float

    @property
    def duty(self) -> float:
        """Share of the time with RF."""
        return self.length * self.repetition

    @property
    def switching_time(self) -> float:
        """Time [s] in which the linac changes energy: settling, in whole intervals of pulses."""
        return self.whole_pulses(self.amplitude_settling + self.low_level + self.length)

    def change_time(self, before: ReferenceParticle, after: ReferenceParticle) -> float:
        """Time [s] from one particle to another with the beam line's magnets, in whole intervals of pulses."""
        way = abs(after.magnetic_rigidity - before.magnetic_rigidity)
        return max(self.switching_time, self.whole_pulses(way / self.magnet_slew + self.magnet_settling))

    def whole_pulses(self, time: float) -> float:
        """``time`` [s] rounded up to whole intervals between pulses."""
        return ceil(time * self.repetition - _ROUNDING) / self.repetition
