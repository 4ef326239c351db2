"""Quantities of energy switching on a ring, each with the error it is known to and the engines it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from lattice.arrays import Array
from lattice.errors import counted
from optics.ramping.circuits import Circuit
from optics.ramping.species import SpeciesCycle
from optics.ramping.steps import left_by
from studies.energy_switching.facts import SwitchingFacts
from studies.judging import ALONE, BOTH, FORMULA, Number, measured, missing
from studies.results import Quantity

_ROUNDING = 1e-12


def evaluate(names: Iterable[str], facts: SwitchingFacts) -> tuple[Quantity, ...]:
    """All that the study gives, and what is asked for beyond it with the reason why it has no value."""
    found = tuple(_quantities(facts))
    known = {quantity.name for quantity in found}
    return (*found, *(_absent(name) for name in dict.fromkeys(names) if name not in known))


def _absent(name: str) -> Quantity:
    sampled = name == "residual_programme_xsuite"
    return missing(name, "engine_energies = 0" if sampled else "nothing of the kind in this study")


def _quantity(name: str, value: float, error: float, engine: str, method: str, figure: str = "") -> Quantity:
    return measured(name, lambda: Number(float(value), float(error), engine, method, figure))


def _quantities(facts: SwitchingFacts) -> Iterator[Quantity]:
    yield _quantity("energies_number", len(facts.energies), 0.0, FORMULA, "counted", "strengths-energy")
    yield from _held(facts)
    yield from _circuits(facts)
    yield from _times(facts)
    yield from _table(facts)
    if facts.engines:
        worst = _apart(facts)
        yield _quantity(
            "residual_programme_xsuite", worst, _ROUNDING, BOTH, f"{counted(len(facts.engines), 'energy')} sampled"
        )


def _held(facts: SwitchingFacts) -> Iterator[Quantity]:
    """What the programme holds, and how well."""
    programme = facts.programme
    off = {name: np.max(np.abs(v - programme.goals[name])) for name, v in programme.values.items()}
    error = _apart(facts) if facts.engines else 0.0
    engine = BOTH if facts.engines else ALONE
    method = "largest over all energies; error: difference from Xsuite at the energies sampled"
    tunes = [value for name, value in off.items() if name in ("qx", "qy")]
    if tunes:
        yield _quantity("programme_tune_error", np.max(tunes), error, engine, method, "held-energy")
    chromaticity = np.asarray(programme.optics.dqx)
    yield _quantity(
        "programme_chromaticity_range", np.ptp(chromaticity), 1e-6, ALONE, "largest minus least", "held-energy"
    )
    for quantity, prefix in (
        ("programme_dispersion_error", "dx@"),
        ("programme_sextupole_error", "virtual_sextupole"),
        ("programme_hardt_residual", "hardt_residual"),
    ):
        found = [value for name, value in off.items() if name.startswith(prefix)]
        if found:
            yield _quantity(quantity, np.max(found), 1e-9, ALONE, "largest over all energies", "held-energy")


def _circuits(facts: SwitchingFacts) -> Iterator[Quantity]:
    all_of = facts.judged_circuits
    method = "largest of all circuits and energies, the machine's top one too; the calibration is the study's own"
    current = np.max([np.max(np.abs(c.currents)) / c.magnet.supply.largest_current for c, _ in all_of])
    yield _quantity("largest_current_share", current, 1e-5, FORMULA, method, "strengths-currents")
    ramp = facts.study.cycle.wanted_ramp_s
    voltage = np.max([_voltage_share(circuit, cycle, ramp) for circuit, cycle in all_of])
    on = "to hold the current" if ramp is None else f"at the end of the ramp of {ramp:g} s that the study asks for"
    yield _quantity("largest_voltage_share", voltage, 1e-5, FORMULA, f"{on}; {method}", "strengths-currents")
    yield from _fields(facts)
    voltages = [_longest(cycle.rf["voltage"]) for cycle in facts.cycles]
    if not np.isfinite(voltages).all():
        yield missing("largest_rf_voltage", _NEVER, FORMULA)
        return
    method = "bucket area held along the ramp to the highest energy"
    yield _quantity("largest_rf_voltage", max(voltages), 1e-6 * max(voltages), FORMULA, method, "cycle-rf")


_NEVER = "a supply cannot hold its current: the ramp does not end"


def _voltage_share(circuit: Circuit, cycle: SpeciesCycle, ramp: float | None) -> float:
    """Largest R |I| + L |dI/dt| of a supply over its rating, the current changing as a ``ramp`` [s] that is given asks.

    Without one the current is held: the fastest ramp is the one that takes all the voltage there is.
    """
    supply, current = circuit.magnet.supply, np.abs(circuit.currents)
    even = np.inf if ramp is None else ramp - cycle.plan.rounding  # rounded ends add to it
    slew = np.abs(circuit.currents - circuit.injection_current) / even
    return float(np.max(supply.voltage(current, slew)) / supply.largest_voltage)


def _fields(facts: SwitchingFacts) -> Iterator[Quantity]:
    """Fields over the ratings of the circuits that have one."""
    ratings = dict(zip((circuit.magnet.name for circuit in facts.cycles[0].circuits), facts.field_ratings, strict=True))
    shares = [
        float(np.max(np.abs(circuit.extraction))) / rating
        for circuit, _ in facts.judged_circuits
        if (rating := ratings[circuit.magnet.name])
    ]
    if shares:
        method = "largest of all circuits that have a rating, and energies, the machine's top one too"
        yield _quantity("largest_field_share", np.max(shares), 1e-5, FORMULA, method, "strengths-currents")
    else:
        yield missing("largest_field_share", "no circuit has a rating of its field", FORMULA)


def _times(facts: SwitchingFacts) -> Iterator[Quantity]:
    yield _time("longest_change", [_longest(cycle.times["change"]) for cycle in facts.cycles], _OF_CYCLE, "parts")
    if not any(len(cycle.steps) for cycle in facts.cycles):
        for name in ("longest_step", "step_tune_error"):
            yield missing(name, "one energy has no step")
        return
    steps = [_longest(cycle.steps["step"]) for cycle in facts.cycles if len(cycle.steps)]
    yield _time("longest_step", steps, "recapture, ramp, settling, preparation", "steps")
    chromaticity = float(np.max(np.abs(facts.programme.optics.dqx)))
    moved = [_moved_by_hysteresis(cycle, facts, chromaticity) for cycle in facts.cycles if len(cycle.steps)]
    tune = np.max(np.concatenate(moved))
    method = "field left by hysteresis times dQx per relative gradient, and Q'x times that of the bends, all added"
    yield _quantity("step_tune_error", tune, 1e-6, ALONE, method, "cycle-steps")


def _moved_by_hysteresis(cycle: SpeciesCycle, facts: SwitchingFacts, chromaticity: float) -> Array:
    """The tune that each step may be off (n,): circuits do not make up for one another."""
    gradients = (abs(slope) * cycle.steps[left_by(name)] for name, slope in facts.tune_slopes.items())
    return np.asarray(sum(gradients, chromaticity * cycle.steps["hysteresis_bend"]))


_OF_CYCLE = "sum of the parts of the cycle but the spill"


def _longest(times: Any) -> float:
    """The largest of a column; nan where one is, and without any."""
    return float(np.max(times.to_numpy())) if len(times) else float("nan")


def _apart(facts: SwitchingFacts) -> float:
    """Largest difference of a tune from Xsuite's at the energies sampled."""
    return float(np.max([np.abs(np.subtract(one.ours, one.xsuite)) for one in facts.engines]))


def _time(name: str, times: Sequence[float], method: str, figure: str) -> Quantity:
    """The longest of some times; none where a ramp has no end."""
    if not np.isfinite(times).all():
        return missing(name, _NEVER, FORMULA)
    return _quantity(name, max(times), 1e-4, FORMULA, method, f"cycle-{figure}")


def _table(facts: SwitchingFacts) -> Iterator[Quantity]:
    if facts.table is None:
        return
    fit = facts.table.fit
    method = "smooth errors of all species together; rms over all energies"
    yield _quantity("table_tune_residual", fit.rms[0], 1e-9, ALONE, method, "table-residuals")
    groups = list(facts.study.held.groups)
    largest = np.max(np.abs(fit.table[groups].to_numpy()))
    yield _quantity("table_gradient_error", largest, 1e-9, ALONE, "largest of the energies' own", "table-errors")
