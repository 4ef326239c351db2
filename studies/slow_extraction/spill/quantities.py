"""Quantities of the tracked spill. Their errors are those of the sample, at 95 %."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from math import hypot

import numpy as np
import pandas as pd

from extraction.spill.beam import beam_statistics, momentum_in_time
from extraction.spill.losses import efficiency, share_lost, share_lost_in_plane
from extraction.spill.rate import SpillRate, duty_factor, peak_to_mean, rate_variation, spill_rate
from lattice import InputError
from lattice.arrays import Array
from optics.statistics import TWO_SIDED, Proportion, jackknife, proportion, quantile, reach, spread
from studies.judging import ALONE, Number, evaluated, missing
from studies.results import Quantity
from studies.slow_extraction.spill.facts import SpillFacts

TRACKERS = "fast tracker, checked against Xsuite"
ABSENT = "the study tracks no spill: give it a [spill] table"
SWITCHED_OFF = "the spill is switched off by spill.tracked = false"
_OUTSIDE = 0.01  # of the particles beyond the outer end of the bar
_MIDDLE = (0.05, 0.95)  # shares between which the spill's length is taken
#: Bins [s] of the duty factors beside that of the study's own.
WIDER_BINS = {"duty_factor_3ms": 3e-3, "duty_factor_10ms": 1e-2}
FEWEST = 5  # of these: fewer say nothing


def spill_quantities(names: Iterable[str], facts: SpillFacts | None, reason: str = ABSENT) -> tuple[Quantity, ...]:
    """Each quantity of ``names`` once; what cannot be computed has no value, and its method says why.

    Where the two trackers disagree none is judged but that they do.
    """
    if facts is None:
        return tuple(missing(name, reason) for name in dict.fromkeys(names))
    return tuple(_withheld(found, facts) for found in evaluated(names, _NUMBERS, facts, engine(facts)))


def _withheld(found: Quantity, facts: SpillFacts) -> Quantity:
    return found if found.name == "spill_agreement_xsuite" else replace(found, withheld=facts.disagreement)


def engine(facts: SpillFacts) -> str:
    """What a number of the spill rests on."""
    return TRACKERS if facts.agreement is not None else ALONE


# ---------------------------------------------------------------------------------------------------- balance, rate


def _efficiency(facts: SpillFacts) -> Number:
    spill = facts.spill
    if len(spill.extracted) + len(spill.lost) == 0:
        raise InputError("; ".join(spill.notes) or "no particle left the ring")
    share = efficiency(spill.extracted, spill.lost)
    method = f"{share.count} of {share.total} particles that left, 95 % interval {share.lower:.4f} to {share.upper:.4f}"
    return _share(share, facts, method)


def _share(found: Proportion, facts: SpillFacts, method: str) -> Number:
    value, error = reach(found)
    return Number(value, 0.0, engine(facts), f"{method}; error: its farther end", "spill-losses", statistical=error)


def _share_lost(share_of: Callable[[pd.DataFrame, pd.DataFrame], Proportion]) -> Callable[[SpillFacts], Number]:
    def number(facts: SpillFacts) -> Number:
        spill = facts.spill
        total = len(spill.extracted) + len(spill.lost)
        if total == 0:
            raise InputError("no particle left the ring")
        share = share_of(spill.extracted, spill.lost)
        method = f"{share.count} of {total}, 95 % interval {share.lower:.4f} to {share.upper:.4f}"
        return _share(share, facts, method)

    return number


def _by_cause(*causes: str) -> Callable[[SpillFacts], Number]:
    return _share_lost(lambda extracted, lost: share_lost(extracted, lost, causes))


def _left(facts: SpillFacts) -> Number:
    left = facts.spill.particles - len(facts.spill.extracted) - len(facts.spill.lost)
    share = proportion(left, facts.spill.particles)
    return _share(share, facts, f"{left} of {share.total} particles at the end, 95 % interval")


def times(facts: SpillFacts) -> Array:
    """Extraction times [s]; InputError when there are too few to say anything."""
    found = facts.spill.extracted["time"].to_numpy()
    if len(found) < 20:
        raise InputError(f"only {len(found)} particles are extracted: " + "; ".join(facts.spill.notes))
    return np.asarray(found)


def rate_in_bins(facts: SpillFacts, width: float | None = None) -> SpillRate:
    """The rate between the ends of the spill, in the study's bins or in bins of ``width`` [s]."""
    start, stop = (float(value) for value in np.quantile(times(facts), _MIDDLE))
    if width is not None and stop - start < FEWEST * width:
        raise InputError(f"{stop - start:.3g} s are fewer than {FEWEST} bins of {1e3 * width:g} ms")
    return spill_rate(times(facts), start=start, stop=stop, width=width or facts.case.spec.bin_s)


def _duty(raw: bool, width: float | None = None) -> Callable[[SpillFacts], Number]:
    def number(facts: SpillFacts) -> Number:
        found = duty_factor(rate_in_bins(facts, width).counts)
        kept = ", kept at 1, the largest there is" if found.corrected > 1 and not raw else ""
        both = f"as counted {found.raw:.3f}, corrected for counting {found.corrected:.3f}{kept}"
        method = f"{_bins(facts, width)}; {both}"
        value = found.raw if raw else found.possible
        return _of_rate(value, 0.0 if raw else found.error, facts, method)

    return number


def _of_rate(value: float, sigma: float, facts: SpillFacts, method: str) -> Number:
    return Number(value, 0.0, engine(facts), method, "spill-rate", statistical=TWO_SIDED * sigma)


def _bins(facts: SpillFacts, width: float | None = None) -> str:
    return f"bins of {1e3 * (width or facts.case.spec.bin_s):g} ms over the middle 90 % of the spill"


def _variation(facts: SpillFacts) -> Number:
    found = rate_variation(rate_in_bins(facts).counts)
    method = f"{_bins(facts)}; as counted {found.raw:.3f}"
    return _of_rate(found.corrected, found.error, facts, method)


def _peak(facts: SpillFacts) -> Number:
    found = peak_to_mean(rate_in_bins(facts).counts)
    method = f"{_bins(facts)}; an even spill of as many particles has {found.even:.3g} by counting alone"
    return _of_rate(found.ratio, found.error, facts, method)


def _length(facts: SpillFacts) -> Number:
    begin, end = (quantile(times(facts), share) for share in _MIDDLE)
    method = f"from {begin.value:.4g} s to {end.value:.4g} s; error: of the quantiles of the sample"
    error = hypot(begin.error, end.error)
    return Number(end.value - begin.value, 0.0, engine(facts), method, "spill-rate", statistical=error)


# ---------------------------------------------------------------------------------------------------- the beam


def _momentum_spread(facts: SpillFacts) -> Number:
    found = beam_statistics(facts.spill.extracted)
    method = f"{found.count} extracted particles, mean {found.delta:.4g}; error: of the sample"
    _, error = spread(facts.spill.extracted["delta"].to_numpy())
    return Number(found.sigma_delta, 0.0, engine(facts), method, "spill-momentum", statistical=error)


def _drift(facts: SpillFacts) -> Number:
    start, stop = (float(value) for value in np.quantile(times(facts), _MIDDLE))
    table = momentum_in_time(facts.spill.extracted, start=start, stop=stop, slices=4).dropna()
    if len(table) < 4:
        raise InputError("too few particles to tell how the momentum changes")
    first, last = table.iloc[0], table.iloc[-1]
    value, error = float(last["delta"] - first["delta"]), TWO_SIDED * hypot(first["error"], last["error"])
    method = "last quarter of the spill minus first"
    return Number(value, 0.0, engine(facts), method, "spill-momentum", statistical=error)


def _step(facts: SpillFacts) -> Number:
    septum = facts.case.septum
    depth = septum.side * (facts.spill.extracted["x"].to_numpy() - septum.position)
    if len(depth) < 20:
        raise InputError(f"only {len(depth)} particles are extracted")
    found = quantile(depth, 1 - _OUTSIDE)
    method = "from the wires to where 99 % of the extracted particles lie within; error: of the quantile"
    return Number(found.value, 0.0, engine(facts), method, "spill-bar-es", statistical=found.error)


def _emittance(plane: str) -> Callable[[SpillFacts], Number]:
    def number(facts: SpillFacts) -> Number:
        found = getattr(beam_statistics(facts.spill.extracted), plane)
        method = "rms, geometric, dispersion taken out, at the electrostatic septum's entrance; error: of the sample"
        error = TWO_SIDED * found.emittance_error
        return Number(found.emittance, 0.0, engine(facts), method, "spill-bar-es", statistical=error)

    return number


def _optics(key: str) -> Callable[[SpillFacts], Number]:
    """A start condition of a transport line; its error from the sample with each twentieth left out."""

    def number(facts: SpillFacts) -> Number:
        table = facts.spill.extracted
        value = beam_statistics(table).start()[key]
        error = jackknife(lambda kept: beam_statistics(table.iloc[kept]).start()[key], len(table))
        method = "second moments of the extracted particles at the septum's entrance; error: twentieths left out"
        return Number(value, 0.0, engine(facts), method, "spill-bar-es", statistical=error)

    return number


def _misfit(facts: SpillFacts) -> Number:
    method = (
        "rms over a cloud of particles that fills the region up to the wires and beyond: one turn of the fitted maps "
        "less the exact turn, over what is nonlinear in the exact turn; the largest over the momenta of the spill"
    )
    return Number(facts.spill.misfit, 0.0, ALONE, method)


def _missed(facts: SpillFacts) -> Number:
    method = (
        "100 particles a momentum, from inside to the wires by the exact turn and by the fitted maps: the largest "
        "distance in x and y where they arrive, in the middle and at the ends of the spill's momenta and settings"
    )
    return Number(facts.spill.missed, 0.0, ALONE, method)


def _agreement(facts: SpillFacts) -> Number:
    found = facts.agreement
    if found is None:
        raise InputError(f"there is nothing to compare with: {facts.alone}")
    method = (
        f"two-sample Kolmogorov-Smirnov, {found.ours.particles} particles, {found.ours.turns} turns: distance "
        f"{found.turn[0]:.3f} of turns, {found.angle[0]:.3f} of angles"
    )
    return Number(found.chance, 0.0, TRACKERS, method, "engines-spill")


_NUMBERS: Mapping[str, Callable[[SpillFacts], Number]] = {
    "extraction_efficiency": _efficiency,
    "spill_left": _left,
    "spill_loss_wires": _by_cause("wires"),
    "spill_loss_cathode": _by_cause("cathode"),
    "spill_loss_aperture": _by_cause("aperture", "unbounded"),
    "spill_loss_vertical": _share_lost(lambda extracted, lost: share_lost_in_plane(extracted, lost, "y")),
    "duty_factor": _duty(raw=False),
    "duty_factor_raw": _duty(raw=True),
    **{name: _duty(False, width) for name, width in WIDER_BINS.items()},
    "rate_variation": _variation,
    "peak_to_mean": _peak,
    "spill_length": _length,
    "spill_momentum_spread": _momentum_spread,
    "spill_momentum_drift": _drift,
    "spill_spiral_step": _step,
    "spill_emittance_x": _emittance("x"),
    "spill_emittance_y": _emittance("y"),
    "spill_betx": _optics("betx"),
    "spill_alfx": _optics("alfx"),
    "spill_bety": _optics("bety"),
    "spill_alfy": _optics("alfy"),
    "spill_dx": _optics("dx"),
    "spill_dpx": _optics("dpx"),
    "spill_misfit": _misfit,
    "spill_missed_at_wires": _missed,
    "spill_agreement_xsuite": _agreement,
}
