"""The table of docs/codes.md: our optics, PTC's, MAD-X's, Xsuite's, and those of an integration through the field."""

from __future__ import annotations

import pytest

from benchmarks.codes.areas import AREAS, Area, by_codes
from benchmarks.codes.table import CASES, HEAD, QUANTITIES, Case, compared
from tests.checkout import ROOT


def documented() -> dict[tuple[str, str, str], list[str]]:
    """Cells of the table by ring, dp/p and quantity."""
    lines = (ROOT / "docs" / "codes.md").read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    return {(row[0], row[1], row[2]): row[3:] for row in rows if row[2] in QUANTITIES}


def test_the_table_has_every_ring() -> None:
    assert set(documented()) == {(case.name, f"{case.delta:g}", name) for case in CASES for name in QUANTITIES}
    assert {len(row) for row in documented().values()} == {len(HEAD) - 3}


@pytest.mark.number("qx", "qy", "dqx", "dqy", by="second code")
@pytest.mark.madx
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name} {case.delta:g}")
def test_the_codes_are_as_far_apart_as_the_table_says(case: Case) -> None:
    """Differences above a code's own noise to 10 %, of the others that they are below it; ours to its digits."""
    pytest.importorskip("cpymad", reason="cpymad is not installed")
    told = documented()
    for ring, delta, quantity, *found in compared(case):
        row = told[ring, delta, quantity]
        assert float(found[0]) == pytest.approx(float(row[0]), abs=1.5e-6)
        for code, now, then in zip(HEAD[4:8], found[1:5], row[1:5], strict=True):
            assert _agree(now, then), f"{ring} {delta} {quantity} {code}: {now}, documented {then}"
        assert found[5] == row[5]


def _agree(now: str, then: str) -> bool:
    if now == then:
        return True
    return "<" not in now + then and now != "-" != then and float(now) == pytest.approx(float(then), rel=0.1)


@pytest.mark.number("stable_area", by="second code")
@pytest.mark.madx
@pytest.mark.parametrize("case", AREAS, ids=lambda case: case.name)
def test_areas_are_as_far_apart_as_the_table_says(case: Area) -> None:
    """Differences above 1e-5 to 10 %, of the others that they are below it; ours to its digits."""
    pytest.importorskip("cpymad", reason="cpymad is not installed")
    lines = (ROOT / "docs" / "codes.md").read_text(encoding="utf-8").splitlines()
    row = next(line.strip("|").split("|") for line in lines if line.startswith(f"| {case.name} | "))
    ours, *others = by_codes(case)
    assert float(row[1]) == pytest.approx(ours, rel=1e-6)
    for cell, other in zip(row[2:4], others, strict=True):
        then = cell.strip()
        assert abs(other) < 1e-5 if then == "< 1e-05" else other == pytest.approx(float(then), rel=0.1)
