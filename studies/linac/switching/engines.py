"""The settings seen by other means: integration through the fields, phase advances, acceptances."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lattice import HadronOpticsError
from lattice.arrays import Array
from lattice.errors import counted
from machines.linacs.machine import LinacMachine
from optics.linac import Linac, transport
from optics.linac.extremes import acceptances
from optics.linac.field_integration import integrated_energies
from optics.linac.focusing import structure_periods
from optics.linac.switching.settings import Settings
from studies.runs.logs import LOGGER


def integrated_table(linac: Linac, settings: Settings, energies: Array, some: Array) -> tuple[pd.DataFrame, str]:
    """Final energies [eV] by integration for ``some`` rows, nan with the reason where it cannot be had."""
    LOGGER.info("integrating through the fields at %s", counted(len(some), "energy"))
    try:
        found = [_by_fields(settings.applied(linac, int(i))) for i in some]
    except HadronOpticsError as error:
        return pd.DataFrame({"wanted": energies[some], "fields": np.nan, "steps": np.nan}), str(error)
    fields, steps = np.transpose(found)
    return pd.DataFrame({"wanted": energies[some], "fields": fields, "steps": steps}), ""


def _by_fields(linac: Linac) -> tuple[float, float]:
    """Final energy [eV] by integration, and how much finer steps change it."""
    usual, finer = (float(integrated_energies(linac, tolerance=tolerance)[-1]) for tolerance in (1e-5, 1e-7))
    return finer, abs(finer - usual)


def focus_table(machine: LinacMachine, settings: Settings, energies: Array, some: Array) -> pd.DataFrame:
    """Phase advances of the periods inside structures, and acceptances over emittances, against energy."""
    rows = []
    for i in some:
        linac = settings.applied(machine.linac, int(i))
        advances = np.array([[period.mux, period.muy] for period in structure_periods(linac)])
        found, row = acceptances(transport(linac), machine.bunch), {"wanted": float(energies[i])}
        for column, plane in enumerate("xy"):
            here = advances[:, column] if len(advances) else np.array([np.nan])
            row |= {
                f"largest_mu{plane}": float(np.max(here)),
                f"least_mu{plane}": float(np.min(here)),
                f"acceptance_{plane}": found[plane] / getattr(machine.bunch, f"emittance_{plane}"),
            }
        rows.append(row)
    return pd.DataFrame(rows)
