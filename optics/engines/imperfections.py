"""Machines with errors by Xsuite, with its own misaligned magnets: none of our changes of frames take part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lattice import Bend, InputError, Lattice, ReferenceParticle, UnstableOptics
from lattice.arrays import Array
from optics.engines.xsuite.elements import CONVERGED_KICKS
from optics.engines.xsuite.engine import quietly
from optics.engines.xsuite.line import to_xsuite
from optics.imperfections.errors import Imperfect
from optics.maps.lattices.checked import checked_particle

_FIELDS = {"bend": ("k1", "k2"), "quadrupole": ("k1", "k1s"), "sextupole": ("k2", "k2s"), "octupole": ("k3", "k3s")}


def xsuite_closed_orbit(
    machine: Imperfect, particle: ReferenceParticle | None = None, *, fringe: str = "full"
) -> dict[str, Array]:
    """Closed orbit of one machine by Xsuite at the entrance of each element of the ideal ring: s, x, y [m], and px, py.

    Its magnets are displaced by shift_x, shift_y, shift_s, rot_x_rad, rot_y_rad and rot_s_rad_no_frame. InputError for
    a batch and for multipole errors (Xsuite spreads them over the magnet), UnstableOptics without a closed orbit.
    """
    errors = machine.table  # raises for a batch
    if any(column.startswith(("normal_", "skew_")) for column in errors.columns):
        raise InputError("multipole errors are thin lenses here and spread over the magnet in Xsuite: not comparable")
    ring = _with_kicks(machine)
    line = to_xsuite(ring, checked_particle(ring, particle), fringe, **CONVERGED_KICKS)
    for name, values in errors.iterrows():
        if ring[str(name)].kind != "monitor":
            _displace(line[str(name)], ring, str(name), dict(values), machine.about)
    with quietly():
        try:
            twiss = line.twiss4d(only_orbit=True)
        except (ValueError, AssertionError, RuntimeError) as error:
            raise UnstableOptics(f"Xsuite finds no closed orbit for '{ring.name}': {error}") from None
    rows = _rows_of(list(twiss["name"]), ring)
    return {column: np.array(twiss[column], dtype=float)[rows] for column in ("s", "x", "px", "y", "py")}


def _with_kicks(machine: Imperfect) -> Lattice:
    """The ideal ring with the correctors as they stand in the machine."""
    settings = machine.lattice
    kickers = {element.name: settings.resolved(element) for element in settings.elements if element.kind == "kicker"}
    ideal = machine.ideal
    return Lattice(
        ideal.name,
        elements=[kickers.get(element.name, element) for element in ideal.elements],
        parameters=ideal.parameters.definitions,
        particle=ideal.particle,
    )


def _displace(magnet: Any, ring: Lattice, name: str, errors: Mapping[str, float], about: str) -> None:
    element = ring.resolved(ring[name])
    values = {column: errors.get(column, 0.0) for column in ("dx", "dy", "ds", "pitch", "yaw", "roll", "field")}
    magnet.shift_x, magnet.shift_y, magnet.shift_s = values["dx"], values["dy"], values["ds"]
    magnet.rot_x_rad, magnet.rot_y_rad, magnet.rot_s_rad_no_frame = values["pitch"], values["yaw"], values["roll"]
    magnet.rot_shift_anchor = 0.5 * float(getattr(element, "length", 0.0)) if about == "middle" else 0.0
    if values["field"] == 0.0:
        return
    scale = 1.0 + values["field"]
    for attribute in _FIELDS[element.kind]:
        setattr(magnet, attribute, getattr(magnet, attribute) * scale)
    if isinstance(element, Bend):
        curvature = float(element.angle) / float(element.length) if element.k0 is None else float(element.k0)
        magnet.k0_from_h, magnet.k0 = False, curvature * scale


def _rows_of(names: list[str], ring: Lattice) -> list[int]:
    """Row of Xsuite's table of each element of the ring, and of the end; elements that repeat are counted."""
    rows, position = [], 0
    for element in ring.elements:
        while names[position].partition("::")[0] != element.name:
            position += 1
        rows.append(position)
        position += 1
    return [*rows, len(names) - 1]
