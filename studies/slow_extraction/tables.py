"""Tables of the extraction study; a heading carries its unit in brackets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from extraction.resonance.both_engines import ARM, SEPARATRIX
from extraction.resonance.momenta import Case
from studies.match.tables import match_tables
from studies.results import TableData
from studies.ring_optics.tables import engine_tables
from studies.slow_extraction.energies import AtEnergy
from studies.slow_extraction.facts import ExtractionFacts


def tables(facts: ExtractionFacts) -> tuple[TableData, ...]:
    """All tables of the study, the match's first."""
    return (
        *(match_tables(facts.optics.matched) if facts.optics.matched else ()),
        _points(facts),
        _momenta(facts),
        _shares(facts),
        _septa(facts),
        *_energies(facts),
        *_engines(facts),
        *engine_tables(facts.optics),
    )


def _points(facts: ExtractionFacts) -> TableData:
    """Fixed points, exact beside leading order."""
    exact, leading = facts.resonance.fixed_points, facts.resonance.kobayashi.fixed_points
    outgoing, incoming = facts.resonance.multipliers
    momentum = 1 + facts.design.delta
    frame = pd.DataFrame(
        {
            "fixed point": [1, 2, 3],
            "x exact [mm]": 1e3 * exact[:, 0],
            "x leading order [mm]": 1e3 * leading[:, 0],
            "x' exact [mrad]": 1e3 * exact[:, 1] / momentum,
            "x' leading order [mrad]": 1e3 * leading[:, 1] / momentum,
        }
    )
    caption = (
        f"At the electrostatic septum, dp/p = {facts.design.delta:g}, in the order of tracking, closed orbit included. "
        f"Multipliers over three turns {outgoing:.6f} and {incoming:.6f} (product {outgoing * incoming:.9f}); they "
        f"return to within {facts.resonance.residual:.1g} m."
    )
    return TableData("phase-points", "Fixed points", caption, frame)


def _momenta(facts: ExtractionFacts) -> TableData:
    rows = [_momentum(case, facts) for case in facts.cases]
    frame = pd.DataFrame([{key: _known(value) for key, value in row.items()} for row in rows])
    caption = (
        "Each extracted momentum at the electrostatic septum: exact, with leading order beside it. Areas are in mm "
        "mrad, those of the triangle, without a factor of pi."
    )
    return TableData("momenta-table", "Extracted momenta", caption, frame)


def _known(value: Any) -> Any:
    """A number to six digits: the engines differ in the next."""
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _momentum(case: Case, facts: ExtractionFacts) -> dict[str, Any]:
    nothing = float("nan")
    resonance, arm, sent, wires = case.resonance, case.arm, case.transport, facts.wires.get(case.delta)
    leading = resonance.kobayashi if resonance else None
    return {
        "dp/p [1e-3]": 1e3 * case.delta,
        "dQ [1e-3]": 1e3 * resonance.tune_distance if resonance else nothing,
        "orbit x [mm]": 1e3 * resonance.orbit[0] if resonance else nothing,
        "area [mm mrad]": 1e6 * resonance.stable_area if resonance else nothing,
        "area, leading order [mm mrad]": 1e6 * leading.stable_area if leading else nothing,
        "x' of the arm [mrad]": 1e3 * case.angle,
        "dx'/dx [1/m]": arm.slope / (1 + case.delta) if arm else nothing,
        "d2x'/dx2 [1/m^2]": arm.curvature / (1 + case.delta) if arm else nothing,
        "spiral step [mm]": 1e3 * arm.spiral_step if arm else nothing,
        "step, leading order [mm]": 1e3 * wires.leading_step if wires else nothing,
        "spiral kick [mrad]": 1e3 * case.turned,
        "crossing angle [mrad]": 1e3 * wires.crossing_angle if wires else nothing,
        "loss [%]": 1e2 * wires.loss if wires else nothing,
        "gap at the magnetic septum [mm]": 1e3 * sent.gap if sent else nothing,
        "why not": case.reason,
    }


def _shares(facts: ExtractionFacts) -> TableData:
    shares = sorted(facts.resonance.shares, key=lambda share: -share.strength)
    strengths = np.array([share.strength for share in shares])
    turned = 6 * np.pi * (np.array([share.phase for share in shares]) - facts.resonance.virtual_phase)
    frame = pd.DataFrame(
        {
            "element": [share.element for share in shares],
            "|S| [m^-1/2]": strengths,
            "phase from the septum [turns mod 1/3]": [share.phase for share in shares],
            "along the virtual sextupole [m^-1/2]": strengths * np.cos(turned),
        }
    )
    caption = (
        f"Together |S| = {facts.resonance.virtual_sextupole:.6g} m^-1/2 at phase {facts.resonance.virtual_phase:.6g} "
        "turns; the last column adds up to it."
    )
    return TableData("resonance-table", "Shares in the virtual sextupole", caption, frame)


def _septa(facts: ExtractionFacts) -> TableData:
    septum, spec = facts.septum, facts.spec
    rows: list[tuple[str, str, float, str]] = [
        (septum.at, "wires at", 1e3 * septum.position, "mm"),
        (septum.at, "thickness of the wires", 1e3 * septum.thickness, "mm"),
        (septum.at, "length of the wires", septum.length, "m"),
        (septum.at, "angle of the wires", 1e3 * septum.angle, "mrad"),
        (septum.at, "gap to the cathode", 1e3 * septum.gap, "mm"),
        (septum.at, "kick", 1e3 * septum.kick, "mrad"),
    ]
    if facts.field is not None:
        rows.append((septum.at, "electric field for this kick", 1e-6 * facts.field, "MV/m"))
    if septum.magnetic_at:
        rows += [
            (septum.magnetic_at, "wall at", 1e3 * (spec.x_wall or float("nan")), "mm"),
            (septum.magnetic_at, "thickness of the wall", 1e3 * septum.magnetic_thickness, "mm"),
        ]
    frame = pd.DataFrame(rows, columns=["element", "what", "value", "unit"])
    return TableData("losses-septa", "Septa", "What the study takes the septa to be.", frame)


def _energies(facts: ExtractionFacts) -> Iterator[TableData]:
    if not facts.points:
        return
    rows = [{key: _known(value) for key, value in _at_energy(point).items()} for point in facts.points]
    caption = (
        "The extraction at each species' lowest, middle and highest energy of the machine, and at the study's own. "
        "Normalised strengths are the study's at all of them (magnets scale with the rigidity), for what the machine "
        "would run at is not known; so the motion is the same, the beam is smaller by 1/(beta gamma), and the septa "
        "need other fields: E = kick B rho beta c / L, B = kick B rho / L."
    )
    yield TableData("energies-table", "Every working point of the machine", caption, pd.DataFrame(rows))


def _at_energy(point: AtEnergy) -> dict[str, Any]:
    nothing = float("nan")
    return {
        "particle": point.particle.species,
        "energy [MeV/u]": point.particle.kinetic_energy_per_u / 1e6,
        "B rho [T m]": point.particle.magnetic_rigidity,
        "emittance x [mm mrad]": 1e6 * point.emittance,
        "dp/p from [1e-3]": 1e3 * min(point.momenta, default=nothing),
        "dp/p to [1e-3]": 1e3 * max(point.momenta, default=nothing),
        "least spiral step [mm]": 1e3 * min(point.steps, default=nothing),
        "largest spiral step [mm]": 1e3 * max(point.steps, default=nothing),
        "loss [%]": 1e2 * point.loss,
        "electric field [MV/m]": 1e-6 * point.electric,
        "magnetic field [T]": point.magnetic,
        "why not": point.reason,
    }


def _engines(facts: ExtractionFacts) -> Iterator[TableData]:
    if not facts.engines.rows:
        return
    rows = []
    for row in facts.engines.rows:
        ours, theirs = (1e3 * one.px / (1 + row.delta) for one in (row.our_arm, row.arm))
        pairs = [
            ("area [mm mrad]", 1e6 * row.ours.stable_area, 1e6 * row.points.area, row.residuals.area, SEPARATRIX),
            ("fixed points, largest difference", 0.0, row.residuals.points, row.residuals.points, SEPARATRIX),
            ("x' of the arm [mrad]", ours, theirs, row.residuals.angle, ARM),
            (
                "x three turns later [mm]",
                1e3 * row.our_arm.after[3, 0],
                1e3 * row.arm.after[0],
                row.residuals.position,
                ARM,
            ),
        ]
        if row.our_transport and row.transport:
            gaps = row.our_transport.gap, row.transport.gap
            pairs.append(
                ("gap at the magnetic septum [mm]", 1e3 * gaps[0], 1e3 * gaps[1], abs(gaps[1] / gaps[0] - 1), ARM)
            )
        rows += [(1e3 * row.delta, *pair[:4], pair[4], pair[3] <= pair[4]) for pair in pairs]
    columns = ["dp/p [1e-3]", "quantity", "own maps", "Xsuite", "relative difference", "tolerance", "within"]
    caption = (
        f"Both engines on the same lattice ({facts.engines.name}: exact drifts, 28 kicks a quadrupole or sextupole). "
        "Fixed points: distance in normalised coordinates over the size of the triangle; arm: over the amplitude at "
        "the wires."
    )
    yield TableData(
        "engines-extraction-table", "Extraction by both engines", caption, pd.DataFrame(rows, columns=columns)
    )
