"""Units that quantities are shown in and requirements are written in."""

from __future__ import annotations

#: Units a requirement may be written in, as factors of the vocabulary's own unit.
UNIT_FACTORS: dict[str, dict[str, float]] = {
    "1": {"1": 1.0, "": 1.0, "rad": 1.0, "mrad": 1e-3, "1e-3": 1e-3, "%": 1e-2},
    "s": {"s": 1.0, "ms": 1e-3},
    "m": {"m": 1.0, "cm": 1e-2, "mm": 1e-3, "um": 1e-6},
    "m^1/2": {"m^1/2": 1.0, "mm^1/2": 1e-3**0.5},
    "m^-1/2": {"m^-1/2": 1.0},
    "1/m": {"1/m": 1.0, "mrad/mm": 1.0},
    "1/m^2": {"1/m^2": 1.0},
    "T/m": {"T/m": 1.0},
    "T/m^2": {"T/m^2": 1.0},
    "T": {"T": 1.0, "mT": 1e-3},
    "V": {"V": 1.0, "kV": 1e3},
    "V/m": {"V/m": 1.0, "kV/cm": 1e5, "MV/m": 1e6},
    "eV": {"eV": 1.0, "keV": 1e3, "MeV": 1e6},
    "W": {"W": 1.0, "kW": 1e3, "MW": 1e6},
}


def factor_of(unit: str, own: str, name: str) -> float:
    """Size of ``unit`` in a quantity's ``own`` unit (mm: 1e-3 of m); ValueError lists the units that fit ``name``."""
    factors = UNIT_FACTORS[own]
    if unit not in factors:
        allowed = ", ".join(repr(known) for known in factors)
        raise ValueError(f"unit '{unit}' does not fit {name}: expected one of {allowed}")
    return factors[unit]
