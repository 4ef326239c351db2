"""Linacs as built: errors drawn, the same particles tracked through each, and the numbers of each linac."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import radians

import numpy as np
import pandas as pd

from lattice import HadronOpticsError, Lattice
from lattice.arrays import Array
from optics.linac import track
from optics.linac.bunch import shifted
from optics.linac.result import kept
from optics.linac.structure.drawn import KINDS, drawn_linacs
from optics.linac.structure.lattices import lattice_of
from optics.linac.structure.linac import Linac
from studies.linac.resolution import ResolvedLinac
from studies.runs.rows import COMPUTED, STATUS
from studies.tolerances.linac.spec import LinacTolerancesStudy
from studies.tolerances.sampling import Cause, Drawing, Sampling, costs_of

#: Linacs computed together: a second or two.
BATCH = 32
NUMBERS = ("energy_error", "transmission_errors", "trajectory_x", "trajectory_y")
#: Errors of the source: what the study calls them, and of which coordinates they are.
SOURCE = {
    "source offset": ("x", "y"),
    "source angle": ("px", "py"),
    "source energy": ("energy",),
    "source phase": ("phase",),
}
_SOURCE_CUT = 3.0


@dataclass(frozen=True)
class Linacs:
    """The machines of a resolved study."""

    resolved: ResolvedLinac[LinacTolerancesStudy]

    @property
    def linac(self) -> Linac:
        """The linac without errors."""
        return self.resolved.machine.linac

    @cached_property
    def sizes(self) -> dict[str, float]:
        """The rms of each cause that has one."""
        errors, source = self.resolved.machine.errors, self.resolved.study.tolerances.source
        own = {cause: float(getattr(errors, key)) for cause, key in KINDS.items()}
        own |= {"source offset": source.offset_um * 1e-6, "source angle": source.angle_mrad * 1e-3}
        own |= {"source energy": source.energy, "source phase": radians(source.phase_deg)}
        return {cause: rms for cause, rms in own.items() if rms > 0.0}

    @cached_property
    def sampling(self) -> Sampling:
        """The cases of the study. InputError for the cost of what has no error."""
        spec = self.resolved.study.tolerances
        costs = costs_of(spec.cost, tuple(self.sizes), "tolerances")
        causes = tuple(Cause(name, cost) for name, cost in costs.items())
        return Sampling(causes, spec.machines, spec.mixed)

    @cached_property
    def _particles(self) -> Array:
        study = self.resolved.study
        return self.resolved.machine.sample(study.tolerances.tracked, study.seed)

    @cached_property
    def _energy(self) -> float:
        """Mean energy [eV] of the same particles at the end of the linac without errors."""
        return float(kept(self.linac, track(self.linac, self._particles, threads=1)).energies.mean())

    def measured(self, drawing: Drawing) -> pd.DataFrame:
        """A row a linac; one that loses all particles transmits 0 and has no other numbers."""
        pairs = zip(self._linacs(drawing), self._starts(drawing), strict=True)
        return pd.DataFrame([self._row(linac, start) for linac, start in pairs])

    def _row(self, linac: Linac, start: Array) -> dict[str, object]:
        try:
            tracked = track(linac, start, threads=1, stations="centres")
            found = kept(linac, tracked)
        except HadronOpticsError as error:
            lost = {**dict.fromkeys(NUMBERS, np.nan), "transmission_errors": 0.0}
            return {STATUS: str(error), **lost}
        assert tracked.stations is not None
        return {
            STATUS: COMPUTED,
            "energy_error": abs(float(found.energies.mean()) / self._energy - 1.0),
            "transmission_errors": found.transmission,
            "trajectory_x": float(tracked.stations["x"].abs().max()),
            "trajectory_y": float(tracked.stations["y"].abs().max()),
        }

    def _scales(self, drawing: Drawing) -> Mapping[str, tuple[float, Array]]:
        """The rms of each cause, scaled, and the numbers of the machines whose errors of it are taken."""
        causes = zip(self.sampling.causes, drawing.scales, drawing.numbers, strict=True)
        return {cause.name: (self.sizes[cause.name] * float(scale), numbers) for cause, scale, numbers in causes}

    def _linacs(self, drawing: Drawing) -> list[Linac]:
        sizes = self._scales(drawing)
        own = {name: value for name, value in sizes.items() if name in KINDS}
        count = drawing.numbers.shape[1]
        return drawn_linacs(self.linac, own, count, seed=self.resolved.study.seed, cut=self.resolved.machine.errors.cut)

    def _starts(self, drawing: Drawing) -> list[Array]:
        sizes, count = self._scales(drawing), drawing.numbers.shape[1]
        linac, frequency = self.linac, self.resolved.machine.bunch.frequency
        moves = {
            coordinate: sizes[cause][0] * source_draws(self.resolved.study.seed, coordinate, sizes[cause][1])
            for cause, coordinates in SOURCE.items()
            if cause in sizes
            for coordinate in coordinates
        }
        each = [{name: float(values[i]) for name, values in moves.items()} for i in range(count)]
        return [shifted(self._particles, linac.particle, frequency, **one) for one in each]

    def one(self, case: int) -> Lattice:
        """One of the cases as a lattice: gradients, phases and voltages as built."""
        return lattice_of(replace(self._linacs(self.sampling.drawing(np.array([case])))[0], name=self.linac.name))


def source_draws(seed: int, coordinate: str, numbers: Array) -> Array:
    """Standard deviates of the source, each coordinate with a stream of its own: (machines,)."""
    from optics.imperfections.draws import GAUSSIAN, standard

    return standard(seed, ("source", coordinate), GAUSSIAN, _SOURCE_CUT, numbers)
