"""From a section table to a linac that has been through its design pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from math import radians
from typing import Any

from lattice import ReferenceParticle
from lattice.arrays import ClosedMapping
from lattice.memory import Kept, Memory
from lattice.reference import species_named
from machines.linacs.supplies import Pulse, Supply
from machines.linacs.table import (
    BeamSpec,
    CellSpec,
    LinacTable,
    MatchingSpec,
    PulseSpec,
    StructureSpec,
    ToleranceSpec,
)
from optics.linac import (
    Bunch,
    Linac,
    PermanentQuadrupole,
    Pipe,
    Section,
    Tank,
    TransitTime,
    design_pass,
    from_polynomial,
    from_table,
    gap_cell,
    matched_start,
    sine_cell,
    transport,
)
from optics.linac.structure.errors import Errors
from optics.linac.structure.linac import Piece
from optics.linac.structure.sections import size_section

#: Pieces behind their design pass, and the particle behind them.
Part = tuple[tuple[Piece, ...], ReferenceParticle]
_DESIGNED = Kept[tuple[Any, ...], Part]("designed sections", at_most=64)
_MEMORY = Memory()  # of this process: pieces follow from the sections and the particle alone


def linac_from(name: str, table: LinacTable) -> Linac:
    """Section by section: sized from the energy that the design pass reaches in front of it.

    On its axis the particle sees no quadrupole: sections that differ in gradients have one design pass.
    """
    kind = species_named(table.beam.species)
    start = ReferenceParticle(kind, kinetic_energy_per_u=table.beam.kinetic_energy_MeV * 1e6 / kind.nucleons)
    part: Part = ((), start)
    sections = tuple(spec.model_copy(update={"gradients_T_per_m": _ones(spec)}) for spec in table.section)
    for number in range(1, len(sections) + 1):
        key = (name, table.beam.species, table.beam.kinetic_energy_MeV, sections[:number])
        part = _MEMORY.once(_DESIGNED, key, partial(_behind, name, start, part, sections[number - 1]))
    gradients = [gradient for spec in table.section for gradient in spec.gradients_T_per_m]
    return Linac(name, start, part[0]).with_gradients(gradients)


def _ones(spec: StructureSpec | MatchingSpec) -> tuple[float, ...]:
    return (1.0,) * len(spec.gradients_T_per_m)


def _behind(name: str, start: ReferenceParticle, before: Part, spec: StructureSpec | MatchingSpec) -> Part:
    """The pieces so far and those of one section more, and the particle behind them."""
    pieces, at = before
    own = _quadrupoles(spec) if isinstance(spec, MatchingSpec) else _tanks(spec, at)
    linac = design_pass(Linac(name, start, (*pieces, *own)))
    return linac.pieces, ReferenceParticle(start.kind, kinetic_energy_per_u=_end(linac) / start.nucleons)


def _end(linac: Linac) -> float:
    return float(transport(linac).energy[-1])


def _tanks(spec: StructureSpec, particle: ReferenceParticle) -> tuple[Piece, ...]:
    """Tanks and quadrupoles of a structure; one unit alone is called as the structure."""
    pieces, _ = size_section(_section(spec), particle)
    if spec.tanks_per_unit < spec.tanks:
        return pieces
    return tuple(replace(piece, unit=spec.name) if isinstance(piece, Tank) else piece for piece in pieces)


def _section(spec: StructureSpec) -> Section:
    return Section(
        name=spec.name,
        tanks=spec.tanks,
        cells=spec.cells,
        e0t=spec.E0T_MV_per_m * 1e6,
        synchronous_phase=radians(spec.synchronous_phase_deg),
        frequency=spec.frequency_MHz * 1e6,
        bore=spec.bore_mm * 1e-3,
        gradients=spec.gradients_T_per_m,
        magnet_length=spec.magnet_length_mm * 1e-3,
        shortest_gap=spec.shortest_gap_mm * 1e-3,
        tanks_per_unit=spec.tanks_per_unit,
        mode=spec.mode,
        cell=_cell(spec.name, spec.cell),
    )


def _cell(name: str, spec: CellSpec) -> TransitTime:
    if spec.kind == "gap":
        return gap_cell(float(spec.gap or 0.0), edge=spec.edge)
    if spec.kind == "polynomial":
        return from_polynomial(name, spec.coefficients, float(spec.lowest_kl or 0.0), float(spec.highest_kl or 0.0))
    if spec.kind == "table":
        return from_table(name, spec.kl, spec.factor)
    return sine_cell()


def _quadrupoles(spec: MatchingSpec) -> tuple[Piece, ...]:
    bore = spec.bore_mm * 1e-3
    pieces: list[Piece] = []
    for number, space in enumerate(spec.spaces_mm, 1):
        if space > 0:
            pieces.append(Pipe(f"{spec.name}-space-{number}", length=space * 1e-3, bore=bore))
        if number <= len(spec.gradients_T_per_m):
            pieces.append(
                PermanentQuadrupole(
                    f"{spec.name}-quadrupole-{number}",
                    length=spec.magnet_length_mm * 1e-3,
                    bore=bore,
                    gradient=spec.gradients_T_per_m[number - 1],
                )
            )
    return tuple(pieces)


def bunch_of(spec: BeamSpec, linac: Linac) -> Bunch:
    """The beam at the entrance; matched to the first period where the table does not say its shape."""
    if spec.betx_m is None or spec.bety_m is None:
        start = matched_start(linac)
    else:
        start = {"betx": spec.betx_m, "alfx": spec.alfx, "bety": spec.bety_m, "alfy": spec.alfy}
    return Bunch(
        particle=linac.particle,
        emittance_x=spec.emittance_x_um * 1e-6,
        emittance_y=spec.emittance_y_um * 1e-6,
        sigma_phase=radians(spec.sigma_phase_deg),
        sigma_energy=spec.sigma_energy_keV * 1e3,
        frequency=spec.frequency_MHz * 1e6,
        correlation=spec.correlation,
        **start,
    )


def supplies_of(table: LinacTable, linac: Linac) -> Mapping[str, Supply]:
    """The supply of every RF unit, in the order of the beam."""
    structures = [spec for spec in table.section if isinstance(spec, StructureSpec)]
    found = {}
    for unit in linac.units:
        tank = next(tank for tank in linac.tanks if tank.unit == unit)
        spec = next(one for one in structures if tank.name.rpartition("-tank-")[0] == one.name)
        found[unit] = Supply(
            spec.supply.shunt_impedance_MOhm_per_m * 1e6,
            spec.supply.surface_field_ratio,
            spec.supply.klystron_MW * 1e6,
            spec.supply.waveguide_loss,
        )
    return ClosedMapping(found)


def pulse_of(spec: PulseSpec) -> Pulse:
    """Time structure in SI units."""
    return Pulse(
        length=spec.length_us * 1e-6,
        repetition=spec.repetition_Hz,
        amplitude_settling=spec.amplitude_settling_us * 1e-6,
        low_level=spec.low_level_us * 1e-6,
        magnet_slew=spec.magnet_slew_Tm_per_s,
        magnet_settling=spec.magnet_settling_ms * 1e-3,
    )


def errors_of(spec: ToleranceSpec) -> Errors:
    """Errors in SI units."""
    return Errors(
        offset=spec.magnet_offset_um * 1e-6,
        roll=spec.magnet_roll_mrad * 1e-3,
        gradient=spec.magnet_gradient,
        amplitude=spec.unit_amplitude,
        phase=radians(spec.unit_phase_deg),
        tank_amplitude=spec.tank_amplitude,
        tank_phase=radians(spec.tank_phase_deg),
        cut=spec.cut_sigmas,
    )
