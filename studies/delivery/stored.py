"""What a run keeps of a delivery so that its beam can be had at any place again: settings, and particles that enter."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lattice import InputError, Lattice, ReferenceParticle, read_json
from lattice.arrays import Array
from lattice.errors import FileError
from lattice.files import check_is_file, write_bytes_atomic
from optics import track
from optics.beams.dose_files import PhaseSpace, phase_space
from studies.delivery.facts import Facts
from studies.runs.contents import LATTICE

#: Below the run's folder.
STORED = "tables/delivery.npz"
_ROOM = 5e-4  # relative: energies beyond the ends of the table that are still its ends
_LARGEST = 1_000_000_000  # bytes of numbers
_KERNEL = 0.3  # of a smoothed bootstrap, in units of the beam's own spread


def save(facts: Facts, folder: Path) -> None:
    """Write it into a run's folder."""
    source, study, turned = facts.source, facts.resolved.study, facts.resolved.turned
    kept: dict[str, Any] = {
        "species": facts.cases[0].particle.species,
        "fringe": study.model.fringe,
        "isocentre": facts.resolved.isocentre,
        "knobs": np.array(facts.found.knobs),
        "turned": "" if turned is None else turned[0],
        "angles": np.array([0.0] if turned is None else turned[1]),
        "energies": np.array([case.particle.kinetic_energy_per_u for case in facts.cases]),
        "sizes": facts.found.wanted,
        "values": facts.found.values,
        "reached": facts.found.reached,
    }
    every = facts.resolved.particles if source.drawn else (source.particle,)
    for number, particle in enumerate(every):
        kept[f"entering_{number}"] = source.at(particle)
    kept["tracked"] = np.array([particle.kinetic_energy_per_u for particle in every])
    kept["shrinking"] = "" if source.drawn else source.shrinking
    stream = io.BytesIO()
    np.savez_compressed(stream, **kept)
    (folder / STORED).parent.mkdir(exist_ok=True)
    write_bytes_atomic(folder / STORED, stream.getvalue())


def _check_size(path: Path) -> None:
    """ValueError for arrays that would fill the memory: a packed file of kilobytes may hold gigabytes."""
    with zipfile.ZipFile(path) as packed:
        size = sum(one.file_size for one in packed.infolist())
    if size > _LARGEST:
        raise ValueError(f"{size / 1e6:.0f} MB of numbers, at most {_LARGEST / 1e6:.0f} MB expected")


def _check_form(kept: Mapping[str, Any]) -> None:
    """ValueError for arrays of another form than ``save`` writes, KeyError for one that is missing."""
    rows, knobs = len(kept["energies"]), len(kept["knobs"])
    shapes: dict[str, tuple[int, ...]] = {"energies": (rows,), "sizes": (rows, 2), "values": (rows, knobs)}
    for name, shape in shapes.items():
        _check_numbers(name, kept[name], shape)
    for name in ("tracked", "angles"):
        _check_numbers(name, kept[name], (len(kept[name]),))
    for number in range(len(kept["tracked"])):
        _check_numbers(f"entering_{number}", kept[f"entering_{number}"], (len(kept[f"entering_{number}"]), 6))
    for name in ("species", "fringe", "isocentre", "turned", "shrinking"):
        if kept[name].dtype.kind != "U" or kept[name].shape != ():
            raise ValueError(f"{name} is no text")


def _check_numbers(name: str, found: Array, shape: tuple[int, ...]) -> None:
    if found.dtype.kind not in "fiu" or found.shape != shape or not shape[0] or not np.isfinite(found).all():
        raise ValueError(f"{name}: {'x'.join(map(str, shape))} finite numbers expected")


@dataclass(frozen=True, eq=False)
class Stored:
    """Settings and entering particles of a run, and its ``line``; ``kept`` as ``save`` writes it."""

    line: Lattice
    kept: Mapping[str, Any]

    @classmethod
    def read(cls, folder: Path) -> Stored:
        """Of a finished run of a delivery. FileError where its file is damaged."""
        path = folder / STORED
        try:
            check_is_file(path)
            _check_size(path)
            with np.load(path, allow_pickle=False) as stored:
                kept = {name: stored[name] for name in stored.files}
            _check_form(kept)
        except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile, zlib.error) as error:
            raise FileError(f"{path}: the beams of the delivery are damaged ({error}): run the study again") from None
        return cls(read_json(folder / LATTICE), kept)

    def beam(
        self, energy: float, *, at: str | None, angle: float | None, size: tuple[float, float] | None
    ) -> tuple[ReferenceParticle, Array]:
        """Particles (n, 6) that come to a place at ``energy`` [eV per u], and the particle that they are about.

        Strengths are linear between two energies of the table; particles are tracked through all openings. InputError
        for an energy outside, or (where each was tracked for itself) one that is none of them, an unknown place, size
        [m] or angle [rad].
        """
        particle = ReferenceParticle(str(self.kept["species"]), kinetic_energy_per_u=self._energy(energy))
        line = self._set(particle.kinetic_energy_per_u, self._spot(size)).with_parameters(self._angle(angle))
        row = line.row(at or str(self.kept["isocentre"]))
        ends = track(line[:row], particle, self._entering(particle), fringe=str(self.kept["fringe"]))
        arrived = ends.coordinates[ends.alive]
        if not len(arrived):
            raise InputError(f"nothing arrives at '{at}' at {energy / 1e6:g} MeV/u")
        return particle, np.asarray(arrived)

    def _energy(self, energy: float) -> float:
        """Within the table; of a beam that was tracked for each energy, one of these."""
        known = np.unique(self.kept["tracked"] if len(self.kept["tracked"]) > 1 else self.kept["energies"])
        nearest = float(known[np.argmin(np.abs(known - energy))])
        low, high = known[0], known[-1]
        if len(self.kept["tracked"]) > 1 and abs(nearest - energy) > _ROOM * energy:
            raise InputError(
                f"{energy / 1e6:g} MeV/u is none of the energies whose beam was tracked, {low / 1e6:g} to "
                f"{high / 1e6:g} MeV/u; the nearest is {nearest / 1e6:g}"
            )
        if not low * (1 - _ROOM) <= energy <= high * (1 + _ROOM):
            raise InputError(
                f"{energy / 1e6:g} MeV/u lies outside the energies of this run, {low / 1e6:g} to {high / 1e6:g} MeV/u; "
                f"the nearest that works is {nearest / 1e6:g}"
            )
        return nearest if len(self.kept["tracked"]) > 1 else float(np.clip(energy, low, high))

    def _spot(self, size: tuple[float, float] | None) -> Array:
        known = np.unique(self.kept["sizes"], axis=0)
        if size is None:
            return np.asarray(self.kept["sizes"][0])
        near = np.abs(known - size).max(axis=1)
        if near.min() > 1e-9:
            told = ", ".join(f"{1e3 * x:g}x{1e3 * y:g}" for x, y in known)
            raise InputError(f"--size: this run has no spot of {1e3 * size[0]:g}x{1e3 * size[1]:g} mm, only {told}")
        return np.asarray(known[near.argmin()])

    def _angle(self, angle: float | None) -> dict[str, float]:
        name = str(self.kept["turned"])
        if angle is not None and not name:
            raise InputError("--angle: the line of this run has no gantry")
        return {} if not name else {name: float(self.kept["angles"][0]) if angle is None else angle}

    def _set(self, energy: float, spot: Array) -> Lattice:
        own = np.flatnonzero(np.abs(self.kept["sizes"] - spot).max(axis=1) < 1e-9)
        energies, values = self.kept["energies"][own], self.kept["values"][own]
        knobs = [str(name) for name in self.kept["knobs"]]
        strengths = {name: float(np.interp(energy, energies, values[:, k])) for k, name in enumerate(knobs)}
        return self.line.with_parameters(strengths)

    def _entering(self, particle: ReferenceParticle) -> Array:
        tracked = self.kept["tracked"]
        number = int(np.argmin(np.abs(tracked - particle.kinetic_energy_per_u)))
        states = self.kept[f"entering_{number}"]
        made = ReferenceParticle(particle.kind, kinetic_energy_per_u=float(tracked[number]))
        shrunk = np.sqrt(made.beta * made.gamma / (particle.beta * particle.gamma))
        x, y = (shrunk if plane in str(self.kept["shrinking"]) else 1.0 for plane in "xy")
        return np.asarray(states * [x, x, y, y, 1.0, 1.0])


def drawn(particle: ReferenceParticle, arrived: Array, count: int, seed: int) -> PhaseSpace:
    """``count`` particles like those that arrived (n, 6), with the very mean and second moments of these.

    A smoothed bootstrap with its variance kept (B. W. Silverman & G. A. Young, Biometrika 74, 469, 1987): particles are
    drawn again and again, each with a Gaussian about it of 0.3 of the beam's spread, and all drawn together by
    1/sqrt(1 + 0.3^2). InputError for fewer than 1.
    """
    if count < 1:
        raise InputError(f"particles must be at least 1, found {count}")
    random = np.random.default_rng(seed)
    mean = arrived.mean(axis=0)
    away = (arrived - mean)[random.integers(len(arrived), size=count)]
    values, vectors = np.linalg.eigh(np.cov(arrived.T, bias=True))
    root = vectors * np.sqrt(np.clip(values, 0.0, None))
    smoothed = (away + _KERNEL * random.normal(size=away.shape) @ root.T) / np.sqrt(1 + _KERNEL**2)
    state = mean + smoothed
    state[:, 4] = 0.0  # when a particle comes is a matter of the spill, or of the pulse
    return phase_space(state, particle)


def size_of(text: str | None) -> tuple[float, float] | None:
    """ "3x4" (or "3", round) in mm as sizes [m]; InputError for anything else."""
    if text is None:
        return None
    try:
        parts = [float(part) for part in text.lower().split("x")]
    except ValueError:
        parts = []
    if len(parts) not in (1, 2) or not all(np.isfinite(part) and part > 0 for part in parts):
        raise InputError(f"--size: '{text}' is no spot: its rms size in mm, 3, or that of x and of y, 3x4")
    return 1e-3 * parts[0], 1e-3 * parts[-1]
