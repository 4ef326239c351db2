"""What a linac is: tanks of cells, permanent-magnet quadrupoles and pipes in a row; frozen values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from itertools import accumulate
from math import isfinite, pi
from typing import Any

from lattice import InputError, ReferenceParticle
from lattice.errors import did_you_mean, listed
from lattice.magnitudes import require_numbers
from lattice.reference import SPEED_OF_LIGHT
from lattice.showing import Showing
from optics.linac.structure.transit import TransitTime, sine_cell

#: Phase advance of the field from cell to cell [rad], and cell length over beta lambda, of each mode.
MODES = {"pi": (pi, 0.5), "0": (0.0, 1.0)}


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Base of all pieces: a name, a ``length`` [m] and the radius ``bore`` [m] of its opening."""

    name: str = field(kw_only=False)
    length: float
    bore: float

    def __post_init__(self) -> None:
        if not (isinstance(self.name, str) and self.name):
            raise InputError(f"a piece of a linac needs a name, found {self.name!r}")
        require_numbers(f"{type(self).__name__} '{self.name}'", **self._numbers)
        self._require("length", self.length >= 0, "a number of m not below 0")
        self._require("bore", self.bore > 0, "a radius in m above 0")

    @property
    def _numbers(self) -> dict[str, Any]:
        """Values of the attributes that are numbers."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.type in ("float", "int")}

    def _require(self, attribute: str, holds: bool, expected: str) -> None:
        value = getattr(self, attribute)
        if not (holds and isfinite(value)):
            raise InputError(f"{type(self).__name__} '{self.name}': {attribute} must be {expected}, found {value!r}")


@dataclass(frozen=True, kw_only=True)
class Pipe(Piece):
    """Field-free straight."""


@dataclass(frozen=True, kw_only=True)
class PermanentQuadrupole(Piece):
    """Quadrupole of fixed ``gradient`` [T/m], above 0 focusing x for a positive charge.

    Displaced by ``dx``, ``dy`` [m] and turned by ``roll`` [rad] about the axis.
    """

    gradient: float
    dx: float = 0.0
    dy: float = 0.0
    roll: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        for attribute in ("gradient", "dx", "dy", "roll"):
            self._require(attribute, True, "finite")


@dataclass(frozen=True, kw_only=True)
class Tank(Piece):
    """Standing-wave tank of ``cells`` equal cells, together ``length`` [m] long.

    ``mode`` "pi" (field reversed from cell to cell) or "0"; ``e0`` mean on-axis field [V/m]; ``frequency`` [Hz];
    ``synchronous_phase`` [rad] from the crest of the tank's energy gain, below 0 where late particles gain more;
    ``cell`` its transit-time factor; ``unit`` the RF unit that feeds it. ``rf_phase`` [rad], the phase of the first
    cell's field when the reference particle enters the linac, is set by the design pass and kept by all others.
    """

    cells: int
    e0: float
    frequency: float
    synchronous_phase: float = 0.0
    mode: str = "pi"
    cell: TransitTime = field(default_factory=sine_cell)
    unit: str = ""
    rf_phase: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.mode not in MODES:
            raise InputError(f"Tank '{self.name}': mode must be one of {listed(MODES)}, found {self.mode!r}")
        self._require("cells", self.cells == int(self.cells) and self.cells >= 1, "a whole number above 0")
        self._require("length", self.length > 0, "a number of m above 0")
        self._require("e0", self.e0 >= 0, "a field in V/m not below 0 (turn the phase instead)")
        self._require("frequency", self.frequency > 0, "a frequency in Hz above 0")
        self._require("synchronous_phase", abs(self.synchronous_phase) <= pi, "between -pi and pi")

    @property
    def cell_length(self) -> float:
        """Length of one cell [m]."""
        return self.length / self.cells

    @property
    def wavenumber(self) -> float:
        """omega / c [1/m]."""
        return 2.0 * pi * self.frequency / SPEED_OF_LIGHT

    @property
    def beta(self) -> float:
        """The velocity over c that is in step with the cells: cell length = beta lambda / 2 or beta lambda."""
        return self.cell_length * self.frequency / (SPEED_OF_LIGHT * MODES[self.mode][1])

    @property
    def synchronous_factor(self) -> float:
        """Transit-time factor at that velocity."""
        return float(self.cell(2.0 * pi * MODES[self.mode][1]))

    @property
    def e0t(self) -> float:
        """Effective field E0 T of a synchronous particle [V/m]."""
        return self.e0 * self.synchronous_factor

    @property
    def betas(self) -> tuple[float, float]:
        """Velocities over c, lowest and highest, that the transit-time factor covers."""
        q = self.wavenumber * self.cell_length
        return q / self.cell.high, q / self.cell.low


@dataclass(frozen=True, repr=False)
class Linac(Showing):
    """Pieces in the order of the beam, and the ``particle`` that enters.

    Names are unique; a piece is ``linac["name"]``. Raises InputError for repeated names or no pieces.
    """

    name: str
    particle: ReferenceParticle
    pieces: tuple[Piece, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "pieces", tuple(self.pieces))
        wrong = [piece for piece in self.pieces if not isinstance(piece, (Pipe, PermanentQuadrupole, Tank))]
        if wrong or not self.pieces:
            raise InputError(f"linac '{self.name}' is made of Pipe, PermanentQuadrupole and Tank, found {wrong[:1]!r}")
        names = [piece.name for piece in self.pieces]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise InputError(f"linac '{self.name}': names must be unique, found more than once: {listed(repeated)}")

    def summary(self) -> Mapping[str, Any]:
        """Name, entering particle, length, and what it is made of."""
        return {
            "name": self.name,
            "particle": str(self.particle),
            "length": f"{self.length:.6g} m",
            "pieces": f"{len(self.pieces)}: {len(self.tanks)} tanks, {len(self.quadrupoles)} quadrupoles",
            "units": self.units,
        }

    @cached_property
    def _index(self) -> dict[str, int]:
        return {piece.name: i for i, piece in enumerate(self.pieces)}

    def __getitem__(self, name: str) -> Piece:
        """The piece called ``name``. Raises InputError with the nearest name when there is none."""
        return self.pieces[self.place(name)]

    def place(self, name: str) -> int:
        """Number of the piece called ``name``."""
        if name not in self._index:
            raise InputError(f"linac '{self.name}' has no piece '{name}'{did_you_mean(str(name), self._index)}")
        return self._index[name]

    @cached_property
    def s(self) -> tuple[float, ...]:
        """Places of the pieces' entrances, and of the end [m]."""
        return (0.0, *accumulate(piece.length for piece in self.pieces))

    @property
    def length(self) -> float:
        """Length [m]."""
        return self.s[-1]

    @cached_property
    def tanks(self) -> tuple[Tank, ...]:
        """The tanks in order."""
        return tuple(piece for piece in self.pieces if isinstance(piece, Tank))

    @cached_property
    def quadrupoles(self) -> tuple[PermanentQuadrupole, ...]:
        """The quadrupoles in order."""
        return tuple(piece for piece in self.pieces if isinstance(piece, PermanentQuadrupole))

    @cached_property
    def units(self) -> tuple[str, ...]:
        """The RF units in the order in which the beam meets them."""
        return tuple(dict.fromkeys(tank.unit for tank in self.tanks))

    def with_pieces(self, pieces: Iterable[Piece]) -> Linac:
        """The linac with these pieces in place of those of the same names."""
        changed = {piece.name: piece for piece in pieces}
        for name in changed:
            self.place(name)
        return replace(self, pieces=tuple(changed.get(piece.name, piece) for piece in self.pieces))

    def with_gradients(self, gradients: Mapping[str, float] | Sequence[float]) -> Linac:
        """The linac with other quadrupole gradients [T/m], by name or one for each in order."""
        if not isinstance(gradients, Mapping):
            if len(gradients) != len(self.quadrupoles):
                raise InputError(
                    f"linac '{self.name}' has {len(self.quadrupoles)} quadrupoles, found {len(gradients)} gradients"
                )
            gradients = dict(zip((magnet.name for magnet in self.quadrupoles), gradients, strict=True))
        return self.with_pieces(replace(self.magnet(name), gradient=float(g)) for name, g in gradients.items())

    def with_units(
        self, amplitude: Mapping[str, float] | None = None, phase: Mapping[str, float] | None = None
    ) -> Linac:
        """The linac with units scaled by ``amplitude`` (0: off) and turned by ``phase`` [rad].

        RF phases stay as the design pass set them: this is what switching energy is. Raises InputError for an unknown
        unit.
        """
        amplitude, phase = dict(amplitude or {}), dict(phase or {})
        for unit in (*amplitude, *phase):
            if unit not in self.units:
                raise InputError(
                    f"linac '{self.name}' has no unit '{unit}'{did_you_mean(str(unit), self.units)} "
                    f"Units: {listed(self.units)}"
                )
        return self.with_pieces(
            _driven(tank, amplitude.get(tank.unit, 1.0), phase.get(tank.unit, 0.0))
            for tank in self.tanks
            if tank.unit in amplitude or tank.unit in phase
        )

    def magnet(self, name: str) -> PermanentQuadrupole:
        """The quadrupole called ``name``. Raises InputError when it is something else."""
        piece = self[name]
        if not isinstance(piece, PermanentQuadrupole):
            raise InputError(f"linac '{self.name}': '{name}' is no quadrupole but a {type(piece).__name__}")
        return piece


def _driven(tank: Tank, amplitude: float, phase: float) -> Tank:
    if phase and tank.rf_phase is None:
        raise InputError(f"Tank '{tank.name}' has no RF phase yet to be turned: run the design pass first")
    changes: dict[str, Any] = {"e0": tank.e0 * amplitude}
    if tank.rf_phase is not None:
        changes["rf_phase"] = tank.rf_phase + phase
    return replace(tank, **changes)
