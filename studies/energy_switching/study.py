"""The study of energy switching on a ring: programme of all energies, cycle, steps in a spill, operational tables."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from studies.energy_switching.facts import SwitchingFacts, gather
from studies.energy_switching.figures import figures
from studies.energy_switching.tables import tables
from studies.results import Quantity, StudyResult
from studies.ring_optics.quantities import ALONE, BOTH, FORMULA
from studies.ring_optics.study import Outcome, provenance_of, verdicts_on
from studies.spec.resolution import Resolved
from studies.vocabulary import SWITCHING

_ROUNDING = 1e-12


def compute(resolved: Resolved) -> Outcome:
    """Run the study; no file is touched. NoSolution and InputError name the energies or circuits concerned."""
    facts = gather(resolved)
    quantities = tuple(_complete(facts, tuple(_quantities(facts))))
    result = StudyResult(
        name=resolved.name,
        title=resolved.title,
        machine=resolved.machine_name,
        particle="; ".join(_told(facts)),
        study=resolved.content,
        lattice=facts.design,
        quantities=quantities,
        verdicts=verdicts_on(resolved.requirements, quantities, facts.matched),
        figures=figures(facts),
        tables=tables(facts),
        methods=tuple(_methods(facts)),
        assumptions=tuple(_assumptions(facts)),
        references=tuple(one for one in REFERENCES if resolved.machine or "CNAO" not in one),
        warnings=tuple(_warnings(facts)),
        provenance=provenance_of(resolved),
    )
    return Outcome(result, facts.matched is None or facts.matched.success)


def _told(facts: SwitchingFacts) -> Iterator[str]:
    for cycle in facts.cycles:
        first, last = cycle.energies[0], cycle.energies[-1]
        yield f"{cycle.species}, {len(cycle.energies)} energies {first:.5g} to {last:.5g} MeV/u"


def _complete(facts: SwitchingFacts, found: tuple[Quantity, ...]) -> Iterator[Quantity]:
    """What was found, and what a requirement asks for beyond it with the reason why it has no value."""
    yield from found
    known = {quantity.name for quantity in found}
    for name in dict.fromkeys(requirement.quantity for requirement in facts.resolved.requirements):
        if name not in known:
            unit = SWITCHING[name].unit if name in SWITCHING else "1"
            why = "engine_energies = 0" if name == "residual_programme_xsuite" else "nothing of the kind in this study"
            yield Quantity(name, None, unit, None, ALONE, f"not computed: {why}")


def _quantity(name: str, value: float, error: float, engine: str, method: str, figure: str = "") -> Quantity:
    return Quantity(name, float(value), SWITCHING[name].unit, float(error), engine, method, figure)


def _quantities(facts: SwitchingFacts) -> Iterator[Quantity]:
    yield _quantity("energies_number", len(facts.energies), 0.0, FORMULA, "counted", "strengths-energy")
    yield from _held(facts)
    yield from _circuits(facts)
    yield from _times(facts)
    yield from _table(facts)
    if facts.engines:
        worst = max(max(abs(a - b) for a, b in zip(e.ours, e.xsuite, strict=True)) for e in facts.engines)
        yield _quantity("residual_programme_xsuite", worst, _ROUNDING, BOTH, f"{len(facts.engines)} energies sampled")


def _held(facts: SwitchingFacts) -> Iterator[Quantity]:
    """What the programme holds, and how well."""
    programme = facts.programme
    off = {name: np.max(np.abs(v - programme.goals[name])) for name, v in programme.values.items()}
    error = max((max(abs(a - b) for a, b in zip(e.ours, e.xsuite, strict=True)) for e in facts.engines), default=0.0)
    engine = BOTH if facts.engines else ALONE
    method = "largest over all energies; error: difference from Xsuite at the energies sampled"
    tunes = [value for name, value in off.items() if name in ("qx", "qy")]
    if tunes:
        yield _quantity("programme_tune_error", max(tunes), error, engine, method, "held-energy")
    chromaticity = np.asarray(programme.optics.dqx)
    yield _quantity(
        "programme_chromaticity_range", np.ptp(chromaticity), 1e-6, ALONE, "largest minus least", "held-energy"
    )
    for quantity, prefix in (
        ("programme_dispersion_error", "dx@"),
        ("programme_sextupole_error", "virtual_sextupole"),
        ("programme_hardt_residual", "hardt_residual"),
    ):
        found = [value for name, value in off.items() if name.startswith(prefix)]
        if found:
            yield _quantity(quantity, max(found), 1e-9, ALONE, "largest over all energies", "held-energy")


def _circuits(facts: SwitchingFacts) -> Iterator[Quantity]:
    currents, voltages = [], []
    for cycle in facts.cycles:
        ramp = cycle.times["ramp"].to_numpy()
        for circuit in cycle.circuits:
            supply = circuit.magnet.supply
            current = np.abs(circuit.currents)
            slew = np.abs(circuit.currents - circuit.injection_current) / ramp
            currents.append(np.max(current) / supply.largest_current)
            voltages.append(np.max(supply.voltage(current, slew)) / supply.largest_voltage)
    method = "largest of all circuits and energies; the calibration is the study's own"
    yield _quantity("largest_current_share", max(currents), 1e-5, FORMULA, method, "strengths-currents")
    yield _quantity("largest_voltage_share", max(voltages), 1e-5, FORMULA, method, "strengths-currents")
    voltage = max(float(cycle.rf["voltage"].max()) for cycle in facts.cycles)
    method = "bucket area held along the ramp to the highest energy"
    yield _quantity("largest_rf_voltage", voltage, 1e-6 * voltage, FORMULA, method, "cycle-rf")


def _times(facts: SwitchingFacts) -> Iterator[Quantity]:
    change = max(float(cycle.times["change"].max()) for cycle in facts.cycles)
    yield _quantity(
        "longest_change", change, 1e-4, FORMULA, "sum of the parts of the cycle but the spill", "cycle-parts"
    )
    if not any(len(cycle.steps) for cycle in facts.cycles):
        for name in ("longest_step", "step_tune_error"):
            yield Quantity(name, None, SWITCHING[name].unit, None, ALONE, "not computed: one energy has no step")
        return
    step = max(float(cycle.steps["step"].max()) for cycle in facts.cycles if len(cycle.steps))
    yield _quantity("longest_step", step, 1e-4, FORMULA, "recapture, ramp, settling, preparation", "cycle-steps")
    chromaticity = float(np.max(np.abs(facts.programme.optics.dqx)))
    tune = max(
        float(np.max(abs(facts.tune_per_strength) * cycle.steps["hysteresis_quadrupole"]
                     + chromaticity * cycle.steps["hysteresis_bend"]))
        for cycle in facts.cycles if len(cycle.steps)
    )  # fmt: skip
    method = "field left by hysteresis times dQx per relative gradient, and Q'x times that of the bends"
    yield _quantity("step_tune_error", tune, 1e-6, ALONE, method, "cycle-steps")


def _table(facts: SwitchingFacts) -> Iterator[Quantity]:
    if facts.table is None:
        return
    fit = facts.table.fit
    method = "smooth errors of all species together; rms over all energies"
    yield _quantity("table_tune_residual", fit.rms[0], 1e-9, ALONE, method, "table-residuals")
    groups = list(facts.study.held.groups)
    largest = max(float(fit.table[name].abs().max()) for name in groups)
    yield _quantity("table_gradient_error", largest, 1e-9, ALONE, "largest of the energies' own", "table-errors")


# ------------------------------------------------------------------------------------------------------ sentences

REFERENCES = (
    "P. J. Bryant et al., Proton-Ion Medical Machine Study (PIMMS), Part II, CERN/PS 2000-007 (DR), 2000.",
    "S. Y. Lee, Accelerator Physics, World Scientific, chapter 3 (buckets, synchronous phase).",
    "github.com/CNAO/optics, synchro/LGEN (operational settings against energy, 2021), synchro/macros.cmdx.",
    "Y. Iwata et al., Multiple-energy operation with extended flattops at HIMAC, Nucl. Instr. Meth. A 624, 33 (2010).",
)


def _methods(facts: SwitchingFacts) -> Iterator[str]:
    study, programme = facts.study, facts.programme
    yield (
        f"The strengths of {', '.join(study.vary)} are Chebyshev polynomials of degree {study.degree} in B rho; all "
        f"coefficients are found together (Gauss-Newton, {programme.rounds} rounds, exact derivatives) so that "
        f"{', '.join(programme.values)} keep the values of the design point. The ring is then computed at each of the "
        f"{len(facts.energies)} energies, and what is shown is that."
    )
    yield (
        "In an ideal ring the normalised optics does not depend on the rigidity: set strengths are constant, and only "
        "field errors make them move. The errors are those of the study's table [errors]; the true strength of a "
        "family is its set strength times 1 + error."
    )
    yield (
        "Current: I = (B - remanent) / gain (1 + (B / knee)^power). Supplies: U = R I + L dI/dt within current, "
        "voltage and slew; the slowest circuit gives the ramp. Eddy currents: relative error delay |dB/dt| / B "
        "exp(-t / time) until it is below the tolerance. Hysteresis: width (1 - exp(-|dB| / reach)) after a step back."
    )
    yield (
        "RF: h times the revolution frequency; the voltage keeps the bucket's area, by quadrature over the separatrix, "
        "at the synchronous phase that the ramp asks for. Capture raises the voltage a hundredfold at an even "
        "adiabaticity. Change of energy: everything from the end of a spill to the beginning of the next."
    )
    if facts.table is not None:
        held = facts.table.held
        yield (
            "Operational table: in an ideal ring its strengths give the optics shown. At each energy the relative "
            f"gradient errors of two groups of families are solved for so that Qx = {held.qx:g} and Qy = {held.qy:.5g} "
            f"(the operators held them), and the bends' k2 so that Q'x = {held.dqx:g}; one polynomial of degree "
            f"{study.held.degree} in B rho is fitted to all species together."
        )


def _assumptions(facts: SwitchingFacts) -> Iterator[str]:
    yield (
        "Calibrations, supplies, eddy currents, hysteresis, RF voltage and the fixed times are the study's tables: "
        "assumptions, but for those whose source the study's file names."
    )
    yield "Remanence, saturation and eddy currents are each one number a circuit: no field map stands behind them."
    yield "A bipolar circuit passes zero at the rates of its supply. Beam loading and space charge are left out."
    if facts.table is not None and facts.study.held.qy is None:
        yield "No vertical tune is published for the table: the mean of what it gives in an ideal ring was held."


def _warnings(facts: SwitchingFacts) -> Iterator[str]:
    yield from facts.resolved.warnings
    if facts.matched is not None and not facts.matched.success:
        yield f"The match of the design point did not converge: {facts.matched.message}."
    circuits = {circuit.parameter for circuit in facts.study.circuit}
    free = [name for name in facts.study.vary if name not in circuits]
    if free:
        yield f"No [[circuit]] of {', '.join(free)}: what limits its supply is not looked at."
    if not facts.engines:
        yield "No energy was compared with Xsuite: engine_energies = 0. The verdicts rest on our maps alone."
    if facts.programme.worst > 1.0:
        yield (
            f"The polynomials of degree {facts.study.degree} miss a target by {facts.programme.worst:.3g} tolerances: "
            "raise degree."
        )
    if facts.table is not None and np.any(~np.asarray(facts.table.optics.stable)):
        lost = facts.table.energies[~np.asarray(facts.table.optics.stable)]
        yield f"The table's strengths give no stable optics in the ideal ring at {lost.min():.5g} MeV/u and others."
