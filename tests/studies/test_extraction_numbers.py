"""Numbers of the extraction study by hand, value and error: made-up facts with wires at negative x."""

from __future__ import annotations

from dataclasses import replace
from math import pi, sqrt
from types import SimpleNamespace

import numpy as np
import pytest

from extraction.resonance.both_engines import Engines
from extraction.resonance.kobayashi import Kobayashi
from extraction.resonance.momenta import Case
from extraction.resonance.steinbach import ExtractedBeam
from lattice import NoSolution
from studies.judging import ALONE, BOTH, FORMULA
from studies.results import Quantity
from studies.slow_extraction.facts import ExtractionFacts
from studies.slow_extraction.quantities import evaluate
from studies.slow_extraction.wires import at_wires
from studies.vocabulary import EXTRACTION
from tests.studies import extraction_made as made

#: Rounding that is added to what both engines give, 1e-12 of the value and no less than 1e-15, is lost in this.
NEARLY = 1e-7


Z = 1.959963984540054  # of 95 %


def found(name: str, facts: ExtractionFacts | None = None) -> Quantity:
    quantity = evaluate([name], facts or made.facts())[0]
    assert quantity.value is not None, quantity.method
    return quantity


def check(name: str, value: float, error: float, engine: str = BOTH, facts: ExtractionFacts | None = None) -> None:
    """Value and error of a quantity, and what it rests on."""
    quantity = found(name, facts)
    assert quantity.value == pytest.approx(value, rel=1e-12)
    assert quantity.error == pytest.approx(error, rel=NEARLY)
    assert quantity.engine == engine


def why_not(name: str, facts: ExtractionFacts) -> str:
    """The reason in place of a number."""
    quantity = evaluate([name], facts)[0]
    assert quantity.value is None
    return quantity.method


# ----------------------------------------------------------------------------------------------- the resonance


@pytest.mark.number("resonant_momentum", by="by hand")
def test_resonant_momentum_is_known_as_the_tune_is_over_the_chromaticity() -> None:
    """The engines' tunes are 8e-9 apart: 2e-9 of dp/p at Q' = -4, and 1e-12 of the root."""
    check("resonant_momentum", -3e-4, 2e-9 + 1e-12)
    facts = made.facts()
    facts.optics.compared.verification = None  # type: ignore[misc]
    check("resonant_momentum", -3e-4, 1e-12, ALONE, facts)
    nothing = made.facts(steinbach=None, no_steinbach="no triangle here")
    assert "no triangle here" in why_not("resonant_momentum", nothing)


@pytest.mark.number("virtual_sextupole", "virtual_phase", "enclosed_area", by="by hand")
def test_the_resonance_is_that_of_the_design_momentum() -> None:
    """|S| 12 to a millionth; the design is the second of three, its triangle 12e-6 m, 1.1 times that with its arms."""
    check("virtual_sextupole", 12.0, 12e-6, ALONE)
    check("virtual_phase", 0.05, 1e-7, ALONE)
    check("enclosed_area", 13.2e-6, 13.2e-9, ALONE)


@pytest.mark.number("stable_area", by="by hand")
def test_the_areas_error_is_the_largest_of_the_engines_relative_differences() -> None:
    """4e-9 of 12e-6 at the design momentum, 1e-9 of 18e-6 at the other."""
    check("stable_area", 12e-6, 4e-9)
    check("stable_area", 12e-6, 1e-15, ALONE, made.alone())


@pytest.mark.number("kobayashi_area", by="closed form")
def test_leading_order_area() -> None:
    """48 sqrt(3) pi^2 (dQ/S)^2 of dQ = -2e-3 and |S| = 12."""
    area = 48 * sqrt(3) * pi**2 * (2e-3 / 12) ** 2
    check("kobayashi_area", area, 2e-6 * area, FORMULA)


@pytest.mark.number("kobayashi_area", by="exact law")
def test_leading_order_area_is_that_of_the_triangle_of_its_fixed_points() -> None:
    (x1, p1), (x2, p2), (x3, p3) = made.kobayashi(-2e-3).fixed_points
    area = abs((x2 - x1) * (p3 - p1) - (x3 - x1) * (p2 - p1)) / 2
    assert found("kobayashi_area").value == pytest.approx(area, rel=1e-12)


# ------------------------------------------------------------------------------------------------- the arm


@pytest.mark.number("arm_angle", "spiral_kick", "arm_slope", "arm_curvature", by="by hand")
def test_angles_of_the_arm_are_slopes_of_the_track() -> None:
    """x' = px / (1 + dp/p) at dp/p = -1e-3; px differs by -5e-6 at worst, its change over three turns by 7e-6."""
    check("arm_angle", -0.9e-3 / 0.999, 5e-6)
    check("spiral_kick", 4e-5 / 0.999, 7e-6)
    check("arm_slope", 0.4 * -0.9 / 0.999, 0.36e-3 / 0.999, ALONE)
    check("arm_curvature", -7 * 5e-3 / 0.999, 35e-6 / 0.999, ALONE)


@pytest.mark.number("spiral_step", "least_spiral_step", "largest_spiral_step", by="by hand")
def test_steps_of_the_design_and_of_all_momenta() -> None:
    """5 mm; 4 to 8 mm; three turns later the engines are 8 um apart in x at worst (x at the wires is given)."""
    check("spiral_step", 5e-3, 8e-6)
    check("least_spiral_step", 4e-3, 8e-6)
    check("largest_spiral_step", 8e-3, 8e-6)


@pytest.mark.number("kobayashi_step", by="exact law")
def test_leading_order_step_is_the_hamiltonians_motion_along_the_arm() -> None:
    """dX/dt = dH/dP, per three turns, where the arm meets the wires; the triangle so small that the arms are radii.

    Of 31 mm from the orbit the triangle of dQ = -1e-9 is 1e-6; x = sqrt(betx) X.
    """
    tiny = made.kobayashi(-1e-9)
    arm = tiny.arm(made.WIRES)
    assert arm is not None
    on_wire = tiny.at_sextupole(tiny.normalised(np.array([made.WIRES, arm.px])))
    step = -3.0 * float(tiny.at_place(tiny.three_turns(on_wire))[0])
    design = made.case(made.DESIGN)
    assert design.resonance is not None
    design.resonance.kobayashi = tiny  # type: ignore[misc]
    quantity = found("kobayashi_step", made.facts(design=design))
    assert quantity.value == pytest.approx(step, rel=1e-5)
    assert quantity.error == pytest.approx(1e-6 * step, rel=1e-5)
    assert quantity.engine == FORMULA


@pytest.mark.number("arm_divergence", "hardt_residual", by="by hand")
def test_divergence_has_the_error_of_the_angles_over_the_momenta_and_of_its_difference() -> None:
    """Twice 5e-6 over the 3e-3 between first and last momentum, and 1 %."""
    check("arm_divergence", -0.35, 2 * 5e-6 / 3e-3 + 3.5e-3)
    check("hardt_residual", 0.27, 1e-6, ALONE)
    nothing = made.facts(divergence=NoSolution("no arm there"), hardt=NoSolution("no slope"))
    assert "no arm there" in why_not("arm_divergence", nothing)
    assert "no slope" in why_not("hardt_residual", nothing)


@pytest.mark.number("arm_angle_spread", by="by hand")
def test_spread_of_the_angles_is_from_the_least_to_the_largest() -> None:
    """From -1.2e-3/0.998 to -0.4e-3/1.001; both ends may be wrong by 5e-6."""
    check("arm_angle_spread", 1.2e-3 / 0.998 - 0.4e-3 / 1.001, 1e-5)


def test_a_spread_that_no_phase_can_close_says_so() -> None:
    """4 pi |Q'| / |S| at Q' = -4: less dispersion than that projects on no normal."""
    asked = 4 * pi * 4.0 / made.facts().resonance.virtual_sextupole
    for share, told in ((0.9999, True), (1.0001, False)):
        (found,) = evaluate(["arm_angle_spread"], made.facts(dispersion=share * asked))
        assert ("no phase of the sextupoles aligns" in found.method) is told


# --------------------------------------------------------------------------------------------------- the septa


@pytest.mark.number("septum_angle", by="by hand")
def test_the_angle_of_the_wires_is_exact_where_it_is_given() -> None:
    check("septum_angle", -1e-3, 5e-6)
    given = made.facts(spec=made.SPEC.model_copy(update={"septum_angle": -1e-3}))
    check("septum_angle", -1e-3, 0.0, FORMULA, given)


@pytest.mark.number("crossing_angle", by="by hand")
def test_the_largest_crossing_angle_whatever_its_sign() -> None:
    """Wires at -1e-3: the beams cross at -0.2e-3 to +0.6e-3 nearly; turned to -0.5e-3, at -0.7e-3 at the other end."""
    check("crossing_angle", 1e-3 - 0.4e-3 / 1.001, 5e-6)
    turned = made.facts(septum=replace(made.SEPTUM, angle=-0.5e-3))
    check("crossing_angle", 1.2e-3 / 0.998 - 0.5e-3, 5e-6, facts=turned)


@pytest.mark.number("wire_loss", by="by hand")
def test_loss_is_the_shadow_of_the_wires_over_the_step_averaged_over_the_beam() -> None:
    """On an even arm (thickness + length |crossing|)/step; four particles, one half way between two momenta.

    Error: loss times 8 um of the least step, 5 urad over the wires' length in it, and 1.96 the spread over root four.
    """
    crossing = (1.2e-3 / 0.998 - 1e-3, 0.9e-3 / 0.999 - 1e-3, 0.4e-3 / 1.001 - 1e-3)
    of_momenta = [(2e-4 + 0.5 * abs(one)) / step for one, step in zip(crossing, (4e-3, 5e-3, 8e-3), strict=True)]
    of_particles = [of_momenta[0], (of_momenta[0] + of_momenta[1]) / 2, of_momenta[1], of_momenta[2]]
    mean = sum(of_particles) / 4
    spread = sqrt(sum((one - mean) ** 2 for one in of_particles) / 4)
    # at the last momentum the second engine differs most in both
    engines = mean * 8e-6 / 4e-3 + 0.5 * 5e-6 / 4e-3
    check("wire_loss", mean, engines + Z * spread / 2)
    evenly = sum(of_momenta) / 3
    assert found("wire_loss", made.facts(extracted=None)).value == pytest.approx(evenly, rel=1e-12)


def test_the_loss_is_not_told_where_another_arm_hits_the_wires_first() -> None:
    """One turn after the wires the beam passes at x = -29.9 mm and goes outwards by more than 0.1 mm in 0.5 m."""
    cases = [made.case(i) for i in range(3)]
    arm = cases[2].arm
    assert arm is not None
    after = np.array(arm.after)
    after[1, :2] = -29.9e-3, -2e-3
    cases[2] = replace(cases[2], arm=replace(arm, after=after))
    words = why_not("wire_loss", made.facts(cases=tuple(cases)))
    assert "dp/p = 0.001" in words
    assert "x = -29.9 mm" in words


@pytest.mark.number("septum_gap", by="by hand")
def test_the_gap_is_the_least_of_all_momenta() -> None:
    """27, 25.5 and 25.5 mm; the engines' gaps differ by 0.4 um and 0.6 um."""
    check("septum_gap", 25.5e-3, 6e-7)


@pytest.mark.number("wall_clearance", by="by hand")
def test_room_at_the_wall_on_either_side_of_it() -> None:
    """Wall from -40 to -52 mm. Extracted at -57.5 mm or beyond: 5.5 mm; circulating to -34 mm: 6 mm."""
    check("wall_clearance", 5.5e-3, 4e-7)
    nearer = made.facts(turns=replace(made.last_turns(), at_wall=np.array([0.039, -0.0375])))
    check("wall_clearance", 2.5e-3, 4e-7, facts=nearer)
    # 1 mm more room for what circulates is 1 mm less for what is extracted
    moved = made.facts(spec=made.SPEC.model_copy(update={"x_wall": -0.041}))
    check("wall_clearance", 4.5e-3, 4e-7, facts=moved)


@pytest.mark.number("wall_clearance", by="by hand")
def test_a_wall_on_the_other_side_than_the_wires() -> None:
    """Wall from 43 to 55 mm, beam thrown to 57.5 mm at least; what circulates comes to 39 mm there, not to 34."""
    cases = tuple(
        replace(made.case(i), transport=replace(made.sent(i), extracted=-made.sent(i).extracted)) for i in range(3)
    )
    there = made.facts(cases=cases, spec=made.SPEC.model_copy(update={"x_wall": 0.043}))
    assert found("wall_clearance", there).value == pytest.approx(2.5e-3, rel=1e-12)
    there = made.facts(cases=cases, spec=made.SPEC.model_copy(update={"x_wall": 0.027}))
    assert found("wall_clearance", there).value == pytest.approx(-12e-3, rel=1e-12)


@pytest.mark.number("phase_between_septa", "phase_to_septum", by="by hand")
def test_phases_are_horizontal_and_go_on_over_the_end_of_the_turn() -> None:
    """To the magnetic septum as its passage says; from 1.465 through 1.665 (a turn) to 0.1: 0.3 turns."""
    check("phase_between_septa", 0.22, 1e-9, ALONE)
    check("phase_to_septum", 0.3, 1e-9, ALONE)


@pytest.mark.number("phase_to_septum", by="by hand")
def test_phase_from_a_sextupole_before_the_septum_in_the_same_turn() -> None:
    design = made.case(made.DESIGN)
    assert design.resonance is not None
    design.resonance.optics = made.MadeOptics(mux={"es": 1.5, "strong": 1.465, "weak": 0.7})  # type: ignore[misc,assignment]
    facts = made.facts(design=design)
    assert found("phase_to_septum", facts).value == pytest.approx(0.035, rel=1e-12)


@pytest.mark.number("last_turns_clearance", by="by hand")
def test_the_least_room_of_the_last_turns_is_at_an_aperture_or_at_the_cathode() -> None:
    """9 mm at qd in the third turn, 11 mm to the cathode; then 8 mm there."""
    check("last_turns_clearance", 9e-3, 8e-6)
    assert "at 'qd', turn 3, dp/p = 0.001" in found("last_turns_clearance").method
    narrow = made.facts(turns=replace(made.last_turns(), into_gap=8e-3))
    check("last_turns_clearance", 8e-3, 8e-6, facts=narrow)
    assert "cathode of 'es'" in found("last_turns_clearance", narrow).method


@pytest.mark.number("extracted_emittance", by="by hand")
def test_emittance_of_the_sample() -> None:
    """x about -33 mm: 2, 1, -1, -2 mm; px about -0.75 mrad: -.25, -.15, -.35, .75 mrad; error: 1.96 over root four."""
    squares, angles, both = 10 / 4, (0.0625 + 0.0225 + 0.1225 + 0.5625) / 4, (-0.5 - 0.15 + 0.35 - 1.5) / 4
    value = 1e-6 * sqrt(squares * angles - both**2)
    check("extracted_emittance", value, Z * value / 2, ALONE)
    assert "no triangle" in why_not("extracted_emittance", made.facts(extracted=None, no_steinbach="no triangle"))


@pytest.mark.number("extracted_momentum_spread", by="by hand")
def test_momentum_spread_of_what_leaves() -> None:
    """-2, -1, -1.5, -0.5 per mille (the fifth leaves nowhere): rms sqrt(1.25)/2.

    Error: 1.96 sqrt((m4/s^4 - 1)/4)/2 of it, m4 the mean of .75^4 and .25^4.
    """
    value = 1e-3 * sqrt((0.75**2 + 0.25**2 + 0.25**2 + 0.75**2) / 4)
    fourth = 1e-12 * (0.75**4 + 0.25**4) / 2
    check("extracted_momentum_spread", value, Z * value * sqrt((fourth / value**4 - 1) / 4) / 2, ALONE)
    of_sample = found("extracted_momentum_spread", made.facts(steinbach=None)).value
    assert of_sample == pytest.approx(made.sampled().momentum_spread, rel=1e-12)


# ------------------------------------------------------------------------------------------- agreement of the engines


@pytest.mark.number("residual_separatrix_xsuite", "residual_arm_xsuite", by="by hand")
def test_the_worst_of_all_momenta_and_of_both_numbers() -> None:
    """Points 1.5e-4 and 1e-4, areas 4e-9/12e-6 and 1e-9/18e-6; angles 2e-5 and 4e-5, positions 7e-5."""
    check("residual_separatrix_xsuite", 4 / 12 * 1e-3, 1e-8)
    check("residual_arm_xsuite", 7e-5, 1e-8)
    rows = [replace(one, residuals=replace(one.residuals, area=0.0)) for one in made.engines().rows]
    steeper = replace(rows[1], residuals=replace(rows[1].residuals, angle=9e-5))
    facts = made.facts(engines=Engines((rows[0], steeper), "Xsuite 0"))
    check("residual_separatrix_xsuite", 1.5e-4, 1e-8, facts=facts)
    check("residual_arm_xsuite", 9e-5, 1e-8, facts=facts)
    assert "a test" in why_not("residual_arm_xsuite", made.alone())


# ------------------------------------------------------------------------------------------- every working point


@pytest.mark.number("largest_es_field", "largest_ms_field", by="by hand")
def test_the_largest_fields_are_those_of_the_stiffest_beam() -> None:
    check("largest_es_field", 4e6, 4e-6, FORMULA)
    check("largest_ms_field", 0.5, 5e-13, FORMULA)
    assert "carbon-12, 400 MeV/u" in found("largest_es_field").method


@pytest.mark.number("worst_spiral_step", "worst_wire_loss", by="by hand")
def test_the_worst_of_all_points_is_not_that_of_the_stiffest() -> None:
    """Least of 6, 7, 5, 8 mm; losses of 2 and 3 %, 1 % about the mean. The engines are 8 um and 5 urad apart."""
    check("worst_spiral_step", 5e-3, 8e-6, ALONE)
    assert "proton, 60 MeV" in found("worst_spiral_step").method
    worst = found("worst_wire_loss")
    assert worst.value == pytest.approx(0.03)
    assert worst.engine == ALONE
    engines, sampling = (0.03 * 8e-6 + 0.5 * 5e-6) / 5e-3, Z * 0.01 / sqrt(2)
    assert worst.error == pytest.approx(engines + sampling, rel=NEARLY)


def test_nothing_holds_at_every_point_where_one_has_no_extraction() -> None:
    missing = replace(made.points()[0], reason="no beam of it is known")
    facts = made.facts(points=(missing, made.points()[1]))
    for name in ("worst_spiral_step", "worst_wire_loss"):
        assert "carbon-12, 400 MeV/u: no beam of it is known" in why_not(name, facts)
    assert found("largest_es_field", facts).value == 4e6  # a field takes no beam
    early = made.facts(points=(replace(made.points()[0], early=-9e-4), made.points()[1]))
    assert "before its turn at dp/p = -0.0009" in why_not("worst_wire_loss", early)


# --------------------------------------------------------------------------------------------------- all of them


def test_every_quantity_has_its_unit_and_its_engine() -> None:
    quantities = evaluate(EXTRACTION, made.facts())
    assert [one.name for one in quantities] == list(EXTRACTION)
    assert [one.name for one in quantities if one.value is None] == []
    assert {one.name: one.unit for one in quantities} == {name: kind.unit for name, kind in EXTRACTION.items()}
    single = {one.name for one in evaluate(EXTRACTION, made.alone()) if one.engine == BOTH}
    assert single == {"resonant_momentum"}  # the optics were compared


def test_nothing_holds_for_all_momenta_where_one_has_no_arm() -> None:
    broken = (made.case(0), Case(5e-4, None, None, reason="inside"), made.case(2))
    for name in (
        "least_spiral_step",
        "largest_spiral_step",
        "arm_angle_spread",
        "crossing_angle",
        "wire_loss",
        "septum_gap",
        "wall_clearance",
        "last_turns_clearance",
    ):
        assert "1 of 3 momenta have no arm at the wires, dp/p = 0.0005" in why_not(name, made.facts(cases=broken))


# ------------------------------------------------------------------------------------------------ mirrored, at wires


def mirrored(case: Case) -> Case:
    """The case seen from the other side of the orbit: x and px turned."""
    arm = case.arm
    assert arm is not None
    assert case.transport is not None
    turned = made.straight_arm(-arm.px, arm.spiral_step, -arm.spiral_kick, -made.WIRES)
    moved = case.transport
    other = replace(moved, extracted=-moved.extracted, circulating=-moved.circulating)
    return replace(case, arm=turned, transport=other)


def test_a_ring_seen_in_a_mirror_extracts_the_same() -> None:
    """Wires, wall, arms and positions on the other side: losses, steps, gaps and rooms stay, angles turn their sign."""
    facts = made.facts()
    septum = replace(made.SEPTUM, position=-made.WIRES, angle=-made.SEPTUM.angle)
    cases = tuple(mirrored(case) for case in facts.cases)
    other = made.facts(
        septum=septum,
        cases=cases,
        design=cases[made.DESIGN],
        spec=made.SPEC.model_copy(update={"x_wall": 0.04, "x_septum": 0.03}),
        turns=replace(made.last_turns(), at_wall=-made.last_turns().at_wall),
        extracted=ExtractedBeam(-made.sampled().x, -made.sampled().px, made.sampled().delta),
        wires=at_wires(cases, septum),
    )
    same = ("least_spiral_step", "largest_spiral_step", "spiral_step", "crossing_angle", "wire_loss", "septum_gap")
    for name in (*same, "wall_clearance", "extracted_emittance", "arm_angle_spread"):
        assert found(name, other).value == pytest.approx(found(name, facts).value, rel=1e-12)
    for name in ("arm_angle", "spiral_kick", "septum_angle"):
        ours, theirs = found(name, other).value, found(name, facts).value
        assert ours is not None
        assert theirs is not None
        assert ours == pytest.approx(-theirs, rel=1e-12)


def test_at_the_wires_by_hand() -> None:
    """First momentum: seen (0.2 mm + 0.5 m 0.2024 mrad)/4 mm, aligned 0.2 mm/4 mm; the beam is steeper: positive."""
    wires = at_wires([made.case(0), Case(9e-4, None, None)], made.SEPTUM)
    assert list(wires) == [-2e-3]
    one, crossing = wires[-2e-3], 1.2e-3 / 0.998 - 1e-3
    assert one.crossing_angle == pytest.approx(crossing, rel=1e-12)
    assert one.loss == pytest.approx((2e-4 + 0.5 * crossing) / 4e-3, rel=1e-12)
    assert one.aligned_loss == pytest.approx(0.05, rel=1e-12)
    leading: Kobayashi = made.kobayashi(-1e-3)
    assert one.leading == leading.arm(made.WIRES)
    assert one.leading_step == leading.spiral_step(made.WIRES)


def test_the_engines_largest_difference_is_that_of_any_sign() -> None:
    engines = Engines((SimpleNamespace(d=-3.0), SimpleNamespace(d=2.0)))  # type: ignore[arg-type]
    assert engines.largest(lambda row: row.d) == 3.0
    assert Engines((), alone="a test").largest(lambda row: row.d) == 0.0
