"""What a scan is to compute: its grid, the study and the design it departs from, what it gives and what it judges."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lattice import InputError, Lattice, ReferenceParticle
from lattice.arrays import Array
from lattice.errors import did_you_mean
from machines.requirements import Requirement
from optics.linear.functions import COLUMNS, SCALARS
from optics.scanning.scans import grid
from studies.runs import rows
from studies.scan.quantities import extra_quantities
from studies.spec.resolution import Resolved
from studies.spec.schema import RingStudy
from studies.vocabulary import quantity_named

#: What every scan of optics gives.
USUAL = (
    *("qx", "qy", "dqx", "dqy", "tune_distance", "max_betx", "max_bety", "max_dx", "min_dx"),
    "momentum_compaction",
)
#: As rows say how a case went.
STATUS, COMPUTED = rows.STATUS, rows.COMPUTED
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
    ``more``: quantities that are wanted beside those of the requirements. Without ``engines`` no second one is asked.
    ``whole``: cases are computed one by one, each the whole study, where blocks do not give all that is wanted.
    """

    study: RingStudy
    resolved: Resolved[Any]
    design: Lattice
    axes: tuple[Axis, ...]
    cases: Mapping[str, Array]
    names: Mapping[str, str]
    extra: tuple[str, ...]
    judged: tuple[Requirement, ...]
    unjudged: tuple[Requirement, ...]
    file: Path | None
    more: tuple[str, ...] = ()
    engines: bool = True
    whole: bool = False

    @property
    def number(self) -> int:
        """How many cases there are."""
        return len(next(iter(self.cases.values())))

    @property
    def particle(self) -> ReferenceParticle:
        """The particle of the study."""
        return self.resolved.particle


def planned(
    study: RingStudy,
    resolved: Resolved[Any],
    design: Lattice,
    axes: Sequence[Axis],
    file: Path | None = None,
    more: tuple[str, ...] = (),
) -> Plan:
    """The scan of a resolved study around a design that is known; ``more``: quantities that no requirement names."""
    batched = study.scanned == "blocks"
    asked = (*(requirement.quantity for requirement in resolved.requirements), *more)
    names = scanned_names(resolved, asked) if batched else {}
    number = int(np.prod([axis.number for axis in axes]))
    extra = extra_quantities(resolved, asked, number) if batched else ()
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
        more=more,
    )


def _is_judged(quantity: str, study: RingStudy, names: Collection[str]) -> bool:
    """True when the scan gives the quantity."""
    return quantity in names if study.scanned == "blocks" else quantity.partition("@")[0] not in study.unscanned


def check_axes(axes: Sequence[Axis], lattice: Lattice) -> None:
    """InputError for a parameter twice or unknown, and for too many cases."""
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


def scanned_names(resolved: Resolved[Any], asked: Sequence[str]) -> dict[str, str]:
    """Results of an optics scan by the vocabulary's names, and what ``optics.scan`` calls them."""
    found = {name: _scanned(name, resolved) for name in dict.fromkeys((*USUAL, *asked))}
    return {name: quantity for name, quantity in found.items() if quantity}


def _scanned(name: str, resolved: Resolved[Any]) -> str:
    """The quantity of ``optics.scan`` for a name of the vocabulary; "" where there is none."""
    asked = quantity_named(name)
    if asked.form == "at" and asked.base in COLUMNS:
        place, colon, end = str(asked.place).partition(":end")
        places = resolved.machine.places if resolved.machine else {}
        element = place if place in resolved.lattice.names else places.get(place, place)
        return f"{asked.base}@{element}{colon}{end}"
    if asked.form in ("max", "min") and asked.base in COLUMNS:
        return f"{asked.form}_{asked.base}"
    known = {"tune_distance": "qx", "resonance_distance": "qy"}
    return known.get(asked.base, asked.base if asked.base in SCALARS else "")
