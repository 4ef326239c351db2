"""What ``value.plot()`` draws: the pictures of the reports, of values in a script or a notebook.

These are the entry points ``hadron_optics.charts``: finished numbers come in, with the units of the toolkit (SI), and
a plotly figure goes out. Nothing is computed here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from extraction.resonance.lines import Separatrices
from extraction.spill.spectrum import Spectrum
from lattice import Lattice, ReferenceParticle
from lattice.arrays import Array
from optics.matching.matching import MatchResult
from studies.charts import linac as strips
from studies.charts.figure import figure_of
from studies.charts.lattice import floor_plan, magnet_blocks, optics_figure
from studies.charts.match import match_targets, matched_targets
from studies.charts.phase_space import phase_space
from studies.charts.portraits import frames
from studies.charts.spill import RatePanel, SpectrumPanel, bar_drawing, spill_drawing
from studies.charts.style import HORIZONTAL, LIMIT, LONGITUDINAL, VERTICAL

_MILLI, _MEGA = 1e3, 1e-6


def optics(table: pd.DataFrame, lattice: Lattice, particle: ReferenceParticle) -> go.Figure:
    """Betas and dispersion of ``table`` (s, betx, bety, dx, dy [m]) under the magnets of ``lattice``."""
    return optics_figure(table, magnet_blocks(lattice, particle))


def floor(survey: Mapping[str, Array], lattice: Lattice, particle: ReferenceParticle | None) -> go.Figure:
    """The machine from above, from the columns of ``lattice.survey``."""
    table = pd.DataFrame(dict(survey)).set_index("name")
    return floor_plan(table, magnet_blocks(lattice, particle))


def matched(result: MatchResult) -> go.Figure:
    """Targets before and after a match, in units of their tolerances."""
    return match_targets(matched_targets(result))


def portrait(separatrices: Sequence[Separatrices], place: str) -> go.Figure:
    """Fixed points, separatrices and arms at ``place``, physical beside normalised, a momentum a frame."""
    return phase_space(frames(separatrices), place=place)


def spill(
    turns: Array, total: int, revolution_time: float, spectrum: Spectrum | None, lines: Sequence[float]
) -> go.Figure:
    """Rate over its mean in time, above the ``spectrum`` with the mains' ``lines`` [Hz] where there is one."""
    panel = SpectrumPanel(spectrum.frequency, spectrum.density, spectrum.floor, lines) if spectrum else None
    return figure_of(spill_drawing(RatePanel(turns, revolution_time, total), panel))


def cloud(x: Array, y: Array, x_title: str, y_title: str) -> go.Figure:
    """Particles in one plane with both marginals; ``x`` and ``y`` in the units of the titles."""
    return figure_of(bar_drawing(x, y, x_title, y_title))


def linac(s: Array, energy: Array, bore: Array, sizes: Array | None) -> go.Figure:
    """Energy [eV] along a linac and, with rms ``sizes`` (n, 2) [m], three of them inside the ``bore`` [m]."""
    traces = [strips.line(s, energy * _MEGA, LONGITUDINAL, "W", unit="MeV")]
    if sizes is not None:
        traces += _inside_bore(s, sizes * _MILLI, bore * _MILLI)
    titles = ("W [MeV]", "x, -y [mm]")[: 1 if sizes is None else 2]
    return figure_of(strips.stacked(traces, titles, "s [m]", xrange=(0.0, float(s[-1]))))


def _inside_bore(s: Array, sizes: Array, bore: Array) -> list[dict[str, Any]]:
    edges = [(3.0 * sizes[:, 0], HORIZONTAL, "3 sigma x"), (-3.0 * sizes[:, 1], VERTICAL, "3 sigma y")]
    beam = [strips.line(s, edge, color, name, "y2", unit="mm") for edge, color, name in edges]
    walls = [strips.line(s, side * bore, LIMIT, "bore", "y2", dash="dash", unit="mm") for side in (1.0, -1.0)]
    return [*beam, *walls]


def settings(knobs: Sequence[str], values: Array, reached: Array) -> go.Figure:
    """Strengths ``values`` (n, p) [m^-2] of the ``knobs`` over the cases; those not ``reached`` are left out."""
    cases = np.arange(len(values))
    shown = np.where(np.asarray(reached)[:, None], values, np.nan)
    colors = (HORIZONTAL, VERTICAL, LONGITUDINAL)
    traces = [strips.line(cases, shown[:, i], colors[i % 3], name, unit="m⁻²") for i, name in enumerate(knobs)]
    return figure_of(strips.stacked(traces, ("k1 [m⁻²]",), "case", xrange=(0.0, float(max(len(values) - 1, 1)))))
