"""Every drawing's parts stand on axes that are there, each coordinate on an axis of its own direction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import pytest

from studies.charts.figure import figure_json
from studies.charts.match import Difference, MagnetField, MatchedTarget, fields_of_limit, match_targets
from studies.charts.match import residuals_in_tolerance as residuals
from studies.delivery import figures as delivery
from studies.energy_switching import figures as switching
from studies.linac import figures as linac
from studies.linac.switching import figures as linac_switching
from studies.results import FigureData
from studies.ring_optics import orbit_figures
from studies.search import figures as search
from studies.slow_extraction import figures as extraction
from studies.slow_extraction.spill import figures as spill
from studies.slow_extraction.turn_figures import last_turns_figure
from studies.treatment import figures as treatment
from tests.linac_facts import optics_facts, switching_facts
from tests.report_fakes import fake_result
from tests.studies import extraction_made, spill_made
from tests.studies.numbers import test_delivery_drawings as delivery_tests
from tests.studies.numbers import test_extraction_drawings as extraction_tests
from tests.studies.numbers import test_orbit_and_scan_drawings as orbit_tests
from tests.studies.numbers import test_search_drawings as search_tests
from tests.studies.numbers import test_switching_drawings as switching_tests
from tests.studies.numbers import test_treatment_drawings as treatment_tests
from tests.studies.numbers.test_tune_plane import WINDOWS, drawing

Drawn = FigureData | Iterable[FigureData]


def _named(name: str, drawn: Drawn) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for number, one in enumerate([drawn] if isinstance(drawn, FigureData) else drawn):
        yield f"{name}-{number}", one.plotly


SOURCES: dict[str, Callable[[], Drawn]] = {
    "fakes": lambda: fake_result().figures,
    **{f"linac{name}": lambda name=name: getattr(linac, name)(optics_facts()) for name in (  # type: ignore[misc]
        "_envelope", "_advance", "_losses", "_power", "_transmission", "_pulses", "_engines")},
    **{f"linac switching{name}": lambda name=name: getattr(linac_switching, name)(switching_facts()) for name in (  # type: ignore[misc]
        "_settings", "_beam", "_between", "_spot", "_jitter", "_timing", "_trips", "_engines")},
    **{f"treatment{name}": lambda name=name: getattr(treatment, name)(treatment_tests.facts()) for name in (  # type: ignore[misc]
        "_causes", "_progress", "_spreads", "_spots", "_dose")},
    **{f"switching{name}": lambda name=name: getattr(switching, name)(switching_tests.facts()) for name in (  # type: ignore[misc]
        "_strengths", "_currents", "_held", "_parts", "_field", "_steps", "_rf")},
    **{f"search{name}": lambda name=name: getattr(search, name)(search_tests.facts()) for name in (  # type: ignore[misc]
        "_front", "_side_by_side", "_convergence", "_constraints")},
    "orbits": lambda: orbit_figures.orbit_figures(orbit_tests.found()),
    "turns": lambda: last_turns_figure(extraction_tests.turned()),
    "wedge": lambda: extraction._steinbach(extraction_tests.extraction()),
    "steps": lambda: extraction._steps_of_momenta(extraction_made.facts()),
    "shares": lambda: extraction._shares(extraction_made.facts()),
    "spill": lambda: [spill._momentum(spill_made.facts()), spill._losses(spill_made.facts())],
    "trackers": lambda: spill._engines(spill_made.facts()),
    "acceptance": lambda: delivery._acceptance(delivery_tests.delivery(delivered=(1,))),
    "sizes": lambda: delivery._sizes(delivery_tests.delivery()),
}  # fmt: skip


def wrong(plotly: Mapping[str, Any]) -> list[str]:
    """Parts that stand on an axis of the other direction, or on none that the figure has."""
    layout, found = plotly["layout"], []
    known = {"x", "y", *(key.replace("axis", "", 1) for key in layout if key[1:5] == "axis")}
    for trace in plotly["data"]:
        for side in "xy":
            axis = trace.get(f"{side}axis", side)
            if axis[0] != side or axis not in known:
                found.append(f"trace {trace.get('name')}: {side}axis {axis}")
    for kind in ("annotations", "shapes"):
        for part in layout.get(kind, ()):
            for side in "xy":
                axis = part.get(f"{side}ref", "paper").partition(" ")[0]
                if axis != "paper" and (axis[0] != side or axis not in known):
                    found.append(f"{kind} {part.get('text')}: {side}ref {axis}")
    for name in known & {key.replace("axis", "", 1) for key in layout if key[1:5] == "axis"}:
        anchor = layout[f"{name[0]}axis{name[1:]}"].get("anchor", "free")
        if anchor != "free" and (anchor[0] == name[0] or anchor not in known):
            found.append(f"{name} is anchored to {anchor}")
    return found


@pytest.mark.parametrize("source", SOURCES)
def test_coordinates_stand_on_axes_of_their_direction_that_are_there(source: str) -> None:
    drawings = list(_named(source, SOURCES[source]()))
    assert drawings
    for name, plotly in drawings:
        assert wrong(plotly) == [], name


def test_so_do_those_of_charts_that_are_drawn_alone() -> None:
    targets = [MatchedTarget("qx", "1", 1.666, 1.656, 1.6661, 1e-3)]
    magnets = [MagnetField("kd", -3.9, 3.0, "T/m")]
    figures = (match_targets(targets), fields_of_limit(magnets), residuals([Difference("Qx", "1", 1.1, 1.0, 1e-9)]))
    for one in (*(figure_json(figure) for figure in figures), *(drawing(*window) for window in WINDOWS)):
        assert wrong(one) == []


def test_what_stands_on_the_wrong_axis_is_found() -> None:
    axes: dict[str, Any] = {"xaxis": {"anchor": "y"}, "yaxis": {"anchor": "x"}}
    assert wrong({"data": [{"x": [1], "y": [1]}], "layout": axes}) == []
    assert wrong({"data": [{"name": "a", "yaxis": "y2"}], "layout": axes}) == ["trace a: yaxis y2"]
    turned = {"annotations": [{"text": "b", "xref": "x", "yref": "x domain"}], **axes}
    assert wrong({"data": [], "layout": turned}) == ["annotations b: yref x"]
    assert wrong({"data": [], "layout": {**axes, "yaxis": {"anchor": "y"}}}) == ["y is anchored to y"]
