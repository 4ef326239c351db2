"""Frames of displaced and rolled pieces in the integration of fields."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from optics.linac import field_integration


def test_a_piece_s_frame_is_turned_and_moved_and_left_again() -> None:
    """Rolled by 0.3 rad about the axis of a displaced piece: x' = x cos + y sin; out again it is what it was."""
    angle, state = 0.3, np.array([2e-3, 4e-4, -1e-3, 7e-4, 5e-3, 1e-3])
    field: Any = SimpleNamespace(cosine=np.cos(angle), sine=np.sin(angle), dx=3e-4, dy=-2e-4)
    inside = field_integration._entered.py_func(field, state)  # type: ignore[attr-defined]
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    assert inside[[0, 2]] == pytest.approx(turn @ (state[[0, 2]] - [3e-4, -2e-4]), abs=1e-18)
    assert inside[[1, 3]] == pytest.approx(turn @ state[[1, 3]], abs=1e-18)
    assert field_integration._left.py_func(field, inside) == pytest.approx(state, abs=1e-18)  # type: ignore[attr-defined]
    shift = [field_integration._shift.py_func(field, plane) for plane in (0, 1)]  # type: ignore[attr-defined]
    assert shift == pytest.approx(turn @ [3e-4, -2e-4], abs=1e-18)
