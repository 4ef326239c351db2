"""Xsuite, the independent engine for rings and lines: conversion, its JSON, its Twiss, its tracking.

The only module that imports Xsuite. The models are exact bends ("bend-kick-bend") with full or linear fringe, five
kicks a sextupole and exact drifts; quadrupole fringes are off.
"""

from __future__ import annotations

import contextlib
import io
import json
import operator
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import xtrack as xt
from lark import Token, Tree
from numpy.typing import ArrayLike, NDArray

from lattice import Element, FileError, InputError, Lattice, LatticeError, ReferenceParticle, Species, UnstableOptics
from lattice.elements import ELEMENT_KINDS
from lattice.parameters import CONSTANTS, parse_expression
from lattice.reference import SPECIES
from optics import xsuite_elements

Array = NDArray[np.float64]

#: Where a line keeps what Xsuite has no place for: kinds that track as drifts, with their own attributes.
_METADATA = "hadron_optics"
COLUMNS = ("s", "x", "px", "y", "py", "betx", "alfx", "mux", "dx", "dpx", "bety", "alfy", "muy", "dy", "dpy")
COORDINATES = ("x", "px", "y", "py", "zeta", "delta")
_FRINGES = ("full", "linear")


def engine_version() -> str:
    """The engine as reports name it, for example ``"Xsuite 0.67.0 (xtrack 0.118.0)"``."""
    return f"Xsuite {version('xsuite')} (xtrack {version('xtrack')})"


# ---------------------------------------------------------------------------------------------- lattice -> line


def to_xsuite(
    lattice: Lattice, particle: ReferenceParticle | None = None, fringe: str = "full", *, apertures: bool = False
) -> xt.Line:
    """Xsuite line with the same elements, names and positions; parameters and expressions stay live in it.

    ``fringe`` ("full" or "linear") is that of the bends. ``apertures=True`` adds a limit element before and after
    every element that has an aperture (named ``<element>_aperture_in`` and ``_out``). A parameter that bears the name
    of an element is called ``<name>_value`` in the line. Raises InputError for an array of lattices or an unknown
    fringe, LatticeError naming an element Xsuite cannot express (the gap of a linac cell).
    """
    if fringe not in _FRINGES:
        raise InputError(f"fringe must be 'full' or 'linear', found {fringe!r}")
    if lattice.batch is not None:
        raise InputError(f"lattice '{lattice.name}' holds {lattice.batch} lattices in one; take one of them first")
    environment = xt.Environment()
    writer = _ExpressionWriter(environment, _variable_names(lattice))
    writer.define(lattice.parameters.definitions)
    for element in {element.name: element for element in lattice.elements}.values():
        exact = lattice.resolved(element) if xsuite_elements.needs_numbers(element) else element
        writer.place(lattice, element.name, *xsuite_elements.describe(exact, fringe))
        if apertures and element.aperture is not None:
            for end in ("in", "out"):
                writer.place(
                    lattice, f"{element.name}_aperture_{end}", *xsuite_elements.describe_aperture(element.aperture)
                )
    line = environment.new_line(components=list(_component_names(lattice, apertures)))
    line.metadata[_METADATA] = {"name": lattice.name, "kinds": _kinds_lost(lattice)}
    reference = particle or lattice.particle
    if reference is not None:
        line.particle_ref = _particle(reference)
    return line


def _particle(reference: ReferenceParticle, **coordinates: Any) -> xt.Particles:
    return xt.Particles(mass0=reference.mass, q0=reference.charge, p0c=reference.momentum, **coordinates)


def _component_names(lattice: Lattice, apertures: bool) -> Iterator[str]:
    for element in lattice.elements:
        limited = apertures and element.aperture is not None
        if limited:
            yield f"{element.name}_aperture_in"
        yield element.name
        if limited:
            yield f"{element.name}_aperture_out"


def _kinds_lost(lattice: Lattice) -> dict[str, Any]:
    """Kind and strengths of the elements that are drifts or markers for Xsuite."""
    return {
        element.name: {"kind": element.kind, **{k: v for k, v in element.strengths().items() if v is not None}}
        for element in lattice.elements
        if element.kind in ("monitor", "collimator", "electrostaticseptum", "magneticseptum", "kicker")
        and (element.kind != "kicker" or _is_idle_kicker(element))
    }


def _is_idle_kicker(element: Element) -> bool:
    return element.strengths()["hkick"] == 0.0 and element.strengths()["vkick"] == 0.0


def _variable_names(lattice: Lattice) -> dict[str, str]:
    elements = {element.name for element in lattice.elements}
    return {name: f"{name}_value" if name in elements else name for name in lattice.parameters}


_OPERATORS: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "pow": operator.pow,
    "neg": operator.neg,
}
_XSUITE_FUNCTIONS = {"sqrt", "log", "log10", "exp", "sin", "cos", "tan", "asin", "acos", "atan", "atan2"}
_XSUITE_FUNCTIONS |= {"sinh", "cosh", "tanh", "abs", "floor", "ceil", "round"}


class _NoCounterpart(Exception):
    """A function that Xsuite's expressions lack; the value is written as a number."""


@dataclass(frozen=True)
class _ExpressionWriter:
    """Puts parameters and elements into an environment, expressions as Xsuite's deferred ones."""

    environment: xt.Environment
    names: Mapping[str, str]

    def define(self, definitions: Mapping[str, Any]) -> None:
        for name, definition in definitions.items():
            if not isinstance(definition, str):
                self.environment.vars[self.names[name]] = float(definition)
        for name, definition in definitions.items():
            if isinstance(definition, str):
                self.environment.vars[self.names[name]] = self.deferred(definition)

    def deferred(self, text: str) -> Any:
        return self._translate(parse_expression(text).tree)

    def _translate(self, node: Tree[Token] | Token) -> Any:
        assert isinstance(node, Tree)
        kind, parts = node.data, node.children
        if kind == "number":
            return float(str(parts[0]).replace("d", "e"))
        if kind == "name":
            name = str(parts[0])
            return self.environment.vars[self.names[name]] if name in self.names else CONSTANTS[name]
        if kind == "call":
            function = str(parts[0])
            if function not in _XSUITE_FUNCTIONS:
                raise _NoCounterpart
            return getattr(self.environment.functions, function)(*map(self._translate, parts[1:]))
        return _OPERATORS[kind](*map(self._translate, parts))

    def place(self, lattice: Lattice, name: str, kind: str, fields: Mapping[str, Any]) -> None:
        """Create one element with numbers, then attach the expressions."""
        numbers = {field: value if field in _WORDS else _number(lattice, value) for field, value in fields.items()}
        self.environment.elements[name] = getattr(xt, kind)(**numbers)
        for field, value in fields.items():
            for index, part in enumerate(value if isinstance(value, list) else [value]):
                if isinstance(part, str) and field not in _WORDS:
                    self._attach(name, field, index if isinstance(value, list) else None, part)

    def _attach(self, name: str, field: str, index: int | None, text: str) -> None:
        target = self.environment.ref[name]
        with contextlib.suppress(_NoCounterpart):
            if index is None:
                setattr(target, field, self.deferred(text))
            else:
                getattr(target, field)[index] = self.deferred(text)


#: Fields of Xsuite's elements whose values are words, not expressions.
_WORDS = {"model", "integrator", "edge_entry_model", "edge_exit_model", "rbend_model", "name_associated_aperture"}


def _number(lattice: Lattice, value: Any) -> Any:
    if isinstance(value, list):
        return [lattice.value(part) for part in value]
    return lattice.value(value) if isinstance(value, str) else value


# ---------------------------------------------------------------------------------------------- line -> lattice


def from_xsuite(line: xt.Line) -> Lattice:
    """Lattice with the elements, variables and expressions of an Xsuite line, and its reference particle.

    Tracking models are not part of a lattice and are not read. Raises LatticeError naming an element, or a field of
    one, that cannot be carried over (misalignments, field errors, sliced elements): nothing is dropped silently.
    """
    reader = _LineReader(line)
    elements = [reader.element(name) for name in line.element_names]
    metadata = line.metadata.get(_METADATA, {}) if isinstance(line.metadata, dict) else {}
    name = metadata.get("name") or getattr(line, "name", None) or "line"
    return Lattice(name, elements=elements, parameters=reader.parameters(), particle=_reference(line))


def _reference(line: xt.Line) -> ReferenceParticle | None:
    if line.particle_ref is None or not float(line.particle_ref.p0c[0]) > 0.0:
        return None
    mass, charge = float(line.particle_ref.mass0), round(float(line.particle_ref.q0))
    return ReferenceParticle.from_momentum(_species(mass, charge), float(line.particle_ref.p0c[0]))


def _species(mass: float, charge: int) -> Species:
    """The known species of this charge and mass (codes differ by 1e-8 in their constants), or a nameless one."""
    for known in SPECIES.values():
        if known.charge == charge and abs(known.mass / mass - 1) < 1e-6:
            return known
    return Species("particle", mass, charge, nucleons=max(1, round(mass / 931.494e6)))


class _LineReader:
    """Reads elements as numbers or expressions and remembers which variables they use."""

    def __init__(self, line: xt.Line) -> None:
        self.line = line
        self.kinds: Mapping[str, Any] = dict(line.metadata.get(_METADATA, {}).get("kinds", {}))
        self.used: dict[str, Any] = {}
        self.read: dict[str, Element] = {}

    def element(self, name: str) -> Element:
        if name not in self.read:
            self.read[name] = self._restored(self._recovered(name))
        return self.read[name]

    def _recovered(self, name: str) -> Element:
        view = self.line[name]
        kind = type(view).__name__ if not hasattr(view, "_xobject") else view.__class__.__name__
        kind = getattr(view, "element_type", kind)
        return xsuite_elements.recover(name, kind, self._fields(name))

    def _fields(self, name: str) -> dict[str, Any]:
        element, ref = self.line._element_dict[name], self.line.ref[name]
        wanted = [field for field in getattr(element, "_xofields", {}) if not field.startswith("_")]
        return {field: self._value(element, ref, field) for field in wanted}

    def _value(self, element: Any, ref: Any, field: str) -> Any:
        value = getattr(element, field)
        if isinstance(value, str):
            return value
        if np.ndim(value):
            cells = getattr(ref, field)
            return [self._text(cells[index], float(part)) for index, part in enumerate(value)]
        return self._text(getattr(ref, field), float(value))

    def _text(self, ref: Any, number: float) -> Any:
        """The expression behind a value in our grammar, or the number where it cannot be told in it."""
        deferred = ref._expr
        text = None if deferred is None else _our_text(str(deferred))
        if text is None:
            return number
        for name in sorted(parse_expression(text).names):
            self._use(name)
        return text

    def _use(self, name: str) -> None:
        if name in self.used:
            return
        variables = {variable.lower(): variable for variable in self.line.vars.keys()}
        self.used[name] = None  # a mark against circles
        self.used[name] = self._text(self.line.vars[variables[name]], float(self.line.vars[variables[name]]._value))

    def parameters(self) -> dict[str, Any]:
        return self.used

    def _restored(self, element: Element) -> Element:
        """The kind a drift or marker had before it went to Xsuite, at the length it has now."""
        known = dict(self.kinds.get(element.name, {}))
        kind = ELEMENT_KINDS.get(known.pop("kind", ""))
        if kind is None or element.kind not in ("drift", "marker", "kicker"):
            return element
        return kind(element.name, **{**known, "length": getattr(element, "length", 0.0)})


_VARIABLE = re.compile(r"""vars\[['"]([^'"\]]+)['"]\]""")


def _our_text(deferred: str) -> str | None:
    """Xsuite's text of an expression in our grammar, or None when it holds more than variables and functions."""
    text = _VARIABLE.sub(r"\1", deferred)
    text = re.sub(r"""\bf(?:\.(\w+)|\[['"](\w+)['"]\])\(""", lambda found: f"{found[1] or found[2]}(", text)
    text = text.replace("**", "^")
    try:
        parse_expression(text)
    except LatticeError:
        return None
    return text


# ---------------------------------------------------------------------------------------------- files


def write_xsuite_json(lattice: Lattice, path: str | os.PathLike[str], fringe: str = "full") -> None:
    """Write the lattice as an Xsuite line; FileError when the file cannot be written, and then none is left."""
    target = Path(path)
    line = to_xsuite(lattice, fringe=fringe)
    try:
        handle, temporary = tempfile.mkstemp(dir=target.parent, suffix=".json")
        os.close(handle)
    except OSError as error:
        raise FileError(f"cannot write '{path}': {error.strerror}") from None
    try:
        line.to_json(temporary)
        Path(temporary).replace(target)
    except OSError as error:
        raise FileError(f"cannot write '{path}': {error.strerror}") from None
    finally:
        Path(temporary).unlink(missing_ok=True)


def read_xsuite_json(path: str | os.PathLike[str], line: str | None = None) -> Lattice:
    """Read an Xsuite line or environment (``line`` names one of several); FileError when it is not one."""
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(f"cannot read '{path}': {error.strerror}") from None
    except ValueError as error:
        raise FileError(f"'{path}' is not a JSON file: {error}") from None
    with _quietly():
        try:
            return from_xsuite(_line_of(content, line))
        except (KeyError, TypeError, AttributeError) as error:
            raise FileError(f"'{path}' is not an Xsuite line or environment ({error!r})") from None


def _line_of(content: Any, name: str | None) -> xt.Line:
    if "lines" not in content:
        return xt.Line.from_dict(content, verbose=False)
    names = list(content["lines"])
    if name is None and len(names) != 1:
        raise InputError(f"the file holds {len(names)} lines; name one of them: {', '.join(names)}")
    return xt.Environment.from_dict(content)[name or names[0]]


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Xsuite reports progress on standard output and error; a library should not."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


# ---------------------------------------------------------------------------------------------- Twiss and tracking


@dataclass(frozen=True)
class XsuiteOptics:
    """Xsuite's Twiss in our conventions: ``columns`` at the entrance of each of ``names``, then the end.

    Scalars are None for a line that is not closed. ``dqx``, ``dqy`` are dQ/d(dp/p); mu in turns; dispersion per dp/p.
    """

    names: tuple[str, ...]
    columns: Mapping[str, Array]
    qx: float | None
    qy: float | None
    dqx: float | None
    dqy: float | None
    momentum_compaction: float | None


def xsuite_twiss(
    lattice: Lattice,
    particle: ReferenceParticle | None = None,
    *,
    start: Mapping[str, float] | None = None,
    fringe: str = "full",
    delta: float = 0.0,
) -> XsuiteOptics:
    """Twiss of the lattice by Xsuite: periodic, or from ``start`` at the first element; around dp/p = ``delta``.

    Raises InputError without a particle and UnstableOptics when Xsuite finds no bounded motion or closed orbit.
    """
    line = to_xsuite(lattice, particle, fringe)
    if line.particle_ref is None:
        raise InputError(f"lattice '{lattice.name}' has no particle; give one")
    with _quietly():
        try:
            if start is None:
                table = line.twiss4d(delta0=delta)
            else:
                table = line.twiss4d(betx=start["betx"], bety=start["bety"], **_start(start, delta))
        except (ValueError, AssertionError, xt.twiss.ClosedOrbitSearchError) as error:
            raise UnstableOptics(f"Xsuite finds no stable optics for '{lattice.name}': {error}") from None
    return _optics(table, lattice, periodic=start is None)


def _start(start: Mapping[str, float], delta: float) -> dict[str, float]:
    return {**{key: value for key, value in start.items() if key not in ("betx", "bety")}, "delta": delta}


def _optics(table: Any, lattice: Lattice, periodic: bool) -> XsuiteOptics:
    columns = {name: np.array(table[name], dtype=float) for name in COLUMNS}
    scalars = {"qx": "qx", "qy": "qy", "dqx": "dqx", "dqy": "dqy", "momentum_compaction": "momentum_compaction_factor"}
    found = {ours: float(table[theirs]) if periodic else None for ours, theirs in scalars.items()}
    return XsuiteOptics(lattice.names, columns, **found)


def xsuite_track(
    lattice: Lattice,
    particle: ReferenceParticle | None,
    coordinates: ArrayLike,
    turns: int = 1,
    fringe: str = "full",
    *,
    apertures: bool = False,
) -> Array:
    """Coordinates (x, px, y, py, zeta, delta) at the start of each turn and after the last, by Xsuite.

    ``coordinates`` has shape (particles, 6); the result (turns + 1, particles, 6), NaN once a particle is lost.
    """
    line = to_xsuite(lattice, particle, fringe, apertures=apertures)
    if line.particle_ref is None:
        raise InputError(f"lattice '{lattice.name}' has no particle; give one")
    initial = np.atleast_2d(np.asarray(coordinates, dtype=float))
    bunch = line.build_particles(**dict(zip(COORDINATES, initial.T, strict=True)))
    with _quietly():
        line.track(bunch, num_turns=turns, turn_by_turn_monitor=True)
    record = line.record_last_track
    history = np.stack([getattr(record, name).T for name in COORDINATES], axis=-1)
    history[record.state.T <= 0] = np.nan
    return np.concatenate([history, _final(bunch)[None]])


def _final(bunch: xt.Particles) -> Array:
    order = np.argsort(bunch.particle_id)
    final = np.stack([getattr(bunch, name)[order] for name in COORDINATES], axis=-1)
    final[bunch.state[order] <= 0] = np.nan
    return final
