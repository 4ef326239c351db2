"""Lattice files by their suffix: .seq/.madx (MAD-X), .lte (elegant, in), .bmad (Bmad, in), .pals.yaml (PALS),
.xsuite.json (Xsuite), .json (ours), .tfs (a Twiss table, out)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import lattice
from lattice import InputError, Lattice, read_json, read_madx, write_json, write_madx
from lattice.files import read_bytes

if TYPE_CHECKING:
    from machines.lines.machine import LineMachine

MADX_SUFFIXES = (".seq", ".madx", ".mad", ".lat")
XSUITE_SUFFIX = ".xsuite.json"
JSON_SUFFIX = ".json"
TFS_SUFFIX = ".tfs"
PALS_SUFFIXES = (".pals.yaml", ".pals.yml")
#: Languages with lines by name.
_LINES = {".lte": "read_elegant", ".bmad": "read_bmad", **dict.fromkeys((*PALS_SUFFIXES, ".pals.json"), "read_pals")}
_READ_ONLY = (".lte", ".bmad", ".pals.json")
#: Of files that hold a lattice.
SUFFIXES = (*MADX_SUFFIXES, *_LINES, JSON_SUFFIX)
_READABLE = f"{', '.join((*MADX_SUFFIXES[:2], '.lte', '.bmad', PALS_SUFFIXES[0]))}, {JSON_SUFFIX} or {XSUITE_SUFFIX}"
_WRITABLE = f"{', '.join((*MADX_SUFFIXES[:2], PALS_SUFFIXES[0]))}, {JSON_SUFFIX}, {XSUITE_SUFFIX} or {TFS_SUFFIX}"


def read_lattice(path: Path, sequence: str | None = None, root: Path | None = None) -> Lattice:
    """Lattice of a file; InputError for an unknown suffix, a needless ``sequence`` or content that makes no sense.

    ``root``: the folder in which files that the file calls may lie, beside its own.
    """
    name = path.name.lower()
    if name.endswith(MADX_SUFFIXES):
        return read_madx(path, sequence=sequence, root=root)
    if reader := next((read for suffix, read in _LINES.items() if name.endswith(suffix)), None):
        found: Lattice = getattr(lattice, reader)(path, line=sequence, root=root)
        return found
    if sequence is not None and name.endswith(JSON_SUFFIX) and not name.endswith(XSUITE_SUFFIX):
        raise InputError(f"{path}: a lattice in {JSON_SUFFIX} is one sequence; leave out the name '{sequence}'")
    if name.endswith(XSUITE_SUFFIX):
        from optics.engines.xsuite.files import read_xsuite_json

        return read_xsuite_json(path, line=sequence)
    if name.endswith(JSON_SUFFIX):
        return read_json(path)
    if name.endswith(TFS_SUFFIX):
        raise InputError(f"{path}: a Twiss table holds no lattice to read; expected {_READABLE}")
    raise InputError(f"{path}: unknown kind of lattice file '{path.suffix}'; expected {_READABLE}")


def called_within(root: str | None, study: Path | None) -> Path | None:
    """The folder that a study names for files which its lattice calls, relative to the study file."""
    return None if root is None else (study.parent if study else Path()) / root


class OfALine(Protocol):
    """What a study file of a line says of it."""

    @property
    def lattice(self) -> str | None:
        """A lattice file, relative to the study's."""

    @property
    def sequence(self) -> str | None:
        """The sequence of it."""

    @property
    def root(self) -> str | None:
        """The folder of files that it calls."""

    @property
    def parameters(self) -> Mapping[str, float]:
        """Values of its parameters."""


def line_of(study: OfALine, machine: LineMachine | None, file: Path | None) -> tuple[Lattice, dict[str, bytes]]:
    """The line with the study's parameters, and the files that it was read from, by name."""
    if machine is not None:
        return machine.line.with_parameters(study.parameters), {}
    path = (file.parent if file else Path()) / str(study.lattice)
    root = called_within(study.root, file)
    return read_lattice(path, study.sequence, root).with_parameters(study.parameters), {path.name: read_bytes(path)}


def check_writable(path: Path) -> None:
    """InputError for a suffix that no format has, before anything is read or computed."""
    name = path.name.lower()
    read_only = name.endswith(_READ_ONLY)
    if read_only or not name.endswith((*MADX_SUFFIXES, *PALS_SUFFIXES, JSON_SUFFIX, TFS_SUFFIX)):
        what = "this kind of file is read only:" if read_only else "unknown kind of file"
        raise InputError(f"{path}: {what} '{path.suffix}'; expected {_WRITABLE}")


def write_lattice(lattice: Lattice, path: Path) -> dict[str, str]:
    """Write a lattice in the format of the suffix; what the format cannot hold is an error naming the element.

    Returns what is called otherwise in the file, as ``write_madx`` does.
    """
    name = path.name.lower()
    if name.endswith(MADX_SUFFIXES):
        return write_madx(lattice, path)
    if name.endswith(PALS_SUFFIXES):
        from lattice.formats.pals import write_pals

        write_pals(lattice, path)
    elif name.endswith(XSUITE_SUFFIX):
        from optics.engines.xsuite.files import write_xsuite_json

        write_xsuite_json(lattice, path)
    else:
        check_writable(path)
        write_json(lattice, path)
    return {}
