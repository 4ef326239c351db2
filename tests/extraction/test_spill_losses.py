"""Efficiency and losses with confidence intervals; transit times."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from extraction.spill.apertures import planes_of_loss
from extraction.spill.losses import efficiency, particle_balance, share_lost, share_lost_in_plane
from extraction.spill.transit import release_times, transit_times
from lattice import Aperture, InputError


def numbered(*numbers: int) -> pd.DataFrame:
    return pd.DataFrame({"particle": list(numbers)})


def lost(*rows: tuple[int, str, str]) -> pd.DataFrame:
    """All in x, to positive x."""
    return pd.DataFrame(list(rows), columns=["particle", "place", "cause"]).assign(plane="x", side="+")


def test_efficiency_counts_what_left() -> None:
    """97 of 100; 95 % interval by Wilson's formula, (p + z^2/2n -+ z sqrt(p (1 - p)/n + z^2/4n^2))/(1 + z^2/n)."""
    found = efficiency(numbered(*range(97)), lost(*((100 + i, "esp", "wires") for i in range(3))))
    assert (found.count, found.total, found.value) == (97, 100, 0.97)
    z2 = 1.959963984540054**2
    middle, half = 0.97 + z2 / 200, np.sqrt(z2 * (0.97 * 0.03 / 100 + z2 / 40_000))
    assert (found.lower, found.upper) == pytest.approx(
        ((middle - half) / (1 + z2 / 100), (middle + half) / (1 + z2 / 100))
    )


def test_efficiency_and_the_shares_of_all_causes_are_one() -> None:
    """Of 20 that left 16 were extracted, 2 hit the wires, 1 the cathode, 1 an aperture; none else left."""
    out = numbered(*range(16))
    gone = lost((16, "esp", "wires"), (17, "esp", "wires"), (18, "esp", "cathode"), (19, "qf", "aperture"))
    shares = [share_lost(out, gone, causes).value for causes in (("wires",), ("cathode",), ("aperture", "unbounded"))]
    assert shares == [0.1, 0.05, 0.05]
    assert efficiency(out, gone).value + sum(shares) == pytest.approx(1.0, rel=1e-15)
    assert share_lost(out, gone, ("wires", "cathode", "aperture", "unbounded")).count == 4


def test_the_balance_adds_up() -> None:
    gone = lost((7, "esp", "wires"), (8, "esp", "wires"), (9, "qf", "aperture"))
    found = particle_balance(20, numbered(1, 2, 3), gone)
    assert found["count"].sum() == 20
    assert list(found["what"]) == ["extracted", "lost", "lost", "circulating"]
    assert list(found["cause"]) == ["", "wires", "aperture", ""]
    assert found["fraction"].sum() == pytest.approx(1.0)
    assert np.all((found["lower"] <= found["fraction"]) & (found["fraction"] <= found["upper"]))


def test_losses_are_told_by_plane_and_side() -> None:
    """Four in one quadrupole: one each to +x and -x, two to -y; of six that left, a third was lost vertically."""
    gone = lost(*((i, "qf", "aperture") for i in range(4)))
    gone["plane"], gone["side"] = ["x", "x", "y", "y"], ["+", "-", "-", "-"]
    found = particle_balance(6, numbered(4, 5), gone)
    assert found[["plane", "side", "count"]].to_numpy().tolist()[1:4] == [["x", "+", 1], ["x", "-", 1], ["y", "-", 2]]
    assert share_lost_in_plane(numbered(4, 5), gone, "y").value == pytest.approx(1 / 3)
    both = sum(share_lost_in_plane(numbered(4, 5), gone, plane).value for plane in "xy")
    assert efficiency(numbered(4, 5), gone).value + both == pytest.approx(1.0, rel=1e-15)


SQUARE, ROUND = Aperture("rectangle", 0.06, 0.03), Aperture("ellipse", 0.06, 0.03, offset_x=0.01)
TRACK = Aperture("rectellipse", 0.05, 0.04, ellipse_x=0.06, ellipse_y=0.03)


@pytest.mark.parametrize(
    ("aperture", "x", "y", "told"),
    [
        (SQUARE, 0.061, 0.029, ("x", "+")),
        (SQUARE, -0.055, -0.031, ("y", "-")),
        (ROUND, 0.065, 0.0275, ("x", "+")),  # 55 of 60 mm and 27.5 of 30: as much; just a little more in x
        (ROUND, -0.048, 0.0285, ("x", "-")),  # 58 of 60 mm from its middle, 28.5 of 30
        (ROUND, -0.03, 0.028, ("y", "+")),  # 40 of 60 mm from its middle, 28 of 30
        (TRACK, -0.051, 0.01, ("x", "-")),  # the box is narrower
        (TRACK, 0.01, 0.0301, ("y", "+")),  # the ellipse is
        (None, 1.2, -1.5, ("y", "-")),
    ],
)
def test_a_loss_is_in_the_plane_that_is_fuller(
    aperture: Aperture | None, x: float, y: float, told: tuple[str, str]
) -> None:
    planes, sides = planes_of_loss([aperture], np.array([x + 1e-9]), np.array([y]))
    assert (planes[0], sides[0]) == told


def test_nothing_lost_is_an_interval_too() -> None:
    found = particle_balance(10, numbered(), lost())
    assert list(found["what"]) == ["extracted", "circulating"]
    assert found["upper"][0] == pytest.approx(1.96**2 / (10 + 1.96**2), rel=1e-4)  # Wilson's, at p = 0
    assert list(found["fraction"]) == [0.0, 1.0]


def test_tables_that_are_mixed_up() -> None:
    with pytest.raises(InputError, match="particle 3 left the ring twice"):
        efficiency(numbered(1, 3), lost((3, "esp", "wires")))
    with pytest.raises(InputError, match="more than the 1 that began"):
        particle_balance(1, numbered(1, 2), lost())


def test_release_is_when_the_stack_has_moved_far_enough() -> None:
    time, shift = np.array([0.0, 1.0, 2.0, 3.0]), np.array([0.0, 2e-3, 1e-3, 4e-3])  # there and back
    delta = np.array([-1e-3, -3e-3, -5e-3, 0.0, 1e-3, -1e-3])
    leaving = np.array([0.0, 0.0, 0.0, 0.0, 0.0, np.nan])
    released = release_times(delta, leaving, time, shift)
    # half way up; on the second rise from 1e-3 to 4e-3; never; at once; moved away; unknown
    np.testing.assert_allclose(released, [0.5, 2 + 2 / 3, np.nan, 0.0, np.nan, np.nan])
    np.testing.assert_allclose(release_times(-delta, leaving, time, -shift), released)  # from the other side


def test_transit_times_are_by_particle_number() -> None:
    extracted = pd.DataFrame({"particle": [4, 0, 2], "time": [1.0, 2.0, 3.0]})
    found = transit_times(extracted, np.array([0.5, 9.0, np.nan, 9.0, 0.8]))
    np.testing.assert_allclose(np.sort(found.values), [0.2, 1.5])
    assert found.mean == pytest.approx(0.85)
    assert found.unknown == 1
    assert found.lower < found.median < found.upper


def test_transit_times_that_are_unknown() -> None:
    extracted = pd.DataFrame({"particle": [4], "time": [1.0]})
    with pytest.raises(InputError, match="particle 4 has no release time: 3 were given"):
        transit_times(extracted, np.zeros(3))
    with pytest.raises(InputError, match="no extracted particle has a release time"):
        transit_times(extracted, np.full(5, np.nan))
    with pytest.raises(InputError, match="rising times"):
        release_times(np.zeros(1), np.zeros(1), np.array([0.0, 0.0]), np.zeros(2))
