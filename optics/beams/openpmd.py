"""Particles in openPMD files (HDF5), with the extensions BeamPhysics and SpeciesType.

Standards: openPMD 2.0.0 and its EXT_BeamPhysics, EXT_SpeciesType (github.com/openPMD/openPMD-standard). Positions in m,
momenta in eV/c, times in s; a record's ``unitSI`` says so in SI.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from lattice import FileError
from lattice.arrays import Array
from lattice.errors import listed
from lattice.files import write_bytes_atomic
from lattice.reference import SPEED_OF_LIGHT

ELEMENTARY_CHARGE = 1.602_176_634e-19  # C, exact
MAX_PARTICLES = 50_000_000
_FEW_PARTICLES = 1_000_000  # 0.2 GB while they are read

_LENGTH = (1, 0, 0, 0, 0, 0, 0)  # powers of m, kg, s, A, K, mol, cd
_TIME = (0, 0, 1, 0, 0, 0, 0)
_MOMENTUM = (1, 1, -1, 0, 0, 0, 0)
_CHARGE = (0, 0, 1, 1, 0, 0, 0)
_NUMBER = (0, 0, 0, 0, 0, 0, 0)
_EV_PER_C = ELEMENTARY_CHARGE / SPEED_OF_LIGHT
#: Dimension, and size in SI of the unit that is used here, of each record.
_RECORDS: dict[str, tuple[tuple[int, ...], float]] = {
    "position": (_LENGTH, 1.0),
    "positionOffset": (_LENGTH, 1.0),
    "momentum": (_MOMENTUM, _EV_PER_C),
    "momentumOffset": (_MOMENTUM, _EV_PER_C),
    "referenceMomentum": (_MOMENTUM, _EV_PER_C),
    "time": (_TIME, 1.0),
    "timeOffset": (_TIME, 1.0),
    "weight": (_CHARGE, 1.0),
    "particleStatus": (_NUMBER, 1.0),
    "chargeState": (_NUMBER, 1.0),
}
_ROOT = {
    "openPMD": "2.0.0",
    "openPMDextension": "BeamPhysics;SpeciesType",
    "basePath": "/data/%T/",
    "particlesPath": "particles/",
    "iterationEncoding": "groupBased",
    "iterationFormat": "/data/%T/",
    "software": "hadron-optics",
}


@dataclass(frozen=True, eq=False)
class OpenPMDParticles:
    """Records of the live particles of one species: (n,) arrays [m, eV/c, s, C]; ``dead`` were left out.

    ``time_offset`` is None and ``reference_momentum``, ``charge_state`` are None where the file does not say.
    """

    species: str
    position: Array
    momentum: Array
    time: Array
    weight: Array
    time_offset: Array | None = None
    reference_momentum: float | None = None
    charge_state: float | None = None
    dead: int = 0


def write_openpmd(path: str | Path, particles: OpenPMDParticles, group: str) -> None:
    """Write one species as iteration 1, whole or not at all; ``group`` names it in the file."""
    import h5py

    stream = BytesIO()
    with h5py.File(stream, "w") as file:
        for name, text in _ROOT.items():
            file.attrs[name] = np.bytes_(text)
        iteration = file.create_group("data/1")
        iteration.attrs.update({"time": 0.0, "dt": 0.0, "timeUnitSI": 1.0})
        _write_species(iteration.create_group(f"particles/{group}"), particles)
    write_bytes_atomic(path, stream.getvalue())


def _write_species(group: Any, particles: OpenPMDParticles) -> None:
    count = len(particles.time)
    group.attrs["speciesType"] = np.bytes_(particles.species)
    group.attrs["numParticles"] = count
    group.attrs["totalCharge"] = float(particles.weight.sum())
    group.attrs["chargeUnitSI"] = 1.0
    offset = np.zeros((count, 3))  # the base standard wants one
    vectors = {"position": particles.position, "positionOffset": offset, "momentum": particles.momentum}
    for record, values in vectors.items():
        parent = group.create_group(record)
        _describe_record(parent, record)
        for i, axis in enumerate("xyz"):
            _write_component(parent, axis, values[:, i], record)
    scalars: dict[str, Any] = {
        "time": particles.time,
        "timeOffset": particles.time_offset,
        "weight": particles.weight,
        "particleStatus": np.ones(count, dtype=np.int64),
        "chargeState": particles.charge_state,
        "referenceMomentum": particles.reference_momentum,
    }
    for record, values in scalars.items():
        if values is not None:
            _describe_record(_write_component(group, record, np.broadcast_to(values, count), record), record)


def _describe_record(group: Any, record: str) -> None:
    group.attrs["unitDimension"] = np.array(_RECORDS[record][0], dtype=float)
    group.attrs["timeOffset"] = 0.0


def _write_component(parent: Any, name: str, values: Array, record: str) -> Any:
    """A dataset, or where all values are the same a constant component."""
    if np.all(values == values[0]):
        component = parent.create_group(name)
        component.attrs["value"] = values[0]
        component.attrs["shape"] = np.array([len(values)], dtype=np.uint64)
    else:
        component = parent.create_dataset(name, data=values)
    component.attrs["unitSI"] = _RECORDS[record][1]
    return component


def read_openpmd(path: str | Path, species: str | None = None, iteration: int | None = None) -> OpenPMDParticles:
    """Live particles of one species of one iteration; FileError says what is missing, wrong or ambiguous."""
    with _opened(Path(path)) as file:
        group, name = _species_group(file, Path(path), species, iteration)
        return _Reader(Path(path), group).particles(_text(group.attrs.get("speciesType", name)))


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The HDF5 file; whatever it lacks or holds wrongly becomes a FileError."""
    import h5py

    if not path.is_file():
        raise FileError(f"{path}: there is no such openPMD file")
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (
        OSError,
        KeyError,
        ValueError,
        TypeError,
        RuntimeError,
        AttributeError,
        MemoryError,
        OverflowError,
    ) as error:
        reason = str(error).strip("'\"") or type(error).__name__
        raise FileError(f"{path}: this is no openPMD file (HDF5) that can be read: {reason}") from None


def _species_group(file: Any, path: Path, species: str | None, iteration: int | None) -> tuple[Any, str]:
    for name in ("openPMD", "basePath", "particlesPath"):
        if name not in file.attrs:
            raise FileError(f"{path}: the attribute '{name}' is missing: this is no openPMD file with particles")
    before, _, after = _text(file.attrs["basePath"]).partition("%T")
    tail = after.strip("/")
    base = _child(file, before, path)
    if "%T" in _text(file.attrs["basePath"]):
        chosen = _only(path, "iteration", list(base), None if iteration is None else str(iteration))
        base = _child(_child(base, chosen, path), tail, path)
    particles = _child(base, _text(file.attrs["particlesPath"]), path)
    if "position" in particles:  # the particles' path may lead to the species itself
        return particles, _text(particles.attrs.get("speciesType", ""))
    name = _only(path, "species", list(particles), species)
    return _child(particles, name, path), name


def _child(group: Any, name: str, path: Path) -> Any:
    found = inner(group, name.removeprefix("./"), path)
    if found is None:
        raise FileError(f"{path}: the group '{name.strip('/')[:60]}' is missing in '{group.name}'")
    return found


def inner(group: Any, name: str, path: Path) -> Any:
    """What stands under a name in a group of the file, None for nothing; FileError for what stands elsewhere.

    Links to other files (external ones, soft ones that may lead there, raw data beside the file, virtual datasets) are
    not followed: a file is read, and no other.
    """
    import h5py

    for part in name.split("/"):
        if not part:
            continue
        link = group.get(part, getlink=True)
        if link is None:
            return None
        if not isinstance(link, h5py.HardLink):
            raise FileError(
                f"{path}: '{part[:60]}' in '{group.name}' is a link, which is not followed: copy it into the file"
            )
        group = group[part]
    if isinstance(group, h5py.Dataset) and (group.external or group.is_virtual):
        raise FileError(f"{path}: the data of '{group.name}' stand in another file, which is not read")
    return group


def _only(path: Path, what: str, names: list[str], wanted: str | None) -> str:
    if wanted is not None and wanted in names:
        return wanted
    if wanted is not None or len(names) != 1:
        need = f"there is no '{wanted}'" if wanted is not None else "one was expected, or say which is meant"
        raise FileError(f"{path}: {need}; {what} in the file: {listed(names)}")
    return names[0]


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


@dataclass(frozen=True)
class _Reader:
    """Reads the records of one species group in the units of this module."""

    path: Path
    group: Any

    def particles(self, species: str) -> OpenPMDParticles:
        position, momentum = self._vector("position"), self._vector("momentum")
        count = len(position)
        weight, offset = self._scalar("weight", count), self._scalar("timeOffset", count)
        time, status = self._scalar("time", count), self._scalar("particleStatus", count)
        alive = np.ones(count, dtype=bool) if status is None else status == 1
        if not alive.any():
            raise FileError(f"{self.path}: there is no live particle among {count}")
        return OpenPMDParticles(
            species=species,
            position=position[alive],
            momentum=momentum[alive],
            time=np.zeros(int(alive.sum())) if time is None else time[alive],
            weight=np.zeros(int(alive.sum())) if weight is None else weight[alive],
            time_offset=None if offset is None else offset[alive],
            reference_momentum=self._common("referenceMomentum", count),
            charge_state=self._common("chargeState", count),
            dead=int(count - alive.sum()),
        )

    def _vector(self, record: str) -> Array:
        """A required vector record (n, 3), its offset added."""
        if inner(self.group, record, self.path) is None:
            raise FileError(f"{self.path}: the record '{record}' is missing in '{self.group.name}'")
        values = [self._component(f"{record}/{axis}", record) for axis in "xyz"]
        if len({len(value) for value in values}) != 1:
            raise FileError(f"{self.path}: x, y and z of '{record}' have different lengths {[*map(len, values)]}")
        offset = f"{record}Offset"
        if inner(self.group, offset, self.path) is not None:
            values = [self._shifted(value, offset, axis) for value, axis in zip(values, "xyz", strict=True)]
        return np.column_stack(values)

    def _shifted(self, values: Array, record: str, axis: str) -> Array:
        offset = self._component(f"{record}/{axis}", record)
        if len(offset) != len(values):
            raise FileError(f"{self.path}: '{record}' has {len(offset)} values for {len(values)} particles")
        return np.asarray(values + offset)

    def _scalar(self, record: str, count: int) -> Array | None:
        if inner(self.group, record, self.path) is None:
            return None
        values = self._component(record, record)
        if len(values) != count:
            raise FileError(f"{self.path}: the record '{record}' has {len(values)} values for {count} particles")
        return values

    def _common(self, record: str, count: int) -> float | None:
        """The one value that all particles share; None where there is none."""
        values = self._scalar(record, count)
        return float(values[0]) if values is not None and np.all(values == values[0]) else None

    def _component(self, name: str, record: str) -> Array:
        """Values (n,) of a component in this module's unit; FileError for wrong dimensions or values."""
        component = inner(self.group, name, self.path)
        if component is None:
            raise FileError(f"{self.path}: the component '{name}' is missing in '{self.group.name}'")
        self._check_dimension(record)
        values = np.asarray(self._raw(component, name), dtype=float)
        values = values * (float(component.attrs.get("unitSI", 1.0)) / _RECORDS[record][1])
        if not np.all(np.isfinite(values)):
            raise FileError(f"{self.path}: {np.sum(~np.isfinite(values))} of '{name}' are not finite numbers")
        return values

    def _raw(self, component: Any, name: str) -> Array:
        attributes: Mapping[str, Any] = component.attrs
        constant = "value" in attributes and "shape" in attributes
        shape = tuple(np.atleast_1d(attributes["shape"])[:4]) if constant else component.shape
        most = self._most_particles()
        if len(shape) != 1 or not 1 <= int(shape[0]) <= most:
            allowed = f"one number for each of 1 to {most:,} particles"
            raise FileError(f"{self.path}: '{name}' has shape {tuple(map(int, shape))}, expected {allowed}")
        value = np.asarray(attributes["value"]) if constant else component
        if value.dtype.kind not in "iuf" or (constant and value.ndim):
            raise FileError(f"{self.path}: '{name}' holds no numbers")
        return np.full(int(shape[0]), value) if constant else component[()]

    def _most_particles(self) -> int:
        """As many as a file of this size can tell apart: constant or compressed records are no reason for gigabytes."""
        return min(MAX_PARTICLES, max(_FEW_PARTICLES, self.path.stat().st_size))

    def _check_dimension(self, record: str) -> None:
        found = self.group[record].attrs.get("unitDimension")
        wanted = _RECORDS[record][0]
        if found is not None and tuple(np.asarray(found, dtype=float)) != wanted:
            raise FileError(
                f"{self.path}: '{record}' has the dimension {[*map(float, found)]}, expected {list(wanted)} "
                f"(powers of m, kg, s, A, K, mol, cd)"
            )
