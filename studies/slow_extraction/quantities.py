"""Quantities of the extraction study, each with the error it is known to and the engines it rests on.

The error of what both engines give is their largest difference over the momenta that both solved; what follows from
it (losses, spreads, room) inherits it. Leading-order numbers and samples say so in their method.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from math import isfinite, pi, sqrt
from typing import Any

import numpy as np

from extraction.resonance.modes import advance
from extraction.resonance.momenta import Case
from extraction.septum import crossing_angle, early_hit
from lattice import HadronOpticsError, InputError
from lattice.arrays import Array
from optics.statistics import TWO_SIDED, spread
from studies.judging import ALONE, BOTH, FORMULA, ROUNDING, Number, evaluated
from studies.results import Quantity
from studies.ring_optics.quantities import evaluate as evaluate_optics
from studies.slow_extraction.energies import AtEnergy, without_steps
from studies.slow_extraction.facts import ExtractionFacts
from studies.vocabulary import EXTRACTION

USUAL = (
    "qx",
    "qy",
    "dqx",
    "dqy",
    "tune_distance",
    *EXTRACTION,
)


def evaluate(names: Iterable[str], facts: ExtractionFacts) -> tuple[Quantity, ...]:
    """Each quantity of ``names`` once, in order; what cannot be computed has no value, and its method says why."""
    found: list[Quantity] = []
    for name in dict.fromkeys(names):
        found += evaluated([name], _NUMBERS, facts) if name in EXTRACTION else evaluate_optics([name], facts.optics)
    return tuple(_placed(quantity, facts) for quantity in found)


def _placed(quantity: Quantity, facts: ExtractionFacts) -> Quantity:
    """With the septum that it is found at, where it is one of a septum's."""
    septum = {_WIRES: facts.septum.at, _MAGNETIC: facts.septum.magnetic_at}.get(_SEPTA.get(quantity.name, ""), "")
    return replace(quantity, at=quantity.at or septum or "")


_WIRES, _MAGNETIC = "wires", "magnetic"
#: Which septum a quantity is of.
_SEPTA: Mapping[str, str] = {
    **dict.fromkeys(("least_spiral_step", "largest_spiral_step", "spiral_step", "wire_loss", "crossing_angle"), _WIRES),
    **dict.fromkeys(("largest_es_field", "worst_spiral_step", "worst_wire_loss"), _WIRES),
    **dict.fromkeys(("septum_gap", "wall_clearance", "largest_ms_field"), _MAGNETIC),
}


def _known(value: float | HadronOpticsError) -> float:
    """The number; raises what stands in its place."""
    if isinstance(value, HadronOpticsError):
        raise value
    return value


def _compared(
    value: float, facts: ExtractionFacts, difference: Callable[[Any], Any], method: str, figure: str
) -> Number:
    rounding = ROUNDING * max(1e-3, abs(value))
    if not facts.engines.rows:
        return Number(value, rounding, ALONE, f"{method}; error: rounding only, for {facts.engines.alone}", figure)
    return Number(value, facts.engines.largest(difference) + rounding, BOTH, method, figure)


# ---------------------------------------------------------------------------------------- every working point


def _points(facts: ExtractionFacts) -> tuple[AtEnergy, ...]:
    """All working points; InputError where they were not asked for."""
    if not facts.points:
        raise InputError("no working points of the machine were looked at")
    return facts.points


def _field(attribute: str, law: str, figure: str) -> Callable[[ExtractionFacts], Number]:
    def number(facts: ExtractionFacts) -> Number:
        worst = max(_points(facts), key=lambda point: float(getattr(point, attribute)))
        value = float(getattr(worst, attribute))
        if not isfinite(value):
            raise InputError("its length or its kick is not known")
        return Number(value, ROUNDING * value, FORMULA, f"{law}, of {worst.name}", figure)

    return number


def _with_steps(facts: ExtractionFacts) -> tuple[AtEnergy, ...]:
    """All working points; InputError when nothing is extracted at one of them, for then nothing holds for all."""
    points = _points(facts)
    if missing := list(without_steps(points)):
        raise InputError(f"{len(missing)} of {len(points)} working points have no extraction: {missing[0]}")
    return points


def _worst_step(facts: ExtractionFacts) -> Number:
    points = _with_steps(facts)
    worst = min(points, key=lambda point: min(point.steps))
    value = min(worst.steps)
    error = facts.engines.largest(_position_error) + ROUNDING * max(1e-3, value)
    return Number(value, error, ALONE, f"{_of(points)}: {worst.name}; {_HERE}", "energies-step")


def _worst_loss(facts: ExtractionFacts) -> Number:
    points = _with_steps(facts)
    for point in points:
        if point.early is not None:
            raise InputError(f"{point.name}: the beam hits the wires before its turn at dp/p = {point.early:.4g}")
    worst = max(points, key=lambda point: point.loss)
    step, length = min(worst.steps), facts.septum.length

    def difference(row: Any) -> float:
        return (worst.loss * abs(_position_error(row)) + length * abs(_angle_error(row))) / step

    error = facts.engines.largest(difference) + ROUNDING * max(1e-3, worst.loss)
    sampling = TWO_SIDED * float(np.std(worst.losses)) / sqrt(len(worst.losses))
    method = f"{_of(points)}: {worst.name}; {_HERE}, and sampling"
    return Number(worst.loss, error, ALONE, method, "energies-loss", statistical=sampling)


_HERE = "error: that of the engines at the study's own"


def _of(points: Sequence[AtEnergy]) -> str:
    return f"worst of {len(points)} working points, normalised strengths as here"


# ----------------------------------------------------------------------------------------------- the resonance


def _resonant_momentum(facts: ExtractionFacts) -> Number:
    if facts.steinbach is None:
        raise InputError(facts.no_steinbach)
    verification = facts.optics.compared.verification
    value, chromaticity = facts.steinbach.resonant, abs(float(facts.optics.optics.dqx))
    method = "root of Qx(dp/p) - n/3, exact in dp/p; error: that of the tune over the chromaticity"
    if verification is None:
        return Number(value, 1e-12, ALONE, method, "steinbach-diagram")
    tunes = abs(verification.ours.qx - verification.reference.qx)
    return Number(value, tunes / chromaticity + 1e-12, BOTH, method, "steinbach-diagram")


def _virtual_sextupole(facts: ExtractionFacts) -> Number:
    value = facts.resonance.virtual_sextupole
    method = "sum over all sextupoles, averaged over their length; leading order; error: Simpson's rule, rounding"
    return Number(value, 1e-6 * value, ALONE, method, "resonance-shares")


def _virtual_phase(facts: ExtractionFacts) -> Number:
    return Number(facts.resonance.virtual_phase, 1e-7, ALONE, "phase of the same sum", "resonance-shares")


def _stable_area(facts: ExtractionFacts) -> Number:
    method = f"triangle of the exact fixed points at dp/p = {facts.design.delta:g} (not twice it)"
    value = facts.resonance.stable_area
    return _compared(value, facts, lambda row: row.residuals.area * value, method, "phase-es")


def _kobayashi_area(facts: ExtractionFacts) -> Number:
    value = facts.resonance.kobayashi.stable_area
    ratio = facts.resonance.stable_area / value
    method = f"48 sqrt(3) pi^2 (dQ/S)^2; the exact area is {ratio:.4f} of it; error: of the virtual sextupole"
    return Number(value, 2e-6 * value, FORMULA, method, "phase-es")


def _enclosed_area(facts: ExtractionFacts) -> Number:
    value = facts.resonance.enclosed_area
    method = "polygon along the inner branches of the tracked separatrices; error: a thousandth, its corners"
    return Number(value, 1e-3 * value, ALONE, method, "phase-es")


# ------------------------------------------------------------------------------------------------- the arm


def _angle_error(row: Any) -> float:
    return float(row.our_arm.px - row.arm.px)


def _position_error(row: Any) -> float:
    return float(row.our_arm.after[3, 0] - row.arm.after[0])


def _of_arm(
    value: Callable[[ExtractionFacts], float], text: str, difference: Callable[[Any], Any]
) -> Callable[[ExtractionFacts], Number]:
    def number(facts: ExtractionFacts) -> Number:
        method = f"{text}, at x = {1e3 * facts.septum.position:g} mm, dp/p = {facts.design.delta:g}"
        return _compared(value(facts), facts, difference, method, "phase-es")

    return number


def _shape(attribute: str, text: str) -> Callable[[ExtractionFacts], Number]:
    def number(facts: ExtractionFacts) -> Number:
        value = float(getattr(facts.arm, attribute)) / (1.0 + facts.design.delta)  # x' = px / (1 + dp/p)
        method = f"{text}, derivative of the polynomial through tracked points; error: a thousandth"
        return Number(value, 1e-3 * abs(value), ALONE, method, "phase-es")

    return number


def _kobayashi_step(facts: ExtractionFacts) -> Number:
    value = facts.resonance.kobayashi.spiral_step(facts.septum.position)
    method = f"(3/4)|S| sqrt(betx) X A; the exact step is {facts.arm.spiral_step / value:.4f} of it"
    return Number(value, 1e-6 * abs(value), FORMULA, method, "steps-tune")


def _all_momenta(facts: ExtractionFacts) -> tuple[Case, ...]:
    """The extracted momenta; InputError when one has no arm at the wires, for then nothing holds for all of them."""
    missing = [case for case in facts.cases if case.arm is None]
    if missing:
        raise InputError(
            f"{len(missing)} of {len(facts.cases)} momenta have no arm at the wires, dp/p = {missing[0].delta:.4g} for "
            f"one: {missing[0].reason}"
        )
    return facts.found


def _steps(facts: ExtractionFacts, choose: Callable[[list[float]], float], word: str) -> Number:
    value = choose([case.arm.spiral_step for case in _all_momenta(facts) if case.arm])
    return _compared(value, facts, _position_error, f"{word} of {len(facts.found)} momenta", "steps-momentum")


def _arm_divergence(facts: ExtractionFacts) -> Number:
    middle = facts.found[len(facts.found) // 2].delta
    value = _known(facts.divergence)
    method = f"central difference of tracked arms at dp/p = {middle:.4g}; error: the engines' over all momenta, and 1 %"
    spread = max(facts.found[-1].delta - facts.found[0].delta, 1e-4)
    number = _compared(value, facts, lambda row: 2 * _angle_error(row) / spread, method, "hardt-momentum")
    return replace(number, numerical=number.numerical + 1e-2 * abs(value))


def _hardt_residual(facts: ExtractionFacts) -> Number:
    value = _known(facts.hardt)
    method = "n . (D_n, D_n') + 4 pi sign(dQ) Q'/|S|, leading order; error: of the virtual sextupole"
    return Number(value, 1e-6, ALONE, method, "hardt-chromaticity")


def _angle_spread(facts: ExtractionFacts) -> Number:
    angles = [case.angle for case in _all_momenta(facts)]
    momenta = f"of {len(angles)} extracted momenta, {facts.found[0].delta:.4g} to {facts.found[-1].delta:.4g}"
    method = f"{momenta}{_never_aligned(facts)}"
    number = _compared(max(angles) - min(angles), facts, _angle_error, method, "hardt-momentum")
    return replace(number, numerical=2 * number.numerical)


def _never_aligned(facts: ExtractionFacts) -> str:
    """Why no phase of the sextupoles aligns the arms, where the dispersion at the wires is too small for it."""
    chromaticity = float(facts.optics.optics.dqx)
    asked = 4 * pi * abs(chromaticity) / facts.resonance.virtual_sextupole
    if not facts.dispersion < asked:
        return ""
    return (
        f", which no phase of the sextupoles aligns: the normalised dispersion at the wires is {facts.dispersion:.2g} "
        f"m^1/2, the Hardt condition asks for {asked:.2g} m^1/2 at Q'x = {chromaticity:.3g}"
    )


# --------------------------------------------------------------------------------------------------- the septa


def _septum_angle(facts: ExtractionFacts) -> Number:
    given = facts.spec.septum_angle is not None
    method = "as given" if given else "turned to the middle of the extracted beam's angles"
    if given:
        return Number(facts.septum.angle, 0.0, FORMULA, method)
    return _compared(facts.septum.angle, facts, _angle_error, method, "phase-es")


def _crossing(facts: ExtractionFacts) -> Number:
    values = [abs(crossing_angle(facts.septum, case.arm, case.delta)) for case in _all_momenta(facts) if case.arm]
    return _compared(max(values), facts, _angle_error, "largest of all extracted momenta", "hardt-momentum")


def case_loss(case: Case, facts: ExtractionFacts) -> float:
    """Part of the particles of one momentum that hit the wires."""
    return facts.wires[case.delta].loss if case.arm else float("nan")


def losses(facts: ExtractionFacts) -> Array:
    """Loss on the wires for each extracted particle of the sample; for each momentum without one."""
    deltas, values = (np.array(v) for v in zip(*((c.delta, case_loss(c, facts)) for c in facts.found), strict=True))
    if facts.extracted is None:
        return np.asarray(values)
    return np.asarray(np.interp(facts.extracted.delta, deltas, values))


def _wire_loss(facts: ExtractionFacts) -> Number:
    for case in _all_momenta(facts):
        if case.arm and (hit := early_hit(facts.septum, case.arm, case.delta)):
            raise InputError(
                f"at dp/p = {case.delta:.4g} the beam hits the wires before its turn, on another arm: it passes their "
                f"entrance at x = {1e3 * hit[0]:.4g} mm with x' = {1e3 * hit[1]:.4g} mrad and reaches them within "
                f"{facts.septum.length:g} m. The tracked spill counts such losses; shorter wires, or another angle or "
                "position of them, avoid them"
            )
    values = losses(facts)
    beam = f"{len(values)} particles of the sampled beam" if facts.extracted else f"{len(values)} momenta"
    method = f"time between the wires' faces over three turns, wires of {_wires(facts)}; mean of {beam}"
    value = float(np.mean(values))
    sampling = TWO_SIDED * float(np.std(values)) / sqrt(len(values))
    step = min(case.arm.spiral_step for case in facts.found if case.arm)

    def difference(row: Any) -> float:
        return value * abs(_position_error(row)) / step + facts.septum.length * abs(_angle_error(row)) / step

    number = _compared(value, facts, difference, f"{method}; error: engines and sampling", "losses-wires")
    return replace(number, statistical=sampling)


def _wires(facts: ExtractionFacts) -> str:
    return f"{1e3 * facts.septum.thickness:g} mm over {facts.septum.length:g} m"


def _gap(facts: ExtractionFacts) -> Number:
    gaps = [case.transport.gap for case in _all_momenta(facts) if case.transport]
    if not gaps:
        raise InputError("the study names no magnetic septum")
    method = f"at '{facts.septum.magnetic_at}', least of {len(gaps)} momenta, kick {1e3 * facts.septum.kick:g} mrad"
    return _compared(min(gaps), facts, lambda row: row.our_transport.gap - row.transport.gap, method, "phase-ms")


def _wall_clearance(facts: ExtractionFacts) -> Number:
    sent = [case.transport for case in _all_momenta(facts) if case.transport]
    if not sent:
        raise InputError("the study names no magnetic septum")
    if not facts.spec.x_wall:
        raise InputError("the position of the magnetic septum's wall is not known: give extraction.x_wall")
    wall, side = abs(facts.spec.x_wall), float(np.sign(facts.spec.x_wall))
    outside = min(side * one.extracted[0] for one in sent) - wall - facts.septum.magnetic_thickness
    inside = wall - float(np.max(side * facts.turns.at_wall))
    which = "extracted" if outside < inside else "circulating"
    method = f"least of circulating ({1e3 * inside:.2f} mm) and extracted beam ({1e3 * outside:.2f} mm): {which}"

    def difference(row: Any) -> float:
        ours, theirs = row.our_transport, row.transport
        return float(
            np.max(np.abs([ours.extracted[0] - theirs.extracted[0], ours.circulating[0] - theirs.circulating[0]]))
        )

    return _compared(min(inside, outside), facts, difference, method, "phase-ms")


def _phase_between(facts: ExtractionFacts) -> Number:
    if facts.design.transport is None:
        raise InputError("the study names no magnetic septum")
    return Number(facts.design.transport.phase_advance, 1e-9, ALONE, "from entrance to entrance", "phase-ms")


def _phase_to_septum(facts: ExtractionFacts) -> Number:
    strongest = max(facts.resonance.shares, key=lambda share: share.strength)
    optics = facts.resonance.optics
    value = advance(optics, strongest.element, facts.septum.at, facts.resonance.mode.number)
    return Number(value, 1e-9, ALONE, f"from the entrance of '{strongest.element}', the strongest", "resonance-shares")


def _last_turns(facts: ExtractionFacts) -> Number:
    _all_momenta(facts)
    nearest = facts.turns.nearest
    room, place = float(nearest["room"]), f"'{nearest['element']}', turn {nearest['turn']}"
    at = str(nearest["element"])
    if facts.turns.into_gap < room:
        room, place, at = facts.turns.into_gap, f"the cathode of '{facts.septum.at}'", facts.septum.at
    if facts.turns.in_y[0] < room:
        room, place, at = facts.turns.in_y[0], f"'{facts.turns.in_y[1]}' in y", str(facts.turns.in_y[1])
    method = f"at {place}, dp/p = {nearest['delta']:.4g}; ends of all elements, three turns from the wires"
    return replace(_compared(room, facts, _position_error, method, "turns-last"), at=at)


def _emittance(facts: ExtractionFacts) -> Number:
    if facts.extracted is None:
        raise InputError(facts.no_steinbach or "too few momenta have an arm at the wires")
    value, count = facts.extracted.emittance, len(facts.extracted.delta)
    method = f"geometric, {count} sampled particles; error: sampling"
    return Number(value, ROUNDING * value, ALONE, method, "phase-es", statistical=TWO_SIDED * value / sqrt(count))


def _spread(facts: ExtractionFacts) -> Number:
    if facts.extracted is None:
        raise InputError(facts.no_steinbach or "too few momenta have an arm at the wires")
    leaving = facts.steinbach.leaving if facts.steinbach else facts.extracted.delta
    found = leaving[np.isfinite(leaving)]
    value, sampling = spread(found)
    method = f"{len(found)} sampled particles; error: sampling"
    return Number(value, ROUNDING * value, ALONE, method, "steinbach-diagram", statistical=sampling)


# ------------------------------------------------------------------------------------------- agreement of the engines


def _residual(attribute: str, text: str) -> Callable[[ExtractionFacts], Number]:
    def number(facts: ExtractionFacts) -> Number:
        if not facts.engines.rows:
            raise InputError(f"there is nothing to compare with: {facts.engines.alone}")
        method = f"{text}, largest of {len(facts.engines.rows)} momenta; error: of Xsuite's differences"
        return Number(float(getattr(facts.engines, attribute)), 1e-8, BOTH, method, "engines-extraction")

    return number


_NUMBERS: Mapping[str, Callable[[ExtractionFacts], Number]] = {
    "largest_es_field": _field("electric", "kick B rho beta c / length of the wires", "energies-field"),
    "largest_ms_field": _field("magnetic", "kick B rho / length of the magnetic septum", "energies-magnetic"),
    "worst_spiral_step": _worst_step,
    "worst_wire_loss": _worst_loss,
    "resonant_momentum": _resonant_momentum,
    "virtual_sextupole": _virtual_sextupole,
    "virtual_phase": _virtual_phase,
    "stable_area": _stable_area,
    "kobayashi_area": _kobayashi_area,
    "enclosed_area": _enclosed_area,
    "arm_angle": _of_arm(lambda facts: facts.design.angle, "tracked arm", _angle_error),
    "arm_slope": _shape("slope", "along the arm"),
    "arm_curvature": _shape("curvature", "along the arm"),
    "arm_divergence": _arm_divergence,
    "arm_angle_spread": _angle_spread,
    "hardt_residual": _hardt_residual,
    "spiral_step": _of_arm(lambda facts: facts.arm.spiral_step, "three turns tracked", _position_error),
    "kobayashi_step": _kobayashi_step,
    "least_spiral_step": lambda facts: _steps(facts, min, "least"),
    "largest_spiral_step": lambda facts: _steps(facts, max, "largest"),
    "spiral_kick": _of_arm(
        lambda facts: facts.design.turned,
        "three turns tracked",
        lambda row: row.our_arm.after[3, 1] - row.arm.after[1] - _angle_error(row),
    ),
    "septum_angle": _septum_angle,
    "crossing_angle": _crossing,
    "wire_loss": _wire_loss,
    "septum_gap": _gap,
    "wall_clearance": _wall_clearance,
    "phase_to_septum": _phase_to_septum,
    "phase_between_septa": _phase_between,
    "last_turns_clearance": _last_turns,
    "extracted_emittance": _emittance,
    "extracted_momentum_spread": _spread,
    "residual_separatrix_xsuite": _residual("separatrix", "fixed points over the triangle's size, areas relative"),
    "residual_arm_xsuite": _residual(
        "arm", "normalised distance at the wires and three turns later over the amplitude"
    ),
}
