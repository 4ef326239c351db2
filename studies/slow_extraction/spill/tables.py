"""Tables of the tracked spill; a heading carries its unit in brackets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from extraction.spill.beam import beam_statistics
from extraction.spill.losses import efficiency, particle_balance
from extraction.spill.rate import duty_factor, spill_rate
from lattice import HadronOpticsError
from studies.results import TableData
from studies.slow_extraction.spill.facts import SpillFacts
from studies.slow_extraction.spill.quantities import FEWEST, WIDER_BINS

if TYPE_CHECKING:
    from extraction.spill.tracking import Spill

_PLANES = ("x", "y")


def spill_tables(facts: SpillFacts) -> Iterator[TableData]:
    """Balance, extracted beam, drivers side by side, both trackers."""
    yield _balance(facts)
    yield from _beam(facts)
    if facts.others:
        yield _drivers(facts)
    yield from _engines(facts)


def _known(value: float) -> float:
    """To five digits: no sample knows more."""
    return float(f"{value:.5g}")


def _balance(facts: SpillFacts) -> TableData:
    spill = facts.spill
    table = particle_balance(spill.particles, spill.extracted, spill.lost)
    frame = pd.DataFrame(
        {
            **{word: table[word] for word in ("what", "place", "cause", "plane", "side")},
            "particles": table["count"],
            **{
                f"{name} [%]": (1e2 * table[column]).round(3)
                for name, column in (("share", "fraction"), ("lower", "lower"), ("upper", "upper"))
            },
        }
    )
    caption = (
        f"Of {spill.particles} particles in {spill.duration:.6g} s ({spill.turns} turns); shares of all, with the 95 % "
        "interval of a sample of this size (Wilson). A loss is in the plane in which the particle fills more of the "
        "half opening where it was lost; side: of positive or negative x or y."
    )
    return TableData("spill-balance", "Where the particles went", caption, frame)


def _beam(facts: SpillFacts) -> Iterator[TableData]:
    try:
        found = beam_statistics(facts.spill.extracted)
    except HadronOpticsError:
        return
    rows = []
    for plane in _PLANES:
        one = getattr(found, plane)
        rows += [
            (plane, "rms emittance, geometric [mm mrad]", 1e6 * one.emittance),
            (plane, "its standard error [mm mrad]", 1e6 * one.emittance_error),
            (plane, "with dispersion [mm mrad]", 1e6 * one.total_emittance),
            (plane, "beta [m]", one.beta),
            (plane, "alpha [1]", one.alpha),
            (plane, "D [m]", one.dispersion),
            (plane, "D' [1]", one.dispersion_px),
            (plane, "centre [mm]", 1e3 * one.mean),
            (plane, "centre of the angle [mrad]", 1e3 * one.mean_px),
        ]
    rows += [("dp/p", "mean [1e-3]", 1e3 * found.delta), ("dp/p", "rms [1e-3]", 1e3 * found.sigma_delta)]
    caption = (
        f"Statistics of {found.count} extracted particles at the entrance of '{facts.case.septum.at}', before its "
        "kick: what a transport line may start from. Angles are px and py in units of the reference momentum."
    )
    frame = pd.DataFrame([(*words, _known(value)) for *words, value in rows], columns=["plane", "what", "value"])
    yield TableData("spill-beam", "The extracted beam", caption, frame)


def _drivers(facts: SpillFacts) -> TableData:
    spills = {facts.case.spec.driver: facts.spill, **facts.others}
    caption = (
        "Every driver over the same time with the same ripple; RF knock-out works on a stack "
        f"{1e3 * facts.case.spec.knockout.momentum_spread:g}e-3 wide. Duty factor in "
        f"{1e3 * facts.case.spec.bin_s:g} ms, and in wider bins, over the middle 90 %, freed of counting statistics. "
        "Noise of RF knock-out moves all particles near the separatrix together: its rate fluctuates within "
        "milliseconds, and wider bins are more even. Shaped to: the "
        "duty factor of the shape alone, in 24 bins from the first particle to the end. The wires stand "
        "as the study turned them, which a driver that does not keep the extracted momentum would not choose."
    )
    rows = [
        {key: _known(value) if isinstance(value, float) else value for key, value in _driver(*one, facts).items()}
        for one in spills.items()
    ]
    return TableData("spill-drivers-table", "Drivers side by side", caption, pd.DataFrame(rows))


def _driver(name: str, spill: Spill, facts: SpillFacts) -> dict[str, object]:
    out, nothing = spill.extracted, float("nan")
    shaped = facts.shaping.get(name)
    row: dict[str, object] = {
        "driver": name,
        "shaped to": shaped.duty_factor.possible if shaped else nothing,
        "particles": spill.particles,
        "extracted": len(out),
        "lost": len(spill.lost),
        "efficiency [%]": nothing,
        "duty factor": nothing,
        "its error": nothing,
        **{_in_bins(width): nothing for width in WIDER_BINS.values()},
        **{f"error, {1e3 * width:g} ms": nothing for width in WIDER_BINS.values()},
        "length [s]": nothing,
        "rms dp/p [1e-3]": nothing,
        "rms x [mm]": nothing,
        "rms x' [mrad]": nothing,
    }
    if len(out) + len(spill.lost):
        row["efficiency [%]"] = 1e2 * efficiency(out, spill.lost).value
    if len(out) < 20:
        return row
    start, stop = (float(value) for value in np.quantile(out["time"], [0.05, 0.95]))
    row |= {"length [s]": stop - start, "rms dp/p [1e-3]": 1e3 * float(out["delta"].std())}
    row |= {"rms x [mm]": 1e3 * float(out["x"].std())}
    row |= {"rms x' [mrad]": 1e3 * float((out["px"] / (1 + out["delta"])).std())}
    for width, least, value, error in (
        (facts.case.spec.bin_s, 1, "duty factor", "its error"),
        *((width, FEWEST, _in_bins(width), f"error, {1e3 * width:g} ms") for width in WIDER_BINS.values()),
    ):
        if stop - start > least * width:
            evenness = duty_factor(spill_rate(out["time"].to_numpy(), start=start, stop=stop, width=width).counts)
            row |= {value: evenness.possible, error: evenness.error}
    return row


def _in_bins(width: float) -> str:
    return f"duty factor, {1e3 * width:g} ms"


def _means(extracted: pd.DataFrame) -> dict[str, float]:
    return {
        "mean turn of extraction": float(extracted["turn"].mean()),
        "mean x [mm]": 1e3 * float(extracted["x"].mean()),
        "mean x' [mrad]": 1e3 * float((extracted["px"] / (1 + extracted["delta"])).mean()),
    }


def _engines(facts: SpillFacts) -> Iterator[TableData]:
    found = facts.agreement
    if found is None:
        return
    rows: list[tuple[str, float, float]] = [
        ("particles extracted", len(found.ours.extracted), len(found.theirs.extracted)),
        ("particles lost", len(found.ours.lost), len(found.theirs.lost)),
    ]
    if min(len(found.ours.extracted), len(found.theirs.extracted)):
        ours, theirs = (_means(one) for one in (found.ours.extracted, found.theirs.extracted))
        rows += [(what, ours[what], theirs[what]) for what in ours]
    frame = pd.DataFrame(
        [(name, _known(a), _known(b)) for name, a, b in rows], columns=["what", "fast tracker", "Xsuite"]
    )
    caption = (
        f"The same {found.ours.particles} particles, the programme shortened to {found.ours.turns} turns. Distance of "
        f"the cumulative distributions and chance of such a one (Kolmogorov-Smirnov): turns {found.turn[0]:.3f} and "
        f"{found.turn[1]:.3g}, angles {found.angle[0]:.3f} and {found.angle[1]:.3g}. Particle by particle: "
        f"{found.other_fate:.1%} are extracted by one tracker only, the others in turns {found.apart:g} apart (median)."
    )
    yield TableData("engines-spill-table", "Spill by both trackers", caption, frame)
