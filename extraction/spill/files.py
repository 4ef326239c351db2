"""A tracked spill on disk: what was extracted as openPMD and Parquet, what was lost as Parquet."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from extraction.spill.losses import check_disjoint
from lattice import FileError, InputError, ReferenceParticle
from lattice.reference import SPEED_OF_LIGHT
from optics.beams.files import UNITS, particle_facts, particle_of, write_beam
from optics.beams.parquet import read_parquet, write_parquet
from optics.beams.tracking import COORDINATES
from optics.closed import closed

EXTRACTED_BEAM, EXTRACTED, LOST = "extracted.h5", "extracted.parquet", "lost.parquet"
_COLUMNS = ("particle", "turn", "time", *COORDINATES)
_LOST_COLUMNS = (*_COLUMNS, "place", "cause")  # plane and side came later


class Spill(Protocol):
    """What ``track_spill`` gives: tables of extracted and of lost particles."""

    @property
    def extracted(self) -> pd.DataFrame:
        """Particle, turn, time [s] and coordinates at the septum's entrance."""

    @property
    def lost(self) -> pd.DataFrame:
        """The same where they were lost, and place, cause, plane and side."""


@closed
@dataclass(frozen=True, eq=False)
class SavedSpill:
    """A spill read back: its tables, the reference particle, and what was noted ``about`` it."""

    extracted: pd.DataFrame
    lost: pd.DataFrame
    particle: ReferenceParticle
    about: dict[str, Any]


def save_spill(
    folder: str | Path, spill: Spill, particle: ReferenceParticle, about: Mapping[str, Any] | None = None
) -> tuple[Path, ...]:
    """Write extracted.h5 (openPMD-beamphysics), extracted.parquet and lost.parquet into a folder.

    Coordinates are about ``particle``; in the openPMD file each particle has its absolute ``time``. ``about`` (JSON
    values) is kept in the Parquet files. Each file is written whole or not at all; without extracted particles there is
    no beam and no extracted.h5.

    Returns:
        The paths of the files.

    Raises:
        InputError: tables that are no spill.
        FileError: the folder or a file cannot be written.
    """
    folder = Path(folder)
    _check(spill)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"{folder}: cannot make this folder: {error.strerror}") from None
    description = {"particle": particle_facts(particle), "units": UNITS, "about": dict(about or {})}
    beam, *tables = (folder / name for name in (EXTRACTED_BEAM, EXTRACTED, LOST))
    if len(spill.extracted):
        _write_beam(beam, spill.extracted, particle)
    else:
        with suppress(FileNotFoundError):
            beam.unlink()
    for path, table in zip(tables, (spill.extracted, spill.lost), strict=True):
        write_parquet(path, table.reset_index(drop=True), description)
    return tuple(path for path in (beam, *tables) if path.exists())


def read_spill(folder: str | Path) -> SavedSpill:
    """Read what ``save_spill`` wrote.

    Returns:
        SavedSpill: its tables (coordinates [m, 1], times [s]), the reference particle, and what was noted about it.

    Raises:
        FileError: what is missing or malformed.
    """
    folder = Path(folder)
    extracted, description = read_parquet(folder / EXTRACTED, _COLUMNS)
    lost, _ = read_parquet(folder / LOST, _LOST_COLUMNS)
    particle = particle_of(folder / EXTRACTED, description)
    if particle is None:
        raise FileError(f"{folder / EXTRACTED}: the file does not say which particle it is about")
    return SavedSpill(extracted, lost, particle, description.get("about", {}))


def _check(spill: Spill) -> None:
    for what, table, columns in (("extracted", spill.extracted, _COLUMNS), ("lost", spill.lost, _LOST_COLUMNS)):
        missing = [name for name in columns if name not in table]
        if missing:
            raise InputError(f"the table of {what} particles has no column {', '.join(missing)}")
    check_disjoint(spill.extracted, spill.lost)


def _write_beam(path: Path, table: pd.DataFrame, particle: ReferenceParticle) -> None:
    """The reference time of a particle is such that it passes at its own ``time``."""
    coordinates = table[list(COORDINATES)].to_numpy(dtype=float)
    late = -coordinates[:, 4] / (particle.beta * SPEED_OF_LIGHT)
    write_beam(path, coordinates, particle, reference_time=table["time"].to_numpy(dtype=float) - late)
