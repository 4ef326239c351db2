"""Figures of the tracked spill: rate and spectrum, extracted bar, programme, Steinbach in motion, losses, response."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from extraction.drivers.drivers import PhaseDisplacement, RFKnockout
from extraction.spill.beam import angles, momentum_in_time
from extraction.spill.rate import duty_factor, spill_rate
from extraction.spill.spectrum import MAINS, spectrum_of_middle
from extraction.spill.tracking import Spill
from lattice import InputError
from lattice.arrays import Array
from studies.charts import style
from studies.charts.bars import bars, paired_bars
from studies.charts.curves import Curve, curves
from studies.charts.figure import figure_json, figure_of
from studies.charts.spill import (
    RatePanel,
    SpectrumPanel,
    bar_drawing,
    cumulative_drawing,
    response_drawing,
    spill_drawing,
    stacked_rates,
)
from studies.charts.steinbach import Still, steinbach_film
from studies.results import FigureData
from studies.slow_extraction.facts import ExtractionFacts
from studies.slow_extraction.spill.facts import SpillFacts
from studies.slow_extraction.spill.programmes import programme_figure, programmes_figure
from studies.slow_extraction.spill.quantities import WIDER_BINS, rate_in_bins

_ROOT = 1e3**0.5  # m^1/2 in mm^1/2
_DOTS = 500  # of a cloud in it
_POINTS = 2000  # of the bar
_PER_MICRO, _AT = 1e-6, 100.0  # ripple, and Hz, that sensitivities are given for


def spill_figures(facts: SpillFacts, extraction: ExtractionFacts) -> Iterator[FigureData]:
    """All figures of the spill; those of the extracted beam only where there is one."""
    if len(facts.spill.extracted) >= 20:
        yield _rate(facts)
        yield from _bars(facts, extraction)
    yield programme_figure(facts)
    yield from _film(facts)
    if len(facts.spill.extracted) >= 20:
        yield _momentum(facts)
    yield _losses(facts)
    yield from _response(facts)
    if facts.others:
        yield programmes_figure(facts)
        yield _drivers(facts)
    yield from _engines(facts)


def _drawn(id: str, title: str, caption: str, figure: Any, table: pd.DataFrame) -> FigureData:
    return FigureData(id, title, caption, figure_json(figure), table)


# ------------------------------------------------------------------------------------------------ rate and spectrum


def _panel(spill: Spill, bins: int = 200) -> RatePanel:
    return RatePanel(np.sort(spill.extracted["turn"].to_numpy()), spill.revolution_time, spill.turns, bins)


def _rate(facts: SpillFacts) -> FigureData:
    spill, spectrum = facts.spill, spectrum_of_middle(facts.spill.extracted["time"].to_numpy())
    panel = None
    if spectrum is not None:
        panel = SpectrumPanel(spectrum.frequency, spectrum.density, spectrum.floor, MAINS)
    ripple = ", ".join(f"'{one.parameter}'" for one in facts.case.ripple) or "no family"
    caption = (
        f"Particles that reach the electrostatic septum, {len(spill.extracted)} of {spill.particles} tracked for "
        f"{spill.turns} turns, ripple on {ripple}. Zoom in: bins get narrower, down to one turn. Below: power "
        "density of the rate over its mean (Welch), whose integral is the squared coefficient of variation; a line "
        "of modulation m holds m²/2. Dashed: what counting so few particles gives alone. Look for: lines above it "
        f"at the mains' frequencies.{_evenness(facts)}"
    )
    counts = spill_rate(spill.extracted["time"].to_numpy(), start=0.0, stop=spill.duration, width=_csv_bin(facts))
    frame = pd.DataFrame({"time [s]": counts.time, "particles": counts.counts, "rate [1/s]": counts.rate})
    title = f"Spill, {_duty(facts)}"
    return _drawn("spill-rate", title, caption, figure_of(spill_drawing(_panel(spill), panel)), frame)


def _csv_bin(facts: SpillFacts) -> float:
    return min(facts.case.spec.bin_s, facts.spill.duration / 10)


def _duty(facts: SpillFacts) -> str:
    bins = f"{1e3 * facts.case.spec.bin_s:g} ms"
    try:
        found = duty_factor(rate_in_bins(facts).counts)
    except InputError:
        return f"too short for a duty factor in {bins}"
    if not np.isfinite(found.corrected):
        return f"too few particles for a duty factor in {bins}"
    return f"{found.told} in {bins}"


def _evenness(facts: SpillFacts) -> str:
    """Duty factors in wider bins, as far as the spill is long enough."""
    told = []
    for width in WIDER_BINS.values():
        try:
            found = duty_factor(rate_in_bins(facts, width).counts)
        except InputError:
            continue
        if np.isfinite(found.possible):
            told.append(f"{found.possible:.2f} ± {found.error:.2f} in {1e3 * width:g} ms")
    return f" Duty factor in wider bins: {', '.join(told)}." if told else ""


# -------------------------------------------------------------------------------------------------- the extracted bar


def _bars(facts: SpillFacts, extraction: ExtractionFacts) -> Iterator[FigureData]:
    table = facts.spill.extracted
    septum = facts.case.septum
    inner = 1e3 * septum.position
    walls = [(inner, "wires")]
    cathode = 1e3 * (septum.position + septum.side * (septum.thickness + septum.gap))
    beyond = f" The cathode is at {cathode:.4g} mm." if septum.gap else ""
    caption = (
        f"Extracted particles at the entrance of '{septum.at}', before its kick, each as it was tracked; above and "
        f"beside: how many. Look for: a thin bar from the wires to one spiral step beyond, well inside the gap.{beyond}"
    )
    yield _bar(
        "spill-bar-es",
        "Extracted beam at the electrostatic septum",
        caption,
        table["x"].to_numpy(),
        angles(table),
        walls,
    )
    sent = facts.sent
    if sent is None:
        return
    wall = extraction.spec.x_wall
    walls = []
    if wall:
        ends = [wall, wall + np.sign(wall) * septum.magnetic_thickness]
        walls = [(1e3 * ends[0], "wall"), (1e3 * ends[1], "")]
    caption = (
        f"The same particles at the entrance of '{septum.magnetic_at}', after the kick of {1e3 * septum.kick:g} "
        "mrad. Look for: every particle beyond the wall."
    )
    yield _bar(
        "spill-bar-ms",
        "Extracted beam at the magnetic septum",
        caption,
        sent[:, 0],
        sent[:, 1] / (1 + sent[:, 5]),
        walls,
    )


def _bar(id: str, title: str, caption: str, x: Array, angle: Array, walls: list[tuple[float, str]]) -> FigureData:
    step = max(1, len(x) // _POINTS)
    frame = pd.DataFrame({"x [mm]": 1e3 * x, "x' [mrad]": 1e3 * angle})
    drawing = bar_drawing(1e3 * x[::step], 1e3 * angle[::step], "x [mm]", "x' [mrad]", walls)
    return _drawn(id, title, caption, figure_of(drawing), frame)


# ------------------------------------------------------------------------------------------------ driver and beam


def _film(facts: SpillFacts) -> Iterator[FigureData]:
    """The Steinbach diagram while the driver works: where what still circulates stands, and the wedge."""
    spill, case = facts.spill, facts.case
    step = max(1, len(facts.beam) // _DOTS)
    some = np.arange(0, len(facts.beam), step)
    left = np.full(len(facts.beam), np.inf)
    for table in (spill.extracted, spill.lost):
        left[table["particle"].to_numpy()] = table["time"].to_numpy()
    amplitude = _ROOT * facts.amplitude
    motion = facts.pictures.motion
    stills = []
    for time, shift, wedge in zip(motion.times, motion.stack, motion.wedge, strict=True):
        here = some[left[some] > time]
        stills.append(Still(f"{time:.3g} s", 1e3 * (facts.beam[here, 5] + shift), amplitude[here], 1e3 * wedge, time))
    table = case.stack.diagram.table.dropna(subset=["exact"]).sort_values("delta")
    tip = pd.DataFrame([{"delta": case.stack.diagram.resonant, "exact": 0.0}])
    table = pd.concat([table[["delta", "exact"]], tip]).sort_values("delta")
    heated = " Amplitudes are those at the start: RF knock-out moves particles up." * isinstance(
        facts.driver, RFKnockout
    ) + " Momenta are those at the start: buckets move particles as they pass." * isinstance(
        facts.driver, PhaseDisplacement
    )
    caption = (
        "The stack while the driver works: momentum against the magnets and amplitude of the "
        f"particles that still circulate, one in {step}; shaded: unstable, by exact triangles.{heated} Look for: "
        "what touches the wedge leaves, the largest amplitudes first."
    )
    frame = pd.concat(
        pd.DataFrame({"time": still.label, "dp/p [1e-3]": still.delta, "A [mm^1/2]": still.amplitude})
        for still in stills
    ).reset_index(drop=True)
    wedge_lines = (1e3 * table["delta"].to_numpy(), _ROOT * table["exact"].to_numpy())
    drawing = steinbach_film(
        wedge_lines, stills, len(stills) // 3, height=1.15 * _ROOT * case.stack.beam.edge_amplitude
    )
    yield _drawn("spill-steinbach", "Steinbach diagram in motion", caption, figure_of(drawing), frame)


def _momentum(facts: SpillFacts) -> FigureData:
    table = momentum_in_time(facts.spill.extracted, start=0.0, stop=facts.spill.duration, slices=24).dropna()
    time, mean, spread = (table[name].to_numpy() for name in ("time", "delta", "spread"))
    items = [
        Curve("mean", list(time), list(1e3 * mean), style.LONGITUDINAL, markers=True),
        Curve("mean + rms", list(time), list(1e3 * (mean + spread)), style.LIMIT, "dash", width=1.2),
        Curve("mean - rms", list(time), list(1e3 * (mean - spread)), style.LIMIT, "dash", width=1.2),
    ]
    caption = (
        "Momentum of what is extracted in 24 slices of time, against the reference momentum at the start. Look for: a "
        "drift, which the transport line and the energy at the patient would follow."
    )
    frame = pd.DataFrame(
        {
            "time [s]": time,
            "particles": table["count"].to_numpy(),
            "mean dp/p [1e-3]": 1e3 * mean,
            "error of the mean [1e-3]": 1e3 * table["error"].to_numpy(),
            "rms dp/p [1e-3]": 1e3 * spread,
        }
    )
    return _drawn("spill-momentum", "Momentum against time", caption, curves(items, "time [s]", "dp/p [1e-3]"), frame)


def _losses(facts: SpillFacts) -> FigureData:
    spill = facts.spill
    total = max(1, len(spill.extracted) + len(spill.lost))
    groups = spill.lost.groupby(["cause", "place", "plane", "side"]).size().sort_values(ascending=False)
    names = [f"{cause}, {place}, {side}{plane}" for cause, place, plane, side in groups.index]
    names = names or [f"wires, {facts.case.septum.at}"]
    shares = [100 * count / total for count in groups] or [0.0]
    vertical = int((spill.lost["plane"] == "y").sum())
    caption = (
        f"Losses by cause, place and plane (+x: towards positive x), in percent of the {total} particles that left the "
        f"ring; {vertical} of {len(spill.lost)} lost ones were lost vertically. The wires are looked at every turn, "
        "apertures at both ends of every element that has one. Look for: anything but the wires."
    )
    frame = pd.DataFrame(
        {"cause, place and plane": names, "particles": [int(n) for n in groups] or [0], "share [%]": shares}
    )
    return _drawn("spill-losses", "Losses of the spill", caption, bars(names, shares, "lost [%]"), frame)


# ------------------------------------------------------------------------------------- response, drivers, engines


def _response(facts: SpillFacts) -> Iterator[FigureData]:
    found = facts.response
    if found is None:
        return
    table = found.transfer
    columns = {name: table[name].to_numpy() for name in ("frequency", "gain", "gain_error", "expected")}
    caption = (
        f"Modulation of the rate over relative ripple of '{found.parameter}': {found.particles} particles that leave "
        f"within {found.window:g} s of an evenly driven spill, ripple at all these frequencies at once. Dashed: 2 pi f "
        "times the shift of the leaving momentum over the speed of the stack, as if particles left at once. Bars: one "
        "standard error. Look for: where it falls below; faster ripple is smoothed by the time particles take to leave."
    )
    frame = pd.DataFrame(
        {
            "frequency [Hz]": columns["frequency"],
            "ripple [1]": table["ripple"],
            "depth [1]": table["depth"],
            "gain [1]": columns["gain"],
            "its error [1]": columns["gain_error"],
            "expected [1]": columns["expected"],
            "phase [rad]": table["phase"],
            "chance without modulation [1]": table["p_value"],
        }
    )
    drawing = response_drawing(columns["frequency"], columns["gain"], columns["gain_error"], columns["expected"])
    yield _drawn(
        "spill-response", f"From ripple of '{found.parameter}' to the spill", caption, figure_of(drawing), frame
    )
    yield _supplies(facts)


def _supplies(facts: SpillFacts) -> FigureData:
    found = facts.response
    assert found is not None
    table, speed = found.families, abs(facts.case.speed)
    expected = 2 * np.pi * _AT * np.abs(table["shift"].to_numpy()) / speed * _PER_MICRO
    tracked = table["gain"].to_numpy() * _AT / table["frequency"].to_numpy() * _PER_MICRO
    names = [*table["family"], "all magnets"]
    expected = np.append(expected, 2 * np.pi * _AT / speed * _PER_MICRO)
    tracked = np.append(tracked, np.nan)
    caption = (
        f"Modulation of the spill's rate at {_AT:g} Hz by ripple of 1e-6 of each family, all else steady. Expected: "
        "2 pi f times the change of the momentum at which the middle amplitude leaves, by exact triangles, over the "
        "speed of the stack; tracked: each family with a line of its own in one slice of the spill. Look for: the "
        "supply that needs the most care; the table gives what 1e-4 does to the leaving momentum."
    )
    frame = pd.DataFrame(
        {
            "family": names,
            "change of the leaving momentum per 1e-4 [1e-6]": np.append(1e2 * table["shift"].to_numpy(), -1e2),
            "modulation expected [%]": 1e2 * expected,
            "modulation tracked [%]": 1e2 * tracked,
            "its error [%]": np.append(
                1e2 * (table["gain_error"] * _AT / table["frequency"]).to_numpy() * _PER_MICRO, np.nan
            ),
        }
    )
    drawing = paired_bars(
        names, 1e2 * expected, 1e2 * tracked, ("expected", "tracked"), f"modulation at {_AT:g} Hz per 1e-6 [%]"
    )
    return _drawn("spill-supplies", "What each supply does to the spill", caption, figure_of(drawing), frame)


def _drivers(facts: SpillFacts) -> FigureData:
    spills = {facts.case.spec.driver: facts.spill, **facts.others}
    shown = {name: spill for name, spill in spills.items() if len(spill.extracted)}
    panels = [(f"{name}: {_told(spill)}", _panel(spill, 50)) for name, spill in shown.items()]
    caption = (
        f"Rates of {len(shown)} drivers over the same time, in fifty bins each"
        + (", programmes shaped for an even rate where that can be done" if facts.case.spec.shaped else "")
        + f". {facts.spill.particles} particles for the first, {facts.case.spec.compare_particles} for the others. "
        "Look for: how even each is beside the scatter of so few particles."
    )
    frame = pd.concat(
        pd.DataFrame(
            {
                "driver": name,
                "time [s]": spill.extracted["time"],
                "x [mm]": 1e3 * spill.extracted["x"],
                "x' [mrad]": 1e3 * angles(spill.extracted),
                "dp/p [1e-3]": 1e3 * spill.extracted["delta"],
            }
        )
        for name, spill in shown.items()
    ).reset_index(drop=True)
    return _drawn("spill-drivers", "Drivers side by side", caption, figure_of(stacked_rates(panels)), frame)


def _told(spill: Spill) -> str:
    gone = len(spill.extracted) + len(spill.lost)
    return f"{len(spill.extracted)} of {spill.particles} extracted, {len(spill.lost) / max(1, gone):.1%} lost"


def _engines(facts: SpillFacts) -> Iterator[FigureData]:
    found = facts.agreement
    if found is None or not min(len(found.ours.extracted), len(found.theirs.extracted)):
        return
    ours, theirs = tables = found.ours.extracted, found.theirs.extracted
    turns = ours["turn"].to_numpy(dtype=float), theirs["turn"].to_numpy(dtype=float)
    drawing = cumulative_drawing(
        [("turn of extraction", *turns), ("x' at the septum [mrad]", 1e3 * angles(ours), 1e3 * angles(theirs))]
    )
    caption = (
        f"The same {found.ours.particles} particles, the driver's programme shortened to {found.ours.turns} turns, "
        "by the fast tracker and by Xsuite element by element. Chances of such a difference by sampling alone: "
        f"{found.turn[1]:.2g} and {found.angle[1]:.2g}. Look for: dots on the line."
    )
    frame = pd.concat(
        pd.DataFrame(
            {
                "tracker": name,
                "particle": one["particle"],
                "turn": one["turn"],
                "x [mm]": 1e3 * one["x"],
                "x' [mrad]": 1e3 * angles(one),
            }
        )
        for name, one in zip(("fast", "Xsuite"), tables, strict=True)
    ).reset_index(drop=True)
    yield _drawn("engines-spill", "Spill by both trackers", caption, figure_of(drawing), frame)
