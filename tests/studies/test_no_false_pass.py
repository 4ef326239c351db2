"""Studies changed at random: no PASS that MAD-X, or a hand with the rigidity, does not find too, and no other FAIL.

MAD-X reads the same text by itself; limits lie at random beside what it finds, so that about half of them are broken.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import pi, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lattice import HadronOpticsError
from machines.requirements import FAIL, PASS, Verdict
from studies.pipeline import judged
from studies.registry import study_of
from studies.spec.study_file import validated
from tests.madx_session import madx

RINGS = 100
MASS = {"proton": 938.27208943, "helium-4": 3727.3794, "carbon-12": 11174.8632}  # MeV (CODATA, AME2020)
CHARGE = {"proton": 1, "helium-4": 2, "carbon-12": 6}
NUCLEONS = {"proton": 1, "helium-4": 4, "carbon-12": 12}
SLICES = 24  # of an element, in MAD-X
#: Differences of two codes that are none, over the value's scale: rounding, and for what is largest inside elements the
#: cut of SLICES (beta is parabolic at its top: (pi / 2 / SLICES)^2 / 2 of its swing in one magnet, a tenth of it).
EXACT, INSIDE = 1e-6, 4e-4


@dataclass(frozen=True)
class Found:
    """A number by MAD-X or by hand; ``within`` of ``scale`` another is the same."""

    value: float
    within: float
    scale: float
    unit: str

    @property
    def same(self) -> float:
        return self.within * self.scale


def momentum(species: str, energy: float) -> float:
    """MeV/c of the whole particle of ``energy`` [MeV/u]."""
    kinetic = energy * NUCLEONS[species]
    return sqrt(kinetic * (kinetic + 2 * MASS[species]))


def rigidity(species: str, energy: float) -> float:
    """T m."""
    return momentum(species, energy) / CHARGE[species] / 299.792458


@dataclass(frozen=True)
class Ring:
    """A ring of equal cells with one gradient apart, as MAD-X reads it, and the beam in it."""

    name: str
    text: str
    species: str
    energy: float
    angle: float  # of a bend [rad]
    bend: float  # m
    strengths: tuple[float, float]
    emittances: tuple[float, float]  # normalised rms [um]
    spread: float  # full
    openings: tuple[float, float]  # half, m

    @property
    def beta_gamma(self) -> float:
        return momentum(self.species, self.energy) / MASS[self.species]

    @property
    def beta0(self) -> float:
        return self.beta_gamma / sqrt(1 + self.beta_gamma**2)


def ring_of(number: int, random: np.random.Generator) -> Ring:
    """Names of its own for each: MAD-X keeps all that it has read."""
    cells = int(random.integers(3, 9))
    angle, bend, quadrupole = pi / cells, float(random.uniform(0.8, 2.5)), float(random.uniform(0.2, 0.5))
    drifts = [float(length) for length in random.uniform(0.3, 2.0, 4)]
    half = quadrupole + bend + (sum(drifts) / 2)
    advances = random.uniform(0.12, 0.47, 2)  # turns a cell; a thin lens between two half cells
    kf, kd = (float(2 * np.sin(pi * mu) / half / quadrupole) for mu in advances)
    e1, e2 = (float(e) for e in random.uniform(0.0, 0.5, 2) * angle)
    openings = tuple(float(a) for a in random.uniform(0.02, 0.06, 2))
    species = str(random.choice(list(MASS)))
    energy = float(np.exp(random.uniform(np.log(10.0), np.log(430.0))))
    aperture = f"apertype=rectangle, aperture={{{openings[0]!r},{openings[1]!r}}}"
    line: list[str] = []
    s = 0.0
    for cell in range(cells):
        for name, length in (
            *(("qf", quadrupole), ("", drifts[0]), ("mb", bend), ("", drifts[1])),
            *(("qd", quadrupole), ("", drifts[2]), ("mb", bend), ("", drifts[3])),
        ):
            if name:
                line.append(f"{name}{number}_{cell}_{len(line)}: {name}{number}, at={s + length / 2!r};")
            s += length
    text = (
        f"qf{number}: quadrupole, l={quadrupole!r}, k1={kf!r}, {aperture};\n"
        f"qd{number}: quadrupole, l={quadrupole!r}, k1={-kd!r}, {aperture};\n"
        f"mb{number}: sbend, l={bend!r}, angle={angle!r}, e1={e1!r}, e2={e2!r}, {aperture};\n"
        f"ring{number}: sequence, refer=centre, l={s!r};\n" + "\n".join(line) + "\nendsequence;\n"
    )
    return Ring(
        name=f"ring{number}",
        text=text,
        species=species,
        energy=energy,
        angle=angle,
        bend=bend,
        strengths=(kf, kd),
        emittances=(float(random.uniform(0.2, 3.0)), float(random.uniform(0.2, 3.0))),
        spread=float(random.uniform(0.0, 0.006)),
        openings=(openings[0], openings[1]),
    )


def of_madx(session: Any, ring: Ring) -> dict[str, Found] | None:
    """What MAD-X says of the ring; None where it finds no optics."""
    whole = MASS[ring.species] / 1e3
    energy = whole + ring.energy * NUCLEONS[ring.species] / 1e3
    session.input(
        ring.text + f"beam, sequence={ring.name}, mass={whole!r}, charge={CHARGE[ring.species]}, energy={energy!r};\n"
        f"use, sequence={ring.name}; select, flag=interpolate, clear; select, flag=interpolate, slice={SLICES};"
    )
    try:
        table = session.twiss()
    except Exception:
        return None
    columns = {name: np.array(table[name]) for name in ("betx", "bety", "dx")}
    if not all(np.isfinite(column).all() for column in columns.values()):
        return None
    summary = {name: float(table.summary[name]) for name in ("q1", "q2", "alfa")}
    return {**_optics(columns, summary, ring), **_rooms(columns, ring), **_fields(ring)}


def _optics(columns: dict[str, Any], summary: dict[str, float], ring: Ring) -> dict[str, Found]:
    exact = {"qx": (summary["q1"], "1"), "qy": (summary["q2"], "1"), "momentum_compaction": (summary["alfa"], "1")}
    if summary["alfa"] > 0:
        exact["gamma_transition"] = (1 / sqrt(summary["alfa"]), "1")
    inside = {"max_betx": columns["betx"], "max_bety": columns["bety"], "max_dx": columns["dx"] * ring.beta0}
    tops = {name: Found(float(c.max()), INSIDE, float(np.ptp(c)) + float(c.max()), "m") for name, c in inside.items()}
    return {**{name: Found(value, EXACT, abs(value), unit) for name, (value, unit) in exact.items()}, **tops}


def _rooms(columns: dict[str, Any], ring: Ring) -> dict[str, Found]:
    """Opening less three sigma and the dispersion of half the spread, where it is least [mm]."""
    offsets = {"x": np.abs(columns["dx"]) * ring.beta0 * ring.spread / 2, "y": 0.0}
    found = {}
    for plane, emittance, opening in zip("xy", ring.emittances, ring.openings, strict=True):
        size = 3 * np.sqrt(1e-6 * emittance / ring.beta_gamma * columns[f"bet{plane}"])
        room = 1e3 * float(np.min(opening - size - offsets[plane]))
        found[f"clearance_{plane}"] = Found(room, INSIDE, 1e3 * float(np.max(size)) + 1e3 * opening, "mm")
    return found


def _fields(ring: Ring) -> dict[str, Found]:
    field = rigidity(ring.species, ring.energy) * ring.angle / ring.bend
    gradient = rigidity(ring.species, ring.energy) * max(ring.strengths)
    return {
        "max_bend_field": Found(field, EXACT, field, "T"),
        "max_gradient": Found(gradient, EXACT, gradient, "T/m"),
    }


def study_on(ring: Ring, limits: dict[str, tuple[str, float, str]], folder: Path) -> Any:
    (folder / "ring.seq").write_text(ring.text)
    content = {
        "study": "optics",
        "name": "random",
        "lattice": "ring.seq",
        "sequence": ring.name,
        "particle": ring.species,
        "kinetic_energy_MeV_per_u": ring.energy,
        "beam": {
            "normalised_emittance_x_um": ring.emittances[0],
            "normalised_emittance_y_um": ring.emittances[1],
            "momentum_spread": ring.spread,
            "sigmas": 3.0,
        },
        "requirement": requirements(limits),
    }
    return validated(content, "random study")


def verdicts_of(study: Any, file: Path | None) -> tuple[Verdict, ...]:
    kind = study_of("optics")
    return judged(kind, kind.resolve(study, file)).verdicts


def limits_beside(found: dict[str, Found], random: np.random.Generator) -> dict[str, tuple[str, float, str]]:
    """A limit for each, above or below, up to a fifth from the value, never within what is no difference."""
    limits = {}
    for name, one in found.items():
        away = float(random.choice([-1.0, 1.0]) * random.uniform(5 * one.within, 0.2)) * one.scale
        limits[name] = (str(random.choice(["lower", "upper"])), one.value + away, one.unit)
    return limits


@pytest.fixture(scope="module")
def session() -> Iterator[Any]:
    with madx("") as running:
        yield running


def check(verdict: Verdict, one: Found, side: str, limit: float) -> None:
    """The value is that of MAD-X within the error that is told, and so is the verdict."""
    error = verdict.error or 0.0
    assert verdict.value == pytest.approx(one.value, abs=one.same + error)
    margin = one.value - limit if side == "lower" else limit - one.value
    if abs(margin) > one.same + 2 * error:
        assert verdict.verdict == (PASS if margin > 0 else FAIL)
    elif verdict.verdict == PASS:
        assert margin > -one.same


def test_rings_of_strangers_pass_what_madx_finds_and_nothing_else(session: Any, tmp_path: Path) -> None:
    """Cells, lengths, strengths, edges, openings, species, energy, beam and limits at random."""
    seen: Counter[str] = Counter()
    file = tmp_path / "random.toml"
    for number in range(RINGS):
        random = np.random.default_rng([11, number])
        ring = ring_of(number, random)
        found = of_madx(session, ring)
        if found is None:
            with pytest.raises(HadronOpticsError):
                verdicts_of(study_on(ring, {"qx": ("upper", 100.0, "1")}, tmp_path), file)
            seen["unstable"] += 1
            continue
        limits = limits_beside(found, random)
        for verdict in verdicts_of(study_on(ring, limits, tmp_path), file):
            name = verdict.requirement.quantity
            check(verdict, found[name], *limits[name][:2])
            seen[verdict.verdict] += 1
    assert seen[PASS] > RINGS
    assert seen[FAIL] > RINGS
    assert seen["unstable"] > 0


def requirements(limits: dict[str, tuple[str, float, str]]) -> list[dict[str, Any]]:
    return [
        {"id": f"R-{name}", "text": name, "quantity": name, side: limit, "unit": unit, "source": "the test"}
        for name, (side, limit, unit) in limits.items()
    ]
