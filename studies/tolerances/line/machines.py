"""Lines as built: the errors of their families and of their beams drawn, steered, and the numbers of each line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import pandas as pd

from lattice import InputError, Lattice
from lattice.arrays import Array
from optics.aperture import MomentsEdge, tightest_rooms
from optics.imperfections.draws import beam_starts
from optics.imperfections.errors import Imperfect, one_of
from optics.imperfections.orbit import (
    PLANES,
    Correction,
    OrbitResponse,
    correctors_of,
    kicked,
    monitors_of,
    steerable,
)
from optics.line.steering import Carried, carried, correct_trajectory, trajectory_response
from optics.linear.moments import Moments
from studies.runs.rows import COMPUTED, STATUS
from studies.tolerances.families import Families
from studies.tolerances.line.energies import worst_energy, worst_of
from studies.tolerances.line.resolution import ResolvedLine
from studies.tolerances.line.spec import LineTolerancesSpec
from studies.tolerances.quantities import ENOUGH
from studies.tolerances.sampling import Cause, Drawing, Sampling, costs_of

#: Lines computed together.
BATCH = 256
#: Of a line before it is steered; only where it can be.
BEFORE = ("spot_displacement_uncorrected", "trajectory_x_uncorrected", "trajectory_y_uncorrected")
STEERED = ("corrector_kick", "spot_drift")
ROOM = "clearance_errors"
USUAL = ("spot_displacement", "spot_angle", "spot_size_change", "trajectory_x", "trajectory_y")
#: Errors of the beam that are one cause: of which coordinates they are.
_OF_BEAM = {"position": ("x", "y"), "angle": ("px", "py"), "momentum": ("delta",)}
#: Parts of a thick element: the beam's room is looked at between them too.
_PARTS = 4
#: What steering does not see: it comes afterwards.
_LATER = ("stability",)


@dataclass(frozen=True)
class Passed:
    """Lines with a beam through each: the ``lattice`` as it runs, ``rows`` of the elements without errors in it, where
    the beams run as they are ``carried``; the ``correction`` of what steering saw, None where nothing steers."""

    lattice: Lattice
    rows: Array
    carried: Carried
    correction: Correction | None


@dataclass(frozen=True)
class Lines:
    """The machines of a resolved study."""

    resolved: ResolvedLine

    @property
    def spec(self) -> LineTolerancesSpec:
        """The study's table."""
        return self.resolved.study.tolerances

    @cached_property
    def families(self) -> Families:
        """The families of magnets with errors."""
        return Families(self.spec.errors, self.resolved.study.seed)

    @cached_property
    def _of_beams(self) -> dict[str, tuple[str, dict[str, float]]]:
        """Causes of the beam: of which stream, and rms by coordinate."""
        found = {}
        for name, stream, spec in (("beam", "steady", self.spec.beam), ("ripple", "ripple", self.spec.ripple)):
            for what, coordinates in _OF_BEAM.items():
                sizes = {one: spec.rms[one] for one in coordinates if spec.rms[one] > 0.0}
                if sizes:
                    found[f"{name} {what}"] = (stream, sizes)
        return found

    @cached_property
    def sampling(self) -> Sampling:
        """The cases of the study. InputError for the cost of what has no error."""
        costs = costs_of(self.spec.cost, tuple(self._of_beams), "tolerances")
        causes = (*self.families.causes, *(Cause(name, cost) for name, cost in costs.items()))
        return Sampling(causes, self.spec.machines, self.spec.mixed)

    @cached_property
    def moments(self) -> Moments:
        """The beam that enters, about its middle."""
        spec, particle = self.resolved.study.entering, self.resolved.particle
        assert spec.functions is not None
        scale = 1e-6 / (particle.beta * particle.gamma)
        return Moments.from_functions(
            particle,
            spec.functions.model_dump(),
            emittance_x=spec.normalised_emittance_x_um * scale,
            emittance_y=spec.normalised_emittance_y_um * scale,
            sigma_delta=spec.momentum_spread_rms,
        )

    @cached_property
    def _end(self) -> int:
        """Row of the isocentre."""
        return self.resolved.line.row(self.resolved.isocentre)

    @cached_property
    def ideal(self) -> Carried:
        """The beam through the line without errors."""
        return self._carried(self.resolved.line, np.zeros((1, 6)), self._end)

    def _carried(self, line: Lattice, start: Array, row: int) -> Carried:
        fringe = self.resolved.study.model.fringe
        return carried(line, self.resolved.particle, self.moments, start, row, fringe=fringe, slices=_PARTS)

    @cached_property
    def _middle(self) -> Array:
        """The middle of the beam of the line without errors, at the entrances of its elements and the isocentre."""
        return self.ideal.middle[:, self.ideal.entrances(np.arange(self._end + 1))]

    @cached_property
    def _steering(self) -> tuple[Mapping[str, OrbitResponse], str]:
        """Responses by plane, or none and why."""
        spec, study = self.spec, self.resolved.study
        try:
            return {
                plane: trajectory_response(
                    self.resolved.line,
                    self.resolved.particle,
                    plane,
                    monitors=spec.monitors,
                    correctors=spec.correctors,
                    fringe=study.model.fringe,
                )
                for plane in PLANES
            }, ""
        except InputError as error:
            return {}, str(error)

    def check_instruments(self) -> None:
        """InputError for monitors or correctors that the study names and the line has not."""
        for plane in PLANES:
            if self.spec.monitors is not None:
                monitors_of(self.resolved.line, plane, self.spec.monitors)
            if self.spec.correctors is not None:
                correctors_of(self.resolved.line, plane, self.spec.correctors)

    @cached_property
    def each(self) -> tuple[Lines, ...]:
        """The lines at every energy: these, and those of the settings. InputError for what these name wrongly."""
        return (self, *(Lines(self.resolved.at(setting)) for setting in self.resolved.study.settings))

    @property
    def uncorrected(self) -> str:
        """Why lines cannot be steered; "" where they can, at every energy."""
        return next((one._steering[1] for one in self.each if one._steering[1]), "")

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The numbers of a line that are computed."""
        bounded = any(element.aperture is not None for element in self.resolved.line.elements[: self._end])
        steered = () if self.uncorrected else (*BEFORE, *STEERED)
        return (*steered, *USUAL, *((ROOM,) if bounded else ()))

    # ------------------------------------------------------------------------------------------------- one drawing

    def starts(self, drawing: Drawing, *streams: str) -> Array:
        """Where the middle of each beam begins, with the errors of these ``streams``: (machines, 6)."""
        behind = len(self.families.parts)
        start = np.zeros((drawing.numbers.shape[1], 6))
        for i, (stream, sizes) in enumerate(self._of_beams.values(), behind):
            if stream in streams:
                scaled = {name: rms * float(drawing.scales[i]) for name, rms in sizes.items()}
                numbers = dict.fromkeys(sizes, drawing.numbers[i])
                start += beam_starts(self.resolved.study.seed, stream, scaled, numbers)
        return start

    def passed(self, drawing: Drawing) -> Passed:
        """Lines drawn and steered, with what comes afterwards."""
        line = self.resolved.line
        later = self.families.drawn(line, drawing)
        lattice, correction = later.lattice, None
        if not self.uncorrected:
            steady = self.families.drawn(line, drawing, without=_LATER)
            correction = self.steered(steady, self.starts(drawing, "steady"))
            lattice = kicked(steerable(lattice), correction.responses, correction.kicks)
        start = self.starts(drawing, "steady", "ripple")
        return Passed(lattice, later.rows, self._carried(lattice, start, int(later.rows[self._end])), correction)

    def steered(self, machines: Imperfect, start: Array) -> Correction:
        """Lines corrected as the study says, each with a beam of its own."""
        spec = self.spec
        return correct_trajectory(
            machines,
            self.resolved.particle,
            start,
            method=spec.method,
            cut=spec.singular_value_cut,
            number=spec.correctors_used,
            limit=spec.largest_kick,
            fringe=self.resolved.study.model.fringe,
            responses=self._steering[0],
        )

    def measured(self, drawing: Drawing) -> pd.DataFrame:
        """A row a line: its ``names``, each of its worst energy, and its status; nan where its beam leaves what maps
        describe."""
        return worst_of([one._measured(drawing, self.names) for one in self.each])

    def _measured(self, drawing: Drawing, names: tuple[str, ...]) -> pd.DataFrame:
        found = self.passed(drawing)
        columns = {**self._of_spot(found), **self._along(found)}
        known = np.isfinite(np.stack([columns[name] for name in names])).all(axis=0)
        status = np.where(known, COMPUTED, "no trajectory")
        return pd.DataFrame({STATUS: status, **{name: columns[name] for name in names}})

    def _of_spot(self, found: Passed) -> dict[str, Array]:
        middle, sizes = found.carried.middle[:, -1], found.carried.sizes[:, -1]
        away = middle - self.ideal.middle[:, -1]
        columns = {
            "spot_displacement": _distance(away),
            "spot_angle": np.hypot(away[:, 1], away[:, 3]),
            "spot_size_change": np.abs(sizes / self.ideal.sizes[:, -1] - 1.0).max(axis=1),
        }
        if found.correction is None:
            return columns
        before, after = (self._at_isocentre(found.correction, orbit) for orbit in found.correction.orbits)
        return columns | {
            "corrector_kick": found.correction.largest_kicks,
            "spot_drift": _distance(middle - after),
            "spot_displacement_uncorrected": _distance(before - self.ideal.middle[:, -1]),
        }

    def _at_isocentre(self, correction: Correction, orbit: Array) -> Array:
        return np.asarray(orbit[:, correction.machines.rows[self._end]])

    def _along(self, found: Passed) -> dict[str, Array]:
        columns = self._largest("trajectory_{}", self._at_entrances(found))
        if found.correction is not None:
            own = found.correction.machines.rows[: self._end + 1]
            columns |= self._largest("trajectory_{}_uncorrected", found.correction.orbits[0][:, own])
        if ROOM in self.names:
            edge = MomentsEdge(self.resolved.study.sigmas)
            columns[ROOM] = tightest_rooms(found.lattice[: found.rows[self._end]], found.carried, edge)
        return columns

    def _at_entrances(self, found: Passed) -> Array:
        """Middles of beams where the elements of the line without errors begin, and at the isocentre."""
        return found.carried.middle[:, found.carried.entrances(found.rows[: self._end + 1])]

    def _largest(self, name: str, middle: Array) -> dict[str, Array]:
        """How far beams run from that of the line without errors, at entrances of its elements and the isocentre."""
        away = np.abs(middle - self._middle)
        return {name.format(plane): away[:, :, 2 * i].max(axis=1) for i, plane in enumerate(PLANES)}

    def one(self, case: int, name: str = "") -> Lattice:
        """One of the cases as a lattice, its correctors set, at the energy at which its number ``name`` is worst."""
        drawing = self.sampling.drawing(np.array([case]))
        values = [float(one._measured(drawing, (name,))[name][0]) if name else 0.0 for one in self.each]
        return one_of(self.each[worst_energy(name, values)].passed(drawing).lattice, 0)

    def by_energy(self, drawing: Drawing, percent: float) -> pd.DataFrame:
        """A row an energy [eV]: what ``percent`` of the lines do not exceed, or have at least, of each number."""
        rows = []
        for one in self.each:
            found = one._measured(drawing, self.names)
            share = {name: 100.0 - percent if name in ENOUGH else percent for name in self.names}
            each = {name: np.nanpercentile(found[name], share[name]) for name in self.names}
            rows.append({"energy": one.resolved.particle.kinetic_energy_per_u, **each})
        return pd.DataFrame(rows)

    # ------------------------------------------------------------------------------------------ what figures show

    def shown(self, drawing: Drawing, percent: float) -> Shown:
        """Middles at the isocentre, and what ``percent`` of the lines keep to along s."""
        found, isocentre = self.passed(drawing), self.ideal.middle[:, -1]
        states = {"after": self._at_entrances(found)}
        if found.correction is not None:
            own = found.correction.machines.rows[: self._end + 1]
            states = {"before": found.correction.orbits[0][:, own], **states}
        kept = partial(np.nanpercentile, q=percent, axis=0)
        table = {"s": self.resolved.line.s[: self._end + 1]}
        for state, middle in states.items():
            away = np.abs(middle - self._middle)
            table |= {f"{plane}_{state}": kept(away[:, :, 2 * i]) for i, plane in enumerate(PLANES)}
        return Shown({state: (middle[:, -1] - isocentre)[:, [0, 2]] for state, middle in states.items()}, table)


@dataclass(frozen=True)
class Shown:
    """Middles of ``spots`` (n, 2) [m] by state ("before" and "after" steering) and lines ``along`` s [m]."""

    spots: Mapping[str, Array]
    along: Mapping[str, Array]


def _distance(away: Array) -> Array:
    return np.asarray(np.hypot(away[:, 0], away[:, 2]))
