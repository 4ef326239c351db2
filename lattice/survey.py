"""Where a machine stands: the reference orbit in the global coordinates of MAD-X.

At theta = phi = psi = 0 the orbit points along Z, X is to the left, Y up. A positive bend turns to the right (theta
falls). W = R_y(theta) R_x(-phi) R_z(psi) turns local into global coordinates (MAD-X user's guide, "Reference
systems").
"""

from __future__ import annotations

from math import atan2, cos, hypot, pi, sin
from typing import TYPE_CHECKING

import numpy as np

from lattice.arrays import Array
from lattice.elements import Bend, Element, Multipole, SRotation, Translation, XRotation, YRotation
from lattice.errors import InputError

if TYPE_CHECKING:
    from lattice.lattice import Lattice

Vector = Array
Matrix = Array

COLUMNS = ("s", "X", "Y", "Z", "theta", "phi", "psi")


def turns_once(lattice: Lattice) -> bool:
    """Whether the bends turn the reference orbit once round, as those of a ring do."""
    bends = (element for element in lattice.elements if isinstance(element, Bend))
    return bool(np.all(np.isclose(np.abs(sum(lattice.value(bend.angle) for bend in bends)), 2 * pi, rtol=1e-3)))


def survey(
    lattice: Lattice,
    *,
    X: float = 0.0,
    Y: float = 0.0,
    Z: float = 0.0,
    theta: float = 0.0,
    phi: float = 0.0,
    psi: float = 0.0,
) -> dict[str, Array]:
    """Floor coordinates of the reference orbit at the entrance of each element and at the end, from a given start.

    Columns of length len(lattice) + 1: "name" (as in tables, the last one "_end"), "s", "X", "Y", "Z" [m], "theta",
    "phi", "psi" [rad] (MAD-X; theta and psi are continuous along the orbit). As in MAD-X's SURVEY the skew dipole of
    a multipole does not turn the orbit.

    Returns:
        The columns by name. ``optics.survey`` gives the same as a pandas table.

    Raises:
        InputError: a batch of lattices.

    Example:
        >>> from lattice import Bend, Lattice
        >>> floor = survey(Lattice("quarter", elements=[Bend("b", length=1.0, angle=1.5707963267948966)]))
        >>> print(round(float(floor["X"][-1]), 6), round(float(floor["theta"][-1]), 6))
        -0.63662 -1.570796
    """
    if lattice.batch is not None:
        raise InputError(
            f"lattice '{lattice.name}' holds {lattice.batch} lattices in one; survey one of them: {lattice.way_to_one}"
        )
    distinct = {element.name: element for element in lattice.elements}
    steps = {name: _step(lattice.resolved(element)) for name, element in distinct.items()}
    position, frame = np.array([X, Y, Z]), _rotation(theta, phi, psi)
    rows = [np.array([*position, theta, phi, psi])]
    for element in lattice.elements:
        displacement, turn = steps[element.name]
        position, frame = position + frame @ displacement, frame @ turn
        rows.append(np.array([*position, *_angles(frame, rows[-1][3], rows[-1][5])]))
    columns = np.column_stack([lattice.s, np.array(rows)]).T
    return {"name": np.array([*lattice.names, "_end"], dtype=object), **dict(zip(COLUMNS, columns, strict=True))}


def _step(element: Element) -> tuple[Vector, Matrix]:
    """Displacement and turn of the local frame from the entrance of an element (with numbers) to its exit."""
    if isinstance(element, Bend):
        return _arc(float(element.length), float(element.angle), float(element.tilt))
    if isinstance(element, Multipole) and element.knl:
        return _arc(0.0, float(element.knl[0]), float(element.tilt))
    if isinstance(element, Translation):
        return np.array([element.dx, element.dy, element.ds], dtype=float), np.eye(3)
    if isinstance(element, (SRotation, XRotation, YRotation)):
        angles = {YRotation: "theta", XRotation: "phi", SRotation: "psi"}
        sign = -1 if isinstance(element, XRotation) else 1
        turn = {"theta": 0.0, "phi": 0.0, "psi": 0.0, angles[type(element)]: sign * float(element.angle)}
        return np.zeros(3), _rotation(**turn)
    return np.array([0.0, 0.0, float(getattr(element, "length", 0.0))]), np.eye(3)


def _arc(length: float, angle: float, tilt: float) -> tuple[Vector, Matrix]:
    """An arc that turns to the right (towards negative x), rolled by ``tilt``."""
    half = angle / 2
    chord = length * np.sinc(half / np.pi)
    roll = _about_s(tilt)
    turn = np.array([[cos(angle), 0.0, -sin(angle)], [0.0, 1.0, 0.0], [sin(angle), 0.0, cos(angle)]])
    return roll @ np.array([-chord * sin(half), 0.0, chord * cos(half)]), roll @ turn @ roll.T


def _about_s(angle: float) -> Matrix:
    return np.array([[cos(angle), -sin(angle), 0.0], [sin(angle), cos(angle), 0.0], [0.0, 0.0, 1.0]])


def _rotation(theta: float, phi: float, psi: float) -> Matrix:
    about_y = np.array([[cos(theta), 0.0, sin(theta)], [0.0, 1.0, 0.0], [-sin(theta), 0.0, cos(theta)]])
    about_x = np.array([[1.0, 0.0, 0.0], [0.0, cos(phi), sin(phi)], [0.0, -sin(phi), cos(phi)]])
    frame: Matrix = about_y @ about_x @ _about_s(psi)
    return frame


def _angles(frame: Matrix, theta_before: float, psi_before: float) -> tuple[float, float, float]:
    """theta, phi, psi of a frame; theta and psi without jumps of a whole turn."""
    theta = atan2(frame[0, 2], frame[2, 2])
    phi = atan2(frame[1, 2], hypot(frame[1, 0], frame[1, 1]))
    psi = atan2(frame[1, 0], frame[1, 1])
    return _nearest_turn(theta, theta_before), phi, _nearest_turn(psi, psi_before)


def _nearest_turn(angle: float, before: float) -> float:
    return angle + 2 * np.pi * round((before - angle) / (2 * np.pi))
