"""Figures of the extraction study: what the pictures of slow extraction are made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from extraction.resonance.both_engines import ARM, SEPARATRIX
from extraction.resonance.diagram import Steinbach
from studies.charts import style
from studies.charts.bars import bars
from studies.charts.curves import Curve, curves
from studies.charts.figure import figure_json
from studies.charts.match import Difference, residuals_in_tolerance
from studies.charts.phase_space import Frame, phase_space
from studies.charts.portraits import frames
from studies.charts.steinbach import Wedge, steinbach
from studies.charts.style import EXACT, LEADING
from studies.charts.vectors import Vector, vectors
from studies.results import FigureData, Shown
from studies.ring_optics.figures import match_figures, tune_figures
from studies.slow_extraction.energy_figures import energy_figures
from studies.slow_extraction.facts import ExtractionFacts
from studies.slow_extraction.turn_figures import last_turns_figure

_ROOT = 1e3**0.5  # m^1/2 in mm^1/2


def figures(facts: ExtractionFacts) -> tuple[FigureData, ...]:
    """All figures of the study, in the order of the report."""
    return (
        *(match_figures(facts.optics.matched) if facts.optics.matched else ()),
        *tune_figures(facts.optics),
        _shares(facts),
        *_phase_space(facts),
        *_steinbach(facts),
        *_hardt(facts),
        *_steps(facts),
        _steps_of_momenta(facts),
        _losses(facts),
        last_turns_figure(facts),
        *energy_figures(facts.points),
        *_sensitivity(facts),
        *_engines(facts),
    )


def _drawn(id: str, title: str, caption: str, figure: Any, table: pd.DataFrame) -> FigureData:
    return FigureData(id, title, caption, figure_json(figure), table)


# ------------------------------------------------------------------------------------------------- phase space


def _phase_space(facts: ExtractionFacts) -> Iterator[FigureData]:
    shown = [case.delta for case in facts.shown].index(facts.design.delta)
    drawn = frames(facts.portraits.electrostatic)
    caption = (
        f"At the entrance of '{facts.septum.at}': stable triangle and arms, exact (thick) and by Kobayashi's "
        "Hamiltonian (thin). Grey: the wires. Numbered: a particle that just misses them (0) and where it is one, two "
        "and three turns later, when it is extracted. The slider changes the momentum. Look for: the step from 0 to "
        "3, and how far the true arm lies from the straight one."
    )
    figure = phase_space(drawn, shown=shown, place=facts.septum.at)
    yield _drawn("phase-es", "At the electrostatic septum", caption, figure, _portrait_table(drawn))
    if facts.septum.magnetic_at is None:
        return
    drawn = frames(facts.portraits.magnetic)
    caption = (
        f"The same at the entrance of '{facts.septum.magnetic_at}', with the wall of the magnetic septum. 0, 1, 2: the "
        "particle while it circulates; 3 and 4: extracted beam, from the wires and from one spiral step beyond, after "
        f"the kick of {1e3 * facts.septum.kick:g} mrad. Look for: the wall between 0 and 3."
    )
    figure = phase_space(drawn, shown=shown, place=facts.septum.magnetic_at)
    yield _drawn("phase-ms", "At the magnetic septum", caption, figure, _portrait_table(drawn))


def _portrait_table(frames: Sequence[Frame]) -> pd.DataFrame:
    """Every physical point drawn: momentum, what it is, x and x'."""
    rows: list[pd.DataFrame] = []
    for frame in frames:
        p = frame.physical
        kinds = {"fixed point": p.points, "fixed point, leading order": p.leading_points, "last turns": p.turns}
        kinds |= {f"arm {i + 1}": arm for i, arm in enumerate(p.arms)}
        rows += [
            pd.DataFrame({"momentum": frame.label, "what": kind, "x [mm]": points[:, 0], "x' [mrad]": points[:, 1]})
            for kind, points in kinds.items()
        ]
    return pd.concat(rows, ignore_index=True)


def _shares(facts: ExtractionFacts) -> FigureData:
    shares = sorted(facts.resonance.shares, key=lambda share: -share.strength)
    angles = [6 * np.pi * share.phase for share in shares]
    items = [
        Vector(share.element, share.strength * float(np.cos(angle)), share.strength * float(np.sin(angle)))
        for share, angle in zip(shares, angles, strict=True)
    ]
    caption = (
        "S e^(3 i mu) of each sextupole, averaged over its length, laid head to tail; the sum (thick) is the virtual "
        f"sextupole, |S| = {facts.resonance.virtual_sextupole:.5g} m^-1/2, seen from the electrostatic septum. Look "
        "for: shares of the chromaticity sextupoles, which should cancel."
    )
    frame = pd.DataFrame(
        {"element": [item.name for item in items], "S cos 3 mu [m^-1/2]": [item.x for item in items],
         "S sin 3 mu [m^-1/2]": [item.y for item in items]}
    )  # fmt: skip
    return _drawn("resonance-shares", "Virtual sextupole", caption, vectors(items, "S", "1/√m"), frame)


# --------------------------------------------------------------------------------------------------- Steinbach


def _steinbach(facts: ExtractionFacts) -> Iterator[FigureData]:
    found = facts.steinbach
    if found is None:
        return
    table = _with_tip(found)
    start, end = float(np.mean(found.stack.delta)), found.resonant
    edge = facts.beam.sigmas * facts.emittance**0.5 * _ROOT
    wedge = Wedge(
        delta=list(1e3 * table["delta"]),
        exact=list(_ROOT * table["exact"]),
        leading=list(_ROOT * table["kobayashi"]),
        stack=(_rounded(1e3 * found.stack.delta), _rounded(_ROOT * found.stack.amplitude)),
        resonant=1e3 * found.resonant,
        start=1e3 * start,
        end=1e3 * (start + 0.55 * (end - start)),
        height=0.93 * edge,
        driver="betatron core",
        edge=edge,
    )
    leaving = found.leaving[np.isfinite(found.leaving)]
    caption = (
        "Stable amplitude A against momentum (a particle is stable while pi A^2 is below the exact area of the "
        f"triangle); dots: the waiting stack, {facts.beam.sigmas:g} sigma of {1e6 * facts.emittance:.3g} um rms. To "
        f"bring its middle onto the resonance the betatron core moves it by dp/p = {end - start:.3g} "
        f"({facts.flux:.3g} Wb); scaling all magnets by {start - end:.3g} does the same, and a sweep of the tune by "
        f"{_sweep(facts, end - start):.3g} moves the wedge instead; RF knock-out moves particles up. What leaves has "
        f"an rms momentum spread of {np.std(leaving):.3g}. Look for: the wedge's width at the beam's edge, which is "
        "the momentum spread extracted."
    )
    frame = pd.DataFrame({
        "dp/p [1e-3]": wedge.delta, "A exact [mm^1/2]": wedge.exact, "A leading order [mm^1/2]": wedge.leading,
    })  # fmt: skip
    yield _drawn("steinbach-diagram", "Steinbach diagram", caption, steinbach(wedge), frame)


def _rounded(values: Any) -> list[float]:
    return [float(f"{value:.4g}") for value in values]


def _sweep(facts: ExtractionFacts, momentum: float) -> float:
    return float(facts.optics.optics.dqx) * momentum


def _with_tip(found: Steinbach) -> pd.DataFrame:
    tip = pd.DataFrame([{"delta": found.resonant, "tune_distance": 0.0, "exact": 0.0, "kobayashi": 0.0}])
    known = found.table.dropna(subset=["exact", "kobayashi"])
    return pd.concat([known, tip]).sort_values("delta").reset_index(drop=True)


# ------------------------------------------------------------------------------------------- arms over momentum


def _hardt(facts: ExtractionFacts) -> Iterator[FigureData]:
    cases = facts.shown
    delta = [1e3 * case.delta for case in cases]
    exact = [1e3 * case.angle for case in cases]
    straight = [facts.wires[case.delta].leading for case in cases]
    leading = [1e3 * arm.px / (1 + case.delta) if arm else np.nan for case, arm in zip(cases, straight, strict=True)]
    items = [Curve("exact", delta, exact, EXACT, markers=True), Curve("leading order", delta, leading, LEADING, "dash")]
    levels = [(1e3 * facts.septum.angle, "wires")]
    marks = [(1e3 * facts.steinbach.resonant, "resonance")] if facts.steinbach else []
    figure = curves(items, "dp/p [1e-3]", "x' of the arm [mrad]", levels=levels, marks=marks)
    caption = (
        f"Angle of the extraction arm where it meets the wires at x = {1e3 * facts.septum.position:g} mm. Dotted: "
        "angle of the wires. Look for: a level line; then the Hardt condition holds and the wires look thin to every "
        "momentum."
    )
    frame = pd.DataFrame({"dp/p [1e-3]": delta, "x' exact [mrad]": exact, "x' leading order [mrad]": leading})
    yield _drawn("hardt-momentum", "Angle of the arm against momentum", caption, figure, frame)
    table = facts.scans.hardt
    if not table.empty and np.isfinite(table["exact"]).any():
        yield _hardt_scan(facts, table)


def _hardt_scan(facts: ExtractionFacts, table: pd.DataFrame) -> FigureData:
    x = list(table["dqx"])
    items = [
        Curve("exact", x, list(table["exact"]), EXACT, markers=True),
        Curve("leading order", x, list(table["leading_divergence"]), LEADING, "dash"),
    ]
    exact, leading = (facts.scans.hardt_chromaticity[name] for name in ("exact", "leading"))
    figure = curves(
        items, "Q'x [1]", "dx'/d(dp/p) [mrad per 1e-3]", levels=[(0.0, "Hardt condition")],
        marks=[(float(facts.optics.optics.dqx), "now")],
    )  # fmt: skip
    caption = (
        f"Change of the arm's angle with momentum against the chromaticity, set by '{facts.scans.chromatic_family}', "
        f"at dp/p = {facts.found[len(facts.found) // 2].delta:.3g}. The condition holds at Q'x = {_known(exact)} "
        f'exactly, at {_known(leading)} to leading order. Look for: the distance of "now" from where the line crosses '
        "zero."
    )
    frame = table.rename(columns={
        "value": f"{facts.scans.chromatic_family} [m^-3]", "dqx": "Q'x", "virtual_sextupole": "|S| [m^-1/2]",
        "leading": "Hardt residual, leading order [m^1/2]", "leading_divergence": "dx'/d(dp/p), leading order",
        "exact": "dx'/d(dp/p), exact", "reason": "why not",
    })  # fmt: skip
    return _drawn("hardt-chromaticity", "Hardt condition against chromaticity", caption, figure, frame)


def _known(value: float) -> str:
    return f"{value:.4g}" if np.isfinite(value) else "no value within this range"


# ------------------------------------------------------------------------------------------ step, losses, turns


def _steps(facts: ExtractionFacts) -> Iterator[FigureData]:
    scans = facts.scans
    shown = [
        ("steps-tune", "Spiral step against tune distance", scans.tune, scans.tune_family, "tune_distance", 1e3,
         "Qx - n/3 [1e-3]"),
        ("steps-sextupole", "Spiral step against sextupole strength", scans.sextupole, scans.sextupole_family,
         "virtual_sextupole", 1.0, "|S| [m^-1/2]"),
    ]  # fmt: skip
    for id, title, table, family, column, scale, heading in shown:
        if table.empty or not np.isfinite(table["step"]).any():
            continue
        table = table.sort_values(column)
        x = list(scale * table[column])
        items = [
            Curve("exact", x, list(1e3 * table["step"]), EXACT, markers=True),
            Curve("leading order", x, list(1e3 * table["leading_step"]), LEADING, "dash"),
        ]
        now = scale * (
            facts.resonance.tune_distance if column == "tune_distance" else facts.resonance.virtual_sextupole
        )
        figure = curves(items, heading, "spiral step [mm]", marks=[(now, "design")])
        missing = int(table["step"].isna().sum())
        caption = (
            f"Growth of |x| over three turns from the wires, '{family}' varied, all else as in the design, dp/p = "
            f"{facts.design.delta:g}."
            + (f" {missing} setting(s) have no arm at the wires; the table says why." if missing else "")
            + " Look for: where the step is large enough, and how far leading order can be trusted."
        )
        yield _drawn(id, title, caption, figure, _scan_table(table, family))


def _steps_of_momenta(facts: ExtractionFacts) -> FigureData:
    """The spiral step of each extracted momentum, which must stand between wires and cathode."""
    found = [(case.delta, case.arm.spiral_step) for case in facts.found if case.arm]
    delta, step = (list(1e3 * np.array(values)) for values in zip(*found, strict=True))
    figure = curves([Curve("spiral step", delta, step, EXACT, markers=True)], "dp/p [1e-3]", "spiral step [mm]")
    caption = (
        "Growth of |x| over three turns from the wires, exact, of every extracted momentum: the least is what the "
        "wires cost, the largest must fit in front of the cathode. Look for: how level it is."
    )
    frame = pd.DataFrame({"dp/p [1e-3]": delta, "spiral step [mm]": step})
    ends = ("least_spiral_step", "largest_spiral_step")
    shows = tuple(Shown(name, scale=1e3, curves=("spiral step",)) for name in ends)
    return replace(_drawn("steps-momentum", "Spiral step against momentum", caption, figure, frame), shows=shows)


def _scan_table(table: pd.DataFrame, family: str) -> pd.DataFrame:
    return pd.DataFrame({
        f"{family}": table["value"],
        "Qx - n/3 [1e-3]": 1e3 * table["tune_distance"],
        "|S| [m^-1/2]": table["virtual_sextupole"],
        "area [mm mrad]": 1e6 * table["area"],
        "area, leading order [mm mrad]": 1e6 * table["leading_area"],
        "x' of the arm [mrad]": 1e3 * table["px"],
        "spiral step [mm]": 1e3 * table["step"],
        "step, leading order [mm]": 1e3 * table["leading_step"],
        "why not": table["reason"],
    })  # fmt: skip


def _losses(facts: ExtractionFacts) -> FigureData:
    delta = [1e3 * case.delta for case in facts.found]
    total = [1e2 * facts.wires[case.delta].loss for case in facts.found]
    bare = [1e2 * facts.wires[case.delta].aligned_loss for case in facts.found]
    items = [
        Curve("wires and crossing angle", delta, total, style.VERTICAL, markers=True),
        Curve("wires' thickness alone", delta, bare, style.NEUTRAL, "dash"),
    ]
    figure = curves(items, "dp/p [1e-3]", "loss on the wires [%]")
    caption = (
        f"Part of each momentum that hits the wires ({1e3 * facts.septum.thickness:g} mm over {facts.septum.length:g} "
        f"m, at {1e3 * facts.septum.angle:.3g} mrad). Dashed: wires aligned with each momentum. Look for: the gap "
        "between the two, which is what a better Hardt condition would save."
    )
    frame = pd.DataFrame({"dp/p [1e-3]": delta, "loss [%]": total, "loss on aligned wires [%]": bare})
    drawn = _drawn("losses-wires", "Losses on the wires", caption, figure, frame)
    return replace(drawn, shows=(Shown("wire_loss", scale=1e2, at=_middle(delta)),))


def _middle(values: Sequence[float]) -> float:
    """Half way between the ends: where a mean over all stands."""
    return (min(values) + max(values)) / 2


# ------------------------------------------------------------------------------------------------- sensitivity


def _sensitivity(facts: ExtractionFacts) -> Iterator[FigureData]:
    table = facts.scans.sensitivity
    if table.empty:
        return
    names = list(table["family"])
    frame = pd.DataFrame({
        "family": names,
        "kind": table["kind"],
        "strength": table["strength"],
        "d(Qx) [1e-6]": 1e6 * table["tune_distance"],
        "d(x') of the arm [urad]": 1e6 * table["px"],
        "d(spiral step) [um]": 1e6 * table["step"],
        "d(area) [mm mrad]": 1e6 * table["area"],
        "why not": table["reason"],
    })  # fmt: skip
    shown = [("sensitivity-angle", "Angle of the arm", "px", "change of x' [urad]"),
             ("sensitivity-step", "Spiral step", "step", "change of the spiral step [um]")]  # fmt: skip
    for id, title, column, heading in shown:
        caption = (
            "Change when a family of magnets grows by 1e-4 of its strength, all else as in the design, at dp/p = "
            f"{facts.design.delta:g}. Look for: the family whose supply decides how steady the extracted beam is."
        )
        figure = bars(names, list(1e6 * table[column]), heading)
        yield _drawn(id, title, caption, figure, frame)


# ------------------------------------------------------------------------------------------- the two engines


def _engines(facts: ExtractionFacts) -> Iterator[FigureData]:
    differences = [
        Difference(f"{what}, dp/p = {row.delta:.3g}", "1", size, 0.0, tolerance)
        for row in facts.engines.rows
        for what, size, tolerance in (
            ("fixed points", row.residuals.points, SEPARATRIX),
            ("area", row.residuals.area, SEPARATRIX),
            ("angle of the arm", row.residuals.angle, ARM),
            ("three turns later", row.residuals.position, ARM),
        )
    ]
    if not differences:
        return
    caption = (
        "Relative differences of our maps from Xsuite's tracking, in units of the tolerance (fixed points and areas "
        f"{SEPARATRIX:g}, arm {ARM:g}). Look for: bars below one."
    )
    frame = pd.DataFrame([{"quantity": d.name, "relative difference": d.own, "tolerance": d.tolerance}
                          for d in differences])  # fmt: skip
    yield _drawn(
        "engines-extraction", "Extraction by both engines", caption, residuals_in_tolerance(differences), frame
    )
