"""How a beam moves: maps, optical functions, matching, beams, tracking, and the independent engine."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from optics.beams.beam import Beam, gaussian_beam, sample_beam
from optics.beams.files import StoredBeam, read_beam, write_beam
from optics.beams.tracking import Tracked, track
from optics.linear.moments import Moments
from optics.linear.optics import Optics
from optics.linear.twiss import twiss
from optics.matching.knobs import knob, with_knob
from optics.matching.limits import Limit
from optics.matching.matching import Case, MatchResult, match, match_together
from optics.matching.targets import Target, Vary
from optics.scanning.scans import grid, scan
from optics.survey import survey

if TYPE_CHECKING:
    from optics.engines.verification import verify
    from optics.engines.xsuite.line import to_xsuite
    from optics.engines.xsuite.live_line import from_xsuite

__all__ = [
    "Beam",
    "Case",
    "Limit",
    "MatchResult",
    "Moments",
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
    "survey",
    "to_xsuite",
    "track",
    "twiss",
    "verify",
    "with_knob",
    "write_beam",
]

_SECOND_ENGINE = {
    "from_xsuite": "optics.engines.xsuite.live_line",
    "to_xsuite": "optics.engines.xsuite.line",
    "verify": "optics.engines.verification",
}


def __getattr__(name: str) -> Any:
    """Import what needs the second engine only when it is asked for."""
    if name in _SECOND_ENGINE:
        return getattr(import_module(_SECOND_ENGINE[name]), name)
    raise AttributeError(f"module 'optics' has no attribute '{name}'")
