"""A linac as a machine: its section table, the linac built from it, beam, supplies, tolerances, requirements.

What builds it is loaded when something is built: to say what a linac is takes no compiled maps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self

from lattice import ReferenceParticle
from lattice.arrays import Array, ClosedMapping
from lattice.reference import species_named
from machines.linacs.supplies import Pulse, Supply
from machines.linacs.table import LinacTable
from machines.machine import Machine
from machines.requirements import Requirement

if TYPE_CHECKING:
    from optics.linac import Bunch, Linac, Tank
    from optics.linac.structure.errors import Errors


@dataclass(frozen=True, kw_only=True, repr=False)
class LinacMachine(Machine):
    """Everything known of one linac: its section ``table``; all else is built from that when asked for."""

    kind: ClassVar[str] = "linac"

    table: LinacTable

    @classmethod
    def of(cls, table: LinacTable, requirements: tuple[Requirement, ...] = ()) -> Self:
        """The machine of a section table. Raises InputError for an unknown species.

        The table's energies are those of the whole particle, the machine's those per u.
        """
        nucleons = species_named(table.beam.species).nucleons
        low, high = (energy * 1e6 / nucleons for energy in (table.lowest_energy_MeV, table.highest_energy_MeV))
        return cls(
            name=table.name,
            title=table.title,
            energies=ClosedMapping({table.beam.species: (low, high)}),
            requirements=requirements,
            assumptions=table.assumptions,
            references=table.references,
            table=table,
        )

    def with_table(self, table: LinacTable) -> Self:
        """The machine with another section table; its linac is the same one where nothing that it is built of differs.

        Raises as ``of``.
        """
        other = type(self).of(table, self.requirements)
        if _built_of(table) == _built_of(self.table):
            other.__dict__["linac"] = self.linac  # where cached_property keeps it
        return other

    @property
    def reach(self) -> tuple[float, float]:
        """Lowest and highest energy of treatment [eV], of the whole particle."""
        return self.table.lowest_energy_MeV * 1e6, self.table.highest_energy_MeV * 1e6

    @cached_property
    def linac(self) -> Linac:
        """The linac behind its design pass. Raises InputError naming a section or tank that cannot be."""
        from machines.linacs.build import linac_from

        return linac_from(self.name, self.table)

    @cached_property
    def bunch(self) -> Bunch:
        """The beam at the entrance."""
        from machines.linacs.build import bunch_of

        return bunch_of(self.table.beam, self.linac)

    @cached_property
    def supplies(self) -> Mapping[str, Supply]:
        """RF supply of every unit, in the order of the beam."""
        from machines.linacs.build import supplies_of

        return supplies_of(self.table, self.linac)

    @property
    def pulse(self) -> Pulse:
        """Time structure."""
        from machines.linacs.build import pulse_of

        return pulse_of(self.table.pulse)

    @property
    def errors(self) -> Errors:
        """Tolerances."""
        from machines.linacs.build import errors_of

        return errors_of(self.table.tolerance)

    @property
    def current(self) -> float:
        """Mean current in the pulse at the entrance [A]."""
        return self.table.beam.current_uA * 1e-6

    @property
    def bunch_charge(self) -> float:
        """Charge of a bunch [C]: the current in the pulse over the frequency of the bunches."""
        beam = self.table.beam
        return self.current / (1e6 * (beam.bunch_frequency_MHz or beam.frequency_MHz))

    def sample(self, count: int, seed: int) -> Array:
        """Particles (count, 6) at the entrance."""
        beam = self.table.beam
        return self.bunch.sample(count, seed=seed, distribution=beam.distribution, cut=beam.cut_sigmas)

    def tanks_of(self, unit: str) -> tuple[Tank, ...]:
        """Tanks that an RF unit feeds."""
        return tuple(tank for tank in self.linac.tanks if tank.unit == unit)

    def change_time(self, before: float, after: float) -> float:
        """Time [s] from one energy [eV] to another with the beam line's magnets, in whole intervals of pulses."""
        kind = self.linac.particle.kind
        ends = [ReferenceParticle(kind, kinetic_energy_per_u=energy / kind.nucleons) for energy in (before, after)]
        return self.pulse.change_time(*ends)


def _built_of(table: LinacTable) -> dict[str, Any]:
    """What of a section table the linac itself is built of: neither its supplies nor its beam's sizes."""
    beam = table.beam
    sections = table.model_dump(include={"section"}, exclude={"section": {"__all__": {"supply"}}})
    return {"species": beam.species, "energy": beam.kinetic_energy_MeV, **sections}
