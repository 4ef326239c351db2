"""Tables of machines with errors: statistics over them, correctors, and the errors as the study gives them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from lattice.arrays import Array
from optics.imperfections.ensemble import Ensemble
from optics.imperfections.orbit import Correction
from studies.results import TableData
from studies.ring_optics.imperfections import Imperfections

_MM = {"orbit_max": "largest orbit", "orbit_rms": "rms orbit", "dispersion_max": "largest dispersion error"}
_PERCENTS = (50, 95, 100)


def orbit_tables(found: Imperfections) -> Iterator[TableData]:
    """Statistics before and after, and the correctors."""
    last = list(found.states.values())[-1]
    unstable = int(np.sum(~last.table["stable"]))
    caption = f"Median, 95th percentile and largest over {found.spec.machines} machines; {unstable} of them unstable."
    yield TableData("orbit-statistics", "Machines before and after correction", caption, _statistics(found))
    caption = "Kicks of each corrector over the machines."
    if found.correction is not None:
        yield TableData("orbit-correctors", "Orbit correctors", caption, _correctors(found.correction))
    caption = "Rms errors as given, each Gaussian and cut. Displacements, turns, relative field."
    yield TableData("orbit-errors", "Errors of the magnets", caption, _errors(found))


def _statistics(found: Imperfections) -> pd.DataFrame:
    numbers = {when: _numbers(machines) for when, machines in found.states.items()}
    rows = [
        {
            "quantity": name,
            "unit": unit,
            **{
                f"{when}, {_label(p)}": _rounded(np.nanpercentile(values[name][1], p))
                for when, values in numbers.items()
                for p in _PERCENTS
            },
        }
        for name, (unit, _) in numbers["before"].items()
    ]
    return pd.DataFrame(rows)


def _rounded(value: float) -> float:
    """Three digits: a statistic of a hundred machines is known to no more."""
    return float(f"{value:.3g}")


def _label(percent: int) -> str:
    return {50: "median", 100: "largest"}.get(percent, f"{percent} %")


def _numbers(machines: Ensemble) -> dict[str, tuple[str, Array]]:
    """Unit and values (machines,) of each number of a machine."""
    table = machines.table
    numbers: dict[str, tuple[str, Array]] = {}
    for plane in ("x", "y"):
        for key, words in _MM.items():
            numbers[f"{words} {plane}"] = ("mm", table[f"{key}_{plane}"].to_numpy() * 1e3)
        numbers[f"largest beating of bet{plane}"] = ("%", table[f"beating_max_{plane}"].to_numpy() * 100)
        tune = table[f"q{plane}"].to_numpy()
        numbers[f"|Q{plane} - median|"] = ("1", np.abs(tune - np.nanmedian(tune)))
    numbers["|C-|"] = ("1", table["coupling"].to_numpy())
    return numbers


def _correctors(correction: Correction) -> pd.DataFrame:
    rows = [
        {
            "corrector": name,
            "plane": plane,
            "rms [mrad]": _rounded(np.sqrt(np.mean(kicks**2)) * 1e3),
            "largest [mrad]": _rounded(np.max(np.abs(kicks)) * 1e3),
        }
        for plane, response in correction.responses.items()
        for name, kicks in zip(response.correctors, correction.kicks[plane].T, strict=True)
    ]
    return pd.DataFrame(rows)


def _errors(found: Imperfections) -> pd.DataFrame:
    rows = []
    for spec in found.spec.errors:
        magnets = spec.magnets if isinstance(spec.magnets, str) else ", ".join(spec.magnets)
        lengths = {f"{name} [mm]": getattr(spec, name) * 1e3 for name in ("dx", "dy", "ds")}
        turns = {f"{name} [mrad]": getattr(spec, name) * 1e3 for name in ("roll", "pitch", "yaw")}
        rows.append({"magnets": magnets, **lengths, **turns, "field": spec.field, "cut [rms]": spec.cut})
    return pd.DataFrame(rows)
