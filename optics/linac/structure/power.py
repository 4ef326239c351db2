"""RF power of tanks, and how close their surface field is to breakdown."""

from __future__ import annotations

from math import exp

from scipy.optimize import brentq

from lattice import InputError
from optics.linac.structure.linac import Tank


def copper_power(tank: Tank, shunt_impedance: float) -> float:
    """Peak power [W] lost in the walls: (E0T)^2 L over the effective shunt impedance [Ohm/m] (Wangler 2008, eq. 2.67).

    Raises InputError for an impedance not above 0.
    """
    if not shunt_impedance > 0:
        raise InputError(f"Tank '{tank.name}': the shunt impedance must be above 0 Ohm/m, found {shunt_impedance!r}")
    return tank.e0t**2 * tank.length / shunt_impedance


def kilpatrick_field(frequency: float) -> float:
    """Kilpatrick's surface field [V/m]: f = 1.64 E^2 exp(-8.5/E), f in MHz, E in MV/m (Wangler 2008, eq. 5.101)."""
    if not frequency > 0:
        raise InputError(f"Kilpatrick's field belongs to a frequency above 0 Hz, found {frequency!r}")
    megahertz = frequency * 1e-6
    return 1e6 * float(brentq(lambda field: 1.64 * field**2 * exp(-8.5 / field) - megahertz, 0.5, 1e5, rtol=1e-12))
