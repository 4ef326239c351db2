"""How a beam moves: maps, optical functions, matching, beams, tracking, and the independent engine."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from optics.beam import Beam, gaussian_beam, sample_beam
from optics.beam_files import StoredBeam, read_beam, write_beam
from optics.limits import Limit
from optics.match_knobs import knob, with_knob
from optics.matching import Case, MatchResult, match, match_together
from optics.optics import Optics
from optics.scans import grid, scan
from optics.targets import Target, Vary
from optics.tracking import Tracked, track
from optics.twiss import twiss

if TYPE_CHECKING:
    from optics.verification import verify
    from optics.xsuite_engine import from_xsuite, to_xsuite

__all__ = [
    "Beam",
    "Case",
    "Limit",
    "MatchResult",
    "Optics",
    "StoredBeam",
    "Target",
    "Tracked",
    "Vary",
    "from_xsuite",
    "gaussian_beam",
    "grid",
    "knob",
    "match",
    "match_together",
    "read_beam",
    "sample_beam",
    "scan",
    "to_xsuite",
    "track",
    "twiss",
    "verify",
    "with_knob",
    "write_beam",
]

_SECOND_ENGINE = {
    "from_xsuite": "optics.xsuite_engine",
    "to_xsuite": "optics.xsuite_engine",
    "verify": "optics.verification",
}


def __getattr__(name: str) -> Any:
    """Import what needs the second engine only when it is asked for."""
    if name in _SECOND_ENGINE:
        return getattr(import_module(_SECOND_ENGINE[name]), name)
    raise AttributeError(f"module 'optics' has no attribute '{name}'")
