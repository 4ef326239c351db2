"""Particles for dose calculation: MCPL (Geant4, PHITS and others), TOPAS ASCII phase space, a plain table for FLUKA.

The particles are at one plane, z = 0, and move towards +z. Each writer refuses what its format cannot hold.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lattice import InputError, ReferenceParticle
from lattice.arrays import Array
from lattice.files import write_bytes_atomic, write_text_atomic
from lattice.reference import SPECIES, SPEED_OF_LIGHT
from optics.closed import closed

_PDG = {"proton": 2212, "antiproton": -2212, "electron": 11, "positron": -11}
_FLUKA = {"proton": 1, "antiproton": 2, "electron": 3, "positron": 4, "deuteron": -3, "helium-3": -5, "helium-4": -6}
_ENERGY_LIMITS = (0.0, 1e9)  # MeV


@closed
@dataclass(frozen=True, eq=False)
class PhaseSpace:
    """Particles at a plane: ``position`` (n, 2) [m], unit ``direction`` (n, 3), ``energy`` kinetic, of the whole
    particle [MeV], ``time`` [s] and ``weight`` (n,).
    """

    particle: ReferenceParticle
    position: Array
    direction: Array
    energy: Array
    time: Array
    weight: Array


def phase_space(coordinates: Array, particle: ReferenceParticle, weights: Array | float = 1.0) -> PhaseSpace:
    """The particles of (n, 6) coordinates x, px, y, py, zeta, delta about ``particle``.

    Directions and energies are exact: p = P0 (1 + delta), pz^2 = p^2 - px^2 - py^2. InputError for an array of another
    shape, numbers that are not finite, weights that are not positive, or a particle that does not move forward.
    """
    state = np.asarray(coordinates, dtype=float)
    if state.ndim != 2 or state.shape[1] != 6 or not len(state):
        raise InputError(f"a beam is an array (n, 6) of x, px, y, py, zeta, delta, found shape {state.shape}")
    if not np.isfinite(state).all():
        raise InputError("a beam for dose calculation must have finite coordinates: leave lost particles out")
    weight = np.broadcast_to(np.asarray(weights, dtype=float), len(state)).copy()
    if not (np.isfinite(weight) & (weight > 0)).all():
        raise InputError("weights must be positive and finite")
    p = 1.0 + state[:, 5]
    transverse = state[:, [1, 3]]
    forward2 = p**2 - (transverse**2).sum(axis=1)
    if not ((forward2 > 0) & (p > 0)).all():
        raise InputError("a beam for dose calculation must move forward: a particle has px^2 + py^2 above p^2")
    direction = np.column_stack([transverse, np.sqrt(forward2)]) / p[:, None]
    momentum = particle.momentum * p
    kinetic = momentum**2 / (np.hypot(momentum, particle.mass) + particle.mass)
    time = -state[:, 4] / (particle.beta * SPEED_OF_LIGHT)
    return PhaseSpace(particle, state[:, [0, 2]], direction, kinetic / 1e6, time, weight)


def pdg_code(particle: ReferenceParticle) -> int:
    """PDG number of the particle (nuclei 100ZZZAAA0); InputError for a species without one."""
    name = particle.species
    if name in _PDG:
        return _PDG[name]
    if SPECIES.get(name) != particle.kind or particle.charge < 1:
        raise InputError(f"'{name}' is a species of your own: it has no PDG number, which this format needs")
    return 1_000_000_000 + particle.charge * 10_000 + particle.nucleons * 10


def write_mcpl(path: str | Path, beam: PhaseSpace, comment: str = "") -> None:
    """Write MCPL, version 3, double precision (T. Kittelmann et al., Comput. Phys. Commun. 218, 17, 2017, section 3).

    cm, MeV, ms; energies of the whole particle. InputError for a species without a PDG number, an extension that is not
    .mcpl, or an energy out of range.
    """
    _check(path, ".mcpl", beam)
    text = comment.encode() or b"beam at a plane z = 0"
    source = b"hadron-optics"
    same = bool(np.all(beam.weight == beam.weight[0]))
    header = struct.pack("<4s3scQ", b"MCPL", b"003", b"L", len(beam.energy))
    count = len(beam.energy)
    code = pdg_code(beam.particle)
    # comments, blobs, user flags, polarisation, single precision, one pdg code, length of a particle, one weight
    header += struct.pack("<IIIIIiII", 1, 0, 0, 0, 0, code, _length(same), int(same))
    header += struct.pack("<d", float(beam.weight[0])) if same else b""
    header += struct.pack("<I", len(source)) + source + struct.pack("<I", len(text)) + text
    u, v, packed = _packed_direction(beam.direction, beam.energy)
    columns = [100 * beam.position[:, 0], 100 * beam.position[:, 1], np.zeros(count), u, v, packed, 1e3 * beam.time]
    columns += [] if same else [beam.weight]
    write_bytes_atomic(path, header + np.column_stack(columns).astype("<f8").tobytes())


def _length(same_weight: bool) -> int:
    """Bytes of one particle: position, packed direction and energy, time, and its weight where they differ."""
    return 8 * (3 + 3 + 1 + (0 if same_weight else 1))


def _packed_direction(direction: Array, energy: Array) -> tuple[Array, Array, Array]:
    """Adaptive projection packing: the largest component is dropped, its sign is that of the energy.

    Of (ux, uy, uz) with uz the largest: ux, uy as they are. With ux the largest: 1/uz, uy. With uy: ux, 1/uz.
    """
    ux, uy, uz = direction.T
    size = np.abs(direction)
    by_z = (size[:, 2] >= size[:, 0]) & (size[:, 2] >= size[:, 1])
    by_x = ~by_z & (size[:, 0] >= size[:, 1])
    with np.errstate(divide="ignore"):
        inverse = np.where(uz == 0.0, np.inf, 1.0 / uz)
    first = np.where(by_z | ~by_x, ux, inverse)
    second = np.where(by_z | by_x, uy, inverse)
    largest = np.where(by_z, uz, np.where(by_x, ux, uy))
    return first, second, np.copysign(energy, largest)


def write_topas(path: str | Path, beam: PhaseSpace) -> None:
    """Write a TOPAS ASCII phase space: ``path`` ending in .phsp, and the .header beside it.

    cm and MeV. InputError for arrival times, which the ten columns do not hold, and for a species without a PDG number.
    """
    _check(path, ".phsp", beam)
    _refuse_times("TOPAS ASCII", beam)
    code, count = pdg_code(beam.particle), len(beam.energy)
    rows = np.column_stack([100 * beam.position, np.zeros(count), beam.direction[:, :2], beam.energy, beam.weight])
    lines = [" ".join(f"{value: .15e}" for value in row) + f" {code} 0 1" for row in rows]
    write_text_atomic(Path(path).with_suffix(".header"), _topas_header(beam, code))
    write_text_atomic(path, "\n".join(lines) + "\n")


def _topas_header(beam: PhaseSpace, code: int) -> str:
    columns = (
        "Position X [cm]",
        "Position Y [cm]",
        "Position Z [cm]",
        "Direction Cosine X",
        "Direction Cosine Y",
        "Energy [MeV]",
        "Weight",
        "Particle Type (in PDG Format)",
        "Flag to tell if Third Direction Cosine is Negative (1 means true)",
        "Flag to tell if this is the First Scored Particle from this History (1 means true)",
    )
    count = len(beam.energy)
    listed = "\n".join(f"{number:2d}: {name}" for number, name in enumerate(columns, 1))
    return (
        f"TOPAS ASCII Phase Space\n\nNumber of Original Histories: {count}\n"
        f"Number of Original Histories that Reached Phase Space: {count}\n"
        f"Number of Scored Particles: {count}\n\nColumns of data are as follows:\n{listed}\n\n"
        f"Number of {code}: {count}\n\nMinimum Kinetic Energy of {code}: {beam.energy.min():.9g} MeV\n"
        f"Maximum Kinetic Energy of {code}: {beam.energy.max():.9g} MeV\n"
    )


def write_fluka_table(path: str | Path, beam: PhaseSpace) -> None:
    """Write a plain table for a FLUKA source routine: particle id, kinetic energy [GeV], x, y [cm], cosines, weight.

    Heavier ions are HEAVYION (-2), whose energy is of the whole ion; A and Z stand in the header for the HI-PROPE card.
    InputError for arrival times, and for a species FLUKA has no id for.
    """
    _check(path, ".dat", beam)
    _refuse_times("the FLUKA table", beam)
    name = beam.particle.species
    pdg_code(beam.particle)  # a species of the user's own is refused
    code = _FLUKA.get(name, -2)
    header = (
        f"# {name}: FLUKA id {code}, A = {beam.particle.nucleons}, Z = {beam.particle.charge}; plane z = 0\n"
        "# id  kinetic energy [GeV]  x [cm]  y [cm]  cos x  cos y  weight\n"
    )
    rows = np.column_stack([1e-3 * beam.energy, 100 * beam.position, beam.direction[:, :2], beam.weight])
    lines = [f"{code:4d} " + " ".join(f"{value: .15e}" for value in row) for row in rows]
    write_text_atomic(path, header + "\n".join(lines) + "\n")


def _check(path: str | Path, suffix: str, beam: PhaseSpace) -> None:
    if Path(path).suffix.lower() != suffix:
        raise InputError(f"{path}: the file's name must end in {suffix}")
    low, high = _ENERGY_LIMITS
    if not ((beam.energy > low) & (beam.energy < high)).all():
        raise InputError(f"kinetic energies must lie between {low:g} and {high:g} MeV")


def _refuse_times(what: str, beam: PhaseSpace) -> None:
    if np.ptp(beam.time) > 0.0:
        raise InputError(
            f"{what} holds no arrival times, and these particles have some (spread {np.ptp(beam.time):.3g} s): set "
            "zeta to 0 to leave them out, or write MCPL"
        )
