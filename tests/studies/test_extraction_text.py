"""Numbers in the sentences of the extraction study: exact beside leading order, what is taken as given."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from machines.rings.machine import MachineBeam
from studies.slow_extraction import text
from tests.studies import extraction_made as made


@pytest.fixture(autouse=True)
def _without_the_optics(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("optics_methods", "optics_assumptions", "optics_references"):
        monkeypatch.setattr(text, name, lambda facts: iter(()))


def sentences() -> str:
    facts = made.facts()
    object.__setattr__(facts.optics.optics, "fringe", "full")
    return " ".join(text.methods(facts))


def test_exact_beside_leading_order() -> None:
    """Of the design momentum: areas 12e-6 and Kobayashi's of dQ = -2e-3, steps 5 mm and his, angles in mrad."""
    leading = made.kobayashi(-2e-3)
    arm = leading.arm(made.WIRES)
    assert arm is not None
    found = sentences()
    area, step = 12e-6 / leading.stable_area - 1, 5e-3 / leading.spiral_step(made.WIRES) - 1
    assert area < 0 < step
    assert f"area of the stable triangle {-100 * area:.2g} % below leading order" in found
    assert f"spiral step {100 * step:.2g} % above leading order" in found
    exact, straight = -0.9 / 0.999, 1e3 * arm.px / 0.999
    assert f"angle of the arm at the wires {exact:.4g} mrad where leading order has {straight:.4g} mrad" in found
    assert "at dp/p = -0.001" in found
    assert "tracked the same lattice at 2 momenta" in found


def test_what_is_taken_as_given() -> None:
    beam = MachineBeam("stack", "here", 4e-6, 1e-6, 3e-3, 2.5, "the test")
    found = " ".join(text.assumptions(made.facts(beam=beam)))
    assert "turned to the middle of the extracted beam's angles" in found
    assert "its edge is at 2.5 sigma, its momenta fill 0.003 evenly" in found
    assert "The stack waits below the resonant momentum" in found
    given = made.SPEC.model_copy(update={"septum_angle": 1e-3, "stack": "above"})
    found = " ".join(text.assumptions(replace(made.facts(beam=beam), spec=given)))
    assert "turned to the middle" not in found
    assert "The stack waits above the resonant momentum" in found


def test_a_coupled_ring_says_which_mode_and_what_its_areas_are() -> None:
    facts = made.facts(beam=MachineBeam("stack", "here", 4e-6, 1e-6, 3e-3, 2.5, "the test"))
    resonance = facts.design.resonance
    assert resonance is not None
    object.__setattr__(facts.optics.optics, "fringe", "full")
    resonance.optics.coupled = True  # type: ignore[misc]
    resonance.mode = SimpleNamespace(number=2, share=0.1313)  # type: ignore[misc, assignment]
    found = " ".join(text.methods(facts))
    assert "the resonance is that of mode 2, of whose area 0.1313 is in x, x'" in found
    assert "the other mode is at rest" in " ".join(text.assumptions(facts))
    assert "couples the planes" not in sentences()
