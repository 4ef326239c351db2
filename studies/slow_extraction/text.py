"""Methods, assumptions and references of the extraction study in sentences, from what was resolved and computed."""

from __future__ import annotations

from collections.abc import Iterator

from studies.ring_optics.text import assumptions as optics_assumptions
from studies.ring_optics.text import methods as optics_methods
from studies.ring_optics.text import references as optics_references
from studies.slow_extraction.facts import ExtractionFacts
from studies.sources import cited

_BENDS = {"full": "exact bends with full fringe fields", "linear": "exact bends with linear edges"}
_AT_REST = {False: "particles have no vertical motion", True: "the other mode is at rest"}
REFERENCES = cited("kobayashi-1967", "hardt-1981", "pimms-1", "barnes-2010", "guckenheimer-1983")


def methods(facts: ExtractionFacts) -> Iterator[str]:
    """How every number was computed."""
    yield (
        f'Model: {_BENDS[facts.fringe]}, exact drifts and quadrupoles, thick sextupoles, the same for "exact" '
        f'and for Xsuite. "Leading '
        "order\" is Kobayashi's Hamiltonian with the virtual sextupole S e^(3 i mu) = sum S_n e^(3 i mu_n), "
        "S_n = -1/2 betx^(3/2) K2 L averaged over the length of each sextupole."
    )
    yield (
        "Exact fixed points are points of period three of the full map, by Newton's method with exact Jacobians; arms "
        "are their unstable manifolds, tracked from the outgoing eigenvector, to second order at the start. In "
        "a ring that keeps its midplane turns within a box about the orbit are made with a polynomial that "
        "interpolates the turn of the maps and misses it by no more than their rounding (2e-12 of the box, checked at "
        "64 points); others, and all where no polynomial does that, go through the maps one by one."
    )
    if facts.resonance.optics.coupled:
        yield _coupled(facts)
    yield _difference(facts)
    yield (
        "Momenta that are extracted: as the study gives them."
        if facts.spec.momenta is not None
        else "Momenta that are extracted: those at which particles of amplitudes from a quarter to all of the beam's "
        "edge lose stability when the stack is moved into the resonance (pi A^2 equal to the exact area)."
    )
    yield (
        "Loss on the wires: the part of three turns that particles on the arm spend between the faces of the wires, "
        "seen as thick as the wires plus their length times the crossing angle, averaged over the extracted beam."
    )
    yield (
        "The kick of the electrostatic septum acts in its middle on what is beyond the wires; both beams are then "
        "tracked to the entrance of the magnetic septum."
    )
    if facts.engines.rows:
        yield (
            f"{facts.engines.name} tracked the same lattice at {len(facts.engines.rows)} momenta: its own fixed points "
            "by Newton's method with differences of 1e-6 m and rad, its own arms from them; the way from one septum to "
            "the other begins on our arm."
        )
    yield from optics_methods(facts.optics)


def _coupled(facts: ExtractionFacts) -> str:
    mode = facts.resonance.mode
    return (
        f"The ring couples the planes: the resonance is that of mode {mode.number}, of whose area {mode.share:.4g} is "
        "in x, x'. Fixed points and arms are those of four dimensions, and areas the sums of those in both planes: "
        "they are those of the surface on which the other mode is at rest. At the septa arms are seen in x; in the "
        "last turns the room in y counts too."
    )


def _difference(facts: ExtractionFacts) -> str:
    leading, wires = facts.resonance.kobayashi, facts.wires[facts.design.delta]
    area = _apart(facts.resonance.stable_area, leading.stable_area)
    step = _apart(facts.arm.spiral_step, wires.leading_step)
    straight = wires.leading
    angle = (
        f", angle of the arm at the wires {1e3 * facts.design.angle:.4g} mrad where leading order has "
        f"{1e3 * straight.px / (1 + facts.design.delta):.4g} mrad"
        if straight
        else ""
    )
    return (
        f"Exact and leading order at dp/p = {facts.design.delta:g}: area of the stable triangle {area}, spiral step "
        f"{step}{angle}. Areas are those of the triangle, not twice it."
    )


def _apart(exact: float, leading: float) -> str:
    """``3.2 % below`` or ``15 % above leading order``."""
    percent = 100 * (exact / leading - 1)
    return f"{abs(percent):.2g} % {'above' if percent > 0 else 'below'} leading order"


def assumptions(facts: ExtractionFacts) -> Iterator[str]:
    """What is taken as given: the machine's assumptions and those of the study."""
    yield from optics_assumptions(facts.optics)
    if facts.spec.septum_angle is None:
        yield "The wires of the electrostatic septum are turned to the middle of the extracted beam's angles."
    yield (
        f"The beam is '{facts.beam.name}' with its normalised emittance at this energy ({facts.beam.source}); its edge "
        f"is at {facts.beam.sigmas:g} sigma, its momenta fill {facts.beam.momentum_spread:g} evenly."
    )
    yield (
        f"The stack waits {facts.spec.stack} the resonant momentum and is moved slowly, so that a particle leaves when "
        f"the triangle has shrunk to its amplitude; {_AT_REST[facts.resonance.optics.coupled]}."
    )

    if len(facts.points) > 1:
        yield (
            "At other energies and for other species the strengths are the study's, normalised: the magnets follow the "
            "rigidity, and corrections of their fields that operation may need are not known."
        )


def references(facts: ExtractionFacts) -> Iterator[str]:
    """Sources of the methods and of the machine."""
    yield from REFERENCES
    yield from optics_references(facts.optics)
