"""Particles of a run's beam at one energy, for dose calculation: the beam table interpolated and sampled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from lattice import InputError, ReferenceParticle
from lattice.arrays import Array
from lattice.errors import FileError, did_you_mean
from optics.beams.dose_files import PhaseSpace, phase_space, write_fluka_table, write_mcpl, write_topas
from studies.delivery.stored import STORED, Stored, drawn, size_of
from studies.runs.contents import is_complete
from studies.runs.logs import LOGGER

TABLE = "tables/beam-energies.csv"
WRITERS: dict[str, Callable[[Path, PhaseSpace], None]] = {
    ".mcpl": write_mcpl,
    ".phsp": write_topas,
    ".dat": write_fluka_table,
}
_ROOM = 5e-4  # beyond the ends: a tracked mean energy is not quite the one that was wanted
_SPECIES, _ENERGY, _SPREAD = "species", "energy [MeV/u]", "energy spread [%]"
_MOMENTS = ("sigma {} [mm]", "sigma {}' [mrad]", "correlation {} [1]")
_NUMBERS = [_ENERGY, _SPREAD, *(moment.format(plane) for plane in "xy" for moment in _MOMENTS)]


def check_target(target: Path) -> Path:
    """The path, if its suffix is that of a format. InputError otherwise."""
    if target.suffix.lower() not in WRITERS:
        raise InputError(
            f"{target}: the suffix says the format: .mcpl (MCPL), .phsp (TOPAS ASCII, with its .header), .dat (a "
            "table for a FLUKA source routine)"
        )
    return target


def is_delivery(folder: Path) -> bool:
    """Whether a run keeps the beams of a delivery."""
    return is_complete(folder) and (folder / STORED).is_file()


def delivered(
    folder: Path, energy: float, place: str | None, angle: float | None, size: str | None, count: int, seed: int
) -> PhaseSpace:
    """``count`` particles of a delivery at a place. InputError for what the run does not have."""
    turned = None if angle is None else float(np.radians(angle))
    reference, arrived = Stored.read(folder).beam(energy * 1e6, at=place, angle=turned, size=size_of(size))
    LOGGER.info("%s: %d tracked particles at '%s'", reference, len(arrived), place or "the isocentre")
    return drawn(reference, arrived, count, seed)


def refuse_places(folder: Path, place: str | None, angle: float | None, size: str | None) -> None:
    """InputError where a place, an angle or a size is asked of a run that ends at the exit of its machine."""
    asked = [name for name, value in (("--at", place), ("--angle", angle), ("--size", size)) if value is not None]
    if asked:
        raise InputError(f"{asked[0]}: {folder} is no run of a delivery; its beam is that at the exit of the machine")


def beam_table(folder: Path) -> pd.DataFrame:
    """The beam table of a run. FileError for what is no finished run; InputError for one without beams."""
    if not is_complete(folder):
        raise FileError(f"{folder}: no finished run (a folder with results.json was expected)")
    path = folder / TABLE
    if not path.is_file():
        raise InputError(
            f"{folder}: this run has no table of beams; runs of energy switching (of a ring with [[extracted]], of a "
            "linac) have one"
        )
    return _checked(path)


def _checked(path: Path) -> pd.DataFrame:
    """The table with its columns as numbers; FileError for one that is damaged."""
    try:
        table = pd.read_csv(path)
        species = table[_SPECIES].astype(str)
        numbers = table[_NUMBERS].astype(float)
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise FileError(f"{path}: the table of beams is damaged ({error}): run the study again") from None
    if numbers.empty or not np.isfinite(numbers.to_numpy()).all():
        raise FileError(f"{path}: the table of beams is damaged (a number is missing): run the study again")
    return numbers.assign(**{_SPECIES: species})


def beam_at(
    table: pd.DataFrame, energy: float, species: str | None = None
) -> tuple[ReferenceParticle, dict[str, float]]:
    """Particle and moments at ``energy`` [MeV/u]: spread, emittances, beta and alpha are linear between the rows.

    InputError outside them, naming the ends.
    """
    found = list(dict.fromkeys(table[_SPECIES]))
    name = species or (found[0] if len(found) == 1 else None)
    if name is None:
        raise InputError(f"this run has beams of {', '.join(found)}: say which with --particle")
    if name not in found:
        raise InputError(f"this run has no beam of '{name}'{did_you_mean(name, found)} (it has {', '.join(found)})")
    rows = table[table[_SPECIES] == name].sort_values(_ENERGY)
    low, high = float(rows[_ENERGY].iloc[0]), float(rows[_ENERGY].iloc[-1])
    if not low * (1 - _ROOM) <= energy <= high * (1 + _ROOM):
        nearest = low if energy < low else high
        raise InputError(
            f"{energy:g} MeV/u lies outside the beams of {name} in this run, {low:.6g} to {high:.6g} MeV/u; the "
            f"nearest that works is {nearest:.6g}"
        )
    moments = {_SPREAD: float(np.interp(energy, rows[_ENERGY], rows[_SPREAD]))}
    for plane in ("x", "y"):
        moments |= _between(rows, plane, energy)
    return ReferenceParticle(name, kinetic_energy_per_u=energy * 1e6), moments


def _between(rows: pd.DataFrame, plane: str, energy: float) -> dict[str, float]:
    """Size, divergence and correlation by way of Twiss parameters: between two rows no emittance is made or lost."""
    columns = (f"sigma {plane} [mm]", f"sigma {plane}' [mrad]", f"correlation {plane} [1]")
    size, divergence, correlation = (rows[column].to_numpy(dtype=float) for column in columns)
    upright = np.sqrt(np.maximum(1 - correlation**2, 1e-12))
    twiss = (size * divergence * upright, size / divergence / upright, -correlation / upright)
    emittance, beta, alpha = (float(np.interp(energy, rows[_ENERGY], values)) for values in twiss)
    tilt = np.sqrt(1 + alpha**2)
    found = (np.sqrt(emittance * beta), np.sqrt(emittance / beta) * tilt, -alpha / tilt)
    return {column: float(value) for column, value in zip(columns, found, strict=True)}


def sampled(particle: ReferenceParticle, moments: dict[str, float], count: int, seed: int) -> PhaseSpace:
    """``count`` particles of the Gaussian beam with these moments at its plane, all at the same time.

    Size and divergence are correlated as the table says, energies with neither. InputError for fewer than 1.
    """
    if count < 1:
        raise InputError(f"particles must be at least 1, found {count}")
    random = np.random.default_rng(seed)
    (x, slope_x), (y, slope_y) = (_plane(random, moments, plane, count) for plane in ("x", "y"))
    kinetic = particle.kinetic_energy * (1 + 0.01 * moments[_SPREAD] * random.normal(size=count))
    if not (kinetic > 0).all():
        raise InputError(f"an energy spread of {moments['energy spread [%]']:g} % leaves particles without energy")
    p = np.sqrt(kinetic * (kinetic + 2 * particle.mass)) / particle.momentum
    forward = p / np.sqrt(1 + slope_x**2 + slope_y**2)
    state = np.column_stack([x, slope_x * forward, y, slope_y * forward, np.zeros(count), p - 1])
    return phase_space(state, particle)


def _plane(random: np.random.Generator, moments: dict[str, float], plane: str, count: int) -> tuple[Array, Array]:
    """Positions [m] and slopes of one plane."""
    correlation = moments[f"correlation {plane} [1]"]
    first, second = random.normal(size=(2, count))
    mixed = correlation * first + np.sqrt(1 - correlation**2) * second
    return 1e-3 * moments[f"sigma {plane} [mm]"] * first, 1e-3 * moments[f"sigma {plane}' [mrad]"] * mixed
