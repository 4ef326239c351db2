"""Facts of a spill made up by hand: 41 extracted particles, 10 lost, 9 left, wires at negative x.

Times stand on a grid such that the middle 90 % is the second from 1 to 2 s with 4, 8, 18 and 6 particles in its
quarters; x, px, y and py have exactly the second moments of PLANES about the extracted momentum.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd

from extraction.septum import Septum
from extraction.spill.agreement import Agreement
from extraction.spill.tracking import Spill
from lattice.arrays import Array
from studies.slow_extraction.spill.facts import SpillFacts
from tests.studies.extraction_made import CARBON

SEPTUM = Septum(at="es", position=-0.03, thickness=2e-4, kick=3e-3, length=0.5, gap=0.02)
#: Emittance, beta, alpha, dispersion and its slope, centre and that of the angle.
PLANES = {"x": (3e-6, 12.0, -1.4, -2.5, 0.3, -0.033, 1e-3), "y": (1e-6, 5.0, 0.6, 0.5, -0.2, 2e-3, -4e-4)}
BIN = 0.25
QUARTERS = (4, 8, 18, 6)
LOST = ("wires",) * 5 + ("cathode",) * 3 + ("aperture", "unbounded")
BEGAN, TURNS, REVOLUTION = 60, 5_000_000, 5e-7


def times() -> Array:
    """41 of them, rising: number 2 is 1 s, number 38 is 2 s; 0.05 s apart about the first, 0.02 s about the second."""
    early, late = [0.9, 0.95, 1.0, 1.05, 1.1, 1.2], [1.96, 1.98, 2.0, 2.02, 2.04]
    return np.array([*early, *[1.3] * 8, *[1.6] * 18, *[1.8] * 4, *late])


def deltas() -> Array:
    """1 to 4 per mille in the first quarter, 0 and 3 in the last, -1 elsewhere."""
    found = np.full(41, -1e-3)
    found[2:6] = np.array([1, 2, 3, 4]) * 1e-3
    found[32:38] = np.array([0, 0, 0, 3, 3, 3]) * 1e-3
    return found


def extracted() -> pd.DataFrame:
    """The particles: normal coordinates of unit moments, uncorrelated with delta, stretched to PLANES."""
    delta = deltas()
    offset = delta - delta.mean()
    raw = np.random.default_rng(4).standard_normal((41, 4))
    basis = np.stack([np.ones(41), offset], axis=1)
    raw -= basis @ np.linalg.lstsq(basis, raw, rcond=None)[0]
    normal = raw @ np.linalg.inv(np.linalg.cholesky(raw.T @ raw / 41)).T
    columns: dict[str, Any] = {"particle": np.arange(41), "turn": np.arange(41) * 1000, "time": times()}
    for i, (axis, (emittance, beta, alpha, d, slope, centre, angle)) in zip((0, 2), PLANES.items(), strict=True):
        u, v = np.sqrt(emittance) * normal[:, i], np.sqrt(emittance) * normal[:, i + 1]
        columns[axis] = centre + np.sqrt(beta) * u + d * offset
        columns["p" + axis] = angle + (v - alpha * u) / np.sqrt(beta) + slope * offset
    return pd.DataFrame(columns | {"zeta": 0.0, "delta": delta})


def lost() -> pd.DataFrame:
    """Ten: 5 on the wires, 3 on the cathode, 2 in the chamber, one of these vertically."""
    places, planes = ["es"] * 8 + ["qf", "qd"], ["x"] * 9 + ["y"]
    told = {"place": places, "cause": list(LOST), "plane": planes, "side": ["-"] * 8 + ["+", "-"]}
    return pd.DataFrame({"particle": np.arange(41, 51), "turn": 5, "time": 0.5, **told})


def spill(out: pd.DataFrame | None = None, gone: pd.DataFrame | None = None, began: int = BEGAN) -> Spill:
    return Spill(
        extracted=extracted() if out is None else out,
        lost=lost() if gone is None else gone,
        circulating=np.zeros((began, 6)),
        particle=CARBON,
        turns=TURNS,
        revolution_time=REVOLUTION,
        engine="sectional",
        seed=1,
        interrupted=False,
        misfit=1e-4,
        missed=3e-6,
        notes=("few leave",),
    )


def other() -> Spill:
    """By another driver: a quarter as long, 1 particle lost."""
    table = extracted()
    return spill(table.assign(time=table["time"] / 4, x=2 * table["x"]), lost()[:1])


def agreement() -> Agreement:
    """The second tracker extracts 40 of the 41, each a turn later, 2 mm farther out."""
    table = extracted()
    theirs = table.assign(turn=table["turn"] + 1, x=table["x"] - 2e-3)[:40]
    return Agreement(spill(), spill(theirs), (0.2, 0.8), (0.3, 0.5))


def facts(**changes: Any) -> SpillFacts:
    """The facts; ``changes`` take the place of a field."""
    spec = SimpleNamespace(bin_s=BIN, driver="betatron-core", knockout=SimpleNamespace(momentum_spread=5e-4))
    case = SimpleNamespace(septum=SEPTUM, spec=spec, ripple=())
    known: dict[str, Any] = {
        "case": case,
        "beam": np.zeros((BEGAN, 6)),
        "drivers": {},
        "shaping": {},
        "spill": spill(),
        "others": {},
        "response": None,
        "agreement": agreement(),
        "alone": "",
        "why_not": (),
        "straight": {},
        "amplitude": np.zeros(BEGAN),
        "sent": None,
        "pictures": None,
    }
    return SpillFacts(**cast(Any, known | changes))
