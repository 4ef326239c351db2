"""What slow extraction from a lattice of one's own assumes where its study file is silent: the beam."""

from __future__ import annotations

from lattice import Lattice
from machines.rings.machine import RingMachine
from studies.slow_extraction.septa import with_septa
from studies.slow_extraction.spec import ExtractionStudy
from studies.spec.assumed import with_unsaid
from studies.spec.schema import BeamSpec

#: Of the size of the PIMMS design (CERN/PS 2000-007): normalised rms emittances, a stack of 0.4 % in full.
BEAM = BeamSpec(normalised_emittance_x_um=0.52, normalised_emittance_y_um=0.52, momentum_spread=4e-3)


def with_assumed(study: ExtractionStudy, lattice: Lattice, machine: RingMachine | None) -> ExtractionStudy:
    """The study with its septa and a beam, and named in ``assumed`` that nobody stated it. Raises as ``with_septa``."""
    found = with_septa(study, lattice, machine)
    if machine is not None or found.beam is not None:
        return found
    return found.model_copy(update={"beam": BEAM, "assumed": with_unsaid(found, ("beam",))})
