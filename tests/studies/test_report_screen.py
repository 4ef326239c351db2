"""The first screen of a report: each of its numbers is one of the results, each mark at a place of the machine."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import combinations
from math import hypot, pi
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lattice import Bend, Drift, InputError, Lattice, Quadrupole, RFCavity
from machines.published import SYNCHROTRONS, PublishedNumber, published, published_numbers
from machines.registry import ring_named
from machines.requirements import PROGRAM, PUBLISHED, Requirement, judge
from optics import twiss
from studies.report.screen import FirstScreen, first_screen
from studies.report.screen.outline import outline
from studies.report.screen.picture import WIDTH, Picture, picture
from studies.report.screen.screen import KindCount
from studies.report.verdicts import VerdictRow, verdict_rows
from studies.results import Quantity, StudyResult, TableData
from studies.ring_optics.quantities import evaluate
from studies.vocabulary import remedy_of
from tests.report_fakes import PROTON, fake_result, fake_ring


def need(id: str, quantity: str, upper: float, unit: str = "m", kind: str = PUBLISHED) -> Requirement:
    return Requirement(id, f"What {id} asks", quantity, unit, "table 4", "fake", None, upper, kind)


def quantity(name: str, value: float, unit: str = "m", at: str = "") -> Quantity:
    return Quantity(name, value, unit, 1e-6, "own maps", "a method", at=at)


def judged(*cases: tuple[str, str, float, float, str]) -> StudyResult:
    """The fake study with requirements (id, quantity, value, upper limit, place)."""
    verdicts = tuple(judge(need(id, name, upper), value, 1e-6) for id, name, value, upper, _ in cases)
    quantities = tuple(quantity(name, value, at=at) for _, name, value, _, at in cases)
    return replace(fake_result(), quantities=quantities, verdicts=verdicts, tables=())


def rows_of(result: StudyResult) -> tuple[VerdictRow, ...]:
    return verdict_rows(result.verdicts, result.quantities, result.figures)


def screen_of(result: StudyResult) -> FirstScreen:
    return first_screen(result, rows_of(result))


CASES = judged(
    ("A-01", "max_betx", 16.0, 17.0, "qf"),
    ("A-02", "max_bety", 16.9, 17.0, "qd"),
    ("A-03", "max_dx", 5.0, 10.0, ""),
    ("A-04", "dx@es", 11.0, 10.0, "es"),
    ("A-05", "betx@es", 9.5, 10.0, "es"),
)


def test_the_smallest_margins_are_the_three_least_of_the_results() -> None:
    """A-04 misses its limit; then 0.1 of 17 and 0.5 of 10 are the least of the others (and 1 of 17, 5 of 10)."""
    screen = screen_of(CASES)
    assert [row.verdict.requirement.id for row in screen.smallest] == ["A-04", "A-02", "A-05"]
    assert [row.verdict.margin for row in screen.smallest] == pytest.approx([-1.0, 0.1, 0.5])


def test_what_was_not_evaluated_has_no_margin_and_is_told_as_wanting() -> None:
    open_one = judge(need("A-06", "max_dx", 1.0), None, None, "no ring")
    screen = screen_of(replace(CASES, verdicts=(*CASES.verdicts, open_one)))
    assert "A-06" not in [row.verdict.requirement.id for row in screen.smallest]
    assert [(one.row.verdict.requirement.id, one.cause) for one in screen.wanting][-1] == ("A-06", "no ring")


def test_verdicts_are_counted_by_kind_of_limit() -> None:
    check = judge(need("P-01", "residual_tune_xsuite", 1e-9, "1", PROGRAM), 1e-12, 1e-13)
    screen = screen_of(replace(CASES, verdicts=(*CASES.verdicts, check)))
    assert [(one.text, one.passed, one.failed, one.open, one.kind) for one in screen.kinds] == [
        ("published limits", 4, 1, 0, "fail"),
        ("checks of the program", 1, 0, 0, "pass"),
    ]
    assert [one.number for one in screen.kinds] == [5, 1]
    assert KindCount("assumed limits", 4, 2, 1).number == 7


def test_a_fail_says_what_would_mend_it() -> None:
    """What the judging wrote behind "remedy:" and of the assumptions; from the vocabulary where it wrote none."""
    told = replace(CASES.verdicts[3], reason="outside the limit; remedy: move it; the limit is reached with k lower")
    screen = screen_of(replace(CASES, verdicts=(told,)))
    one = screen.wanting[0]
    assert (one.cause, one.remedy, one.hints) == (
        "outside the limit",
        "move it",
        ("the limit is reached with k lower",),
    )
    older = judge(need("A-07", "max_betx", 15.0), 16.0, 1e-6)
    assert screen_of(replace(CASES, verdicts=(older,))).wanting[0].remedy == remedy_of("max_betx") != ""


def test_the_largest_beta_is_found_in_the_magnet_that_focuses_its_plane() -> None:
    """Of a FODO cell: betx in the focusing quadrupole, bety in the other; a place that is asked for is itself."""
    magnets = [Quadrupole(name, length=0.4, k1=k1) for name, k1 in (("qf", 1.0), ("qd", -1.0))]
    cell = [magnets[0], Drift("a", length=1.6), magnets[1], Drift("b", length=1.6)]
    optics = twiss(Lattice("fodo", elements=cell), PROTON)
    compared = SimpleNamespace(verification=None, alone="a test", optics=optics)
    facts: Any = SimpleNamespace(optics=optics, compared=compared, resolved=SimpleNamespace(machine=None))
    found = {one.name: one.at for one in evaluate(("max_betx", "max_bety", "min_betx", "betx@b"), facts)}
    assert found == {"max_betx": "qf", "max_bety": "qd", "min_betx": "qd", "betx@b": "b"}


# ------------------------------------------------------------------------------------------------------- the picture


def drawn(result: StudyResult, lattice: Lattice | None = None) -> Picture:
    found = picture(lattice or result.lattice, rows_of(result), {one.name: one.at for one in result.quantities}, {})
    assert found is not None
    return found


def test_tight_places_are_numbered_by_severity_and_those_of_one_place_share_a_number() -> None:
    ring = fake_ring()
    quadrupole, other = (next(name for name in ring.names if name.startswith(kind)) for kind in ("qf", "qd"))
    moved = [replace(one, at={"qf": quadrupole, "qd": other}.get(one.at, one.at)) for one in CASES.quantities]
    places = drawn(replace(CASES, quantities=tuple(moved))).places
    told = [[(at, row.verdict.requirement.id) for at, row in place.rows] for place in places]
    assert told == [[("es", "A-04"), ("es", "A-05")], [(other, "A-02")], [(quadrupole, "A-01")]]
    assert [place.kind for place in places] == ["fail", "pass", "pass"]


def test_numbers_stand_inside_the_picture_and_on_no_other() -> None:
    """Five places in one straight section: discs of 11 units must not meet."""
    ring = ring_named("cnao").lattice()
    names = [name for name in ring.names if name.startswith("se_")][:5]
    result = judged(*((f"B-{i}", f"betx@{name}", 9.0 + 0.1 * i, 10.0, name) for i, name in enumerate(names)))
    found = drawn(result, ring)
    discs = [tuple(map(float, xy)) for xy in re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)" r="11"', found.svg)]
    height = float(re.findall(r'viewBox="0 0 560 (\d+)"', found.svg)[0])
    assert len(discs) == len(found.places) >= 3
    assert min(hypot(a[0] - b[0], a[1] - b[1]) for a, b in combinations(discs, 2)) >= 22
    assert all(11 <= x <= WIDTH - 11 and 11 <= y <= height - 11 for x, y in discs)


def test_a_ring_is_drawn_where_its_survey_puts_it() -> None:
    """Sixteen bends of 22.5 degrees close the ring of CNAO to a micrometre; it is as wide as it is high."""
    ring = ring_named("cnao").lattice()
    found = outline(ring)
    assert found is not None
    assert found.view == "from above"
    assert found.orbit[0] == pytest.approx(found.orbit[-1], abs=1e-6)
    assert np.ptp(found.orbit[:, 0]) == pytest.approx(np.ptp(found.orbit[:, 1]), rel=0.02)
    # the orbit's length, in steps of 0.12 rad of arc: chords are short of it by (0.12)^2 / 24 at most
    assert float(np.hypot(*np.diff(found.orbit, axis=0).T).sum()) == pytest.approx(ring.length, rel=1e-3)


def test_a_straight_machine_is_a_bar_with_its_tanks_and_one_that_climbs_is_seen_from_the_side() -> None:
    gaps = [RFCavity("rf", length=0.1, volt=1.0), Quadrupole("q", length=0.1, k1=1.0), Drift("d", length=0.3)]
    straight = outline(Lattice("linac", elements=[*gaps, Quadrupole("p", length=0.1, k1=-1.0)]))
    assert straight is not None
    assert straight.view == "along the beam"
    assert straight.places["q"] == pytest.approx([0.15, 0.0])
    up = [Drift("a", length=2.0), Bend("b", length=1.0, angle=-0.7, tilt=pi / 2), Drift("c", length=2.0)]
    rising = outline(Lattice("gantry", elements=up))
    assert rising is not None
    assert rising.view == "from the side"


def test_many_lattices_in_one_and_one_of_no_length_have_no_picture() -> None:
    many = Lattice("many", elements=[Quadrupole("q", length=1.0, k1="k")], parameters={"k": np.array([0.1, 0.2])})
    assert outline(many) is None
    assert outline(Lattice("none", elements=[Quadrupole("q", length=0.0, k1=0.0)])) is None


def test_a_tank_is_found_by_the_name_its_parts_begin_with() -> None:
    parts = [Drift(f"tank-1-gap-{i}", length=0.2) for i in range(5)]
    result = judged(("C-01", "max_betx", 9.0, 10.0, "tank-1"))
    found = drawn(result, Lattice("linac", elements=[Drift("space", length=1.0), *parts]))
    assert [at for place in found.places for at, _ in place.rows] == ["tank-1"]


# ----------------------------------------------------------------------------------------- key numbers, assumptions


def test_key_numbers_are_those_of_the_results_beside_published_ones() -> None:
    ring = ring_named("cnao")
    numbers = (quantity("max_bend_field", 1.4861234, "T"), quantity("spill_length", 0.88186, "s"))
    result = replace(CASES, quantities=numbers, study={"machine": "cnao"}, lattice=ring.lattice())
    keys = {key.text: key for key in screen_of(result).keys}
    assert keys["Length of the spill"].own == "0.881860"
    assert keys["Largest field of the bends"].own == "1.486123"
    assert keys["Circumference"].own == "77.648"  # sum of the elements' lengths
    assert keys["Energies of protons"].own == "60 to 250"  # the machine's own data
    assert keys["Length of the spill"].cells == (("", True), ("4 to 5", True), ("1 to 10", False))
    assert len(screen_of(result).keys) == 5


def test_a_study_without_published_counterparts_shows_what_it_judges() -> None:
    """Not the three smallest margins again: those stand beside. The length of the lattice, then 16 and 5 m, then qx."""
    result = replace(CASES, quantities=(*CASES.quantities, quantity("qx", 1.666, "1"), quantity("match.qx", 1.0, "1")))
    keys = screen_of(result).keys
    assert [float(key.own) for key in keys] == pytest.approx([fake_ring().length, 16.0, 5.0, 1.666], rel=1e-4)
    assert [key.others for key in keys[1:]] == [(None,) * 3] * 3


def test_a_linac_is_not_held_against_the_magnets_of_rings() -> None:
    result = replace(CASES, quantities=(quantity("max_gradient", 287.7, "T/m"),), study={"machine": "linac"})
    assert "Largest gradient of the quadrupoles" not in [key.text for key in screen_of(result).keys]


def test_a_linac_and_a_line_have_a_length_that_stands_beside_no_ring() -> None:
    """Circumferences of rings are published; of a line of 2.4 m its length is told and nothing else."""
    line = Lattice("line", elements=[Drift("a", length=2.0), Quadrupole("q", length=0.4, k1=1.0)])
    keys = {key.text: key for key in screen_of(replace(CASES, quantities=(), lattice=line)).keys}
    assert "Circumference" not in keys
    assert (keys["Length along the beam"].own, keys["Length along the beam"].others) == ("2.4", (None,) * 3)


def test_every_published_number_names_machine_source_and_unit() -> None:
    assert {one.machine for one in published_numbers()} == set(SYNCHROTRONS)
    assert published("length")["CNAO"].value == pytest.approx(ring_named("cnao").lattice().length, abs=1e-3)
    assert published("nothing") == {}
    assert len({(one.of, one.machine) for one in published_numbers()}) == len(published_numbers())


@pytest.mark.parametrize(
    "wrong", [{}, {"value": 1.0, "lower": 1.0}, {"lower": 1.0}, {"value": 1.0, "machine": "X"}, {"source": " "}]
)
def test_a_published_number_that_says_too_little_is_refused(wrong: dict[str, object]) -> None:
    told = {"of": "length", "machine": "CNAO", "unit": "m", "source": "a paper", **wrong}
    if wrong == {"source": " "}:
        told["value"] = 1.0
    with pytest.raises(InputError):
        PublishedNumber(**told)  # type: ignore[arg-type]


COLUMNS = ("requirement", "quantity", "unit", "assumption", "uncertain by", "moved down", "moved up")
MORE = ("part of the model's error [%]", "passes up to uncertainty x")


def moved(*rows: tuple[object, ...]) -> StudyResult:
    frame = pd.DataFrame(rows, columns=[*COLUMNS, *MORE])
    return replace(CASES, tables=(TableData("sensitivity-assumptions", "What each moves", "", frame),))


def test_the_assumptions_that_decide_turn_a_verdict_soonest() -> None:
    """By the factor on their uncertainty, each once at its least; of those that fail already the larger share first."""
    screen = screen_of(
        moved(
            ("A-01", "max_betx", "m", "kf", "± 1 %", -0.4, 0.5, 90.0, 2.2),
            ("A-02", "max_bety", "m", "kf", "± 1 %", -0.08, 0.09, 90.0, 1.1),
            ("A-03", "max_dx", "m", "gap", "± 2", 0.1, -0.1, 10.0, 40.0),
            ("A-04", "dx@es", "m", "field", "± 5 %", 0.1, -0.1, 20.0, 0.0),
            ("A-04", "dx@es", "m", "angle", "± 3 %", 0.3, -0.3, 80.0, 0.4),
            ("A-04", "dx@es", "m", "size", "± 3 %", 1e-9, -1e-9, 1e-15, 0.0),
        )
    )
    found = [(one.assumption, one.row.verdict.requirement.id, one.told, one.turns) for one in screen.deciding]
    assert found == [
        ("angle", "A-04", "passes up to 0.4 times it", True),
        ("field", "A-04", "does not pass", True),
        ("kf", "A-02", "passes up to 1.1 times it", False),
    ]


def test_a_study_that_moved_nothing_names_no_assumption() -> None:
    assert screen_of(CASES).deciding == ()


def test_a_study_with_nothing_has_a_screen() -> None:
    bare = replace(fake_result(), quantities=(), verdicts=(), tables=(), figures=())
    screen = screen_of(bare)
    assert (screen.kinds, screen.smallest, screen.wanting, screen.deciding) == ((), (), (), ())
    assert [key.text for key in screen.keys] == ["Circumference"]
    assert screen.picture is not None
