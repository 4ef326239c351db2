"""RF supplies and pulses of a linac, in SI units."""

from __future__ import annotations

from dataclasses import dataclass


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
