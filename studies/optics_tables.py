"""Tables of the optics study; a heading carries its unit in brackets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from lattice import Lattice
from optics.matching import MatchResult
from studies.clearance import clearance
from studies.facts import BeamOptics, Facts
from studies.orbit_tables import orbit_tables
from studies.quantities import COLUMNS, EXTRACTION, SCALARS, QuantityKind
from studies.results import TableData

_COLUMNS = ("s", "betx", "alfx", "mux", "dx", "dpx", "bety", "alfy", "muy", "dy", "dpy")

#: Units of strengths, for parameters that are one.
_STRENGTH_UNITS = {
    "k1": "m^-2", "k1s": "m^-2", "k2": "m^-3", "k2s": "m^-3", "k3": "m^-4", "k3s": "m^-4", "k0": "1/m", "ks": "1/m",
    "angle": "rad", "e1": "rad", "e2": "rad", "hkick": "rad", "vkick": "rad", "tilt": "rad", "length": "m",
    "hgap": "m", "volt": "V", "freq": "Hz",
}  # fmt: skip


def kind_of(label: str) -> QuantityKind:
    """Vocabulary entry of a match's quantity (its place aside), with an empty one for what it lacks."""
    quantity = label.partition("@")[0]
    if quantity == "circumference":
        return SCALARS["length"]
    return {**SCALARS, **EXTRACTION, **COLUMNS}.get(quantity) or QuantityKind(quantity, "1", quantity, quantity)


def parameter_unit(name: str, lattice: Lattice) -> str:
    """Unit of a parameter that is, up to its sign, a strength of some element; "" when it is none."""
    for element in lattice.unique_elements[0]:
        for attribute, written in element.strengths().items():
            if isinstance(written, str) and written.replace(" ", "").lstrip("+-") == name:
                return _STRENGTH_UNITS.get(attribute, "")
    return ""


def tables(facts: Facts, matched: MatchResult | None) -> tuple[TableData, ...]:
    """All tables of the study, the match's first."""
    return (
        *(match_tables(matched) if matched else ()),
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
    room = {plane: clearance(case.compared.optics, case.beam, plane) for plane in ("x", "y")}
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
        "room x [mm]": room["x"].value * 1e3,
        "at (x)": room["x"].element,
        "room y [mm]": room["y"].value * 1e3,
        "at (y)": room["y"].element,
        "source": case.beam.source,
    }


#: The rating that each kind of magnet is held against.
_RATINGS = {"bend": "bend_field", "quadrupole": "gradient", "sextupole": "sextupole_gradient"}


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
        if (rating := machine.ratings.get(_RATINGS.get(family.kind, ""))) is not None
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
            "unit": [_unit(name) for name in rows["quantity"]],
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
    yield TableData("engines-table", "Own maps beside Xsuite", caption, frame)


def _unit(quantity: str) -> str:
    unit = "m" if quantity == "s" else kind_of(quantity).unit
    return "" if unit == "1" else unit


def match_tables(matched: MatchResult) -> Iterator[TableData]:
    """Targets, limits, parameters and sensitivity of a match."""
    yield TableData("match-values", "Targets before and after", matched.message + ".", _targets(matched))
    if matched.limits:
        yield TableData("match-limits", "Limits", "Excess over the limit, 0 inside.", _limits(matched))
    caption = "Parameters of the match with their bounds (none: open)."
    yield TableData("match-parameters", "Parameters before and after", caption, _parameters(matched))
    caption = "Change of each target for a change of each parameter at the match, exact derivatives."
    yield TableData("match-sensitivity", "Sensitivity of the targets", caption, _sensitivity(matched))


def _targets(matched: MatchResult) -> pd.DataFrame:
    targets = matched.targets
    return pd.DataFrame(
        {
            "target": [target.label for target in targets],
            "unit": [_unit(target.label) for target in targets],
            "goal": [float(target.value) for target in targets],
            "before": [float(matched.values_before[target.label]) for target in targets],
            "after": [float(matched.values[target.label]) for target in targets],
            "residual": [float(matched.residuals[target.label]) for target in targets],
            "tolerance": [float(target.tolerance or 0.0) for target in targets],
            "met": [abs(matched.residuals[t.label]) <= (t.tolerance or 0.0) for t in targets],
        }
    )


def _limits(matched: MatchResult) -> pd.DataFrame:
    limits = matched.limits
    return pd.DataFrame(
        {
            "limit": [limit.label for limit in limits],
            "unit": [_unit(limit.quantity) for limit in limits],
            "excess": [float(matched.residuals[limit.label]) for limit in limits],
            "kept": [matched.residuals[limit.label] == 0.0 for limit in limits],
        }
    )


def _parameters(matched: MatchResult) -> pd.DataFrame:
    names = [vary.name for vary in matched.vary]
    return pd.DataFrame(
        {
            "parameter": names,
            "unit": [parameter_unit(name, matched.lattice) for name in names],
            "lower": [float("nan") if vary.lower is None else float(vary.lower) for vary in matched.vary],
            "upper": [float("nan") if vary.upper is None else float(vary.upper) for vary in matched.vary],
            "before": [float(matched.parameters_before[name]) for name in names],
            "after": [float(matched.parameters[name]) for name in names],
        }
    )


def _sensitivity(matched: MatchResult) -> pd.DataFrame:
    columns = {f"d/d({vary.name})": matched.sensitivity[:, column] for column, vary in enumerate(matched.vary)}
    return pd.DataFrame({"target": [target.label for target in matched.targets], **columns})
