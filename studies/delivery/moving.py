"""How a delivery is computed with its assumptions moved: its table of settings stays, the beam or the line differs.

What asks for the settings themselves (which spots are reached, with which gradients, how far apart the energies of the
table may be) is told from settings found anew, near those of the study. So is all of a beam that settings are made for,
``design.emittance_x`` in place of ``beams.emittance_x``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from optics import Moments
from optics.line.settings import Settings
from studies.delivery.cases import settings_of
from studies.delivery.entering.moved import MADE_FOR, MET, check_beam_key, moved_source
from studies.delivery.entering.source import Source
from studies.delivery.facts import Facts, accepted_cases, between, brought_again, trajectories_of
from studies.delivery.quantities import NUMBERS, quantities
from studies.delivery.resolution import ResolvedDelivery
from studies.judging import evaluated
from studies.pipeline import Asked, Moving
from studies.results import Quantity
from studies.spec.assumption import AssumptionSpec
from studies.spec.moving import OF_LATTICES, movable_lattice, moved_lattice, moved_study

#: Quantities by what they are told from.
_OF_SETTINGS = ("spots_missed", "line_gradient", "spot_interpolation")
_OF_PARTICLES = ("spot_size_error", "spot_position", "spot_roundness", "line_transmission")
_OF_MOMENTUM = ("momentum_acceptance", "size_acceptance", "momentum_shift")
_OF_STEERED = (
    *("steered_position", "steered_angle", "steered_size", "ripple_position", "steered_transmission", "steering_kick"),
)
_LINES = 72  # with errors that a move is told from: what 95 % of them keep to is bounded by them
_OF_SUPPLIES = ("supply_position", "supply_size")
_OF_ENTRANCE = ("junction_offset", "junction_angle", "junction_drift")
_BEAMS = (MADE_FOR, MET)
#: Gradient against current, of all quadrupoles alike.
CALIBRATION = "elements.quadrupole.k1"
_OF_MOMENTS = ("spot_dispersion", "spot_correlation", "spot_angle_change", "line_fill")


@dataclass(frozen=True)
class MovedDelivery(ResolvedDelivery):
    """A resolved study with the ``assumption`` on the beam that enters moved by ``sign``; None: on something else."""

    assumption: AssumptionSpec | None = None
    sign: float = 0.0

    def entering(self, source: Source) -> Source:
        """The beam that enters."""
        return source if self.assumption is None else moved_source(source, self.assumption, self.sign)


@dataclass(frozen=True, eq=False)
class MovedFacts(Facts):
    """Facts with the settings of the study kept; ``anew``: found for the moved beam and line, None where not asked."""

    anew: Settings | None = None

    @property
    def design(self) -> Settings:
        """Those found anew."""
        return self.found if self.anew is None else self.anew


def moved_quantities(facts: Facts, asked: Asked) -> tuple[Quantity, ...]:
    """All of the vocabulary's; of moved facts what is asked alone."""
    if isinstance(facts, MovedFacts):
        return evaluated(asked.names, NUMBERS, facts)
    return quantities(facts, asked.names)


def _lighter(resolved: ResolvedDelivery) -> ResolvedDelivery:
    """Fewer lines with errors, and a parameter for each assumption on elements: moved lines have the same elements."""
    light = replace(resolved, line=movable_lattice(resolved.line, resolved.study.assumption))
    spec = resolved.study.trajectories
    if spec is None:
        return light
    fewer = spec.model_copy(update={"machines": min(spec.machines, _LINES)})
    return replace(light, study=resolved.study.model_copy(update={"trajectories": fewer}))


def _moved(resolved: ResolvedDelivery, assumption: AssumptionSpec, sign: float) -> ResolvedDelivery:
    head = assumption.key.partition(".")[0]
    if head in _BEAMS:
        check_beam_key(assumption)
        known = {one.name: getattr(resolved, one.name) for one in fields(ResolvedDelivery)}
        return MovedDelivery(**known, assumption=assumption, sign=sign)
    if head in OF_LATTICES:
        return replace(resolved, line=moved_lattice(resolved.line, assumption, sign))

    def move(value: float) -> float:
        return float(assumption.moved(value, sign))

    return replace(resolved, study=moved_study(resolved.study, assumption.key, move))


def _touched(key: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """Errors of lines move what steering leaves, the beam no field, the pipe what it loses or must fit into.

    Lines with errors are those about the setting of the study: one that is made for another beam has its own. What
    settings need is not moved by the calibration of the quadrupoles: found anew they have the same gradients at other
    currents, so that the same spots are reached.
    """
    head = key.partition(".")[0]
    if head == "trajectories":
        return _of(names, _OF_STEERED)
    if head == MADE_FOR:
        return _but(names, (*_OF_ENTRANCE, *_OF_STEERED, *_OF_SUPPLIES, "line_bend_field"))
    if head == MET:
        return _but(names, (*_OF_ENTRANCE, "line_bend_field"))
    if head == "apertures":
        some = (*_OF_SETTINGS, *_OF_PARTICLES, *_OF_MOMENTUM, "line_fill", "steered_transmission")
        return _of(names, some)
    if key == CALIBRATION:
        return _but(names, (*_OF_ENTRANCE, *_OF_SETTINGS))
    return _but(names, _OF_ENTRANCE) if head in OF_LATTICES else names


def _of(names: Iterable[str], some: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name in some)


def _but(names: Iterable[str], some: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name not in some)


def _base(facts: Facts, light: ResolvedDelivery, _: Sequence[object], asked: Asked) -> MovedFacts:
    """The study's own facts, its settings those of a line whose elements can be moved."""
    known = {one.name: getattr(facts, one.name) for one in fields(Facts)}
    found = replace(facts.found, lattice=light.line)
    base = MovedFacts(**{**known, "resolved": light, "found": found})
    if facts.trajectories is None or not {*asked.names} & {*_OF_STEERED}:
        return base
    return replace(base, trajectories=trajectories_of(light, facts.source, found, facts.shown))


def _again(facts: Facts, resolved: ResolvedDelivery, key: str, asked: Asked) -> Facts | None:
    """None for keys of the study that are neither the beam's nor the line's: then everything is computed."""
    head = key.partition(".")[0]
    if head == "trajectories":
        moved = trajectories_of(resolved, facts.source, facts.found, facts.shown)
        return replace(facts, resolved=resolved, trajectories=moved)
    if not isinstance(facts, MovedFacts) or head not in (*_BEAMS, *OF_LATTICES):
        return None
    return _with_parts(_set_again(facts, resolved, head, set(asked.names)), set(asked.names))


def _set_again(facts: MovedFacts, resolved: ResolvedDelivery, head: str, names: set[str]) -> MovedFacts:
    """The beam and its settings: those of the study, and found anew where it is asked."""
    source = resolved.entering(facts.source) if isinstance(resolved, MovedDelivery) else facts.source
    sigma = np.array([source.moments(case.particle).sigma for case in facts.cases])
    beams, known = Moments(resolved.particles[0], sigma), facts.found.values
    kept = replace(facts.found, lattice=resolved.line)
    new = replace(facts, resolved=resolved, source=source, beams=beams, found=kept)
    if head == MADE_FOR or names & {*_OF_SETTINGS}:
        anew = settings_of(resolved, resolved.own, facts.cases, beams, known, "near")
        new = replace(new, anew=anew, between=between(resolved, source, anew))
    if head == MADE_FOR:
        return replace(new, found=new.design)
    if names & {*_OF_MOMENTS}:
        new = replace(new, found=settings_of(resolved, resolved.own, facts.cases, beams, known, "nowhere"))
    return new


def _with_parts(facts: MovedFacts, names: set[str]) -> MovedFacts:
    """Particles, momenta and lines with errors, where ``names`` are told from them."""
    resolved, source, found, new = facts.resolved, facts.source, facts.found, facts
    if names & {*_OF_PARTICLES}:
        new = replace(new, delivered=tuple(brought_again(resolved, source, found, one) for one in facts.delivered))
    if names & {*_OF_MOMENTUM}:
        new = replace(new, acceptances=tuple(accepted_cases(resolved, source, found, facts.delivered)))
    if names & {*_OF_STEERED, *_OF_SUPPLIES}:
        new = replace(new, trajectories=trajectories_of(resolved, source, found, facts.shown))
    return new


MOVING: Moving[ResolvedDelivery, Facts] = Moving(
    moved=_moved, lighter=_lighter, touched=_touched, base=_base, again=_again
)
