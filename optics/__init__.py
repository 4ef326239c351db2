"""How a beam moves: maps, optical functions, matching, beams, tracking, and the independent engine."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optics.beams.beam import Beam, gaussian_beam, sample_beam
    from optics.beams.files import StoredBeam, read_beam, write_beam
    from optics.beams.tracking import Tracked, track
    from optics.engines.verification import verify
    from optics.engines.xsuite.line import to_xsuite
    from optics.engines.xsuite.live_line import from_xsuite
    from optics.floor import survey
    from optics.inventory import elements
    from optics.linear.moments import Moments
    from optics.linear.optics import Optics
    from optics.linear.twiss import twiss
    from optics.matching.knobs import knob, with_knob
    from optics.matching.limits import Limit
    from optics.matching.matching import Case, MatchResult, match, match_together
    from optics.matching.targets import Target, Vary
    from optics.scanning.matches import match_each
    from optics.scanning.scans import grid, scan

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
    "elements",
    "from_xsuite",
    "gaussian_beam",
    "grid",
    "knob",
    "match",
    "match_each",
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

#: Where each name is made. A module is loaded when one of its names is first asked for: ``import optics`` alone loads
#: neither the compiler nor tables, and who needs no second engine waits for none.
_HOMES = {
    "Beam": "optics.beams.beam",
    "Case": "optics.matching.matching",
    "Limit": "optics.matching.limits",
    "MatchResult": "optics.matching.matching",
    "Moments": "optics.linear.moments",
    "Optics": "optics.linear.optics",
    "StoredBeam": "optics.beams.files",
    "Target": "optics.matching.targets",
    "Tracked": "optics.beams.tracking",
    "Vary": "optics.matching.targets",
    "elements": "optics.inventory",
    "from_xsuite": "optics.engines.xsuite.live_line",
    "gaussian_beam": "optics.beams.beam",
    "grid": "optics.scanning.scans",
    "knob": "optics.matching.knobs",
    "match": "optics.matching.matching",
    "match_each": "optics.scanning.matches",
    "match_together": "optics.matching.matching",
    "read_beam": "optics.beams.files",
    "sample_beam": "optics.beams.beam",
    "scan": "optics.scanning.scans",
    "survey": "optics.floor",
    "to_xsuite": "optics.engines.xsuite.line",
    "track": "optics.beams.tracking",
    "twiss": "optics.linear.twiss",
    "verify": "optics.engines.verification",
    "with_knob": "optics.matching.knobs",
    "write_beam": "optics.beams.files",
}


#: Rooms of their own, loaded in the same way.
_MODULES = ("linac", "testing")


def __getattr__(name: str) -> Any:
    """The public name, from the module that makes it; kept, so that this is asked once."""
    if name in _MODULES:
        return import_module(f"optics.{name}")
    if name not in _HOMES:
        from lattice.errors import did_you_mean

        raise AttributeError(f"module 'optics' has no attribute '{name}'{did_you_mean(name, __all__)}")
    found = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES})
