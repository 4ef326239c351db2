"""Rings as built: the errors of their families drawn, orbits corrected, and the numbers of each machine."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from extraction.resonance.built import NONE, AtWires, Ideal, momenta
from extraction.resonance.sextupoles import complex_strengths
from extraction.septum import Septum
from lattice import HadronOpticsError, Lattice, ReferenceParticle
from lattice.arrays import Array
from optics import Optics, twiss
from optics.aperture import tightest_rooms
from optics.imperfections.ensemble import Ensemble, ensemble, rooms_at_wires
from optics.imperfections.errors import Imperfect
from optics.imperfections.orbit import PLANES, Correction, closed_orbits
from optics.linear.twiss import twiss_about
from studies.ring_optics.imperfections import corrected, septum_with_wires, without_instruments
from studies.runs.rows import COMPUTED, STATUS
from studies.spec.resolution import BeamCase, Resolved
from studies.tolerances.families import Families
from studies.tolerances.sampling import Drawing, Sampling
from studies.tolerances.spec import TolerancesStudy

#: Machines computed together: enough to share what a batch costs, few enough for the memory.
BATCH = 256
#: Machines whose arm is tracked, to see how far leading order is from it.
TRACKED = 5
#: Numbers of a machine by what has to be computed for them.
BEFORE = ("orbit_x_uncorrected", "orbit_y_uncorrected")
AFTER = ("orbit_x", "orbit_y", "corrector_kick")
OPTICS = ("beta_beating", "dispersion_error", "coupling", "tune_x_error", "tune_y_error")
CHROMATIC = ("chromaticity_x_error", "chromaticity_y_error")
RESONANCE = ("resonance_error",)
AT_WIRES = ("spiral_step_errors", "arm_angle_error", "wire_loss_errors")
MOMENTUM = "resonant_momentum_error"
EXTRACTION = (*AT_WIRES, MOMENTUM)
ROOMS = ("clearance_errors", "clearance_es_errors")
NUMBERS = (*BEFORE, *AFTER, *OPTICS, *CHROMATIC, *RESONANCE, *EXTRACTION, *ROOMS)
#: Always computed: they cost nothing beside the orbits.
USUAL = (*BEFORE, *AFTER, *OPTICS)


@dataclass(frozen=True)
class Ring:
    """The machines of a resolved study."""

    resolved: Resolved[TolerancesStudy]

    @property
    def spec(self) -> TolerancesStudy:
        """The study."""
        return self.resolved.study

    @cached_property
    def families(self) -> Families:
        """The families of magnets with errors."""
        return Families(self.spec.tolerances.errors, self.spec.seed)

    @cached_property
    def sampling(self) -> Sampling:
        """The cases of the study. InputError for the cost of what a family has not."""
        return Sampling(self.families.causes, self.spec.tolerances.machines, self.spec.tolerances.mixed)

    @cached_property
    def uncorrected(self) -> str:
        """Why orbits cannot be corrected; "" where they can."""
        return without_instruments(self.resolved.lattice, self.spec.tolerances)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The numbers of a machine that are computed: the usual ones and what requirements name."""
        asked = {*USUAL, *(requirement.quantity for requirement in self.resolved.requirements)}
        possible = BEFORE if self.uncorrected else NUMBERS
        return tuple(name for name in possible if name in asked and self._has(name))

    def _has(self, name: str) -> bool:
        if name in EXTRACTION:
            return not self.without_arm
        return name not in ROOMS or self._has_rooms(name)

    @cached_property
    def ideal(self) -> Ideal:
        """The extraction arm of the ring without errors; InputError or NoSolution without one."""
        lattice = self.resolved.lattice
        return Ideal.of(lattice, Septum.of(lattice, self.resolved.septum), fringe=self.spec.model.fringe)

    @cached_property
    def without_arm(self) -> str:
        """Why there is no such arm; "" where there is one."""
        try:
            _ = self.ideal
        except HadronOpticsError as error:
            return str(error)
        return ""

    @cached_property
    def apart(self) -> Mapping[str, float]:
        """How far numbers that rest on leading order are at most from tracked ones, in the first machines."""
        names = [name for name in EXTRACTION if name in self.names]
        found = pd.DataFrame([self._missed(case) for case in range(TRACKED)] if names else [])
        return {name: float(found[name].max()) for name in names}

    def _missed(self, case: int) -> dict[str, float]:
        """How far leading order is from tracking in one machine; nan where it has nothing to track."""
        off, known = np.nan, NONE
        with suppress(HadronOpticsError):
            ring = self.one(case)
            shift = self.ideal.shift(ring)
            off = abs(self._first_order(ring) - self._first_order(self.resolved.lattice) - shift)
            known = self.ideal.missed(ring, shift)
        return {**dict(zip(AT_WIRES, _values(known), strict=True)), MOMENTUM: off}

    def _first_order(self, ring: Lattice) -> float:
        """Resonant momentum of one ring by its chromaticity."""
        return float(momenta(twiss(ring, self.resolved.particle, fringe=self.spec.model.fringe))[0])

    def _has_rooms(self, name: str) -> bool:
        lattice = self.resolved.lattice
        apertures = any(element.aperture is not None for element in lattice.elements)
        return bool(self.resolved.beams) and apertures and (name != "clearance_es_errors" or bool(self._septum))

    @cached_property
    def _septum(self) -> str:
        return septum_with_wires(self.resolved.lattice, self.resolved)

    def drawn(self, lattice: Lattice, drawing: Drawing) -> Imperfect:
        """Machines with errors of a lattice."""
        return self.families.drawn(lattice, drawing)

    def measured(self, drawing: Drawing) -> pd.DataFrame:
        """A row a machine: its ``names`` and its status; nan where a machine has no closed orbit or no optics."""
        lattice, particle = self.resolved.lattice, self.resolved.particle
        machines = self.drawn(lattice, drawing)
        if self.uncorrected:
            columns = dict(_before(closed_orbits(machines.lattice, particle, fringe=self.spec.model.fringe), machines))
        else:
            columns = self._after(machines, drawing)
        stable = np.isfinite(np.stack([columns[name] for name in self.names])).all(axis=0)
        found = {name: columns[name] for name in self.names}
        return pd.DataFrame({STATUS: np.where(stable, COMPUTED, "unstable"), **found})

    def corrected(self, machines: Imperfect, particle: ReferenceParticle) -> Correction:
        """Machines with their orbits corrected as the study says."""
        return corrected(machines, particle, self.spec.tolerances, self.spec.model.fringe)

    def _after(self, machines: Imperfect, drawing: Drawing) -> dict[str, Array]:
        particle, fringe = self.resolved.particle, self.spec.model.fringe
        own = self._operated(machines, particle)
        correction, found = own.correction, own.found
        columns = {**_before(correction.orbits[0], machines), **_of_optics(machines.ideal, found, particle, fringe)}
        columns["corrector_kick"] = np.where(found.table["stable"], correction.largest_kicks, np.nan)
        if _any(self.names, (*CHROMATIC, *RESONANCE, *EXTRACTION)):
            columns |= self._slower(own)
        if _any(self.names, ROOMS):
            columns |= self._rooms(drawing, own)
        return columns

    def _slower(self, own: _Operated) -> dict[str, Array]:
        """What needs another optics, of those machines and of the ideal one: chromaticities, resonance, arms."""
        particle, fringe = self.resolved.particle, self.spec.model.fringe
        chromatic = _any(self.names, (*CHROMATIC, MOMENTUM))
        machines, begin = own.correction.machines, own.correction.orbits[-1][:, 0]
        design = twiss(machines.ideal, particle, fringe=fringe, chromatic=chromatic)
        each = twiss_about(machines.lattice, particle, begin, fringe=fringe, chromatic=chromatic)
        columns = _chromatic(design, each) if chromatic else {}
        columns |= {MOMENTUM: np.abs(momenta(each) - momenta(design))} if MOMENTUM in self.names else {}
        columns |= _resonance(design, each) if _any(self.names, RESONANCE) else {}
        return columns | (self._extracted(each) if _any(self.names, AT_WIRES) else {})

    def _extracted(self, each: Optics) -> dict[str, Array]:
        """Spiral step [m], angle of the arm from that without errors [rad] and loss on the wires."""
        found = np.array([_values(one) for one in self.ideal.in_rings(each)])
        return dict(zip(AT_WIRES, np.abs(found.T), strict=True))

    def _operated(self, machines: Imperfect, particle: ReferenceParticle) -> _Operated:
        correction = self.corrected(machines, particle)
        begin = correction.orbits[-1][:, 0]
        found = ensemble(correction.machines, particle, fringe=self.spec.model.fringe, orbit=begin)
        return _Operated(correction, found)

    def _rooms(self, drawing: Drawing, own: _Operated) -> dict[str, Array]:
        """The least room of every beam at its own working point, and of it at the wires, (machines,) [m]."""
        points: dict[str, _Operated] = {}
        rooms, wires = [], []
        for case in self.resolved.beams:
            operated = own if case.follows else self._at_point(case, points, drawing)
            edge = case.beam.edge(case.particle)
            room = tightest_rooms(operated.correction.machines.lattice, operated.found.inside, edge)
            if self._septum:
                wires.append(rooms_at_wires(operated.correction.machines, operated.found, edge, self._septum))
                room = np.minimum(room, wires[-1])
            rooms.append(room)
        least = {"clearance_errors": np.min(rooms, axis=0)}
        return least | ({"clearance_es_errors": np.min(wires, axis=0)} if wires else {})

    def _at_point(self, case: BeamCase, points: dict[str, _Operated], drawing: Drawing) -> _Operated:
        """The same machines at the working point of a beam."""
        name = str(case.beam.working_point)
        if name not in points:
            points[name] = self._operated(self.drawn(case.lattice, drawing), case.particle)
        return points[name]

    def one(self, case: int) -> Lattice:
        """The lattice of one of the cases, its orbit corrected."""
        machines = self.drawn(self.resolved.lattice, self.sampling.drawing(np.array([case])))
        return machines.one(0).lattice if self.uncorrected else self._corrected_one(machines)

    def _corrected_one(self, machines: Imperfect) -> Lattice:
        return self.corrected(machines, self.resolved.particle).machines.one(0).lattice


@dataclass(frozen=True)
class _Operated:
    """The machines at one working point, corrected."""

    correction: Correction
    found: Ensemble


def _values(found: AtWires) -> tuple[float, float, float]:
    """In the order of ``AT_WIRES``."""
    return found.step, found.angle, found.loss


def _any(names: Collection[str], group: Collection[str]) -> bool:
    return not set(names).isdisjoint(group)


def _before(orbits: Array, machines: Imperfect) -> Mapping[str, Array]:
    orbit = orbits[:, machines.rows]
    return {f"orbit_{plane}_uncorrected": np.max(np.abs(orbit[..., 2 * i]), axis=1) for i, plane in enumerate(PLANES)}


def _of_optics(ideal: Lattice, found: Ensemble, particle: ReferenceParticle, fringe: str) -> dict[str, Array]:
    design = twiss(ideal, particle, fringe=fringe, chromatic=False)
    table = found.table
    tunes = {f"tune_{p}_error": np.abs(table[f"q{p}"].to_numpy() - float(design.scalar(f"q{p}"))) for p in PLANES}
    return {
        **{f"orbit_{plane}": table[f"orbit_max_{plane}"].to_numpy() for plane in PLANES},
        "beta_beating": found.worse_plane("beating_max"),
        "dispersion_error": found.worse_plane("dispersion_max"),
        "coupling": table["coupling"].to_numpy(),
        **tunes,
    }


def _chromatic(design: Optics, each: Optics) -> dict[str, Array]:
    return {
        f"chromaticity_{plane}_error": np.abs(
            np.atleast_1d(each.scalar(f"dq{plane}")) - float(design.scalar(f"dq{plane}"))
        )
        for plane in PLANES
    }


def _resonance(design: Optics, each: Optics) -> dict[str, Array]:
    """Relative change of the virtual sextupole |S| of the third-integer resonance, in the mode that is that of x."""
    return {"resonance_error": np.abs(_virtual(each) / _virtual(design) - 1.0)}


def _virtual(optics: Optics) -> Array:
    """|S| [m^-1/2] (machines,)."""
    _, parts = complex_strengths(optics, 0)
    return np.asarray(np.hypot(*parts.sum(axis=-1)))
