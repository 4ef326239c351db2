"""A made-up ring and study with plausible numbers, for tests of figures and reports that need no optics.

Sixteen dipoles and 24 quadrupoles on 77.6 m; betas, dispersion and residuals are smooth invented functions.
"""

from __future__ import annotations

from dataclasses import replace
from math import pi
from typing import Any

import numpy as np
import pandas as pd

from lattice import (
    Bend,
    Drift,
    ElectrostaticSeptum,
    Element,
    Lattice,
    MagneticSeptum,
    Quadrupole,
    ReferenceParticle,
    RFCavity,
    Sextupole,
)
from machines.requirements import PROGRAM, PUBLISHED, Requirement, Verdict, judge
from studies.charts.figure import figure_json
from studies.charts.lattice import StopBand, WorkingPoint, floor_plan, magnet_blocks, optics_figure, tune_diagram
from studies.charts.match import (
    Difference,
    MagnetField,
    MatchedTarget,
    fields_of_limit,
    match_convergence,
    match_sensitivity,
    match_targets,
    residuals_along_s,
    residuals_in_tolerance,
)
from studies.results import FigureData, Quantity, StudyResult, TableData

PROTON = ReferenceParticle("proton", kinetic_energy_per_u=60e6)

#: What a lattice file may bring along: every one must stay plain text wherever it is shown.
HOSTILE = (
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(2)>",
    "{{7*7}}{%if%}",
    "\"quoted'",
    '=HYPERLINK("http://example.org")',
    "&lt;b&gt;\u2028<b>bold</b>",
    "$\\frac{1}{2}$",
)


def fake_ring() -> Lattice:
    """Eight equal cells of bends and quadrupoles with a septum or a cavity in some of their long drifts."""
    special: dict[int, Element] = {
        1: ElectrostaticSeptum("es", length=0.8, position=0.035, thickness=1e-4, kick=2.5e-3),
        3: MagneticSeptum("ms", length=1.0, position=-0.04, thickness=0.01, kick=0.06),
        5: RFCavity("rf", length=1.0, volt=500.0, harmon=1.0),
        6: Sextupole("sr", length=0.2, k2=-3.3),
    }
    cells = [_cell(special.get(number)) for number in range(8)]
    return Lattice("ring", elements=cells, parameters={"kf": 0.29, "kd": 0.495})


def _cell(special: Element | None) -> list[Element]:
    bend = Bend("mb", length=1.68, angle=pi / 8)
    return [
        Quadrupole("qf", length=0.36, k1="kf"),
        Drift("d1", length=0.5),
        bend,
        Drift("d1", length=0.5),
        Quadrupole("qd", length=0.36, k1="-kd"),
        Drift("d1", length=0.5),
        bend,
        Drift("d1", length=0.5),
        Quadrupole("qf", length=0.36, k1="kf"),
        Drift("d2", length=0.7),
        special or Drift("filler", length=0.8),
        Drift("d3", length=1.766),
    ]


def fake_survey(ring: Lattice) -> pd.DataFrame:
    """Positions on the floor, walked from element to element along the chords."""
    z, x, theta = [0.0], [0.0], [0.0]
    for element in ring.elements:
        length, angle = getattr(element, "length", 0.0), getattr(element, "angle", 0.0)
        chord = length * np.sinc(angle / 2 / pi)
        z.append(z[-1] + chord * np.cos(theta[-1] - angle / 2))
        x.append(x[-1] + chord * np.sin(theta[-1] - angle / 2))
        theta.append(theta[-1] - angle)
    return pd.DataFrame({"s": ring.s, "X": x, "Z": z, "theta": theta}, index=[*ring.names, "_end"])


def fake_optics(ring: Lattice, points: int = 600) -> pd.DataFrame:
    """Smooth betas and dispersion along the ring."""
    s = np.linspace(0.0, float(ring.length), points)
    phase = 2 * pi * s / float(ring.length)
    return pd.DataFrame(
        {
            "s": s,
            "betx": 9 + 5 * np.cos(4 * phase) + 2.7 * np.cos(8 * phase + 0.3),
            "bety": 8.5 - 4 * np.cos(4 * phase) + 2.5 * np.cos(8 * phase + 2.0),
            "dx": 3.5 + 3.5 * np.cos(2 * phase) + 1.2 * np.cos(4 * phase),
        }
    )


def fake_envelope(optics: pd.DataFrame) -> pd.DataFrame:
    """Five sigma and dispersion around the orbit, in a chamber of two widths."""
    half_x = 5 * np.sqrt(0.7e-6 * optics["betx"]) + 2e-3 * np.abs(optics["dx"])
    half_y = 5 * np.sqrt(0.7e-6 * optics["bety"])
    narrow = (optics["s"] % 10) < 3
    half_gap = np.where(narrow, 0.032, 0.037)
    columns = {"x": (half_x, np.full(len(optics), 0.0725)), "y": (half_y, half_gap)}
    table = {"s": optics["s"]}
    for plane, (beam, aperture) in columns.items():
        table |= {f"{plane}_low": -beam, f"{plane}_high": beam}
        table |= {f"aperture_{plane}_low": -aperture, f"aperture_{plane}_high": aperture}
    return pd.DataFrame(table)


def fake_figures() -> tuple[FigureData, ...]:
    """Every figure that the toolkit draws, on the fake ring."""
    ring = fake_ring()
    blocks = magnet_blocks(ring, PROTON, labels={"es": "electrostatic septum", "ms": "magnetic septum", "rf": "RF"})
    optics = fake_optics(ring)
    points = [WorkingPoint("injection", 1.72, 1.79), WorkingPoint("extraction", 1.666, 1.74)]
    band = StopBand(3, 0, 5, 0.004, "stop band of the extraction")
    targets = fake_targets()
    drawn = {
        "layout-floor": ("Floor plan", floor_plan(fake_survey(ring), blocks), optics),
        "optics-ring": (
            "Optics",
            optics_figure(
                optics,
                blocks,
                envelope=fake_envelope(optics),
                reference=optics.iloc[::12],
                places={"symp": 0.52 * float(ring.length)},
            ),
            optics,
        ),
        "match-targets": ("Targets before and after", match_targets(targets), pd.DataFrame({"target": ["qx"]})),
        "match-convergence": ("Convergence", match_convergence(_history()), _history()),
        "match-sensitivity-map": ("Sensitivity", _fake_sensitivity(), pd.DataFrame({"target": ["qx"]})),
        "strengths-limits": ("Magnets", fields_of_limit(fake_fields()), pd.DataFrame({"family": ["kf"]})),
        "tunes-diagram": ("Tune diagram", tune_diagram(points, stop_bands=[band]), pd.DataFrame({"qx": [1.72, 1.666]})),
        "engines-summary": ("Differences", residuals_in_tolerance(_differences()), pd.DataFrame({"quantity": ["qx"]})),
        "engines-along-s": ("Differences along the ring", residuals_along_s(_residuals(optics)), _residuals(optics)),
    }
    caption = "What is shown, how it was computed, and what to look for."
    return tuple(
        FigureData(id, title, f"{title}: {caption}", figure_json(figure), table)
        for id, (title, figure, table) in drawn.items()
    )


def fake_targets() -> list[MatchedTarget]:
    """Three targets met and one missed, by amounts of very different sizes."""
    return [
        MatchedTarget("qx", "1", 1.666, 1.6521, 1.6660000001, 1e-6),
        MatchedTarget("qy", "1", 1.74, 1.7212, 1.74, 1e-6),
        MatchedTarget("dx at symp", "m", 0.0, 0.8, -3e-9, 1e-3),
        MatchedTarget("betx below 17", "m", 17.0, 19.2, 17.4, 0.1),
    ]


def _fake_sensitivity() -> Any:
    changes = [[8.1e-3, -6.3e-3, 0.0], [-4.6e-3, 0.0169, -7e-3], [0.0, 0.0, 0.0]]
    return match_sensitivity([("qx", "1"), ("qy", "1"), ("dx@symp", "m")], ["kf", "kd", "kr"], changes)


def fake_fields() -> list[MagnetField]:
    """Two families within their limits and one beyond."""
    return [
        MagnetField("kf (quadrupoles)", 1.85, 3.7, "T/m"),
        MagnetField("kd (quadrupoles)", -3.9, 3.7, "T/m"),
        MagnetField("sr (sextupoles)", -20.9, 62.0, "T/m^2"),
    ]


def _history() -> pd.DataFrame:
    return pd.DataFrame({"evaluation": range(9), "cost": [2.1e4, 8e3, 650.0, 41.0, 0.7, 1e-3, 2e-7, 1e-12, 3e-13]})


def _residuals(optics: pd.DataFrame) -> pd.DataFrame:
    wave = np.sin(7 * optics["s"])
    columns = {"s": optics["s"], "betx": 3e-10 * wave, "bety": 2e-10 * wave**2, "dx": 4e-10 * wave, "dy": 0.0 * wave}
    return pd.DataFrame(columns).iloc[::6].reset_index(drop=True)


def fake_verdicts() -> tuple[Verdict, ...]:
    """Two passes, one fail and one that could not be evaluated, and a check of the program that passes."""

    def need(id: str, text: str, quantity: str, unit: str, lower: float | None, upper: float | None) -> Requirement:
        return Requirement(id, text, quantity, unit, "design study, table 4", "fake-optics", lower, upper, PUBLISHED)

    residual = Requirement(
        "OPT-17", "Tunes as Xsuite has them", "residual_tune_xsuite", "1", "claimed", "fake-optics", None, 1e-9, PROGRAM
    )

    return (
        judge(need("OPT-01", "Horizontal tune beside the resonance", "qx", "1", 1.66, 1.67), 1.6660023, 2e-9),
        judge(need("OPT-02", "Largest horizontal beta", "max_betx", "m", None, 16.5), 16.7510, 1e-4),
        judge(need("OPT-03", "Dispersion at the resonance sextupole", "dx_sr", "m", -0.05, 0.05), 3.2e-4, 3e-8),
        judge(
            need("OPT-04", "Vertical aperture in sigma", "n_sigma_y", "1", 5.0, None), None, None, "no aperture given"
        ),
        judge(residual, 3e-12, 1e-13),
    )


def fake_result() -> StudyResult:
    """A complete study with every section filled."""
    optics = fake_optics(fake_ring(), points=80)
    quantities = (
        Quantity(
            "qx", 1.6660023, "1", 2e-9, "own maps; Xsuite agrees", "phase of the one-turn matrix", "tunes-diagram"
        ),
        Quantity(
            "max_betx", 16.7510, "m", 1e-4, "own maps", "largest of 600 points inside elements", "optics-ring", at="qf"
        ),
        Quantity("dx_sr", 3.2e-4, "m", 3e-8, "own maps", "fixed point of the off-momentum map", "optics-ring"),
        Quantity("n_sigma_y", None, "1", None, "own maps", "no aperture given"),
    )
    tables = (
        TableData("optics-table", "Optics at the elements", "Values at entrances.", optics),
        TableData("engines-table", "Own maps beside Xsuite", "Differences.", _engines()),
        TableData(
            "match-knobs", "Strengths", "Before and after.", pd.DataFrame({"name": ["kf"], "before [m^-2]": [0.3]})
        ),
    )
    return StudyResult(
        name="fake-optics",
        title="Optics at extraction",
        machine="CNAO-like ring",
        particle=str(PROTON),
        study={"study": "optics", "kinetic_energy_MeV_per_u": 60.0, "match": {"vary": [{"name": "kf", "lower": 0.25}]}},
        lattice=fake_ring(),
        quantities=quantities,
        verdicts=fake_verdicts(),
        figures=fake_figures(),
        tables=tables,
        methods=("Tunes are the phase of the one-turn matrix: cos(2 pi Q) = trace / 2 (Courant and Snyder, 1958).",),
        assumptions=("The fringe integrals of the dipoles are not published: FINT = 0.",),
        references=("E. D. Courant, H. S. Snyder, Annals of Physics 3, 1 (1958).",),
        warnings=("ring.seq, line 12: option 'warn' passed over.",),
        provenance={
            "versions": {"hadron-optics": "0.1.0", "numpy": "2.4"},
            "inputs": {"ring": "sha256:00ff"},
            "seed": 1,
        },
    )


def _engines() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "quantity": ["Qx", "Qy", "largest betx [m]"],
            "own maps": [1.6660022781, 1.7399968712, 16.7280112],
            "Xsuite": [1.6660022780, 1.7399968713, 16.7280111],
            "difference": [1e-10, -1e-10, 1e-7],
            "tolerance": [1e-9, 1e-9, 1.7e-7],
        }
    )


def hostile_result() -> StudyResult:
    """The fake study with text from outside that tries to become markup, script, formula or template."""
    result, bad = fake_result(), " ".join(HOSTILE)
    ring = fake_ring()
    labels = dict(zip(("es", "ms", "rf", "sr"), HOSTILE, strict=False))
    blocks = [replace(block, field_text=bad) for block in magnet_blocks(ring, PROTON, labels=labels)]
    optics = fake_optics(ring)
    figure = optics_figure(optics, blocks, places={HOSTILE[4]: 3.0, HOSTILE[5]: 9.0, HOSTILE[6]: 20.0})
    points = [WorkingPoint(name, 1.70 + 0.01 * i, 1.72) for i, name in enumerate(HOSTILE)]
    named = pd.DataFrame({bad: HOSTILE, "betx [m]": range(len(HOSTILE))})
    figures = (
        FigureData("optics-hostile", bad, bad, figure_json(figure), named),
        FigureData("layout-hostile", bad, bad, figure_json(floor_plan(fake_survey(ring), blocks)), named),
        FigureData("tunes-hostile", bad, bad, figure_json(tune_diagram(points)), named),
        FigureData("match-hostile", bad, bad, figure_json(match_targets(_hostile_targets())), named),
    )
    requirement = Requirement(HOSTILE[0], bad, bad, HOSTILE[1], bad, "fake", None, 1.0)
    return replace(
        result,
        title=bad,
        machine=bad,
        particle=bad,
        study={HOSTILE[0]: bad, "nested": {HOSTILE[1]: [bad]}},
        quantities=(Quantity(bad, 0.5, HOSTILE[1], 0.1, bad, bad, "optics-hostile"),),
        verdicts=(judge(requirement, 0.5, 0.1, bad),),
        figures=figures,
        tables=(TableData("hostile", bad, bad, named),),
        methods=(bad,),
        assumptions=(bad,),
        references=(bad,),
        warnings=(bad,),
        provenance={"versions": {HOSTILE[0]: bad}, HOSTILE[1]: bad},
    )


def _hostile_targets() -> list[MatchedTarget]:
    return [MatchedTarget(name, "<i>m</i>", 0.0, 1.0, 0.5, 0.1) for name in HOSTILE]


def _differences() -> list[Difference]:
    return [
        Difference("Qx", "1", 1.6660022781, 1.6660022780, 1e-9),
        Difference("Qy", "1", 1.7399968712, 1.7399968713, 1e-9),
        Difference("largest betx", "m", 16.7280112, 16.7280111, 1.7e-7),
        Difference("dQx", "1", -2.26362, -2.26361, 1e-5),
    ]
