"""Figures of a delivery."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from lattice.arrays import Array
from studies.charts import style
from studies.charts.curves import Curve, curves
from studies.charts.figure import figure_json, figure_of
from studies.charts.floor import orbit_in_space
from studies.charts.lattice import floor_plan, magnet_blocks, optics_figure
from studies.charts.linac import heat, line, stacked, with_slider
from studies.charts.sliding import Panel, sliding
from studies.charts.spill import bar_drawing
from studies.charts.spot import Envelope, Spot, envelopes_drawing, spots_drawing
from studies.charts.style import Drawing, heading
from studies.delivery.acceptance import Acceptance
from studies.delivery.facts import Delivered, Facts
from studies.delivery.joints import joint_figures
from studies.delivery.trajectories import PERCENT, Trajectories
from studies.results import FigureData, Shown

_CLOUD = 1500  # particles drawn


def figures(facts: Facts) -> tuple[FigureData, ...]:
    """All figures, in the order of the report."""
    return (
        _envelopes(facts),
        *_floor(facts),
        *_turned(facts),
        _spots(facts),
        *joint_figures(facts.turning),
        _sizes(facts),
        _strengths(facts),
        _optics(facts),
        *_acceptance(facts),
        *_trajectories(facts),
        _entrance(facts),
    )


def _labels(facts: Facts) -> list[str]:
    return [one.case.label for one in facts.delivered]


def _middle(facts: Facts) -> int:
    return len(facts.delivered) // 2


def _envelopes(facts: Facts) -> FigureData:
    sigmas = facts.resolved.study.sigmas
    places = [(float(facts.resolved.line.s[facts.resolved.line.row(facts.resolved.isocentre)]), "isocentre")]
    items = [Envelope(one.case.label, _thinned(one.envelope)) for one in facts.delivered]
    caption = (
        f"Edge of the beam at {sigmas:g} rms of its second moments, with what x, y and momentum have in common, inside "
        "the openings (grey), from the entrance of the line to the isocentre. Look for: where the edge comes near "
        "the aperture."
    )
    table = facts.shown.envelope.rename(
        columns={name: f"{name} [m]" for name in facts.shown.envelope if name != "element"}
    )
    drawing = envelopes_drawing(items, places, _middle(facts))
    return FigureData("envelope", "Envelope to the isocentre", caption, figure_json(figure_of(drawing)), table)


def _thinned(edges: pd.DataFrame) -> pd.DataFrame:
    """Where two rows stand at one s with one aperture, the first alone."""
    columns = ["s", *(name for name in edges if name.startswith("aperture_"))]
    return edges.loc[~edges.duplicated(columns)].reset_index(drop=True)


def _floor(facts: Facts) -> Iterator[FigureData]:
    if not facts.floor:
        return
    survey = facts.floor["line"]
    others = {name: table for name, table in facts.floor.items() if name != "line"}
    blocks = magnet_blocks(facts.lattice, facts.shown.case.particle)
    beside = f" with the orbit of {', '.join(others)} (dotted) that it leaves at the magnetic septum" if others else ""
    caption = (
        f"The line from above{beside}: bends, quadrupoles and correctors to scale along the axis, their widths those "
        "of the drawing. Look for: where the line begins on the ring, and where the isocentre is."
    )
    table = survey[["s", "X", "Z", "theta"]].set_axis(["s [m]", "X [m]", "Z [m]", "theta [rad]"], axis=1)
    named = pd.DataFrame({"name": list(map(str, table.index)), **{c: table[c].to_numpy() for c in table.columns}})
    drawn = floor_plan(survey, blocks, lines=others)
    yield FigureData("line-floor", "Floor plan", caption, figure_json(drawn), named)


def _turned(facts: Facts) -> Iterator[FigureData]:
    """The line from above and from the side at every angle of its gantry."""
    if not facts.stands:
        return
    panels, frames = [], []
    for angle, table in facts.stands:
        z, x, y = orbit_in_space(table)
        told = f"{np.degrees(angle):g}"
        curves = (("from above: X", z, x, style.HORIZONTAL), ("from the side: Y", z, y, style.VERTICAL))
        seen = [("isocentre", float(z[-1]), float(end)) for end in dict.fromkeys((x[-1], y[-1]))]
        panels.append(Panel(f"{told}\N{DEGREE SIGN}", curves, seen))
        frames.append(table[["s", "X", "Y", "Z"]].add_suffix(" [m]").assign(**{"angle [deg]": np.degrees(angle)}))
    caption = (
        "The axis of the line at each angle of its gantry, from where the line begins: from above and from the side. "
        "Look for: where the gantry turns, and the isocentre, which stays where it is."
    )
    drawing = sliding(panels, heading("Z"), "X, Y [m]", "gantry at ", shown=0, equal=True)
    yield FigureData("line-turned", "The gantry turned", caption, figure_json(figure_of(drawing)), pd.concat(frames))


def _spots(facts: Facts) -> FigureData:
    items = [_spot(one) for one in facts.delivered]
    bar = " In x an extracted beam is a bar, not a Gaussian." if facts.source.beam is not None else ""
    caption = (
        f"Particles at the isocentre with both marginals, and the ellipse of the chosen rms sizes (dashed).{bar} "
        "Look for: a spot off the middle, tilted, or with tails."
    )
    one = facts.shown
    table = pd.DataFrame({"x [mm]": 1e3 * one.states[:_CLOUD, 0], "y [mm]": 1e3 * one.states[:_CLOUD, 2]})
    drawing = spots_drawing(items, _middle(facts))
    return FigureData("spot", "Spot at the isocentre", caption, figure_json(figure_of(drawing)), table)


def _spot(one: Delivered) -> Spot:
    x, y = (1e3 * one.states[:_CLOUD, column] for column in (0, 2))
    sizes = 1e3 * one.sizes
    told = f"rms {sizes[0]:.3g} x {sizes[1]:.3g} mm"
    return Spot(one.case.label, x, y, (1e3 * one.case.size_x, 1e3 * one.case.size_y), told)


def _sizes(facts: Facts) -> FigureData:
    energy = [particle.kinetic_energy_per_u / 1e6 for particle in facts.resolved.particles]
    sizes = 1e3 * facts.found.sizes.reshape(facts.energies, facts.spots, 2)
    wanted = 1e3 * facts.found.wanted.reshape(facts.energies, facts.spots, 2)[0]
    shown = sorted({0, facts.spots // 2, facts.spots - 1})
    items = [
        Curve(f"{plane}, {wanted[k, p]:g} mm chosen", energy, sizes[:, k, p].tolist(), color)
        for k in shown
        for p, (plane, color) in enumerate((("x", style.HORIZONTAL), ("y", style.VERTICAL)))
    ]
    levels = sorted({(float(wanted[k, p]), f"{wanted[k, p]:g} mm") for k in shown for p in (0, 1)})
    columns = {
        f"{plane} of spot {k + 1} [mm]": sizes[:, k, p] for k in range(facts.spots) for p, plane in enumerate("xy")
    }
    caption = (
        "Rms size at the isocentre by the settings found, over energy; dashed: chosen. Where they part, the strengths "
        "or the pipe allow no more. Look for: energies at which a line leaves its dashed one."
    )
    if len(shown) < facts.spots:
        caption += f" The first, the middle and the last of {facts.spots} spots are drawn; the data have all."
    drawn = curves(items, "energy [MeV/u]", "rms size [mm]", levels=levels)
    table = pd.DataFrame({"energy [MeV/u]": energy, **columns})
    return FigureData("settings-sizes", "Sizes over energy", caption, figure_json(drawn), table)


def _strengths(facts: Facts) -> FigureData:
    """Gradients of the middle spot: quadrupoles down, energy across."""
    spot, particles = facts.spots // 2, facts.resolved.particles
    rigidity = np.array([particle.magnetic_rigidity for particle in particles])
    gradients = facts.found.values.reshape(facts.energies, facts.spots, -1)[:, spot] * rigidity[:, None]
    columns = np.unique(np.linspace(0, facts.energies - 1, min(12, facts.energies)).round().astype(int))
    energies = [f"{particles[k].kinetic_energy_per_u / 1e6:.4g}" for k in columns]
    shares = np.abs(gradients[columns].T) / facts.resolved.gradient
    told = [[f"{value:.3g}" for value in row] for row in gradients[columns].T]
    sizes = facts.resolved.study.spots[spot]
    caption = (
        f"Gradients [T/m] that give {sizes.x_mm:g} x {sizes.y_mm:g} mm, shaded by their share of "
        f"{facts.resolved.gradient:g} T/m; a row is a strength by its name in the lattice. "
        "Look for: rows that jump from one energy to the next, and dark cells."
    )
    drawn = heat(facts.found.knobs, energies, shares, "energy [MeV/u]", told)
    named = {f"{name} [T/m]": gradients[:, k] for k, name in enumerate(facts.found.knobs)}
    table = pd.DataFrame({"energy [MeV/u]": [p.kinetic_energy_per_u / 1e6 for p in particles], **named})
    return FigureData("settings-strengths", "Settings over energy", caption, figure_json(figure_of(drawn)), table)


def _optics(facts: Facts) -> FigureData:
    one = facts.shown
    fine = one.optics
    drawn = optics_figure(fine, magnet_blocks(facts.lattice, one.case.particle))
    caption = (
        f"Functions of the second moments in the planes of the laboratory, {one.case.label}: beta functions and "
        "dispersion under the magnets. Look for: no dispersion at the isocentre."
    )
    table = fine[["s", "betx", "bety", "dx"]].set_axis(["s [m]", "betx [m]", "bety [m]", "dx [m]"], axis=1)
    return FigureData("optics-line", "Optics of the line", caption, figure_json(drawn), table)


def _acceptance(facts: Facts) -> Iterator[FigureData]:
    """Transmission, sizes and position against the momentum, a slider over the cases."""
    if not facts.acceptances:
        return
    span = 100 * float(facts.acceptances[0].table["offset"].max())
    frames = [_accepted(one, span) for one in facts.acceptances]
    labels = [one.label for one in facts.acceptances]
    drawing = with_slider(frames, labels, "", _middle(facts))
    caption = (
        f"The beam with every momentum moved by dp/p, up to {span:g} % on either side, through magnets that stay as "
        "they are: what arrives, rms sizes and middle at the isocentre. Look for: how far the energy may go before "
        "magnets have to follow."
    )
    table = pd.concat([_named(one) for one in facts.acceptances], ignore_index=True)
    shows = (Shown("momentum_shift", "y3", 1e3, mirrored=True, curves=("x", "y")),)
    yield FigureData("acceptance", "Momenta beside the magnets'", caption, drawing, table, shows)


def _accepted(one: Acceptance, span: float) -> Drawing:
    table = one.table
    offset = 100 * table["offset"]
    traces = [
        line(offset, 100 * table["transmission"], style.INK, "transmission", unit="%"),
        *(line(offset, 1e3 * table[f"size_{p}"], color, f"sigma {p}", "y2", unit="mm") for p, color in _PLANES),
        *(line(offset, 1e3 * table[p], color, p, "y3", unit="mm") for p, color in _PLANES),
    ]
    titles = ("arrives [%]", "sigma [mm]", "middle [mm]")
    names = [(p, color, panel) for panel in (1, 2) for p, color in _PLANES]
    return stacked(traces, titles, "dp/p [%]", height=560, labels=names, xrange=(-span, span))


def _named(one: Acceptance) -> pd.DataFrame:
    table = one.table
    columns = {f"{name} [mm]": 1e3 * table[name] for name in ("size_x", "size_y", "x", "y")}
    return pd.DataFrame(
        {"case": one.label, "dp/p [1]": table["offset"], "arrived [1]": table["transmission"], **columns}
    )


_PLANES = (("x", style.HORIZONTAL), ("y", style.VERTICAL))


def _trajectories(facts: Facts) -> Iterator[FigureData]:
    if facts.trajectories is not None:
        yield from (_along(facts.trajectories), _steered_spots(facts.trajectories), *_supplies(facts.trajectories))


def _along(found: Trajectories) -> FigureData:
    """What 95 % of the lines keep to along s, before and behind steering."""
    table = found.along
    states = (("before", "dot"), ("after", "solid"))
    traces = [
        line(table["s"], 1e3 * table[f"{p}_{state}"], color, f"{p} {state} steering", axis, dash=dash, unit="mm")
        for (p, color), axis in zip(_PLANES, ("y", "y2"), strict=True)
        for state, dash in states
    ]
    names = [(p, color, panel) for panel, (p, color) in enumerate(_PLANES)]
    drawing = stacked(traces, ("|x| [mm]", "|y| [mm]"), "s [m]", labels=names)
    caption = (
        f"Middle of the beam along the line: {PERCENT:g} % of {len(found.ripple)} lines with errors stay within, "
        f"before steering (dotted) and behind it, {found.label}. Look for: where correctors or monitors lack."
    )
    headings = ["s [m]", *(f"{name} [mm]" for name in table if name != "s")]
    values = table * np.array([1.0, *([1e3] * (table.shape[1] - 1))])
    return FigureData("trajectories", "Trajectories", caption, drawing, values.set_axis(headings, axis=1))


def _steered_spots(found: Trajectories) -> FigureData:
    """Middles at the isocentre, with the ripple, about that of the ideal line."""
    away = 1e3 * (found.rippled.position - found.ideal.position)
    drawing = bar_drawing(away[:, 0], away[:, 1], "x [mm]", "y [mm]", counted="lines")
    caption = (
        f"Middle of the spot at the isocentre in {len(away)} steered lines with errors, with the ripple of the spill, "
        f"about that of the ideal line, {found.label}. Look for: one plane wider than the other."
    )
    table = pd.DataFrame({"x [mm]": away[:, 0], "y [mm]": away[:, 1]})
    return FigureData("steered-spots", "Spots of steered lines", caption, figure_json(figure_of(drawing)), table)


def _supplies(found: Trajectories) -> Iterator[FigureData]:
    if not found.supplies:
        return
    worst = sorted(found.supplies, key=lambda one: -max(abs(one.size_x), abs(one.size_y), _MOVED * abs(one.x)))
    shown = worst[:_SUPPLIES]
    names = [one.supply for one in shown]
    columns = {
        "x [mm]": [1e3 * one.x for one in shown],
        "y [mm]": [1e3 * one.y for one in shown],
        "size x [%]": [100 * one.size_x for one in shown],
        "size y [%]": [100 * one.size_y for one in shown],
    }
    values = np.array(list(columns.values()))
    values[np.abs(values) < _NOTHING] = 0.0
    largest = np.abs(values).max(axis=1, keepdims=True)
    shares = np.abs(values) / np.where(largest > 0, largest, 1.0)
    drawn = heat(names, list(columns), shares.T, "change at the isocentre per 1e-4 of a supply", _told(values.T))
    caption = (
        f"What 1e-4 of a supply does to the middle and to the sizes of the spot, {found.label}, each column shaded by "
        f"its largest; the {len(shown)} worst of {len(found.supplies)}, by the names of their magnets "
        "or strengths. Look for: which supply has to be the steadiest."
    )
    table = pd.DataFrame({"supply": names, **columns})
    yield FigureData("supplies", "Stability against each supply", caption, figure_json(figure_of(drawn)), table)


def _told(values: Array) -> list[list[str]]:
    return [[f"{value:.2g}" for value in row] for row in values]


_SUPPLIES = 16
_NOTHING = 1e-9  # mm or %: less is what rounding leaves of 0
_MOVED = 10.0  # 1/m: a millimetre stands for a hundredth of a size, where the worst supplies are chosen


def _entrance(facts: Facts) -> FigureData:
    states = facts.source.states[:_CLOUD]
    drawing = bar_drawing(1e3 * states[:, 0], 1e3 * states[:, 1], "x [mm]", "x' [mrad]")
    narrow = "bar" if facts.source.beam is not None else "beam"
    caption = (
        f"The beam that enters the line at {facts.source.particle.kinetic_energy_per_u / 1e6:.4g} MeV/u, about its "
        f"axis: {facts.source.told}. Look for: how narrow the {narrow} is along its own direction, which no upright "
        "ellipse shows."
    )
    table = pd.DataFrame(
        {"x [mm]": 1e3 * states[:, 0], "x' [mrad]": 1e3 * states[:, 1], "dp/p [1e-3]": 1e3 * states[:, 5]}
    )
    return FigureData("entrance", "Beam at the entrance", caption, figure_json(figure_of(drawing)), table)
