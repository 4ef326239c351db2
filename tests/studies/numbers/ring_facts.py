"""Facts of the optics study with a second engine that says what the test wants."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pandas as pd

from lattice import Bend, Drift, Lattice, Marker, Quadrupole, ReferenceParticle, Sextupole
from machines.rings.machine import MachineBeam
from optics import Optics, twiss
from studies.ring_optics.facts import BeamOptics, Compared, Facts

PROTON = ReferenceParticle("proton", kinetic_energy_per_u=100e6)
SCALE = PROTON.beta * PROTON.gamma
#: Functions at the start of a drift of 2 m, no two of them the same.
START = {
    "betx": 9.0,
    "alfx": -1.0,
    "bety": 4.0,
    "alfy": 0.5,
    "dx": 2.0,
    "dpx": -0.5,
    "dy": 0.3,
    "dpy": 0.1,
}


def drift(length: float = 2.0, **start: float) -> Optics:
    """Our optics of a drift between two markers."""
    line = Lattice("line", elements=[Marker("a"), Drift("d", length=length), Marker("b")], particle=PROTON)
    return twiss(line, start={**START, **start})


def verification(optics: Any, table: pd.DataFrame | None = None, **off: Any) -> Any:
    """A second engine whose functions (or scalars) lie ``off`` from ours by so much."""
    reference = optics.table.copy() if hasattr(optics, "table") else pd.DataFrame()
    scalars = {}
    for name, change in off.items():
        if name in reference:
            reference[name] = reference[name].to_numpy() + change
        else:
            scalars[name] = optics.scalar(name) + change
    return SimpleNamespace(
        ours=optics,
        reference=SimpleNamespace(table=reference, **scalars),
        table=table,
        success=True,
        message="both engines agree",
    )


def facts(optics: Any, second: Any = None, *beams: BeamOptics, **resolved: Any) -> Facts:
    compared = Compared(optics, second, "" if second else "a test")
    given = {"machine": None, "septum": "es", "top_particle": PROTON, **resolved}
    return Facts(cast(Any, SimpleNamespace(**given)), compared, beams)


def beam(name: str, emittance_x: float, emittance_y: float, compared: Compared, **more: Any) -> BeamOptics:
    """Geometric emittances [m] of protons of 100 MeV."""
    given = {"momentum_spread": 2e-3, "sigmas": 2.0, **more}
    made = MachineBeam(name, "here", emittance_x * SCALE, emittance_y * SCALE, source="the test", **given)
    return BeamOptics(made, PROTON, compared)


def magnets(**parameters: Any) -> Lattice:
    """Bends of 0.25 and 0.4 / m, quadrupoles and sextupoles with a skew part; the strongest is not the first."""
    return Lattice(
        "magnets",
        elements=[
            Bend("b1", length=1.2, angle=0.3),
            Bend("b2", length=1.0, angle=-0.4),
            Quadrupole("q1", length=0.3, k1="kf"),
            Quadrupole("q2", length=0.3, k1=-0.6, k1s=0.8),
            Sextupole("s1", length=0.2, k2=-13.0),
            Sextupole("s2", length=0.2, k2=5.0, k2s="ks"),
        ],
        parameters={"kf": 0.9, "ks": 12.5, **parameters},
        particle=PROTON,
    )


def engine_rows(**rows: tuple[float, float, float]) -> pd.DataFrame:
    """The table of a comparison: ours, reference and tolerance of each quantity."""
    return pd.DataFrame(
        [
            {
                "quantity": name,
                "ours": ours,
                "reference": theirs,
                "difference": ours - theirs,
                "tolerance": tolerance,
                "ok": abs(ours - theirs) <= tolerance,
                "where": f"at {name}",
                "reason": f"why {name}",
            }
            for name, (ours, theirs, tolerance) in rows.items()
        ]
    )
