"""The energies of an energy switching study: those of its operational tables, or of its lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lattice import InputError, ReferenceParticle
from optics.matter.ranges import energy_of, range_of
from studies.energy_switching.spec import EnergiesSpec, EnergySwitchingStudy
from studies.energy_switching.table_file import OperationalTable, read_table, table_text
from studies.spec.resolution import Resolved

TABLES = "operational table "  # how inputs call them

#: Particles of each species, energies rising.
Lists = list[tuple[str, list[ReferenceParticle]]]


def tables_of(resolved: Resolved[EnergySwitchingStudy]) -> tuple[OperationalTable, ...]:
    """The operational tables among a study's inputs. FileError and InputError for what they cannot be."""
    return tables_in(resolved.inputs)


def tables_in(inputs: Mapping[str, bytes]) -> tuple[OperationalTable, ...]:
    """As ``tables_of``, from the content of the files by name."""
    named = sorted(key for key in inputs if key.startswith(TABLES))
    found = tuple(read_table(table_text(inputs[key], key), key) for key in named)
    species = [table.species for table in found]
    repeated = {name for name in species if species.count(name) > 1}
    if repeated:
        raise InputError(f"two tables of {', '.join(sorted(repeated))}: give one file a species")
    return found


def energies_of(study: EnergySwitchingStudy, tables: Sequence[OperationalTable]) -> Lists:
    """Particles of each species: those of the tables where there are any."""
    return [(t.species, t.particles) for t in tables] or [(spec.species, _spaced(spec)) for spec in study.energies]


def _spaced(spec: EnergiesSpec) -> list[ReferenceParticle]:
    """The energies of the list, or evenly spaced in range."""
    energies = np.array(spec.values_MeV_per_u or ())
    if spec.number is not None:
        low, high = (float(range_of(spec.species, energy)) for energy in spec.ends)
        energies = energy_of(spec.species, np.linspace(low, high, spec.number))
    return [ReferenceParticle(spec.species, kinetic_energy_per_u=float(energy) * 1e6) for energy in energies]
