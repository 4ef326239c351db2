"""Quantities of a treatment on several machines."""

from __future__ import annotations

from collections.abc import Iterator

from studies.judging import FORMULA, Number, measured, missing, worst_of
from studies.results import Quantity
from studies.treatment.facts import CYCLES, CYCLOTRON, LINAC, STEPS, ComparisonFacts
from studies.treatment.timing_checks import COMPUTED

_TIMES = {
    CYCLES: "treatment_time_cycles",
    STEPS: "treatment_time_steps",
    LINAC: "treatment_time_linac",
    CYCLOTRON: "treatment_time_cyclotron",
}
_MIDDLE_SPOT = 5.5e-3  # m, between 3 and 8 mm


def quantities(facts: ComparisonFacts) -> Iterator[Quantity]:
    """All that the study gives; times of machines that cannot deliver have no value, and say why."""
    for name, quantity in _TIMES.items():
        if name in facts.timelines:
            line = facts.timelines[name]
            method = f"timeline layer by layer; most of it: {line.limited_by}"
            yield _quantity(quantity, line.total, 0.01, method, "time-causes")
        else:
            yield missing(quantity, facts.machines.missing.get(name, "the study has no such machine"), FORMULA)
    level = max(abs(value - 1.0) for value in facts.treatment.level)
    yield _quantity(
        "dose_level", level, 1e-4, "least and greatest dose along the axis, its fall at the end aside", "dose-depth"
    )
    yield _quantity("layers_number", facts.treatment.layers, 0.0, "counted", "dose-layers")
    yield from _of_beams(facts)
    models = [check for check in facts.checks if check.kind == COMPUTED]
    missed = sum(not check.met for check in models)
    if models:
        yield _quantity("timing_checks_missed", missed, 0.0, f"of {len(models)} that models compute", "")
    else:
        yield missing("timing_checks_missed", "no published number is one that the models compute", FORMULA)


def _of_beams(facts: ComparisonFacts) -> Iterator[Quantity]:
    """The widest energy spread and the spot farthest from the middle, with the machine and energy that have them."""
    beams = facts.beams
    if beams.empty:
        for name in ("largest_energy_spread", "worst_spot"):
            yield missing(name, "no machine reaches the volume", FORMULA)
        return
    worst = beams.iloc[worst_of(beams["spread"])]
    method = f"all machines and energies; {worst['machine']} at {worst['energy']:.4g} MeV/u"
    yield _quantity("largest_energy_spread", worst["spread"], 1e-5, method, "beam-spread")
    spots = beams.melt(["machine", "energy"], ["spot_x", "spot_y"], value_name="spot")
    far = spots.iloc[worst_of((spots["spot"] - _MIDDLE_SPOT).abs())]
    method = f"all machines, energies and planes; {far['machine']} at {far['energy']:.4g} MeV/u"
    yield _quantity("worst_spot", far["spot"], 1e-5, method, "beam-spots")


def _quantity(name: str, value: float, error: float, method: str, figure: str) -> Quantity:
    return measured(name, lambda: Number(float(value), float(error), FORMULA, method, figure))
