"""The scan that a study and the command line ask for: resolved, and its match made once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lattice import InputError, Lattice, NoSolution
from studies.match.design import matched_design
from studies.registry import ROOMS, spec_of, study_of
from studies.scan.plan import Axis, Plan, check_axes, planned
from studies.spec.resolution import Resolved
from studies.spec.schema import RingStudy, StudySpec


def plan(study: StudySpec, file: Path | None, axes: Sequence[Axis], more: tuple[str, ...] = ()) -> Plan:
    """The scan of a study over ``axes``; its match, if it has one, is made here, once. ``more``: further quantities.

    InputError for another kind of study, a line, unknown parameters, too many cases; NoSolution when the match fails.
    """
    if not study.scanned or not isinstance(study, RingStudy):
        known = " or ".join(f'"{word}"' for word in ROOMS if spec_of(word).scanned)
        raise InputError(f'a scan takes studies of study = {known}, not "{study.study}"')
    resolved: Resolved[Any] = study_of(study.study).resolve(study, file)
    if resolved.start is not None:
        raise InputError("a scan takes rings: this study has a start, which makes it a line")
    check_axes(axes, resolved.lattice)
    return planned(study, resolved, _design(resolved), axes, file, more)


def _design(resolved: Resolved[Any]) -> Lattice:
    matched = matched_design(resolved)
    if matched is None:
        return resolved.lattice
    if not matched.success:
        raise NoSolution(f"the study's match did not converge, a scan has no design to depart from: {matched.message}")
    return matched.lattice.with_particle(resolved.particle)
