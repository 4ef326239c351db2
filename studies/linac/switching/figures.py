"""Figures of the study of energy switching."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from lattice.errors import counted
from studies.charts.linac import bars, heat, horizontal, line, points, stacked, with_slider
from studies.charts.style import HORIZONTAL, INK, LONGITUDINAL, VERTICAL
from studies.linac.figures import bunch_drawing
from studies.linac.switching.facts import SwitchingFacts
from studies.results import FigureData, Shown

_COLUMNS = 17
_W = "W [MeV]"
_SHADES = (INK, "#0072B2", "#D55E00", "#009E73", "#CC79A7")


def figures(facts: SwitchingFacts) -> tuple[FigureData, ...]:
    """All figures of the study, in the order of the report."""
    return (
        _settings(facts),
        _beam(facts),
        *_between(facts),
        *_others(facts),
        _spot(facts),
        _bunch(facts),
        _focus(facts),
        _jitter(facts),
        _timing(facts),
        _trips(facts),
        *_engines(facts),
    )


def _settings(facts: SwitchingFacts) -> FigureData:
    """Amplitude of every unit against energy, as a heat map."""
    settings, units = facts.settings, facts.machine.linac.units
    rows = np.unique(np.linspace(0, len(facts.energies) - 1, _COLUMNS).astype(int))
    told = [
        ["" if a in (0.0, 1.0) else f"{a:.2f}" for a in settings.amplitudes[rows, unit]] for unit in range(len(units))
    ]
    columns = [f"{facts.energies[row] / 1e6:g}" for row in rows]
    drawing = heat(units, columns, settings.amplitudes[rows].T, _W, told)
    caption = (
        "Amplitude of every RF unit (down) for energies across, over the designed one: blue on, white off, the number "
        "in the last unit that is on. Gradients are the same for all. The phase of the last unit is in the table. Look "
        "for: one staircase, without gaps."
    )
    table = settings_table(facts)
    return FigureData("energies-settings", "Settings of the units", caption, drawing, table)


def settings_table(facts: SwitchingFacts) -> pd.DataFrame:
    """Energy, amplitude of every unit, phase of every unit [deg]."""
    units = facts.machine.linac.units
    table = {_W: facts.energies / 1e6}
    table |= {f"amplitude {unit} [1]": facts.settings.amplitudes[:, i] for i, unit in enumerate(units)}
    table |= {f"phase {unit} [deg]": np.degrees(facts.settings.phases[:, i]) for i, unit in enumerate(units)}
    return pd.DataFrame(table)


def _beam(facts: SwitchingFacts) -> FigureData:
    beams = facts.beams
    energy, spread = beams["wanted"] / 1e6, 100 * beams["sigma_energy"] / beams["energy"]
    miss = 100 * (beams["energy"] / beams["wanted"] - 1.0)
    traces = [
        line(energy, 100 * beams["transmission"], INK, "transmission", unit="%"),
        line(energy, spread, LONGITUDINAL, "sigma W / W", "y2", unit="%"),
        line(energy, miss, LONGITUDINAL, "mean W / wanted - 1", "y3", unit="%"),
    ]
    drawing = stacked(
        traces,
        ("transmission [%]", "sigma W / W [%]", "mean - wanted [%]"),
        _W,
        height=600,
        labels=(("transmission", INK, 0), ("spread", LONGITUDINAL, 1)),
        yaxes=({}, {"rangemode": "tozero"}, {}),
    )
    caption = (
        f"Transmission from the entrance, rms energy spread and mean energy of {facts.study.particles_per_energy} "
        f"particles tracked at each of {counted(len(energy), 'energy')} (dashed: what is needed). Look for: the "
        "spread, which grows where the last unit is half on, most of all at low energies."
    )
    table = beams.rename(columns=_heading)
    shows = (
        Shown("least_transmission", scale=100.0, curves=("transmission",)),
        Shown("largest_spread", "y2", 100.0, curves=("sigma W / W",)),
        Shown("energy_miss", "y3", 100.0, mirrored=True, curves=("mean W / wanted - 1",)),
    )
    return FigureData("energies-beam", "Transmission, spread and energy", caption, drawing, table, shows)


_UNITS = {
    "wanted": "eV",
    "energy": "eV",
    "sigma_energy": "eV",
    "sigma_energy_error": "eV",
    "transmission": "1",
    "range": "m",
    "emittance_x": "m",
    "emittance_y": "m",
    "size_x": "m",
    "size_y": "m",
    "divergence_x": "1",
    "divergence_y": "1",
    "betx": "m",
    "bety": "m",
    "alfx": "1",
    "alfy": "1",
    "fill": "1",
}


def _heading(name: str) -> str:
    return f"{name} [{_UNITS[name]}]"


def _between(facts: SwitchingFacts) -> Iterator[FigureData]:
    """What the settings half way between two rows of the table give."""
    between = facts.interpolated
    if len(between) < 2:  # one energy is no figure: the table of requirements has it
        return
    off = 100 * (between["energy"] / between["wanted"] - 1.0)
    name = "energy / wanted - 1"
    traces = [points(between["wanted"] / 1e6, off, LONGITUDINAL, name, size=4)]
    drawing = stacked(traces, ("energy - wanted [%]",), _W, height=320)
    caption = (
        "Energy that settings half way between two rows of the table give (of pairs with the same last unit), over "
        "the energy half way between theirs, less 1. Look for: where the table needs more rows."
    )
    table = between[["wanted", "energy"]].rename(columns=lambda column: f"{column} [eV]")
    shows = (Shown("interpolation_error", scale=100.0, mirrored=True, curves=(name,)),)
    yield FigureData("energies-between", "Between two rows of the table", caption, drawing, table, shows)


def _others(facts: SwitchingFacts) -> Iterator[FigureData]:
    names = [name for name in facts.others if name != "wanted"]
    if not names:
        return
    energy = facts.others["wanted"] / 1e6
    colors = dict(zip(names, _SHADES, strict=False))
    traces = [line(energy, 100 * facts.others[name], colors.get(name, INK), name, unit="%") for name in names]
    labels = [(name, colors.get(name, INK), 0) for name in names]
    drawing = stacked(traces, ("transmission [%]",), _W, labels=labels, height=380)
    drawing["layout"]["margin"] = {**drawing["layout"]["margin"], "r": 170}
    worst = ", ".join(f"{name} {100 * facts.others[name].min():.2f} %" for name in names)
    described = "; ".join(f"{name}: {text}" for name, text in facts.sources.items())
    caption = (
        f"Transmission with other sets of fixed gradients, same beam and same way of setting the units ({described}). "
        f"Worst of {counted(len(energy), 'energy')}: {worst}. Look for: the set that never falls below the dashed line."
    )
    table = facts.others.rename(columns=lambda name: "wanted [eV]" if name == "wanted" else f"{name} [1]")
    shows = (Shown("least_transmission", scale=100.0, curves=("this machine",)),)
    yield FigureData("energies-gradients", "Gradients for all energies", caption, drawing, table, shows)


def _spot(facts: SwitchingFacts) -> FigureData:
    beams = facts.beams
    energy = beams["wanted"] / 1e6
    traces = [
        line(energy, 1e3 * beams["size_x"], HORIZONTAL, "sigma x", unit="mm"),
        line(energy, 1e3 * beams["size_y"], VERTICAL, "sigma y", unit="mm"),
        line(energy, 1e6 * beams["emittance_x"], HORIZONTAL, "emittance x", "y2", unit="um"),
        line(energy, 1e6 * beams["emittance_y"], VERTICAL, "emittance y", "y2", unit="um"),
        line(energy, beams["fill"], INK, "sigma / bore", "y3"),
    ]
    drawing = stacked(
        traces,
        ("sigma [mm]", "emittance, norm. [um]", "largest sigma / bore [1]"),
        _W,
        height=600,
        labels=(("x", HORIZONTAL, 0), ("y", VERTICAL, 0)),
        yaxes=({"rangemode": "tozero"}, {"rangemode": "tozero"}, {"rangemode": "tozero"}),
    )
    caption = (
        "Rms size of the spot at the exit of the linac, normalised rms emittances there, and the largest rms size over "
        "the bore anywhere along the machine (matrices). Look for: a spot that jumps with energy, which the beam line "
        "has to follow."
    )
    table = beams[["wanted", "size_x", "size_y", "emittance_x", "emittance_y", "fill"]].rename(columns=_heading)
    sizes = ("sigma x", "sigma y")
    shows = (Shown("largest_spot", scale=1e3, curves=sizes), Shown("least_spot", scale=1e3, curves=sizes))
    return FigureData("energies-spot", "Spot and emittance at the exit", caption, drawing, table, shows)


def _bunch(facts: SwitchingFacts) -> FigureData:
    """Phase space at the exit, a slider over energy."""
    tables = facts.clouds
    whole = pd.concat(tables.values())
    columns = list(whole)
    shared = [(_range(whole[columns[i]]), _range(whole[columns[i + 1]])) for i in (0, 2)]
    frames = [
        bunch_drawing(table, [*shared, (_range(table[columns[4]]), _range(table[columns[5]]))])
        for table in tables.values()
    ]
    names = [f"{energy / 1e6:g}" for energy in tables]
    drawing = with_slider(frames, names, "W [MeV] = ", len(frames) - 1)
    caption = (
        f"{max(map(len, tables.values()))} particles at the exit in the three planes, phase and energy from the "
        "reference particle. The slider changes the energy (and the range of phase and energy). At low energies the "
        "bunch drifts through what is off and grows long. Look for: filaments, and how the ellipses turn with energy."
    )
    table = pd.concat([one.assign(**{_W: energy / 1e6}) for energy, one in tables.items()], ignore_index=True)
    return FigureData("energies-bunch", "Beam at the exit over energy", caption, drawing, table)


def _range(values: Any) -> list[float]:
    low, high = np.quantile(np.asarray(values), [0.002, 0.998])
    room = 0.1 * max(high - low, 1e-9)
    return [float(f"{low - room:.4g}"), float(f"{high + room:.4g}")]


def _focus(facts: SwitchingFacts) -> FigureData:
    focus = facts.focus
    energy = focus["wanted"] / 1e6
    traces = [
        line(energy, focus["largest_mux"], HORIZONTAL, "largest x", unit="turns"),
        line(energy, focus["largest_muy"], VERTICAL, "largest y", unit="turns"),
        line(energy, focus["least_mux"], HORIZONTAL, "least x", dash="dot", unit="turns"),
        line(energy, focus["least_muy"], VERTICAL, "least y", dash="dot", unit="turns"),
        line(energy, focus["acceptance_x"], HORIZONTAL, "acceptance x", "y2"),
        line(energy, focus["acceptance_y"], VERTICAL, "acceptance y", "y2"),
    ]
    drawing = stacked(
        traces,
        ("phase advance [turns]", "acceptance / emittance [1]"),
        _W,
        labels=(("x", HORIZONTAL, 0), ("y", VERTICAL, 0), ("dotted: least", INK, 0)),
        yaxes=({"rangemode": "tozero"}, {"rangemode": "tozero"}),
    )
    caption = (
        "Largest and least phase advance of a focusing period inside the structures, and the largest ellipse of the "
        "beam's shape that touches no opening over the rms emittance. With units off the magnets focus a slow beam "
        "more. Look for: half a turn, where focusing ends, and the least acceptance."
    )
    units = {name: "eV" if name == "wanted" else "1" if name.startswith("acc") else "turns" for name in focus}
    table = focus.rename(columns=lambda name: f"{name} [{units[name]}]")
    return FigureData("energies-focusing", "Phase advance and acceptance", caption, drawing, table)


def _jitter(facts: SwitchingFacts) -> FigureData:
    jitter = facts.jitter
    energy = jitter["wanted"] / 1e6
    traces = [
        line(energy, 100 * jitter["sigma_energy"] / jitter["wanted"], LONGITUDINAL, "energy", unit="%"),
        line(energy, 1e3 * jitter["sigma_range"], LONGITUDINAL, "range", "y2", unit="mm"),
    ]
    drawing = stacked(
        traces,
        ("rms of W [%]", "rms of range [mm]"),
        _W,
        labels=(("energy", LONGITUDINAL, 0),),
        yaxes=({"rangemode": "tozero"}, {"rangemode": "tozero"}),
    )
    errors = facts.machine.errors
    caption = (
        f"Energy and range in water from pulse to pulse: {facts.study.samples} pulses at each energy with rms errors "
        f"of {errors.amplitude:g} in amplitude and {np.degrees(errors.phase):g} degrees in phase of each unit that is "
        "on. Look for: energies at which the last unit is half on."
    )
    table = pd.DataFrame(
        {
            "wanted [eV]": jitter["wanted"],
            "rms energy [eV]": jitter["sigma_energy"],
            "rms range [m]": jitter["sigma_range"],
        }
    )
    shows = (
        Shown("energy_jitter", scale=100.0, curves=("energy",)),
        Shown("range_jitter", "y2", 1e3, curves=("range",)),
    )
    return FigureData("tolerances-jitter", "Energy and range from pulse to pulse", caption, drawing, table, shows)


def _timing(facts: SwitchingFacts) -> FigureData:
    layers = facts.layers
    end = layers["begins"] + layers["pulses"] / facts.machine.pulse.repetition
    time = np.column_stack([layers["begins"], end]).ravel()
    traces = [
        line(time, np.repeat(layers["energy"] / 1e6, 2), LONGITUDINAL, "energy", unit="MeV"),
        points(layers["begins"][1:], 1e3 * layers["change"][1:], INK, "change of energy", "y2", size=5),
    ]
    drawing = stacked(traces, (_W, "change [ms]"), "time [s]", yaxes=({}, {"rangemode": "tozero"}))
    volume, pulse = facts.study.volume, facts.machine.pulse
    caption = (
        f"Pulse sequence over a volume from {volume.nearest_mm:g} to {volume.deepest_mm:g} mm of water: {len(layers)} "
        f"layers, {volume.spots} spots each, {counted(volume.pulses_per_spot, 'pulse')} a spot at "
        f"{pulse.repetition:g} Hz; below, the time that each change of energy takes with the magnets of the beam line "
        "(assumed slew and settling), in whole pulses. Look for: how little of the time is changes of energy."
    )
    table = layers.rename(
        columns={
            "depth": "depth [m]",
            "energy": "W [eV]",
            "amplitude": "amplitude [1]",
            "phase": "phase [rad]",
            "change": "change [s]",
            "begins": "begins [s]",
        }
    )
    shows = (Shown("layer_time", "y2", 1e3, curves=("change of energy",)),)
    return FigureData("timing-volume", "Pulse sequence", caption, drawing, table, shows)


def _trips(facts: SwitchingFacts) -> FigureData:
    trips = facts.trips
    traces = [
        bars(trips["unit"], trips["untouched"] / 1e6, "#BDBDBD", "settings of the table", "MeV"),
        bars(trips["unit"], trips["recovered"] / 1e6, INK, "units behind phased anew", "MeV"),
    ]
    low = facts.machine.reach[0] / 1e6
    drawing = horizontal(traces, "highest energy that remains [MeV]", mark=low, label=f"{low:g} MeV")
    caption = (
        "Highest energy that remains when one unit trips: with the settings of the table (grey) and with the units "
        "behind it phased anew for the slower beam (black). Their cells are long for it, so that most of them give "
        "little. Look for: bars that end left of the dotted line, after which nothing can be treated."
    )
    table = trips.rename(
        columns={
            "untouched": "untouched [eV]",
            "lost": "lost [eV]",
            "recovered": "recovered [eV]",
            "transmission": "transmission [1]",
            "spread": "spread [1]",
            "phases": "phases [deg]",
        }
    )
    return FigureData("trips-energies", "When a klystron trips", caption, drawing, table)


def _engines(facts: SwitchingFacts) -> Iterator[FigureData]:
    if facts.alone:
        return
    energy = facts.integrated["wanted"] / 1e6
    off = 100 * (facts.integrated["wanted"] / facts.integrated["fields"] - 1.0)
    drawing = stacked(
        [line(energy, off, INK, "gaps over fields - 1", unit="%")],
        ("gaps over fields - 1 [%]",),
        _W,
        height=320,
    )
    caption = (
        "Final energy of the reference particle by the gaps over that by integration through the fields, less 1, at "
        "the same settings. Where the last unit is half on, the beam slips through its tanks and a small difference of "
        "phase becomes one of energy. Look for: whether settings may be taken from the table, or need a measurement of "
        "the energy."
    )
    table = pd.DataFrame({"wanted [eV]": facts.integrated["wanted"], "integrated [eV]": facts.integrated["fields"]})
    shows = (Shown("residual_energy", scale=100.0, mirrored=True, curves=("gaps over fields - 1",)),)
    yield FigureData("engines-energies", "Energies by both engines", caption, drawing, table, shows)
