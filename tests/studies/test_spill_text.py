"""Numbers in the sentences of the tracked spill: what was tracked, what is taken as given, what a reader must know."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from extraction import Ripple
from studies.slow_extraction.spill import text
from studies.slow_extraction.spill.facts import SpillFacts
from tests.studies import spill_made as made


def facts(**changes: Any) -> SpillFacts:
    """With the stack and the ripple of a study."""
    found = made.facts(**changes)
    case: Any = found.case
    case.stack = SimpleNamespace(reach=-2.5e-3, beam=SimpleNamespace(span=2e-3, sigmas=2.5))
    case.ripple = (Ripple("kf", ((2e-5, 50.0, 0.0), (1e-5, 300.0, 1.0))),)
    case.spec.shaped_duty_factor = 0.95
    return found


def test_what_was_tracked() -> None:
    found = " ".join(text.methods(facts()))
    assert "Spill: 60 particles" in found
    assert "over 5000000 turns" in found
    assert "nonlinear part is 1.0e-04 of it (misfit, rms)" in found
    assert "the farthest of 100 particles a momentum is 3 um, in x and y, from where the exact turn brings it" in found
    assert "14 kicks a quadrupole and 7 a sextupole between exact drifts, where it takes 28" in found
    assert "in bins of 250 ms" in found
    assert "followed the same 60 particles over the programme shortened to 5000000 turns" in found
    assert "a chance below 0.01, when the same particle leaves more than 3 turns apart (median)" in found
    assert "or when more than 10% are extracted by one of them only" in found
    assert "shaping" not in found
    shaped = facts(shaping={"betatron-core": None}, agreement=None)
    found = " ".join(text.methods(shaped))
    assert "until the duty factor in 24 bins is 0.95." in found
    assert "Both trackers" not in found


def test_what_is_taken_as_given() -> None:
    found = " ".join(text.assumptions(facts()))
    assert "The stack is 2e-3 wide in dp/p and cut at 2.5 sigma" in found
    assert "the driver moves it by -0.0025." in found
    assert "kf: 2e-05 at 50 Hz, 1e-05 at 300 Hz" in found


def test_warnings_begin_with_the_disagreement() -> None:
    """Turns with a chance below 1 %; then notes of each spill, what could not be done, and why one tracker is alone."""
    parted = replace(made.agreement(), turn=(0.9, 1e-9))
    other = replace(made.other(), notes=("none leave",))
    known: dict[str, Any] = {"others": {"tune-sweep": other}, "why_not": ("rf-knockout was not tracked: no place",)}
    found = list(text.warnings(facts(agreement=parted, **known)))
    assert found[0].startswith(f"{text.ALARM}the fast tracker and Xsuite disagree on 5000000 turns of the same 60")
    assert found[1:] == [
        "Spill: few leave.",
        VERTICAL,
        "Spill by tune-sweep: none leave.",
        "Spill: rf-knockout was not tracked: no place.",
    ]
    alone = list(text.warnings(facts(agreement=None, alone="a test")))
    assert alone == [
        "Spill: few leave.",
        VERTICAL,
        "Spill: no comparison with Xsuite (a test). Its verdicts rest on the fast tracker alone.",
    ]
    assert list(text.warnings(None)) == []
    assert (text.references(None), len(text.references(facts()))) == ((), 4)


#: One of 51 that left is 2 %.
VERTICAL = (
    "Spill: 1 of 10 lost particles, of 51 that left the ring, were lost vertically: the extraction's analysis (arms, "
    "spiral step, losses on the wires) is that of the horizontal plane, y = 0, and does not count them"
)


def test_few_vertical_losses_are_no_warning() -> None:
    """Without one nothing is said; a tenth of the losses, a thousandth of the beam, is nothing to say either."""
    gone = made.lost()
    assert VERTICAL not in list(text.warnings(facts(spill=made.spill(gone=gone.assign(plane="x")))))
    many = pd.concat([gone.assign(particle=1000 + 10 * i + np.arange(10), plane="x") for i in range(100)])
    few = facts(spill=made.spill(gone=pd.concat([many, gone[-1:]]), began=2000))
    assert not any("vertically" in one for one in text.warnings(few))


def test_how_the_trackers_differ_in_numbers() -> None:
    """One of 60 by one tracker only, the others one turn apart."""
    parted = facts(agreement=replace(made.agreement(), turn=(0.9, 1e-9)))
    assert "1.7% extracted by one only, the others 1 turns apart" in parted.disagreement
    assert "chance 1e-09 for the turns and 0.5 for the angles" in parted.disagreement
