"""Every reader with valid files to begin with: what is fuzzed, and which modules' branches are counted."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

import numpy as np

import lattice.formats.bmad.beam
import lattice.formats.bmad.expression
import lattice.formats.bmad.kinds
import lattice.formats.bmad.reader
import lattice.formats.bmad.text
import lattice.formats.elegant.kinds
import lattice.formats.elegant.reader
import lattice.formats.elegant.rpn
import lattice.formats.elegant.text
import lattice.formats.given
import lattice.formats.lines
import lattice.formats.pals.kinds
import lattice.formats.pals.reader
import lattice.formats.pals.text
import lattice.formats.quantity
import lattice.interchange
import lattice.json_text
import lattice.madx.beam
import lattice.madx.build
import lattice.madx.calls
import lattice.madx.reader
import lattice.madx.syntax
import lattice.madx.text
import lattice.madx.variables
import optics.beams.files
import optics.beams.openpmd
import optics.beams.parquet
import optics.engines.xsuite.document
import optics.engines.xsuite.elements
import optics.engines.xsuite.expressions
import optics.engines.xsuite.reader
import studies.energy_switching.table_file
import studies.runs.frames
import studies.runs.store
import studies.spec.checking
import studies.spec.study_file
from lattice import ReferenceParticle, read_bmad, read_elegant, read_json, read_madx, read_pals, write_json
from machines.linacs.table import LinacTable
from optics.beams.files import read_beam, write_beam
from optics.engines.xsuite.files import read_xsuite_json, write_xsuite_json
from studies.energy_switching.table_file import COLUMNS, ENERGY, RIGIDITY, read_table, table_text
from studies.runs.building import open_run
from studies.runs.store import read_run
from studies.spec.checking import checked, parse_toml, read_text
from studies.spec.study_file import load_study
from tests.checkout import ROOT
from tests.formats.ring_in_languages import BMAD, ELEGANT, PALS
from tests.madx_ring import COUPLED_RING
from tests.report_fakes import fake_result


@dataclass(frozen=True)
class Target:
    """A reader: ``valid`` makes the content of a file it reads, ``read`` reads a file, ``modules`` are its own.

    ``pieces`` are thrown in; ``seeds`` are what once went wrong, tried before anything else. ``prepare`` puts what the
    file needs around it beside it.
    """

    name: str
    file: str
    valid: Callable[[], bytes]
    read: Callable[[Path], Any]
    modules: tuple[ModuleType, ...]
    pieces: tuple[str, ...] = ()
    seeds: tuple[bytes, ...] = ()
    prepare: Callable[[Path], Any] = lambda folder: None


_JSON = ("{}", "[]", "null", "true", "NaN", "1e400", '"x"', '"\\u202e"', '"__class__"', "-1", "9" * 30, ",", ":", '"')
_TOML = ("=", "[", "]", "[[", "]]", '"', "'", "#", "nan", "inf", "true", "1979-05-27", "9" * 30, "{", "}", ".", "-1")
_MADX_SIGNS = (
    ";",
    ",",
    ":",
    ":=",
    "=",
    "{",
    "}",
    "(",
    ")",
    "->",
    "*",
    "-",
    "^",
    "!",
    "/*",
    '"',
    "'",
    "1e400",
    "0",
    "-1",
)
_MADX = (*_MADX_SIGNS, "at", "l", "from", "endsequence;", "call,", "if", "macro", "beam")
_DEEP, _LONG = "[" * 3000, "9" * 5000


def _written(write: Callable[[Path], Any], name: str) -> bytes:
    with TemporaryDirectory() as folder:
        write(Path(folder) / name)
        return (Path(folder) / name).read_bytes()


@cache
def _ring() -> Any:
    with TemporaryDirectory() as folder:
        (Path(folder) / "ring.seq").write_text(COUPLED_RING)
        return read_madx(Path(folder) / "ring.seq", "ring")


def _madx() -> bytes:
    return COUPLED_RING.encode()


def _pals_data() -> Any:
    """The PALS file as JSON has it."""
    with TemporaryDirectory() as folder:
        (Path(folder) / "ring.pals.yaml").write_text(PALS)
        return {"PALS": lattice.formats.pals.text.read_document(Path(folder) / "ring.pals.yaml")}


def _our_json() -> bytes:
    return _written(lambda path: write_json(_ring(), path), "ring.json")


def _xsuite_json() -> bytes:
    return _written(lambda path: write_xsuite_json(_ring(), path), "ring.xsuite.json")


def _study() -> bytes:
    return (ROOT / "examples" / "small_ring" / "study.toml").read_bytes()


def _section_table() -> bytes:
    return (ROOT / "machines" / "compact_linac" / "linac.toml").read_bytes()


def _read_section_table(path: Path) -> LinacTable:
    return checked(LinacTable, parse_toml(read_text(path), str(path)), str(path))


def _operational_table() -> bytes:
    rows = [",".join([ENERGY, RIGIDITY, *COLUMNS])]
    for energy in (60.0, 120.0, 250.0):
        rigidity = ReferenceParticle("proton", kinetic_energy_per_u=energy * 1e6).magnetic_rigidity
        rows.append(",".join(map(repr, [energy, rigidity, 0.3, 0.4, -0.5, 1.0, 2.0, 3.0])))
    return ("# settings\n" + "\n".join(rows) + "\n").encode()


def _beam_file(name: str) -> bytes:
    proton = ReferenceParticle("proton", kinetic_energy_per_u=60e6)
    beam = np.random.default_rng(1).standard_normal((8, 6)) * 1e-3
    return _written(lambda path: write_beam(path, beam, proton, weights=np.arange(1.0, 9.0)), name)


def _run_folder(folder: Path) -> None:
    with open_run(folder / "run") as run:
        run.finish(fake_result(), lambda result: result.title, lambda: "")


@cache
def _run_file(name: str) -> bytes:
    with TemporaryDirectory() as folder:
        _run_folder(Path(folder))
        return (Path(folder) / "run" / name).read_bytes()


_PWNED = {
    "elements": {"d": {"__class__": "Drift", "length": 1.0}},
    "element_names": ["d"],
    "_var_management_data": {"var_values": {"b": 1.0}, "functions": {"_funcs": {}}},
    "_var_manager": [["vars['a']", "quit(0)"]],
}
_MADX_MODULES = (
    lattice.madx.reader,
    lattice.madx.build,
    lattice.madx.variables,
    lattice.madx.syntax,
    lattice.madx.text,
    lattice.madx.beam,
    lattice.madx.calls,
)
_SHARED_MODULES = (lattice.formats.quantity, lattice.formats.given, lattice.formats.lines)
_ELEGANT_MODULES = (
    lattice.formats.elegant.text,
    lattice.formats.elegant.rpn,
    lattice.formats.elegant.kinds,
    lattice.formats.elegant.reader,
    *_SHARED_MODULES,
)
_BMAD_MODULES = (
    lattice.formats.bmad.text,
    lattice.formats.bmad.expression,
    lattice.formats.bmad.kinds,
    lattice.formats.bmad.beam,
    lattice.formats.bmad.reader,
    *_SHARED_MODULES,
)
_PALS_MODULES = (lattice.formats.pals.text, lattice.formats.pals.kinds, lattice.formats.pals.reader)
_ALIASES = b"PALS:\n  facility: &a\n    - x: *a\n"
_LINES = (",", ":", "=", '"', "(", ")", "-", "*", "&\n", "!", "\n", ";", "1e400", "0", "-1", "9" * 30)
_XSUITE_MODULES = (
    optics.engines.xsuite.document,
    optics.engines.xsuite.reader,
    optics.engines.xsuite.expressions,
    optics.engines.xsuite.elements,
)
_RUN_MODULES = (studies.runs.store, studies.runs.frames)

TARGETS = (
    Target(
        "MAD-X",
        "ring.seq",
        _madx,
        lambda path: read_madx(path, "ring"),
        _MADX_MODULES,
        _MADX,
        (b"m: multipole, knl;", b"call, file='" + b"x" * 300 + b"';", b"x = " + b"(" * 5000),
    ),
    Target(
        "elegant",
        "ring.lte",
        ELEGANT.encode,
        read_elegant,
        _ELEGANT_MODULES,
        (*_LINES, "%", "sto", "LINE", "L", "WIGGLER"),
        (
            b'% 1 sto a\nQ: QUAD, L=1, K1="a ' + b"= * " * 5000 + b'"',
            b"A: LINE=" + b"(" * 5000,
            b"#INCLUDE: " + b"x" * 300,
        ),
    ),
    Target(
        "Bmad",
        "ring.bmad",
        BMAD.encode,
        read_bmad,
        _BMAD_MODULES,
        (*_LINES, "[", "]", "{", "^", "%", "*[l]", "superimpose"),
        (b"k = " + b"(" * 5000, b"k = " + b"-" * 50000, b"call, file = " + b"x" * 300, b"a: line = " + b"(" * 5000),
    ),
    Target(
        "PALS",
        "ring.pals.yaml",
        PALS.encode,
        read_pals,
        (*_PALS_MODULES, *_SHARED_MODULES),
        (
            *_LINES,
            "[",
            "]",
            "{",
            "}",
            "&a",
            "*a",
            "?",
            "|",
            "- ",
            "  ",
            "null",
            "kind",
            "BeamLine",
            "!!python/object:x",
        ),
        (_DEEP.encode(), b"PALS: {facility: " + _DEEP.encode() + b"}", b"PALS: " + _LONG.encode(), _ALIASES),
    ),
    Target(
        "PALS in JSON",
        "ring.pals.json",
        lambda: json.dumps(_pals_data()).encode(),
        read_pals,
        (*_PALS_MODULES, *_SHARED_MODULES),
        (*_JSON, '"kind"', '"line"', '"repeat"', '"inherit"'),
        (
            _DEEP.encode(),
            b'{"PALS": {"facility": ' + _LONG.encode() + b"}}",
            b"[" * 700 + b"]" * 700,
            b'{"PALS": {"facility": [{"a": {"kind": "BeamLine", "line": [{"x": {"kind": {}}}]}}]}}',
            b'{"PALS": {"facility": [{"a": {"kind": "BeamLine", "line": [{"x": {"repeat": 1e400}}]}}]}}',
        ),
    ),
    Target(
        "JSON of ours",
        "ring.json",
        _our_json,
        read_json,
        (lattice.interchange, lattice.json_text),
        _JSON,
        (_DEEP.encode(), _LONG.encode()),
    ),
    Target(
        "JSON of Xsuite",
        "ring.xsuite.json",
        _xsuite_json,
        read_xsuite_json,
        _XSUITE_MODULES,
        (*_JSON, "vars['a']", "element_refs['qf'].k1", "f.sin(", "__import__('os')"),
        (json.dumps(_PWNED).encode(), _DEEP.encode(), b'{"elements": ' + _LONG.encode() + b"}"),
    ),
    Target(
        "study in TOML",
        "study.toml",
        _study,
        load_study,
        (studies.spec.study_file, studies.spec.checking),
        _TOML,
        (b"study = " + _DEEP.encode(), b"study = " + _LONG.encode()),
    ),
    Target(
        "section table in TOML",
        "linac.toml",
        _section_table,
        _read_section_table,
        (studies.spec.checking,),
        _TOML,
        (b"name = " + _DEEP.encode(),),
    ),
    Target(
        "operational table in CSV",
        "table.csv",
        _operational_table,
        lambda path: read_table(table_text(path.read_bytes(), str(path)), str(path)),
        (studies.energy_switching.table_file,),
        (",", ";", "\n", '"', "#", "nan", "1e400", "9" * 400, "-", "\t", "\x00", "KF_1_per_m2"),
        (_operational_table().replace(b"0.3", b"9" * 400, 1),),
    ),
    Target(
        "beam in openPMD",
        "beam.h5",
        lambda: _beam_file("beam.h5"),
        read_beam,
        (optics.beams.openpmd, optics.beams.files),
    ),
    Target(
        "beam in Parquet",
        "beam.parquet",
        lambda: _beam_file("beam.parquet"),
        read_beam,
        (optics.beams.parquet, optics.beams.files),
    ),
    Target(
        "results.json of a run",
        "run/results.json",
        lambda: _run_file("results.json"),
        lambda path: read_run(path.parent),
        _RUN_MODULES,
        _JSON,
        (_DEEP.encode(), b"[]", b'{"schema": ' + _LONG.encode() + b"}"),
        _run_folder,
    ),
    Target(
        "report.json of a run",
        "run/report.json",
        lambda: _run_file("report.json"),
        lambda path: read_run(path.parent),
        _RUN_MODULES,
        (*_JSON, '"../../x"'),
        (_DEEP.encode(), b"null"),
        _run_folder,
    ),
)
