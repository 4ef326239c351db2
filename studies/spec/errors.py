"""Random errors of magnets and of beams, as study files of rings and lines say them."""

from __future__ import annotations

from pydantic import Field

from studies.spec.types import Name, NotNegative, Order, Positive, Table


class ErrorsSpec(Table):
    """Random errors of some magnets, rms [m, rad, relative]; ``magnets``: kinds, parameters or names with ``*``."""

    magnets: Name | tuple[Name, ...]
    """A kind, a parameter that sets them, names with *, or a list of these."""
    dx: NotNegative = 0.0
    """Rms displacement in x [m]."""
    dy: NotNegative = 0.0
    """Rms displacement in y [m]."""
    ds: NotNegative = 0.0
    """Rms displacement along the beam [m]."""
    roll: NotNegative = 0.0
    """Rms turn about the beam [rad]."""
    pitch: NotNegative = 0.0
    """Rms turn about x [rad]."""
    yaw: NotNegative = 0.0
    """Rms turn about y [rad]."""
    field: NotNegative = 0.0
    """Rms error of the main field, relative [1]."""
    normal: dict[Order, NotNegative] = Field(default_factory=dict)
    """Rms of normal multipoles by order, relative at radius [1]: { 4 = 1e-4 }."""
    skew: dict[Order, NotNegative] = Field(default_factory=dict)
    """Rms of skew multipoles by order, relative at radius [1]."""
    radius: Positive = 0.03
    """Where multipoles are given [m]."""
    cut: Positive = 3.0
    """Where the Gaussian ends [rms]."""


class BeamErrorsSpec(Table):
    """How far the middle of the beam that enters is from the axis, and its momentum from the magnets', rms."""

    x_mm: NotNegative = 0.0
    """Rms displacement in x."""
    y_mm: NotNegative = 0.0
    """Rms displacement in y."""
    angle_x_mrad: NotNegative = 0.0
    """Rms angle in x."""
    angle_y_mrad: NotNegative = 0.0
    """Rms angle in y."""
    momentum: NotNegative = 0.0
    """Rms of dp/p [1]."""

    @property
    def rms(self) -> dict[str, float]:
        """The same in m, rad and dp/p by coordinate."""
        return {
            "x": 1e-3 * self.x_mm,
            "px": 1e-3 * self.angle_x_mrad,
            "y": 1e-3 * self.y_mm,
            "py": 1e-3 * self.angle_y_mrad,
            "delta": self.momentum,
        }
