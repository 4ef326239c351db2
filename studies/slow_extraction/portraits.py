"""Phase-space portraits of the extraction at the two septa, made of what the study computed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from extraction.resonance.arms import inner_branches
from extraction.resonance.kobayashi import Kobayashi
from extraction.resonance.momenta import Case
from extraction.resonance.third_integer import virtual_sextupole
from extraction.septum import between_septa, through_septa
from lattice import NoSolution
from lattice.arrays import Array
from optics.maps.model import passage
from studies.charts.extraction import Frame, Portrait
from studies.slow_extraction.facts import ExtractionFacts

_POINTS = 70  # of an arm
_MILLI = np.array([1e3, 1e3])
_ROOT = 1e3**0.5  # m^1/2 in mm^1/2


def shown_cases(facts: ExtractionFacts) -> list[Case]:
    """The extracted momenta and the design point, in order of momentum."""
    both = {case.delta: case for case in (*facts.found, facts.design)}
    return [both[delta] for delta in sorted(both)]


@dataclass(frozen=True, eq=False)
class Traced:
    """A momentum with its exact lines at the electrostatic septum: ``arms`` and curved ``sides``, thinned."""

    case: Case
    arms: list[Array]
    sides: list[Array]


def traced(facts: ExtractionFacts) -> list[Traced]:
    """The lines of every momentum that is shown."""
    return [Traced(case, _arms(case, facts), _sides(case)) for case in shown_cases(facts)]


def electrostatic_frames(facts: ExtractionFacts, lines: Iterable[Traced]) -> Iterator[Frame]:
    """Frames at the electrostatic septum: the wires as a wall, the last three turns of a particle numbered."""
    for one in lines:
        case = one.case
        assert case.resonance is not None
        assert case.arm is not None
        leading = case.resonance.kobayashi
        wall = (facts.septum.position, facts.septum.side * facts.septum.thickness)
        exact = (one.arms, one.sides, case.resonance.fixed_points)
        yield _frame(case, leading, exact, case.arm.after[:, :2], wall, _limit(facts))


def magnetic_frames(facts: ExtractionFacts, lines: Iterable[Traced]) -> Iterator[Frame]:
    """Frames at the magnetic septum: what circulates, and (the last two points) both ends of the extracted beam."""
    first, behind, last = between_septa(facts.ring, facts.septum)
    optics = facts.optics.optics
    through = passage(facts.ring, optics.particle, facts.fringe, first, behind)
    onwards = passage(facts.ring, optics.particle, facts.fringe, behind, last)
    tracking = (through.track, onwards.track)

    def sent(points: Array, delta: float, kick: float = 0.0) -> Array:
        states = np.zeros((len(points), 6))
        states[:, :2], states[:, 5] = points, delta
        return through_septa(tracking, states, kick, facts.septum)[:, :2]

    for one in lines:
        case = one.case
        assert case.resonance is not None
        assert case.arm is not None
        arms = [sent(arm, case.delta) for arm in one.arms]
        sides = [sent(side, case.delta) for side in one.sides]
        points = sent(case.resonance.fixed_points, case.delta)
        circulating = sent(case.arm.after[:3, :2], case.delta)
        ends = np.array([[facts.septum.position + facts.septum.side * facts.septum.thickness, case.arm.px],
                         case.arm.after[3, :2]])  # fmt: skip
        extracted = sent(ends, case.delta, facts.septum.side * facts.septum.kick)
        wall = (
            (facts.spec.x_wall, np.sign(facts.spec.x_wall) * facts.septum.magnetic_thickness)
            if facts.spec.x_wall
            else None
        )
        turns = np.concatenate([circulating, extracted])
        yield _frame(case, _leading_at(case, facts, last), (arms, sides, points), turns, wall, 1.2 * _limit(facts))


def _arms(case: Case, facts: ExtractionFacts) -> list[Array]:
    assert case.resonance is not None
    triangle = float(np.max(np.abs(case.resonance.fixed_points[:, 0] - case.resonance.orbit[0])))
    arms = case.resonance.arms(max(_limit(facts), 1.5 * triangle))
    return [_thinned(arm) for arm in arms if len(arm) > 1]


def _sides(case: Case) -> list[Array]:
    """Curved sides of the stable region, none where they do not close."""
    found = case.resonance
    assert found is not None
    try:
        sides = inner_branches(found.turn, found.points, found.orbit, found.kobayashi)
    except NoSolution:
        return []
    return [_thinned(side) for side in sides]


def _leading_at(case: Case, facts: ExtractionFacts, place: int) -> Kobayashi:
    """Leading order of the same momentum at another place."""
    assert case.resonance is not None
    optics = case.resonance.optics
    row = place % len(facts.ring)
    size, phase = virtual_sextupole(optics, row)
    orbit = (float(optics["x"][row]), float(optics["px"][row]))
    functions = {"betx": float(optics["betx"][row]), "alfx": float(optics["alfx"][row])}
    return replace(case.resonance.kobayashi, virtual_sextupole=size, virtual_phase=phase, orbit=orbit, **functions)


def _limit(facts: ExtractionFacts) -> float:
    """How far from the orbit arms are drawn [m]."""
    return 1.3 * abs(facts.septum.position)


def _thinned(arm: Array) -> Array:
    """An arm in order from its fixed point with few points: evenly along the path, measured over its own size."""
    size = np.ptp(arm, axis=0)
    order = arm[np.argsort(np.linalg.norm((arm - arm[0]) / size, axis=1))]
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(order, axis=0) / size, axis=1))])
    places = np.searchsorted(length, np.linspace(0.0, length[-1], _POINTS))
    return np.asarray(order[np.unique(np.clip(places, 0, len(order) - 1))])


def _frame(
    case: Case,
    leading: Kobayashi,
    exact: tuple[list[Array], list[Array], Array],
    turns: Array,
    wall: tuple[float, float] | None,
    limit: float,
) -> Frame:
    arms, sides, points = exact
    straight = [leading.physical(line) for line in _straight_arms(leading, limit)]
    physical = Portrait(
        arms=[arm * _MILLI for arm in arms],
        sides=[side * _MILLI for side in sides],
        points=points * _MILLI,
        leading_arms=[line * _MILLI for line in straight],
        leading_points=leading.fixed_points * _MILLI,
        turns=turns * _MILLI,
        wall=(wall[0] * 1e3, wall[1] * 1e3) if wall else None,
    )
    root = leading.betx**0.5
    normalised = Portrait(
        arms=[leading.normalised(arm) * _ROOT for arm in arms],
        sides=[leading.normalised(side) * _ROOT for side in sides],
        points=leading.normalised(points) * _ROOT,
        leading_arms=[leading.normalised(line) * _ROOT for line in straight],
        leading_points=leading.normalised(leading.fixed_points) * _ROOT,
        turns=leading.normalised(turns) * _ROOT,
        wall=((wall[0] - leading.orbit[0]) / root * _ROOT, wall[1] / root * _ROOT) if wall else None,
    )
    return Frame(f"dp/p = {case.delta:.3g}", physical, normalised)


def _straight_arms(leading: Kobayashi, limit: float) -> Iterator[Array]:
    """Each leading-order separatrix from its vertex outwards, as far as x or amplitude allow."""
    reach = limit / leading.betx**0.5
    for vertex, other in leading.separatrices():
        begin = leading.at_place(vertex)
        direction = begin - leading.at_place(other)
        direction = direction / np.linalg.norm(direction)
        yield np.array([begin, begin + reach * direction])
