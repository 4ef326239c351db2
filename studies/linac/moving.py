"""How the optics study of a linac is computed with its assumptions moved."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from machines.linacs.table import LinacTable
from studies.linac.facts import LinacFacts, gather_again
from studies.linac.resolution import ResolvedLinac
from studies.linac.spec import LinacOpticsStudy, LinacStudy
from studies.pipeline import Moving
from studies.spec.assumption import AssumptionSpec
from studies.spec.checking import checked
from studies.spec.moving import moved_content, moved_study

#: Particles, machines with errors, particles in each, and pulses that a move is told from: the same on either side.
_FEWER = {"particles": 4000, "error_samples": 10, "error_particles": 400, "samples": 100}
_OF_POWER = ("klystron_share", "kilpatrick", "unit_power", "rf_power", "average_power", "space_charge")
_OF_FIELDS = ("kilpatrick", "max_gradient", "final_energy", "largest_advance", "least_advance", "length")
_OF_ERRORS = ("transmission_with_errors", "range_jitter", "energy_jitter")


Study = TypeVar("Study", bound=LinacStudy)


def moved_linac(resolved: ResolvedLinac[Study], assumption: AssumptionSpec, sign: float) -> ResolvedLinac[Study]:
    """A key of the section table or of the study moved; InputError for one that neither has."""

    def move(value: float) -> float:
        return float(assumption.moved(value, sign))

    key = assumption.key
    if key.partition(".")[0] not in resolved.table:
        return replace(resolved, study=moved_study(resolved.study, key, move))
    table = checked(LinacTable, moved_content(resolved.table, key, move), f"assumption '{key}'")
    return replace(resolved, machine=resolved.machine.with_table(table))


def _lighter(resolved: ResolvedLinac[LinacOpticsStudy]) -> ResolvedLinac[LinacOpticsStudy]:
    content = resolved.study.model_dump()
    fewer = {name: min(content[name], number) for name, number in _FEWER.items()}
    return replace(resolved, study=resolved.study.model_copy(update={**fewer, "error_scales": (1.0,)}))


def _touched(key: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """Tolerances move what machines with errors and pulses are, the RF's data its power and field: nothing else.

    A beam moves no energy: neither fields nor what pulses jitter by.
    """
    if key.startswith("tolerance."):
        return tuple(name for name in names if name in _OF_ERRORS)
    if ".supply." in key or key == "beam.current_uA":
        return tuple(name for name in names if name in _OF_POWER)
    if key.startswith("beam."):
        return tuple(name for name in names if name not in ("range_jitter", "energy_jitter", *_OF_FIELDS))
    return names


MOVING: Moving[ResolvedLinac[LinacOpticsStudy], LinacFacts] = Moving(
    moved=moved_linac,
    lighter=_lighter,
    touched=_touched,
    again=lambda facts, resolved, key, asked: gather_again(facts, resolved, asked),
)
