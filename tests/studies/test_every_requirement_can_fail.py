"""Every requirement of the built-in machines fails on facts that are bad enough: none is met by construction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from extraction.resonance.both_engines import Engines
from lattice import Bend, Drift, Lattice, ReferenceParticle
from machines.registry import MACHINES, machine_named
from machines.requirements import FAIL, Requirement
from optics.line.steering import Arrivals, Sensitivity
from studies.delivery.quantities import quantities as of_delivery
from studies.energy_switching.quantities import evaluate as of_ring_switching
from studies.judging import verdicts_on
from studies.linac.quantities import evaluate as of_linac
from studies.linac.switching.quantities import evaluate as of_linac_switching
from studies.results import Quantity
from studies.ring_optics.facts import Facts
from studies.ring_optics.quantities import evaluate as of_ring
from studies.slow_extraction.quantities import evaluate as of_extraction
from studies.slow_extraction.spill.quantities import spill_quantities
from studies.slow_extraction.wires import at_wires
from studies.spec.builtin import FOLDER, builtin_names
from studies.spec.judged import own_requirement
from studies.spec.study_file import load_study
from studies.tolerances.aim import aim_at
from studies.tolerances.allotment import Budget
from studies.tolerances.outcome import Answer, Question
from studies.tolerances.quantities import evaluate as of_machines
from studies.tolerances.sampling import Sampling
from studies.tolerances.yields import yield_of
from studies.treatment.quantities import quantities as of_treatment
from tests import linac_facts
from tests.studies import extraction_made, spill_made
from tests.studies.numbers import ring_facts, switching_facts, treatment_facts
from tests.studies.numbers import test_delivery as delivery_made
from tests.studies.numbers.test_ring import beam, facts_of, machines_of

Found = tuple[Quantity, ...]
#: 6.35 T m: a bend of 0.4 / m takes 2.5 T of it.
CARBON = ReferenceParticle("carbon-12", kinetic_energy_per_u=400e6)


# ------------------------------------------------------------------------------------------------------------ rings


def scalars(**values: float) -> Facts:
    """A ring of these numbers, our maps' alone."""
    return facts_of(optics=cast(Any, SimpleNamespace(scalar=values.__getitem__)))


def functions(**start: float) -> Facts:
    """A drift whose functions begin so, beside a machine that calls its ends by the places of requirements."""
    places = {"symp": "a", "electrostatic_septum": "a"}
    return ring_facts.facts(ring_facts.drift(**start), machine=SimpleNamespace(places=places))


def magnets(scale: float) -> Facts:
    """Bends of 0.4 / m, gradients and sextupoles ``scale`` times as strong, at the rigidity of the top energy."""
    lattice = ring_facts.magnets(kf=0.9 * scale, ks=12.5 * scale)
    return ring_facts.facts(SimpleNamespace(lattice=lattice), top_particle=CARBON)


def engines_apart(name: str, off: float) -> Facts:
    """The second engine says ``off`` more than our 1.0 of one quantity."""
    rows = ring_facts.engine_rows(**{name: (1.0, 1.0 + off, 1e-9)})
    return ring_facts.facts(None, cast(Any, SimpleNamespace(table=rows)))


def machines(**more: Any) -> Facts:
    """A hundred machines with errors; what each has is given as a column of so many."""
    columns = {name: np.full(100, value) for name, value in more.pop("columns", {}).items()}
    known = machines_of(**more)
    assert known.after is not None
    assert known.correction is not None
    tables = [replace(one, table=pd.DataFrame(columns)) for one in (known.before, known.after)]
    kicks = {plane: np.full((100, 2), 3e-3) for plane in ("x", "y")}
    correction = replace(known.correction, kicks=kicks)
    found = replace(known, before=tables[0], after=tables[1], correction=correction)
    return facts_of(imperfections=found)


NARROW = np.full(100, -1e-3)
RING: Mapping[str, Facts] = {
    "tune_distance": scalars(qx=1.60, qy=1.74),
    "resonance_distance": scalars(qx=1.76, qy=1.74),
    "dqx": scalars(dqx=-0.5),
    "dqy": scalars(dqy=-4.0),
    "max_betx": functions(betx=20.0),
    "max_bety": functions(bety=20.0),
    "dx@symp": functions(dx=0.2),
    "betx@electrostatic_septum": functions(betx=6.0),
    "dx@electrostatic_septum": functions(dx=1.0),
    "gamma_transition": scalars(gamma_transition=1.3),
    "clearance_x": facts_of(beam("wide", 10e-6)),
    "clearance_y": facts_of(beam("wide", 40e-6)),
    "clearance_es": facts_of(beam("wide", 20e-6)),
    "max_bend_field": magnets(5.0),
    "max_gradient": magnets(5.0),
    "sextupole_strength": magnets(5.0),
    "residual_tune_xsuite": engines_apart("qx", 1e-6),
    "residual_beta_xsuite": engines_apart("betx", 1e-6),
    "residual_dispersion_xsuite": engines_apart("dx", 1e-6),
    "residual_chromaticity_xsuite": engines_apart("dqx", 1e-3),
    "orbit_x": machines(columns={"orbit_max_x": 3e-3}),
    "orbit_y": machines(columns={"orbit_max_y": 2e-3}),
    "orbit_x_uncorrected": machines(columns={"orbit_max_x": 30e-3}),
    "orbit_y_uncorrected": machines(columns={"orbit_max_y": 8e-3}),
    "corrector_kick": machines(),
    "beta_beating": machines(columns={"beating_max_x": 0.1, "beating_max_y": 0.02}),
    "coupling": machines(columns={"coupling": 0.02}),
    "orbit_yield": machines(rooms={"beam": NARROW}),
    "clearance_es_errors": machines(wires={"beam": NARROW}),
    "residual_orbit_xsuite": machines(residual=1e-6),
}

# ------------------------------------------------------------------------------------------- extraction and its spill

ARMS = tuple(
    extraction_made.case(index, arm=extraction_made.straight_arm(px, step, 3e-5))
    for index, (px, step) in enumerate([(-1.2e-3, 1e-3), (-0.9e-3, 1.5e-3), (-0.4e-3, 2e-3)])
)
LONG = tuple(replace(case, arm=extraction_made.straight_arm(-1e-3, 0.025, 3e-5)) for case in ARMS)
APART = replace(extraction_made.engines().rows[0].residuals, points=1e-2, angle=1e-2)
EXTRACTION: dict[str, Any] = {
    "least_spiral_step": extraction_made.alone(cases=ARMS),
    "largest_spiral_step": extraction_made.alone(cases=LONG),
    "wire_loss": extraction_made.alone(cases=ARMS, wires=at_wires(ARMS, extraction_made.SEPTUM)),
    "arm_angle_spread": extraction_made.facts(),
    "septum_gap": extraction_made.alone(
        cases=tuple(replace(c, transport=replace(cast(Any, c.transport), gap=5e-3)) for c in ARMS)
    ),
    "last_turns_clearance": extraction_made.facts(turns=replace(extraction_made.last_turns(), into_gap=-1e-3)),
    "wall_clearance": extraction_made.facts(
        turns=replace(extraction_made.last_turns(), at_wall=np.array([-0.041, 0.02]))
    ),
    "residual_separatrix_xsuite": extraction_made.facts(
        engines=Engines(tuple(replace(r, residuals=APART) for r in extraction_made.engines().rows), "Xsuite 0")
    ),
    "residual_arm_xsuite": extraction_made.facts(
        engines=Engines(tuple(replace(r, residuals=APART) for r in extraction_made.engines().rows), "Xsuite 0")
    ),
}
#: Working points with fields beyond any septum's, steps within the wires, and much of the beam lost there.
HIGH = tuple(
    replace(one, electric=15e6, magnetic=2.0, steps=(1e-3, 1.2e-3), losses=np.array([0.2, 0.3]))
    for one in extraction_made.points()
)
EXTRACTION = EXTRACTION | dict.fromkeys(
    ("largest_es_field", "largest_ms_field", "worst_spiral_step", "worst_wire_loss"), extraction_made.facts(points=HIGH)
)
WIDE = spill_made.extracted().assign(delta=4 * spill_made.deltas(), x=lambda table: 3 * table["x"])
SPILL: Mapping[str, Any] = {
    **dict.fromkeys(("extraction_efficiency", "duty_factor", "spill_left"), spill_made.facts()),
    **dict.fromkeys(("spill_momentum_spread", "spill_spiral_step"), spill_made.facts(spill=spill_made.spill(WIDE))),
    "spill_agreement_xsuite": spill_made.facts(agreement=replace(spill_made.agreement(), turn=(0.5, 1e-4))),
}

# ------------------------------------------------------------------------------------- switching, treatment, linacs

SLOW = replace(switching_facts.carbon_cycle(), times=switching_facts.times([1.0, 1.4, 2.1], [1.1, 1.7, 2.5]))
FAR = {**switching_facts.OFF, "qx": [1e-3] * 5, "dx@symp": [0.02] * 5, "hardt_residual@es": [0.1] * 5}


def programme_off() -> Any:
    """The programme with everything it holds far off."""
    held = {name: switching_facts.GOALS[name] + np.array(off) for name, off in FAR.items()}
    return replace(switching_facts.programme(), values=held)


def overdriven() -> Any:
    """Supplies and magnets with half the rating."""
    cycle = switching_facts.carbon_cycle()
    weak = [
        replace(one.magnet, supply=replace(one.magnet.supply, largest_current=300.0, largest_voltage=5.0))
        for one in cycle.circuits
    ]
    return replace(cycle, circuits=tuple(replace(c, magnet=m) for c, m in zip(cycle.circuits, weak, strict=True)))


XSUITE_OFF = (replace(switching_facts.ENGINES[0], xsuite=(1.66601, 1.74)),)
RING_SWITCHING: Mapping[str, Any] = {
    **dict.fromkeys(
        ("programme_tune_error", "programme_dispersion_error", "programme_hardt_residual"),
        switching_facts.facts(programme=programme_off()),
    ),
    **dict.fromkeys(("largest_current_share", "largest_voltage_share"), switching_facts.facts(cycles=(overdriven(),))),
    "largest_field_share": switching_facts.facts(field_ratings=(1.2, 5.0)),
    "longest_change": switching_facts.facts(cycles=(SLOW,)),
    "longest_step": switching_facts.facts(),
    "step_tune_error": switching_facts.facts(),
    "residual_programme_xsuite": switching_facts.facts(engines=XSUITE_OFF),
}
UNEVEN = treatment_facts.treatment(level=(0.90, 1.03))
TREATMENT: Mapping[str, Any] = {
    "dose_level": treatment_facts.facts(treatment=UNEVEN),
    "largest_energy_spread": treatment_facts.facts(beams=treatment_facts.BEAMS.assign(spread=0.01)),
    "worst_spot": treatment_facts.facts(beams=treatment_facts.BEAMS.assign(spot_x=0.012)),
    "timing_checks_missed": treatment_facts.facts(),
    "treatment_time_cycles": treatment_facts.facts(
        timelines={
            name: replace(line, spent={cause: 10 * time for cause, time in line.spent.items()})
            for name, line in treatment_facts.TIMELINES.items()
        }
    ),
}
POOR = pd.DataFrame({"scale": [1.0] * 50, "transmission": [0.5] * 50})
LINAC: Mapping[str, Any] = {
    **dict.fromkeys(
        ("final_energy", "transmission", "energy_spread", "sigmas_in_bore", "largest_advance", "bucket_sigmas"),
        linac_facts.optics_facts(),
    ),
    **dict.fromkeys(("emittance_growth_x", "emittance_growth_y", "residual_tank_energy"), linac_facts.optics_facts()),
    "transmission_with_errors": linac_facts.optics_facts(errors=POOR),
    "space_charge": linac_facts.optics_facts(across=replace(linac_facts.ACROSS, space_charge=0.2)),
    "klystron_share": linac_facts.optics_facts(units=linac_facts.UNITS.assign(share=1.2)),
    "kilpatrick": linac_facts.optics_facts(tanks=linac_facts.TANKS.assign(kilpatrick=2.5)),
    "max_gradient": linac_facts.optics_facts(
        machine=linac_facts.machine(linac=SimpleNamespace(quadrupoles=[SimpleNamespace(name="q", gradient=-320.0)]))
    ),
    "range_jitter": linac_facts.optics_facts(pulses=np.linspace(48e6, 56e6, 200)),
}
SWITCHING_LINAC: Mapping[str, Any] = {
    **dict.fromkeys(
        ("least_transmission", "largest_spread", "energy_miss", "largest_spot", "interpolation_error"),
        linac_facts.switching_facts(),
    ),
    "switching_share": linac_facts.switching_facts(),
    **dict.fromkeys(
        ("range_jitter", "energy_jitter"),
        linac_facts.switching_facts(
            jitter=pd.DataFrame({"wanted": [40e6], "sigma_energy": [400e3], "sigma_range": [3e-3]})
        ),
    ),
    "layer_time": linac_facts.switching_facts(layers=linac_facts.LAYERS.assign(change=[0.0, 0.2, 0.3])),
    "energies_reached": linac_facts.switching_facts(beyond=(60e6,)),
    "residual_energy": linac_facts.switching_facts(
        integrated=pd.DataFrame({"wanted": [40e6], "fields": [40.2e6], "steps": [10.0]})
    ),
}


def built(**columns: float) -> Answer:
    """A hundred machines that all have these numbers."""
    table = pd.DataFrame({"status": ["computed"] * 100, **{name: [value] * 100 for name, value in columns.items()}})
    none = yield_of(np.zeros(100, dtype=bool))
    few = Budget(np.ones(1), 1.0, aim_at(0.9, 100, 100), (), none)
    question = Question(Sampling((), 100, 0), 0.95, None, (), lambda drawing: table)
    return Answer(question, table, table.iloc[0], (), (), none, {}, budget=few)


BUILT: Mapping[str, Answer] = {
    **{name: built(**{name: 0.1}) for name in ("orbit_x", "orbit_y", "orbit_x_uncorrected", "orbit_y_uncorrected")},
    **{name: built(**{name: 0.1}) for name in ("corrector_kick", "beta_beating", "coupling", "resonance_error")},
    **{name: built(**{name: 0.1}) for name in ("trajectory_x", "trajectory_y", "energy_error", "transmission_errors")},
    **{name: built(**{name: 0.1}) for name in ("trajectory_x_uncorrected", "trajectory_y_uncorrected", "spot_drift")},
    "spot_displacement": built(spot_displacement=0.1),
    "spot_angle": built(spot_angle=0.1),
    "spot_size_change": built(spot_size_change=0.5),
    "chromaticity_x_error": built(chromaticity_x_error=2.0),
    "clearance_errors": built(clearance_errors=-1e-3),
    "spiral_step_errors": built(spiral_step_errors=1e-3),
    "wire_loss_errors": built(wire_loss_errors=0.2),
    **dict.fromkeys(("yield_all", "budget_yield"), built(orbit_x=1.0)),
}


def of_built(names: list[str], answer: Answer) -> Found:
    """The quantities of machines as built that are asked for, without all others."""
    return tuple(one for one in of_machines(names, answer) if one.name in names)


SPOTS = delivery_made.facts()
FAR_OFF = SimpleNamespace(
    **{
        **vars(SPOTS.found),
        "spots": replace(SPOTS.found.spots, dispersion=10 * SPOTS.found.spots.dispersion),
        "values": 100 * SPOTS.found.values,
        "lattice": Lattice("line", elements=(Bend("strong", length=1.0, angle=2.0), Drift("b", length=2.0))),
    }
)
#: A beam whose momentum moves it by metres, and a pipe that takes hardly any other momentum.
NARROW_IN_MOMENTUM = replace(
    delivery_made.MOVED,
    table=delivery_made.MOVED.table.assign(
        transmission=[0.1, 0.2, 1.0, 0.2, 0.1],
        size_x=[9e-3, 8e-3, 3e-3, 8e-3, 9e-3],
        x=[0.02, 0.01, 0.0, 0.01, 0.02],
    ),
)


def astray(x: float, size: float) -> Arrivals:
    """A hundred lines that all end so."""
    return Arrivals(np.full((100, 2), x), np.zeros((100, 2)), np.full((100, 2), size))


#: Lines with errors whose spots are 3 mm off their place, half as large again, and rippling by 2 mm.
ASTRAY = replace(
    delivery_made.lines(),
    after=astray(3e-3, 4.5e-3),
    rippled=astray(5e-3, 4.5e-3),
    transmissions=np.array([0.5]),
    supplies=(Sensitivity("b", 1e-3, 0.0, 0.0, 0.0),),
)
DELIVERY: Mapping[str, Any] = {
    **dict.fromkeys(
        ("steered_position", "steered_size", "ripple_position", "steered_transmission", "supply_position"),
        delivery_made.facts(trajectories=ASTRAY),
    ),
    **dict.fromkeys(
        (
            *("spots_missed", "spot_size_error", "spot_correlation", "line_transmission", "residual_spot_xsuite"),
            "spot_angle_change",
        ),
        SPOTS,
    ),
    "spot_position": delivery_made.facts(
        delivered=(delivery_made.spot(delivery_made.CASES[0], 3e-3, 4e-3, (3e-3, 0.0)),)
    ),
    "spot_roundness": delivery_made.facts(
        delivered=(delivery_made.spot(replace(delivery_made.CASES[0], size_y=3e-3), 3e-3, 4e-3, (0.0, 0.0)),)
    ),
    "spot_interpolation": delivery_made.facts(between=np.array([[[0.1, -0.2]]])),
    **dict.fromkeys(("spot_dispersion", "line_gradient", "line_bend_field"), delivery_made.facts(found=FAR_OFF)),
    **dict.fromkeys(
        ("momentum_acceptance", "size_acceptance", "momentum_shift"),
        delivery_made.facts(acceptances=(NARROW_IN_MOMENTUM,)),
    ),
}
#: What computes the quantities of a study, and facts that are bad enough, by the word of the study.
STUDIES: Mapping[str, tuple[Callable[[list[str], Any], Found], Mapping[str, Any]]] = {
    "optics": (of_ring, RING),
    "extraction": (
        lambda names, facts: spill_quantities(names, facts) if names[0] in SPILL else of_extraction(names, facts),
        {**EXTRACTION, **SPILL},
    ),
    "energy-switching": (of_ring_switching, RING_SWITCHING),
    "switching-comparison": (lambda names, facts: tuple(of_treatment(facts)), TREATMENT),
    "linac-optics": (of_linac, LINAC),
    "linac-energy-switching": (of_linac_switching, SWITCHING_LINAC),
    "tolerances": (of_built, BUILT),
    "delivery": (lambda names, facts: of_delivery(facts, names), DELIVERY),
}


def requirements() -> list[Requirement]:
    """Every one of every machine, and those that built-in studies have of their own."""
    return [one for name in MACHINES for one in machine_named(name).requirements] + [
        one for name in builtin_names() for one in own_requirements(name)
    ]


def own_requirements(name: str) -> list[Requirement]:
    """Those of a built-in study's own file."""
    study = load_study(FOLDER / f"{name}.toml")
    return [own_requirement(one, f"{name}-{study.study}") for one in study.requirement]


@pytest.mark.parametrize("need", requirements(), ids=lambda need: f"{need.id}-{need.quantity}")
def test_bad_enough_facts_fail_it(need: Requirement) -> None:
    word = max((word for word in STUDIES if need.study.endswith(word)), key=len)
    compute, facts = STUDIES[word]
    assert need.quantity in facts, f"no facts of {word} fail {need.id}: a requirement that cannot fail is none"
    (verdict,) = verdicts_on([need], compute([need.quantity], facts[need.quantity]))
    assert verdict.verdict == FAIL, (verdict.value, verdict.reason)
