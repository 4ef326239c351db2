"""The lines of a comparison from their own studies of delivery: spots and losses at the energies of the treatment."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lattice.arrays import Array
from optics.matter.layers import Treatment
from studies.delivery.facts import Delivered, brought, line_set
from studies.delivery.resolution import resolve
from studies.delivery.spec import DeliveredEnergies, DeliveryStudy, SpotSpec
from studies.runs.logs import LOGGER
from studies.treatment.files import path_of, study_of
from studies.treatment.spec import LinacSpec, SynchrotronSpec

_ENERGIES = 5  # that the line is set to and particles are tracked at; between them by interpolation
_ROOM = 0.01  # by which these reach beyond the treatment's, within the line's own


@dataclass(frozen=True, eq=False)
class ComputedLine:
    """A line as its study of delivery has it: rms ``sizes`` (n, 2) [m] at the isocentre, in vacuum, and the part that
    is ``arriving`` (n,) there, at ``energies`` (n,) [MeV/u], ascending; ``why_not`` where it does not serve."""

    name: str
    energies: Array
    sizes: Array
    arriving: Array
    why_not: str = ""

    def sizes_at(self, energies: Array) -> Array:
        """rms sizes (m, 2) [m] at other energies [MeV/u]: linear between those tracked, the end values outside."""
        return np.stack([np.interp(energies, self.energies, size) for size in self.sizes.T], axis=-1)

    def arriving_at(self, energies: Array) -> Array:
        """The part (m,) that arrives at other energies [MeV/u], likewise."""
        return np.interp(energies, self.energies, self.arriving)

    def before(self, treatment: Treatment) -> Treatment:
        """The treatment as the machine has to give it: what the line loses in addition."""
        return replace(treatment, particles=treatment.particles / self.arriving_at(treatment.energies))


def named_line(spec: SynchrotronSpec | LinacSpec, place: str) -> DeliveryStudy | None:
    """The study of the line that a machine's table names; None where it names none. InputError for what is none."""
    if spec.delivery is None:
        return None
    return study_of(DeliveryStudy, "delivery", spec.delivery, {}, f"{place}.delivery")


def computed_line(spec: SynchrotronSpec | LinacSpec, place: str, species: str, energies: Array) -> ComputedLine | None:
    """The line that a machine's table names, set to ``energies`` [MeV/u] of the treatment; None where it names none.

    Raises what that study raises; a line of other energies, or that loses all of the beam, is told in ``why_not``.
    Sizes are those of the particles that arrive, also where the chosen spot cannot be reached.
    """
    study = named_line(spec, place)
    if study is None or spec.delivery is None:
        return None
    resolved = resolve(_asked(study, spec, species, energies), path_of(spec.delivery, f"{place}.delivery"))
    if resolved.outside:
        return _unable(spec.delivery, resolved.outside)
    LOGGER.info("line of '%s' at the energies of the treatment", spec.delivery)
    source, cases, _, found = line_set(resolved)
    return _line(spec.delivery, tuple(brought(resolved, source, found, case) for case in cases))


def _asked(study: DeliveryStudy, spec: SynchrotronSpec | LinacSpec, species: str, energies: Array) -> DeliveryStudy:
    """The study at the treatment's energies, with one spot and nothing that is not needed here."""
    low, high = float(energies.min()), float(energies.max())
    if (own := study.energies) is not None and study.particle == species:
        low = max(low * (1 - _ROOM), min(own.lower_MeV_per_u, low))
        high = min(high * (1 + _ROOM), max(own.upper_MeV_per_u, high))
    if not high > low:
        high = low * (1 + _ROOM)
    spots = study.spots
    if spec.spot_mm is not None:
        spots = (SpotSpec(x_mm=spec.spot_mm, y_mm=spec.spot_mm),)
    source = study.source
    if study.particle != species:
        source = source.model_copy(update={"working_point": None})
    changes = {
        "particle": species,
        "energies": DeliveredEnergies(lower_MeV_per_u=low, upper_MeV_per_u=high, number=_ENERGIES),
        "spots": spots[:1],
        "source": source,
        "acceptance": None,
        "trajectories": None,
        "machine_requirements": False,
        "requirement": [],
        "assumption": [],
    }
    return DeliveryStudy.model_validate({**study.model_dump(exclude_none=True), **changes})


def _line(name: str, delivered: tuple[Delivered, ...]) -> ComputedLine:
    energies = np.array([one.case.particle.kinetic_energy_per_u / 1e6 for one in delivered])
    arriving = np.array([one.transmission for one in delivered])
    if not np.all(arriving > 0):
        return _unable(name, f"nothing arrives at {energies[np.argmin(arriving)]:.4g} MeV/u")
    return ComputedLine(name, energies, np.array([one.sizes for one in delivered]), arriving)


def _unable(name: str, reason: str) -> ComputedLine:
    return ComputedLine(name, np.empty(0), np.empty((0, 2)), np.empty(0), reason)
