"""Tables of energy switching: the programme, the cycle, steps, RF, the operational table beside the ideal ring."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from optics.beams.beam_table import beam_row
from optics.magnets import family_of
from optics.ramping.cycle import PHASES
from optics.ramping.steps import STEP_PARTS
from studies.energy_switching.facts import SwitchingFacts, TableFacts
from studies.energy_switching.table_file import table_frame
from studies.results import TableData

_STRENGTH_UNITS = {"T/m": "1/m^2", "T/m^2": "1/m^3"}


def tables(facts: SwitchingFacts) -> tuple[TableData, ...]:
    """All tables of the study."""
    return (
        _programme(facts),
        _cycle(facts),
        _steps(facts),
        _rf(facts),
        *_beams(facts),
        *(_table(facts, facts.table) if facts.table else ()),
        *_engines(facts),
    )


def _begin(facts: SwitchingFacts) -> dict[str, object]:
    return {"species": facts.species, "energy [MeV/u]": facts.energies, "B rho [T m]": facts.programme.rigidities}


def _programme(facts: SwitchingFacts) -> TableData:
    columns = _begin(facts)
    for k, circuit in enumerate(facts.cycles[0].circuits):
        magnet = circuit.magnet
        all_of = [cycle.circuits[k] for cycle in facts.cycles]
        if magnet.name in facts.programme.set:
            columns[f"{magnet.name} [{_unit(facts, magnet.name)}]"] = facts.programme.set[magnet.name]
        columns[f"{magnet.name} [{magnet.unit}]"] = np.concatenate([c.extraction for c in all_of])
        columns[f"{magnet.name} [A]"] = np.concatenate([c.currents for c in all_of])
    optics = facts.programme.optics
    columns |= {"Qx [1]": optics.qx, "Qy [1]": optics.qy, "Q'x [1]": optics.dqx, "Q'y [1]": optics.dqy}
    caption = "What the supplies are set to at each energy, and the optics that comes out of it."
    return TableData("strengths-programme", "Magnet programme", caption, pd.DataFrame(columns))


def _unit(facts: SwitchingFacts, parameter: str) -> str:
    """Unit of a parameter that is the strength of its magnets; a lattice may hold others."""
    family = family_of(facts.ring, parameter)
    return _STRENGTH_UNITS[family.unit] if family and family.per_setting == 1.0 else "unit of the lattice"


def _cycle(facts: SwitchingFacts) -> TableData:
    times = pd.concat([cycle.times for cycle in facts.cycles], ignore_index=True)
    columns = _begin(facts) | {f"{phase} [s]": times[phase] for phase in (*PHASES, "change")}
    frame = pd.DataFrame(columns | {"slowest circuit": list(times["slowest"])})
    return TableData("cycle-times", "Times of the cycle", "Change: everything but the extraction.", frame)


def _steps(facts: SwitchingFacts) -> TableData:
    frames = []
    for cycle in facts.cycles:
        steps = cycle.steps
        frames.append(
            pd.DataFrame(
                {
                    "species": [cycle.species] * len(steps),
                    "to [MeV/u]": cycle.energies[1:] if cycle.step_plan.up else cycle.energies[:-1],
                    "from [MeV/u]": cycle.energies[:-1] if cycle.step_plan.up else cycle.energies[1:],
                    **{f"{part} [s]": steps[part] for part in (*STEP_PARTS, "step")},
                    "hysteresis of the bends [1]": steps["hysteresis_bend"],
                    "hysteresis of the gradients [1]": steps["hysteresis_quadrupole"],
                }
            )
        )
    caption = "A step within a spill: recapture, ramp at part of the slew, settling, preparation."
    return TableData("cycle-steps-table", "Steps within a spill", caption, pd.concat(frames, ignore_index=True))


def _rf(facts: SwitchingFacts) -> TableData:
    frames = []
    for cycle in facts.cycles:
        rf = cycle.rf
        frames.append(
            pd.DataFrame(
                {
                    "species": [cycle.species] * len(rf),
                    "t [s]": rf["time"],
                    "energy [MeV/u]": rf["energy"] / 1e6,
                    "f [MHz]": rf["frequency"] / 1e6,
                    "V [V]": rf["voltage"],
                    "phi_s [deg]": rf["phase"],
                    "bucket area [eV s]": rf["area"],
                    "bucket height dp/p [1e-3]": 1e3 * rf["height"],
                }
            )
        )
    caption = "Along the ramp to the highest energy of each species; the height is that of the stationary bucket."
    return TableData("cycle-rf-table", "RF programme", caption, pd.concat(frames, ignore_index=True))


def _beams(facts: SwitchingFacts) -> Iterator[TableData]:
    """The extracted beam at every energy, for dose calculation."""
    specs = {spec.species: spec for spec in facts.study.extracted}
    rows = []
    for cycle in facts.cycles:
        spec = specs.get(cycle.species)
        if spec is None:
            continue
        optics = {key: getattr(spec, key) for key in ("betx", "alfx", "bety", "alfy", "dx", "dpx")}
        rows += [
            beam_row(
                particle,
                optics,
                emittance_x=spec.emittance_x_um * 1e-6,
                emittance_y=particle.geometric_emittance(spec.normalised_emittance_y_um * 1e-6),
                momentum_spread=spec.momentum_spread_rms,
            )
            for particle in cycle.particles
        ]
    if rows:
        planes = ", ".join(sorted({spec.plane for spec in specs.values()}))
        caption = f"Rms sizes, divergences and correlations at: {planes}. For beam models of dose calculation."
        yield TableData("beam-energies", "Beam at every energy", caption, pd.DataFrame(rows))


def _table(facts: SwitchingFacts, table: TableFacts) -> Iterator[TableData]:
    for number, one in enumerate(table.tables):
        caption = "The settings as read; a study that names this file runs again with the same numbers."
        yield TableData(f"operational-{number}", f"Operational table, {one.species}", caption, table_frame(one))
    optics, fit = table.optics, table.fit.table
    frame = pd.DataFrame(
        {
            "species": table.species,
            "energy [MeV/u]": table.energies,
            "B rho [T m]": fit["rigidity"],
            "Qx [1]": optics.qx,
            "Qy [1]": optics.qy,
            "Q'x [1]": optics.dqx,
            "Q'y [1]": optics.dqy,
            **{f"gradient error, {name} [1e-3]": 1e3 * fit[name] for name in facts.study.held.groups},
            "k2 of the bends [1/m^3]": fit["bend_k2"],
            "Qx left [1e-3]": 1e3 * fit["tune_x"],
            "Qy left [1e-3]": 1e3 * fit["tune_y"],
        }
    )
    caption = "Optics of the table's strengths in an ideal ring, and the field errors that explain them."
    yield TableData("table-optics", "Operational table in an ideal ring", caption, frame)
    errors = table.fit.errors
    rows = [
        {"what": f"relative gradient of {name}", **{f"u^{k}": c for k, c in enumerate(values)}}
        for name, values in errors.gradients.items()
    ] + [{"what": "k2 of the bends", **{f"u^{k}": c for k, c in enumerate(errors.bend_k2)}}]
    caption = (
        f"Coefficients of the fitted errors in u = B rho / {errors.scale:g} T m, as [errors] of a study takes them."
    )
    yield TableData("table-coefficients", "Fitted field errors", caption, pd.DataFrame(rows))


def _engines(facts: SwitchingFacts) -> Iterator[TableData]:
    if not facts.engines:
        return
    frame = pd.DataFrame(
        {
            "species": [e.species for e in facts.engines],
            "energy [MeV/u]": [e.energy for e in facts.engines],
            "Qx [1]": [e.ours[0] for e in facts.engines],
            "Qx, Xsuite [1]": [e.xsuite[0] for e in facts.engines],
            "Qy [1]": [e.ours[1] for e in facts.engines],
            "Qy, Xsuite [1]": [e.xsuite[1] for e in facts.engines],
            "largest difference [1]": [
                max(abs(a - b) for a, b in zip(e.ours, e.xsuite, strict=True)) for e in facts.engines
            ],
        }
    )
    yield TableData("engines-energies", "Tunes by both engines", "Energies sampled over the whole table.", frame)
