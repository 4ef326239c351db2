"""From a study of a linac as written to everything it means: section table, machine, requirements."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from lattice import InputError, Lattice, ReferenceParticle
from lattice.files import read_bytes
from machines.linacs.machine import LinacMachine
from machines.linacs.table import LinacTable
from machines.registry import linac_named
from machines.requirements import Requirement
from studies.linac.sections import with_gradients, with_sections
from studies.linac.spec import LinacStudy
from studies.runs.contents import LINAC
from studies.spec.checking import checked, parse_toml, read_text, told_in
from studies.spec.judged import judged_requirements, requirement_spec
from studies.spec.lattice_files import SUFFIXES
from studies.spec.schema import as_mapping
from studies.spec.toml_text import toml_text

Spec = TypeVar("Spec", bound=LinacStudy)


@dataclass(frozen=True)
class ResolvedLinac(Generic[Spec]):
    """A study of a linac with nothing left open. ``study`` is what study.toml holds, beside it linac.toml."""

    study: Spec
    name: str
    title: str
    machine: LinacMachine
    requirements: tuple[Requirement, ...]
    inputs: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def machine_name(self) -> str:
        """How results call the machine."""
        return self.machine.name

    @property
    def particle(self) -> ReferenceParticle:
        """The particle that enters."""
        return self.machine.linac.particle

    @property
    def lattice(self) -> Lattice:
        """The linac at its design setting."""
        from optics.linac.structure.lattices import lattice_of

        return lattice_of(self.machine.linac)

    @property
    def outside(self) -> str:
        """A linac's energies are its own: what it does not reach has no answer."""
        return ""

    @property
    def hashed(self) -> dict[str, bytes]:
        """The inputs that provenance tells, by name."""
        return {
            "study.toml (resolved)": toml_text(as_mapping(self.study)).encode(),
            "linac.toml (resolved)": toml_text(self.table).encode(),
            **self.inputs,
        }

    @property
    def table(self) -> dict[str, Any]:
        """The section table as plain values."""
        return self.machine.table.model_dump(mode="json", exclude_none=True)


def resolve_linac(
    study: Spec, file: Path | None, completed: Callable[[Spec, LinacMachine], Spec] = lambda study, machine: study
) -> ResolvedLinac[Spec]:
    """Everything a study means. ``file`` is where it was read from: paths in it are relative to that.

    ``completed`` writes out what a kind of study takes from the machine. InputError for what the section table cannot
    be; FileError for a file that cannot be read.
    """
    with told_in(file, "machine"):
        named = linac_named(study.machine) if study.machine else None
    content, where, inputs = _table(study, named, file)
    machine = _machine(study, named, content, where)
    name = study.name or f"{machine.name}-{study.study.removeprefix('linac-')}"
    requirements = judged_requirements(study, name)
    machine.linac  # noqa: B018 - what is wrong with the table is said now
    study = completed(study, machine)
    emptied: dict[str, Any] = {"beam": {}, "pulse": {}, "tolerance": {}, "gradients": {}}
    emptied |= {"section": None, "gradient_lines": None, "matched": None}
    changed: dict[str, Any] = {"machine": None, "linac": LINAC, **emptied}
    specs = tuple(requirement_spec(requirement) for requirement in requirements)
    explicit = study.model_copy(
        update={
            **changed,
            "name": name,
            "machine_requirements": False,
            "requirement": specs,
            "title": _title(study, machine),
        }
    )
    return ResolvedLinac(explicit, name, _title(study, machine), machine, requirements, inputs)


def _title(study: LinacStudy, machine: LinacMachine) -> str:
    return study.title or f"{study.title_begins} {machine.title}"


def _table(
    study: LinacStudy, named: LinacMachine | None, file: Path | None
) -> tuple[dict[str, Any], str, dict[str, bytes]]:
    """Content of the section table, how messages call it, and the file it came from."""
    if named is not None:
        return named.table.model_dump(mode="json", exclude_none=True), f"machine '{named.name}'", {}
    path = (file.parent if file else Path()) / str(study.linac)
    with told_in(file, "linac"):
        _refuse_lattices(path)
    return parse_toml(read_text(path, "section table"), str(path)), str(path), {path.name: read_bytes(path)}


def _refuse_lattices(path: Path) -> None:
    if path.name.lower().endswith(SUFFIXES):
        raise InputError(
            f"{path.name} is a lattice file, a section table (TOML) was expected: docs/linac.md has one to begin from; "
            "a lattice file goes with the key lattice of a study of rings and lines, such as 'optics'"
        )


def _machine(study: LinacStudy, named: LinacMachine | None, content: dict[str, Any], where: str) -> LinacMachine:
    """The machine with the study's changes; the machine itself (built once) when there are none."""
    changes = {key: getattr(study, key) for key in ("beam", "pulse", "tolerance") if getattr(study, key)}
    own = changes or study.gradients or study.section or study.gradient_lines or study.matched
    if named is not None and not own:
        return named
    checked(LinacTable, content, where)
    merged = {**content, **{key: {**content[key], **value} for key, value in changes.items()}}
    merged["section"] = with_gradients(content["section"], study.gradients)
    merged["section"] = with_sections(merged["section"], study.section or {}, study.gradient_lines or {})
    table = checked(LinacTable, merged, f"{where} with the study's changes" if own else where)
    table = _matched(table, study.matched) if study.matched else table
    return LinacMachine.of(table, named.requirements if named else ())


def _matched(table: LinacTable, names: tuple[str, ...]) -> LinacTable:
    """The table with matching sections matched anew; compiled maps are loaded for that alone."""
    from machines.linacs.matching import rematched

    return rematched(table, names)
