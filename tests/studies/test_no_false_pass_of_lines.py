"""Lines changed at random: no PASS that MAD-X does not find of the same settings, and no other FAIL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from machines.requirements import FAIL, PASS, Verdict
from studies.judging import verdicts_on
from studies.pipeline import Asked
from studies.registry import study_of
from studies.spec.study_file import validated
from tests.madx_session import madx
from tests.studies.test_no_false_pass import (
    EXACT,
    MASS,
    Found,
    check,
    limits_beside,
    momentum,
    requirements,
    rigidity,
)

#: Of one of them the least squares of the settings are singular within rounding.
LINES = range(11, 21)
Limits = dict[str, tuple[str, float, str]]


def counted(verdicts: tuple[Verdict, ...], found: dict[str, Found], limits: Limits, seen: Counter[str]) -> None:
    for verdict in verdicts:
        name = verdict.requirement.quantity
        check(verdict, found[name], *limits[name][:2])
        seen[verdict.verdict] += 1


def exactly(value: float, unit: str, within: float = EXACT) -> Found:
    return Found(value, within, abs(value), unit)


QUADRUPOLES, OPENING, SIGMAS = 6, 0.025, 3.0


def line_text(number: int, random: np.random.Generator) -> str:
    """Six quadrupoles, each with a strength of its own, drifts of random lengths, a screen at the end."""
    s, strengths, placed = float(random.uniform(0.3, 1.0)), [], []
    for q in range(QUADRUPOLES):
        length, strength = float(random.uniform(0.25, 0.45)), 1.2 * (-1) ** q * float(random.uniform(0.5, 1.2))
        strengths.append(f"k{q}_{number} = {strength!r};")
        magnet = f"q{q}_{number}: quadrupole, l={length!r}, k1:=k{q}_{number}, apertype=ellipse"
        placed.append(f"{magnet}, aperture={{{OPENING!r},{OPENING!r}}}, at={s + length / 2!r};")
        s += length + float(random.uniform(0.4, 1.8))
    end = s + float(random.uniform(2.0, 4.0))
    screen = f"iso{number}: marker, at={end!r};"
    body = [f"line{number}: sequence, refer=centre, l={end!r};", *placed, screen, "endsequence;"]
    return "\n".join([*strengths, *body]) + "\n"


def line_study(number: int, random: np.random.Generator) -> dict[str, Any]:
    functions = {"betx": float(random.uniform(3, 12)), "bety": float(random.uniform(3, 12))}
    lowest = float(random.uniform(60.0, 150.0))
    return {
        "study": "delivery",
        "name": "random",
        "lattice": "line.seq",
        "sequence": f"line{number}",
        "isocentre": f"iso{number}",
        "largest_gradient_T_per_m": float(random.uniform(1.5, 12.0)),
        "energies": {"lower_MeV_per_u": lowest, "upper_MeV_per_u": 1.5 * lowest, "number": 2},
        "spots": [{"x_mm": float(random.uniform(0.4, 7)), "y_mm": float(random.uniform(0.4, 7))} for _ in range(2)],
        "source": {
            "kind": "functions",
            "normalised_emittance_x_um": float(random.uniform(0.2, 1.0)),
            "normalised_emittance_y_um": float(random.uniform(0.2, 1.0)),
            "functions": functions,
        },
        "sigmas": SIGMAS,
        "particles": 100,
    }


def of_settings(session: Any, content: dict[str, Any], number: int, settings: Any) -> dict[str, Found]:
    """What MAD-X makes of the strengths that were found: spots that it does not reach, gradients, edges in openings."""
    ends, source = content["energies"], content["source"]
    energies = [energy for energy in (ends["lower_MeV_per_u"], ends["upper_MeV_per_u"]) for _ in content["spots"]]
    missed, gradients, fills = 0, [], []
    for energy, strengths, wanted in zip(energies, settings.values, 2 * content["spots"], strict=True):
        session.input("".join(f"{k} = {float(v)!r};" for k, v in zip(settings.knobs, strengths, strict=True)))
        start = source["functions"]
        table = session.twiss(sequence=content["sequence"], betx=start["betx"], bety=start["bety"])
        emittances = {
            plane: 1e-6 * source[f"normalised_emittance_{plane}_um"] * MASS["proton"] / momentum("proton", energy)
            for plane in "xy"
        }
        sizes = {plane: np.sqrt(emittances[plane] * np.array(table[f"bet{plane}"])) for plane in "xy"}
        rows = np.flatnonzero(np.array(table["keyword"]) == "quadrupole") - 1
        edge = SIGMAS * max(float(size[rows].max()) for size in sizes.values()) / OPENING
        gradient = rigidity("proton", energy) * float(np.abs(strengths).max())
        off = max(abs(1e3 * float(sizes[plane][-1]) / wanted[f"{plane}_mm"] - 1) for plane in "xy")
        missed += off > 1e-5 or edge > 1 + 1e-5 or gradient > content["largest_gradient_T_per_m"] * (1 + 1e-6)
        gradients.append(gradient)
        fills.append(edge)
    return {
        "spots_missed": Found(float(missed), 1e-9, 1.0, "1"),
        "line_gradient": exactly(max(gradients), "T/m"),
        "line_fill": exactly(max(fills), "1", 1e-5),
    }


@pytest.fixture(scope="module")
def session() -> Iterator[Any]:
    with madx("") as running:
        yield running


def test_lines_at_random_pass_what_madx_finds(session: Any, tmp_path: Path) -> None:
    """Lengths, strengths, beams, energies, spots, ratings and limits at random; the settings are the study's own."""
    seen: Counter[str] = Counter()
    kind, file = study_of("delivery"), tmp_path / "random.toml"
    asked = Asked(("spots_missed", "line_gradient", "line_fill"), report=False, engines=False)
    for number in LINES:
        random = np.random.default_rng([15, number])
        text, content = line_text(number, random), line_study(number, random)
        (tmp_path / "line.seq").write_text(text)
        mass = MASS["proton"] / 1e3
        session.input(f"{text} beam, sequence=line{number}, mass={mass!r}, charge=1, energy={2 * mass!r};")
        session.input(f"use, sequence=line{number};")
        facts = kind.gather(kind.resolve(validated(content, "random"), file), asked)
        found = of_settings(session, content, number, facts.found)
        limits = {**limits_beside(found, random), "spots_missed": ("upper", 0.5, "1")}
        study = kind.resolve(validated({**content, "requirement": requirements(limits)}, "random"), file)
        counted(verdicts_on(study.requirements, kind.quantities(facts, asked)), found, limits, seen)
        seen["missed"] += found["spots_missed"].value > 0
    assert min(seen[PASS], seen[FAIL]) > len(LINES) / 2
    assert 0 < seen["missed"] < len(LINES)
