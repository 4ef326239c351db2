"""What a delivery assumes where its study file is silent: energies, a spot, and of a line of one's own the beam."""

from __future__ import annotations

from typing import Any

from lattice import Lattice
from machines.lines.machine import LineMachine
from optics.matter.ranges import energy_of
from studies.delivery.spec import DeliveredEnergies, DeliveryStudy, SourceSpec, SpotSpec
from studies.spec.assumed import unsaid, with_unsaid
from studies.spec.match import StartSpec

DEPTHS = (0.030, 0.300)  # m of water, where treatments reach
NUMBER = 9
SPOT = 4.0  # mm
EMITTANCE = 1.0  # um, normalised, of what synchrotrons extract
BETA = 10.0  # m, round and upright
GRADIENT = 25.0  # T/m, of quadrupoles with bores of lines
_OF_LINES = ("isocentre", "largest_gradient_T_per_m", "source")


def with_assumed(study: DeliveryStudy, line: Lattice, machine: LineMachine | None) -> DeliveryStudy:
    """The study with all that it needs, and named in ``assumed`` what it does not say."""
    silent = unsaid(study, ("energies", "spots"))
    values: dict[str, Any] = {
        "energies": _energies(study.particle, machine),
        "spots": (SpotSpec(x_mm=SPOT, y_mm=SPOT),),
    }
    if machine is None:
        silent += tuple(key for key in _OF_LINES if key not in study.model_fields_set)
        values |= {"isocentre": "_end", "largest_gradient_T_per_m": GRADIENT, "source": _source()}
    chosen = {key: values[key] for key in silent if key in values}
    if machine is not None and machine.linac and "source" not in study.model_fields_set:
        chosen["source"] = SourceSpec(kind="linac")
    return study.model_copy(update={**chosen, "assumed": with_unsaid(study, silent)})


def _energies(species: str, machine: LineMachine | None) -> DeliveredEnergies:
    """Those of the machine, else those that reach the depths of treatments."""
    if machine is not None and species in machine.energies:
        low, top = (energy / 1e6 for energy in machine.energies[species])
    else:
        low, top = (float(energy_of(species, depth)) for depth in DEPTHS)
    lower, upper = float(f"{low:.6g}"), float(f"{top:.6g}")
    return DeliveredEnergies(lower_MeV_per_u=lower, upper_MeV_per_u=upper, number=NUMBER)


def _source() -> SourceSpec:
    return SourceSpec(
        kind="functions",
        normalised_emittance_x_um=EMITTANCE,
        normalised_emittance_y_um=EMITTANCE,
        functions=StartSpec(betx=BETA, bety=BETA),
    )
