"""How a linac's energies are computed with its assumptions moved: the table of settings stays, the machine differs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from machines.linacs.table import LinacTable
from studies.linac.moving import moved_linac
from studies.linac.resolution import ResolvedLinac
from studies.linac.switching.facts import (
    SwitchingFacts,
    at_some_energies,
    with_beams,
    with_jitter,
    with_layers,
)
from studies.linac.switching.spec import LinacSwitchingStudy
from studies.pipeline import Asked, Moving

Resolved = ResolvedLinac[LinacSwitchingStudy]

#: Particles and pulses that a move is told from: the same on either side.
_FEWER = {"particles_per_energy": 1000, "samples": 100}
_OF_PULSES = ("energy_jitter", "range_jitter")
_OF_TIMES = ("switching_share", "layer_time")
_OF_SETTINGS = ("interpolation_error", "energies_reached")
#: Keys of a section that its RF does not depend on.
_OF_OPTICS = {"gradients_T_per_m", "bore_mm", "supply"}


def _lighter(resolved: Resolved) -> Resolved:
    fewer = {name: min(getattr(resolved.study, name), number) for name, number in _FEWER.items()}
    return replace(resolved, study=resolved.study.model_copy(update=fewer))


def _touched(key: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """Tolerances move pulses, the time structure times; what is left moves beams, and settings where it is the RF's."""
    head, last = key.partition(".")[0], key.rpartition(".")[2]
    if head == "tolerance":
        return tuple(name for name in names if name in _OF_PULSES)
    if head == "pulse":
        return tuple(name for name in names if name in _OF_TIMES)
    others = (*_OF_PULSES, *_OF_TIMES, *_OF_SETTINGS)
    if head == "beam" or last in _OF_OPTICS:
        return tuple(name for name in names if name not in others)
    return names


def _base(facts: SwitchingFacts, light: Resolved, _: Sequence[Resolved], asked: Asked) -> SwitchingFacts:
    return at_some_energies(facts, light, asked)


def _again(facts: SwitchingFacts, resolved: Resolved, key: str, _: Asked) -> SwitchingFacts | None:
    """None where the RF itself is another one: then settings are found anew."""
    head = key.partition(".")[0]
    new = replace(facts, resolved=resolved, machine=resolved.machine)
    if head == "tolerance":
        return with_jitter(new)
    if head == "pulse":
        return with_layers(new)
    return with_beams(new) if _rf(resolved.machine.table) == _rf(facts.machine.table) else None


def _rf(table: LinacTable) -> dict[str, Any]:
    """What of a section table decides which energies its settings give."""
    content = table.model_dump(include={"section"}, exclude={"section": {"__all__": _OF_OPTICS}})
    return {**content, "species": table.beam.species, "energy": table.beam.kinetic_energy_MeV}


MOVING: Moving[Resolved, SwitchingFacts] = Moving(
    moved=moved_linac, lighter=_lighter, touched=_touched, base=_base, again=_again
)
