"""The region around a match's solution, drawn as a scan over its two leading parameters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from studies.results import FigureData
from studies.ring_optics.region import MatchRegion
from studies.scan.figures import region
from studies.scan.picks import picked_optics


def region_figures(found: MatchRegion) -> Iterator[FigureData]:
    """Where all requirements hold, and the optics of cases that can be picked there."""
    first, second = (axis.name for axis in found.scan.plan.axes)
    held = f" ({', '.join(found.held)} as matched)" if found.held else ""
    drawn = region(found.scan, "match-region", "match-region-optics")
    caption = f"Around the outcome of the match, in the plane of {first} and {second}{held}. {drawn.caption}"
    title = f"Where {len(found.scan.plan.judged)} requirements hold together"
    yield replace(drawn, title=title, caption=caption)
    if found.scan.optics:
        yield picked_optics(found.scan, "match-region-optics", "the figure above")
