"""Run folders made without computing, for tests of the dossier: a ring with two particles and a linac."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from machines.requirements import ASSUMED, PROGRAM, PUBLISHED, Requirement, Verdict, judge
from studies.results import FigureData, Quantity, StudyResult, TableData
from studies.runs.writing import write_files
from tests.report_fakes import fake_ring


def line(id: str, values: list[float], meta: Mapping[str, Any] | None = None) -> FigureData:
    """A figure of one line, quickly drawn."""
    layout = {"xaxis": {"title": {"text": "s [m]"}}, "yaxis": {"title": {"text": "betx [m]"}}, "height": 200}
    trace = {"type": "scatter", "x": list(range(len(values))), "y": values, "line": {"color": "#0072B2"}}
    plotly = {"data": [trace], "layout": {**layout, **({"meta": meta} if meta else {})}}
    return FigureData(id, f"Title of {id}", f"Caption of {id}.", plotly, pd.DataFrame({"betx [m]": values}))


def need(id: str, quantity: str, unit: str, lower: float | None, upper: float | None, kind: str) -> Requirement:
    """A requirement whose text and source say its id."""
    return Requirement(id, f"Text of {id}", quantity, unit, f"{kind}: source of {id}", "made", lower, upper, kind)


def ring(name: str, particle: str, beta: float, tune: float = 1.666) -> StudyResult:
    """A ring's study: a published limit, two assumed ones of which one cannot be judged, and a check of the program."""
    return StudyResult(
        name=name,
        title=f"Optics of {name}",
        machine="ring",
        particle=particle,
        study={"study": "optics", "name": name},
        lattice=fake_ring(),
        quantities=(
            Quantity("qx", tune, "1", 1e-9, "own maps and Xsuite", "phase advance", "tunes-diagram"),
            Quantity("max_betx", beta, "m", 1e-6, "own maps and Xsuite", "inside elements", "optics-ring", model=0.05),
            Quantity("clearance_es", 0.0024, "m", 1e-6, "own maps alone", "at the wires", "optics-ring"),
        ),
        verdicts=(
            judge(need("OPT-01", "qx", "1", 1.66, 1.67, PUBLISHED), tune, 1e-9),
            judge(need("OPT-05", "max_betx", "m", None, 17.0, ASSUMED), beta, 0.05),
            judge(need("OPT-11", "clearance_x", "mm", 10.0, None, ASSUMED), None, None, "no aperture is given"),
            judge(need("OPT-17", "residual_tune_xsuite", "1", None, 1e-9, PROGRAM), 1e-10, 1e-12),
        ),
        figures=(
            line("layout-floor", [1.0, 2.0, 3.0]),
            line("optics-ring", [beta, 2.0], {"picks": {"figure": "tunes-diagram", "x": [1.0], "y": [tune]}}),
            line("tunes-diagram", [tune, 1.74]),
        ),
        tables=(TableData("optics-table", "Optics", "At entrances.", pd.DataFrame({"betx [m]": [beta]})),),
        methods=("Tunes are phase advances.",),
        assumptions=("No fringe fields.", f"The beam is one of {particle.split()[0]}."),
        references=("A paper on rings.",),
        warnings=("By the maps alone: clearance_es.",),
        provenance={"versions": {"hadron-optics": "0.1.0"}, "seed": 1},
    )


PROTON = "proton 60 MeV: p = 340.87 MeV/c, beta = 0.34146"
CARBON = "carbon-12 400 MeV/u: p = 11.4 GeV/c"


def linac() -> StudyResult:
    """A linac that fails by far, and says nothing of what would help."""
    low = judge(need("LIN-02", "transmission", "1", 0.95, None, PUBLISHED), 0.5, 0.01)
    moves = pd.DataFrame(
        {
            "requirement": ["LIN-04", "LIN-04", "LIN-02"],
            "quantity": ["energy_spread", "energy_spread", "transmission"],
            "unit": ["%", "%", "1"],
            "assumption": ["beam.emittance_x_um", "beam.sigma_energy_keV", "beam.emittance_x_um"],
            "uncertain by": ["± 0.02", "± 5", "± 0.02"],
            "moved down": [-0.1, -0.1, -0.4],
            "moved up": [0.1, 0.1, 0.4],
            "part of the model's error [%]": [50.0, 50.0, 100.0],
            "passes up to uncertainty x": [3.0, 1.25, 0.0],
        }
    )
    return StudyResult(
        name="made-linac",
        title="Optics of a linac",
        machine="linac",
        particle="proton 5 MeV: p = 96.99 MeV/c",
        study={"study": "linac-optics", "name": "made-linac"},
        lattice=fake_ring(),
        quantities=(
            Quantity("final_energy", 2.3067e8, "eV", 1.0, "own maps alone", "sum of gains"),
            Quantity("transmission", 0.5, "1", 0.0, "own maps alone", "tracked", statistical=0.01),
        ),
        verdicts=(low, judge(need("LIN-04", "energy_spread", "%", None, 0.5, ASSUMED), 0.3, 0.05)),
        figures=(line("linac-energy", [5.0, 230.0]),),
        tables=(TableData("sensitivity-assumptions", "What each assumption moves", "", moves),),
        provenance={"versions": {"hadron-optics": "0.2.0"}, "seed": 1},
    )


def saved(result: StudyResult, folder: Path) -> Path:
    """The run folder of a result."""
    folder.mkdir()
    write_files(folder, result, lambda result: "", lambda: "a made run\n")
    return folder


def made_runs(folder: Path) -> tuple[Path, Path, Path]:
    """The ring with protons, the same ring with carbon and more beta than allowed, the linac."""
    carbon = replace(ring("made-carbon", CARBON, 17.2))
    results = {"proton": ring("made-proton", PROTON, 16.75), "carbon": carbon, "linac": linac()}
    first, second, third = (saved(result, folder / name) for name, result in results.items())
    return first, second, third


def verdict_of(result: StudyResult, id: str) -> Verdict:
    """The verdict on a requirement."""
    return next(verdict for verdict in result.verdicts if verdict.requirement.id == id)
