"""One element with its errors: changes of the frame before and behind it, changed strengths, thin multipoles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import factorial
from typing import Any

import numpy as np

from lattice import (
    Bend,
    Element,
    LatticeError,
    Multipole,
    Octupole,
    Quadrupole,
    Sextupole,
    SRotation,
    Translation,
    XRotation,
    YRotation,
)
from lattice.arrays import Array

Frames = tuple[Array, Array]  # axes as columns (n, 3, 3) and origin (n, 3), seen from another frame

#: Errors of where a magnet stands, as they are called everywhere.
ALIGNMENT = ("dx", "dy", "ds", "roll", "pitch", "yaw")

#: Order of the main field of the magnets that can have an error of their field, and the attributes that scale with it.
_FIELDS: dict[type[Element], tuple[int, tuple[str, ...]]] = {
    Bend: (0, ("k1", "k2")),
    Quadrupole: (1, ("k1", "k1s")),
    Sextupole: (2, ("k2", "k2s")),
    Octupole: (3, ("k3", "k3s")),
}
_NOTHING = 1e-15  # m, rad: rounding of the frames' arithmetic


def refuse_without_field(element: Element, column: str) -> None:
    """LatticeError for an error of the field of what has none."""
    if type(element) not in _FIELDS:
        raise LatticeError(
            f"{type(element).__name__} '{element.name}' takes no error '{column}': bends, quadrupoles, sextupoles and "
            "octupoles do"
        )


def field_column(order: int, skew: bool) -> str:
    """How the relative field error of an order is called: normal_2, skew_1."""
    return f"{'skew' if skew else 'normal'}_{order}"


def imperfect_element(
    numbers: Element, written: Element, errors: Mapping[str, Array], fraction: float, radius: float
) -> tuple[list[Element], dict[str, Array]]:
    """The element with its ``errors`` (machines,) as a list of elements, and the parameters (machines,) they use.

    ``numbers`` is the element resolved, ``written`` as it stands in the lattice. Turns are about the point at
    ``fraction`` of the length. Multipole errors act half at the entrance, half at the exit, in the magnet's frame.
    """
    name = written.name
    parameters: dict[str, Array] = {}
    before: list[Element] = []
    behind: list[Element] = []
    if any(column in errors for column in ALIGNMENT):
        entrance, exit_ = misaligned_frames(numbers, errors, fraction)
        before, behind = (
            _change_of_frame(f"{name}_{side}", frames, parameters)
            for side, frames in (("in", entrance), ("out", exit_))
        )
    magnet = written
    if "field" in errors:
        parameters[f"{name}_field"] = errors["field"]
        magnet = _with_field(written, f"{name}_field")
    half = half_multipole(written, errors, radius, parameters)
    around = [replace(half, name=f"{name}_{side}_field") for side in ("in", "out")] if half is not None else []
    return [*before, *around[:1], magnet, *around[1:], *behind], parameters


# -------------------------------------------------------------------------------------------------------- frames


def misaligned_frames(element: Element, errors: Mapping[str, Array], fraction: float) -> tuple[Frames, Frames]:
    """The magnet's entrance frame seen from the design's, and the design's exit frame seen from the magnet's.

    With C the frame at ``fraction`` of the length seen from the entrance, X that of the exit, and D the displaced
    magnet seen from C, the magnet is moved by G = C D C^-1, and the frames are G and X^-1 G^-1 X.
    """
    length, angle, tilt = (float(getattr(element, key, 0.0)) for key in ("length", "angle", "tilt"))
    if isinstance(element, Multipole):
        angle = float(element.knl[0]) if element.knl else 0.0
    pivot = _along_arc(fraction * length, fraction * angle, tilt)
    exit_ = _along_arc(length, angle, tilt)
    moved = _then(_then(pivot, _displacement(errors)), _back(pivot))
    return moved, _then(_then(_back(exit_), _back(moved)), exit_)


def _along_arc(length: float, angle: float, tilt: float) -> Frames:
    """The frame after an arc, seen from its beginning: it bends towards -x, rolled by ``tilt``."""
    half = 0.5 * angle
    chord = length * np.sinc(half / np.pi)
    axes = np.array([[np.cos(angle), 0, -np.sin(angle)], [0, 1, 0], [np.sin(angle), 0, np.cos(angle)]])
    origin = np.array([-chord * np.sin(half), 0.0, chord * np.cos(half)])
    roll = _about_s(np.array([tilt]))
    return roll @ axes @ roll.swapaxes(-1, -2), (roll @ origin)


def _displacement(errors: Mapping[str, Array]) -> Frames:
    """The moved magnet seen from where it should be: W = Theta Phi Psi, the order of MAD-X's survey."""
    n = len(next(iter(errors.values())))
    value = {column: errors.get(column, np.zeros(n)) for column in ALIGNMENT}
    axes = _about_y(value["yaw"]) @ _about_x(value["pitch"]) @ _about_s(value["roll"])
    return axes, np.stack([value["dx"], value["dy"], value["ds"]], axis=-1)


def _about_y(angle: Array) -> Array:
    """s towards x."""
    return _matrix(angle, [["c", "0", "s"], ["0", "1", "0"], ["-s", "0", "c"]])


def _about_x(angle: Array) -> Array:
    """s towards y."""
    return _matrix(angle, [["1", "0", "0"], ["0", "c", "s"], ["0", "-s", "c"]])


def _about_s(angle: Array) -> Array:
    """x towards y."""
    return _matrix(angle, [["c", "-s", "0"], ["s", "c", "0"], ["0", "0", "1"]])


def _matrix(angle: Array, entries: list[list[str]]) -> Array:
    values = {"c": np.cos(angle), "s": np.sin(angle), "-s": -np.sin(angle)}
    values |= {"0": np.zeros_like(angle), "1": np.ones_like(angle)}
    return np.stack([np.stack([values[entry] for entry in row], axis=-1) for row in entries], axis=-2)


def _then(first: Frames, second: Frames) -> Frames:
    """``second``, which is seen from ``first``, seen from where that is seen from."""
    axes, origin = first
    return axes @ second[0], origin + (axes @ second[1][..., None])[..., 0]


def _back(frames: Frames) -> Frames:
    axes, origin = frames
    inverse = axes.swapaxes(-1, -2)
    return inverse, -(inverse @ origin[..., None])[..., 0]


def _change_of_frame(prefix: str, frames: Frames, parameters: dict[str, Array]) -> list[Element]:
    """Elements that lead into a frame, without those that do nothing; their numbers go into ``parameters``."""
    axes, origin = frames
    yaw = np.arctan2(axes[:, 0, 2], axes[:, 2, 2])
    pitch = np.arcsin(axes[:, 1, 2])
    roll = np.arctan2(axes[:, 1, 0], axes[:, 1, 1])
    values = {"dx": origin[:, 0], "dy": origin[:, 1], "ds": origin[:, 2], "yaw": yaw, "pitch": -pitch, "roll": roll}
    acting = {key: value for key, value in values.items() if np.any(np.abs(value) > _NOTHING)}
    parameters |= {f"{prefix}_{key}": value for key, value in acting.items()}
    name = {key: f"{prefix}_{key}" if key in acting else 0.0 for key in values}
    elements: list[Element] = []
    if acting.keys() & {"dx", "dy", "ds"}:
        elements.append(Translation(f"{prefix}_shift", dx=name["dx"], dy=name["dy"], ds=name["ds"]))
    for key, kind in (("yaw", YRotation), ("pitch", XRotation), ("roll", SRotation)):
        if key in acting:
            elements.append(kind(f"{prefix}_{key}_turn", angle=name[key]))
    return elements


# -------------------------------------------------------------------------------------------------------- fields


def _with_field(element: Element, parameter: str) -> Element:
    """The element with all its field scaled by 1 + ``parameter``; of a bend the reference orbit stays."""
    scaled: dict[str, Any] = {
        attribute: f"({strength}) * (1 + {parameter})"
        for attribute in _FIELDS[type(element)][1]
        if (strength := getattr(element, attribute)) != 0.0
    }
    if isinstance(element, Bend):
        scaled["k0"] = f"({_curvature(element)}) * (1 + {parameter})"
    return replace(element, **scaled)


def _curvature(bend: Bend) -> str:
    return f"({bend.angle}) / ({bend.length})" if bend.k0 is None else str(bend.k0)


def half_multipole(
    element: Element, errors: Mapping[str, Array], radius: float, parameters: dict[str, Array]
) -> Multipole | None:
    """Half the multipole errors of a magnet as a thin lens (or None), K_n L = b_n K_m L n!/m! r^(m - n)."""
    columns = {column for column in errors if column.startswith(("normal_", "skew_"))}
    if not columns:
        return None
    order, attributes = _FIELDS[type(element)]
    main = _curvature(element) if isinstance(element, Bend) else str(getattr(element, attributes[0]))
    highest = max(int(column.rpartition("_")[2]) for column in columns)
    parameters |= {f"{element.name}_{column}": errors[column] for column in columns}

    def strength(n: int, skew: bool) -> float | str:
        column = field_column(n, skew)
        if column not in columns:
            return 0.0
        factor = 0.5 * factorial(n) / factorial(order) * radius ** (order - n)
        return f"{factor!r} * {element.name}_{column} * ({main}) * ({getattr(element, 'length', 1.0)})"

    knl, ksl = (tuple(strength(n, skew) for n in range(highest + 1)) for skew in (False, True))
    return Multipole(element.name, knl=knl, ksl=ksl, tilt=getattr(element, "tilt", 0.0))
