"""From a study of energy switching as written to everything it means: its ring, and its operational tables."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from lattice.files import read_bytes
from studies.energy_switching.assumed import with_assumed
from studies.energy_switching.energies import TABLES, energies_of, tables_in
from studies.energy_switching.ring import energies_beyond
from studies.energy_switching.spec import EnergySwitchingStudy
from studies.spec.resolution import Resolved, resolve_ring


def resolve(study: EnergySwitchingStudy, file: Path | None) -> Resolved[EnergySwitchingStudy]:
    """As ``resolve_ring``; FileError for an operational table that cannot be read.

    Energies beyond those of the machine leave the study outside what it is described for.
    """
    with_tables, operational = _with_tables(study, file)
    tables = tables_in(operational)
    found = resolve_ring(with_tables, file, completed=partial(with_assumed, tables=tables), inputs=operational)
    beyond = energies_beyond(found.study, found.machine, energies_of(found.study, tables))
    return replace(
        found,
        wires=replace(found.wires, position=study.x_septum),
        outside="; ".join(filter(None, (beyond, found.outside))),
        warnings=(*found.warnings, *([f"{beyond}."] if beyond else [])),
    )


def _with_tables(study: EnergySwitchingStudy, file: Path | None) -> tuple[EnergySwitchingStudy, dict[str, bytes]]:
    """The study with its operational tables as those of the run folder, and their content."""
    paths = (study.table,) if isinstance(study.table, str) else study.table or ()
    found = {f"{TABLES}{n} ({Path(path).name})": _table_bytes(path, file) for n, path in enumerate(paths)}
    inside = tuple(f"tables/operational-{number}.csv" for number in range(len(paths)))
    return study.model_copy(update={"table": inside or None}), found


def _table_bytes(path: str, file: Path | None) -> bytes:
    """Of a file beside the study, or (given with --set) in the working folder."""
    beside = (file.parent if file else Path()) / path
    return read_bytes(beside if beside.is_file() else Path(path), "operational table")
