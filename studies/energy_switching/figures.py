"""Figures of energy switching on a ring."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from optics.ramping.cycle import PHASES
from optics.ramping.energy_table import BEND_K2
from optics.ramping.species import SpeciesCycle
from optics.ramping.steps import STEP_PARTS
from studies.charts import style
from studies.charts.bars import stacked
from studies.charts.curves import Curve, curves
from studies.charts.figure import figure_json
from studies.charts.sliding import Panel, sliding
from studies.charts.style import COLORS
from studies.energy_switching.facts import SwitchingFacts, TableFacts
from studies.results import FigureData, Shown

_SLIDER = 13  # energies of a species behind a slider
_RIGIDITY = "B rho [T m]"


def figures(facts: SwitchingFacts) -> tuple[FigureData, ...]:
    """All figures, in the order of the report."""
    return (
        *_strengths(facts),
        _currents(facts),
        *_held(facts),
        *_optics(facts),
        *_parts(facts),
        *_field(facts),
        *((_steps(facts),) if any(np.isfinite(cycle.steps["step"]).any() for cycle in facts.cycles) else ()),
        *_rf(facts),
        *(_table(facts, facts.table) if facts.table else ()),
    )


def _drawn(id: str, title: str, caption: str, figure: Any, table: pd.DataFrame) -> FigureData:
    return FigureData(id, title, caption, figure_json(figure), table)


def _sorted(facts: SwitchingFacts) -> Any:
    """Rows by rigidity: species may overlap."""
    return np.argsort(facts.programme.rigidities)


def _parted(facts: SwitchingFacts, items: Sequence[Curve]) -> list[Curve]:
    """Curves over all energies, sorted, open where no species has energies between two."""
    rigidity = facts.programme.rigidities[_sorted(facts)]
    species = np.repeat(np.arange(len(facts.cycles)), [len(c.energies) for c in facts.cycles])[_sorted(facts)]
    steps, other = np.diff(rigidity), np.diff(species) != 0
    cuts = 1 + np.flatnonzero(other & (steps > max(steps[~other], default=0.0)))
    return [
        replace(item, x=list(np.insert(rigidity, cuts, np.nan)), y=list(np.insert(np.array(item.y), cuts, np.nan)))
        for item in items
    ]


def family_colors(facts: SwitchingFacts) -> dict[str, str]:
    """One colour for each family of magnets, the same in every figure."""
    names = dict.fromkeys((*(circuit.magnet.name for circuit in facts.cycles[0].circuits), *facts.programme.set))
    return {name: COLORS[k % len(COLORS)] for k, name in enumerate(names)}


def _strengths(facts: SwitchingFacts) -> Iterator[FigureData]:
    """Quadrupoles over their values at the lowest rigidity; sextupoles, of which some are near 0, as they are."""
    kinds = {circuit.magnet.name: circuit.magnet.unit for circuit in facts.cycles[0].circuits}
    order = _sorted(facts)
    rigidity = facts.programme.rigidities[order]
    relative, absolute = [], []
    colors = family_colors(facts)
    for name, values in facts.programme.set.items():
        here, color = values[order], colors[name]
        if kinds.get(name) == "T/m^2" or here[0] == 0.0:
            absolute.append(Curve(name, list(rigidity), list(here), color))
        else:
            relative.append(Curve(name, list(rigidity), list(1e3 * (here / here[0] - 1.0)), color))
    if relative:
        caption = (
            "Set strength of each quadrupole family over that at the lowest rigidity. In an ideal ring every line is "
            "flat; what bends it is the field errors of the study. Look for: how much a family has to follow."
        )
        frame = pd.DataFrame({_RIGIDITY: rigidity, **{f"{c.name} over its first value [1e-3]": c.y for c in relative}})
        figure = curves(_parted(facts, relative), _RIGIDITY, "change of the set strength [1e-3]")
        yield _drawn("strengths-energy", "Set strengths of the quadrupoles", caption, figure, frame)
    if absolute:
        caption = (
            "Set strength of each sextupole family. Look for: a family that follows the errors of the bends, beside "
            "the resonance sextupole, which stays."
        )
        frame = pd.DataFrame({_RIGIDITY: rigidity, **{f"{c.name} [1/m^3]": c.y for c in absolute}})
        figure = curves(_parted(facts, absolute), _RIGIDITY, "set strength K2 [1/m^3]")
        id = "strengths-sextupoles" if relative else "strengths-energy"
        yield _drawn(id, "Set strengths of the sextupoles", caption, figure, frame)


def _optics(facts: SwitchingFacts) -> Iterator[FigureData]:
    """Functions around the ring as it is at every energy shown, a slider over them."""
    optics, begin = facts.programme.optics.at_elements, 0
    shown = []
    for cycle in facts.cycles:
        shown += [(begin + i, f"{cycle.species} {cycle.energies[i]:.4g} MeV/u") for i in _few(cycle, _SLIDER)]
        begin += len(cycle.energies)
    columns = {name: optics.column(name) for name in ("betx", "bety", "dx")}
    places = np.broadcast_to(optics.column("s"), columns["betx"].shape)
    for id, title, unit, names in (
        ("optics-energy", "Beta functions", "beta [m]", (("betx", style.HORIZONTAL), ("bety", style.VERTICAL))),
        ("optics-dispersion", "Dispersion", "Dx [m]", (("dx", style.DISPERSION),)),
    ):
        panels = [
            Panel(label, [(name, places[row], columns[name][row], color) for name, color in names])
            for row, label in shown
        ]
        spread = "; ".join(
            f"{name} differs by at most {np.max(np.ptp(columns[name], axis=0)):.2g} m" for name, _ in names
        )
        caption = (
            f"{title} around the ring with its field errors and the strengths that are set, energy by energy. "
            f"Over all energies {spread} at any place. The slider changes the energy. "
            "Look for: what differs from one energy to the next; without field errors nothing does."
        )
        frame = pd.concat(
            [
                pd.DataFrame({"energy": label, "s [m]": places[row], **{f"{n} [m]": columns[n][row] for n, _ in names}})
                for row, label in shown
            ],
            ignore_index=True,
        )
        figure = sliding(panels, "s [m]", unit, "at ", shown=0)
        yield FigureData(id, f"{title} at every energy", caption, figure, frame)


def _currents(facts: SwitchingFacts) -> FigureData:
    order = _sorted(facts)
    rigidity = facts.programme.rigidities[order]
    items, columns, colors = [], {_RIGIDITY: rigidity}, family_colors(facts)
    for k, circuit in enumerate(facts.cycles[0].circuits):
        rated = circuit.magnet.supply.largest_current
        current = np.concatenate([cycle.circuits[k].currents for cycle in facts.cycles])[order]
        items.append(
            Curve(circuit.magnet.name, list(rigidity), list(np.abs(current) / rated), colors[circuit.magnet.name])
        )
        columns[f"{circuit.magnet.name} [A]"] = current
    figure = curves(_parted(facts, items), _RIGIDITY, "current over rating [1]")
    caption = "Current of each circuit over its rating. Look for: which circuit sets the highest energy."
    shown = _drawn("strengths-currents", "Currents", caption, figure, pd.DataFrame(columns))
    return replace(shown, shows=(Shown("largest_current_share"),))


def _held(facts: SwitchingFacts) -> Iterator[FigureData]:
    order, programme = _sorted(facts), facts.programme
    rigidity = programme.rigidities[order]
    off = {
        name: (v[order] - programme.goals[name]) / programme.tolerances[name] for name, v in programme.values.items()
    }
    items = [
        Curve(name.partition("@")[0], list(rigidity), list(v), COLORS[k % len(COLORS)])
        for k, (name, v) in enumerate(off.items())
    ]
    figure = curves(_parted(facts, items), _RIGIDITY, "distance from what is held [tolerances]")
    caption = "Every target of the design point at every energy, in its tolerances. Look for: lines within one."
    yield _drawn(
        "held-energy",
        "What is held at every energy",
        caption,
        figure,
        pd.DataFrame({_RIGIDITY: rigidity, **{f"{name} [tolerances]": v for name, v in off.items()}}),
    )
    optics = programme.optics
    items = [
        Curve("Q'x", list(rigidity), list(np.asarray(optics.dqx)[order]), style.HORIZONTAL),
        Curve("Q'y", list(rigidity), list(np.asarray(optics.dqy)[order]), style.VERTICAL),
    ]
    frame = pd.DataFrame({_RIGIDITY: rigidity, "Q'x": items[0].y, "Q'y": items[1].y})
    caption = "Chromaticity of the programme at every energy: what the sextupoles and the bends' errors leave."
    yield _drawn(
        "held-chromaticity",
        "Chromaticity",
        caption,
        curves(_parted(facts, items), _RIGIDITY, "dQ / d(dp/p) [1]"),
        frame,
    )


def _few(cycle: SpeciesCycle, number: int) -> list[int]:
    return sorted({int(i) for i in np.linspace(0, len(cycle.energies) - 1, number)})


def _parts(facts: SwitchingFacts) -> Iterator[FigureData]:
    shown = [(cycle, i) for cycle in facts.cycles for i in _few(cycle, 3) if np.isfinite(cycle.times["change"].iloc[i])]
    if not shown:
        return
    rows = [f"{cycle.species} {cycle.energies[i]:.4g} MeV/u" for cycle, i in shown]
    parts = {
        phase: [float(cycle.times[phase].iloc[i]) for cycle, i in shown] for phase in PHASES if phase != "extraction"
    }
    caption = (
        "From the end of one spill to the beginning of the next, by part, in the order of the cycle. Look for: what a "
        "faster supply would gain, and what stays (capture, settling, standardisation)."
    )
    frame = pd.DataFrame({"energy": rows, **{f"{part} [s]": values for part, values in parts.items()}})
    drawn, shows = stacked(rows, parts, "time [s]"), (Shown("longest_change", "x"),)
    yield FigureData("cycle-parts", "What a change of energy takes", caption, drawn, frame, shows)


def _field(facts: SwitchingFacts) -> Iterator[FigureData]:
    """Field of the bends through one cycle, a slider over energies."""
    panels, frames = [], []
    for cycle in facts.cycles:
        bend = next(circuit for circuit in cycle.circuits if circuit.magnet.unit == "T")
        for i in _few(cycle, _SLIDER):
            if not np.isfinite(cycle.times["ramp"].iloc[i]):
                continue
            label = f"{cycle.species} {cycle.energies[i]:.4g} MeV/u"
            time, field = _profile(cycle, bend, i, facts)
            panels.append(Panel(label, [("field of the bends", time, field, style.INK)]))
            frames.append(pd.DataFrame({"energy": label, "t [s]": time, "B [T]": field}))
    if not panels:
        return
    figure = sliding(panels, "t [s]", "B [T]", "one cycle: ", shown=0)
    caption = (
        "Field of the bends through one cycle: injection and capture, ramp, settling, extraction, the way over the top "
        "(standardisation) and back. The slider changes the energy. Look for: the part of the cycle with beam."
    )
    yield FigureData("cycle-field", "The cycle", caption, figure, pd.concat(frames, ignore_index=True))


def _profile(cycle: SpeciesCycle, bend: Any, i: int, facts: SwitchingFacts) -> tuple[list[float], list[float]]:
    row = cycle.times.iloc[i]
    low, high = bend.injection, float(bend.extraction[i])
    rated = facts.study.cycle.top_current * bend.magnet.supply.largest_current
    top = float(bend.magnet.excitation.field(rated)) if facts.study.cycle.standardise else high
    begin = float(row["injection"] + row["capture"])
    flat = begin + float(row["ramp"])
    end = flat + float(row["settling"] + row["extraction"])
    back = end + float(row["ramp down"] + row["standardisation"])
    rise = (top - high) / max(2 * top - high - low, 1e-9)
    return [0.0, begin, flat, end, end + rise * (back - end), back], [low, low, high, high, top, low]


def _steps(facts: SwitchingFacts) -> FigureData:
    items, frames = [], []
    for k, cycle in enumerate(cycle for cycle in facts.cycles if len(cycle.steps)):
        energy = cycle.energies[:-1]
        rigidity = [particle.magnetic_rigidity for particle in cycle.particles[:-1]]
        items.append(Curve(f"{cycle.species}: a cycle", rigidity, list(cycle.times["change"].iloc[:-1]), COLORS[2 * k]))
        items.append(Curve(f"{cycle.species}: a step", rigidity, list(cycle.steps["step"]), COLORS[2 * k], "dash"))
        frames.append(
            pd.DataFrame(
                {
                    "species": cycle.species,
                    "energy [MeV/u]": energy,
                    _RIGIDITY: rigidity,
                    "cycle [s]": cycle.times["change"].iloc[:-1],
                    **{f"{part} [s]": cycle.steps[part] for part in STEP_PARTS},
                }
            )
        )
    caption = (
        f"Change of energy by a new cycle (lines) and by a step {facts.study.steps.direction} within a spill (dashed). "
        f"Stepping pays while the beam lasts: each step loses {100 * facts.study.steps.loss:g} % of it, and hysteresis "
        "is not wiped out. Look for: the ratio of the two."
    )
    figure = curves(items, _RIGIDITY, "time [s]")
    shown = _drawn("cycle-steps", "A new cycle, or a step within the spill", caption, figure, pd.concat(frames))
    return replace(shown, shows=(Shown("longest_step", curves=tuple(c.name for c in items if c.dash == "dash")),))


def _rf(facts: SwitchingFacts) -> Iterator[FigureData]:
    items, frames = [], []
    ramped = [(k, cycle) for k, cycle in enumerate(facts.cycles) if len(cycle.rf)]
    if not ramped:
        return
    for k, cycle in ramped:
        items.append(Curve(cycle.species, list(cycle.rf["time"]), list(cycle.rf["voltage"]), COLORS[2 * k]))
        frames.append(cycle.rf.assign(species=cycle.species))
    levels = [(facts.study.rf.largest_voltage_V, "largest voltage")]
    frame = pd.concat(frames, ignore_index=True)
    caption = (
        f"Voltage that keeps a bucket of {facts.study.rf.bucket_area_eVs_per_u:g} eV s per u along the ramp to the "
        "highest energy. Look for: the distance from the cavity's voltage."
    )
    table = pd.DataFrame(
        {
            "species": frame["species"],
            "t [s]": frame["time"],
            "V [V]": frame["voltage"],
            "f [Hz]": frame["frequency"],
            "phi_s [deg]": frame["phase"],
        }
    )
    yield _drawn("cycle-rf", "RF voltage on the ramp", caption, curves(items, "t [s]", "V [V]", levels=levels), table)
    items = [
        Curve(cycle.species, list(cycle.rf["time"]), list(cycle.rf["frequency"] / 1e6), COLORS[2 * k])
        for k, cycle in ramped
    ]
    caption = "Harmonic times the revolution frequency along the same ramp."
    yield _drawn("cycle-frequency", "RF frequency on the ramp", caption, curves(items, "t [s]", "f [MHz]"), table)


# --------------------------------------------------------------------------------------------- operational table


def _by_species(table: TableFacts, values: Any, name: str, color: str, dash: str = "solid") -> list[Curve]:
    found = []
    for species in dict.fromkeys(table.species):
        rows = np.array([s == species for s in table.species])
        rigidity = table.fit.table["rigidity"].to_numpy()[rows]
        found.append(Curve(f"{name}, {species}", list(rigidity), list(np.asarray(values)[rows]), color, dash))
    return found


def _table(facts: SwitchingFacts, table: TableFacts) -> Iterator[FigureData]:
    held, fit = table.held, table.fit
    rigidity = fit.table["rigidity"].to_numpy()
    optics = table.optics
    items = [
        *_by_species(table, 1e3 * (np.asarray(optics.qx) - held.qx), "Qx", style.HORIZONTAL),
        *_by_species(table, 1e3 * (np.asarray(optics.qy) - held.qy), "Qy", style.VERTICAL),
    ]
    frame = pd.DataFrame({_RIGIDITY: rigidity, "Qx": optics.qx, "Qy": optics.qy, "Q'x": optics.dqx, "Q'y": optics.dqy})
    caption = (
        f"Tunes that the table's strengths give in an ideal ring, from what the operators held (Qx = {held.qx:g}, Qy = "
        f"{held.qy:.5g}). They drift because the real magnets are off. Look for: one line through both species."
    )
    yield _drawn(
        "table-tunes",
        "Operational table in an ideal ring",
        caption,
        curves(items, _RIGIDITY, "tune from what is held [1e-3]"),
        frame,
    )
    yield from _errors(facts, table)
    items = [
        *_by_species(table, 1e3 * fit.table["tune_x"], "Qx", style.HORIZONTAL),
        *_by_species(table, 1e3 * fit.table["tune_y"], "Qy", style.VERTICAL),
    ]
    frame = pd.DataFrame(
        {_RIGIDITY: rigidity, "Qx [1e-3]": 1e3 * fit.table["tune_x"], "Qy [1e-3]": 1e3 * fit.table["tune_y"]}
    )
    caption = (
        f"What the smooth errors leave of the tunes held: rms {fit.rms[0]:.2g} in Qx, {fit.rms[1]:.2g} in Qy over all "
        "energies and species. Look for: steps, which are retuned by hand, and no slope."
    )
    yield _drawn(
        "table-residuals", "What the errors leave", caption, curves(items, _RIGIDITY, "tune left [1e-3]"), frame
    )


def _errors(facts: SwitchingFacts, table: TableFacts) -> Iterator[FigureData]:
    fit = table.fit
    line = np.linspace(fit.table["rigidity"].min(), fit.table["rigidity"].max(), 80)
    items: list[Curve] = []
    for k, (name, families) in enumerate(facts.study.held.groups.items()):
        color = (style.HORIZONTAL, style.VERTICAL)[k % 2]
        items += _by_species(table, 1e3 * fit.table[name], name, color)
        smooth = 1e3 * (fit.errors.factor(families[0], line) - 1.0)
        items.append(Curve(f"{name}, smooth", list(line), list(smooth), style.LIMIT, "dash"))
    frame = pd.DataFrame(
        {_RIGIDITY: fit.table["rigidity"]} | {f"{n} [1e-3]": 1e3 * fit.table[n] for n in facts.study.held.groups}
    )
    caption = (
        "Relative gradient errors of the two groups of quadrupoles that explain the table, energy by energy; dashed: "
        "one polynomial for all species. Look for: all species on one line, since magnets know none."
    )
    figure = curves(items, _RIGIDITY, "relative gradient error [1e-3]")
    yield _drawn("table-errors", "Gradient errors that explain the table", caption, figure, frame)
    items = [
        *_by_species(table, 1e3 * fit.table["bend_k2"], "k2", style.DISPERSION),
        Curve("smooth", list(line), list(1e3 * fit.errors.bends(line)[BEND_K2]), style.LIMIT, "dash"),
    ]
    frame = pd.DataFrame({_RIGIDITY: fit.table["rigidity"], "k2 of the bends [m^-3]": fit.table["bend_k2"]})
    caption = (
        "Sextupole component of the bends that gives the chromaticity held, energy by energy; dashed: one polynomial "
        "for all species. Look for: all species on one line."
    )
    figure = curves(items, _RIGIDITY, "k2 of the bends [1e-3 / m^3]")
    yield _drawn("table-bends", "Sextupole component of the bends that explains the table", caption, figure, frame)
