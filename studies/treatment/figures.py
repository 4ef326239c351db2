"""Figures of the comparison of machines."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from studies.charts import style
from studies.charts.bars import stacked, tornado
from studies.charts.curves import Curve, curves
from studies.charts.figure import figure_json
from studies.charts.style import COLORS
from studies.results import FigureData, Shown
from studies.treatment.facts import CYCLES, CYCLOTRON, LINAC, STEPS, ComparisonFacts
from studies.treatment.timeline import CAUSES

_MACHINES = {"synchrotron": COLORS[0], LINAC: COLORS[2], CYCLOTRON: COLORS[5]}
_WAYS = {CYCLES: COLORS[0], STEPS: COLORS[1], LINAC: COLORS[2], CYCLOTRON: COLORS[5]}
_SHOWN = 10  # assumptions in a tornado
_LEAST = 1e-3  # of the time: what matters less is not drawn


def figures(facts: ComparisonFacts) -> tuple[FigureData, ...]:
    """All figures, in the order of the report."""
    if not facts.timelines:
        return tuple(_dose(facts))
    return (
        _causes(facts),
        *_tornados(facts),
        *_several(facts),
        _progress(facts),
        _spreads(facts),
        _spots(facts),
        *_pulses(facts),
        *_dose(facts),
    )


def _causes(facts: ComparisonFacts) -> FigureData:
    lines = facts.timelines
    rows = [line.title for line in lines.values()]
    parts = {cause: [line.spent[cause] for line in lines.values()] for cause in CAUSES}
    parts = {cause: values for cause, values in parts.items() if any(values)}
    frame = pd.DataFrame({"machine": rows, **{f"{cause} [s]": values for cause, values in parts.items()}})
    target = facts.treatment.target
    caption = (
        f"Time to give {target.dose:g} Gy to {1e6 * target.volume:.4g} cm^3 between {1e3 * target.proximal:g} and "
        f"{1e3 * target.distal:g} mm, by cause. Limits: "
        + "; ".join(f"{line.title}: {line.limited_by}" for line in lines.values())
        + ". Look for: the longest part of each bar, which is what to work on."
    )
    return FigureData("time-causes", "Time to treat", caption, stacked(rows, parts, "time [s]"), frame)


def _tornados(facts: ComparisonFacts) -> Iterator[FigureData]:
    """For each machine the assumptions that change its time most."""
    for name, line in facts.timelines.items():
        table = facts.sensitivity.pivot(index="assumption", columns="factor", values=name)
        size = table.abs().max(axis=1).where(table.notna().all(axis=1), np.inf)  # not possible: the largest change
        table = table.loc[size[size > _LEAST * line.total].sort_values(ascending=False).index[:_SHOWN]]
        if table.empty:
            continue
        lost = list(table.index[table.isna().any(axis=1)])
        none = f" No bar: not possible there ({', '.join(lost)})." if lost else ""
        caption = (
            f"Change of the {line.total:.4g} s of '{line.title}' when one assumption is halved or doubled, all else as "
            f"it is; the {len(table)} that change it by more than {100 * _LEAST:g} %, largest first.{none} Look for: "
            "what must be known well before the time is believed."
        )
        frame = pd.DataFrame(
            {"assumption": table.index, "halved [s]": table[0.5].to_numpy(), "doubled [s]": table[2.0].to_numpy()}
        )
        bars = {"halved": list(table[0.5]), "doubled": list(table[2.0])}
        title = f"Sensitivity: {line.title}"
        id = "sensitivity-" + name.replace(" ", "-")
        yield FigureData(id, title, caption, tornado(list(table.index), bars, "change of the time [s]"), frame)


def _best(particles: float, part: float, energies: int) -> str:
    """``With 1e+10 particles a spill 4 energies are best, 19 % shorter than one``."""
    if energies == 1:
        return f"With {particles:.3g} particles a spill one energy a spill is best"
    shorter = f"{100 * (1 - part):.0f} % shorter than one"
    return f"With {particles:.3g} particles a spill {energies} energies are best, {shorter}"


def _several(facts: ComparisonFacts) -> Iterator[FigureData]:
    """When multi-energy extraction pays."""
    table = facts.several
    if table.empty:
        return
    items, told = [], []
    for k, (particles, rows) in enumerate(table.groupby("particles")):
        times = rows["time"].to_numpy()
        items.append(
            Curve(
                f"{particles:.3g} a spill", list(rows["energies"]), list(times), COLORS[(0, 2, 5)[k % 3]], markers=True
            )
        )
        best = int(np.argmin(times))
        told.append(_best(particles, times[best] / times[0], best + 1))
    caption = (
        "Time to treat against the most energies taken from one spill, for a ring 1/4, 1 and four times as full: "
        f"1 is one energy a cycle. A step loses {100 * facts.study.synchrotron.step_loss:g} % of what is left. "
        f"{'; '.join(told)}. Look for: where a line goes flat, because the spill is used up."
    )
    frame = table.rename(columns={"time": "time [s]", "energies": "energies a spill"})
    figure = curves(items, "energies a spill, at most [1]", "time to treat [s]")
    yield FigureData("time-several", "When several energies a spill pay", caption, figure_json(figure), frame)


def _progress(facts: ComparisonFacts) -> FigureData:
    items, frames = [], []
    for name, line in facts.timelines.items():
        ends = [0.0, *line.layer_ends]
        items.append(Curve(name, list(np.linspace(0.0, 100.0, len(ends))), ends, _WAYS[name]))
        frames.append(pd.DataFrame({"machine": line.title, "layers [%]": items[-1].x, "t [s]": ends}))
    caption = "Time against layers done. Look for: slope, which is the layer time, and the first, deepest layers."
    figure = curves(items, "layers done [%]", "time [s]")
    return FigureData("time-progress", "Progress of the treatment", caption, figure_json(figure), pd.concat(frames))


def _spreads(facts: ComparisonFacts) -> FigureData:
    items, beams = [], facts.beams
    for machine, rows in beams.groupby("machine", sort=False):
        items.append(Curve(str(machine), list(rows["energy"]), list(100 * rows["spread"]), _MACHINES[str(machine)]))
    figure = curves(items, "kinetic energy [MeV/u]", "energy spread, rms [%]")
    caption = (
        "Rms energy spread of each machine's beam at every energy of the treatment: synchrotron from the momentum "
        "spread of its extracted beam, linac tracked, cyclotron as assumed. Look for: the distance from the line."
    )
    frame = pd.DataFrame(
        {"machine": beams["machine"], "energy [MeV/u]": beams["energy"], "energy spread [%]": 100 * beams["spread"]}
    )
    shows = (Shown("largest_energy_spread", scale=100.0),)
    return FigureData("beam-spread", "Energy spread", caption, figure_json(figure), frame, shows)


def _spots(facts: ComparisonFacts) -> FigureData:
    items, beams = [], facts.beams
    for machine, rows in beams.groupby("machine", sort=False):
        spots = list(1e3 * rows[["spot_x", "spot_y"]].max(axis=1))
        items.append(Curve(str(machine), list(rows["energy"]), spots, _MACHINES[str(machine)]))
    figure = curves(items, "kinetic energy [MeV/u]", "spot, rms [mm]")
    place = facts.study.isocentre
    caption = (
        "Rms spot at the isocentre, the larger of both planes: emittance of each machine with the beta of its "
        "beam line there, and scattering in "
        f"{place.nozzle_mm:g} mm of water {place.distance_m:g} m in front. Look for: lines between the limits at "
        "every energy."
    )
    frame = pd.DataFrame(
        {
            "machine": beams["machine"],
            "energy [MeV/u]": beams["energy"],
            "spot x [mm]": 1e3 * beams["spot_x"],
            "spot y [mm]": 1e3 * beams["spot_y"],
        }
    )
    shows = (Shown("worst_spot", scale=1e3),)
    return FigureData("beam-spots", "Spot at the isocentre", caption, figure_json(figure), frame, shows)


def _pulses(facts: ComparisonFacts) -> Iterator[FigureData]:
    """Particles of a pulse that the linac could give, beside what is asked of it."""
    linac, spec = facts.machines.linac, facts.study.linac
    if linac is None or spec is None:
        return
    energy, wanted = list(linac.beams["energy"]), spec.largest_particles_per_pulse
    figure = curves(
        [Curve("available", energy, list(linac.available), _MACHINES[LINAC])],
        "kinetic energy [MeV/u]",
        "particles in a pulse [1]",
        levels=[(wanted, "wanted at most")],
        log=True,
    )
    least = float(linac.beams["transmission"].min())
    caption = (
        f"Particles of a pulse behind the linac: {1e6 * linac.machine.current:g} uA for "
        f"{1e6 * linac.machine.pulse.length:g} us times the tracked transmission (at least {100 * least:.1f} %). The "
        "source is turned down to what a spot needs. Look for: room above the dotted line."
    )
    frame = pd.DataFrame(
        {"energy [MeV]": energy, "particles": linac.available, "transmission": linac.beams["transmission"]}
    )
    yield FigureData("beam-pulses", "Particles of a pulse, linac", caption, figure_json(figure), frame)


def _dose(facts: ComparisonFacts) -> Iterator[FigureData]:
    treatment = facts.treatment
    depth, target = 1e3 * treatment.depths, treatment.target
    figure = curves(
        [Curve("dose", list(depth), list(treatment.dose), style.INK)],
        "depth in water [mm]",
        "dose [Gy]",
        levels=[(target.dose, "prescribed")],
        marks=[(1e3 * target.proximal, "proximal"), (1e3 * target.distal, "distal")],
    )
    caption = (
        f"Dose along the axis of all layers together: {treatment.level[0]:.3f} to {treatment.level[1]:.3f} of what is "
        "prescribed, from the proximal mark to one sigma of the ranges before the distal one. Look for: ripple, "
        "which a closer spacing of the layers takes out."
    )
    frame = pd.DataFrame({"depth [mm]": depth, "dose [Gy]": treatment.dose})
    yield FigureData("dose-depth", "Dose in depth", caption, figure_json(figure), frame)
    particles = list(1e-9 * treatment.particles)
    figure = curves(
        [Curve("particles", list(treatment.energies), particles, style.HORIZONTAL, markers=True)],
        "kinetic energy [MeV/u]",
        "particles in the layer [1e9]",
    )
    frame = pd.DataFrame(
        {"energy [MeV/u]": treatment.energies, "range [mm]": 1e3 * treatment.ranges, "particles": treatment.particles}
    )
    caption = (
        f"Particles of each layer, {treatment.particles.sum():.3g} in all, {treatment.spots} spots a layer. The "
        "deepest layer takes most, which a synchrotron may have to refill for; layers that need none are passed over."
    )
    yield FigureData("dose-layers", "Particles in the layers", caption, figure_json(figure), frame)
