"""Ripple that is put on to be seen again: which family has which line, how large, how long, what is expected."""

from __future__ import annotations

from functools import partial
from math import pi
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from extraction.spill import response
from lattice import InputError

SHIFTS = {"kf": 0.5, "kd": -0.2, "weak": 1e-9}
SPEED, WINDOW, REVOLUTION = -4e-3, 0.1, 5e-7


@pytest.fixture
def piece(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A slice of a tenth of a second whose tracking only notes what it is given."""
    stack = SimpleNamespace(ring="ring", particle="carbon", revolution_time=REVOLUTION, fringe="full")
    made: Any = SimpleNamespace(
        stack=stack, window=WINDOW, speed=SPEED, seed=7, septum="es", progress=None, slowest=40.0, given={}
    )
    for name in ("depth", "expected"):
        setattr(made, name, partial(getattr(response.SpillSlice, name), made))

    def track(ring: Any, particle: Any, beam: Any, driver: Any, septum: Any, **more: Any) -> Any:
        made.given = {"driver": driver, **more}
        return SimpleNamespace(extracted=pd.DataFrame({"time": np.linspace(0.0, WINDOW, 5)}))

    def transferred(times: Any, lines: Any, *, start: float, stop: float) -> pd.DataFrame:
        made.lines, made.span = lines, (start, stop)
        return pd.DataFrame({"frequency": [line[1] for line in lines], "ripple": [line[0] for line in lines]})

    monkeypatch.setattr(response, "track_spill", track)
    monkeypatch.setattr(response, "transfer_function", transferred)
    monkeypatch.setattr(response, "leaving_shifts", lambda stack: SHIFTS)
    monkeypatch.setattr(response, "sliced_beam", lambda piece: np.zeros((50, 6)))
    return made


def test_each_family_has_one_line_of_the_depth_that_is_looked_for(piece: Any) -> None:
    """Modulation = 2 pi f |shift| / |speed| times the ripple: the same depth for all, whatever shift and frequency."""
    table = response._with_ripple(piece, np.zeros((50, 6)), {"kf": 0.5, "kd": -0.2}, [80.0, 120.0])
    assert list(table["family"]) == ["kf", "kd"]
    expected = [2 * pi * 80.0 * 0.5 / 4e-3, 2 * pi * 120.0 * 0.2 / 4e-3]
    assert list(table["expected"]) == pytest.approx(expected)
    assert list(table["expected"] * table["ripple"]) == pytest.approx([response._DEPTH] * 2)
    ripples = {one.parameter: one.lines for one in piece.given["ripple"]}
    assert {name: [line[1] for line in lines] for name, lines in ripples.items()} == {"kf": [80.0], "kd": [120.0]}


def test_one_family_has_all_lines(piece: Any) -> None:
    table = response._with_ripple(piece, np.zeros((50, 6)), {"kf": 0.5}, [50.0, 100.0, 400.0])
    assert list(table["family"]) == ["kf"] * 3
    (one,) = piece.given["ripple"]
    assert [line[1] for line in one.lines] == [50.0, 100.0, 400.0]
    assert [line[0] for line in one.lines] == pytest.approx([piece.depth(f, 0.5) for f in (50.0, 100.0, 400.0)])


def test_the_slice_lasts_its_window_and_is_looked_at_when_it_has_settled(piece: Any) -> None:
    """A window of a tenth of a second is 200,000 turns of 0.5 us; the core gives speed times window."""
    response._with_ripple(piece, np.zeros((50, 6)), {"kf": 0.5}, [50.0])
    assert (piece.given["turns"], piece.given["seed"], piece.given["fringe"]) == (200_000, 7, "full")
    assert piece.given["driver"].momentum_shift(WINDOW) == pytest.approx(SPEED * WINDOW)
    assert piece.given["driver"].momentum_shift(WINDOW / 2) == pytest.approx(SPEED * WINDOW / 2)
    assert piece.span == pytest.approx((response._SETTLED * WINDOW, WINDOW))


def test_families_that_would_need_too_large_a_ripple_have_no_line(piece: Any) -> None:
    """All frequencies from the slowest to the fastest for one family; multiples of the slowest for the others."""
    found = response.ripple_response(piece, "kf")
    frequencies = found.transfer["frequency"]
    assert (frequencies.iloc[0], frequencies.iloc[-1]) == pytest.approx((40.0, max(response._FASTEST, 1200.0)))
    assert list(np.diff(np.log(frequencies))) == pytest.approx(
        [np.diff(np.log(frequencies))[0]] * (len(frequencies) - 1)
    )
    table = found.families.set_index("family")
    assert list(table["shift"]) == [0.5, -0.2, 1e-9]
    assert list(table["frequency"][:2]) == [80.0, 120.0]
    assert np.isnan(table.loc["weak", "frequency"])
    assert (found.particles, found.window) == (50, WINDOW)
    with pytest.raises(InputError, match="'ks' is no family of magnets that is on: those are kf, kd, weak"):
        response.ripple_response(piece, "ks")
