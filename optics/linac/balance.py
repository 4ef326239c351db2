"""The balance of a linac: what its tanks and RF units give and take, what lost particles carry, what charge undoes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import pi
from typing import Any, Protocol

import numpy as np
import pandas as pd

from lattice.arrays import Array
from optics.linac.bucket import bucket
from optics.linac.focusing import Period
from optics.linac.result import LinacTracked
from optics.linac.space_charge import SpaceCharge
from optics.linac.structure.coordinates import particle_at
from optics.linac.structure.linac import Linac, Tank
from optics.linac.structure.power import copper_power, kilpatrick_field
from optics.linac.transport import Transport


class RFSupply(Protocol):
    """RF of one unit.

    ``shunt_impedance`` [Ohm/m], effective: (E0T)^2 over copper power a length; ``surface_field_ratio``: peak surface
    field over E0; ``klystron`` [W]; ``waveguide_loss``: share lost on the way.
    """

    @property
    def shunt_impedance(self) -> float: ...
    @property
    def surface_field_ratio(self) -> float: ...
    @property
    def klystron(self) -> float: ...
    @property
    def waveguide_loss(self) -> float: ...


def tank_table(
    linac: Linac, run: Transport, supplies: Mapping[str, RFSupply], integrated: Array | None = None
) -> pd.DataFrame:
    """One row a tank: energies [eV], gain by both engines, fields [V/m], phases [rad], bucket.

    Columns: tank, unit, s, length, cells, beta, entrance, gain, gain_fields (by ``integrated``, energies at the ends of
    all pieces), e0, e0t, phase, surface (peak field), kilpatrick (over Kilpatrick's), bucket_height [eV], bucket_width.
    """
    return pd.DataFrame([_tank_row(linac, run, supplies[tank.unit], integrated, tank) for tank in linac.tanks])


def _tank_row(linac: Linac, run: Transport, supply: RFSupply, integrated: Array | None, tank: Tank) -> dict[str, Any]:
    place = linac.place(tank.name)
    row, after = run.row(tank.name), int(np.searchsorted(run.piece, place + 1))
    entrance, gain = float(run.energy[row]), float(run.energy[after] - run.energy[row])
    other = float(integrated[place + 1] - integrated[place]) if integrated is not None else float("nan")
    particle = particle_at((entrance + 0.5 * gain) / linac.particle.mass, linac.particle)
    here = bucket(tank, particle) if -0.5 * pi < tank.synchronous_phase < 0 else None
    surface = supply.surface_field_ratio * tank.e0
    return {
        "tank": tank.name,
        "unit": tank.unit,
        "s": float(run.s[row]),
        "length": tank.length,
        "cells": tank.cells,
        "beta": tank.beta,
        "entrance": entrance,
        "gain": gain,
        "gain_fields": other,
        "e0": tank.e0,
        "e0t": tank.e0t,
        "phase": tank.synchronous_phase,
        "surface": surface,
        "kilpatrick": surface / kilpatrick_field(tank.frequency),
        "bucket_height": here.half_height if here else float("nan"),
        "bucket_width": here.phase_high - here.phase_low if here else float("nan"),
    }


def unit_table(
    linac: Linac, run: Transport, supplies: Mapping[str, RFSupply], *, current: float, duty: float
) -> pd.DataFrame:
    """One row an RF unit: energy behind it [eV] and its power [W], at ``current`` [A] in the pulse.

    Columns: unit, exit, copper (``copper_power`` of its tanks), beam (I / q times the energy that it gives), needed
    ((copper + beam) over what the waveguide lets through), klystron, share (needed over klystron), average (``duty``).
    """
    return pd.DataFrame([_unit_row(linac, run, unit, supply, current, duty) for unit, supply in supplies.items()])


def _unit_row(linac: Linac, run: Transport, unit: str, supply: RFSupply, current: float, duty: float) -> dict[str, Any]:
    tanks = [tank for tank in linac.tanks if tank.unit == unit]
    copper = sum(copper_power(tank, supply.shunt_impedance) for tank in tanks)
    first, after = run.row(tanks[0].name), int(np.searchsorted(run.piece, linac.place(tanks[-1].name) + 1))
    beam = current / linac.particle.charge * float(run.energy[after] - run.energy[first])
    needed = (copper + beam) / (1.0 - supply.waveguide_loss)
    return {
        "unit": unit,
        "exit": float(run.energy[after]),
        "copper": copper,
        "beam": beam,
        "needed": needed,
        "klystron": supply.klystron,
        "share": needed / supply.klystron,
        "average": needed * duty,
    }


def lost_power(linac: Linac, run: Transport, tracked: LinacTracked, current: float) -> float:
    """Mean power [W] that the lost particles carry at a mean ``current`` [A] at the entrance.

    Each particle stands for its part of the current, with the energy of the reference particle at its place:
    P = (I / q) sum W(s_lost) / n.
    """
    rows = [int(np.searchsorted(run.s, s)) for s in tracked.lost["s"]]
    energy = float(np.sum(run.energy[np.minimum(rows, len(run.energy) - 1)])) if rows else 0.0
    return current / linac.particle.charge * energy / len(tracked.alive)


def defocusing(charge: SpaceCharge, linac: Linac, run: Transport, sizes: Array, found: Sequence[Period]) -> float:
    """Largest defocusing by space charge over the focusing of the quadrupoles (``SpaceCharge.strength``) of periods.

    ``sizes``: rms sizes along ``run`` as ``run.sizes`` gives them; of a period their mean square over its length.
    """
    worst = 0.0
    for period in found:
        row, last = (int(np.argmin(np.abs(run.s - s))) for s in (period.s, period.end))
        particle = particle_at(float(run.energy[row] / linac.particle.mass), linac.particle)
        squares = np.trapezoid(sizes[row : last + 1, [0, 2, 4]] ** 2, run.s[row : last + 1], axis=0)
        here = np.sqrt(squares / (run.s[last] - run.s[row]))
        advance = np.nanmin([period.mux_without_rf, period.muy_without_rf])
        if np.isfinite(advance):
            worst = max(worst, charge.strength(here, particle, float(advance), period.end - period.s))
    return worst
