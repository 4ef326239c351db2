"""Xsuite's JSON: lines written, and lines and environments read without evaluating what is in the file."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Mapping
from functools import cache
from inspect import signature
from pathlib import Path
from typing import Any

import xtrack as xt

from lattice import HadronOpticsError, Lattice
from lattice.files import read_bytes, write_text_atomic
from lattice.json_text import parse_json
from optics.engines.xsuite.document import Document
from optics.engines.xsuite.engine import quietly
from optics.engines.xsuite.line import to_xsuite
from optics.engines.xsuite.live_line import fields_of
from optics.engines.xsuite.reader import lattice_of


def write_xsuite_json(lattice: Lattice, path: str | os.PathLike[str], fringe: str = "full") -> None:
    """Write the lattice, with its apertures, as an Xsuite line; FileError when the file cannot be written."""
    stream = io.StringIO()
    xt.json.dump(to_xsuite(lattice, fringe=fringe, apertures=True).to_dict(), stream)
    write_text_atomic(Path(path), stream.getvalue())


def read_xsuite_json(path: str | os.PathLike[str], line: str | None = None) -> Lattice:
    """Read an Xsuite line or environment (``line`` names one of several); nothing in the file is evaluated.

    Raises FileError when it is none, or holds an expression that is no arithmetic of variables; LatticeError naming an
    element that cannot be carried over; InputError when several lines leave the choice open.
    """
    content = parse_json(read_bytes(Path(path), "lattice file"), Path(path), "an Xsuite line in JSON", nan=True)
    try:
        return lattice_of(Document(content, line, _known_fields, _complete))
    except HadronOpticsError as error:
        raise type(error)(f"{path}: {error}") from None


@cache
def _known_fields(kind: str) -> frozenset[str]:
    """What an element of this class can be given by name."""
    made = getattr(xt, kind)
    names = {*made._xofields, *signature(made.__init__).parameters} - {"self", "args", "kwargs"}
    return frozenset(name for name in names if not name.startswith("_"))


def _complete(kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """All fields of an element of which some are given, by Xsuite's own rules."""
    with quietly(), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # older classes, in files of the last years
        return fields_of(getattr(xt, kind)(**given))
