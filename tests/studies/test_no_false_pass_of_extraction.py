"""Extraction changed at random: no PASS that MAD-X and PTC's tracking, or a hand, do not find too.

MAD-X's functions give the virtual sextupole by its sum (PIMMS, CERN/PS 99-010 (DI), ch. 3); PTC's turns give points of
period three, by Newton's method, and what lies on the outgoing arm: a particle a little outside such a point is carried
along it, so that particles laid out evenly in the logarithm of their distance pass the wires evenly in time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf, isfinite, pi, sin, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.interpolate import CubicSpline
from scipy.optimize import brentq

from lattice import NoSolution
from lattice.arrays import Array
from machines.requirements import FAIL, PASS, Verdict
from studies.judging import verdicts_on
from studies.pipeline import Asked
from studies.registry import study_of
from studies.spec.study_file import validated
from tests.madx_session import madx
from tests.studies.test_no_false_pass import EXACT, MASS, Found, limits_beside, momentum, requirements, rigidity
from tests.studies.test_no_false_pass_of_lines import Limits, counted

#: In 17 an arm leaves across the axes of x and px, in 43 and 45 the bends undo half of what the sextupoles drive, in 49
#: three quarters: its wires stand within the triangle.
RINGS = (0, 1, 17, 43, 45, 49)
#: Differences that are none: tunes in nine decimals over a distance of 1e-3 and more; a cubic through samples of an arm
#: that begins NEAR of its triangle's size beside the point of period three. Six steps of sixth order a magnet leave PTC
#: 3e-5 of a tune's distance and 8e-5 of an area.
TUNE, AREA, ARM = 2e-6, 5e-4, 1e-3
SAMPLES, NEAR, SPREAD = 17, 4e-4, 2e-5
LEAST = 2e-4  # m: of a step; wires at the corner of the triangle have less
TRACKED = "closed_orbit=false, onetable=true, dump=true, maxaper={1,1,1,1,1,1};"
Turning = Callable[[Array, float, int], Array]


@dataclass(frozen=True)
class Ring:
    """Its text, the study on it, and where sextupoles stand."""

    text: str
    content: dict[str, Any]
    sextupoles: dict[str, float]  # K2 L [m^-2]

    @property
    def wires(self) -> dict[str, float]:
        found: dict[str, float] = self.content["extraction"]
        return found


def cells_of(number: int, random: np.random.Generator) -> tuple[str, float]:
    """FODO cells with a bend a half cell, wires at the beginning, sextupoles in the last two; and their kf."""
    cells, bend, quadrupole, drift = int(random.integers(6, 10)), 1.2, 0.35, float(random.uniform(0.6, 1.0))
    half = quadrupole + bend + 2 * drift
    k = 2 * sin(pi * float(random.uniform(0.18, 0.26))) / half / quadrupole
    placed = [f"es{number}: marker, at=0;"]
    for one in range(2 * cells):
        kind = "qf" if one % 2 else "qd"
        placed.append(f"mb{number}_{one}: mb{number}, at={one * half + drift + bend / 2!r};")
        if one == 2:
            placed.append(f"ms{number}: marker, at={(one + 1) * half - quadrupole - drift / 3!r};")
        if one in (2 * cells - 1, 2 * cells - 4):
            placed.append(f"s{number}_{one}: sx{number}_{one}, at={(one + 1) * half - quadrupole - drift / 2!r};")
        placed.append(f"{kind}{number}_{one}: {kind}{number}, at={(one + 1) * half - quadrupole / 2!r};")
    sextupoles = "".join(
        f"k{number}_{one} = 0;\nsx{number}_{one}: sextupole, l=0.2, k2:=k{number}_{one};\n"
        for one in (2 * cells - 1, 2 * cells - 4)
    )
    return (
        f"kf{number} = {k!r};\nqf{number}: quadrupole, l={quadrupole}, k1:=kf{number};\n"
        f"qd{number}: quadrupole, l={quadrupole}, k1={-k * float(random.uniform(0.95, 1.05))!r};\n"
        f"mb{number}: sbend, l={bend}, angle={pi / cells!r};\n{sextupoles}"
        f"ring{number}: sequence, refer=centre, l={2 * cells * half!r};\n" + "\n".join(placed) + "\nendsequence;\n"
    ), k


def tuned(session: Any, number: int, k: float, random: np.random.Generator) -> float:
    """kf for a tune a little off a third of an integer; gives the distance."""
    distance = float(random.choice([-1.0, 1.0]) * random.uniform(1e-3, 5e-3))

    def tune(kf: float) -> float:
        session.input(f"kf{number} = {kf!r};")
        return float(session.twiss(sequence=f"ring{number}").summary["q1"])

    thirds = [n / 3 for n in range(1, 30) if n % 3]
    wanted = min(thirds, key=lambda one: abs(one - tune(k))) + distance
    tune(float(brentq(lambda kf: tune(kf) - wanted, 0.7 * k, 1.25 * k, xtol=1e-14)))
    return distance


def ring_of(session: Any, number: int, random: np.random.Generator) -> Ring:
    """Wires of some times the triangle's size: sextupoles are as strong as that asks."""
    text, k = cells_of(number, random)
    species = str(random.choice(list(MASS)))
    energy = float(np.exp(random.uniform(np.log(60.0), np.log(400.0))))
    mass = MASS[species] / 1e3
    session.input(f"{text} beam, sequence=ring{number}, mass={mass!r}, charge=1, energy={mass * 1.1!r};")
    session.input(f"use, sequence=ring{number};")
    distance = tuned(session, number, k, random)
    table = session.twiss(sequence=f"ring{number}")
    position = float(random.choice([-1.0, 1.0]) * random.uniform(0.015, 0.035))
    reach = abs(position) / sqrt(float(table["betx"][0])) / float(random.uniform(2.0, 3.5))
    wanted = 8 * pi * abs(distance) / reach
    names = [name for name in session.globals if str(name).startswith(f"k{number}_")]
    parts = {name: float(random.uniform(-1.0, 1.0)) for name in names}
    scale = float(wanted / virtual(table, number, {name: 0.2 * part for name, part in parts.items()}))
    settings = {f"kf{number}": float(session.globals[f"kf{number}"]), **{n: scale * p for n, p in parts.items()}}
    session.input("".join(f"{name} = {value!r};" for name, value in settings.items()))
    lines = text.splitlines()
    fixed = [line for line in lines if line.split(" = ")[0] not in settings]
    text = "".join(f"{name} = {value!r};\n" for name, value in settings.items()) + "\n".join(fixed) + "\n"
    return Ring(text, extraction(number, species, energy, position, random), {n: 0.2 * settings[n] for n in names})


def extraction(
    number: int, species: str, energy: float, position: float, random: np.random.Generator
) -> dict[str, Any]:
    return {
        "study": "extraction",
        "name": "random",
        "lattice": "ring.seq",
        "sequence": f"ring{number}",
        "particle": species,
        "kinetic_energy_MeV_per_u": energy,
        "beam": {
            "normalised_emittance_x_um": 0.5,
            "normalised_emittance_y_um": 0.5,
            "momentum_spread": 0.002,
            "sigmas": 2.0,
        },
        "extraction": {
            "electrostatic_septum": f"es{number}",
            "magnetic_septum": f"ms{number}",
            "x_septum": position,
            "septum_kick": float(random.uniform(1e-3, 4e-3)),
            "wire_thickness": float(random.uniform(5e-5, 2e-4)),
            "wire_length": float(random.uniform(0.2, 0.55)),
            "septum_gap": 0.02,
            "momenta": {"lower": -SPREAD, "upper": SPREAD, "number": 2},
            "particles": 100,
            "variations": [],
        },
    }


# ----------------------------------------------------------------------------------------------- MAD-X's functions


def virtual(table: Any, number: int, strengths: dict[str, float]) -> float:
    """|S| [m^-1/2]: sum of betx^(3/2) K2 L / 2 at three times the phase, over Simpson's points of each sextupole."""
    total = 0j
    for name, strength in strengths.items():
        row = list(table["name"]).index(f"s{name[1:]}:1")
        ends, length = (row - 1, row), float(table["l"][row])
        beta = [float(table["betx"][end]) for end in ends]
        alpha = float(table["alfx"][row - 1])
        gamma = (1 + alpha**2) / beta[0]
        middle = beta[0] - alpha * length + gamma * length**2 / 4  # a weak sextupole is a drift
        phases = [2 * pi * float(table["mux"][end]) for end in ends]
        inside = phases[0] + np.arctan2(length / 2, beta[0] - alpha * length / 2)
        for share, b, mu in zip(
            (1 / 6, 4 / 6, 1 / 6), (beta[0], middle, beta[1]), (phases[0], inside, phases[1]), strict=True
        ):
            total += share * b**1.5 * strength / 2 * np.exp(3j * mu)
    return abs(total)


def by_functions(session: Any, ring: Ring, number: int) -> dict[str, Found]:
    """Tune, virtual sextupole and area to leading order; the gap that the kick opens; the septum's field."""
    table = session.twiss(sequence=f"ring{number}")
    tune = float(table.summary["q1"])
    distance = abs(tune - min((n / 3 for n in range(1, 40) if n % 3), key=lambda one: abs(one - tune)))
    strength = virtual(table, number, ring.sextupoles)
    area = 48 * sqrt(3) * pi**2 * (distance / strength) ** 2
    species, energy = ring.content["particle"], ring.content["kinetic_energy_MeV_per_u"]
    p, m = momentum(species, energy), MASS[species]
    speed = 299792458.0 * p / sqrt(p * p + m * m)
    field = ring.wires["septum_kick"] * rigidity(species, energy) * speed / ring.wires["wire_length"]
    return {
        "tune_distance": Found(distance, TUNE, distance, "1"),
        "virtual_sextupole": Found(strength, 1e-4, strength, "m^-1/2"),
        "kobayashi_area": Found(area, 3e-4, area, "m"),
        "largest_es_field": Found(field, EXACT, field, "V/m"),
    }


# --------------------------------------------------------------------------------------------------- PTC's turns


def ptc(session: Any) -> Turning:
    """Turns of PTC: coordinates (n, 2) in x, px of a momentum deviation, every turn (turns + 1, n, 2)."""

    def passed(states: Array, delta: float, turns: int) -> Array:
        for x, px in states.tolist():
            session.input(f"ptc_start, x={x!r}, px={px!r}, pt={delta!r};")
        session.input(f"ptc_track, icase=5, turns={turns}, {TRACKED} ptc_track_end;")
        table = session.table.trackone
        columns = {name: np.asarray(table[name]) for name in ("number", "turn", "x", "px")}
        found = np.full((turns + 1, len(states), 2), np.nan)
        rows = columns["turn"].astype(int), columns["number"].astype(int) - 1
        found[rows] = np.column_stack([columns["x"], columns["px"]])
        return found

    return passed


def newton(turn: Turning, starts: Array, delta: float, turns: int) -> Array:
    """Points that some turns bring back, from starts (n, 2), by differences of 1e-6 m."""
    points = starts.copy()
    steps = 1e-6 * np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1]])
    for _ in range(6):
        ends = turn((points[:, None] + steps).reshape(-1, 2), delta, turns)[turns].reshape(-1, 5, 2)
        jacobian = np.stack([ends[:, 1] - ends[:, 2], ends[:, 3] - ends[:, 4]], axis=2) / 2e-6
        for i in range(len(points)):
            if np.isfinite(ends[i]).all():
                points[i] += np.linalg.lstsq(jacobian[i] - np.eye(2), points[i] - ends[i, 0], rcond=None)[0]
    return points


@dataclass(frozen=True)
class Arm:
    """What a particle on the wires has and does: px there, the step, the part of three turns between two positions."""

    px: float
    step: float
    at: CubicSpline  # x of the position along the arm; 1 is three turns
    crossing: float

    def within(self, thickness: float, side: float) -> float:
        wire = self.at(self.crossing) + side * thickness
        u = np.linspace(self.crossing, self.at.x[-1], 400)
        beyond = side * (self.at(u) - wire) > 0
        if not beyond.any():
            return inf  # more than a third of the beam: not found from these samples
        last = int(np.argmax(beyond))
        return float(brentq(lambda one: float(self.at(one)) - wire, u[last - 1], u[last])) - self.crossing


class Inside(Exception):
    """The wires stand within the triangle: nothing comes to them."""


def corner(turn: Turning, orbit: Array, shape: tuple[float, float], reach: float) -> Array:
    """A point of period three on the momentum of the design, from around the orbit at the triangle's size."""
    angles = np.linspace(0, 2 * pi, 12, endpoint=False)
    beta, alpha = shape
    sizes = reach * np.array([1.0, 2.0, 4.0])  # bends of a small ring may undo half of what its sextupoles drive
    x, p = np.outer(sizes, np.cos(angles)).ravel(), np.outer(sizes, np.sin(angles)).ravel()
    found = newton(turn, orbit + np.column_stack([x * sqrt(beta), (p - alpha * x) / sqrt(beta)]), 0.0, 3)
    back = turn(found, 0.0, 3)[3]
    good = found[(np.abs(back - found).max(axis=1) < 1e-9) & (np.abs(found - orbit).max(axis=1) > 1e-5)]
    amplitudes = np.array([_amplitude(one - orbit, shape) for one in good])
    return np.asarray(good[int(np.argmin(np.abs(amplitudes - reach)))])


def _amplitude(z: Array, shape: tuple[float, float]) -> float:
    return float(np.linalg.norm(_normalised(z, shape)))


def _normalised(z: Array, shape: tuple[float, float]) -> Array:
    beta, alpha = shape
    return np.array([z[0], alpha * z[0] + beta * z[1]]) / sqrt(beta)


def arm_of(turn: Turning, orbit: Array, point: Array, shape: tuple[float, float], delta: float, wire: float) -> Arm:
    """Particles a little outside ``point``, over one growth of three turns: few until one passes the wires, then more
    where it did.
    """
    h = 1e-7 * np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
    ends = turn(point + h, delta, 3)[3]
    values, vectors = np.linalg.eig(np.column_stack([ends[0] - ends[1], ends[2] - ends[3]]) / 2e-7)
    grows = int(np.argmax(values.real))
    growth, vector = float(values[grows].real), vectors[:, grows].real
    outwards = _normalised(vector, shape) @ _normalised(point - orbit, shape)
    vector = vector if outwards > 0 else -vector
    near = NEAR * float(np.linalg.norm(point - orbit))
    side = float(np.sign(wire))

    def passed(positions: Array, turns: int) -> Array:
        return turn(point + np.outer(near * growth**positions, vector), delta, turns)

    few = np.linspace(0, 1, 6)
    x = side * passed(few, int(3 * np.log(20 / NEAR) / np.log(growth)) + 30)[:, :, 0]
    number = int(np.flatnonzero((x > abs(wire)).any(axis=1))[0])
    last = int(np.argmax(x[number] > abs(wire)))
    u = np.linspace(few[last] - 0.25, few[last] + 0.3, SAMPLES)
    found = passed(u, number + 3)
    at, angle, after = (CubicSpline(u, found[n, :, k]) for n, k in ((number, 0), (number, 1), (number + 3, 0)))
    crossing = float(brentq(lambda one: float(at(one)) - wire, few[last] - 0.21, few[last] + 0.01))
    return Arm(float(angle(crossing)), float(side * (after(crossing) - wire)), at, crossing)


def by_tracking(session: Any, ring: Ring, number: int) -> dict[str, Found]:
    table = session.twiss(sequence=f"ring{number}")
    shape = float(table["betx"][0]), float(table["alfx"][0])
    functions = by_functions(session, ring, number)
    reach = 8 * pi * functions["tune_distance"].value / functions["virtual_sextupole"].value
    session.input(
        "ptc_create_universe; ptc_create_layout, time=false, model=2, method=6, nst=6, exact=true;"
        "ptc_setswitch, fringe=false, time=false, totalpath=false;"
    )
    turn, wire = ptc(session), ring.wires["x_septum"]
    first, arms = corner(turn, newton(turn, np.zeros((1, 2)), 0.0, 1)[0], shape, reach), []
    points = turn(first[None], 0.0, 2)[:, 0]
    if np.max(np.sign(wire) * points[:, 0]) > abs(wire):
        raise Inside
    for delta in (0.0, -SPREAD, SPREAD):
        orbit, point = newton(turn, np.zeros((1, 2)), delta, 1)[0], newton(turn, first[None], delta, 3)[0]
        arms.append(arm_of(turn, orbit, point, shape, delta, wire))
    gaps = [opened(session, ring, number, arm, delta) for arm, delta in zip(arms[1:], (-SPREAD, SPREAD), strict=True)]
    session.input("ptc_end;")
    return {**of_arms(arms, points, ring), "septum_gap": Found(min(gaps), ARM, min(gaps), "m")}


def opened(session: Any, ring: Ring, number: int, arm: Arm, delta: float) -> float:
    """From what is on the wires' one side to what is on the other and kicked in their middle, at the second septum.

    A drift is all that there is at the wires: a kick in their middle is one at their beginning from further inside.
    """
    w, side = ring.wires, np.sign(ring.wires["x_septum"])
    moved = side * (w["wire_thickness"] - w["septum_kick"] * w["wire_length"] / 2)
    for x, px in ((w["x_septum"], arm.px), (w["x_septum"] + moved, arm.px + side * w["septum_kick"])):
        session.input(f"ptc_start, x={float(x)!r}, px={float(px)!r}, pt={delta!r};")
    session.input(f"ptc_observe, place=ms{number}; ptc_track, icase=5, turns=1, {TRACKED} ptc_track_end;")
    table = session.table.trackone
    s, x, which = (np.asarray(table[name]) for name in ("s", "x", "number"))
    here = (s > 0) & (s < s.max())
    ends = x[here][np.argsort(which[here])]
    assert len(ends) == 2
    return float(abs(ends[1] - ends[0]))


def of_arms(arms: list[Arm], points: Array, ring: Ring) -> dict[str, Found]:
    (a, b), (c, d) = points[1] - points[0], points[2] - points[0]
    area, w = abs(a * d - b * c) / 2, ring.wires
    angles = [arm.px / (1 + delta) for arm, delta in zip(arms[1:], (-SPREAD, SPREAD), strict=True)]
    steps, middle = [arm.step for arm in arms[1:]], sum(angles) / 2
    losses = [
        arm.within(w["wire_thickness"] + w["wire_length"] * abs(angle - middle), np.sign(w["x_septum"]))
        for arm, angle in zip(arms[1:], angles, strict=True)
    ]
    apart, loss = abs(losses[1] - losses[0]) / 2, sum(losses) / 2
    lost = {"wire_loss": Found(loss, 5 * NEAR + apart / loss, loss, "1")} if isfinite(loss) else {}
    return {
        **lost,
        "stable_area": Found(area, AREA, area, "m"),
        "spiral_step": Found(arms[0].step, ARM, max(arms[0].step, LEAST), "m"),
        "arm_angle": Found(arms[0].px, ARM, max(abs(arms[0].px), 1e-3), "1"),
        "least_spiral_step": Found(min(steps), ARM, max(*steps, LEAST), "m"),
        "largest_spiral_step": Found(max(steps), ARM, max(*steps, LEAST), "m"),
    }


# ------------------------------------------------------------------------------------------------------ the studies


@pytest.fixture(scope="module")
def session() -> Iterator[Any]:
    with madx("") as running:
        yield running


def ran(session: Any, number: int, folder: Path, seen: Counter[str]) -> None:
    random = np.random.default_rng([31, number])
    try:
        ring = ring_of(session, number, random)
    except Exception:  # no kf in reach gives the tune: MAD-X finds no optics on the way, or no change of sign
        seen["untuned"] += 1
        return
    (folder / "ring.seq").write_text(ring.text)
    try:
        found = {**by_functions(session, ring, number), **by_tracking(session, ring, number)}
    except Inside:
        session.input("ptc_end;")
        with pytest.raises(NoSolution, match="inside the stable triangle"):
            verdicts_of(ring, {"spiral_step": ("upper", 1.0, "m")}, folder)
        seen["inside"] += 1
        return
    known = {name: one for name, one in found.items() if one.within < 0.04}  # else no limit near it could be told
    limits: Limits = limits_beside(known, random)
    counted(verdicts_of(ring, limits, folder), known, limits, seen)


def verdicts_of(ring: Ring, limits: Limits, folder: Path) -> tuple[Verdict, ...]:
    kind, file = study_of("extraction"), folder / "random.toml"
    study = kind.resolve(validated({**ring.content, "requirement": requirements(limits)}, "random"), file)
    asked = Asked(tuple(limits), report=False, engines=False)
    return verdicts_on(study.requirements, kind.quantities(kind.gather(study, asked), asked))


def test_extractions_at_random_pass_what_ptc_finds(session: Any, tmp_path: Path) -> None:
    """Cells, tunes, sextupoles, septa, species, energies and limits at random."""
    seen: Counter[str] = Counter()
    for number in RINGS:
        ran(session, number, tmp_path, seen)
    assert min(seen[PASS], seen[FAIL]) > 2 * len(RINGS)
    assert seen["untuned"] == 0
    assert seen["inside"] == 1
