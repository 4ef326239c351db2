"""Quantities of a delivery, over all its energies and spots."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import hypot

import numpy as np

from lattice import Bend, Lattice, NoSolution
from lattice.arrays import Array
from optics.line.steering import Sensitivity
from optics.statistics import percentile
from studies.delivery.acceptance import Acceptance
from studies.delivery.facts import Facts
from studies.delivery.trajectories import PERCENT, Trajectories
from studies.judging import ALONE, BOTH, ROUNDING, Number, Numbers, evaluated
from studies.results import Quantity
from studies.vocabulary import DELIVERY

_INTERVAL = 1.96  # of 95 %


def _missed(facts: Facts) -> Number:
    found = facts.design
    left = [case.label for case, reached in zip(facts.cases, found.reached, strict=True) if not reached]
    told = f"; first: {left[0]}" if left else ""
    return Number(float(len(left)), 0.0, ALONE, f"of {len(facts.cases)} energies and spots{told}", "settings-sizes")


def _size_error(facts: Facts) -> Number:
    """Of what arrives; its statistical error is that of a Gaussian's rms, 1/sqrt(2 n), the numerical the engines'."""
    errors = [
        (abs(float(size / wanted - 1.0)), one)
        for one in facts.delivered
        for size, wanted in zip(one.sizes, (one.case.size_x, one.case.size_y), strict=True)
    ]
    worst, one = max(errors, key=lambda pair: pair[0])
    statistical = _INTERVAL / np.sqrt(2 * len(one.states))
    method = f"rms of tracked particles; worst: {one.case.label}"
    return Number(worst, ROUNDING + _engines(facts), BOTH, method, "spot", float(statistical))


def _position(facts: Facts) -> Number:
    found = [(hypot(*one.middle), one) for one in facts.delivered]
    worst, one = max(found, key=lambda pair: pair[0])
    statistical = _INTERVAL * float(one.sizes.max()) / np.sqrt(len(one.states))
    method = f"mean of tracked particles; worst: {one.case.label}"
    return Number(worst, ROUNDING * max(worst, 1.0), ALONE, method, "spot", statistical)


def _dispersion(facts: Facts) -> Number:
    worst = float(np.abs(facts.found.spots.dispersion[..., [0, 2]]).max())
    return Number(worst, ROUNDING * max(worst, 1.0), ALONE, "of the second moments, all settings", "settings-sizes")


def _correlation(facts: Facts) -> Number:
    worst = float(np.abs(facts.found.spots.correlation).max())
    return Number(worst, ROUNDING, ALONE, "<x y> over both sizes, of the second moments, all settings", "spot")


def _roundness(facts: Facts) -> Number:
    """Of the spots that are chosen round; the error of the ratio of two independent sizes is sqrt(2) of that of one."""
    found = [
        (abs(float(one.sizes[0] / one.sizes[1] - 1.0)), one)
        for one in facts.delivered
        if one.case.size_x == one.case.size_y
    ]
    if not found:
        raise NoSolution("no spot is chosen round: none has x_mm = y_mm")
    worst, one = max(found, key=lambda pair: pair[0])
    statistical = _INTERVAL / np.sqrt(len(one.states))
    method = f"rms of tracked particles; worst: {one.case.label}"
    return Number(worst, ROUNDING + _engines(facts), BOTH, method, "spot", float(statistical))


def _turned(facts: Facts) -> Number:
    """Largest less smallest size over the angles, over their mean."""
    turned = facts.found.turned
    if turned is None:
        raise NoSolution("nothing of the line turns: its study has no gantry")
    change = facts.found.spots.change
    worst = int(np.argmax(change.max(axis=1)))
    angles = ", ".join(f"{angle:.4g}" for angle in np.degrees(turned.values))
    method = f"of the second moments at {angles} deg in the gantry's frame; worst: {facts.cases[worst].label}"
    return Number(float(change.max()), ROUNDING, ALONE, method, "gantry-sizes")


def _interpolation(facts: Facts) -> Number:
    worst = float(np.abs(facts.between).max())
    method = "strengths and beams halfway between two energies of the table, all spots"
    return Number(worst, ROUNDING, ALONE, method, "settings-strengths")


def _of_share(share: float, count: int) -> float:
    """Statistical error of a part of ``count`` particles, at 95 %."""
    return float(_INTERVAL * np.sqrt(max(share * (1 - share), 1.0 / count) / count))


def _check_openings(line: Lattice) -> None:
    """NoSolution where nothing says what a beam could meet: nothing is lost in a line without openings."""
    if all(element.aperture is None for element in line.elements):
        raise NoSolution(f"no element of '{line.name}' has an opening: nothing is known that the beam could meet")


def _transmission(facts: Facts) -> Number:
    _check_openings(facts.found.lattice)
    one = min(facts.delivered, key=lambda case: case.transmission)
    share = one.transmission
    method = f"tracked through all openings; least: {one.case.label}"
    return Number(share, 0.0, ALONE, method, "line-losses", _of_share(share, one.started))


def _fill(facts: Facts) -> Number:
    _check_openings(facts.found.lattice)
    worst = int(np.argmax(facts.found.fill))
    name = facts.found.lattice.names[facts.found.fill_at[worst]]
    method = f"{facts.resolved.study.sigmas:g} sigma at entrances; worst: {facts.cases[worst].label} at '{name}'"
    return Number(float(facts.found.fill[worst]), ROUNDING, ALONE, method, "envelope", at=str(name))


def _gradient(facts: Facts) -> Number:
    rigidity = np.array([case.particle.magnetic_rigidity for case in facts.cases])
    gradients = np.abs(facts.design.values) * rigidity[:, None]
    worst, knob = np.unravel_index(int(np.argmax(gradients)), gradients.shape)
    method = f"|k1| B rho; largest: {facts.design.knobs[knob]}, {facts.cases[int(worst)].label}"
    largest = float(gradients.max())
    return Number(largest, ROUNDING * largest, ALONE, method, "settings-strengths")


def _bend_field(facts: Facts) -> Number:
    """|h| B rho of the line's bends at the larger of the machine's top rigidity and the study's own."""
    rigidity = facts.resolved.top_rigidity
    line = facts.found.lattice
    bends = {
        e.name: abs(line.value(e.angle) / line.value(e.length))
        for e in line.elements
        if isinstance(e, Bend) and e.length != 0
    }
    if not bends:
        raise NoSolution("the line has no bends")
    name = max(bends, key=bends.__getitem__)
    method = f"|angle| B rho / length at the top rigidity, {rigidity:.4g} T m; largest: '{name}'"
    value = bends[name] * rigidity
    return Number(value, ROUNDING * value, ALONE, method, "line-floor", at=name)


def _junction(facts: Facts, name: str) -> float:
    if facts.source.junction is None:
        raise NoSolution("no ring is left: what enters the line is on its axis")
    return abs(float(getattr(facts.source.junction, name)))


def _offset(facts: Facts) -> Number:
    return Number(_junction(facts, "x"), 1e-6, ALONE, "middle of the extracted beam at the magnetic septum", "entrance")


def _angle(facts: Facts) -> Number:
    value = _junction(facts, "angle_x")
    return Number(value, 1e-6, ALONE, "mean direction of the extracted beam at the magnetic septum", "entrance")


def _drift(facts: Facts) -> Number:
    if facts.source.beam is None:
        raise NoSolution("what enters the line was not tracked over a spill: it has no course in time")
    moved = abs(facts.source.beam.drift_in_time()["x"])
    statistical = _INTERVAL * np.sqrt(12) * float(facts.source.states[:, 0].std()) / np.sqrt(len(facts.source.states))
    method = "straight line through x against time, over the spill"
    return Number(moved, ROUNDING * max(moved, 1.0), ALONE, method, "entrance", float(statistical))


def _engines(facts: Facts) -> float:
    """Largest relative difference of a size from Xsuite's; 0 where that was not asked."""
    table = facts.engines
    if table.empty:
        return 0.0
    off = [(table[f"size_{plane}_xsuite"] / table[f"size_{plane}"] - 1.0).abs().to_numpy() for plane in "xy"]
    return float(np.max(off))


def _xsuite(facts: Facts) -> Number:
    if facts.engines.empty:
        raise NoSolution("Xsuite was not asked")
    return Number(_engines(facts), 0.0, BOTH, "the same particles through both engines, apertures off", "")


def _acceptance(facts: Facts, limit: float, missed: Callable[[Acceptance], Array], told: str) -> Number:
    """The least, of the cases tracked, of the dp/p within which nothing is missed; one step of it is its error."""
    if not facts.acceptances:
        raise NoSolution("no other momenta were asked for: the study has no [acceptance]")
    found = [(*one.within(missed(one), limit), one) for one in facts.acceptances]
    value, ends, one = min(found, key=lambda row: row[0])
    step = float(np.diff(one.table["offset"]).max())
    beyond = "" if ends else "; as far as was looked"
    method = f"dp/p on either side within which {told}, magnets fixed; least: {one.label}{beyond}"
    return Number(value, min(step, value) if ends else 0.0, ALONE, method, "acceptance")


def _transmitted(facts: Facts) -> Number:
    _check_openings(facts.found.lattice)
    return _acceptance(facts, 1.0 - _KEPT, _lost, f"{_KEPT:.0%} of the beam arrive")


def _sized(facts: Facts) -> Number:
    return _acceptance(facts, _SIZE_KEPT, lambda one: one.size_misses, f"sizes keep to {_SIZE_KEPT:.0%}")


def _lost(one: Acceptance) -> Array:
    return np.asarray(1.0 - one.table["transmission"].to_numpy())


def _shift(facts: Facts) -> Number:
    """Within the momenta that the beam's size allows."""
    if not facts.acceptances:
        raise NoSolution("no other momenta were asked for: the study has no [acceptance]")
    found = []
    for one in facts.acceptances:
        near = np.abs(one.table["offset"]) <= _NEAR * (1 + 1e-9)
        away = one.table.loc[near, ["x", "y"]] - one.table.loc[one.table["offset"].abs().idxmin(), ["x", "y"]]
        found.append((float(np.hypot(away["x"], away["y"]).max()), one))
    worst, one = max(found, key=lambda pair: pair[0])
    method = f"change of the mean within dp/p of {_NEAR:.1%}, magnets fixed; worst: {one.label}"
    return Number(worst, ROUNDING * max(worst, 1.0), ALONE, method, "acceptance")


def _steered(facts: Facts) -> Trajectories:
    if facts.trajectories is None:
        raise NoSolution(facts.unsteered or "no lines with errors were asked for: the study has no [trajectories]")
    return facts.trajectories


def _percentile(facts: Facts, value: Callable[[Trajectories], Array], told: str, figure: str) -> Number:
    """Of 95 % of the machines, with the interval of order statistics as its error."""
    found = _steered(facts)
    values = value(found)
    top, error = percentile(values, PERCENT)
    method = f"{PERCENT:g} % of {len(values)} lines with errors, {told}; {found.label}"
    return Number(top, ROUNDING * max(top, 1.0), ALONE, method, figure, error)


def _steered_position(facts: Facts) -> Number:
    return _percentile(facts, lambda found: found.away(found.after), "steered", "steered-spots")


def _steered_angle(facts: Facts) -> Number:
    return _percentile(facts, lambda found: found.turned(found.after), "steered", "steered-spots")


def _steered_size(facts: Facts) -> Number:
    return _percentile(facts, lambda found: found.grown(found.after), "steered", "steered-spots")


def _rippled(facts: Facts) -> Number:
    return _percentile(facts, lambda found: found.ripple, "ripple beside none", "steered-spots")


def _kicked(facts: Facts) -> Number:
    return _percentile(facts, lambda found: found.correction.largest_kicks, "by the steering", "trajectories")


def _steered_transmission(facts: Facts) -> Number:
    _check_openings(facts.found.lattice)
    found = _steered(facts)
    worst = float(found.transmissions.min())
    method = f"particles through all openings, least of {len(found.transmissions)} steered lines; {found.label}"
    return Number(worst, 0.0, ALONE, method, "trajectories", _of_share(worst, found.tracked))


def _supply_position(facts: Facts) -> Number:
    return _of_supplies(facts, lambda one: hypot(one.x, one.y))


def _supply_size(facts: Facts) -> Number:
    return _of_supplies(facts, lambda one: max(abs(one.size_x), abs(one.size_y)))


def _of_supplies(facts: Facts, value: Callable[[Sensitivity], float]) -> Number:
    found = _steered(facts)
    if not found.supplies:
        raise NoSolution("the line has no bend, and no quadrupole whose k1 is a parameter: no supply is known")
    worst = max(found.supplies, key=value)
    method = f"differences over 1e-4 of either sign; worst: {worst.supply}; {found.label}"
    return Number(value(worst), 1e-3 * value(worst), ALONE, method, "supplies")


#: Of acceptances: part that arrives, change of a size, and dp/p within which the middle is looked at.
_KEPT, _SIZE_KEPT, _NEAR = 0.95, 0.10, 0.01


NUMBERS: Numbers[Facts] = {
    "spots_missed": _missed,
    "spot_size_error": _size_error,
    "spot_position": _position,
    "spot_dispersion": _dispersion,
    "spot_correlation": _correlation,
    "spot_roundness": _roundness,
    "spot_angle_change": _turned,
    "spot_interpolation": _interpolation,
    "line_transmission": _transmission,
    "line_fill": _fill,
    "line_gradient": _gradient,
    "line_bend_field": _bend_field,
    "junction_offset": _offset,
    "junction_angle": _angle,
    "junction_drift": _drift,
    "momentum_acceptance": _transmitted,
    "size_acceptance": _sized,
    "momentum_shift": _shift,
    "steered_position": _steered_position,
    "steered_angle": _steered_angle,
    "steered_size": _steered_size,
    "ripple_position": _rippled,
    "steered_transmission": _steered_transmission,
    "steering_kick": _kicked,
    "supply_position": _supply_position,
    "supply_size": _supply_size,
    "residual_spot_xsuite": _xsuite,
}


def quantities(facts: Facts, names: Iterable[str]) -> tuple[Quantity, ...]:
    """All of the vocabulary's, and what else is asked."""
    return evaluated((*DELIVERY, *names), NUMBERS, facts)
