"""What a delivery computes: the beam that enters, settings for all energies and spots, particles to the isocentre."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd

from lattice import InputError, Lattice
from lattice.arrays import Array
from lattice.survey import survey
from machines.lines.machine import LineMachine
from optics import Moments, Optics, track, twiss
from optics.aperture import openings
from optics.engines.passage import xsuite_passage
from optics.line.response import responses
from optics.line.settings import Settings
from optics.linear.solution import functions_inside
from optics.linear.transfer import planes
from studies.delivery.acceptance import Acceptance, accepted
from studies.delivery.cases import Case, cases_of, settings_of
from studies.delivery.entering.source import Source
from studies.delivery.entering.sources import source_of
from studies.delivery.planning import planning
from studies.delivery.resolution import ResolvedDelivery, text_of
from studies.delivery.trajectories import Beam, Trajectories, steered
from studies.delivery.turning import Turning, turning_of
from studies.pipeline import Asked
from studies.runs.logs import LOGGER
from studies.runs.stages import steps

_SHOWN = 5  # energies whose particles are tracked and whose envelopes are drawn
_SLICES = 4
_COMPARED = 1000  # particles through Xsuite


@dataclass(frozen=True, eq=False)
class Delivered:
    """Particles of a case at the isocentre (n, 6), how many started, where the others were lost, the envelope and the
    optics, both inside elements."""

    case: Case
    states: Array
    started: int
    lost: pd.DataFrame
    envelope: pd.DataFrame
    optics: pd.DataFrame

    @property
    def transmission(self) -> float:
        """Part that arrives."""
        return len(self.states) / self.started

    @property
    def sizes(self) -> Array:
        """rms sizes (2,) [m] of what arrives."""
        return np.asarray(self.states[:, [0, 2]].std(axis=0))

    @property
    def middle(self) -> Array:
        """Mean x, y (2,) [m]."""
        return np.asarray(self.states[:, [0, 2]].mean(axis=0))


@dataclass(frozen=True, eq=False)
class Facts:
    """What is known of a delivery; ``between``: largest relative error of a size halfway between two energies, by spot
    (energies - 1, spots); ``engines``: relative difference of both sizes from Xsuite's for the cases compared;
    ``acceptances`` of the cases tracked; ``planning``: the beam at named planes; ``trajectories``: lines with errors
    (None: not asked, or ``unsteered`` says why not); ``stands``: survey of the line at each angle [rad] of the gantry
    from where it begins.
    """

    resolved: ResolvedDelivery
    source: Source
    cases: tuple[Case, ...]
    beams: Moments
    found: Settings
    delivered: tuple[Delivered, ...]
    between: Array
    engines: pd.DataFrame
    floor: dict[str, pd.DataFrame]
    acceptances: tuple[Acceptance, ...] = ()
    turning: Turning | None = None
    planning: pd.DataFrame = field(default_factory=pd.DataFrame)
    trajectories: Trajectories | None = None
    unsteered: str = ""
    stands: tuple[tuple[float, pd.DataFrame], ...] = ()

    @property
    def lattice(self) -> Lattice:
        """The line at the setting that is shown first."""
        return self.found.of(self.shown.case.number, self.shown.case.angle).with_particle(self.shown.case.particle)

    @property
    def design(self) -> Settings:
        """The settings as they are found for this line and beam: those that are set."""
        return self.found

    @property
    def shown(self) -> Delivered:
        """The middle one of the cases that were tracked."""
        return shown_of(self.delivered)

    @property
    def told(self) -> str:
        """Species and energies."""
        return text_of(self.resolved.particles)

    @property
    def unreached(self) -> str:
        """A spot that is not reached is a requirement's matter."""
        return ""

    @property
    def interrupted(self) -> bool:
        """Nothing is kept of a delivery that was cut short."""
        return False

    @property
    def energies(self) -> int:
        """How many energies."""
        return len(self.resolved.particles)

    @property
    def spots(self) -> int:
        """How many spots at each."""
        return len(self.resolved.study.spots)


def shown_of(delivered: tuple[Delivered, ...]) -> Delivered:
    """The middle one."""
    return delivered[len(delivered) // 2]


class LineSet(NamedTuple):
    """What enters the line, the cases, their moments there, and the settings found for them."""

    source: Source
    cases: tuple[Case, ...]
    beams: Moments
    found: Settings


def line_set(resolved: ResolvedDelivery) -> LineSet:
    """Source and settings. Raises what the source raises; a spot that cannot be reached is told, not raised."""
    source = source_of(resolved)
    cases = cases_of(resolved)
    beams = Moments(resolved.particles[0], np.array([source.moments(case.particle).sigma for case in cases]))
    LOGGER.info("settings of %d energies and spots", len(cases))
    return LineSet(source, cases, beams, settings_of(resolved, resolved.own, cases, beams))


def gather(resolved: ResolvedDelivery, asked: Asked) -> Facts:
    """Source, settings, particles. Raises as ``line_set``."""
    source, cases, beams, found = line_set(resolved)
    LOGGER.info("particles to the isocentre")
    chosen = steps(_tracked(resolved, cases), "cases")
    delivered = tuple(brought(resolved, source, found, case) for case in chosen)
    trajectories, unsteered = _steered(resolved, source, found, delivered)
    return Facts(
        resolved=resolved,
        source=source,
        cases=cases,
        beams=beams,
        found=found,
        delivered=delivered,
        between=between(resolved, source, found),
        engines=_compared(resolved, source, found, delivered) if asked.engines else pd.DataFrame(),
        floor=_floor(resolved.line, resolved.machine, source) if asked.report else {},
        acceptances=tuple(accepted_cases(resolved, source, found, delivered)),
        turning=turning_of(resolved, cases, beams, found) if asked.report else None,
        planning=planning(resolved, beams, found) if asked.report else pd.DataFrame(),
        trajectories=trajectories,
        unsteered=unsteered,
        stands=tuple(_stands(resolved)) if asked.report else (),
    )


def _tracked(resolved: ResolvedDelivery, cases: tuple[Case, ...]) -> list[Case]:
    """Some energies from the lowest to the highest, at each one of the spots in turn, at every angle of the gantry."""
    number, spots = len(resolved.particles), len(resolved.study.spots)
    energies = np.unique(np.linspace(0, number - 1, min(_SHOWN, number)).round().astype(int))
    chosen = [cases[int(e) * spots + k % spots] for k, e in enumerate(energies)]
    if resolved.turned is None:
        return chosen
    return [replace(case, angle=angle) for case in chosen for angle in resolved.angles]


def brought(resolved: ResolvedDelivery, source: Source, found: Settings, case: Case) -> Delivered:
    """The particles of a case tracked to the isocentre, through all openings."""
    line, fringe = _to_isocentre(resolved, found.of(case.number, case.angle)), resolved.study.model.fringe
    start = source.at(case.particle)
    tracked = track(line, case.particle, start, fringe=fringe)
    optics = twiss(line, case.particle, start=source.moments(case.particle), fringe=fringe)
    return Delivered(
        case=case,
        states=tracked.coordinates[tracked.alive],
        started=len(start),
        lost=tracked.lost,
        envelope=_envelope(optics, resolved.study.sigmas),
        optics=optics.inside(_SLICES),
    )


def brought_again(resolved: ResolvedDelivery, source: Source, found: Settings, one: Delivered) -> Delivered:
    """The same case with another beam or line; envelope and optics are those of before."""
    line, start = _to_isocentre(resolved, found.of(one.case.number, one.case.angle)), source.at(one.case.particle)
    tracked = track(line, one.case.particle, start, fringe=resolved.study.model.fringe)
    return replace(one, states=tracked.coordinates[tracked.alive], started=len(start), lost=tracked.lost)


def _to_isocentre(resolved: ResolvedDelivery, line: Lattice) -> Lattice:
    row = line.row(resolved.isocentre)
    return line if row == len(line) else line[:row]


def _envelope(optics: Optics, sigmas: float) -> pd.DataFrame:
    """Edges at ``sigmas`` rms [m] and openings, two rows for each part of an element, as charts draw envelopes."""
    fine, moments = functions_inside(optics, _SLICES), planes(optics, _SLICES)
    parts = np.repeat(np.arange(len(fine.row_element)), 2) + np.tile([0, 1], len(fine.row_element))
    owner = np.repeat(fine.row_element, 2)
    table = {"element": np.array(optics.lattice.names)[owner], "s": fine.s[0, parts]}
    for plane in ("x", "y"):
        half = sigmas * moments.column(f"size_{plane}")[0, parts]
        middle = fine.column(plane)[0, parts]
        table |= {f"{plane}_low": middle - half, f"{plane}_high": middle + half}
    names = ("x_low", "x_high", "y_low", "y_high")
    free = openings(optics.lattice)[owner].T
    return pd.DataFrame(table | {f"aperture_{name}": column for name, column in zip(names, free, strict=True)})


def between(resolved: ResolvedDelivery, source: Source, found: Settings) -> Array:
    """Relative errors of sizes of beams between two energies, at strengths between theirs: (energies - 1, spots, 2)."""
    LOGGER.info("beams halfway between the energies of the table")
    spots = len(resolved.study.spots)
    shape = (len(resolved.particles), spots)
    values = found.values.reshape(*shape, -1)
    halves = 0.5 * (values[1:] + values[:-1])
    middle = [source.halfway(lower, upper) for lower, upper in pairwise(resolved.particles)]
    knobs = dict(zip(found.knobs, halves.reshape(-1, halves.shape[-1]).T, strict=True))
    sigma = np.repeat(np.array(middle), spots, axis=0)
    wanted = found.wanted.reshape(*shape, 2)[1:].reshape(-1, 2)
    errors = np.stack([_sizes(resolved, line, knobs, sigma) / wanted - 1.0 for line in _turned(resolved)])
    worst = np.take_along_axis(errors, np.abs(errors).argmax(axis=0)[None], axis=0)
    return np.asarray(worst.reshape(shape[0] - 1, spots, 2))


def _turned(resolved: ResolvedDelivery) -> list[Lattice]:
    """The line at every angle of its gantry, or as it is."""
    if resolved.turned is None:
        return [resolved.line]
    return [resolved.line.with_parameters({resolved.turned[0]: angle}) for angle in resolved.angles]


def _sizes(resolved: ResolvedDelivery, line: Lattice, knobs: dict[str, Array], sigma: Array) -> Array:
    """rms sizes (n, 2) [m] at the isocentre."""
    particle, fringe = resolved.particles[0], resolved.study.model.fringe
    end = responses(line, particle, knobs, sigma, resolved.isocentre, fringe=fringe).end
    return np.asarray(np.sqrt(np.stack([end[:, 0, 0], end[:, 2, 2]], axis=-1)))


def _compared(
    resolved: ResolvedDelivery, source: Source, found: Settings, delivered: tuple[Delivered, ...]
) -> pd.DataFrame:
    """Both engines at every energy that is tracked, at the angles of a gantry in turn; nan for the others."""
    angles = len(resolved.angles)
    LOGGER.info("the same particles through Xsuite")
    chosen = [k for k in range(len(delivered)) if k % angles == (k // angles) % angles]
    rows = {k: _engines(resolved, source, found, delivered[k]) for k in steps(chosen, "cases")}
    return pd.DataFrame.from_dict(rows, orient="index").reindex(range(len(delivered)))


def _engines(resolved: ResolvedDelivery, source: Source, found: Settings, one: Delivered) -> dict[str, float]:
    """Sizes [m] of the same particles by both engines, apertures off."""
    line, fringe = _to_isocentre(resolved, found.of(one.case.number, one.case.angle)), resolved.study.model.fringe
    start = source.at(one.case.particle)[:_COMPARED]
    ours = track(line, one.case.particle, start, fringe=fringe, apertures=False).coordinates
    theirs = xsuite_passage(line, one.case.particle, start, fringe)
    sizes = {
        f"size_{plane}{name}": float(np.nanstd(states[:, column]))
        for name, states in (("", ours), ("_xsuite", theirs))
        for plane, column in (("x", 0), ("y", 2))
    }
    return {"energy": one.case.particle.kinetic_energy_per_u, **sizes}


def accepted_cases(
    resolved: ResolvedDelivery, source: Source, found: Settings, delivered: tuple[Delivered, ...]
) -> Iterator[Acceptance]:
    """Of the cases that are tracked, where the study asks for it."""
    asked, fringe = resolved.study.acceptance, resolved.study.model.fringe
    if asked is None:
        return
    offsets = np.linspace(-1.0, 1.0, asked.points) * asked.momentum_percent / 100
    LOGGER.info("particles of %d other momenta through the line", asked.points)
    for case in steps([one.case for one in delivered], "cases"):
        line = _to_isocentre(resolved, found.of(case.number, case.angle))
        table = accepted(line, case.particle, source.at(case.particle), offsets, fringe)
        yield Acceptance(case.label, case.size_x, case.size_y, table)


def trajectories_of(
    resolved: ResolvedDelivery, source: Source, found: Settings, shown: Delivered
) -> Trajectories | None:
    """Lines with errors about the setting that is shown first, where the study asks for them."""
    study = resolved.study
    if study.trajectories is None:
        return None
    case = shown.case
    line = found.of(case.number, case.angle)
    states, moments = source.at(case.particle), source.moments(case.particle)
    beam = Beam(case.particle, states, moments, resolved.isocentre, study.model.fringe, study.seed)
    return steered(case.label, line, beam, study.trajectories)


def _steered(
    resolved: ResolvedDelivery, source: Source, found: Settings, delivered: tuple[Delivered, ...]
) -> tuple[Trajectories | None, str]:
    """Lines with errors, or why the line cannot be steered; InputError for monitors or correctors that are named."""
    spec = resolved.study.trajectories
    try:
        return trajectories_of(resolved, source, found, shown_of(delivered)), ""
    except InputError as error:
        if spec is not None and (spec.monitors is not None or spec.correctors is not None):
            raise
        return None, f"lines with errors are not steered: {error}"


def _stands(resolved: ResolvedDelivery) -> Iterator[tuple[float, pd.DataFrame]]:
    """Survey of the line at every angle of its gantry; none of a line without."""
    if resolved.turned is not None:
        for angle, line in zip(resolved.angles, _turned(resolved), strict=True):
            yield angle, pd.DataFrame(survey(line)).set_index("name")


def _floor(line: Lattice, machine: LineMachine | None, source: Source) -> dict[str, pd.DataFrame]:
    """Survey of the line, and of the ring or linac that it leaves where that is known: tables by name."""
    place: dict[str, float] = {}
    found: dict[str, pd.DataFrame] = {}
    if source.ring is not None and source.junction is not None and source.septum is not None:
        place = source.junction.beside(source.ring, source.septum)
        found[source.ring.name] = pd.DataFrame(survey(source.ring)).set_index("name")
    if source.before is not None:
        place = {"Z": source.before.length}
        found[source.before.name] = pd.DataFrame(survey(source.before)).set_index("name")
    table = pd.DataFrame(survey(line, **place)).set_index("name")
    return {"line": table, **found}
