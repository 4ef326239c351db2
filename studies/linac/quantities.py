"""Quantities of the optics study of a linac, each with its error and the engines it rests on.

The numerical error of a number that both engines give is their difference, of one that comes from matrices or closed
formulas alone rounding; what is counted among particles has a statistical error, at 95 %.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from math import isfinite, pi, sqrt

import numpy as np

from lattice import InputError
from lattice.arrays import Array
from lattice.errors import counted
from optics.linac.bunch import normalised_emittance
from optics.linac.extremes import Extremes
from optics.matter.ranges import range_in_water
from optics.statistics import TWO_SIDED, farther, least_sample, percentile_bounds, proportion, reach, spread
from studies.judging import ALONE, FORMULA, ROUNDING, Number, evaluated, worst_of
from studies.linac.facts import LinacFacts
from studies.results import Quantity

#: Both engines of the linac.
BOTH = "own maps and integration through the fields"


def evaluate(names: Iterable[str], facts: LinacFacts) -> tuple[Quantity, ...]:
    """Each quantity of ``names`` once, in order; what cannot be computed has no value, and its method says why."""
    return evaluated(names, _NUMBERS, facts)


#: What the study gives whether or not a requirement asks for it.
def usual() -> tuple[str, ...]:
    """Names of all quantities of the study."""
    return tuple(_NUMBERS)


def counting_error(share: float, count: int) -> float:
    """Error of a share of ``count`` particles at 95 %: to the farther end of Wilson's interval; nan of no share."""
    if not isfinite(share):
        return float("nan")
    return reach(proportion(round(share * count), count))[1]


def _final_energy(facts: LinacFacts) -> Number:
    own = float(facts.run.energy[-1])
    method = "reference particle through the gaps; error: difference from the integration"
    if facts.pair.fields is None:
        return Number(own, ROUNDING * own, ALONE, f"reference particle; {facts.pair.alone}", "linac-energy")
    return Number(own, abs(own - facts.pair.fields.particle.kinetic_energy), BOTH, method, "linac-energy")


def _length(facts: LinacFacts) -> Number:
    return Number(facts.machine.linac.length, ROUNDING, FORMULA, "sum of the lengths; error: rounding", "linac-energy")


def _transmission(facts: LinacFacts) -> Number:
    share, count = facts.tracked.transmission, len(facts.start)
    error = counting_error(share, count)
    pair = facts.pair
    method = f"{count} particles tracked; error: counting"
    if pair.maps is None or pair.fields is None:
        return Number(share, 0.0, ALONE, f"{method}; {pair.alone}", "linac-losses", statistical=error)
    apart = abs(pair.maps.transmission - pair.fields.transmission)
    few = len(pair.maps.alive)
    method += f" and the difference {apart:.2g} of the engines for {few} of them"
    return Number(share, apart, BOTH, method, "linac-losses", statistical=error)


def _transmission_with_errors(facts: LinacFacts) -> Number:
    found = facts.errors.loc[facts.errors["scale"] == 1.0, "transmission"].to_numpy()
    value = float(np.quantile(found, _LEFT_OUT / 100.0, method="lower"))
    error = farther(value, *percentile_bounds(found, _LEFT_OUT))
    count = int(facts.resolved.study.model_dump()["error_particles"])
    method = f"the tenth part from below of {len(found)} machines, {count} particles each; error: order statistics"
    few = f"{len(found)} machines do not bound what 9 of 10 reach (at 95 %): {least_sample(_LEFT_OUT)} do"
    return Number(value, 0.0, ALONE, method, "tolerances-transmission", error, "" if np.isfinite(error) else few)


_LEFT_OUT = 10.0  # % of the machines, those that transmit least


def _spread(facts: LinacFacts) -> Number:
    end = facts.tracked
    value, counting = (part / float(end.energies.mean()) for part in spread(end.energies))
    method = "survivors' rms over their mean"
    if facts.pair.maps is None or facts.pair.fields is None:
        return Number(value, 0.0, ALONE, f"{method}; error: counting", "bunch-exit", statistical=counting)
    method += "; error: counting, difference of engines"
    return Number(value, value * _spread_residual(facts), BOTH, method, "bunch-exit", statistical=counting)


def _spread_residual(facts: LinacFacts) -> float:
    if facts.pair.maps is None or facts.pair.fields is None:
        raise InputError(f"there is nothing to compare with: {facts.pair.alone}")
    both = facts.pair.maps.alive & facts.pair.fields.alive
    ours, theirs = (float(np.std(run.energies[both[run.alive]])) for run in (facts.pair.maps, facts.pair.fields))
    return abs(ours - theirs) / theirs


def _growth(plane: str) -> Callable[[LinacFacts], Number]:
    def of(facts: LinacFacts) -> Number:
        before = normalised_emittance(facts.start, facts.machine.linac.particle, plane)
        value = facts.tracked.emittance(plane) / before - 1.0
        error = TWO_SIDED * (1.0 + value) / sqrt(len(facts.tracked.survivors))  # of a Gaussian's emittance
        method = "normalised rms emittance of the survivors over that of all at the entrance; error: counting"
        return Number(value, 0.0, ALONE, method, "bunch-exit", statistical=error)

    return of


def _across(facts: LinacFacts, take: Callable[[Extremes], float], method: str, figure: str) -> Number:
    """A number of the matrices; its error is what the same number of the integration's matrices differs."""
    value = take(facts.across)
    if facts.across_fields is None:
        return Number(value, ROUNDING * abs(value), ALONE, f"{method}; {facts.pair.alone}", figure)
    apart = abs(value - take(facts.across_fields))
    if not isfinite(apart):
        raise InputError(f"{method}: the integration through the fields gives no number")
    return Number(value, apart, BOTH, f"{method}; error: difference from the integration", figure)


def _sigmas(facts: LinacFacts) -> Number:
    fill = np.max(facts.sizes[:, [0, 2]], axis=1) / facts.run.bore
    row = int(np.argmax(fill))
    name = [*(piece.name for piece in facts.machine.linac.pieces), "the end"][int(facts.run.piece[row])]
    method = f"envelopes by matrices; least at {name}, s = {facts.run.s[row]:.3f} m"
    return replace(_across(facts, lambda found: 1.0 / found.fill, method, "linac-envelope"), at=name)


def _acceptance(plane: str) -> Callable[[LinacFacts], Number]:
    def of(facts: LinacFacts) -> Number:
        times = facts.across.acceptances[plane] / getattr(facts.machine.bunch, f"emittance_{plane}")
        method = f"bore^2 beta gamma / beta(s), least; {times:.3g} times the rms emittance"
        return _across(facts, lambda found: found.acceptances[plane], method, "linac-envelope")

    return of


def _bucket(facts: LinacFacts) -> Number:
    bunch = facts.machine.bunch
    size = bunch.sigma_phase * bunch.sigma_energy * sqrt(1.0 - bunch.correlation**2)
    if size == 0:
        raise InputError("the bunch has no size in phase or energy")
    grid = facts.longitudinal
    cell = (grid.phase[1] - grid.phase[0]) * (grid.energy[1] - grid.energy[0])
    value = sqrt(grid.area / (pi * size))
    edge = sqrt(4.0 * pi * grid.area / cell) * cell  # the outline of the area in cells
    method = (
        f"{grid.accepted.size} particles on the axis tracked to the end; root of the accepted area over pi sigma_phase "
        "sigma_W; error: one cell along the outline"
    )
    return Number(value, 0.5 * value * edge / max(grid.area, cell), ALONE, method, "linac-bucket")


def _advance(largest: bool) -> Callable[[LinacFacts], Number]:
    def of(facts: LinacFacts) -> Number:
        advances = facts.across.advances
        if not len(advances):
            raise InputError("the linac has no focusing period")
        if np.isnan(advances).any():
            at = facts.periods[int(np.flatnonzero(np.isnan(advances).any(axis=1))[0])]
            raise InputError(f"the period from s = {at.s:.3g} m does not focus")
        extreme = np.max if largest else np.min
        method = "half trace of every two quadrupoles, with acceleration"
        return _across(facts, lambda found: float(extreme(found.advances)), method, "linac-advance")

    return of


def _space_charge(facts: LinacFacts) -> Number:
    method = (
        f"uniform ellipsoid of {facts.machine.bunch_charge * 1e12:.3g} pC with the bunch's rms sizes, period by period"
    )
    return _across(facts, lambda found: found.space_charge, method, "linac-envelope")


def _units(column: str, text: str, total: bool = False) -> Callable[[LinacFacts], Number]:
    def of(facts: LinacFacts) -> Number:
        values = facts.units[column]
        row = worst_of(values)
        worst = str(facts.units["unit"][row])
        value = float(np.sum(values.to_numpy()) if total else values[row])
        method, at = (text, "") if total else (f"{text}; {worst}", worst)
        return Number(value, ROUNDING * value, FORMULA, method, "power-units", at=at)

    return of


def _kilpatrick(facts: LinacFacts) -> Number:
    worst = facts.tanks.iloc[worst_of(facts.tanks["kilpatrick"])]
    method = f"E0 times the ratio of peak surface field, over Kilpatrick's; {worst['tank']}"
    return Number(float(worst["kilpatrick"]), ROUNDING, FORMULA, method, "power-units", at=str(worst["tank"]))


def _gradient(facts: LinacFacts) -> Number:
    worst = max(facts.machine.linac.quadrupoles, key=lambda magnet: abs(magnet.gradient))
    method = f"{worst.name}; as designed"
    return Number(abs(worst.gradient), ROUNDING, FORMULA, method, "linac-envelope", at=worst.name)


def _lost_power(facts: LinacFacts) -> Number:
    value, lost = facts.lost_power, len(facts.tracked.lost)
    method = f"{lost} particles, each with the energy of its place; error: counting"
    error = TWO_SIDED * value / sqrt(max(lost, 1))
    return Number(value, 0.0, ALONE, method, "linac-losses", statistical=error)


def _arrived(facts: LinacFacts) -> Array:
    """Energies of the pulses that come to the end."""
    found = facts.pulses[np.isfinite(facts.pulses)]
    if not len(found):
        raise InputError(f"none of {counted(len(facts.pulses), 'pulse')} arrives")
    return np.asarray(found)


def _stopped(facts: LinacFacts) -> str:
    """Why a jitter is not judged: it is of the pulses that arrive."""
    stopped = int(np.sum(~np.isfinite(facts.pulses)))
    return f"{stopped} of {counted(len(facts.pulses), 'pulse')} stopped on the way" if stopped else ""


def _energy_jitter(facts: LinacFacts) -> Number:
    arrived = _arrived(facts)
    value, error = (part / float(arrived.mean()) for part in spread(arrived))
    return Number(value, 0.0, ALONE, _pulses_text(facts), "tolerances-energy", error, _stopped(facts))


def _range_jitter(facts: LinacFacts) -> Number:
    arrived = _arrived(facts)
    value, error = spread(range_in_water(arrived, facts.machine.linac.particle.kind))
    return Number(value, 0.0, ALONE, _pulses_text(facts), "tolerances-energy", error, _stopped(facts))


def _pulses_text(facts: LinacFacts) -> str:
    errors = facts.machine.errors
    return (
        f"{len(facts.pulses)} pulses with rms errors of {errors.amplitude:g} in amplitude and "
        f"{np.degrees(errors.phase):g} degrees in phase of every unit; error: counting"
    )


def _tank_residual(facts: LinacFacts) -> Number:
    if facts.pair.fields is None and facts.tanks["gain_fields"].isna().all():
        raise InputError(f"there is nothing to compare with: {facts.pair.alone}")
    off = (facts.tanks["gain"] / facts.tanks["gain_fields"] - 1.0).abs()
    row = worst_of(off)
    return Number(float(off[row]), 1e-7, BOTH, f"{facts.tanks['tank'][row]}", "engines-linac-tanks")


def _energy_residual(facts: LinacFacts) -> Number:
    if facts.pair.fields is None:
        raise InputError(f"there is nothing to compare with: {facts.pair.alone}")
    other = facts.pair.fields.particle.kinetic_energy
    return Number(abs(float(facts.run.energy[-1]) / other - 1.0), 1e-7, BOTH, "final energy", "engines-linac-tanks")


def _residual_spread(facts: LinacFacts) -> Number:
    return Number(_spread_residual(facts), 1e-6, BOTH, "same particles that survive in both", "engines-linac-tanks")


_NUMBERS: Mapping[str, Callable[[LinacFacts], Number]] = {
    "final_energy": _final_energy,
    "length": _length,
    "transmission": _transmission,
    "transmission_with_errors": _transmission_with_errors,
    "energy_spread": _spread,
    "emittance_growth_x": _growth("x"),
    "emittance_growth_y": _growth("y"),
    "sigmas_in_bore": _sigmas,
    "acceptance_x": _acceptance("x"),
    "acceptance_y": _acceptance("y"),
    "bucket_sigmas": _bucket,
    "largest_advance": _advance(True),
    "least_advance": _advance(False),
    "space_charge": _space_charge,
    "unit_power": _units("needed", "copper, beam and waveguide loss"),
    "rf_power": _units("needed", "sum over units", total=True),
    "average_power": _units("average", "peak power times duty, sum over units", total=True),
    "klystron_share": _units("share", "peak power over rating"),
    "kilpatrick": _kilpatrick,
    "max_gradient": _gradient,
    "lost_power": _lost_power,
    "energy_jitter": _energy_jitter,
    "range_jitter": _range_jitter,
    "residual_tank_energy": _tank_residual,
    "residual_energy": _energy_residual,
    "residual_spread": _residual_spread,
}
