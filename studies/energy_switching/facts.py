"""What the study of energy switching has computed before anything is judged: programme, circuits, cycles, table, RF."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lattice import InputError, Lattice, ReferenceParticle
from lattice.arrays import Array
from lattice.errors import counted
from optics import twiss
from optics.engines.verification import verify
from optics.linear.optics import Optics
from optics.magnets import family_of
from optics.matching.matching import MatchResult
from optics.matching.targets import Goal, Target
from optics.ramping.circuits import Circuit
from optics.ramping.energy_table import FieldErrors, Programme, match_table, with_bend_errors
from optics.ramping.field_error_fit import FieldErrorFit, Held, fit_field_errors
from optics.ramping.species import SpeciesCycle
from studies.energy_switching.cycles import cycle_of, field_ratings
from studies.energy_switching.energies import energies_of, tables_of
from studies.energy_switching.ring import check_ring, reached
from studies.energy_switching.spec import EnergySwitchingStudy
from studies.energy_switching.table_file import OperationalTable
from studies.match.design import goal, matched_design
from studies.pipeline import Asked
from studies.ring_optics.facts import UNMATCHED
from studies.runs.logs import LOGGER
from studies.spec.resolution import Resolved


@dataclass(frozen=True, eq=False)
class TableFacts:
    """Operational tables: the optics they give in an ideal ring, and the field errors that explain it."""

    tables: tuple[OperationalTable, ...]
    species: list[str]
    energies: Array
    optics: Optics
    fit: FieldErrorFit
    held: Held


@dataclass(frozen=True, eq=False)
class EngineSample:
    """Tunes of one energy by both engines."""

    energy: float
    species: str
    ours: tuple[float, float]
    xsuite: tuple[float, float]


@dataclass(frozen=True, eq=False)
class SwitchingFacts:
    """Everything that quantities, tables and figures are made of; rows in the order of ``species`` and energies.

    ``design``: the ring at its design point; ``ring``: the same with the bends' errors as parameters;
    ``tune_slopes``: dQx per relative gradient of each circuit of quadrupoles; ``field_ratings`` of each circuit, None
    where it has none; ``top``: rigidity [T m] that the machine goes to.
    """

    resolved: Resolved[EnergySwitchingStudy]
    study: EnergySwitchingStudy
    matched: MatchResult | None
    design: Lattice
    ring: Lattice
    programme: Programme
    species: list[str]
    energies: Array
    cycles: tuple[SpeciesCycle, ...]
    tune_slopes: Mapping[str, float]
    table: TableFacts | None
    engines: tuple[EngineSample, ...]
    field_ratings: tuple[float | None, ...] = ()
    interrupted: bool = False
    top: float = 0.0

    @property
    def lattice(self) -> Lattice:
        """The ring at its design point."""
        return self.design

    @property
    def told(self) -> str:
        """Species and energies."""
        return "; ".join(
            f"{one.species}, {counted(len(one.energies), 'energy')} {one.energies[0]:.5g} to {one.energies[-1]:.5g} "
            + ("MeV" if one.species == "proton" else "MeV/u")
            for one in self.cycles
        )

    @property
    def judged_circuits(self) -> tuple[tuple[Circuit, SpeciesCycle], ...]:
        """What supplies and magnets must do: at the study's energies, and at the top rigidity where these end below it.

        There the strengths are those of the most rigid beam of the study.
        """
        found = [(circuit, cycle) for cycle in self.cycles for circuit in cycle.circuits]
        most = max(self.cycles, key=lambda cycle: cycle.particles[-1].magnetic_rigidity)
        known = np.array([particle.magnetic_rigidity for particle in most.particles])
        if self.top > known.max():
            found += [(circuit.at(known, np.array([self.top])), most) for circuit in most.circuits]
        return tuple(found)

    @property
    def unreached(self) -> str:
        """Why the design was not reached."""
        return UNMATCHED if self.matched is not None and not self.matched.success else ""


_TUNES = 1e-5  # to which they are held where the study says nothing
_OF_TABLES = ("table_tune_residual", "table_gradient_error")


def gather(resolved: Resolved[EnergySwitchingStudy], asked: Asked) -> SwitchingFacts:
    """Compute the study. NoSolution and InputError name the energies or circuits concerned."""
    study = resolved.study
    check_ring(resolved)
    tables = tables_of(resolved)
    lists = reached(energies_of(study, tables), resolved)
    if study.match is not None and study.match.cases:
        raise InputError("match.cases: this study holds its targets at every energy by itself, it takes no other cases")
    goals = _goals(resolved)
    if not goals:
        raise InputError("match.targets: the study needs what shall be held at every energy")
    matched = matched_design(resolved)
    design = (matched.lattice if matched else resolved.lattice).with_particle(resolved.particle)
    ring = with_bend_errors(design)
    rigidities = np.concatenate([[p.magnetic_rigidity for p in particles] for _, particles in lists])
    LOGGER.info("strengths of %s together", counted(len(rigidities), "energy"))
    programme = match_table(
        ring,
        resolved.particle,
        rigidities,
        study.vary,
        goals,
        _errors(study),
        degree=study.degree,
        fringe=study.model.fringe,
        names=[_called(p) for _, particles in lists for p in particles],
    )
    begins = np.cumsum([0, *(len(particles) for _, particles in lists)])
    LOGGER.info("cycles, steps and RF")
    cycles = tuple(
        cycle_of(study, resolved, ring, programme, particles, slice(begin, begin + len(particles)))
        for (_, particles), begin in zip(lists, begins, strict=False)
    )
    return SwitchingFacts(
        resolved=resolved,
        study=study,
        matched=matched,
        design=design,
        ring=ring,
        programme=programme,
        species=[species for species, particles in lists for _ in particles],
        energies=np.concatenate([cycle.energies for cycle in cycles]),
        cycles=cycles,
        tune_slopes=_tune_slopes(ring, resolved.particle, study),
        table=_table_facts(tables, ring, resolved, study) if asked.any_of(_OF_TABLES) else None,
        engines=tuple(_engines(ring, programme, lists, study)) if asked.engines else (),
        field_ratings=tuple(field_ratings(study, resolved, cycles[0].circuits)),
        top=resolved.top_particle.magnetic_rigidity,
    )


def _goals(resolved: Resolved[EnergySwitchingStudy]) -> list[Goal]:
    """What is held at every energy: the targets of the match, without a match the tunes as they stand."""
    study = resolved.study
    if study.match is not None:
        return [goal(spec, resolved) for spec in study.match.targets if spec.active]
    found = twiss(resolved.lattice, fringe=study.model.fringe)
    return [Target("qx", float(found.qx), tolerance=_TUNES), Target("qy", float(found.qy), tolerance=_TUNES)]


# ------------------------------------------------------------------------------------------------------- programme


def with_cycles(facts: SwitchingFacts, resolved: Resolved[EnergySwitchingStudy]) -> SwitchingFacts:
    """The same programme with the circuits, cycles and cavity of another study."""
    study = resolved.study
    counts = [len(cycle.particles) for cycle in facts.cycles]
    begins = np.cumsum([0, *counts])
    cycles = tuple(
        cycle_of(study, resolved, facts.ring, facts.programme, cycle.particles, slice(begin, begin + count))
        for cycle, begin, count in zip(facts.cycles, begins, counts, strict=False)
    )
    ratings = tuple(field_ratings(study, resolved, cycles[0].circuits))
    return replace(facts, resolved=resolved, study=study, cycles=cycles, field_ratings=ratings)


def _called(particle: ReferenceParticle) -> str:
    return f"{particle.species} {particle.kinetic_energy_per_u / 1e6:.5g} MeV/u"


def _errors(study: EnergySwitchingStudy) -> FieldErrors:
    spec = study.errors
    return FieldErrors(spec.scale_T_m, spec.gradients, spec.bend_k1, spec.bend_k2)


def _tune_slopes(ring: Lattice, particle: ReferenceParticle, study: EnergySwitchingStudy) -> dict[str, float]:
    """dQx of each circuit of quadrupoles, per relative change of its gradient: each alone, by central differences."""
    circuits = [(c.parameter, family_of(ring, c.parameter)) for c in study.circuit if c.parameter != "bend"]
    names = [name for name, family in circuits if family is not None and family.unit == "T/m"]
    if not names:
        return {}
    step, fringe = 1e-5, study.model.fringe
    changes = 1.0 + step * np.concatenate([np.eye(len(names)), -np.eye(len(names))])  # (2 n, n): one circuit a row
    values = {name: ring.parameters[name] * changes[:, column] for column, name in enumerate(names)}
    up, down = np.split(np.asarray(twiss(ring.with_parameters(values), particle, fringe=fringe, chromatic=False).qx), 2)
    return dict(zip(names, ((up - down) / (2 * step)).tolist(), strict=True))


# --------------------------------------------------------------------------------------------- table and engines


def _table_facts(
    tables: Sequence[OperationalTable],
    ring: Lattice,
    resolved: Resolved[EnergySwitchingStudy],
    study: EnergySwitchingStudy,
) -> TableFacts | None:
    if not tables:
        return None
    LOGGER.info("optics of the operational table, and the field errors that explain it")
    settings = {name: np.concatenate([t.settings[name] for t in tables]) for name in tables[0].settings}
    for name in settings:
        if name not in ring.parameters:
            raise InputError(
                f"operational tables are of the families {', '.join(settings)}; '{ring.name}' has no '{name}': leave "
                "table out and give [[energies]]"
            )
    fringe = study.model.fringe
    optics = twiss(ring.with_parameters(settings), resolved.particle, fringe=fringe)
    spec = study.held
    held = Held(spec.qx, spec.qy if spec.qy is not None else float(np.nanmean(optics.qy)), spec.dqx)
    rigidities = np.concatenate([t.rigidities for t in tables])
    fit = fit_field_errors(
        ring,
        resolved.particle,
        rigidities,
        settings,
        spec.groups,
        held,
        degree=spec.degree,
        scale=study.errors.scale_T_m,
        fringe=fringe,
        names=[_called(particle) for table in tables for particle in table.particles],
    )
    species = [t.species for t in tables for _ in t.energies]
    return TableFacts(tuple(tables), species, np.concatenate([t.energies for t in tables]), optics, fit, held)


def _engines(
    ring: Lattice,
    programme: Programme,
    lists: Sequence[tuple[str, list[ReferenceParticle]]],
    study: EnergySwitchingStudy,
) -> list[EngineSample]:
    """The ring at sampled energies by Xsuite too, with the true strengths and the particle of that energy."""
    particles = [particle for _, group in lists for particle in group]
    rows = np.unique(np.linspace(0, len(particles) - 1, study.engine_energies).astype(int))
    found = []
    for row in rows[: study.engine_energies]:
        LOGGER.info("%s beside Xsuite", particles[row])
        one = ring.with_parameters({name: float(values[row]) for name, values in programme.true.items()})
        compared = verify(one, particles[row], fringe=study.model.fringe)
        ours, theirs = compared.ours, compared.reference
        found.append(
            EngineSample(
                particles[row].kinetic_energy_per_u / 1e6,
                particles[row].species,
                (ours.qx, ours.qy),
                (theirs.qx, theirs.qy),
            )
        )
    return found
