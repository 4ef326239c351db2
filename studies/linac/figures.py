"""Figures of the optics study of a linac."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from lattice import RFGap
from optics.matter.ranges import range_in_water, range_text
from studies.charts.linac import bars, beside, horizontal, line, points, stacked
from studies.charts.style import HORIZONTAL, INK, LIMIT, LONGITUDINAL, NEUTRAL, REFERENCE, VERTICAL, Drawing
from studies.linac.facts import LinacFacts
from studies.results import FigureData, Shown

SIGMAS = 3.0


def figures(facts: LinacFacts) -> tuple[FigureData, ...]:
    """All figures of the study, in the order of the report."""
    return (
        _energy(facts),
        _envelope(facts),
        _advance(facts),
        _bucket(facts),
        *_bunches(facts),
        _losses(facts),
        _power(facts),
        _transmission(facts),
        _pulses(facts),
        *_engines(facts),
    )


def _energy(facts: LinacFacts) -> FigureData:
    """Energy and the phase at which the reference particle meets every cell."""
    lattice = facts.lattice
    s = np.concatenate([[0.0], np.cumsum([float(getattr(e, "length", 0.0)) for e in lattice.elements])])
    gaps = [(s[i], np.degrees(float(e.phase))) for i, e in enumerate(lattice.elements) if isinstance(e, RFGap)]
    at, phase = np.array(gaps).T
    broken = np.insert(phase, np.flatnonzero(np.diff(at) > 3 * np.median(np.diff(at))) + 1, np.nan)
    places = np.insert(at, np.flatnonzero(np.diff(at) > 3 * np.median(np.diff(at))) + 1, np.nan)
    run, tanks = facts.run, facts.tanks
    fields = tanks["entrance"].iloc[0] + np.cumsum(tanks["gain_fields"])
    traces = [
        line(run.s, run.energy / 1e6, LONGITUDINAL, "W", unit="MeV"),
        points(tanks["s"] + tanks["length"], fields / 1e6, REFERENCE, "integrated", size=4),
        line(places, broken, LONGITUDINAL, "phase in the cell", "y2", unit="deg"),
    ]
    drawing = stacked(
        traces,
        ("W [MeV]", "phase in a cell [deg]"),
        "s [m]",
        xrange=(0.0, float(run.s[-1])),
        labels=(("W, gaps", LONGITUDINAL, 0), ("integrated", REFERENCE, 0), ("phase", LONGITUDINAL, 1)),
    )
    caption = (
        "Kinetic energy of the reference particle by the gaps (line) and the gains of the tanks by integration through "
        "their fields, summed (dots); below, the phase from crest at which it meets the middle of every cell: cells "
        "of a tank have one length, so that it slips through the tank. Look for: steps in the energy without a tank "
        "missing, and phases that stay around the synchronous phase."
    )
    table = pd.DataFrame({"s [m]": at, "phase [deg]": phase, "W [MeV]": np.interp(at, run.s, run.energy / 1e6)})
    shows = (Shown("final_energy", scale=1e-6, at=float(run.s[-1]), curves=("W",)),)
    return FigureData("linac-energy", "Energy and phase slip", caption, drawing, table, shows)


def _envelope(facts: LinacFacts) -> FigureData:
    run, size = facts.run, facts.sizes
    frequency = facts.machine.bunch.frequency
    w = run.energy / facts.machine.linac.particle.mass
    beta = np.sqrt(w * (w + 2.0)) / (1.0 + w)
    length = np.degrees(size[:, 4] * 2.0 * np.pi * frequency / (beta * 299792458.0))
    spread = size[:, 5] * beta**2 * (1.0 + w) * facts.machine.linac.particle.mass / 1e3
    s = run.s
    opening = np.concatenate([run.bore, run.bore[-1:]])[: len(s)] * 1e3
    traces = [
        line(s, SIGMAS * size[:, 0] * 1e3, HORIZONTAL, f"{SIGMAS:g} sigma x", unit="mm"),
        line(s, -SIGMAS * size[:, 2] * 1e3, VERTICAL, f"{SIGMAS:g} sigma y", unit="mm"),
        line(s, opening, LIMIT, "bore", dash="dash", unit="mm"),
        line(s, -opening, LIMIT, "bore", dash="dash", unit="mm"),
        line(s, length, LONGITUDINAL, "sigma phase", "y2", unit="deg"),
        line(s, spread, LONGITUDINAL, "sigma W", "y3", unit="keV"),
    ]
    drawing = stacked(
        traces,
        ("x, -y [mm]", "sigma phase [deg]", "sigma W [keV]"),
        "s [m]",
        xrange=(0.0, float(s[-1])),
        height=600,
        labels=(
            (f"{SIGMAS:g} sigma x", HORIZONTAL, 0),
            ("bore", LIMIT, 0),
            (f"{SIGMAS:g} sigma y", VERTICAL, 0),
            (f"at {frequency / 1e6:.6g} MHz", LONGITUDINAL, 1),
        ),
    )
    caption = (
        f"Envelopes of {SIGMAS:g} rms sizes by matrices, x up and y down, inside the bore (dashed); rms phase width "
        "and energy spread of the bunch. Look for: room between beam and bore, most of all in the matching sections, "
        "and a phase width that shrinks as the beam gains energy."
    )
    table = pd.DataFrame(
        {
            "s [m]": s,
            "sigma x [mm]": size[:, 0] * 1e3,
            "sigma y [mm]": size[:, 2] * 1e3,
            "bore [mm]": opening,
            "sigma phase [deg]": length,
            "sigma W [keV]": spread,
        }
    )
    return FigureData("linac-envelope", "Envelopes and aperture", caption, drawing, table)


def _advance(facts: LinacFacts) -> FigureData:
    rows = pd.DataFrame([vars(period) for period in facts.periods])
    energy = rows["energy"] / 1e6
    traces = [
        line(energy, rows["mux"], HORIZONTAL, "x", unit="turns"),
        line(energy, rows["muy"], VERTICAL, "y", unit="turns"),
        line(energy, rows["mux_without_rf"], HORIZONTAL, "x, no RF", dash="dot", unit="turns"),
        line(energy, rows["muy_without_rf"], VERTICAL, "y, no RF", dash="dot", unit="turns"),
    ]
    labels = (("x", HORIZONTAL, 0), ("y", VERTICAL, 0), ("dotted: no RF", INK, 0))
    drawing = stacked(
        traces,
        ("phase advance [turns]",),
        "W [MeV]",
        labels=labels,
        height=340,
        yaxes=({"rangemode": "tozero"},),
    )
    caption = (
        "Phase advance of every focusing period (two quadrupoles) inside the structures, with acceleration and RF "
        "defocusing, and for a beam that coasts through the same magnets (dotted). Look for: the difference, which is "
        "RF defocusing, and a quarter turn, which is the limit with RF; the coasting beam of switched-off units is "
        "stable up to half a turn."
    )
    table = rows.set_axis(
        [f"{c} [{'eV' if c == 'energy' else 'm' if c in ('s', 'end') else 'turns'}]" for c in rows], axis=1
    )
    shows = (Shown("largest_advance", curves=("x", "y")), Shown("least_advance", curves=("x", "y")))
    return FigureData("linac-advance", "Phase advance", caption, drawing, table, shows)


def _bucket(facts: LinacFacts) -> FigureData:
    grid = facts.longitudinal
    shift, turn = np.meshgrid(grid.energy, grid.phase, indexing="ij")
    inside = grid.accepted
    bunch = facts.clouds["entrance"]
    traces = [
        points(np.degrees(turn[inside]), shift[inside] / 1e3, "#BDBDBD", "accepted", size=5),
        points(bunch["phase [deg]"], bunch["W - W0 [keV]"], LONGITUDINAL, "bunch", size=2),
    ]
    drawing = stacked(
        traces,
        ("energy from reference [keV]",),
        "phase from reference [deg]",
        height=400,
        labels=(("accepted", NEUTRAL, 0), ("bunch", LONGITUDINAL, 0)),
    )
    drawing["layout"]["hovermode"] = "closest"
    caption = (
        f"Longitudinal acceptance at the entrance: of a grid of {grid.accepted.size} particles on the axis, those that "
        f"arrive within 3 % of the energy (grey), and {len(bunch)} particles of the bunch. Look for: the bunch well "
        "inside."
    )
    table = pd.DataFrame(
        {"phase [deg]": np.degrees(turn).ravel(), "energy [keV]": shift.ravel() / 1e3, "accepted": inside.ravel()}
    )
    return FigureData("linac-bucket", "Longitudinal acceptance", caption, drawing, table)


def _bunches(facts: LinacFacts) -> Iterator[FigureData]:
    for key, table in facts.clouds.items():
        caption = (
            f"{len(table)} particles at the {key} in the three planes, phase and energy from the reference particle. "
            "Look for: tails and filaments, which the rms sizes hide."
        )
        yield FigureData(f"bunch-{key}", f"Beam at the {key}", caption, bunch_drawing(table), table)


def bunch_drawing(table: pd.DataFrame, ranges: Any = None) -> Drawing:
    """Three planes side by side."""
    columns = list(table)
    pairs = [(columns[i], columns[i + 1]) for i in (0, 2, 4)]
    colors = (HORIZONTAL, VERTICAL, LONGITUDINAL)
    traces = [
        points(table[x], table[y], color, x.split()[0], f"y{key}", xaxis=f"x{key}", size=2)
        for (x, y), color, key in zip(pairs, colors, ("", "2", "3"), strict=True)
    ]
    return beside(traces, pairs, ranges or [(_wide(table[x]), _wide(table[y])) for x, y in pairs])


def _wide(values: Any) -> list[float]:
    """A range that holds 99.8 % of the values, with room."""
    low, high = np.quantile(np.asarray(values), [0.001, 0.999])
    room = 0.15 * max(high - low, 1e-9)
    return [float(f"{low - room:.4g}"), float(f"{high + room:.4g}")]


def _losses(facts: LinacFacts) -> FigureData:
    stations = facts.tracked.stations
    assert stations is not None
    lost = facts.tracked.lost
    edges = np.linspace(0.0, float(facts.run.s[-1]), 50)
    width = edges[1] - edges[0]
    count, _ = np.histogram(lost["s"], edges)
    beam = facts.machine.current * facts.machine.pulse.duty / facts.machine.linac.particle.charge
    middle = 0.5 * (edges[1:] + edges[:-1])
    power = count / len(facts.start) * beam * np.interp(middle, facts.run.s, facts.run.energy) / width * 1e3
    traces = [
        line(stations["s"], 100 * stations["transmission"], INK, "transmission", unit="%"),
        line(np.repeat(edges, 2)[1:-1], np.repeat(power, 2), INK, "lost power", "y2", unit="mW/m"),
    ]
    drawing = stacked(traces, ("transmission [%]", "lost power [mW/m]"), "s [m]", xrange=(0.0, float(edges[-1])))
    caption = (
        f"Share of {len(facts.start)} particles that is left, and the mean power that the lost ones carry per metre, "
        f"at {facts.machine.current * 1e6:g} uA in pulses of {facts.machine.pulse.length * 1e6:g} us at "
        f"{facts.machine.pulse.repetition:g} Hz. Look for: losses at high energy, which activate."
    )
    table = pd.DataFrame({"s [m]": middle, "lost particles": count, "lost power [mW/m]": power})
    shows = (Shown("transmission", scale=100.0, at=float(edges[-1]), curves=("transmission",)),)
    return FigureData("linac-losses", "Losses along the machine", caption, drawing, table, shows)


def _power(facts: LinacFacts) -> FigureData:
    units = facts.units
    traces = [
        bars(units["unit"], units["needed"] / 1e6, INK, "needed", "MW"),
        bars(units["unit"], units["copper"] / 1e6, "#BDBDBD", "copper", "MW"),
    ]
    ratings = units["klystron"] / 1e6
    drawing = horizontal(traces, "peak power [MW]")
    caption = (
        "Peak RF power of every unit: in the walls (grey), and what its klystron must give with the beam and the "
        f"losses of the waveguide (black). Klystrons of {_span(ratings)} MW. Look for: bars short of the rating, with "
        "room for the control of the amplitude."
    )
    table = units[["unit", "copper", "beam", "needed", "klystron", "average"]].rename(
        columns=lambda name: name if name == "unit" else f"{name} [W]"
    )
    alike = ratings.nunique() == 1
    shows = (Shown("klystron_share", "x", float(ratings.iloc[0]), curves=("needed",)),) if alike else ()
    return FigureData("power-units", "RF power", caption, drawing, table, shows)


def _span(values: pd.Series) -> str:
    """``7.5``, or ``5 to 7.5``."""
    low, high = float(values.min()), float(values.max())
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def _transmission(facts: LinacFacts) -> FigureData:
    traces, labels = [], []
    shades = ("#BDBDBD", INK, "#7A7A7A", "#D0D0D0")
    for (scale, rows), color in zip(facts.errors.groupby("scale"), shades, strict=False):
        found = np.sort(rows["transmission"].to_numpy()) * 100
        traces.append(line(found, (np.arange(len(found)) + 1.0) / len(found) * 100, color, f"{scale:g} x tolerance"))
        labels.append((f"{scale:g} x tolerance", color, 0))
    drawing = stacked(
        traces,
        ("machines below [%]",),
        "transmission [%]",
        labels=labels,
        height=340,
        yaxes=({"rangemode": "tozero"},),
    )
    errors = facts.machine.errors
    caption = (
        "Machines with errors, without steering: the part of them that transmits less than the value on the axis. "
        "Each line has all tolerances times one factor. "
        f"At 1: offsets {errors.offset * 1e6:g} µm, roll {errors.roll * 1e3:g} mrad, "
        f"gradients {errors.gradient:g}; amplitude {errors.amplitude:g} and phase {np.degrees(errors.phase):g} deg of "
        f"units, {errors.tank_amplitude:g} and {np.degrees(errors.tank_phase):g} deg of tanks (rms). Look for: a steep "
        "curve at the right; a long foot is a machine that needs better alignment or steering."
    )
    shows = (Shown("transmission_with_errors", "x", 100.0, at=10.0),)
    return FigureData("tolerances-transmission", "Transmission with errors", caption, drawing, facts.errors, shows)


def _pulses(facts: LinacFacts) -> FigureData:
    energy = facts.pulses[np.isfinite(facts.pulses)]
    kind = facts.machine.linac.particle.kind
    depth = range_in_water(energy, kind)
    off = (depth - range_in_water(facts.run.energy[-1], kind)) * 1e3
    count, edges = np.histogram(off, 25)
    traces = [line(np.repeat(edges, 2)[1:-1], np.repeat(count, 2), LONGITUDINAL, "pulses")]
    drawing = stacked(
        traces, ("pulses",), "range from the designed one [mm]", height=320, yaxes=({"rangemode": "tozero"},)
    )
    caption = (
        f"Range in water of {len(energy)} pulses at full energy with errors of amplitude and phase of every unit, "
        f"from {range_text()}. Look for: a width well below 1 mm."
    )
    table = pd.DataFrame({"W [MeV]": energy / 1e6, "range [mm]": depth * 1e3})
    return FigureData("tolerances-energy", "Energy from pulse to pulse", caption, drawing, table)


def _engines(facts: LinacFacts) -> Iterator[FigureData]:
    if facts.tanks["gain_fields"].isna().all():
        return
    off = 1e3 * (facts.tanks["gain"] / facts.tanks["gain_fields"] - 1.0)
    number = np.arange(1, len(off) + 1)
    traces = [points(number, off, INK, "tank", size=5)]
    drawing = stacked(traces, ("gaps over fields - 1 [1e-3]",), "tank", height=320)
    drawing["layout"]["hovermode"] = "closest"
    caption = (
        "Energy gain of every tank by the gaps over that by integration through its fields, less 1; both engines start "
        "at 5 MeV and carry their own energy and phase from tank to tank. Look for: a smooth run; one tank that stands "
        "out has cells that do not fit."
    )
    table = pd.DataFrame(
        {
            "tank": facts.tanks["tank"],
            "gain [eV]": facts.tanks["gain"],
            "gain by integration [eV]": facts.tanks["gain_fields"],
            "ratio - 1": off / 1e3,
        }
    )
    shows = (Shown("residual_tank_energy", scale=1e3, mirrored=True, curves=("tank",)),)
    yield FigureData("engines-linac-tanks", "Tanks by both engines", caption, drawing, table, shows)
