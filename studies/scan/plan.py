"""What a scan is to compute: its grid, the study and the design it departs from, what it gives and what it judges."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lattice import InputError, Lattice, NoSolution, ReferenceParticle
from lattice.arrays import Array
from lattice.errors import did_you_mean
from machines.requirements import Requirement
from optics.linear.optics import COLUMNS, SCALARS
from optics.scanning.scans import grid
from studies.ring_optics.match import matched_design
from studies.scan.quantities import extra_quantities
from studies.spec.resolution import Resolved, resolve
from studies.spec.schema import AnyStudy, ExtractionStudy, OpticsStudy, Study
from studies.vocabulary import SPILL, quantity_named

#: What every scan of optics gives.
USUAL = (
    *("qx", "qy", "dqx", "dqy", "tune_distance", "max_betx", "max_bety", "max_dx", "min_dx"),
    "momentum_compaction",
)
#: Column that says how a case went, and what it says of one that was computed.
STATUS, COMPUTED = "status", "computed"
LARGEST = 20_000_000


@dataclass(frozen=True)
class Axis:
    """A parameter that the scan varies over ``number`` values from ``lower`` to ``upper``."""

    name: str
    lower: float
    upper: float
    number: int

    @property
    def text(self) -> str:
        """As on the command line."""
        return f"{self.name}={self.lower!r}:{self.upper!r}:{self.number}"


@dataclass(frozen=True)
class Plan:
    """A scan ready to run: its ``cases`` and the study they depart from.

    ``names`` maps results (as the vocabulary writes them) to quantities of ``optics.scan``, ``extra`` are those of
    ``studies.scan.quantities``; ``judged``: the requirements whose quantity is among them, ``unjudged`` the others.
    """

    study: Study
    resolved: Resolved
    design: Lattice
    axes: tuple[Axis, ...]
    cases: Mapping[str, Array]
    names: Mapping[str, str]
    extra: tuple[str, ...]
    judged: tuple[Requirement, ...]
    unjudged: tuple[Requirement, ...]
    file: Path | None

    @property
    def number(self) -> int:
        """How many cases there are."""
        return len(next(iter(self.cases.values())))

    @property
    def particle(self) -> ReferenceParticle:
        """The particle of the study."""
        return self.resolved.particle


def plan(study: AnyStudy, file: Path | None, axes: Sequence[Axis]) -> Plan:
    """The scan of a study over ``axes``; its match, if it has one, is made here, once.

    InputError for another kind of study, a line, unknown parameters, too many cases; NoSolution when the match fails.
    """
    if not isinstance(study, (OpticsStudy, ExtractionStudy)):
        raise InputError(f'a scan takes studies of study = "optics" or "extraction", not "{study.study}"')
    resolved = resolve(study, file)
    if resolved.start is not None:
        raise InputError("a scan takes rings: this study has a start, which makes it a line")
    _check_axes(axes, resolved.lattice)
    return planned(study, resolved, _design(resolved), axes, file)


def planned(study: Study, resolved: Resolved, design: Lattice, axes: Sequence[Axis], file: Path | None = None) -> Plan:
    """The scan of a resolved study around a design that is known."""
    names = _names(resolved) if isinstance(study, OpticsStudy) else {}
    number = int(np.prod([axis.number for axis in axes]))
    extra = extra_quantities(resolved, number) if isinstance(study, OpticsStudy) else ()
    judged = tuple(r for r in resolved.requirements if _is_judged(r.quantity, study, (*names, *extra)))
    return Plan(
        study=study,
        resolved=resolved,
        design=design,
        axes=tuple(axes),
        cases=grid(**{axis.name: (axis.lower, axis.upper, axis.number) for axis in axes}),
        names=names,
        extra=extra,
        judged=judged,
        unjudged=tuple(r for r in resolved.requirements if r not in judged),
        file=file,
    )


def _is_judged(quantity: str, study: Study, names: Collection[str]) -> bool:
    """True when the scan gives the quantity: of extractions all but those of a tracked spill."""
    return quantity in names if isinstance(study, OpticsStudy) else quantity.partition("@")[0] not in SPILL


def _check_axes(axes: Sequence[Axis], lattice: Lattice) -> None:
    repeated = [axis.name for axis in axes if sum(axis.name == other.name for other in axes) > 1]
    if repeated:
        raise InputError(f"--over names '{repeated[0]}' twice")
    for axis in axes:
        if axis.name not in lattice.parameters:
            raise InputError(
                f"--over {axis.text}: '{lattice.name}' has no parameter '{axis.name}'"
                f"{did_you_mean(axis.name, lattice.parameters)}"
            )
    total = int(np.prod([float(axis.number) for axis in axes]))
    if total > LARGEST:
        raise InputError(f"the grid has {total:,} cases, more than the {LARGEST:,} allowed")


def _design(resolved: Resolved) -> Lattice:
    matched = matched_design(resolved)
    if matched is None:
        return resolved.lattice
    if not matched.success:
        raise NoSolution(f"the study's match did not converge, a scan has no design to depart from: {matched.message}")
    return matched.lattice.with_particle(resolved.particle)


def _names(resolved: Resolved) -> dict[str, str]:
    """Results of an optics scan by the vocabulary's names, and what ``optics.scan`` calls them."""
    asked = (*USUAL, *(requirement.quantity for requirement in resolved.requirements))
    found = {name: _scanned(name, resolved) for name in dict.fromkeys(asked)}
    return {name: quantity for name, quantity in found.items() if quantity}


def _scanned(name: str, resolved: Resolved) -> str:
    """The quantity of ``optics.scan`` for a name of the vocabulary; "" where there is none."""
    asked = quantity_named(name)
    if asked.form == "at" and asked.base in COLUMNS:
        place, colon, end = str(asked.place).partition(":end")
        places = resolved.machine.places if resolved.machine else {}
        element = place if place in resolved.lattice.names else places.get(place, place)
        return f"{asked.base}@{element}{colon}{end}"
    if asked.form in ("max", "min") and asked.base in COLUMNS:
        return f"{asked.form}_{asked.base}"
    known = {"length": "circumference", "tune_distance": "qx", "resonance_distance": "qy"}
    return known.get(asked.base, asked.base if asked.base in SCALARS else "")
