"""Figures of the optics study: what the field's own pictures are made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from lattice.errors import counted
from optics.matching.matching import MatchResult
from studies.charts.figure import figure_json
from studies.charts.lattice import StopBand, WorkingPoint, floor_plan, magnet_blocks, optics_figure, tune_diagram
from studies.charts.magnets import MagnetBlock
from studies.charts.match import (
    Difference,
    match_convergence,
    match_sensitivity,
    match_targets,
    matched_targets,
    residuals_along_s,
    residuals_in_tolerance,
)
from studies.results import FigureData
from studies.ring_optics.facts import Facts, Sampled
from studies.ring_optics.magnet_figures import magnet_figures
from studies.ring_optics.orbit_figures import orbit_figures
from studies.ring_optics.region_figures import region_figures
from studies.ring_optics.shown import optics_shown
from studies.spec.units import kind_of
from studies.vocabulary.places import called


def figures(facts: Facts) -> tuple[FigureData, ...]:
    """All figures of the study, in the order of the report."""
    assert facts.sampled is not None
    drawn = [_layout(facts, facts.sampled.floor), _optics(facts, facts.sampled)]
    drawn += match_figures(facts.matched) if facts.matched else ()
    found = facts.imperfections
    orbits = orbit_figures(found) if found else ()
    around = region_figures(facts.region) if facts.region else ()
    return (*drawn, *around, *magnet_figures(facts), *tune_figures(facts), *orbits, *_engines(facts))


def _labels(facts: Facts) -> dict[str, str]:
    return called(facts.resolved.machine.places) if facts.resolved.machine else {}


def _standing(blocks: Sequence[MagnetBlock]) -> str:
    """What to look for in a floor plan: septa where there are any."""
    septa = any("septum" in block.kind for block in blocks)
    return (
        "where the septa stand, and room around them" if septa else "straights that are long enough for what they hold"
    )


def _layout(facts: Facts, survey: pd.DataFrame) -> FigureData:
    blocks = magnet_blocks(facts.optics.lattice, facts.resolved.top_particle, _labels(facts))
    caption = (
        "The machine from above, magnets to scale along the orbit. Point at one for its name, strength and field at "
        f"the top rigidity. Look for: {_standing(blocks)}."
    )
    table = survey[["s", "X", "Z", "theta"]].set_axis(["s [m]", "X [m]", "Z [m]", "theta [rad]"], axis=1)
    named = pd.DataFrame({"name": list(map(str, table.index)), **{c: table[c].to_numpy() for c in table.columns}})
    return FigureData("layout-floor", "Floor plan", caption, figure_json(floor_plan(survey, blocks)), named)


def _optics(facts: Facts, sampled: Sampled) -> FigureData:
    table, widest, edges = sampled.inside, sampled.widest, sampled.edges
    drawable = edges is not None and not edges.isna().to_numpy().any()
    verification = facts.compared.verification
    places = facts.resolved.machine.places if facts.resolved.machine else {}
    marked = {"symp": float(facts.optics.value("s", places["symp"]))} if "symp" in places else {}
    figure = optics_figure(
        table,
        magnet_blocks(facts.optics.lattice, facts.resolved.particle, _labels(facts)),
        envelope=_thinned(edges) if edges is not None and drawable else None,
        reference=verification.reference.table.reset_index(drop=True) if verification else None,
        places=marked,
    )
    caption = "Beta functions and dispersion by our maps (lines) and by Xsuite (dots) under the magnets."
    if widest and drawable:
        sigmas = f"{widest.beam.sigmas:g} sigma and half the momentum spread of {widest.beam.momentum_spread:g}"
        caption += (
            f" Below: the widest beam, '{widest.beam.name}' ({widest.particle.kinetic_energy_per_u / 1e6:g} MeV/u)"
        )
        caption += f" in its own optics, {sigmas}, inside the aperture."
    caption += " Look for: maxima, zero dispersion where it is wanted, and the room the beam has left."
    columns = {f"{name} [m]": table[name].to_numpy() for name in ("s", "betx", "bety", "dx", "dy")}
    shows = tuple(optics_shown(facts, with_beam=edges is not None and drawable))
    return FigureData("optics-ring", "Optics", caption, figure_json(figure), pd.DataFrame(columns), shows)


def _thinned(edges: pd.DataFrame) -> pd.DataFrame:
    """An envelope for drawing: where two rows stand at one s with one aperture, the first alone."""
    columns = ["s", *(name for name in edges if name.startswith("aperture_"))]
    return edges.loc[~edges.duplicated(columns)].drop(columns="element").reset_index(drop=True)


def match_figures(matched: MatchResult) -> Iterator[FigureData]:
    """Targets before and after, and convergence."""
    targets = matched_targets(matched)
    caption = "Distance of each target from its goal, in units of its tolerance. Look for: after (black) below one."
    frame = pd.DataFrame([vars(target) for target in targets])
    yield FigureData("match-targets", "Targets", caption, figure_json(match_targets(targets)), frame)
    if len(matched.history) > 1:
        history = pd.DataFrame(
            {"evaluation": range(len(matched.history)), "cost": [cost for cost, _ in matched.history]}
        )
        caption = (
            "Cost after each step: half the sum of squared distances from the goals (and beyond the limits), each over "
            "the size that counts as one (0.01 in a tune, 0.1 m in dispersion, 10 % in a beta, 0.5 in chromaticity). "
            f"From {counted(matched.starts, 'starting point')}; {matched.evaluations} optics were computed in all. "
            "Look for: a steep end, not a plateau."
        )
        drawn = figure_json(match_convergence(history))
        yield FigureData("match-convergence", "Convergence of the match", caption, drawn, history)
    yield _sensitivity(matched)


def _sensitivity(matched: MatchResult) -> FigureData:
    """What a step of each parameter does to each target."""
    targets = [(label, kind_of(label).unit) for label in matched.target_labels]
    names = [vary.label for vary in matched.vary]
    steps = np.array([0.01 * abs(matched.parameters[name]) or 0.01 for name in names])
    changes = matched.sensitivity * steps
    caption = (
        "Change of each target for a step of +1 % of each parameter (0.01 of one that is 0), from exact derivatives at "
        "the match; a row is shaded by its largest number. Look for: the parameter that holds a target, and rows with "
        "the same pattern, which compete."
    )
    frame = pd.DataFrame({"target": [label for label, _ in targets], "unit": [unit for _, unit in targets]})
    for column, name in enumerate(names):
        frame[f"change for {name} + {steps[column]:.6g}"] = changes[:, column]
    drawn = figure_json(match_sensitivity(targets, names, changes.tolist()))
    return FigureData("match-sensitivity-map", "Sensitivity", caption, drawn, frame)


def tune_figures(facts: Facts) -> Iterator[FigureData]:
    """The tune diagram of a ring."""
    if not facts.optics.periodic:
        return
    points = [WorkingPoint("final", facts.optics.qx, facts.optics.qy)]
    before = facts.matched.values_before if facts.matched else {}
    if {"qx", "qy"} <= before.keys() and np.isfinite([before["qx"], before["qy"]]).all():
        points.insert(0, WorkingPoint("before the match", before["qx"], before["qy"]))
    third = round(3 * facts.optics.qx)
    width = _stack_width(facts)
    bands = [StopBand(3, 0, third, width, f"tunes of the waiting stack around 3 Qx = {third}")] if width else []
    caption = "Tunes among the resonances up to fourth order: solid normal, dashed skew."
    if bands:
        caption += (
            " Shaded: half the momentum width of the stack times the chromaticity on either side of the resonance."
        )
    caption += " Look for: the driven resonance near, all others far."
    frame = pd.DataFrame(
        {"point": [p.name for p in points], "Qx": [p.qx for p in points], "Qy": [p.qy for p in points]}
    )
    drawn = figure_json(tune_diagram(points, stop_bands=bands))
    yield FigureData("tunes-diagram", "Tune diagram", caption, drawn, frame)


def _stack_width(facts: Facts) -> float:
    """Half the tune spread of the beam that is extracted: |Q'x| times half its momentum width."""
    own = [case.beam for case in facts.beams if case.compared.optics.qx == facts.optics.qx]
    return abs(facts.optics.dqx) * own[0].momentum_spread / 2 if own else 0.0


def _engines(facts: Facts) -> Iterator[FigureData]:
    verification = facts.compared.verification
    if verification is None:
        return
    rows = verification.table
    differences = [
        Difference(str(row.quantity), "m" if row.quantity == "s" else kind_of(str(row.quantity)).unit,
                   row.ours, row.reference, row.tolerance)
        for row in rows.itertuples()
    ]  # fmt: skip
    frame = pd.DataFrame([vars(difference) for difference in differences])
    caption = "Our value minus Xsuite's where they differ most, in units of the tolerance. Look for: bars below one."
    drawn = figure_json(residuals_in_tolerance(differences))
    yield FigureData("engines-summary", "Engine differences", caption, drawn, frame)
    along = _along(facts)
    caption = "Our maps minus Xsuite along the machine. Look for: steps, which would point at one element."
    headed = along.rename(columns={"s": "s [m]", "dx": "dx [m]", "dy": "dy [m]"})
    drawn = figure_json(residuals_along_s(along))
    yield FigureData("engines-along-s", "Differences along the machine", caption, drawn, headed)


def _along(facts: Facts) -> pd.DataFrame:
    assert facts.compared.verification is not None
    ours, theirs = facts.optics.table, facts.compared.verification.reference.table
    table = {"s": ours["s"].to_numpy()}
    for name in ("betx", "bety"):
        table[name] = (ours[name].to_numpy() - theirs[name].to_numpy()) / theirs[name].to_numpy()
    for name in ("dx", "dy"):
        table[name] = ours[name].to_numpy() - theirs[name].to_numpy()
    return pd.DataFrame(table)
