"""The still drawing of a figure: plotly's JSON drawn by matplotlib as SVG, for paper and for pages without scripts.

It knows the traces, shapes and notes that our figures use and refuses any other, so that no part of a figure is
silently missing from its drawing.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator
from matplotlib.transforms import Transform, blended_transform_factory, offset_copy

from lattice import InputError
from lattice.arrays import Array
from studies.report.heatmap import draw_heatmap
from studies.report.labels.boxes import plain_text
from studies.report.labels.rows import names_room
from studies.report.svg import embeddable
from studies.report.ticks import LinearTicks, LogTicks

#: Of traces: those that our figures are made of.
KINDS = ("scatter", "bar", "heatmap")
WIDTH = 820  # px, at which the drawing's letters have the size of the page's
_ROOM_OF_NUMBER = 50  # px
_DASHES = {"solid": "-", "dash": (0, (5, 3)), "dot": (0, (1, 2)), "dashdot": "-."}
_HORIZONTAL = {"left": "left", "center": "center", "right": "right", "auto": "center"}
_VERTICAL = {"top": "top", "middle": "center", "bottom": "bottom", "auto": "center"}
_SETTINGS: dict[str, Any] = {
    "svg.fonttype": "none",
    "path.simplify": True,
    "path.simplify_threshold": 0.1,
    "font.family": "DejaVu Sans",
    "axes.unicode_minus": True,
    "axes.formatter.limits": (-4, 5),
}


@dataclass(frozen=True)
class _Page:
    """The figure being drawn: its ``layout``, the axes by the name of their y axis, and those over them all.

    ``x_of`` is the name of the x axis under each y axis.
    """

    id: str
    layout: Mapping[str, Any]
    figure: Figure
    axes: dict[str, Axes]
    x_of: dict[str, str]
    paper: Axes
    categories: dict[str, list[str]]
    bars: int


def draw(figure: Mapping[str, Any], id: str, label: str, described: str = "") -> str:
    """SVG element of plotly JSON ``{"data", "layout"}``; the same bytes for the same figure.

    ``id`` goes into every id within, ``label`` is read aloud instead of the drawing, then what the
    element of the id ``described`` says of it. Raises InputError, naming the
    figure, for a trace, shape or axis it cannot draw.
    """
    settings: Any = {**_SETTINGS, "svg.hashsalt": id}
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a letter that matplotlib's font lacks is drawn by the reader's font
        page = _new_page(figure, id)
        for trace in figure["data"]:
            if _visible(trace):
                _draw_trace(page, trace)
        for shape in page.layout.get("shapes", ()):
            _draw_shape(page, shape)
        for name, axes in page.axes.items():
            _set_up(page, name, axes)
        for note in page.layout.get("annotations", ()):
            if note.get("visible", True):
                _draw_note(page, note)
        _draw_legend(page, figure["data"])
        return embeddable(_svg(page.figure), id, label, described)


def _svg(figure: Figure) -> str:
    target = io.StringIO()
    canvas: Any = FigureCanvasSVG(figure)
    canvas.print_svg(target, metadata={"Date": None, "Creator": None})
    return target.getvalue()


def _visible(trace: Mapping[str, Any]) -> bool:
    shown = trace.get("visible", True) is True
    return shown and not (trace.get("mode") == "markers" and trace.get("marker", {}).get("opacity", 1) == 0)


# --- the page and its axes ---------------------------------------------------------------------------------------


def _new_page(figure: Mapping[str, Any], id: str) -> _Page:
    layout = figure["layout"]
    height = layout.get("height", 450)
    canvas = Figure(figsize=(WIDTH / 72, height / 72), dpi=72)
    x_of: dict[str, str] = {}
    for trace in figure["data"]:
        x, y = trace.get("xaxis", "x"), trace.get("yaxis", "y")
        if x_of.setdefault(y, x) != x:
            raise InputError(f"figure '{id}': a drawing has one x axis under '{y}', found '{x_of[y]}' and '{x}'")
    margin = {"l": 80, "r": 80, "t": 100, "b": 80, **layout.get("margin", {})}
    left, right = max(margin["l"], names_room(figure)) / WIDTH, 1 - margin["r"] / WIDTH
    bottom, top = margin["b"] / height, 1 - margin["t"] / height
    axes: dict[str, Axes] = {}
    for name, x in x_of.items():
        low, high = _axis(layout, name).get("domain", (0.0, 1.0))
        begin, end = _axis(layout, x).get("domain", (0.0, 1.0))
        width, height_px = right - left, top - bottom
        box = (left + begin * width, bottom + low * height_px, (end - begin) * width, (high - low) * height_px)
        axes[name] = canvas.add_axes(box, facecolor="none")
    paper = canvas.add_axes((left, bottom, right - left, top - bottom), zorder=-1)
    paper.set_axis_off()
    bars = sum(trace.get("type") == "bar" for trace in figure["data"])
    return _Page(id, layout, canvas, axes, x_of, paper, _categories(figure), bars)


def _axis(layout: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = layout.get(f"{name[0]}axis{name[1:]}", {})
    return found


def _categories(figure: Mapping[str, Any]) -> dict[str, list[str]]:
    """Names along the category axes, in order of appearance."""
    found: dict[str, list[str]] = {}
    for name in ("x", "y"):
        if _axis(figure["layout"], name).get("type") == "category":
            values = [value for trace in figure["data"] for value in trace[name]]
            found[name] = list(dict.fromkeys(values))
    return found


def _set_up(page: _Page, name: str, axes: Axes) -> None:
    x, y = _axis(page.layout, page.x_of[name]), _axis(page.layout, name)
    lowest = name == x.get("anchor", "y") or list(page.x_of.values()).count(page.x_of[name]) == 1
    _scale(page, axes, "x", x)
    _scale(page, axes, "y", y)
    axes.set_axisbelow(True)
    axes.grid(visible=True, color=x.get("gridcolor", "#E6E6E6"), linewidth=0.8)
    if y.get("showgrid") is False:
        axes.grid(visible=False, axis="y")
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set(color="#8A8A8A", linewidth=0.8)
    axes.tick_params(labelsize=12, color="#8A8A8A", width=0.8, labelbottom=lowest)
    axes.set_ylabel(plain_text(_title(y)), fontsize=_title_size(y), parse_math=False)
    axes.set_xlabel(plain_text(_title(x)) if lowest else "", fontsize=13, parse_math=False)
    if x.get("scaleanchor"):
        axes.set_aspect("equal", adjustable="box" if "range" in x else "datalim")
    if y.get("visible") is False:
        axes.set_axis_off()


def _title_size(axis: Mapping[str, Any]) -> float:
    return float(axis.get("title", {}).get("font", {}).get("size", 13))


def _title(axis: Mapping[str, Any]) -> str:
    return str(axis.get("title", {}).get("text", ""))


def _scale(page: _Page, axes: Axes, side: str, spec: Mapping[str, Any]) -> None:
    kind, axis = spec.get("type", "linear"), axes.xaxis if side == "x" else axes.yaxis
    if kind == "category":
        names = [plain_text(name) for name in spec.get("ticktext", page.categories[side])]
        axis.set_ticks(range(len(names)), names, parse_math=False, rotation=-spec.get("tickangle", 0))
    elif kind == "log":
        axes.set(**{f"{side}scale": "log"})
        axis.set_major_locator(LogLocator(numticks=9))
        axis.set_major_formatter(LogTicks())
        axis.set_minor_locator(NullLocator())
    elif kind in ("linear", "-") and "tickvals" in spec and "ticktext" in spec:
        names = [plain_text(name) for name in spec["ticktext"]]
        axis.set_ticks(spec["tickvals"], names, parse_math=False, rotation=-spec.get("tickangle", 0))
    elif kind in ("linear", "-"):
        axis.set_major_locator(MaxNLocator(nbins=_numbers_along(axes) if side == "x" else 5, steps=[1, 2, 2.5, 5, 10]))
        axis.set_major_formatter(LinearTicks())
    else:
        raise InputError(f"figure '{page.id}': cannot draw an axis of type '{kind}'")
    if "range" in spec:
        limits = [10.0**limit if kind == "log" else limit for limit in spec["range"]]
        axes.set(**{f"{side}lim": limits})
    if spec.get("autorange") == "reversed":
        axis.set_inverted(True)


def _numbers_along(axes: Axes) -> int:
    """How many numbers an axis across has room for, eight at most."""
    return max(3, min(8, int(axes.get_position().width * WIDTH / _ROOM_OF_NUMBER)))


# --- traces ------------------------------------------------------------------------------------------------------


def _draw_trace(page: _Page, trace: Mapping[str, Any]) -> None:
    drawers = dict(zip(KINDS, (_draw_scatter, _draw_bar, _draw_heatmap), strict=True))
    if trace.get("type", "scatter") not in drawers:
        raise InputError(f"figure '{page.id}': cannot draw a trace of type '{trace['type']}'")
    drawers[trace.get("type", "scatter")](page, trace)


def _floats(page: _Page, values: Any) -> Array:
    if not isinstance(values, (list, tuple)):
        raise InputError(f"figure '{page.id}': the data of a trace must be a plain list, found {type(values).__name__}")
    try:
        return np.array([np.nan if value is None else value for value in values], dtype=float)
    except (TypeError, ValueError):
        raise InputError(f"figure '{page.id}': the data of a curve must be numbers, found {values[0]!r} ...") from None


def _draw_scatter(page: _Page, trace: Mapping[str, Any]) -> None:
    axes = page.axes[trace.get("yaxis", "y")]
    x, y = _floats(page, trace["x"]), _floats(page, trace["y"])
    modes = set(trace.get("mode", "lines").split("+"))
    if modes - {"lines", "markers"}:
        raise InputError(f"figure '{page.id}': cannot draw a trace with mode '{trace['mode']}'")
    _draw_fill(page, axes, trace, x, y)
    line, marker = trace.get("line", {}), trace.get("marker", {})
    if "lines" in modes and line.get("width", 2) > 0:
        color, style = line.get("color", "#1A1A1A"), _DASHES[line.get("dash", "solid")]
        axes.plot(x, y, color=_color(color), linewidth=line.get("width", 2), linestyle=style)
    if "markers" in modes:
        color, size = _color(marker.get("color", "#1A1A1A")), marker.get("size", 6)
        ring = str(marker.get("symbol", "")).endswith("-open")
        face, edge = ("none", marker.get("line", {}).get("width", 1.0)) if ring else (color, 0)
        axes.plot(x, y, "o", color=color, markersize=size, markerfacecolor=face, markeredgewidth=edge)


def _draw_fill(page: _Page, axes: Axes, trace: Mapping[str, Any], x: Any, y: Any) -> None:
    fill = trace.get("fill", "none")
    color = _color(trace.get("fillcolor", "#CCCCCC"))
    if fill == "toself":
        breaks = np.flatnonzero(np.isnan(x))
        for px, py in zip(np.split(x, breaks), np.split(y, breaks), strict=True):
            axes.fill(px[~np.isnan(px)], py[~np.isnan(px)], color=color, linewidth=0)
    elif fill == "tonexty":
        below_x, below_y = (np.asarray(part, dtype=float) for part in axes.lines[-1].get_data())
        axes.fill_between(x, np.interp(x, below_x, below_y), y, color=color, linewidth=0)
    elif fill != "none":
        raise InputError(f"figure '{page.id}': cannot draw the fill '{fill}'")


def _draw_bar(page: _Page, trace: Mapping[str, Any]) -> None:
    if trace.get("orientation") != "h" or "y" not in page.categories:
        raise InputError(f"figure '{page.id}': cannot draw bars that do not lie beside names")
    names = page.categories["y"]
    axes, width = page.axes["y"], (1 - page.layout.get("bargap", 0.2)) / page.bars
    shift = (len(axes.containers) - 0.5 * (page.bars - 1)) * width
    begin: Any = 0.0
    if page.layout.get("barmode") == "stack":  # every trace names the same bars in the same order
        width, shift = 1 - page.layout.get("bargap", 0.2), 0.0
        begin = sum((np.array([bar.get_width() for bar in bars]) for bars in axes.containers), np.zeros(len(names)))
    places = [names.index(name) + shift for name in trace["y"]]
    sizes = np.nan_to_num(_floats(page, trace["x"]))
    axes.barh(places, sizes, left=begin, height=width, color=_color(trace["marker"]["color"]), linewidth=0)


def _draw_heatmap(page: _Page, trace: Mapping[str, Any]) -> None:
    if set(page.categories) != {"x", "y"}:
        raise InputError(f"figure '{page.id}': cannot draw a heat map that does not lie between names")
    draw_heatmap(page.axes["y"], trace, page.categories["x"], page.categories["y"])


def _color(color: str) -> Any:
    found = re.fullmatch(r"rgba\((\d+),\s*(\d+),\s*(\d+),\s*([\d.]+)\)", color)
    if found:
        red, green, blue, opacity = (float(part) for part in found.groups())
        return red / 255, green / 255, blue / 255, opacity
    return to_rgba(color)


# --- shapes, notes, legend ---------------------------------------------------------------------------------------


def _transform(page: _Page, item: Mapping[str, Any]) -> Transform:
    """From what ``xref`` and ``yref`` say to the page."""
    return blended_transform_factory(_one_transform(page, item["xref"]), _one_transform(page, item["yref"]))


def _one_transform(page: _Page, reference: str) -> Transform:
    if reference == "paper":
        return page.paper.transAxes
    name, _, domain = reference.partition(" ")
    axes = page.axes.get(name) or next(axes for y, axes in page.axes.items() if name in (page.x_of[y], "x"))
    return axes.transAxes if domain else axes.transData


def _place(page: _Page, note: Mapping[str, Any], side: str) -> float:
    """A note's coordinate; on a log axis plotly gives its exponent."""
    value, reference = float(note[side]), note[f"{side}ref"]
    is_log = " " not in reference and _axis(page.layout, reference).get("type") == "log"
    return float(10.0**value) if is_log else value


def _draw_shape(page: _Page, shape: Mapping[str, Any]) -> None:
    if shape["type"] != "line":
        raise InputError(f"figure '{page.id}': cannot draw a shape of type '{shape['type']}'")
    line, ends = shape["line"], ([shape["x0"], shape["x1"]], [shape["y0"], shape["y1"]])
    axes = page.paper if shape.get("layer") == "below" else next(iter(page.axes.values()))
    axes.plot(
        *ends,
        transform=_transform(page, shape),
        color=line["color"],
        linewidth=line["width"],
        linestyle=_DASHES[line.get("dash", "solid")],
        clip_on=False,
        scalex=False,
        scaley=False,
    )


def _draw_note(page: _Page, note: Mapping[str, Any]) -> None:
    axes = page.axes.get(note["yref"], page.paper)
    transform = _transform(page, note)
    point = (_place(page, note, "x"), _place(page, note, "y"))
    look: dict[str, Any] = {
        "color": note["font"]["color"],
        "fontsize": note["font"]["size"],
        "parse_math": False,
        "annotation_clip": False,
    }
    if note.get("bgcolor"):
        look["bbox"] = {"facecolor": _color(note["bgcolor"]), "linewidth": 0, "pad": 1.0}
    text = plain_text(note["text"])
    if note.get("showarrow", True):
        _draw_arrow(axes, note, text, point, transform, look)
    else:
        shifted = offset_copy(transform, page.figure, note.get("xshift", 0), note.get("yshift", 0), units="dots")
        anchors: dict[str, Any] = {
            "ha": _HORIZONTAL[note.get("xanchor", "auto")],
            "va": _VERTICAL[note.get("yanchor", "auto")],
        }
        axes.annotate(text, point, xycoords=shifted, **anchors, **look)


def _draw_arrow(
    axes: Axes,
    note: Mapping[str, Any],
    text: str,
    point: tuple[float, float],
    transform: Transform,
    look: Mapping[str, Any],
) -> None:
    """A note with its arrow: the tail is a place of its own, or so many pixels away (down is positive)."""
    tail = (note["ax"], note["ay"])
    coordinates: Any = transform
    if note.get("axref", "pixel") == "pixel":
        tail, coordinates = (note["ax"], -note["ay"]), "offset points"
    style = "-|>" if note.get("arrowhead", 1) else "-"
    arrow = {
        "arrowstyle": style,
        "color": note["arrowcolor"],
        "linewidth": note["arrowwidth"],
        "shrinkA": 0,
        "shrinkB": 0,
    }
    axes.annotate(
        text,
        point,
        tail,
        xycoords=transform,
        textcoords=coordinates,
        arrowprops=arrow,
        ha=_HORIZONTAL[note.get("xanchor", "auto")],
        va="center",
        **look,
    )


def _draw_legend(page: _Page, traces: Sequence[Mapping[str, Any]]) -> None:
    if not page.layout.get("showlegend"):
        return
    shown = [trace for trace in traces if trace.get("showlegend", True) and _visible(trace)]
    colors = [trace.get("fillcolor") or trace["marker"]["color"] for trace in shown]
    keys = [
        Patch(color=_color(color), label=plain_text(trace["name"])) for trace, color in zip(shown, colors, strict=True)
    ]
    place = page.layout.get("legend", {})
    left = place.get("xanchor", "left") == "left"
    page.paper.legend(
        handles=keys,
        loc="lower left" if left else "lower center",
        bbox_to_anchor=(place.get("x", 0.0), place.get("y", 1.0)),
        ncols=6,
        frameon=False,
        fontsize=11,
        handlelength=1.0,
        columnspacing=1.2,
        borderaxespad=0.1,
    )
