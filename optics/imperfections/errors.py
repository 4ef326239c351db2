"""Magnets that are not where and what they should be: errors drawn from a seed, and the lattice that has them.

A misaligned magnet stands between two changes of the frame: into the frame of the magnet as it stands, and behind it
back into the frame of the design. Field errors change strengths. What comes out is a Lattice like any other, and all
that is computed of a lattice is computed of it; many machines are one lattice with arrays for parameters.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import pandas as pd

from lattice import Element, InputError, Lattice, Monitor
from lattice.arrays import Array
from lattice.magnitudes import OF_ERRORS, is_number
from optics.closed import closed
from optics.imperfections.draws import GAUSSIAN, checked_distribution, circuit_of, shaped, uniform
from optics.imperfections.elements import ALIGNMENT, imperfect_element, refuse_without_field
from optics.selection import selected, with_distinct_names

#: Errors of the field that all magnets of a circuit have alike: of its calibration, and of its supply at the moment.
OF_CIRCUITS = ("calibration", "stability")
#: Errors of what a monitor reads, in each plane: noise of one reading [m], relative error of its scale.
OF_READINGS = ("noise", "gain")


@dataclass(frozen=True, kw_only=True)
class MagnetErrors:
    """Random errors of some magnets, rms: Gaussian, cut at ``cut`` rms (what lies beyond is drawn again), or "uniform"
    with this rms, up to sqrt(3) of it.

    magnets: a kind ("quadrupole"), a parameter that sets their strength ("kf"), or names with ``*``; one or several.
    dx, dy, ds [m]: displacements of the magnet (of a monitor: of its zero; ds and turns do not act on it); roll,
    pitch, yaw [rad]: turns about s (x towards y), x (s towards y) and y (s towards x). field: relative error of the
    field. normal, skew: relative field of order n >= 1 (1: quadrupole) at ``radius`` [m], as MAD-X's DKNR and DKSR.
    calibration, stability: relative errors of the field, alike for all magnets of a circuit (``draws.circuit_of``).
    noise [m], gain (relative): of what monitors read, in each plane.
    InputError for numbers that make no sense.
    """

    magnets: str | tuple[str, ...]
    dx: float = 0.0
    dy: float = 0.0
    ds: float = 0.0
    roll: float = 0.0
    pitch: float = 0.0
    yaw: float = 0.0
    field: float = 0.0
    normal: Mapping[int, float] = dataclasses.field(default_factory=dict)
    skew: Mapping[int, float] = dataclasses.field(default_factory=dict)
    radius: float = 0.03
    cut: float = 3.0
    calibration: float = 0.0
    stability: float = 0.0
    noise: float = 0.0
    gain: float = 0.0
    distribution: str = GAUSSIAN

    def __post_init__(self) -> None:
        checked_distribution(self.distribution, self._where)
        for column, rms in self.rms.items():
            if not (is_number(rms) and rms >= 0.0):
                raise InputError(f"{self._where}: the rms of {column} must be a number of at least 0, found {rms!r}")
        for name in ("radius", "cut"):
            if not (is_number(getattr(self, name)) and getattr(self, name) > 0.0):
                raise InputError(f"{self._where}: {name} must be positive, found {getattr(self, name)!r}")
        for name, likely in OF_ERRORS.items():
            if fault := likely.fault(getattr(self, name)):
                raise InputError(f"{self._where}: {name} {fault}")
        for order in (*self.normal, *self.skew):
            if not (isinstance(order, int) and 1 <= order <= 20):
                raise InputError(f"{self._where}: orders of field errors are 1 (quadrupole) to 20, found {order!r}")

    @property
    def _where(self) -> str:
        return f"errors of '{self.magnets}'"

    @property
    def rms(self) -> dict[str, float]:
        """The rms of each kind of error by its column: dx ... yaw, field, normal_2, skew_1, calibration, noise_x ..."""
        alignment = {name: getattr(self, name) for name in ALIGNMENT}
        orders = {f"{kind}_{n}": rms for kind in ("normal", "skew") for n, rms in getattr(self, kind).items()}
        circuits = {name: getattr(self, name) for name in OF_CIRCUITS}
        readings = {f"{name}_{plane}": getattr(self, name) for name in OF_READINGS for plane in ("x", "y")}
        return {**alignment, "field": self.field, **orders, **circuits, **readings}


@closed
@dataclass(frozen=True, eq=False)
class Imperfect:
    """Machines with errors: ``lattice`` (a batch, or one lattice) beside the ``ideal`` one.

    ``values``: by element and kind of error (machines,), SI; ``radii`` [m] by element; ``about``: what turns are made
    about, "middle" or "entrance"; ``rows`` (elements + 1,): row of the lattice at which each element of the ideal one
    begins, outside the frame of the magnet.
    """

    ideal: Lattice
    lattice: Lattice
    values: Mapping[str, Mapping[str, Array]]
    radii: Mapping[str, float]
    about: str
    rows: Array

    @property
    def machines(self) -> int:
        """How many machines there are."""
        return self.lattice.batch or 1

    def one(self, machine: int) -> Imperfect:
        """One of the machines by itself; InputError for a number that is not there."""
        if not 0 <= machine < self.machines:
            raise InputError(f"there are machines 0 to {self.machines - 1}, not {machine}")
        values = {
            name: {column: np.atleast_1d(drawn)[[machine]] for column, drawn in own.items()}
            for name, own in self.values.items()
        }
        return Imperfect(self.ideal, one_of(self.lattice, machine), values, self.radii, self.about, self.rows)

    @cached_property
    def table(self) -> pd.DataFrame:
        """The errors of a single machine: a row an element, a column a kind of error. InputError for a batch."""
        if self.lattice.batch is not None:
            raise InputError(f"a table is for one machine, here are {self.machines}: take machines.one(0).table")
        rows = {name: {column: float(drawn[0]) for column, drawn in own.items()} for name, own in self.values.items()}
        return pd.DataFrame.from_dict(rows, orient="index").fillna(0.0)

    def offsets(self, monitors: Sequence[str], column: str) -> Array:
        """An error (machines, monitors) of monitors by its ``column``: "dx", "dy" [m] of their zeros, "noise_x" ..."""
        nothing = np.zeros(self.machines)
        return np.stack([self.values.get(name, {}).get(column, nothing) for name in monitors], axis=-1)

    def read(self, orbit: Array, monitors: Sequence[str], plane: str) -> Array:
        """What monitors of a ``plane`` say of an ``orbit`` (machines, monitors) [m] that passes them.

        (orbit - displacement) (1 + gain) + noise: one that stands too high reads too low. The noise of a machine is the
        same in every reading, as that of a long mean whose drift is what remains.
        """
        seen = orbit - self.offsets(monitors, f"d{plane}")
        return np.asarray(
            seen * (1.0 + self.offsets(monitors, f"gain_{plane}")) + self.offsets(monitors, f"noise_{plane}")
        )


def one_of(lattice: Lattice, machine: int) -> Lattice:
    """One lattice of a batch; a single lattice as it is."""
    values = lattice.parameters.values_by_name
    return lattice.with_parameters(
        {
            name: float(value[machine])
            for name, value in values.items()
            if isinstance(value, np.ndarray) and not lattice.parameters.is_dependent(name)
        }
    )


def with_errors(
    ring: Lattice, errors: MagnetErrors | Iterable[MagnetErrors], seed: int, *, about: str = "middle"
) -> Lattice:
    """The lattice with errors drawn from ``seed``: the first machine of ``draw_errors``."""
    return draw_errors(ring, errors, seed, about=about).lattice


def draw_errors(
    ring: Lattice,
    errors: MagnetErrors | Iterable[MagnetErrors],
    seed: int,
    machines: int | None = None,
    *,
    first: int = 0,
    about: str = "middle",
) -> Imperfect:
    """Machines with errors (one lattice with arrays of length ``machines``; None: a single lattice).

    A draw depends on the seed, the element's name and the kind of error alone: machine i is the same however many are
    drawn and whatever else has errors, and errors scale with their rms. ``first``: the number of the first machine, so
    that a slice is that of the whole. Magnets named in several of the ``errors`` have the sum. Turns and displacements
    are ``about`` the magnet's "middle" (of its arc) or its "entrance", along the axes there. InputError for unknown
    magnets, a batch, or a seed or number that is none.
    """
    if machines is not None and not (isinstance(machines, int) and machines >= 1):
        raise InputError(f"machines must be a whole number of at least 1, found {machines!r}")
    if not (isinstance(first, int) and first >= 0):
        raise InputError(f"the first machine must be a whole number of at least 0, found {first!r}")
    numbers = np.arange(first, first + (machines or 1))
    return draw_numbered(ring, errors, seed, lambda table, column: numbers, single=machines is None, about=about)


#: Which machines' draws are taken (machines,), for a table of errors by its place among them and a kind of error.
Numbered = Callable[[int, str], Array]


def draw_numbered(
    ring: Lattice,
    errors: MagnetErrors | Iterable[MagnetErrors],
    seed: int,
    numbers: Numbered,
    *,
    single: bool = False,
    about: str = "middle",
) -> Imperfect:
    """As ``draw_errors``; each kind of error of each table is that of machines of its own ``numbers``.

    So one cause is taken from other machines than the rest, as its part in a spread is found. ``single``: one lattice
    and no batch.
    """
    _check(ring, seed, about)
    ring, values, radii = _drawn(ring, _listed(errors), seed, numbers)
    return _built(ring, values, radii, about, single)


def draw_together(
    ring: Lattice,
    several: Sequence[MagnetErrors | Iterable[MagnetErrors]],
    seed: int,
    machines: int,
    *,
    about: str = "middle",
) -> Imperfect:
    """``machines`` for each of ``several`` sets of errors, one set behind the other in one batch.

    Each is the machine that ``draw_errors`` of its set draws. Raises as that, and InputError where the sets are not of
    the same magnets.
    """
    _check(ring, seed, about)
    numbers = np.arange(machines)
    drawn = [_drawn(ring, _listed(errors), seed, lambda table, column: numbers) for errors in several]
    rings, values, radii = zip(*drawn, strict=True)
    if not drawn or any(
        one.names != rings[0].names or set(own) != set(values[0]) for one, own in zip(rings, values, strict=True)
    ):
        raise InputError("errors drawn together must be of the same magnets")
    joined = {name: _joined([own[name] for own in values], machines) for name in values[0]}
    return _built(rings[0], joined, radii[0], about, single=False)


def _joined(several: Sequence[Mapping[str, Array]], machines: int) -> dict[str, Array]:
    """Errors of one element, set by set; 0 in a set that has none of a kind."""
    columns = dict.fromkeys(column for own in several for column in own)
    return {column: np.concatenate([own.get(column, np.zeros(machines)) for own in several]) for column in columns}


def _listed(errors: MagnetErrors | Iterable[MagnetErrors]) -> tuple[MagnetErrors, ...]:
    return (errors,) if isinstance(errors, MagnetErrors) else tuple(errors)


def _drawn(
    ring: Lattice, errors: Sequence[MagnetErrors], seed: int, numbers: Numbered
) -> tuple[Lattice, dict[str, dict[str, Array]], dict[str, float]]:
    """The ring with distinct names, the errors of its elements by name and kind, and their radii."""
    chosen = [selected(ring, one.magnets, "magnets") for one in errors]
    ring, new = with_distinct_names(ring, [name for names in chosen for name in names])
    values: dict[str, dict[str, Array]] = {}
    radii: dict[str, float] = {}
    for table, (one, names) in enumerate(zip(errors, chosen, strict=True)):
        elements = [ring[distinct] for name in names for distinct in new[name]]
        for element in elements:
            _refuse_what_has_no_error(element, one)
            radii[element.name] = one.radius
            values.setdefault(element.name, {})
        _add_draws(values, one, elements, partial(_uniform, seed), partial(numbers, table))
    return ring, values, radii


def _add_draws(
    values: Mapping[str, dict[str, Array]],
    errors: MagnetErrors,
    elements: Sequence[Element],
    uniform_of: Callable[[Element, str, Array], Array],
    numbers: Callable[[str], Array],
) -> None:
    """Add one table's errors to those of its elements: drawn one by one, brought to their distribution together."""
    wanted = [(element, kind) for element in elements for kind, rms in errors.rms.items() if rms > 0.0]
    drawn = [uniform_of(element, kind, numbers(kind)) for element, kind in wanted]
    if not wanted:
        return
    together = shaped(np.concatenate(drawn), errors.distribution, errors.cut)
    ends = np.cumsum([len(one) for one in drawn])[:-1]
    for (element, kind), one in zip(wanted, np.split(together, ends), strict=True):
        column, own = "field" if kind in OF_CIRCUITS else kind, values[element.name]
        own[column] = own.get(column, 0.0) + errors.rms[kind] * one


def _check(ring: Lattice, seed: int, about: str) -> None:
    if ring.batch is not None:
        raise InputError(f"lattice '{ring.name}' holds {ring.batch} lattices in one; take one of them first")
    if not (isinstance(seed, int) and seed >= 0):
        raise InputError(f"a seed is a whole number of at least 0, found {seed!r}")
    if about not in ("middle", "entrance"):
        raise InputError(f"about must be 'middle' or 'entrance', found {about!r}")


def _refuse_what_has_no_error(element: Element, errors: MagnetErrors) -> None:
    given = [column for column, rms in errors.rms.items() if rms > 0.0 and column not in ALIGNMENT]
    readings = [column for column in given if column.partition("_")[0] in OF_READINGS]
    if readings and not isinstance(element, Monitor):
        kind = readings[0].partition("_")[0]
        raise InputError(f"{type(element).__name__} '{element.name}' takes no error '{kind}': monitors do")
    fields = [column for column in given if column not in readings]
    if fields:
        refuse_without_field(element, fields[0])


def _uniform(seed: int, element: Element, kind: str, numbers: Array) -> Array:
    """Numbers between 0 and 1 of some machines: of an element's own stream, or of its circuit's."""
    return uniform(seed, (circuit_of(element) if kind in OF_CIRCUITS else element.name, kind), numbers)


def _built(
    ring: Lattice, values: Mapping[str, Mapping[str, Array]], radii: Mapping[str, float], about: str, single: bool
) -> Imperfect:
    elements: list[Element] = []
    parameters: dict[str, object] = {}
    rows = []
    for element in ring.elements:
        rows.append(len(elements))
        own = values.get(element.name, {})
        if not own or isinstance(element, Monitor):
            elements.append(element)
            continue
        fraction = 0.5 if about == "middle" else 0.0
        parts, numbers = imperfect_element(ring.resolved(element), element, own, fraction, radii[element.name])
        elements += parts
        parameters |= {name: float(value[0]) if single else value for name, value in numbers.items()}
    _refuse_taken(ring, parameters)
    lattice = Lattice(
        ring.name,
        elements=elements,
        parameters={**ring.parameters.definitions, **parameters},
        particle=ring.particle,
        warnings=ring.warnings,
    )
    return Imperfect(ring, lattice, values, radii, about, np.array([*rows, len(elements)]))


def _refuse_taken(ring: Lattice, parameters: Iterable[str]) -> None:
    taken = [name for name in parameters if name in ring.parameters]
    if taken:
        raise InputError(f"lattice '{ring.name}' has a parameter '{taken[0]}' already: does it have errors already?")
