"""What a study of the extraction asks of the physics: the right side, momenta, middle and edges, all unequal."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from extraction import BetatronCore
from extraction.resonance.diagram import WaitingBeam
from lattice import NoSolution, ReferenceParticle
from lattice.errors import InputError
from studies.slow_extraction import facts

PROTON = ReferenceParticle("proton", kinetic_energy_per_u=60e6)


def case(delta: float, arm: bool = True) -> Any:
    return SimpleNamespace(delta=delta, arm=SimpleNamespace(delta=delta) if arm else None)


def test_wires_stand_between_the_extremes_of_the_angles() -> None:
    """As far from the arm that is steepest as from the one that is least so, wherever the others are."""
    assert facts._between_extremes([1e-3, -2e-3, 0.9e-3]) == pytest.approx(-0.5e-3, rel=1e-12)


def test_the_design_point_is_shown_among_the_momenta_in_order_and_once() -> None:
    found, design = [case(-2e-3), case(1e-3)], case(-1e-3)
    assert [one.delta for one in facts._shown(found, design)] == [-2e-3, -1e-3, 1e-3]
    assert [one.delta for one in facts._shown([*found, design], design)] == [-2e-3, -1e-3, 1e-3]
    assert [one.delta for one in facts._compared_cases(design, [*found, case(3e-3)])] == [-1e-3, -2e-3, 3e-3]
    assert [one.delta for one in facts._compared_cases(found[0], found)] == [-2e-3, 1e-3]


def test_the_core_takes_the_middle_of_the_stack_to_the_resonance(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stack about -3e-3 that leaves at +1e-3 has 4e-3 to go."""
    monkeypatch.setattr(BetatronCore, "flux", lambda ring, particle, change: change)
    steinbach: Any = SimpleNamespace(resonant=1e-3, stack=SimpleNamespace(delta=np.array([-4e-3, -3.5e-3, -1.5e-3])))
    nothing: Any = None
    assert facts._flux(nothing, PROTON, steinbach) == pytest.approx(4e-3, rel=1e-12)


@pytest.mark.parametrize(("stack", "side"), [("below", -1.0), ("above", 1.0)])
def test_the_stack_waits_on_its_side_with_the_beam_s_emittance(
    stack: str, side: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}

    def steinbach_of(lattice: Any, particle: Any, at: str, waiting: Any, **how: Any) -> str:
        asked.update(how, lattice=lattice, particle=particle, at=at, waiting=waiting)
        return "found"

    monkeypatch.setattr(facts, "steinbach_of", steinbach_of)
    study = SimpleNamespace(seed=7)
    base: Any = SimpleNamespace(
        optics=SimpleNamespace(lattice="the ring", fringe="full"),
        resolved=SimpleNamespace(particle=PROTON, study=study),
    )
    spec: Any = SimpleNamespace(stack=stack, particles=1234)
    septum: Any = SimpleNamespace(at="es")
    beam: Any = SimpleNamespace(momentum_spread=4e-3, sigmas=2.5)
    made: tuple[object, str] = facts._steinbach_or_reason(base, spec, septum, beam, 3e-6)
    assert made == ("found", "")
    waiting = asked.pop("waiting")
    assert asked == {
        "side": side,
        "count": 1234,
        "seed": 7,
        "fringe": "full",
        "lattice": "the ring",
        "particle": PROTON,
        "at": "es",
    }
    assert waiting == WaitingBeam((3e-6, 3e-6), 4e-3, 2.5)

    def none(*_: Any, **__: Any) -> Any:
        raise NoSolution("no wedge")

    monkeypatch.setattr(facts, "steinbach_of", none)
    assert facts._steinbach_or_reason(base, spec, septum, beam, 3e-6) == (None, "no wedge")


def test_momenta_are_those_given_or_those_at_which_the_beam_s_edge_leaves() -> None:
    given: Any = SimpleNamespace(momenta=SimpleNamespace(lower=-2e-3, upper=1e-3, number=4))
    free: Any = SimpleNamespace(momenta=None)
    steinbach: Any = SimpleNamespace(extracted_momenta=lambda edge: np.array([edge, 2 * edge]))
    assert facts._momenta(given, None, "", 1.0) == pytest.approx([-2e-3, -1e-3, 0.0, 1e-3], abs=1e-15)
    assert facts._momenta(free, steinbach, "", 5e-3) == pytest.approx([5e-3, 1e-2])
    with pytest.raises(NoSolution, match=r"not known \(no wedge\): give extraction.momenta"):
        facts._momenta(free, None, "no wedge", 1.0)


def test_what_cannot_be_computed_is_its_error() -> None:
    def refused() -> float:
        raise InputError("not here")

    assert facts._or_error(lambda: 2.5) == 2.5
    assert str(facts._or_error(refused)) == "not here"
