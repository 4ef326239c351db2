"""The study file of the optics study, with its machines with errors."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, Strict

from studies.spec.errors import ErrorsSpec
from studies.spec.schema import RingStudy
from studies.spec.types import Name, NotNegative, Positive, Table


class ImperfectionsSpec(Table):
    """Machines with errors, and how their orbits are corrected; ``largest_kick`` [rad] of a corrector."""

    machines: Annotated[int, Strict(), Field(ge=10, le=10_000)] = 100
    """Machines that are drawn."""
    errors: tuple[ErrorsSpec, ...] = Field(min_length=1)
    """Rms errors of magnets and monitors: a list of tables."""
    method: Literal["svd", "micado"] = "svd"
    """svd: least squares; micado: the best few correctors."""
    singular_value_cut: Annotated[NotNegative, Field(lt=1.0)] = 1e-3
    """Of svd: share of the largest below which singular values are left out [1]."""
    correctors_used: Annotated[int, Strict(), Field(ge=1)] | None = None
    """Of micado: how many correctors."""
    largest_kick: Positive | None = None
    """Largest kick of a corrector [rad]; without it none."""
    monitors: tuple[Name, ...] | None = None
    """Names (with *), kinds or parameters; without it all there are."""
    correctors: tuple[Name, ...] | None = None
    """Names (with *), kinds or parameters; without it all there are."""


class OpticsStudy(RingStudy):
    """Does the machine have the optics it must have? Match (optional), Twiss, comparison with Xsuite, verdicts."""

    study: Literal["optics"]
    """The question asked."""
    title_begins: ClassVar[str] = "Optics of"
    scanned: ClassVar[Literal["", "blocks", "cases"]] = "blocks"
    imperfections: ImperfectionsSpec | None = None
    """Machines with errors and their corrected orbits."""


SPEC = OpticsStudy
