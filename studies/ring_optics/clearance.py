"""Beams inside their apertures: the edge of the beam at every place, and the least room it leaves.

The edge is sigmas x sqrt(beta emittance / (beta gamma)) + |D| (full momentum spread) / 2 beside the closed orbit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lattice import ElectrostaticSeptum, InputError, Lattice, ReferenceParticle
from lattice.arrays import Array
from machines.rings.machine import MachineBeam
from optics import Optics

PLANES = ("x", "y")
#: Parts an element is cut into: the edge is looked at between them too.
SLICES = 8


@dataclass(frozen=True)
class Clearance:
    """The least room [m] and where it is: the element and s [m]."""

    value: float
    element: str
    s: float


def edge(beam: MachineBeam, particle: ReferenceParticle, beta: Array, dispersion: Array, plane: str) -> Array:
    """Half width of the beam [m] for beta functions and dispersions [m]."""
    emittance = getattr(beam, f"emittance_{plane}") / (particle.beta * particle.gamma)
    half: Array = beam.sigmas * np.sqrt(beta * emittance) + np.abs(dispersion) * beam.momentum_spread / 2
    return half


def envelope(optics: Optics, beam: MachineBeam, slices: int = SLICES) -> pd.DataFrame:
    """Edges of beam and aperture [m]: two rows (its two ends) for each slice, so that apertures keep their steps.

    Columns: element, s, x_low, x_high, y_low, y_high, aperture_x_low ... aperture_y_high (nan where there is none).
    """
    inside = optics.inside(slices)
    ends = np.repeat(np.arange(len(inside) - 1), 2)
    ends[1::2] += 1
    owner = inside["element"].to_numpy()[np.repeat(np.arange(len(inside) - 1), 2)]
    rows = {column: inside[column].to_numpy()[ends] for column in ("s", "betx", "bety", "dx", "dy", "x", "y")}
    table: dict[str, object] = {"element": owner, "s": rows["s"]}
    for plane in PLANES:
        half = edge(beam, optics.particle, rows[f"bet{plane}"], rows[f"d{plane}"], plane)
        table |= {f"{plane}_low": rows[plane] - half, f"{plane}_high": rows[plane] + half}
    room = openings(optics.lattice)
    for column, name in enumerate(("x_low", "x_high", "y_low", "y_high")):
        table[f"aperture_{name}"] = [room[element][column] for element in owner]
    return pd.DataFrame(table)


def thinned(table: pd.DataFrame) -> pd.DataFrame:
    """An envelope for drawing: where two rows stand at one s with one aperture, the first alone."""
    columns = ["s", *(f"aperture_{name}" for name in ("x_low", "x_high", "y_low", "y_high"))]
    return table.loc[~table.duplicated(columns)].drop(columns="element").reset_index(drop=True)


def openings(lattice: Lattice) -> dict[str, tuple[float, float, float, float]]:
    """Aperture of each row of the lattice: x_low, x_high, y_low, y_high [m], nan without one."""
    found = {}
    for name, element in zip(lattice.names, lattice.elements, strict=True):
        a = element.aperture
        if a is None:
            found[name] = (float("nan"),) * 4
            continue
        half_x = a.half_x if a.ellipse_x is None else min(a.half_x, a.ellipse_x)
        half_y = a.half_y if a.ellipse_y is None else min(a.half_y, a.ellipse_y)
        found[name] = (a.offset_x - half_x, a.offset_x + half_x, a.offset_y - half_y, a.offset_y + half_y)
    return found


def clearance(optics: Optics, beam: MachineBeam, plane: str, slices: int = SLICES) -> Clearance:
    """Least distance between the edge of a beam and the aperture in one plane; InputError without apertures."""
    table = envelope(optics, beam, slices)
    above = table[f"aperture_{plane}_high"] - table[f"{plane}_high"]
    below = table[f"{plane}_low"] - table[f"aperture_{plane}_low"]
    room = np.minimum(above, below).to_numpy()
    if np.all(np.isnan(room)):
        raise InputError(f"no element of '{optics.lattice.name}' has an aperture")
    row = int(np.nanargmin(room))
    return Clearance(float(room[row]), str(table["element"][row]), float(table["s"][row]))


def clearance_at_septum(optics: Optics, beam: MachineBeam, septum: str) -> Clearance:
    """Distance between the edge of a beam and the wires at the entrance of an electrostatic septum."""
    element = optics.lattice.resolved(optics.lattice[septum])
    if not isinstance(element, ElectrostaticSeptum) or not element.position:
        raise InputError(f"'{septum}' is no electrostatic septum with a position of its wires")
    position = float(element.position)
    at = {column: np.asarray(optics.value(column, septum)) for column in ("betx", "dx", "x")}
    half = edge(beam, optics.particle, at["betx"], at["dx"], "x")
    room = abs(position) - float(half) - float(np.sign(position) * at["x"])
    return Clearance(room, septum, float(optics.value("s", septum)))
