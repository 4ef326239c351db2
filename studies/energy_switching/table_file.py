"""An operational table of a ring's settings against energy: one CSV a species, checked before anything is computed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from io import StringIO

import numpy as np
import pandas as pd

from lattice import InputError, ReferenceParticle
from lattice.arrays import Array
from lattice.errors import FileError, did_you_mean
from lattice.reference import species_named

ENERGY, RIGIDITY = "kinetic_energy_MeV_per_u", "brho_T_m"
_SPECIES = ("proton", "helium-4", "carbon-12", "oxygen-16")
_RIGIDITY_FITS = 2e-3  # of B rho: rounding of the energy, not another species
_NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")
#: Column of the table, the parameter it sets, and the sign it is stored with.
COLUMNS = {
    "KF_1_per_m2": ("kf", 1.0),
    "KR_1_per_m2": ("kr", 1.0),
    "KD_1_per_m2": ("kd", 1.0),
    "SR_1_per_m3": ("sr", 1.0),
    "minus_S1_1_per_m3": ("s1", -1.0),
    "minus_S0_1_per_m3": ("s0", -1.0),
}


@dataclass(frozen=True, eq=False)
class OperationalTable:
    """Settings of one species: ``energies`` [MeV/u] and ``rigidities`` [T m] (n,), ``settings`` parameter to (n,)."""

    species: str
    energies: Array
    rigidities: Array
    settings: dict[str, Array]

    @property
    def particles(self) -> list[ReferenceParticle]:
        """The particle at each energy."""
        return [ReferenceParticle(self.species, kinetic_energy_per_u=energy * 1e6) for energy in self.energies]


def read_table(text: str, where: str) -> OperationalTable:
    """The table of a CSV text; lines beginning with # are comments.

    The species is the one whose rigidity the energies have. FileError for a file that is no table; InputError for
    columns that are missing or stand twice, values that are no numbers, energies out of order or of no known species.
    """
    try:
        frame = pd.read_csv(StringIO(text), comment="#", skipinitialspace=True, dtype=str)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError, OverflowError) as error:
        raise FileError(f"{where}: not a CSV table ({error})") from None
    numbers = _numbers(frame, where)
    energies, rigidities = numbers[ENERGY], numbers[RIGIDITY]
    _check_order(energies, where)
    species = _species(energies, rigidities, where)
    return OperationalTable(
        species, energies, rigidities, {name: sign * numbers[column] for column, (name, sign) in COLUMNS.items()}
    )


def table_frame(table: OperationalTable) -> pd.DataFrame:
    """The table in its file's columns: what ``read_table`` reads back."""
    settings = {column: sign * table.settings[name] for column, (name, sign) in COLUMNS.items()}
    return pd.DataFrame({ENERGY: table.energies, RIGIDITY: table.rigidities, **settings})


def table_text(content: bytes, where: str) -> str:
    """The text of a table's file, a byte order mark aside; FileError when it is not UTF-8."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FileError(f"{where}: not a text file in UTF-8: save it as CSV in UTF-8") from None


def _numbers(frame: pd.DataFrame, where: str) -> dict[str, Array]:
    wanted = (ENERGY, RIGIDITY, *COLUMNS)
    missing = [name for name in wanted if name not in frame.columns]
    twice = [name for name in wanted if f"{name}.1" in frame.columns]  # as pandas calls the second
    if twice:
        raise InputError(f"{where}: the column {twice[0]} stands twice: leave one")
    if missing and any(";" in str(column) or "\t" in str(column) for column in frame.columns):
        raise InputError(
            f"{where}: the columns are not separated by commas: save it with ',' between columns and '.' in numbers"
        )
    if missing:
        spare = [str(column) for column in frame.columns if column not in wanted]
        hints = ", ".join(f"{name}{did_you_mean(name, spare) or ''}" for name in missing)
        raise InputError(f"{where}: missing column(s) {hints} (expected: {', '.join(wanted)})")
    if frame.empty:
        raise InputError(f"{where}: the table has no rows")
    found = {}
    for name in wanted:
        values = np.array([_value(text) for text in frame[name]])
        bad = np.flatnonzero(~np.isfinite(values))
        if len(bad):
            raise InputError(
                f"{where}: {name} of row {bad[0] + 1} is '{str(frame[name].iloc[bad[0]])[:60]}', expected a number"
                f"{_and_more(len(bad))}"
            )
        found[name] = values
    return found


def _value(text: object) -> float:
    """The number of a cell, nan for what is none."""
    return float(text) if isinstance(text, str) and _NUMBER.fullmatch(text.strip()) else float("nan")


def _and_more(count: int) -> str:
    return f" (and {count - 1} more like it)" if count > 1 else ""


def _check_order(energies: Array, where: str) -> None:
    bad = np.flatnonzero(np.diff(energies) <= 0)
    if len(bad):
        row = int(bad[0])
        raise InputError(
            f"{where}: energies must rise from row to row, found {energies[row]:.6g} and then {energies[row + 1]:.6g} "
            f"MeV/u in rows {row + 1} and {row + 2}: sort the table"
        )


def _species(energies: Array, rigidities: Array, where: str) -> str:
    """The species whose rigidity the first row has; InputError names the row that does not fit."""
    if np.any(energies <= 0) or np.any(rigidities <= 0):
        raise InputError(f"{where}: energies and rigidities must be positive")
    off = {name: np.abs(_rigidities(name, energies) / rigidities - 1.0) for name in _SPECIES}
    best = min(off, key=lambda name: float(off[name][0]))
    bad = np.flatnonzero(off[best] > _RIGIDITY_FITS)
    if len(bad):
        row = int(bad[0])
        near = ReferenceParticle(best, kinetic_energy_per_u=float(energies[row]) * 1e6).magnetic_rigidity
        raise InputError(
            f"{where}: row {row + 1} has {energies[row]:.6g} MeV/u and B rho {rigidities[row]:.6g} T m, which no known "
            f"species has at once{_unit(energies[row], rigidities[row]) or f'; nearest: {best} with {near:.6g} T m'}. "
            f"Known: {', '.join(_SPECIES)}; energies are in MeV/u, B rho in T m"
        )
    return best


def _unit(energy: float, rigidity: float) -> str:
    """What fits when the energy is in another unit, or empty."""
    for species in _SPECIES:
        near = ReferenceParticle.from_rigidity(species, rigidity).kinetic_energy_per_u / 1e6
        whole = 1 / species_named(species).nucleons
        for unit, size in (("eV/u", 1e-6), ("keV/u", 1e-3), ("GeV/u", 1e3), ("MeV in all", whole)):
            if abs(energy * size / near - 1) <= 2 * _RIGIDITY_FITS:
                return f", but {species} of {energy:.6g} {unit} has: give MeV/u"
    return ""


def _rigidities(species: str, energies: Array) -> Array:
    return np.array(
        [ReferenceParticle(species, kinetic_energy_per_u=float(energy) * 1e6).magnetic_rigidity for energy in energies]
    )
