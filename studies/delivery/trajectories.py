"""Trajectories of a delivery: lines with errors, their beams with errors, steered; what comes to the isocentre."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lattice import Lattice, ReferenceParticle
from lattice.arrays import Array
from optics import Moments, track
from optics.imperfections.draws import beam_starts
from optics.imperfections.errors import Imperfect, MagnetErrors, draw_errors
from optics.imperfections.orbit import PLANES, Correction
from optics.line.steering import Arrivals, Sensitivity, arrivals, correct_trajectory, sensitivities
from optics.maps.lattices.trajectories import trajectories
from studies.delivery.spec import TrajectoriesSpec
from studies.runs.logs import LOGGER
from studies.spec.errors import BeamErrorsSpec, ErrorsSpec

#: Part of the machines that a number of them holds for.
PERCENT = 95.0
_TRACKED = 10  # machines whose particles are tracked for losses
_PARTICLES = 500


@dataclass(frozen=True, eq=False)
class Trajectories:
    """Of the setting called ``label``: the ``correction``, arrivals ``before`` it, ``after`` it and with the ripple of
    the spill too; ``along``: what 95 % of the lines keep to, |x| and |y| [m] along s, before and after; ``losses``
    of particles by place over machines, ``tracked`` in each; ``supplies``."""

    label: str
    ideal: Arrivals
    correction: Correction
    before: Arrivals
    after: Arrivals
    rippled: Arrivals
    along: pd.DataFrame
    transmissions: Array
    losses: pd.DataFrame
    supplies: tuple[Sensitivity, ...]
    tracked: int

    def away(self, found: Arrivals) -> Array:
        """Distance of the middle from that of the ideal line: (machines,) [m]."""
        return np.asarray(np.hypot(*(found.position - self.ideal.position).T))

    def turned(self, found: Arrivals) -> Array:
        """Angle from that of the ideal line: (machines,)."""
        return np.asarray(np.hypot(*(found.angle - self.ideal.angle).T))

    def grown(self, found: Arrivals) -> Array:
        """Largest relative change of either size: (machines,)."""
        return np.asarray(np.abs(found.sizes / self.ideal.sizes - 1.0).max(axis=1))

    @property
    def ripple(self) -> Array:
        """How far the ripple moves the corrected beam: (machines,) [m]."""
        return np.asarray(np.hypot(*(self.rippled.position - self.after.position).T))


@dataclass(frozen=True, eq=False)
class Beam:
    """What goes through the lines: ``states`` (n, 6) that enter, their ``moments``, to the place ``at``."""

    particle: ReferenceParticle
    states: Array
    moments: Moments
    at: str
    fringe: str
    seed: int


def steered(label: str, line: Lattice, beam: Beam, spec: TrajectoriesSpec) -> Trajectories:
    """Lines with errors about one setting. Raises what drawing and steering raise."""
    LOGGER.info("%d lines with errors, steered", spec.machines)
    drawn = draw_errors(line, [_errors(one) for one in spec.errors], beam.seed, spec.machines)
    steady = _starts(spec.beam, "steady", beam.seed, spec.machines)
    moving = steady + _starts(spec.ripple, "ripple", beam.seed, spec.machines)
    found = correct_trajectory(
        drawn,
        beam.particle,
        steady,
        monitors=spec.monitors,
        correctors=spec.correctors,
        cut=spec.singular_value_cut,
        limit=spec.largest_kick,
        fringe=beam.fringe,
    )
    after = found.machines.lattice
    transmissions, losses = _lost(found.machines, beam, moving)
    return Trajectories(
        label=label,
        ideal=_arrived(line, beam, np.zeros(6)),
        correction=found,
        before=_arrived(drawn.lattice, beam, steady),
        after=_arrived(after, beam, steady),
        rippled=_arrived(after, beam, moving),
        along=_along(drawn, found.machines, beam, steady),
        transmissions=transmissions,
        losses=losses,
        supplies=sensitivities(line, beam.particle, beam.moments, beam.at, fringe=beam.fringe),
        tracked=len(beam.states[:_PARTICLES]),
    )


def _arrived(line: Lattice, beam: Beam, start: Array) -> Arrivals:
    return arrivals(line, beam.particle, beam.moments, start, beam.at, fringe=beam.fringe)


def _errors(one: ErrorsSpec) -> MagnetErrors:
    return MagnetErrors(**one.model_dump())


def _starts(spec: BeamErrorsSpec, stream: str, seed: int, machines: int) -> Array:
    """Where the middle of each beam begins, (machines, 6): random, each coordinate a stream of its own."""
    return beam_starts(seed, stream, spec.rms, dict.fromkeys(spec.rms, np.arange(machines)))


def _along(before: Imperfect, after: Imperfect, beam: Beam, start: Array) -> pd.DataFrame:
    table = {"s": before.ideal.s}
    for name, machines in (("before", before), ("after", after)):
        every = trajectories(machines.lattice, beam.particle, start, fringe=beam.fringe, places=machines.rows)
        for plane, column in zip(PLANES, (0, 2), strict=True):
            table[f"{plane}_{name}"] = np.percentile(np.abs(every[:, :, column]), PERCENT, axis=0)
    return pd.DataFrame(table)


def _lost(machines: Imperfect, beam: Beam, start: Array) -> tuple[Array, pd.DataFrame]:
    """Part of the particles that arrives in some of the lines, and what is lost where, over all of these."""
    number, states = min(_TRACKED, machines.machines), beam.states[:_PARTICLES]
    parts, lost = [], []
    for k in range(number):
        line = machines.one(k).lattice
        ends = track(line[: line.row(beam.at)], beam.particle, states + start[k], fringe=beam.fringe)
        parts.append(float(ends.alive.mean()))
        lost.append(ends.lost)
    every = pd.concat(lost, ignore_index=True)
    shares = every.groupby(["element", "s"], sort=False).agg(lost=("particle", "size")).reset_index()
    shares["lost"] = shares["lost"] / (number * len(states))
    return np.array(parts), shares.sort_values("s", ignore_index=True)
