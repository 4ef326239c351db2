"""Energy switching changed at random: no PASS that MAD-X, or a hand with the laws of the magnets, does not find too.

Programmes of strengths are the study's own; what they come to is told by MAD-X, and by the laws of rigid beams, iron,
supplies and buckets (S. Y. Lee, Accelerator Physics, ch. 3), written here once more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import asin, cos, exp, inf, log, pi, sin, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq

from machines.requirements import FAIL, PASS
from studies.judging import verdicts_on
from studies.pipeline import Asked
from studies.registry import study_of
from studies.spec.study_file import validated
from tests.madx_session import madx
from tests.studies.test_no_false_pass import MASS, NUCLEONS, Found, limits_beside, requirements, rigidity
from tests.studies.test_no_false_pass_of_lines import Limits, counted

RINGS = (0, 1, 4, 9, 13)
SHARES = ("largest_current_share", "largest_voltage_share", "largest_field_share")
#: Differences that are none: tunes in MAD-X's nine decimals, a slope by differences of 1e-4, a bucket by 1500 points.
TUNE, SLOPE, BUCKET = 4e-9, 2e-3, 1e-3
LIGHT = 299792458.0  # m/s


@dataclass(frozen=True)
class Beam:
    """Ions of a species at an energy [MeV/u]."""

    species: str
    energy: float

    @property
    def rigidity(self) -> float:
        return rigidity(self.species, self.energy)

    @property
    def gamma(self) -> float:
        return 1 + self.energy * NUCLEONS[self.species] / MASS[self.species]

    @property
    def beta(self) -> float:
        return sqrt(1 - self.gamma**-2)

    @property
    def whole(self) -> float:
        """Energy over the charge [V]."""
        charge = {"proton": 1, "helium-4": 2, "carbon-12": 6}[self.species]
        return 1e6 * self.gamma * MASS[self.species] / charge


# ------------------------------------------------------------------------------------------------------ what is asked


def ring_text(number: int, random: np.random.Generator) -> tuple[str, float, float]:
    """FODO cells with a bend a half cell; bends' angle and length."""
    cells, bend, quadrupole = int(random.integers(6, 11)), float(random.uniform(0.8, 2.0)), 0.4
    angle, drift = pi / cells, float(random.uniform(0.4, 1.2))
    k = 2 * sin(pi * float(random.uniform(0.17, 0.27))) / (quadrupole + bend + 2 * drift) / quadrupole
    bends, magnets = f"sbend, l={bend!r}, angle={angle!r}", f"quadrupole, l={quadrupole!r}, k1:="
    half = quadrupole + bend + 2 * drift
    placed = [
        f"{kind}{number}_{one}: {kind}{number}, at={one * half + at!r};"
        for one in range(2 * cells)
        for kind, at in (("qf" if one % 2 == 0 else "qd", quadrupole / 2), ("mb", quadrupole + drift + bend / 2))
    ]
    strengths = f"kf{number} = {k!r};\nkd{number} = {k * float(random.uniform(0.95, 1.05))!r};\n"
    kinds = f"qf{number}: {magnets}kf{number};\nqd{number}: {magnets}-kd{number};\nmb{number}: {bends};\n"
    head = f"ring{number}: sequence, refer=centre, l={2 * cells * half!r};\n"
    return strengths + kinds + head + "\n".join(placed) + "\nendsequence;\n", angle, bend


def switching_study(number: int, random: np.random.Generator) -> dict[str, Any]:
    """Energies of one species, supplies, iron, cycle and cavity at random; tunes are held as they stand."""

    def one(low: float, high: float) -> float:
        return float(np.exp(random.uniform(np.log(low), np.log(high))))

    species = str(random.choice(list(MASS)))
    lowest = one(40.0, 120.0)
    energies = [lowest * factor for factor in np.cumprod([1.0, *random.uniform(1.05, 1.5, int(random.integers(2, 6)))])]
    names = ("bend", f"kf{number}", f"kd{number}")
    top = rigidity(species, energies[-1])

    def circuit(name: str) -> dict[str, float | str]:
        field = top * (0.2 if name == "bend" else 1.0)
        gain = field / 1000.0
        return {
            "parameter": name,
            "gain": gain,
            "remanent": field * float(random.uniform(0.0, 2e-3)),
            "knee": field * one(1.0, 4.0),
            "power": float(random.uniform(4.0, 10.0)),
            "largest_field": field * one(0.7, 2.0),
            "largest_current_A": one(700.0, 3000.0),
            "largest_voltage_V": one(300.0, 1500.0),
            "largest_slew_A_per_s": one(1000.0, 8000.0),
            "resistance_ohm": one(0.02, 0.15),
            "inductance_H": one(0.02, 0.3),
            "eddy_delay_s": one(1e-4, 3e-3),
            "eddy_time_s": one(0.01, 0.1),
            "hysteresis_width": field * one(1e-5, 1e-3),
            "hysteresis_reach": field * one(0.005, 0.5),
        }

    return {
        "study": "energy-switching",
        "name": "random",
        "lattice": "ring.seq",
        "sequence": f"ring{number}",
        "particle": species,
        "kinetic_energy_MeV_per_u": 100.0,
        "vary": names[1:],
        "degree": 2,
        "energies": [{"species": species, "values_MeV_per_u": energies}],
        "injection": [{"species": species, "kinetic_energy_MeV_per_u": one(4.0, 20.0)}],
        "errors": {
            "scale_T_m": 3.0,
            "gradients": {name: [float(one) for one in random.normal(0.0, 3e-3, 2)] for name in names[1:]},
        },
        "circuit": [circuit(name) for name in names],
        "cycle": {
            "injection_s": one(0.01, 0.1),
            "rounding_s": one(0.02, 0.2),
            "preparation_s": one(0.02, 0.2),
            "extraction_s": {species: 1.0},
            "field_tolerance": one(3e-5, 1e-3),
            "standardise": bool(random.random() < 0.5),
            "top_current": float(random.uniform(0.5, 1.0)),
        },
        "rf": {
            "harmonic": int(random.integers(1, 4)),
            "largest_voltage_V": one(4e3, 2e4),
            "capture_voltage_V": one(100.0, 1000.0),
            "adiabaticity": float(random.uniform(0.1, 0.6)),
            "bucket_area_eVs_per_u": one(0.01, 0.1),
        },
        "steps": {
            "direction": str(random.choice(["down", "up"])),
            "slew": float(random.uniform(0.3, 1.0)),
            "preparation_s": one(0.01, 0.1),
            "field_tolerance": one(5e-5, 1e-3),
        },
    }


# ------------------------------------------------------------------------------------------------- what comes of it


@dataclass(frozen=True)
class Magnets:
    """A circuit by hand: its table of the study, and its fields at injection and at every energy."""

    table: dict[str, Any]
    low: float
    fields: list[float]

    def current(self, field: float) -> float:
        t = self.table
        return float((field - t["remanent"]) / t["gain"] * (1 + (abs(field) / t["knee"]) ** t["power"]))

    def ramp(self, begin: float, end: float) -> float:
        """Seconds between two fields, at the voltage that is left at the worse end, or the slew."""
        t, (first, last) = self.table, (self.current(begin), self.current(end))
        ohmic = t["resistance_ohm"] * max(first, last) if last > first else -t["resistance_ohm"] * min(first, last)
        rate = min(t["largest_slew_A_per_s"], (t["largest_voltage_V"] - ohmic) / t["inductance_H"])
        return abs(last - first) / rate if rate > 0 else inf

    def settling(self, begin: float, end: float, ramp: float, tolerance: float) -> float:
        t = self.table
        left = t["eddy_delay_s"] * abs(end - begin) / max(ramp, 1e-9) / abs(end) / tolerance
        return float(t["eddy_time_s"] * log(max(left, 1.0)))

    def left_over(self, begin: float, end: float) -> float:
        t = self.table
        back = max(begin - end, 0.0)
        return float(t["hysteresis_width"] * (1 - exp(-back / t["hysteresis_reach"])) / end)


@dataclass(frozen=True)
class Cavity:
    """The ring as its cavity sees it."""

    table: dict[str, Any]
    circumference: float
    compaction: float

    def slip(self, beam: Beam) -> float:
        return self.compaction - beam.gamma**-2

    def capture(self, beam: Beam) -> float:
        """From a hundredth of the voltage, at an even adiabaticity: (1/w0 - 1/w1) / adiabaticity."""
        t = self.table
        turn = 2 * pi * beam.beta * LIGHT / self.circumference
        rates = [
            turn * sqrt(t["harmonic"] * volt * abs(self.slip(beam)) / (2 * pi * beam.beta**2 * beam.whole))
            for volt in (t["capture_voltage_V"] / 100, t["capture_voltage_V"])
        ]
        return float((1 / rates[0] - 1 / rates[1]) / t["adiabaticity"])

    def voltage(self, beam: Beam, rate: float) -> float:
        """Whose bucket has its area while B rho rises by ``rate`` [T m/s]: the area is found on its separatrix."""
        gain, h = self.circumference * rate, self.table["harmonic"]
        area = self.table["bucket_area_eVs_per_u"] * NUCLEONS[beam.species]
        charge = {"proton": 1, "helium-4": 2, "carbon-12": 6}[beam.species]
        omega = 2 * pi * h * beam.beta * LIGHT / self.circumference

        def miss(volt: float) -> float:
            phase = asin(gain / volt)
            phi = np.linspace(-pi, pi - phase, 1501)
            inside = cos(phase) + np.cos(phi) - (pi - phase - phi) * sin(phase)
            outside = np.flatnonzero((inside < 0) & (phi < phase))  # beyond the other end of the separatrix
            inside[: outside[-1] + 1 if len(outside) else 0] = 0.0
            height = np.sqrt(
                np.maximum(inside, 0.0) * volt * beam.beta**2 * beam.whole / (pi * h * abs(self.slip(beam)))
            )
            return float(2 * np.trapezoid(height, phi)) * charge / omega - area

        return float(brentq(miss, gain * (1 + 1e-9) + 1e-6, self.table["largest_voltage_V"], rtol=1e-9))

    def largest(self, low: Beam, top: Beam, ramp: float, rounding: float) -> float:
        """On a ramp whose ends are parabolas, of at most half of it each: where it is straight, or in its middle."""
        edge = min(rounding / ramp, 0.5)
        rise = (top.rigidity - low.rigidity) / (1 - edge)
        parts = np.linspace(edge / 2, 1 - 3 * edge / 2, 7)
        beams = [_of_rigidity(low.species, low.rigidity + rise * float(part)) for part in parts]
        return max(self.voltage(beam, rise / ramp) for beam in beams)


def ratings(magnets: list[Magnets], beyond: float) -> dict[str, Found]:
    """Of supplies and magnets at every energy, and at the study's own rigidity, ``beyond`` times that of the last."""
    pairs = [(m, field) for m in magnets for field in (*m.fields, m.fields[-1] * beyond)]
    shares = {
        "largest_current_share": max(m.current(b) / m.table["largest_current_A"] for m, b in pairs),
        "largest_voltage_share": max(
            m.table["resistance_ohm"] * m.current(b) / m.table["largest_voltage_V"] for m, b in pairs
        ),
        "largest_field_share": max(b / m.table["largest_field"] for m, b in pairs),
    }
    return {name: Found(value, 1e-6, value, "1") for name, value in shares.items()}


def by_hand(content: dict[str, Any], magnets: list[Magnets], beams: list[Beam], ring: Cavity) -> dict[str, Found]:
    injection = Beam(beams[0].species, content["injection"][0]["kinetic_energy_MeV_per_u"])
    ups = [max(m.ramp(m.low, m.fields[n]) for m in magnets) for n in range(len(beams))]
    ramps = [
        max(up, ring.circumference * (beam.rigidity - injection.rigidity) / 0.8 / ring.table["largest_voltage_V"])
        for up, beam in zip(ups, beams, strict=True)
    ]
    found = {}
    change = max(_change(content, magnets, ring.capture(injection), n, ramp) for n, ramp in enumerate(ramps))
    found["longest_change"] = Found(change, 1e-6, change, "s")
    if np.isfinite(ramps[-1]):
        voltage = ring.largest(
            injection, beams[-1], ramps[-1] + content["cycle"]["rounding_s"], content["cycle"]["rounding_s"]
        )
        found["largest_rf_voltage"] = Found(voltage, BUCKET, voltage, "V")
    return found


def _of_rigidity(species: str, value: float) -> Beam:
    charge = {"proton": 1, "helium-4": 2, "carbon-12": 6}[species]
    p, m = value * charge * 299.792458, MASS[species]
    return Beam(species, (sqrt(p * p + m * m) - m) / NUCLEONS[species])


def _change(content: dict[str, Any], magnets: list[Magnets], capture: float, n: int, ramp: float) -> float:
    """Everything of the cycle to energy ``n`` but its spill."""
    cycle = content["cycle"]
    settling = max(m.settling(m.low, m.fields[n], ramp, cycle["field_tolerance"]) for m in magnets)
    down = max(m.ramp(m.fields[n], m.low) for m in magnets) + cycle["rounding_s"]
    if cycle["standardise"]:
        tops = [_top(m, cycle["top_current"]) for m in magnets]
        over = [m.ramp(m.fields[n], top) + m.ramp(top, m.low) for m, top in zip(magnets, tops, strict=True)]
        down = max(down, max(over) + 2 * cycle["rounding_s"])
    before = cycle["injection_s"] + capture + ramp + cycle["rounding_s"]
    return float(before + settling + cycle["preparation_s"] + down)


def _top(magnet: Magnets, share: float) -> float:
    """The field where standardising leads."""
    wanted = max(share * magnet.table["largest_current_A"], *(magnet.current(b) for b in magnet.fields))
    return float(brentq(lambda b: magnet.current(b) - wanted, 0.0, 2 * magnet.table["gain"] * wanted + 1.0))


def of_steps(
    content: dict[str, Any], magnets: list[Magnets], beams: list[Beam], ring: Cavity, slopes: list[float]
) -> dict[str, Found]:
    """The longest step; the largest sum of the tunes that the circuits' hysteresis moves, none against another."""
    steps = content["steps"]
    pairs = [(n, n + 1) if steps["direction"] == "up" else (n + 1, n) for n in range(len(beams) - 1)]
    times, tunes = [], []
    for begin, end in pairs:
        ramp = max(m.ramp(m.fields[begin], m.fields[end]) for m in magnets) / steps["slew"]
        settled = [m.settling(m.fields[begin], m.fields[end], ramp, steps["field_tolerance"]) for m in magnets]
        times.append(ring.capture(beams[begin]) + ramp + max(settled) + steps["preparation_s"])
        left = [m.left_over(m.fields[begin], m.fields[end]) for m in magnets]
        tunes.append(sum(abs(slope) * one for slope, one in zip(slopes, left, strict=True)))
    scale = max(*tunes, 1e-9)
    step = {"longest_step": Found(max(times), 1e-6, max(times), "s")}
    return {**step, "step_tune_error": Found(max(tunes), SLOPE, scale, "1")}


# -------------------------------------------------------------------------------------------------------- MAD-X


def twiss_with(session: Any, content: dict[str, Any], strengths: dict[str, float]) -> dict[str, float]:
    session.input("".join(f"{name} = {float(value)!r};" for name, value in strengths.items()))
    summary = session.twiss(sequence=content["sequence"]).summary
    return {name: float(summary[name]) for name in ("q1", "q2", "dq1", "alfa", "length")}


def held(
    session: Any, content: dict[str, Any], beams: list[Beam], settings: dict[str, Any], goal: dict[str, float]
) -> Found:
    """The largest miss of a tune, with what the supplies are set to and the errors that are stated."""
    worst = 0.0
    for n, beam in enumerate(beams):
        u = beam.rigidity / content["errors"]["scale_T_m"]
        true = {
            name: float(values[n]) * (1 + sum(c * u**k for k, c in enumerate(content["errors"]["gradients"][name])))
            for name, values in settings.items()
        }
        summary = twiss_with(session, content, true)
        worst = max(worst, *(abs(summary[name] - goal[name]) for name in ("q1", "q2")))
    scale = max(worst, 50 * TUNE)
    return Found(worst, TUNE / scale, scale, "1")


def slopes_of(session: Any, content: dict[str, Any], design: dict[str, float]) -> list[float]:
    """Q'x of the bends, and dQx of each family per relative gradient."""
    beta = sqrt(1 - Beam(content["particle"], 100.0).gamma ** -2)
    found = [twiss_with(session, content, design)["dq1"] * beta]
    for name in design:
        ends = [twiss_with(session, content, {**design, name: design[name] * (1 + s)})["q1"] for s in (-1e-4, 1e-4)]
        found.append((ends[1] - ends[0]) / 2e-4)
    twiss_with(session, content, design)
    return found


@pytest.fixture(scope="module")
def session() -> Iterator[Any]:
    with madx("") as running:
        yield running


def recomputed(
    session: Any, content: dict[str, Any], bend: tuple[float, float], settings: dict[str, Any], design: dict[str, float]
) -> dict[str, Found]:
    beams = [Beam(content["particle"], energy) for energy in content["energies"][0]["values_MeV_per_u"]]
    low = Beam(content["particle"], content["injection"][0]["kinetic_energy_MeV_per_u"]).rigidity
    per_rigidity: list[Callable[[int], float]] = [lambda n: bend[0] / bend[1]]
    lows = [bend[0] / bend[1], *design.values()]
    per_rigidity += [lambda n, name=name: float(settings[name][n]) for name in design]  # type: ignore[misc]
    magnets = [
        Magnets(table, one * low, [of(n) * beam.rigidity for n, beam in enumerate(beams)])
        for table, one, of in zip(content["circuit"], lows, per_rigidity, strict=True)
    ]
    own = max(Beam(content["particle"], content["kinetic_energy_MeV_per_u"]).rigidity / beams[-1].rigidity, 1.0)
    summary = twiss_with(session, content, design)
    ring = Cavity(content["rf"], summary["length"], summary["alfa"])
    return {
        **ratings(magnets, own),
        **by_hand(content, magnets, beams, ring),
        **of_steps(content, magnets, beams, ring, slopes_of(session, content, design)),
        "programme_tune_error": held(session, content, beams, settings, summary),
    }


def ran(session: Any, number: int, folder: Path, seen: Counter[str]) -> None:
    random = np.random.default_rng([21, number])
    text, *bend = ring_text(number, random)
    content = switching_study(number, random)
    (folder / "ring.seq").write_text(text)
    mass = MASS[content["particle"]] / 1e3
    energy = mass + 0.1 * NUCLEONS[content["particle"]]
    session.input(f"{text} beam, sequence=ring{number}, mass={mass!r}, charge=1, energy={energy!r};")
    session.input(f"use, sequence=ring{number};")
    kind, file = study_of("energy-switching"), folder / "random.toml"
    shares = dict.fromkeys(SHARES, ("upper", 1.0, "1"))
    asked = Asked((), report=False, engines=False)
    facts = kind.gather(
        kind.resolve(validated({**content, "requirement": requirements(shares)}, "random"), file), asked
    )
    design = {name: float(facts.design.parameters[name]) for name in content["vary"]}
    found = recomputed(session, content, (bend[0], bend[1]), dict(facts.programme.set), design)
    known = {name: one for name, one in found.items() if np.isfinite(one.value)}
    never = {name: ("upper", 1e9, one.unit) for name, one in found.items() if name not in known}
    limits: Limits = {**limits_beside(known, random), **never}
    study = kind.resolve(validated({**content, "requirement": requirements(limits)}, "random"), file)
    verdicts = verdicts_on(study.requirements, kind.quantities(facts, asked))
    counted(tuple(one for one in verdicts if one.requirement.quantity in known), known, limits, seen)
    endless = [one.verdict for one in verdicts if one.requirement.quantity in never]
    assert PASS not in endless
    seen["endless"] += len(endless) > 0
    seen["overloaded"] += any(found[name].value > 1 for name in shares)


def test_switching_at_random_passes_what_a_hand_finds(session: Any, tmp_path: Path) -> None:
    seen: Counter[str] = Counter()
    for number in RINGS:
        ran(session, number, tmp_path, seen)
    assert min(seen[PASS], seen[FAIL]) > 2 * len(RINGS)
    assert min(seen["endless"], seen["overloaded"]) > 0
