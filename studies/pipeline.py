"""From a study, by its kind, to what computes it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from studies.spec.schema import AnyStudy

if TYPE_CHECKING:
    from studies.ring_optics.study import Outcome


def prepared(study: AnyStudy, file: Path | None) -> Callable[[], Outcome]:
    """The study resolved, to be computed by the module for its kind; ``file`` is where it was read from."""
    from studies.linac.spec import LinacStudy
    from studies.spec.schema import Study

    if isinstance(study, LinacStudy):
        from studies.linac.resolution import resolve_linac
        from studies.linac.study import compute as compute_linac

        return partial(compute_linac, resolve_linac(study, file))
    from studies.ring_optics import study as optics_design
    from studies.slow_extraction import study as slow_extraction
    from studies.spec.resolution import resolve

    assert isinstance(study, Study)
    resolved = resolve(study, file)
    if study.study == "energy-switching":
        from studies.energy_switching import study as energy_switching

        return partial(energy_switching.compute, resolved)
    if study.study == "switching-comparison":
        from studies.treatment import study as switching_comparison

        return partial(switching_comparison.compute, resolved)
    compute = slow_extraction.compute if study.study == "extraction" else optics_design.compute
    return partial(compute, resolved)
