"""The bunch behind the linac at every setting: tracked, and its moments."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lattice import NoSolution
from lattice.arrays import Array
from optics.linac.result import LinacTracked, kept
from optics.linac.structure.cut import downstream, upstream
from optics.linac.structure.linac import Linac
from optics.linac.switching.energies import by_unit
from optics.linac.switching.settings import Settings
from optics.linac.tracking import track
from optics.matter.ranges import range_in_water


def bunches_at(linac: Linac, settings: Settings, start: Array) -> Iterator[LinacTracked | NoSolution]:
    """The bunch at the end for every setting, or why nothing arrives; what all settings share is tracked once."""
    fixed = int(np.argmax(np.any((settings.amplitudes != 1.0) | (settings.phases != 0.0), axis=0)))
    first = next(tank.name for tank in linac.tanks if tank.unit == linac.units[fixed])
    before = upstream(linac, first)
    shared = track(before, start) if before is not None else None
    behind, here = downstream(linac, first), shared.survivors if shared is not None else start
    for amplitude, phase in zip(settings.amplitudes[:, fixed:], settings.phases[:, fixed:], strict=True):
        one = behind.with_units(by_unit(behind, amplitude), by_unit(behind, phase))
        try:
            yield _with_losses(kept(one, track(one, here)), len(start))
        except NoSolution as error:
            yield error


def beam_at_exit(end: LinacTracked | NoSolution, wanted: float) -> dict[str, float]:
    """Moments of the beam at the exit, and Twiss parameters of its covariance. NoSolution where nothing arrived.

    wanted, energy (mean), sigma_energy [eV]; transmission; range [m]; of each plane emittance (normalised rms), size,
    bet [m], divergence, alf.
    """
    arrived = arrived_at(end, wanted)
    cloud, energy = arrived.survivors, arrived.energies
    row = {
        "wanted": wanted,
        "energy": float(energy.mean()),
        "sigma_energy": float(energy.std()),
        "transmission": arrived.transmission,
        "range": float(range_in_water(energy.mean(), arrived.particle.kind)),
    }
    for i, plane in ((0, "x"), (2, "y")):
        row |= {f"emittance_{plane}": arrived.emittance(plane), **_plane(cloud[:, i : i + 2], plane)}
    return row


def _plane(cloud: Array, plane: str) -> dict[str, float]:
    covariance = np.cov(cloud.T)
    geometric = float(np.sqrt(max(np.linalg.det(covariance), 0.0)))
    return {
        f"size_{plane}": float(np.sqrt(covariance[0, 0])),
        f"divergence_{plane}": float(np.sqrt(covariance[1, 1])),
        f"bet{plane}": float(covariance[0, 0] / geometric),
        f"alf{plane}": float(-covariance[0, 1] / geometric),
    }


def arrived_at(end: LinacTracked | NoSolution, energy: float) -> LinacTracked:
    """The bunch itself. NoSolution, naming the ``energy`` [eV], where nothing arrived."""
    if isinstance(end, NoSolution):
        raise NoSolution(f"at {energy / 1e6:.6g} MeV {end}") from None
    return end


def _with_losses(end: LinacTracked, started: int) -> LinacTracked:
    """The result as counted from the entrance of the linac: those lost before stand as rows of nan."""
    missing = started - len(end.alive)
    coordinates = np.vstack([end.coordinates, np.full((missing, 6), np.nan)])
    alive = np.concatenate([end.alive, np.zeros(missing, dtype=bool)])
    return LinacTracked(end.particle, coordinates, alive, end.lost)
