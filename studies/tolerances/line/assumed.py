"""What tolerances of a line assume where the study file is silent: errors of usual lines, rms, and the beam."""

from __future__ import annotations

from typing import Any

from lattice import Lattice, ReferenceParticle
from machines.lines.machine import LineMachine
from optics.matter.ranges import energy_of
from studies.spec.assumed import unsaid, with_unsaid
from studies.spec.match import StartSpec
from studies.tolerances.asked import FamilySpec
from studies.tolerances.line.spec import EnteringSpec, LineTolerancesStudy

DEPTH = 0.03  # m of water: the nearest that treatments reach, where beams are largest
BETA = 10.0  # m, round and upright
_ALIGNED = {"dx": 0.2e-3, "dy": 0.2e-3, "roll": 0.5e-3}
_USUAL: dict[str, dict[str, Any]] = {
    "bend": {"family": "bends", "field": 5e-4, "stability": 2e-5, **_ALIGNED},
    "quadrupole": {"family": "quadrupoles", "field": 5e-4, "calibration": 5e-4, "stability": 1e-4, **_ALIGNED},
    "monitor": {"family": "monitors", "dx": 0.3e-3, "dy": 0.3e-3},
}


def with_assumed(study: LineTolerancesStudy, line: Lattice, machine: LineMachine | None) -> LineTolerancesStudy:
    """The study with all that it needs, and named in ``assumed`` what it does not say."""
    silent = unsaid(study, ("entering",))
    changes: dict[str, Any] = {}
    if not study.tolerances.errors:
        silent += ("tolerances.errors",)
        changes["tolerances"] = study.tolerances.model_copy(update={"errors": _errors(line)})
    if study.isocentre is None and machine is None:
        silent += ("isocentre",)
        changes["isocentre"] = "_end"
    if study.entering.functions is None and not _known_beam(study, machine):
        silent += ("entering",)
        functions = StartSpec(betx=BETA, bety=BETA)
        changes["entering"] = study.entering.model_copy(update={"functions": functions})
    named, stated = _particle(study, line, machine)
    silent += tuple(key for key in named if key not in stated)
    changes |= named | {"assumed": with_unsaid(study, silent)}
    return study.model_copy(update=changes)


def particle_of(study: LineTolerancesStudy) -> ReferenceParticle:
    """The particle of a study that is silent of nothing."""
    assert study.particle is not None
    assert study.kinetic_energy_MeV_per_u is not None
    return ReferenceParticle(study.particle, kinetic_energy_per_u=1e6 * study.kinetic_energy_MeV_per_u)


def _particle(
    study: LineTolerancesStudy, line: Lattice, machine: LineMachine | None
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Species and energy, and which of them somebody stated: the study, or the beam of the lattice file."""
    of_file = line.particle
    species = study.particle or (of_file.species if of_file is not None else "proton")
    stated = ("particle",) if study.particle or of_file is not None else ()
    energy = study.kinetic_energy_MeV_per_u
    if energy is not None:
        return {"particle": species, "kinetic_energy_MeV_per_u": energy}, (*stated, "kinetic_energy_MeV_per_u")
    if of_file is not None and of_file.species == species:
        found = {"particle": species, "kinetic_energy_MeV_per_u": of_file.kinetic_energy_per_u / 1e6}
        return found, ("particle", "kinetic_energy_MeV_per_u")
    known = machine.energies.get(species) if machine is not None else None
    lowest = known[0] / 1e6 if known else float(energy_of(species, DEPTH))
    return {"particle": species, "kinetic_energy_MeV_per_u": float(f"{lowest:.6g}")}, stated


def _known_beam(study: LineTolerancesStudy, machine: LineMachine | None) -> bool:
    """Whether the machine says what beam enters it; behind a linac, for example, it does not."""
    return machine is not None and (study.particle or "proton") in {beam.species for beam in machine.beams}


def _errors(line: Lattice) -> tuple[FamilySpec, ...]:
    """Those of the magnets and monitors that the line has."""
    kinds = {element.kind for element in line.unique_elements[0]}
    usual = ({"magnets": kind, **errors} for kind, errors in _USUAL.items() if kind in kinds)
    return tuple(FamilySpec.model_validate(one) for one in usual)


def entering_of(study: LineTolerancesStudy, machine: LineMachine | None) -> EnteringSpec:
    """The beam with its functions: the study's, or the machine's own. InputError for a species that it knows not."""
    if study.entering.functions is not None or machine is None:
        return study.entering  # said, or assumed
    own = machine.entering(str(study.particle))
    return study.entering.model_copy(update={"functions": StartSpec(**own.functions)})
