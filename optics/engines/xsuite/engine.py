"""Xsuite, the independent engine for rings and lines: conversion, its JSON, its Twiss, its tracking.

The only module that imports Xsuite. The models are exact bends ("bend-kick-bend") with full or linear fringe, five
kicks a sextupole and exact drifts; quadrupole fringes are off.
"""

from __future__ import annotations

import contextlib
import io
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from inspect import signature
from math import cos, nan, pi, sqrt
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import xobjects as xo
import xtrack as xt
from numpy.typing import ArrayLike

from lattice import Drift, HadronOpticsError, InputError, Lattice, Quadrupole, ReferenceParticle, RFGap, UnstableOptics
from lattice.arrays import Array
from lattice.errors import did_you_mean
from lattice.files import read_bytes, write_text_atomic
from lattice.json_text import parse_json
from optics.engines.engine_optics import EngineOptics
from optics.engines.xsuite import elements as xsuite_elements
from optics.engines.xsuite.document import Document
from optics.engines.xsuite.elements import MULTIPOLE_KICKS
from optics.engines.xsuite.expressions import deferred
from optics.engines.xsuite.faces import face_names, faces
from optics.engines.xsuite.reader import METADATA, lattice_of, limit_names, metadata_of
from optics.engines.xsuite.source import Place, SourceElement
from optics.maps.model import checked_fringe, checked_particle

_X = ("betx", "alfx", "mux", "dx", "dpx")
_Y = ("bety", "alfy", "muy", "dy", "dpy")
COLUMNS = ("s", "x", "px", "y", "py", *_X, *_Y, "betx2", "bety1")
#: Xsuite's step of differentiation, in beam sizes (emittance 1 um). Its default of 0.01 (40 um) is large enough for
#: the cubic term of a finite-gap fringe to move the vertical tune by 4e-9; at 0.001 what remains is rounding.
_STEP = 1e-3
#: For its Twiss: so many that slicing plays no part in a comparison, off axis and off momentum included.
_CONVERGED_KICKS = 100
COORDINATES = ("x", "px", "y", "py", "zeta", "delta")


def engine_version() -> str:
    """The engine as reports name it, for example ``"Xsuite 0.67.0 (xtrack 0.118.0)"``."""
    return f"Xsuite {version('xsuite')} (xtrack {version('xtrack')})"


# ---------------------------------------------------------------------------------------------- lattice -> line


def to_xsuite(
    lattice: Lattice,
    particle: ReferenceParticle | None = None,
    fringe: str = "full",
    *,
    apertures: bool = False,
    sextupole_kicks: int = MULTIPOLE_KICKS,
) -> xt.Line:
    """Xsuite line with the same elements, names and positions; parameters and expressions stay live in it.

    ``fringe`` ("full" or "linear") is that of the bends; ``sextupole_kicks`` slices sextupoles and octupoles.
    ``apertures=True`` adds a limit element before and after every element that has an aperture (named
    ``<element>_aperture_in`` and ``_out``). A parameter that bears the name of an element is called ``<name>_value`` in
    the line; an expression with a function Xsuite lacks (min, max, asinh ...) becomes its number. Raises InputError for
    an array of lattices or an unknown fringe, LatticeError naming an element Xsuite cannot express (the gap of a linac
    cell).
    """
    model = xsuite_elements.Model(checked_fringe(fringe), sextupole_kicks)
    if lattice.batch is not None:
        raise InputError(f"lattice '{lattice.name}' holds {lattice.batch} lattices in one; take one of them first")
    writer = _Writer(lattice, xt.Environment(), variable_names(lattice))
    writer.define()
    for element in {element.name: element for element in lattice.elements}.values():
        exact = lattice.resolved(element) if xsuite_elements.needs_numbers(element) else element
        writer.place(element.name, *xsuite_elements.describe(exact, model))
        for name, face in faces(element, fringe).items():
            writer.place(name, *face)
        if apertures and element.aperture is not None:
            limit = xsuite_elements.describe_aperture(element.aperture)
            for name in limit_names(element.name):
                writer.place(name, *limit)
    components = [name for names in _components(lattice, fringe, apertures) for name in names]
    line = writer.environment.new_line(components=components)
    line.metadata[METADATA] = metadata_of(lattice, writer.variables)
    reference = particle or lattice.particle
    if reference is not None:
        line.particle_ref = _particle(reference)
    return line


def _particle(reference: ReferenceParticle, **coordinates: Any) -> xt.Particles:
    return xt.Particles(mass0=reference.mass, q0=reference.charge, p0c=reference.momentum, **coordinates)


def _components(lattice: Lattice, fringe: str, apertures: bool) -> Iterator[tuple[str, ...]]:
    """What stands in the line for each element: limits, pole faces, the element."""
    for element in lattice.elements:
        acting = faces(element, fringe)
        entrance, exit_ = face_names(element.name)
        names = [name for name in (entrance, element.name, exit_) if name == element.name or name in acting]
        before, after = limit_names(element.name)
        yield (before, *names, after) if apertures and element.aperture is not None else tuple(names)


def line_elements(lattice: Lattice, fringe: str, apertures: bool) -> list[int]:
    """For each element of the line that ``to_xsuite`` makes: the index of the lattice's element it belongs to."""
    parts = enumerate(_components(lattice, checked_fringe(fringe), apertures))
    return [index for index, names in parts for _ in names]


def variable_names(lattice: Lattice) -> dict[str, str]:
    """What each parameter of the lattice is called in the line."""
    elements = {element.name for element in lattice.elements}
    return {name: f"{name}_value" if name in elements else name for name in lattice.parameters}


@dataclass(frozen=True)
class _Writer:
    """Puts parameters and elements into an environment, expressions as Xsuite's deferred ones."""

    lattice: Lattice
    environment: xt.Environment
    variables: Mapping[str, str]

    def define(self) -> None:
        definitions = self.lattice.parameters.definitions
        for name, value in self.lattice.parameters.items():
            self.environment.vars[self.variables[name]] = float(value)
        for name, definition in definitions.items():
            if isinstance(definition, str):
                self._set(self.environment.vars, self.variables[name], definition)

    def place(self, name: str, kind: str, fields: Mapping[str, Any]) -> None:
        """Create one element with numbers, then attach the expressions."""
        numbers = {field: value if field in _WORDS else self._number(value) for field, value in fields.items()}
        self.environment.elements[name] = getattr(xt, kind)(**numbers)
        for field, value in fields.items():
            for index, part in enumerate(value if isinstance(value, list) else [value]):
                if isinstance(part, str) and field not in _WORDS:
                    self._attach(name, field, index if isinstance(value, list) else None, part)

    def _number(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.lattice.value(part) for part in value]
        return self.lattice.value(value) if isinstance(value, str) else value

    def _attach(self, name: str, field: str, index: int | None, text: str) -> None:
        target = self.environment.ref[name]
        if index is None:
            self._set(_Attributes(target), field, text)
        else:
            self._set(getattr(target, field), index, text)

    def _set(self, place: Any, key: Any, text: str) -> None:
        """Attach the expression; where Xsuite cannot hold it the number that stands there stays."""
        variables = {ours: self.environment.vars[theirs] for ours, theirs in self.variables.items()}
        expression = deferred(text, variables, self.environment.functions)
        if expression is not None:
            place[key] = expression


@dataclass(frozen=True)
class _Attributes:
    """Attributes of a reference, written as items."""

    target: Any

    def __setitem__(self, field: str, expression: Any) -> None:
        setattr(self.target, field, expression)


#: Fields of Xsuite's elements whose values are words, not expressions.
_WORDS = {"model", "integrator", "edge_entry_model", "edge_exit_model"}


# ---------------------------------------------------------------------------------------------- line -> lattice


def from_xsuite(line: xt.Line) -> Lattice:
    """Lattice with the elements, variables and expressions of an Xsuite line, and its reference particle.

    Tracking models are not part of a lattice and are not read. Raises LatticeError naming an element, or a field of
    one, that cannot be carried over (misalignments, field errors, sliced elements): nothing is dropped silently.
    """
    return lattice_of(_LiveLine(line))


@dataclass(frozen=True)
class _LiveLine:
    """A line that stands in memory, as a ``Source``."""

    line: xt.Line

    @property
    def name(self) -> str | None:
        return getattr(self.line, "name", None)

    @property
    def element_names(self) -> Sequence[str]:
        return list(self.line.element_names)

    @property
    def metadata(self) -> Any:
        return self.line.metadata

    @property
    def particle(self) -> tuple[float, float, float] | None:
        found = self.line.particle_ref
        return None if found is None else (float(found.mass0), float(found.q0), float(found.p0c[0]))

    @property
    def variables(self) -> Sequence[str]:
        return list(self.line.vars.keys())

    def variable(self, name: str) -> tuple[float, str | None]:
        found = self.line.vars[name]
        return float(found._value), _expression(found)

    def element(self, name: str) -> SourceElement:
        element, ref = self.line.get(name), self.line.ref[name]
        kind = type(element).__name__
        xsuite_elements.check_known(name, kind)
        fields = _fields(element)
        expressions = {place: text for place in _places(fields) if (text := _expression(_part(ref, place))) is not None}
        return SourceElement(kind, fields, expressions)


def _fields(element: Any) -> dict[str, Any]:
    """All fields of an element of Xsuite's as numbers, lists of numbers and words."""
    names = [field for field in getattr(element, "_xofields", {}) if not field.startswith("_")]
    return {field: _plain(getattr(element, field)) for field in names}


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value
    return [float(part) for part in value] if np.ndim(value) else float(value)


def _places(fields: Mapping[str, Any]) -> Iterator[Place]:
    for field, value in fields.items():
        yield from ((field, index) for index in range(len(value))) if isinstance(value, list) else ((field, None),)


def _part(ref: Any, place: Place) -> Any:
    field, index = place
    return getattr(ref, field) if index is None else getattr(ref, field)[index]


def _expression(ref: Any) -> str | None:
    return None if ref._expr is None else str(ref._expr)


# ---------------------------------------------------------------------------------------------- files


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
        return _fields(getattr(xt, kind)(**given))


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Xsuite reports progress on standard output and error; a library should not."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


# ---------------------------------------------------------------------------------------------- Twiss and tracking


def xsuite_twiss(
    lattice: Lattice,
    particle: ReferenceParticle | None = None,
    *,
    start: Mapping[str, float] | None = None,
    fringe: str = "full",
    delta: float = 0.0,
) -> EngineOptics:
    """Twiss of the lattice by Xsuite: periodic, or from ``start`` at the first element; around dp/p = ``delta``.

    Raises InputError without a particle and UnstableOptics when Xsuite finds no bounded motion or closed orbit.
    """
    particle = checked_particle(lattice, particle)
    line = to_xsuite(lattice, particle, fringe, sextupole_kicks=_CONVERGED_KICKS)
    conditions = {"delta0": delta} if start is None else _start_conditions(particle, start, delta)
    with quietly():
        try:
            twiss = line.twiss4d(**conditions, step_W_sigma=_STEP)
        except (ValueError, AssertionError, xt.twiss.ClosedOrbitSearchError) as error:
            raise UnstableOptics(f"Xsuite finds no stable optics for '{lattice.name}': {error}") from None
    rows = np.cumsum([0, *(len(names) for names in _components(lattice, fringe, apertures=False))])
    return _in_our_terms(lattice, particle, twiss, rows, closed=start is None)


_DISPERSION = ("dx", "dpx", "dy", "dpy")


def _start_conditions(particle: ReferenceParticle, start: Mapping[str, float], delta: float) -> dict[str, float]:
    speed = _relative_speed(particle, delta)
    return {**start, **{key: start[key] / speed for key in _DISPERSION if key in start}, "delta": delta}


def _in_our_terms(lattice: Lattice, particle: ReferenceParticle, twiss: Any, rows: Any, closed: bool) -> EngineOptics:
    """Dispersion per dp/p: Xsuite's is per energy deviation, dpzeta = (beta / beta0) ddelta."""
    speed = _relative_speed(particle, float(twiss["delta"][0]))
    index = pd.Index([*lattice.names, "_end"], name="name")
    table = pd.DataFrame({column: np.array(twiss[column], dtype=float)[rows] for column in COLUMNS}, index=index)
    table[list(_DISPERSION)] *= speed
    return EngineOptics(
        engine=engine_version(),
        table=table,
        qx=float(twiss["qx"]) if closed else nan,
        qy=float(twiss["qy"]) if closed else nan,
        dqx=float(twiss["dqx"]) if closed else nan,
        dqy=float(twiss["dqy"]) if closed else nan,
        momentum_compaction=_momentum_compaction(particle, twiss, speed) if closed else nan,
    )


def _relative_speed(particle: ReferenceParticle, delta: float) -> float:
    """beta / beta0 at dp/p = delta."""
    return (1 + delta) / sqrt(1 / particle.gamma**2 + particle.beta**2 * (1 + delta) ** 2)


def _momentum_compaction(particle: ReferenceParticle, twiss: Any, speed: float) -> float:
    """(dC/C) / (dp/p) from dzeta/dpzeta; the path is (length - zeta) beta / beta0. Xsuite's own holds at delta = 0."""
    delta, length = float(twiss["delta"][0]), float(twiss["s"][-1])
    path = (length - float(twiss["zeta"][-1] - twiss["zeta"][0])) * speed
    gamma_square = (particle.gamma * (1 + delta) / speed) ** 2
    slope = float(twiss["slip_factor_dzeta_ddelta"]) * speed
    return (-speed * slope + path / ((1 + delta) * gamma_square)) / length


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
    line = to_xsuite(lattice, checked_particle(lattice, particle), fringe, apertures=apertures)
    initial = np.atleast_2d(np.asarray(coordinates, dtype=float))
    bunch = line.build_particles(**dict(zip(COORDINATES, initial.T, strict=True)))
    with quietly():
        line.track(bunch, num_turns=turns, turn_by_turn_monitor=True)
    record = line.record_last_track
    history = np.stack([getattr(record, name).T for name in COORDINATES], axis=-1)
    history[record.state.T <= 0] = np.nan
    return np.concatenate([history, _final(bunch)[None]])


def xsuite_linac(lattice: Lattice, particle: ReferenceParticle | None, coordinates: ArrayLike) -> tuple[Array, float]:
    """Coordinates (n, 6) behind drifts, quadrupoles and RF gaps, and the reference momentum there [eV/c], by Xsuite.

    A gap is a thin cavity without transit time (its voltage holds for every velocity, and there is no transverse kick)
    followed by an increase of the reference energy: a check of longitudinal motion.
    """
    start = checked_particle(lattice, particle)
    parts: list[Any] = []
    here = start
    for element in map(lattice.resolved, lattice.elements):
        if isinstance(element, RFGap):
            volt, phase = float(element.volt), float(element.phase)
            parts.append(xt.Cavity(voltage=volt, frequency=float(element.freq), phase=0.5 * pi + phase))
            behind = _accelerated(here, here.charge * volt * cos(phase))
            parts.append(xt.ReferenceEnergyIncrease(Delta_p0c=behind.momentum - here.momentum))
            here = behind
        elif isinstance(element, Quadrupole):
            parts.append(xt.Quadrupole(length=element.length, k1=element.k1))
        elif isinstance(element, Drift):
            parts.append(xt.Drift(length=element.length, model="exact"))
        else:
            raise InputError(f"'{element.name}' is no drift, quadrupole or RF gap but a {element.kind}")
    line = xt.Line(elements=parts)
    line.particle_ref = _particle(start)
    initial = np.atleast_2d(np.asarray(coordinates, dtype=float))
    bunch = line.build_particles(**dict(zip(COORDINATES, initial.T, strict=True)))
    with quietly():
        line.track(bunch)
    return _final(bunch), here.momentum


def _accelerated(particle: ReferenceParticle, energy: float) -> ReferenceParticle:
    per_u = (particle.kinetic_energy + energy) / particle.nucleons
    return ReferenceParticle(particle.kind, kinetic_energy_per_u=per_u)


def xsuite_passage(
    lattice: Lattice, particle: ReferenceParticle | None, fringe: str, first: int, last: int
) -> Callable[[Array, int], Array]:
    """Xsuite's map of elements ``first`` to ``last`` (not included; beyond the end it goes on from the beginning).

    The function takes coordinates (n, 6) and how often to pass, and gives coordinates; a lost particle is NaN. The
    tracker is built once.
    """
    elements = [lattice.elements[i % len(lattice)] for i in range(first, last)]
    part = Lattice(lattice.name, elements=elements, parameters=dict(lattice.parameters))
    line = to_xsuite(part, checked_particle(lattice, particle), fringe)
    with quietly():
        line.build_tracker()

    def passage(coordinates: Array, times: int) -> Array:
        bunch = line.build_particles(**dict(zip(COORDINATES, np.atleast_2d(coordinates).T, strict=True)))
        line.track(bunch, num_turns=times)
        return _final(bunch)

    return passage


CONTEXTS = ("cpu", "cupy", "opencl")


def tracking_context(name: str = "cpu", threads: int = 1) -> Any:
    """Where Xsuite computes: "cpu" (OpenMP, compiled when first used, with more than one thread), "cupy", "opencl".

    InputError for another name, and where there is no such device or no package for it.
    """
    if name not in CONTEXTS:
        raise InputError(f"unknown context '{name}'{did_you_mean(str(name), CONTEXTS)} Known: {', '.join(CONTEXTS)}")
    if name == "cpu":
        return xo.ContextCpu(omp_num_threads=threads if threads > 1 else 0)
    try:
        context = xo.ContextCupy() if name == "cupy" else xo.ContextPyopencl()
        context.zeros(1)  # only the first use tells that a package or a device is missing
    except Exception as error:  # each package has its own way to say that there is no device
        raise InputError(f"Xsuite cannot compute on '{name}' here: {error}; context='cpu' always works") from None
    return context


def build_tracker(line: xt.Line, context: Any) -> None:
    """Make the line ready for tracking; what has to be compiled is compiled in a folder that is thrown away.

    InputError where several threads or a GPU are wanted and their kernels cannot be compiled.
    """
    try:
        with quietly(), TemporaryDirectory() as folder, contextlib.chdir(folder):
            line.build_tracker(_context=context)
    except Exception as error:  # whatever compiler or device say
        if isinstance(context, xo.ContextCpu) and not context.omp_num_threads:
            raise
        raise InputError(
            f"Xsuite's kernels for several threads or a GPU cannot be compiled here ({type(error).__name__}: "
            f"{str(error)[:200]}); context='cpu' with threads=1 needs no compiler"
        ) from None


def bunch_of(particle: ReferenceParticle, coordinates: Array, context: Any, momentum: float | None = None) -> Any:
    """Xsuite's particles with coordinates (n, 6) about a reference ``momentum`` [eV/c], the particle's own if None."""
    return xt.Particles(
        _context=context,
        mass0=particle.mass,
        q0=particle.charge,
        p0c=momentum or particle.momentum,
        **dict(zip(COORDINATES, coordinates.T, strict=True)),
    )


def exciter(samples: int) -> Any:
    """A horizontal exciter, silent, with room for so many samples [rad] that are added to px by time of arrival."""
    return xt.Exciter(knl=[-1.0], nsamples=samples, sampling_frequency=1.0, frev=1.0)


def thin_cavity() -> Any:
    """A cavity without length, off."""
    return xt.Cavity(voltage=0.0, frequency=1.0)


def _final(bunch: xt.Particles) -> Array:
    order = np.argsort(bunch.particle_id)
    final = np.stack([getattr(bunch, name)[order] for name in COORDINATES], axis=-1)
    final[bunch.state[order] <= 0] = np.nan
    return final
