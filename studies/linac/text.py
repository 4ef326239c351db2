"""How the studies of a linac compute, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from optics.linac.switching.settings import REACH
from optics.matter.ranges import range_text
from studies.linac.facts import WINDOW, LinacFacts
from studies.linac.switching.facts import SwitchingFacts


def methods(facts: LinacFacts) -> Iterator[str]:
    """Of the optics study."""
    yield (
        "Every cell is a thin gap in its middle: the energy changes by q E0 L T(k) I0(K r) cos(phase), the transverse "
        "momentum by the radial derivative of the same potential; T depends on the velocity, and the map is symplectic "
        "(implicit midpoint). The arrival phase is carried from cell to cell."
    )
    yield (
        "The design pass follows the reference particle and sets the RF phase of each tank its synchronous phase away "
        "from the phase at which the tank as a whole gives most energy."
    )
    yield (
        f"A particle that ends farther than {WINDOW:.0%} from the reference energy has fallen out of the bunch: it "
        "counts as lost, at the end."
    )
    yield "Envelopes, phase advances and acceptances come from 6x6 matrices, derivatives of the same maps."
    if not facts.pair.alone:
        yield (
            "Second engine: Runge-Kutta integration through the on-axis field of the same cells with the fields off "
            "the axis to first order; the reference particle through all tanks, and "
            f"{len(facts.pair.maps.alive) if facts.pair.maps else 0} particles."
        )
    yield (
        "Copper power is (E0T)^2 L over the effective shunt impedance; the beam's power is current times energy gain; "
        "Kilpatrick's field E from f = 1.64 E^2 exp(-8.5/E), f in MHz, E in MV/m."
    )
    yield (
        f"Machines with errors: {len(facts.errors)} samples, Gaussian, cut at {facts.machine.errors.cut:g} rms, no "
        "steering, RF phases as designed."
    )
    yield f"Range in water: {range_text(facts.machine.linac.particle.kind)}."


def switching_methods(facts: SwitchingFacts) -> Iterator[str]:
    """Of the switching study."""
    yield (
        "RF phases and gradients are those of the design. For an energy, units are on from the low-energy end, the "
        "last one at the least amplitude that gives the energy at its phase, the rest off."
    )
    if facts.study.least_spread:
        low, high = np.degrees(REACH)
        yield (
            f"The phase of the last unit, within {low:.0f} and {high:.0f} degrees of the designed one, leaves 256 "
            "tracked particles with the least energy spread; found at 9 energies of each unit, monotone cubic between."
        )
    yield (
        f"At every energy {facts.study.particles_per_energy} particles are tracked through all gaps; what all energies "
        f"share is tracked once. A particle farther than "
        f"{WINDOW:.0%} from its energy counts as lost. Twiss parameters at the exit are those of the survivors."
    )
    yield (
        "A trip leaves the unit off; each unit behind is set its synchronous phase away from the phase at which it "
        "gives "
        "most energy to what arrives, at full amplitude, or stays off where it gives none; 1000 particles are tracked."
    )
    yield f"Range in water: {range_text(facts.machine.linac.particle.kind)}."
