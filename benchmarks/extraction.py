"""The extraction analysis: from fixed points and an arm to everything of a report but its spill.

Times are those of a second call: the maps are compiled then, and nothing of the ring is there. The goals are for a
quiet machine, which is why the processor's time stands beside that of the clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.problems.compact import WIRES, compact_ring
from extraction import ExtractionTarget, third_integer_resonance
from lattice import Lattice
from lattice.interchange import lattice_to_json
from lattice.memory import Memory
from machines.cnao_like import cnao
from optics import Vary, match
from studies.pipeline import Asked
from studies.registry import study_of
from studies.slow_extraction.facts import gather_extraction
from studies.spec.builtin import study_path
from studies.spec.study_file import load_study

_SEPTUM, _WIRES = "se_010a_esp", 0.035
_NEAR = -4e-4  # of the compact ring's tune from the resonance: its arms take a thousand turns
_STUDY = """study = "extraction"
lattice = "ring.json"
[extraction]
momenta = { lower = -2e-4, upper = 2e-4 }
[beam]
normalised_emittance_x_um = 0.05
normalised_emittance_y_um = 0.05
momentum_spread = 0.001
sigmas = 2.0
"""


def run() -> None:
    """Print the times and whether the goals are reached."""
    print("\nExtraction: seconds by the clock, of the processor, goal")
    near = compact_ring(_NEAR)
    _resonance("CNAO", cnao(), _SEPTUM, _WIRES)
    _resonance("compact ring", near, "es", WIRES)
    _timed("match of the spiral step, compact ring", lambda: _matched(near), 2.0)
    _timed("cnao-extraction but its spill", lambda: _analysed(study_path("cnao-extraction")), 3.0)
    with TemporaryDirectory() as folder:
        study = Path(folder) / "study.toml"
        study.write_text(_STUDY, encoding="utf-8")
        (study.parent / "ring.json").write_text(lattice_to_json(near), encoding="utf-8")
        _timed("extraction from the compact ring", lambda: _analysed(study), 5.0)


def _resonance(name: str, ring: Lattice, at: str, wires: float) -> None:
    _timed(f"fixed points, {name}", lambda: third_integer_resonance(_fresh(ring), at=at), None)
    found = third_integer_resonance(ring, at=at)

    def arm() -> object:
        return replace(found, motion=replace(found.motion, memory=Memory())).arm(wires)

    _timed(f"arm of {found.arm(wires).turns} turns, {name}", arm, 0.02)


def _fresh(ring: Lattice) -> Lattice:
    """The same ring, of which nothing is remembered."""
    return Lattice(ring.name, elements=ring.elements, parameters=dict(ring.parameters), particle=ring.particle)


def _matched(ring: Lattice) -> object:
    step = third_integer_resonance(ring, at="es").spiral_step(WIRES)
    goal = ExtractionTarget("spiral_step", 1.2 * step, at="es", x_septum=WIRES)
    return match(_fresh(ring), vary=[Vary("sr", 20.0, 45.0)], targets=[goal], restarts=0)


def _analysed(path: Any) -> object:
    room, study = study_of("extraction"), load_study(path)
    return gather_extraction(room.resolve(study, path), Asked(()))


def _timed(name: str, call: Callable[[], object], goal: float | None) -> None:
    call()
    wall, processor = time.perf_counter(), time.process_time()
    call()
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    asked = "" if goal is None else f"{goal:8.3f}: {'reached' if wall <= goal else 'NOT reached'}"
    print(f"  {name:<42} {wall:8.3f} {processor:8.3f} {asked}")
