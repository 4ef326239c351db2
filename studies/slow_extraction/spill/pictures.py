"""What drivers do to stack and wedge in time, as figures show it: the motion of both, and every programme."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from extraction.drivers.drivers import BetatronCore, ConstantOptics, Driver, TuneSweep, programme_values
from lattice.arrays import Array
from studies.slow_extraction.spill.case import SpillCase

_MOMENTS = 16  # of the motion
_TIMES = 201  # of a programme


@dataclass(frozen=True, eq=False)
class Motion:
    """How far ``stack`` and ``wedge`` have moved in momentum at each of the ``times`` [s]."""

    times: Array
    stack: Array
    wedge: Array


@dataclass(frozen=True, eq=False)
class Programme:
    """A driver's ``values`` at ``times`` [s], beside those of the straight one (``even``)."""

    times: Array
    values: Array
    even: Array


@dataclass(frozen=True, eq=False)
class Pictures:
    """Motion by the study's own driver, programmes of all by name; ``given`` dp/p and ``flux`` [Wb] of a core."""

    motion: Motion
    programmes: Mapping[str, Programme]
    given: float
    flux: float


def pictures(
    case: SpillCase, drivers: Mapping[str, Driver], straight: Mapping[str, Driver], duration: float
) -> Pictures:
    """``straight`` are the drivers that would move the stack evenly, ``duration`` [s] is that of the spill."""
    name = case.spec.driver
    driver, times = drivers[name], np.linspace(0.0, case.spec.duration_s, _TIMES)
    given = driver.momentum_shift(case.spec.duration_s) if isinstance(driver, BetatronCore) else 0.0
    return Pictures(
        motion=_motion(case, driver, straight[name], np.linspace(0.0, duration, _MOMENTS)),
        programmes={
            key: Programme(times, *(programme_values(which.programme, times) for which in (one, straight[key])))
            for key, one in drivers.items()
        },
        given=given,
        flux=BetatronCore.flux(case.ring, case.particle, given),
    )


def _motion(case: SpillCase, driver: Driver, straight: Driver, moments: Array) -> Motion:
    nothing = np.zeros(len(moments))
    if isinstance(driver, BetatronCore):
        return Motion(moments, programme_values(driver.programme, moments), nothing)
    if isinstance(driver, ConstantOptics):
        return Motion(moments, 1.0 / (1.0 + programme_values(driver.programme, moments)) - 1.0, nothing)
    if isinstance(driver, TuneSweep):
        values = programme_values(driver.programme, moments)
        return Motion(moments, nothing, _sweep_slope(case, straight) * (values - values[0]))
    return Motion(moments, nothing, nothing)


def _sweep_slope(case: SpillCase, straight: Driver) -> float:
    """Momentum by which the wedge moves per unit of the swept parameter."""
    assert isinstance(straight, TuneSweep)
    (_, first), (_, last) = straight.programme  # type: ignore[misc]
    return -case.stack.reach / (last - first)
