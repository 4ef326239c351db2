"""Quantities of the optics study, each with the error it is known to and the engines it rests on.

The error of a number that both engines give is their difference on the same lattice; what is looked for inside
elements adds the change when the elements are cut twice as fine. A method names the error's source where it is
another than this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from lattice import InputError
from optics import Optics
from optics.aperture import PLANES, Clearance, clearance, clearance_at_wires, furthest
from optics.linear.extrema import SLICES, interval_maxima
from optics.linear.solution import functions_inside
from optics.magnets import magnet_count, strongest
from optics.resonances import nearest_third, nearest_with_qy
from optics.straights import third_straight
from studies.judging import ALONE, BOTH, FORMULA, ROUNDING, Number, measured, worst_of
from studies.results import Quantity
from studies.ring_optics.facts import BeamOptics, Compared, Facts
from studies.ring_optics.imperfections import imperfection_number
from studies.vocabulary import IMPERFECTIONS, QuantityName, computed_by, quantity_named


def evaluate(names: Iterable[str], facts: Facts) -> tuple[Quantity, ...]:
    """Each quantity of ``names`` once, in order; what cannot be computed has no value, and its method says why."""
    return tuple(measured(name, partial(_number, quantity_named(name), facts)) for name in dict.fromkeys(names))


def _number(asked: QuantityName, facts: Facts) -> Number:
    if asked.form == "at":
        return _at_place(asked, facts)
    if asked.form in ("max", "min"):
        return _extreme(asked, facts)
    if asked.base not in _SCALARS:
        raise InputError(f"'{asked.base}' is computed by studies of {computed_by(asked.base)}")
    return _SCALARS[asked.base](asked.base, facts)


# ------------------------------------------------------------------------------------------------- single numbers


def _with_error(compared: Compared, own: float, reference: Callable[[], float], method: str, figure: str) -> Number:
    rounding = ROUNDING * max(1.0, abs(own))
    if compared.verification is None:
        return Number(own, rounding, ALONE, f"{method}; error: rounding only, for {compared.alone}", figure)
    return Number(own, abs(own - reference()) + rounding, BOTH, method, figure)


_SCALAR_METHODS = {
    "qx": ("phase advance of the one-turn matrix", "tunes-diagram"),
    "qy": ("phase advance of the one-turn matrix", "tunes-diagram"),
    "dqx": ("second derivatives of the maps along the dispersive orbit", "tunes-diagram"),
    "dqy": ("second derivatives of the maps along the dispersive orbit", "tunes-diagram"),
    "momentum_compaction": ("path length of the dispersive orbit", "optics-ring"),
    "gamma_transition": ("1 / sqrt(momentum compaction)", "optics-ring"),
    "slip_factor": ("momentum compaction - 1 / gamma^2", "optics-ring"),
}


def _scalar(key: str, facts: Facts) -> Number:
    method, figure = _SCALAR_METHODS[key]
    own = float(facts.optics.scalar(key))
    return _with_error(facts.compared, own, lambda: _reference_scalar(facts.compared, key), method, figure)


def _reference_scalar(compared: Compared, key: str) -> float:
    assert compared.verification is not None
    reference = compared.verification.reference
    if key in ("qx", "qy"):  # of a line: its phase advance, the last row
        return float(reference.table[f"mu{key[-1]}"].iloc[-1])
    if key == "gamma_transition":
        return float(1 / np.sqrt(reference.momentum_compaction))
    if key == "slip_factor":
        return reference.momentum_compaction - 1 / compared.optics.particle.gamma**2
    return float(getattr(reference, key))


def _length(key: str, facts: Facts) -> Number:
    own = float(facts.optics.length)
    return Number(own, ROUNDING * own, FORMULA, "sum of the elements' lengths; error: rounding")


def _magnets(key: str, facts: Facts) -> Number:
    own = float(magnet_count(facts.optics.lattice, facts.optics.periodic))
    return Number(own, 0.0, FORMULA, "bends and quadrupoles counted, parts that touch as one", "optics-ring")


def _third_straight(key: str, facts: Facts) -> Number:
    own = float(third_straight(facts.optics.lattice, facts.optics.periodic)[0])
    return Number(own, ROUNDING * own, FORMULA, "third longest room between bends and quadrupoles", "optics-ring")


def _tune_distance(key: str, facts: Facts) -> Number:
    tune = _scalar("qx", facts)
    third, distance = nearest_third(tune.value)
    return Number(abs(distance), tune.numerical, tune.engine, f"|Qx - {round(3 * third)}/3|", "tunes-diagram")


def _resonance_distance(key: str, facts: Facts) -> Number:
    qx, qy = _scalar("qx", facts), _scalar("qy", facts)
    found = nearest_with_qy(qx.value, qy.value)
    numerical = found.m * qx.numerical + abs(found.n) * qy.numerical
    return Number(found.distance, numerical, qx.engine, found.expression, "tunes-diagram")


# --------------------------------------------------------------------------------------------- functions of s


def element_at(asked: QuantityName, facts: Facts) -> str:
    """The place as an element of the lattice: the machine's names of places stand for elements."""
    place = str(asked.place)
    name, colon, end = place.partition(":end")
    machine = facts.resolved.machine
    if machine is not None and name in machine.places and name not in facts.optics.lattice.names:
        name = machine.places[name]
    return f"{name}{colon}{end}"


def _at_place(asked: QuantityName, facts: Facts) -> Number:
    place = element_at(asked, facts)
    row = facts.optics.row(place)
    own = float(facts.optics.value(asked.base, place))

    def reference() -> float:
        return float(_reference_table(facts.compared)[asked.base].iloc[row])

    found = _with_error(facts.compared, own, reference, f"{asked.kind.text} at {place}", "optics-ring")
    return replace(found, at=_element(facts, row))


def _reference_table(compared: Compared) -> pd.DataFrame:
    assert compared.verification is not None
    return compared.verification.reference.table


def _extreme(asked: QuantityName, facts: Facts) -> Number:
    sign = 1.0 if asked.form == "max" else -1.0
    (own, row), (finer, _) = (_largest(facts.optics, asked.base, sign, slices) for slices in (SLICES, 2 * SLICES))
    cut, at = abs(own - finer), _element(facts, row)
    rounding = ROUNDING * max(1.0, abs(own))
    method = f"{asked.kind.text}, inside elements too"
    if facts.compared.verification is None:
        method += f"; error: finer cut only, for {facts.compared.alone}"
        return Number(sign * own, cut + rounding, ALONE, method, "optics-ring", at=at)
    engines = float(np.max(np.abs(facts.optics.table[asked.base] - _reference_table(facts.compared)[asked.base])))
    return Number(sign * own, cut + engines + rounding, BOTH, method, "optics-ring", at=at)


def _largest(optics: Optics, column: str, sign: float, slices: int) -> tuple[float, int]:
    """Largest value of sign * column, inside elements too, and the row of the element that has it."""
    fine = functions_inside(optics, slices)
    maxima = np.ravel(interval_maxima(optics, column, sign, fine))
    interval = int(np.argmax(maxima))
    return float(maxima[interval]), int(fine.row_element[interval])


def _element(facts: Facts, row: int) -> str:
    """Name of a row of the optics; the end of the lattice is its last element's."""
    names = facts.optics.lattice.names
    return str(names[min(row, len(names) - 1)])


# ------------------------------------------------------------------------------------------ beams and magnets


def _clearance(key: str, facts: Facts) -> Number:
    plane = key[-1]

    def room(beam: BeamOptics, slices: int) -> Clearance:
        return clearance(beam.compared.optics, beam.edge, plane, slices, beam.chamber)

    return _least([(beam, room(beam, SLICES), room(beam, 2 * SLICES)) for beam in _some(facts)], "optics-ring")


def _clearance_es(key: str, facts: Facts) -> Number:
    septum = facts.resolved.septum
    found = [(beam, clearance_at_wires(beam.compared.optics, beam.edge, septum, beam.chamber)) for beam in _some(facts)]
    return _least([(beam, room, room) for beam, room in found], "optics-ring")


def _size(key: str, facts: Facts) -> Number:
    plane = key[-1]

    def reach(beam: BeamOptics, slices: int) -> Clearance:
        return furthest(beam.compared.optics, beam.edge, plane, slices)

    cases = [(beam, reach(beam, SLICES), reach(beam, 2 * SLICES)) for beam in _some(facts)]
    return _of_beams(cases, max(cases, key=lambda case: case[1].value), "furthest", "optics-ring")


def _some(facts: Facts) -> tuple[BeamOptics, ...]:
    if not facts.beams:
        raise InputError("the study names no beam: give it a [beam] table")
    return facts.beams


def _least(found: list[tuple[BeamOptics, Clearance, Clearance]], figure: str) -> Number:
    """The least room over all beams."""
    return _of_beams(found, min(found, key=lambda case: case[1].value), "least", figure)


def _of_beams(
    found: list[tuple[BeamOptics, Clearance, Clearance]],
    chosen: tuple[BeamOptics, Clearance, Clearance],
    word: str,
    figure: str,
) -> Number:
    """That of one beam; its error is the largest of theirs all (cut, and difference of the engines)."""
    beam, least, _ = chosen
    errors = [abs(room.value - finer.value) + _edge_error(case) for case, room, finer in found]
    alone = [case for case, _, _ in found if case.compared.verification is None]
    method = f"{word}: {beam.beam.name} ({beam.beam.sigmas:g} sigma) at {least.element}, s = {least.s:.3f} m"
    return Number(least.value, max(errors), ALONE if alone else BOTH, method, figure, at=least.element)


def _edge_error(case: BeamOptics) -> float:
    """How far the edge of a beam lies apart in the two engines' functions [m], at most."""
    verification = case.compared.verification
    if verification is None:
        return ROUNDING
    ours, theirs = verification.ours.table, verification.reference.table
    sides = (
        zip(*(case.edge.sides(table.__getitem__, plane) for table in (ours, theirs)), strict=True) for plane in PLANES
    )
    return ROUNDING + max(float(np.max(np.abs(own - other))) for pair in sides for own, other in pair)


def _field(key: str, facts: Facts) -> Number:
    particle = facts.resolved.top_particle
    found = strongest(key, facts.optics.lattice, particle.magnetic_rigidity)
    per = "MeV/u" if particle.nucleons > 1 else "MeV"
    top = f"{particle.species} of {particle.kinetic_energy_per_u / 1e6:g} {per}"
    method = f"{found.element} at {particle.magnetic_rigidity:.6g} T m, {top}; error: rounding"
    return Number(found.value, ROUNDING * max(found.value, 1.0), FORMULA, method, "strengths-limits", at=found.element)


# ----------------------------------------------------------------------------------------- agreement of the engines

_RESIDUALS: Mapping[str, tuple[str, ...]] = {
    "residual_tune_xsuite": ("qx", "qy"),
    "residual_beta_xsuite": ("betx", "bety"),
    "residual_dispersion_xsuite": ("dx", "dy"),
    "residual_chromaticity_xsuite": ("dqx", "dqy"),
}


def _residual(key: str, facts: Facts) -> Number:
    verification = facts.compared.verification
    if verification is None:
        raise InputError(f"there is nothing to compare with: {facts.compared.alone}")
    table = verification.table.set_index("quantity")
    table = table.loc[[name for name in _RESIDUALS[key] if name in table.index]]
    if table.empty:
        raise InputError("a line without periodic optics has none to compare")
    difference = table["difference"].abs()
    sizes = difference / table["reference"].abs() if key == "residual_beta_xsuite" else difference
    row = worst_of(sizes)
    worst = str(sizes.index[row])
    method = f"{worst}, at {table['where'][worst]}; error: rounding"
    return Number(float(sizes.iloc[row]), 1e-15, BOTH, method, "engines-summary")


def _imperfection(key: str, facts: Facts) -> Number:
    found = imperfection_number(key, facts.imperfections)
    return replace(found, figure=_IMPERFECTION_FIGURES.get(key, "orbit-machines"))


_IMPERFECTION_FIGURES = {
    "beta_beating": "orbit-beating",
    "coupling": "orbit-beating",
    "orbit_yield": "orbit-yield",
    "dispersion_error": "orbit-beating",
}


_SCALARS: Mapping[str, Callable[[str, Facts], Number]] = {
    **dict.fromkeys(_SCALAR_METHODS, _scalar),
    "length": _length,
    "magnets": _magnets,
    "third_straight": _third_straight,
    "tune_distance": _tune_distance,
    "resonance_distance": _resonance_distance,
    "clearance_x": _clearance,
    "clearance_y": _clearance,
    "clearance_es": _clearance_es,
    "max_size_x": _size,
    "max_size_y": _size,
    "max_bend_field": _field,
    "max_gradient": _field,
    "sextupole_strength": _field,
    **dict.fromkeys(_RESIDUALS, _residual),
    **dict.fromkeys(IMPERFECTIONS, _imperfection),
}
