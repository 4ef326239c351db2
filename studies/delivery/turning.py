"""What a gantry's joint does: one setting over all its angles, beside another joint where one is asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lattice.arrays import Array
from lattice.survey import survey
from optics import Moments
from optics.line.response import responses
from optics.line.settings import Settings
from studies.delivery.cases import Case, settings_of
from studies.delivery.resolution import ResolvedDelivery, SetLine
from studies.runs.logs import LOGGER

_STEP = 5.0  # degrees between the angles of a curve


@dataclass(frozen=True, eq=False)
class Joint:
    """One way of joining the gantry: the settings of all cases, and of the case shown ``sizes`` and ``slopes`` (rms
    [m] and rad, (A, 2)) over the fine angles."""

    title: str
    found: Settings
    sizes: Array
    slopes: Array


@dataclass(frozen=True, eq=False)
class Turning:
    """Joints of a line, the first its own; ``case``: the one whose curves over ``angles_deg`` are kept; ``sides``: the
    survey of the gantry at each angle of the study, from its turn, the axis along Z."""

    joints: tuple[Joint, ...]
    case: Case
    angles_deg: Array
    sides: dict[str, pd.DataFrame]


def turning_of(resolved: ResolvedDelivery, cases: tuple[Case, ...], beams: Moments, found: Settings) -> Turning | None:
    """Facts of the gantry; None of a line without one."""
    if resolved.turned is None:
        return None
    LOGGER.info("the gantry at every angle")
    shown = cases[(len(resolved.particles) // 2) * len(resolved.study.spots)]
    angles = np.arange(0.0, 180.0 + _STEP / 2, _STEP)
    joints = [_joint(resolved, resolved.own, found, beams, shown, angles)]
    if resolved.rival is not None:
        other = settings_of(resolved, resolved.rival, cases, beams)
        joints.append(_joint(resolved, resolved.rival, other, beams, shown, angles))
    return Turning(tuple(joints), shown, angles, _sides(resolved))


def _joint(
    resolved: ResolvedDelivery, asked: SetLine, found: Settings, beams: Moments, case: Case, angles: Array
) -> Joint:
    assert resolved.turned is not None
    every = len(angles)
    line = asked.line.with_parameters({resolved.turned[0]: np.radians(angles)})
    knobs = {name: np.full(every, found.values[case.number, k]) for k, name in enumerate(found.knobs)}
    sigma = np.repeat(beams.sigma[case.number][None], every, axis=0)
    end = responses(line, beams.particle, knobs, sigma, asked.isocentre, fringe=resolved.study.model.fringe).end
    rms = np.sqrt(np.diagonal(end, axis1=1, axis2=2))
    return Joint(asked.title, found, rms[:, [0, 2]], rms[:, [1, 3]])


def _sides(resolved: ResolvedDelivery) -> dict[str, pd.DataFrame]:
    """The orbit behind the turn of the frame at each angle, as a survey that begins there along Z."""
    assert resolved.turned is not None
    lines = [resolved.line.with_parameters({resolved.turned[0]: angle}) for angle in resolved.angles]
    tables = [pd.DataFrame(survey(line)) for line in lines]
    begin = min(_leaves(table) for table in tables)
    names = [f"{np.degrees(angle):.4g} deg" for angle in resolved.angles]
    return {name: _from(table.iloc[begin:]) for name, table in zip(names, tables, strict=True)}


def _leaves(table: pd.DataFrame) -> int:
    """The last row before the orbit leaves the floor's plane; where it does not, the last but one."""
    high = np.flatnonzero(table["Y"].to_numpy() != 0.0)
    return max((int(high[0]) if len(high) else len(table) - 1) - 1, 0)


def _from(table: pd.DataFrame) -> pd.DataFrame:
    """A survey turned and shifted so that it begins at the origin along Z."""
    x, z, angle = (table[name] - table[name].iloc[0] for name in ("X", "Z", "theta"))
    turn = table["theta"].iloc[0]
    aside, along = x * np.cos(turn) - z * np.sin(turn), x * np.sin(turn) + z * np.cos(turn)
    return table[["s", "Y", "phi"]].assign(X=aside, Z=along, theta=angle)
