"""Tables of the optics study; a heading carries its unit in brackets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from studies.match.tables import match_tables
from studies.results import TableData
from studies.ring_optics.facts import BeamOptics, Facts
from studies.ring_optics.orbit_tables import orbit_tables
from studies.spec.units import parameter_unit, unit_shown
from studies.vocabulary import COLUMNS

_COLUMNS = ("s", "betx", "alfx", "mux", "dx", "dpx", "bety", "alfy", "muy", "dy", "dpy")


def tables(facts: Facts) -> tuple[TableData, ...]:
    """All tables of the study, the match's first."""
    return (
        *(match_tables(facts.matched) if facts.matched else ()),
        *engine_tables(facts),
        *_beam_tables(facts),
        *_magnet_tables(facts),
        *(orbit_tables(facts.imperfections) if facts.imperfections else ()),
        _optics_table(facts),
    )


def _optics_table(facts: Facts) -> TableData:
    table = facts.optics.table
    units = {"s": "m", **{key: kind.unit for key, kind in COLUMNS.items()}}
    named = {_headed(column, units[column]): table[column].to_numpy() for column in _COLUMNS}
    kinds = [*(element.kind for element in facts.optics.lattice.elements), "end"]
    frame = pd.DataFrame({"name": list(map(str, table.index)), "kind": kinds, **named})
    caption = "Values at the entrance of each element, and at the end. mu in turns, dispersion per dp/p."
    return TableData("optics-table", "Optics at the elements", caption, frame)


def _beam_tables(facts: Facts) -> Iterator[TableData]:
    """The beams that have to fit, and the room each has."""
    if not facts.beams or all(element.aperture is None for element in facts.optics.lattice.elements):
        return
    rows = [_beam_row(case) for case in facts.beams]
    caption = "Each beam in the optics of its own working point; the room is the least one along the machine."
    yield TableData("aperture-beams", "Beams and the room they have", caption, pd.DataFrame(rows))


def _beam_row(case: BeamOptics) -> dict[str, Any]:
    return {
        "beam": case.beam.name,
        "particle": case.particle.species,
        "energy [MeV/u]": case.particle.kinetic_energy_per_u / 1e6,
        "Qx": case.compared.optics.qx,
        "Qy": case.compared.optics.qy,
        "emittance x [um]": case.beam.emittance_x * 1e6,
        "emittance y [um]": case.beam.emittance_y * 1e6,
        "full dp/p": case.beam.momentum_spread,
        "sigmas": case.beam.sigmas,
        "room x [mm]": case.rooms["x"].value * 1e3,
        "at (x)": case.rooms["x"].element,
        "room y [mm]": case.rooms["y"].value * 1e3,
        "at (y)": case.rooms["y"].element,
        "source": case.beam.source,
    }


def _magnet_tables(facts: Facts) -> Iterator[TableData]:
    """Families of magnets with their strength and the field they need at the top rigidity."""
    machine = facts.resolved.machine
    if machine is None:
        return
    rigidity = facts.resolved.top_particle.magnetic_rigidity
    parameters = facts.optics.lattice.parameters
    rows = [
        {
            "family": family.name,
            "kind": family.kind,
            "plane": family.plane,
            "magnets": len(family.elements),
            "strength": float(parameters[family.parameter]),
            "strength's unit": parameter_unit(family.parameter, facts.optics.lattice),
            "field at top rigidity": float(parameters[family.parameter]) * rigidity,
            "rating": rating.value,
            "field's unit": rating.unit,
        }
        for family in machine.families.values()
        if (rating := machine.rating(family.kind)) is not None
    ]
    if rows:
        caption = f"Strengths of the final lattice and the fields they take at {rigidity:.6g} T m, the top rigidity."
        yield TableData("strengths-families", "Magnet families", caption, pd.DataFrame(rows))


def _headed(name: str, unit: str) -> str:
    return name if unit == "1" else f"{name} [{unit}]"


def engine_tables(facts: Facts) -> Iterator[TableData]:
    """The optics by both engines."""
    verification = facts.compared.verification
    if verification is None:
        return
    rows = verification.table
    frame = pd.DataFrame(
        {
            "quantity": list(map(str, rows["quantity"])),
            "unit": [unit_shown(name) for name in rows["quantity"]],
            "own maps": rows["ours"].to_numpy(),
            "Xsuite": rows["reference"].to_numpy(),
            "difference": rows["difference"].to_numpy(),
            "tolerance": rows["tolerance"].to_numpy(),
            "within": rows["ok"].to_numpy(dtype=bool),
            "where": list(map(str, rows["where"])),
            "why the tolerance": list(map(str, rows["reason"])),
        }
    )
    caption = f"Both engines on the same lattice, each quantity where they differ most. {verification.message}."
    yield TableData("engines-table", "Own maps beside Xsuite", caption, frame, digits=10)
