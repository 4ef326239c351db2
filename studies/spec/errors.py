"""Random errors of magnets, as study files of rings and lines say them."""

from __future__ import annotations

from pydantic import Field

from studies.spec.types import Name, NotNegative, Order, Positive, Table


class ErrorsSpec(Table):
    """Random errors of some magnets, rms [m, rad, relative]; ``magnets``: kinds, parameters or names with ``*``."""

    magnets: Name | tuple[Name, ...]
    dx: NotNegative = 0.0
    dy: NotNegative = 0.0
    ds: NotNegative = 0.0
    roll: NotNegative = 0.0
    pitch: NotNegative = 0.0
    yaw: NotNegative = 0.0
    field: NotNegative = 0.0
    normal: dict[Order, NotNegative] = Field(default_factory=dict)
    skew: dict[Order, NotNegative] = Field(default_factory=dict)
    radius: Positive = 0.03
    cut: Positive = 3.0
