"""What moved assumptions make of a spill, told without tracking it again.

Tracked particles are too few to tell small moves apart. Each judged number of the spill has a counterpart that follows
from the arms of all momenta and the sampled stack without chance; what an assumption moves this by is taken for what it
moves the tracked one by. The evenness follows from the ripple through the response that was tracked.
"""

from __future__ import annotations

from cmath import exp
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from extraction.spill.response import Response
from lattice import InputError
from studies.judging import ALONE, Number, measured
from studies.results import Quantity
from studies.slow_extraction.facts import ExtractionFacts
from studies.slow_extraction.quantities import evaluate
from studies.slow_extraction.spec import ExtractionStudy
from studies.slow_extraction.spill.facts import SpillFacts

#: The counterparts: sign, and quantity of the extraction.
COUNTERPARTS: Mapping[str, tuple[float, str]] = {
    "extraction_efficiency": (-1.0, "wire_loss"),
    "spill_momentum_spread": (1.0, "extracted_momentum_spread"),
    "spill_spiral_step": (1.0, "largest_spiral_step"),
}


def told_by(
    extraction: ExtractionFacts, spill: SpillFacts, study: ExtractionStudy, names: Sequence[str]
) -> Iterator[Quantity]:
    """Each of ``names`` that there is a counterpart for; a number without a value says why."""
    numbers: Mapping[str, Callable[[], Number]] = {
        **{name: _counterpart(name, extraction) for name in COUNTERPARTS},
        "spill_left": lambda: _number(left_behind(extraction, spill.case.stack.reach)),
        "duty_factor": lambda: _number(evenness(spill, study)),
    }
    for name in names:
        if name in numbers:
            yield measured(name, numbers[name])


def _number(value: float) -> Number:
    return Number(value, 0.0, ALONE, "counterpart of the tracked number")


def _counterpart(name: str, extraction: ExtractionFacts) -> Callable[[], Number]:
    sign, other = COUNTERPARTS[name]

    def number() -> Number:
        (found,) = evaluate([other], extraction)
        if found.value is None:
            raise InputError(found.method)
        return _number(sign * found.value)

    return number


def left_behind(extraction: ExtractionFacts, reach: float) -> float:
    """Part of the sampled stack that a programme of this ``reach`` in dp/p does not bring to the resonance."""
    found = extraction.steinbach
    if found is None:
        raise InputError(extraction.no_steinbach)
    away = np.abs(found.leaving - found.stack.delta)
    return float(np.mean(~(away <= abs(reach))))


def evenness(spill: SpillFacts, study: ExtractionStudy) -> float:
    """Duty factor that the ripple of a study leaves of an even spill: 1 / (1 + sum of m^2 / 2).

    m: modulation of the rate at a frequency, in bins: |sum over families of ripple times gain| times sin(pi f w) /
    (pi f w), the gains those tracked for one family, for others in proportion to what shifts the leaving momentum.
    InputError where the response was not tracked.
    """
    if spill.response is None or study.spill is None:
        raise InputError("how ripple comes through was not tracked")
    modulation: dict[float, complex] = {}
    for family in study.spill.ripple:
        for amplitude, frequency, phase in family.lines:
            gain = _gain(spill.response, family.parameter, frequency)
            modulation[frequency] = modulation.get(frequency, 0.0) + amplitude * gain * exp(1j * phase)
    seen = (abs(m) * float(np.sinc(f * study.spill.bin_s)) for f, m in modulation.items())
    return 1.0 / (1.0 + 0.5 * sum(m**2 for m in seen))


def _gain(response: Response, family: str, frequency: float) -> float:
    """Modulation over ripple, with the sign of the family's shift: log-log between the lines tracked."""
    table = response.transfer.sort_values("frequency")
    shifts = response.families.set_index("family")["shift"]
    if family not in shifts.index or frequency == 0.0:
        return 0.0  # a family that moves no magnet of the ring, or a setting that is off
    own = float(np.exp(np.interp(np.log(frequency), np.log(table["frequency"]), np.log(table["gain"]))))
    return own * float(shifts[family] / abs(shifts[response.parameter]))
