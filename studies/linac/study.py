"""The two studies of a linac: facts, quantities, verdicts, figures, tables; finished values for the report."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from lattice.files import write_text_atomic
from optics.linac.structure.lattices import lattice_of
from studies.linac import quantities as linac_quantities
from studies.linac.facts import gather
from studies.linac.figures import figures
from studies.linac.resolution import ResolvedLinac
from studies.linac.spec import LinacSwitchingStudy
from studies.linac.switching import quantities as linac_switching_quantities
from studies.linac.switching.facts import SwitchingFacts
from studies.linac.switching.facts import gather as gather_switching
from studies.linac.switching.figures import figures as switching_figures
from studies.linac.tables import energies_tfs, switching_tables, tables
from studies.linac.text import methods, switching_methods
from studies.results import FigureData, Quantity, StudyResult, TableData
from studies.ring_optics.quantities import ALONE
from studies.ring_optics.study import Outcome, verdicts_on
from studies.runs.provenance import provenance
from studies.runs.store import LINAC
from studies.spec.toml_text import toml_text

TFS = "tables/energies.tfs"


def compute(resolved: ResolvedLinac) -> Outcome:
    """Run a study of a linac; no file is touched.

    NoSolution where no particle arrives or an energy is out of reach, InputError naming a tank that cannot be.
    """
    if isinstance(resolved.study, LinacSwitchingStudy):
        return _switching(resolved)
    facts = gather(resolved)
    asked = [requirement.quantity for requirement in resolved.requirements]
    quantities = linac_quantities.evaluate((*linac_quantities.usual(), *asked), facts)
    warnings = _warnings(quantities, facts.pair.alone)
    result = _result(resolved, quantities, figures(facts), tables(facts), tuple(methods(facts)), tuple(warnings))
    return Outcome(result, True, save=partial(_save, resolved, None))


def _switching(resolved: ResolvedLinac) -> Outcome:
    facts = gather_switching(resolved)
    asked = [requirement.quantity for requirement in resolved.requirements]
    quantities = linac_switching_quantities.evaluate((*linac_switching_quantities.usual(), *asked), facts)
    result = _result(
        resolved,
        quantities,
        switching_figures(facts),
        switching_tables(facts),
        tuple(switching_methods(facts)),
        tuple(_warnings(quantities, facts.alone)),
    )
    return Outcome(result, True, save=partial(_save, resolved, facts))


def _result(
    resolved: ResolvedLinac,
    quantities: tuple[Quantity, ...],
    drawn: tuple[FigureData, ...],
    listed: tuple[TableData, ...],
    how: tuple[str, ...],
    warnings: tuple[str, ...],
) -> StudyResult:
    machine = resolved.machine
    return StudyResult(
        name=resolved.name,
        title=resolved.title,
        machine=machine.name,
        particle=str(machine.linac.particle),
        study=resolved.content,
        lattice=lattice_of(machine.linac),
        quantities=quantities,
        verdicts=verdicts_on(resolved.requirements, quantities, None),
        figures=drawn,
        tables=listed,
        methods=how,
        assumptions=machine.table.assumptions,
        references=machine.table.references,
        warnings=warnings,
        provenance=provenance(resolved.study.seed, _inputs(resolved)),
    )


def _inputs(resolved: ResolvedLinac) -> dict[str, bytes]:
    return {
        "study.toml (resolved)": toml_text(resolved.content).encode(),
        "linac.toml (resolved)": toml_text(resolved.table).encode(),
        **resolved.inputs,
    }


def _warnings(quantities: tuple[Quantity, ...], alone: str) -> Iterator[str]:
    if alone:
        yield f"No integration through the fields: {alone}. Verdicts rest on the maps alone."
    for quantity in quantities:
        if quantity.value is None:
            yield f"{quantity.name} has no value: {quantity.method}."
    names = [quantity.name for quantity in quantities if quantity.engine == ALONE and quantity.value is not None]
    if names:
        yield f"By the maps alone, without a second engine: {', '.join(names)}."


def _save(resolved: ResolvedLinac, facts: SwitchingFacts | None, folder: Path) -> None:
    """The section table that the study can be run from again, and the table of energies as TFS."""
    write_text_atomic(folder / LINAC, toml_text(resolved.table))
    if facts is not None:
        (folder / TFS).parent.mkdir(exist_ok=True)
        write_text_atomic(folder / TFS, energies_tfs(facts))
