"""Beams in files: openPMD-beamphysics (HDF5) and Parquet, particle by particle."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from lattice import FileError, InputError, ReferenceParticle
from lattice.arrays import Array
from lattice.reference import SPECIES, SPEED_OF_LIGHT, Species
from lattice.showing import Showing
from optics.beams.openpmd import ELEMENTARY_CHARGE, OpenPMDParticles, read_openpmd, write_openpmd
from optics.beams.parquet import read_parquet, write_parquet
from optics.beams.tracking import COORDINATES
from optics.closed import closed

HDF5, PARQUET = (".h5", ".hdf5"), (".parquet",)
#: Names in the openPMD extension SpeciesType where they are not our own.
_OPENPMD_NAMES = {
    "helium-3": "#3He",
    "helium-4": "#4He",
    "lithium-7": "#7Li",
    "carbon-12": "#12C",
    "oxygen-16": "#16O",
    "neon-20": "#20Ne",
    "argon-40": "#40Ar",
    "lead-208": "#208Pb",
}
_OUR_NAMES = {theirs: ours for ours, theirs in _OPENPMD_NAMES.items()}


@closed
@dataclass(frozen=True, eq=False)
class StoredBeam(Showing):
    """Particles of a file: ``coordinates`` (n, 6) of x, px, y, py, zeta, delta about ``particle``.

    ``weights`` (n,): real particles that each one stands for; ``reference_time`` (n,) [s]: when the reference particle
    passes, so that a particle passes at reference_time - zeta / (beta0 c); ``dead``: particles of the file that were
    marked as lost and left out.
    """

    particle: ReferenceParticle
    coordinates: Array
    weights: Array
    reference_time: Array
    dead: int = 0

    @property
    def time(self) -> Array:
        """When each particle passes (n,) [s]."""
        return np.asarray(self.reference_time - self.coordinates[:, 4] / (self.particle.beta * SPEED_OF_LIGHT))


def write_beam(
    path: str | Path,
    coordinates: Array,
    particle: ReferenceParticle,
    *,
    weights: Array | float = 1.0,
    reference_time: Array | float = 0.0,
) -> None:
    """Write (n, 6) coordinates about ``particle`` to a .h5 (openPMD-beamphysics) or .parquet file, whole or not at all.

    ``weights``: real particles that each one stands for; ``reference_time`` [s]: when the reference particle passes.
    The particles are at one place (z = 0).

    Returns:
        None: coordinates are kept to the last bit in .parquet, as positions [m], momenta [eV/c] and times [s] in .h5.

    Raises:
        InputError: coordinates that are no beam.
        FileError: the path cannot be written.

    Example:
        >>> import numpy as np
        >>> proton = ReferenceParticle("proton", kinetic_energy_per_u=60e6)
        >>> write_beam("beam.parquet", np.zeros((3, 6)), proton)
        >>> print(read_beam("beam.parquet").coordinates.shape)
        (3, 6)
    """
    import pandas as pd

    kind = _kind(path)
    state = _checked(coordinates)
    each = [_column("weights", weights, len(state)), _column("reference_time", reference_time, len(state))]
    if kind in HDF5:
        _write_hdf5(path, state, particle, *each)
    else:
        table = pd.DataFrame(state, columns=list(COORDINATES)).assign(weight=each[0], reference_time=each[1])
        write_parquet(path, table, {"particle": particle_facts(particle), "units": UNITS})


UNITS = {
    "x": "m",
    "px": "1",
    "y": "m",
    "py": "1",
    "zeta": "m",
    "delta": "1",
    "weight": "1",
    "reference_time": "s",
    "time": "s",
    "turn": "1",
    "particle": "1",
}


def read_beam(
    path: str | Path,
    particle: ReferenceParticle | None = None,
    *,
    species: str | None = None,
    iteration: int | None = None,
) -> StoredBeam:
    """Read the beam of a .h5 (openPMD-beamphysics) or .parquet file.

    ``particle``: the reference wanted (default: the file's, else the mean momentum). ``species`` and ``iteration``
    choose in an openPMD file that holds several. Particles that are not all at one z drift to their mean z; those
    marked as dead are left out and counted.

    Returns:
        StoredBeam: coordinates (n, 6) [m, 1] about its particle, weights and times [s].

    Raises:
        FileError: what is missing, malformed or ambiguous.

    Example: see ``write_beam``.
    """
    if _kind(path, FileError) in HDF5:
        return _from_openpmd(Path(path), read_openpmd(path, species, iteration), particle)
    return _from_parquet(Path(path), particle)


def particle_facts(particle: ReferenceParticle) -> dict[str, Any]:
    """What identifies a reference particle, for a file's description."""
    kind = particle.kind
    return {
        "species": particle.species,
        "mass_eV": kind.mass,
        "charge": kind.charge,
        "nucleons": kind.nucleons,
        "kinetic_energy_per_u_eV": particle.kinetic_energy_per_u,
    }


def _kind(path: str | Path, error: type[InputError] | type[FileError] = FileError) -> str:
    kind = Path(path).suffix.lower()
    if kind not in HDF5 + PARQUET:
        raise error(f"{path}: a beam file ends in .h5 (openPMD) or .parquet, found '{kind}'")
    return kind


def _checked(coordinates: Array) -> Array:
    state = np.asarray(coordinates, dtype=float)
    if state.ndim != 2 or state.shape[1] != len(COORDINATES) or len(state) == 0:
        raise InputError(f"a beam is (n, 6) of {', '.join(COORDINATES)} with n >= 1, found shape {state.shape}")
    if not np.all(np.isfinite(state)):
        raise InputError(f"{np.sum(~np.isfinite(state).all(axis=1))} particles have coordinates that are not finite")
    backwards = (1.0 + state[:, 5]) ** 2 <= state[:, 1] ** 2 + state[:, 3] ** 2
    if backwards.any() or np.any(state[:, 5] <= -1.0):
        raise InputError(f"{max(backwards.sum(), 1)} particles do not move forwards: px^2 + py^2 >= (1 + delta)^2")
    return state


def _column(name: str, values: Array | float, count: int) -> Array:
    column = np.asarray(values, dtype=float)
    if column.ndim > 1 or (column.ndim == 1 and len(column) != count) or not np.all(np.isfinite(column)):
        raise InputError(f"{name} must be one finite number, or one for each of the {count} particles")
    return np.broadcast_to(column, count)


def _write_hdf5(
    path: str | Path, state: Array, particle: ReferenceParticle, weights: Array, reference_time: Array
) -> None:
    longitudinal = np.sqrt((1.0 + state[:, 5]) ** 2 - state[:, 1] ** 2 - state[:, 3] ** 2)
    zero = np.zeros(len(state))
    particles = OpenPMDParticles(
        species=_OPENPMD_NAMES.get(particle.species, particle.species)
        if particle.species in SPECIES
        else f"other:{particle.species}",
        position=np.column_stack([state[:, 0], state[:, 2], zero]),
        momentum=particle.momentum * np.column_stack([state[:, 1], state[:, 3], longitudinal]),
        time=-state[:, 4] / (particle.beta * SPEED_OF_LIGHT),
        weight=weights * abs(particle.charge) * ELEMENTARY_CHARGE,
        time_offset=reference_time,
        reference_momentum=particle.momentum,
        charge_state=float(particle.charge),
    )
    write_openpmd(path, particles, "".join(c if c.isalnum() else "_" for c in particle.species))


def _from_openpmd(path: Path, found: OpenPMDParticles, particle: ReferenceParticle | None) -> StoredBeam:
    kind = _species_of(path, found, particle)
    total = np.linalg.norm(found.momentum, axis=1)
    if np.any(found.momentum[:, 2] <= 0):
        raise FileError(f"{path}: {np.sum(found.momentum[:, 2] <= 0)} particles do not move forwards (momentum z <= 0)")
    momentum = found.reference_momentum or float(total.mean())
    reference = particle or ReferenceParticle.from_momentum(kind, momentum)
    position, time = _at_one_plane(found, total, kind.mass)
    offset = found.time_offset
    if offset is None:  # the file names no reference: it passes with the middle of the beam
        offset = np.full(len(time), time.mean())
        time = time - offset
    scaled = found.momentum / reference.momentum
    return StoredBeam(
        particle=reference,
        coordinates=np.column_stack(
            [
                position[:, 0],
                scaled[:, 0],
                position[:, 1],
                scaled[:, 1],
                -time * reference.beta * SPEED_OF_LIGHT,
                total / reference.momentum - 1.0,
            ]
        ),
        weights=found.weight / (abs(kind.charge) * ELEMENTARY_CHARGE),
        reference_time=offset,
        dead=found.dead,
    )


def _species_of(path: Path, found: OpenPMDParticles, particle: ReferenceParticle | None) -> Species:
    """The file's species; FileError when it is unknown, or not that of ``particle``."""
    ours = _OUR_NAMES.get(found.species, found.species.removeprefix("other:"))
    known = SPECIES.get(ours)
    if particle is not None:
        same = particle.species == ours and found.charge_state in (None, particle.charge)
        if not same and known is not None:
            raise FileError(f"{path}: the particles are '{found.species}'{_state(found)}, not {particle.species}")
        return particle.kind
    if known is None or found.charge_state not in (None, known.charge):
        raise FileError(
            f"{path}: the species '{found.species}'{_state(found)} is not known; give the reference particle "
            f"(particle=ReferenceParticle(Species(...), ...)). Known, fully stripped: {', '.join(SPECIES)}"
        )
    return known


def _state(found: OpenPMDParticles) -> str:
    return "" if found.charge_state is None else f" of charge {found.charge_state:g}"


def _at_one_plane(found: OpenPMDParticles, total: Array, mass: float) -> tuple[Array, Array]:
    """Positions and times (a snapshot at one time becomes a passage) at the particles' mean z."""
    z = found.position[:, 2]
    if np.all(z == z[0]):
        return found.position, found.time
    way = z.mean() - z
    slope = found.momentum / found.momentum[:, 2:]
    energy = np.hypot(total, mass)
    return found.position + way[:, None] * slope, found.time + way * energy / (found.momentum[:, 2] * SPEED_OF_LIGHT)


def _from_parquet(path: Path, particle: ReferenceParticle | None) -> StoredBeam:
    table, about = read_parquet(path, COORDINATES)
    own = particle_of(path, about)
    if own is None and particle is None:
        raise FileError(f"{path}: the file does not say which particle it is about: give particle=")
    try:
        state = _checked(table[list(COORDINATES)].to_numpy(dtype=float))
        weights, times = (
            _column(name, table[name].to_numpy(dtype=float) if name in table else default, len(state))
            for name, default in (("weight", 1.0), ("reference_time", 0.0))
        )
    except (InputError, ValueError, TypeError) as error:
        raise FileError(f"{path}: {error}") from None
    stored = StoredBeam(own or _given(particle), state, np.array(weights), np.array(times))
    return stored if particle is None or own is None else _about(path, stored, particle)


def _given(particle: ReferenceParticle | None) -> ReferenceParticle:
    if particle is None:
        raise InputError("a reference particle is needed")
    return particle


def _about(path: Path, stored: StoredBeam, particle: ReferenceParticle) -> StoredBeam:
    """The same particles about another reference of the same species."""
    if stored.particle.kind != particle.kind:
        raise FileError(f"{path}: the particles are '{stored.particle.species}', not {particle.species}")
    ratio = stored.particle.momentum / particle.momentum
    state = stored.coordinates.copy()
    state[:, [1, 3]] *= ratio
    state[:, 4] *= particle.beta / stored.particle.beta
    state[:, 5] = ratio * (1.0 + state[:, 5]) - 1.0
    return StoredBeam(particle, state, stored.weights, stored.reference_time, stored.dead)


def particle_of(path: Path, about: dict[str, Any]) -> ReferenceParticle | None:
    """Reference particle of a file's description, None where it names none; FileError for a malformed one."""
    facts = about.get("particle")
    if facts is None:
        return None
    try:
        name, mass = str(facts["species"]), float(facts["mass_eV"])
        kind = Species(name, mass, int(facts["charge"]), int(facts["nucleons"]))
        known = SPECIES.get(name)
        if known is not None and known.charge == kind.charge and abs(known.mass / mass - 1.0) < 1e-8:
            kind = known
        energy = float(facts["kinetic_energy_per_u_eV"])
        if not isfinite(energy):
            raise ValueError(f"kinetic energy {energy}")
        return ReferenceParticle(kind, kinetic_energy_per_u=energy)
    except (KeyError, TypeError, ValueError, InputError) as error:
        raise FileError(f"{path}: the description of the particle cannot be read: {error}") from None
