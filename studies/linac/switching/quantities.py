"""Quantities of the study of energy switching, each with its error and the engines it rests on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from math import sqrt

import numpy as np

from lattice import InputError
from lattice.errors import counted
from optics.linac import transport
from optics.linac.balance import unit_table
from optics.linac.bunch import normalised_emittance
from optics.statistics import TWO_SIDED
from studies.judging import ALONE, FORMULA, ROUNDING, Number, evaluated, worst_of
from studies.linac.quantities import BOTH, counting_error
from studies.linac.switching.facts import SwitchingFacts
from studies.results import Quantity


def evaluate(names: Iterable[str], facts: SwitchingFacts) -> tuple[Quantity, ...]:
    """Each quantity of ``names`` once, in order; what cannot be computed has no value, and its method says why."""
    return tuple(_withheld(found, facts) for found in evaluated(names, _NUMBERS, facts))


#: What holds for every energy asked for, and so not where some are out of reach.
_EVERY = {
    *("least_transmission", "largest_spread", "energy_miss", "largest_spot", "least_spot", "largest_fill"),
    *("largest_growth",),
    *("energy_jitter", "range_jitter", "interpolation_error", "residual_energy"),
}


_OF_VOLUME = ("layer_time", "treatment_time")


def _withheld(found: Quantity, facts: SwitchingFacts) -> Quantity:
    """What holds for every energy must not be judged by those within reach alone."""
    if facts.layers_beyond and found.name in _OF_VOLUME and found.value is not None:
        count = len(facts.layers_beyond)
        return replace(found, withheld=f"{counted(count, 'layer')} of the volume out of reach, and it is of the others")
    if not facts.beyond or found.name not in _EVERY or found.withheld:
        return found
    return replace(found, withheld=f"{_beyond(facts)}, and it is of the others")


def _beyond(facts: SwitchingFacts) -> str:
    low, high = min(facts.beyond) / 1e6, max(facts.beyond) / 1e6
    every, one = counted(len(facts.beyond) + len(facts.energies), "energy"), len(facts.beyond) == 1
    ends = f"{low:.4g} MeV" if one else f"{low:.4g} to {high:.4g} MeV"
    return f"{len(facts.beyond)} of {every} {'is' if one else 'are'} out of reach ({ends})"


def usual() -> tuple[str, ...]:
    """Names of the quantities that the study gives whether or not they are asked for."""
    return tuple(name for name in _NUMBERS if name not in _OF_MACHINE)


def _at(facts: SwitchingFacts, row: int) -> str:
    return f"at {facts.energies[row] / 1e6:.4g} MeV"


def _transmission(facts: SwitchingFacts) -> Number:
    shares = facts.beams["transmission"].to_numpy()
    row, count = worst_of(shares, largest=False), facts.study.particles_per_energy
    value, error = float(shares[row]), counting_error(float(shares[row]), count)
    method = (
        f"{_at(facts, row)}; the same {count} particles at each of {counted(len(shares), 'energy')}; error: counting"
    )
    return Number(value, 0.0, ALONE, method, "energies-beam", statistical=error)


def _spread(facts: SwitchingFacts) -> Number:
    spreads = (facts.beams["sigma_energy"] / facts.beams["energy"]).to_numpy()
    row = worst_of(spreads)
    error = float(facts.beams["sigma_energy_error"][row] / facts.beams["energy"][row])
    more = f", {facts.study.particles} where it may be the largest ({counted(len(facts.refined), 'energy')})"
    counts = f"{facts.study.particles_per_energy} particles at every energy{more if facts.refined else ''}"
    method = f"{_at(facts, row)}; tracked, {counts}; error: counting"
    return Number(float(spreads[row]), 0.0, ALONE, method, "energies-beam", statistical=error)


def _miss(facts: SwitchingFacts) -> Number:
    off = (facts.beams["energy"] / facts.beams["wanted"] - 1.0).abs().to_numpy()
    row = worst_of(off)
    relative = float(facts.beams["sigma_energy"][row] / facts.beams["energy"][row])
    error = TWO_SIDED * relative / sqrt(facts.study.particles_per_energy)
    method = f"{_at(facts, row)}; mean of the survivors; error: counting"
    if facts.alone:
        return Number(float(off[row]), 0.0, ALONE, f"{method}; {facts.alone}", "energies-beam", statistical=error)
    method += ", largest difference of the engines"
    return Number(float(off[row]), _engine_residual(facts)[0], BOTH, method, "energies-beam", statistical=error)


def _engine_residual(facts: SwitchingFacts) -> tuple[float, float]:
    """Largest relative difference of a final energy from the integration, and the energy where it is."""
    if facts.alone:
        raise InputError(f"there is nothing to compare with: {facts.alone}")
    off = (facts.integrated["fields"] / facts.integrated["wanted"] - 1.0).abs()
    row = worst_of(off)
    return float(off[row]), float(facts.integrated["wanted"][row])


def _residual(facts: SwitchingFacts) -> Number:
    value, energy = _engine_residual(facts)
    error = float(np.max((facts.integrated["steps"] / facts.integrated["wanted"]).to_numpy()))
    every = counted(len(facts.integrated), "energy")
    method = f"at {energy / 1e6:.4g} MeV, of {every}; error: finer steps of the integration"
    return Number(value, error, BOTH, method, "engines-energies")


def _spot(largest: bool) -> Callable[[SwitchingFacts], Number]:
    def of(facts: SwitchingFacts) -> Number:
        sizes = facts.beams[["size_x", "size_y"]].to_numpy()
        picked = int(np.argmax(sizes) if largest else np.argmin(sizes))
        row, column = divmod(picked, 2)
        value = float(sizes[row, column])
        error = TWO_SIDED * value / sqrt(2.0 * facts.study.particles_per_energy)
        method = f"{'xy'[column]}, {_at(facts, row)}; rms of the survivors; error: counting"
        return Number(value, 0.0, ALONE, method, "energies-spot", statistical=error)

    return of


def _fill(facts: SwitchingFacts) -> Number:
    row = worst_of(facts.beams["fill"])
    value, method = float(facts.beams["fill"][row]), f"{_at(facts, row)}; matrices"
    if facts.alone:
        return Number(value, ROUNDING, ALONE, f"{method}; {facts.alone}", "energies-spot")
    method += "; error: difference from the integration"
    return Number(value, abs(value - facts.fill_fields), BOTH, method, "energies-spot")


def _energy_jitter(facts: SwitchingFacts) -> Number:
    relative = facts.jitter["sigma_energy"] / facts.jitter["wanted"]
    row = worst_of(relative)
    value = float(relative[row])
    error = TWO_SIDED * value / sqrt(2.0 * facts.study.samples)
    return Number(value, 0.0, ALONE, _jitter_text(facts, row), "tolerances-jitter", statistical=error)


def _range_jitter(facts: SwitchingFacts) -> Number:
    row = worst_of(facts.jitter["sigma_range"])
    value = float(facts.jitter["sigma_range"][row])
    error = TWO_SIDED * value / sqrt(2.0 * facts.study.samples)
    return Number(value, 0.0, ALONE, _jitter_text(facts, row), "tolerances-jitter", statistical=error)


def _jitter_text(facts: SwitchingFacts, row: int) -> str:
    errors = facts.machine.errors
    return (
        f"at {facts.jitter['wanted'][row] / 1e6:.4g} MeV; {facts.study.samples} pulses with rms errors of "
        f"{errors.amplitude:g} in amplitude and {np.degrees(errors.phase):g} degrees in phase; error: counting"
    )


def _interpolation(facts: SwitchingFacts) -> Number:
    if facts.interpolated.empty:
        raise InputError("no two neighbouring rows have the same last unit: ask for more energies")
    off = (facts.interpolated["energy"] / facts.interpolated["wanted"] - 1.0).abs()
    row = worst_of(off)
    at = facts.interpolated["wanted"][row] / 1e6
    method = f"at {at:.4g} MeV; rows with the same last unit, amplitude and phase half way; error: rounding"
    return Number(float(off[row]), ROUNDING, ALONE, method, "energies-between")


def _switching(facts: SwitchingFacts) -> Number:
    pulse = facts.machine.pulse
    method = (
        f"low-level RF {pulse.low_level * 1e6:g} us, amplitude {pulse.amplitude_settling * 1e6:g} us, pulse "
        f"{pulse.length * 1e6:g} us (assumed), in whole intervals of {1e3 / pulse.repetition:g} ms"
    )
    return Number(facts.machine.pulse.switching_time, 0.0, FORMULA, method, "timing-volume")


def _painted(facts: SwitchingFacts) -> None:
    if facts.layers.empty:
        raise InputError("no layer of the volume is within reach")


def _layer(facts: SwitchingFacts) -> Number:
    _painted(facts)
    row = worst_of(facts.layers["change"])
    pulse = facts.machine.pulse
    method = (
        f"to {facts.layers['energy'][row] / 1e6:.4g} MeV; slew rate {pulse.magnet_slew:g} T m/s and settling "
        f"{pulse.magnet_settling * 1e3:g} ms of the beam line's magnets (assumed), in whole intervals of pulses"
    )
    return Number(float(facts.layers["change"][row]), 0.0, FORMULA, method, "timing-volume")


def _treatment(facts: SwitchingFacts) -> Number:
    _painted(facts)
    last = facts.layers.iloc[-1]
    value = float(last["begins"] + last["pulses"] / facts.machine.pulse.repetition)
    volume = facts.study.volume
    method = (
        f"{len(facts.layers)} layers of {volume.spots} spots, {counted(volume.pulses_per_spot, 'pulse')} a spot, and "
        "the changes between"
    )
    return Number(value, 0.0, FORMULA, method, "timing-volume")


def _switching_share(facts: SwitchingFacts) -> Number:
    pulse = facts.machine.pulse
    busy = pulse.low_level + pulse.amplitude_settling + pulse.length
    method = (
        f"low-level RF {pulse.low_level * 1e6:g} us, amplitude {pulse.amplitude_settling * 1e6:g} us and pulse "
        f"{pulse.length * 1e6:g} us (assumed), of {1e3 / pulse.repetition:g} ms from pulse to pulse"
    )
    value = busy * pulse.repetition
    return Number(value, ROUNDING * value, FORMULA, method, "timing-volume")


def _reached(facts: SwitchingFacts) -> Number:
    count = len(facts.energies)
    method = _beyond(facts) if facts.beyond else f"all of {count}"
    return Number(count / (count + len(facts.beyond)), 0.0, FORMULA, method, "energies-settings")


def _count(facts: SwitchingFacts) -> Number:
    return Number(float(len(facts.energies)), 0.0, FORMULA, "rows of the table", "energies-settings")


def _worst_trip(facts: SwitchingFacts) -> Number:
    row = worst_of(facts.trips["lost"])
    method = f"{facts.trips['unit'][row]}, settings of the table alone"
    return Number(float(facts.trips["lost"][row]), ROUNDING, ALONE, method, "trips-energies")


def _best_recovery(facts: SwitchingFacts) -> Number:
    above = facts.trips[facts.trips["untouched"] >= facts.machine.reach[0]]
    if above.empty:
        raise InputError("no unit begins above the lowest energy")
    row = above.iloc[worst_of(above["recovered"], largest=False)]
    method = f"{row['unit']}, of the units that begin above the lowest energy; those behind it phased anew"
    return Number(float(row["recovered"]), 1.0, ALONE, method, "trips-energies")


def _growth(facts: SwitchingFacts) -> Number:
    machine = facts.machine
    start = machine.sample(facts.study.particles_per_energy, facts.study.seed)
    found = {
        plane: facts.beams[f"emittance_{plane}"].to_numpy() / normalised_emittance(start, machine.linac.particle, plane)
        for plane in "xy"
    }
    plane = max(found, key=lambda one: float(found[one].max()))
    row = int(np.argmax(found[plane]))
    value = float(found[plane][row]) - 1.0
    left = facts.study.particles_per_energy * float(facts.beams["transmission"][row])
    error = TWO_SIDED * (1.0 + value) / sqrt(left)  # of a Gaussian's emittance
    method = f"{plane}, {_at(facts, row)}; rms emittance of the survivors over that at the entrance; error: counting"
    return Number(value, 0.0, ALONE, method, "energies-beam", statistical=error)


def _length(facts: SwitchingFacts) -> Number:
    return Number(facts.machine.linac.length, ROUNDING, FORMULA, "sum of the lengths; error: rounding", "energies-beam")


def _klystrons(facts: SwitchingFacts) -> Number:
    return Number(float(len(facts.machine.linac.units)), 0.0, FORMULA, "one an RF unit", "energies-settings")


def _units(column: str, text: str, total: bool = False) -> Callable[[SwitchingFacts], Number]:
    """As of the optics study: all units on, at the design energy."""

    def of(facts: SwitchingFacts) -> Number:
        machine = facts.machine
        run = transport(machine.linac)
        duty = machine.pulse.duty
        values = unit_table(machine.linac, run, machine.supplies, current=machine.current, duty=duty)[column]
        value = float(np.sum(values.to_numpy()) if total else values[worst_of(values)])
        return Number(value, ROUNDING * value, FORMULA, text, "energies-settings")

    return of


def _kilpatrick(facts: SwitchingFacts) -> Number:
    value = float(facts.tanks["kilpatrick"][worst_of(facts.tanks["kilpatrick"])])
    method = "E0 times the ratio of peak surface field, over Kilpatrick's"
    return Number(value, ROUNDING, FORMULA, method, "energies-settings")


def _gradient(facts: SwitchingFacts) -> Number:
    value = max(abs(magnet.gradient) for magnet in facts.machine.linac.quadrupoles)
    return Number(value, ROUNDING, FORMULA, "as designed", "energies-settings")


#: Of the machine itself and of its emittance: computed where they are asked for.
_OF_MACHINE: Mapping[str, Callable[[SwitchingFacts], Number]] = {
    "largest_growth": _growth,
    "length": _length,
    "klystrons": _klystrons,
    "rf_power": _units("needed", "copper, beam and waveguide loss; sum over units", total=True),
    "klystron_share": _units("share", "peak power over rating; all units on"),
    "kilpatrick": _kilpatrick,
    "max_gradient": _gradient,
}
_NUMBERS: Mapping[str, Callable[[SwitchingFacts], Number]] = {
    **_OF_MACHINE,
    "settings_number": _count,
    "energies_reached": _reached,
    "least_transmission": _transmission,
    "largest_spread": _spread,
    "energy_miss": _miss,
    "largest_spot": _spot(True),
    "least_spot": _spot(False),
    "largest_fill": _fill,
    "energy_jitter": _energy_jitter,
    "range_jitter": _range_jitter,
    "interpolation_error": _interpolation,
    "switching_time": _switching,
    "switching_share": _switching_share,
    "layer_time": _layer,
    "treatment_time": _treatment,
    "worst_trip": _worst_trip,
    "best_recovery": _best_recovery,
    "residual_energy": _residual,
}
