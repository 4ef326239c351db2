"""Many linacs with errors: each number depends on the seed, on what it is of and on the linac's number alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from lattice import InputError
from lattice.arrays import Array
from optics.imperfections.draws import GAUSSIAN, standard
from optics.linac.structure.linac import Linac, PermanentQuadrupole, Piece, Tank

_Values = Callable[..., Array]
#: Causes of errors, and what ``Errors`` calls the rms of each.
KINDS: Mapping[str, str] = MappingProxyType(
    {
        "quadrupole offset": "offset",
        "quadrupole roll": "roll",
        "quadrupole gradient": "gradient",
        "unit amplitude": "amplitude",
        "unit phase": "phase",
        "tank amplitude": "tank_amplitude",
        "tank phase": "tank_phase",
    }
)


def drawn_linacs(
    linac: Linac, sizes: Mapping[str, tuple[float, Array]], count: int, *, seed: int, cut: float
) -> list[Linac]:
    """``count`` linacs with errors, on top of those it has; RF phases stay as the design pass set them.

    ``sizes``: by cause (one of ``KINDS``) its rms and the numbers (count,) of the linacs whose errors of it are taken.
    Gaussian within ``cut``. InputError for a cause that there is not, and for a tank without a phase.
    """
    unknown = [cause for cause in sizes if cause not in KINDS]
    if unknown:
        raise InputError(f"a linac has no error '{unknown[0]}'; there are: {', '.join(KINDS)}")

    def values(cause: str, name: str, part: str = "") -> Array:
        if cause not in sizes:
            return np.zeros(count)
        rms, numbers = sizes[cause]
        return rms * standard(seed, (name, f"{cause}{part}"), GAUSSIAN, cut, numbers)

    units = {unit: (values("unit amplitude", unit), values("unit phase", unit)) for unit in linac.units}
    columns = [_column(piece, values, units, count) for piece in linac.pieces]
    return [replace(linac, pieces=tuple(pieces)) for pieces in zip(*columns, strict=True)]


def _column(piece: Piece, values: _Values, units: Mapping[str, tuple[Array, Array]], count: int) -> list[Piece]:
    """One piece in each of the linacs."""
    if isinstance(piece, PermanentQuadrupole):
        return _quadrupoles(piece, values, count)
    if isinstance(piece, Tank):
        return _tanks(piece, values, units[piece.unit], count)
    return [piece] * count


def _quadrupoles(piece: PermanentQuadrupole, values: _Values, count: int) -> list[Piece]:
    dx, dy = (values("quadrupole offset", piece.name, plane) for plane in (" x", " y"))
    roll, gradient = values("quadrupole roll", piece.name), values("quadrupole gradient", piece.name)
    return [
        replace(
            piece,
            dx=piece.dx + float(dx[i]),
            dy=piece.dy + float(dy[i]),
            roll=piece.roll + float(roll[i]),
            gradient=piece.gradient * (1.0 + float(gradient[i])),
        )
        for i in range(count)
    ]


def _tanks(tank: Tank, values: _Values, unit: tuple[Array, Array], count: int) -> list[Piece]:
    if tank.rf_phase is None:
        raise InputError(f"Tank '{tank.name}' has no RF phase yet to be wrong: run the design pass first")
    factor = (1.0 + unit[0]) * (1.0 + values("tank amplitude", tank.name))
    turned = unit[1] + values("tank phase", tank.name)
    return [
        replace(tank, e0=tank.e0 * max(float(factor[i]), 0.0), rf_phase=tank.rf_phase + float(turned[i]))
        for i in range(count)
    ]
