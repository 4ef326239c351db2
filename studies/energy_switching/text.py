"""Energy switching on a ring in sentences, from what was resolved and computed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lattice.errors import counted
from studies.energy_switching.facts import SwitchingFacts
from studies.pipeline import Text
from studies.sources import cited

REFERENCES = cited("pimms-2", "lee", "cnao-settings", "iwata-2010")


def methods(facts: SwitchingFacts) -> Iterator[str]:
    study, programme = facts.study, facts.programme
    yield (
        f"The strengths of {', '.join(study.vary)} are Chebyshev polynomials of degree {study.degree} in B rho; all "
        f"coefficients are found together (Gauss-Newton, {programme.rounds} rounds, exact derivatives) so that "
        f"{', '.join(programme.values)} keep the values of the design point. The ring is then computed at each of the "
        f"{counted(len(facts.energies), 'energy')}, and what is shown is that."
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


def assumptions(facts: SwitchingFacts) -> Iterator[str]:
    yield (
        "Calibrations, supplies, eddy currents, hysteresis, RF voltage and the fixed times are the study's tables: "
        "assumptions, but for those whose source the study's file names."
    )
    yield "Remanence, saturation and eddy currents are each one number a circuit: no field map stands behind them."
    yield "A bipolar circuit passes zero at the rates of its supply. Beam loading and space charge are left out."
    if facts.table is not None and facts.study.held.qy is None:
        yield "No vertical tune is published for the table: the mean of what it gives in an ideal ring was held."


def warnings(facts: SwitchingFacts) -> Iterator[str]:
    yield from facts.resolved.warnings
    if facts.matched is not None and not facts.matched.success:
        yield f"The match of the design point did not converge: {facts.matched.message}."
    yield from (f"{cycle.species}: {told}." for cycle in facts.cycles for told in cycle.overloads)
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


def text(facts: SwitchingFacts) -> Text:
    """All of it."""
    machine = facts.resolved.machine
    return Text(
        tuple(methods(facts)),
        tuple(assumptions(facts)),
        tuple(one for one in REFERENCES if machine or "CNAO" not in one),
        tuple(warnings(facts)),
    )
