"""Facts of an extraction made up by hand: straight arms beyond wires at negative x, three unequal momenta, two engines.

Every value is chosen so that a sign, a side, a plane, the least for the largest or one momentum for another shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.polynomial import Chebyshev

from extraction.resonance.arms import Arm
from extraction.resonance.both_engines import Engines, Row
from extraction.resonance.diagram import Steinbach
from extraction.resonance.kobayashi import Kobayashi
from extraction.resonance.last_turns import LastTurns
from extraction.resonance.momenta import Case
from extraction.resonance.second_engine import Residuals, TrackedArm, TrackedResonance
from extraction.resonance.sextupoles import SextupoleShare
from extraction.resonance.steinbach import ExtractedBeam, Stack
from extraction.septum import Septum, Transport
from lattice import ReferenceParticle
from studies.slow_extraction.energies import AtEnergy
from studies.slow_extraction.facts import ExtractionFacts
from studies.slow_extraction.spec import ExtractionSpec
from studies.slow_extraction.wires import at_wires

CARBON = ReferenceParticle("carbon-12", kinetic_energy_per_u=400e6)
WIRES = -0.03
SEPTUM = Septum(
    at="es",
    position=WIRES,
    thickness=2e-4,
    kick=3e-3,
    length=0.5,
    gap=0.02,
    angle=-1e-3,
    magnetic_at="ms",
    magnetic_thickness=0.012,
)
SPEC = ExtractionSpec(electrostatic_septum="es", magnetic_septum="ms", x_septum=WIRES, x_wall=-0.04)
#: Momentum, px at the wires, spiral step [m], spiral kick.
ARMS = ((-2e-3, -1.2e-3, 4e-3, -3e-5), (-1e-3, -0.9e-3, 5e-3, 4e-5), (1e-3, -0.4e-3, 8e-3, 7e-5))
#: x of the extracted and of the circulating beam at the magnetic septum [m], by momentum.
SENT = ((-0.058, -0.031), (-0.0575, -0.032), (-0.059, -0.0335))
DESIGN = 1  # of ARMS
#: What Xsuite adds to ours at the design momentum and at the last one: px, x and px three turns on, area; then the
#: extracted and the circulating x at the magnetic septum.
OTHER = ((2e-6, -1e-6, -3e-6, 4e-9, -1e-7, 3e-7), (-5e-6, 8e-6, 2e-6, -1e-9, 2e-7, -4e-7))


def straight_arm(px: float, step: float, kick: float, x: float = WIRES) -> Arm:
    """An arm on which particles move outwards evenly in time, ``step`` [m] in three turns, and turn by ``kick``."""
    side = np.sign(x)
    after = np.array(
        [[x, px, 0, 0], [0.01, 2e-3, 0, 0], [0.015, -1e-3, 0, 0], [x + side * step, px + kick, 0, 0]], dtype=float
    )
    return Arm(
        x=x,
        px=px,
        slope=0.4 * px / 1e-3,
        curvature=-7.0 * step,
        spiral_step=step,
        spiral_kick=kick,
        vertex=1,
        after=after,
        position=Chebyshev.fit([-1.0, 3.0], [x - 1.5 * side * step, x + 2.5 * side * step], 1),
        angle=Chebyshev.fit([-1.0, 3.0], [px - 1.5 * kick, px + 2.5 * kick], 1),
        crossing=0.5,
    )


def kobayashi(distance: float = -1e-3) -> Kobayashi:
    """|S| 12 m^-1/2, betx 9 m, alfx 0.5, orbit at 1 mm."""
    return Kobayashi(distance, 12.0, 0.05, 9.0, 0.5, (1e-3, -2e-4), fraction=2 / 3)


@dataclass
class MadeOptics:
    """Optics with the phases of three places: the septum 0.3 turns ahead of the strong sextupole, over the turn's end.

    The whole tune is 1.665; muy is another number everywhere.
    """

    qx: float = 1.665
    qy: float = 1.72
    dqx: float = -4.0
    dqy: float = -7.0
    coupled: bool = False
    particle: ReferenceParticle = CARBON
    mux: Mapping[str, float] = field(default_factory=lambda: {"es": 0.1, "weak": 0.7, "strong": 1.465})
    muy: Mapping[str, float] = field(default_factory=lambda: {"es": 0.33, "weak": 0.55, "strong": 1.21})

    def value(self, column: str, place: str) -> float:
        return {"mux": self.mux, "muy": self.muy}[column][place]


def resonance(index: int) -> Any:
    """A triangle of area 6e-6 (1 + index) m and what belongs to it."""
    area = 6e-6 * (1 + index)
    points = np.array([[0.0, 0.0], [0.012, 1e-4], [0.004, 2 * area / 0.012 + 1e-4 / 3]])
    leading = kobayashi(-1e-3 * (1 + index))
    return SimpleNamespace(
        fixed_points=points,
        points=points,
        stable_area=area,
        enclosed_area=1.1 * area,
        virtual_sextupole=12.0,
        virtual_phase=0.05,
        tune_distance=leading.tune_distance,
        orbit=np.array([1e-3 + 1e-4 * index, -2e-4, 5e-4, 0.0]),
        kobayashi=leading,
        mode=SimpleNamespace(number=1),
        shares=(SextupoleShare("weak", 4.0, 0.3), SextupoleShare("strong", 9.0, 0.02)),
        multipliers=np.array([1.25, 0.8]),
        residual=3e-14,
        optics=MadeOptics(),
        place="es",
    )


def sent(index: int) -> Transport:
    """At the magnetic septum; y is another number."""
    (out, inside), phase = SENT[index], 0.21 + 0.01 * index
    return Transport(
        extracted=np.array([out, 1e-3, 0.5, 0.0, 0.0, 0.0]),
        circulating=np.array([inside, -1e-3, -0.5, 0.0, 0.0, 0.0]),
        gap=abs(out - inside),
        gap_linear=0.02,
        phase_advance=phase,
    )


def case(index: int, **changes: Any) -> Case:
    """One of ARMS with its resonance and its passage."""
    delta, px, step, kick = ARMS[index]
    return replace(Case(delta, resonance(index), straight_arm(px, step, kick), sent(index)), **changes)


def row(index: int, other: tuple[float, ...]) -> Row:
    """Our case beside one that differs by ``other``; relative differences are numbers of their own."""
    ours, found = resonance(index), case(index)
    assert found.arm is not None
    assert found.transport is not None
    moved, theirs = found.transport, found.arm.after[3, :2] + other[1:3]
    out, inside = (np.array(one) for one in (moved.extracted, moved.circulating))
    out[0] += other[4]
    inside[0] += other[5]
    area = ours.stable_area + other[3]
    return Row(
        delta=found.delta,
        ours=ours,
        our_arm=found.arm,
        our_transport=moved,
        points=TrackedResonance(np.zeros((3, 4)), area, 1.25, np.zeros(4), np.zeros(4)),
        arm=TrackedArm(found.arm.px + other[0], theirs),
        transport=replace(moved, extracted=out, circulating=inside, gap=float(abs(out[0] - inside[0]))),
        residuals=Residuals(
            points=1e-4 * (2 - index / 2), area=abs(other[3]) / ours.stable_area, angle=2e-5 * index, position=7e-5
        ),
    )


def engines() -> Engines:
    """Both of OTHER."""
    return Engines((row(DESIGN, OTHER[0]), row(2, OTHER[1])), "Xsuite 0")


def last_turns() -> LastTurns:
    """Three rows of which the middle one is nearest; at the magnetic septum the beam is from -34 to 39 mm."""
    table = pd.DataFrame(
        {
            "delta": [-2e-3, 1e-3, -1e-3],
            "turn": [1, 3, 2],
            "element": ["qf", "qd", "qf"],
            "s": [1.0, 2.0, 1.0],
            "x": [0.02, -0.04, 0.03],
            "room": [0.02, 0.009, 0.015],
        }
    )
    return LastTurns(table, at_wall=np.array([0.039, -0.034, -0.01, -0.02]), into_gap=0.011)


def sampled() -> ExtractedBeam:
    """Four particles; emittance by hand in the test."""
    delta = np.array([-2e-3, -1.5e-3, -1e-3, 1e-3])
    return ExtractedBeam(np.array([-0.031, -0.032, -0.034, -0.035]), np.array([-1e-3, -0.9e-3, -1.1e-3, 0.0]), delta)


def steinbach() -> Steinbach:
    """Resonant at -3e-4; of five particles one leaves nowhere."""
    leaving = np.array([-2e-3, -1e-3, np.nan, -1.5e-3, -0.5e-3])
    stack = Stack(np.full(5, -3e-3), np.full(5, 1e-3))
    return Steinbach(-3e-4, -1.0, pd.DataFrame(), stack, leaving)


def points() -> tuple[AtEnergy, ...]:
    """Two working points: the one of the larger fields has the larger steps and the smaller losses."""
    slow = ReferenceParticle("proton", kinetic_energy_per_u=60e6)
    return (
        AtEnergy(CARBON, 4.0e6, 0.5, 7e-7, (-9e-4, -4e-4), (6e-3, 7e-3), np.array([0.01, 0.03])),
        AtEnergy(slow, 0.4e6, 0.1, 14e-7, (-1.1e-3, -5e-4), (5e-3, 8e-3), np.array([0.02, 0.04])),
    )


def facts(**changes: Any) -> ExtractionFacts:
    """The facts; ``changes`` take the place of a field."""
    cases = tuple(case(index) for index in range(3))
    ours, theirs = SimpleNamespace(qx=1.665), SimpleNamespace(qx=1.665 + 8e-9)
    verification = SimpleNamespace(ours=ours, reference=theirs)
    known: dict[str, Any] = {
        "optics": SimpleNamespace(optics=MadeOptics(), compared=SimpleNamespace(verification=verification)),
        "spec": SPEC,
        "septum": SEPTUM,
        "beam": None,
        "emittance": 1e-6,
        "design": cases[DESIGN],
        "cases": cases,
        "steinbach": steinbach(),
        "no_steinbach": "",
        "extracted": sampled(),
        "turns": last_turns(),
        "engines": engines(),
        "scans": None,
        "divergence": -0.35,
        "hardt": 0.27,
        "wires": at_wires(cases, SEPTUM),
        "flux": 1.9,
        "points": points(),
        "portraits": None,
    }
    return ExtractionFacts(**cast(Any, known | changes))


def alone(**changes: Any) -> ExtractionFacts:
    """The same without a second engine."""
    return facts(engines=Engines((), alone="a test"), **changes)
