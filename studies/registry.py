"""The kinds of study: the one file that knows them all. A new kind is a room and a line here.

A room has ``spec.SPEC``, what a study file may say, and ``study.STUDY``, how it is computed. They are imported when
they serve.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from studies.pipeline import Study
    from studies.spec.schema import StudySpec

#: Word in the ``study`` key of a study file, and the room of such studies.
ROOMS: Mapping[str, str] = MappingProxyType(
    {
        "optics": "studies.ring_optics",
        "extraction": "studies.slow_extraction",
        "linac-optics": "studies.linac",
        "linac-energy-switching": "studies.linac.switching",
        "energy-switching": "studies.energy_switching",
        "switching-comparison": "studies.treatment",
        "delivery": "studies.delivery",
        "tolerances": "studies.tolerances",
        "linac-tolerances": "studies.tolerances.linac",
        "line-tolerances": "studies.tolerances.line",
    }
)


def spec_of(word: str) -> type[StudySpec]:
    """What a study file of this kind may say; nothing that computes is imported."""
    spec: type[StudySpec] = import_module(f"{ROOMS[word]}.spec").SPEC
    return spec


def study_of(word: str) -> Study[Any, Any, Any]:
    """How studies of this kind are resolved, computed, drawn and told."""
    study: Study[Any, Any, Any] = import_module(f"{ROOMS[word]}.study").STUDY
    return study
