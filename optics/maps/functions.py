"""The elementary functions the maps are written in, for numbers, arrays and recorded nodes alike."""

from __future__ import annotations

from typing import Any

import numpy as np

from optics.maps import recording


def sqrt(value: Any) -> Any:
    """Square root."""
    return value.unary(recording.SQRT) if isinstance(value, recording.Node) else np.sqrt(value)


def sin(value: Any) -> Any:
    """Sine."""
    return value.unary(recording.SIN) if isinstance(value, recording.Node) else np.sin(value)


def cos(value: Any) -> Any:
    """Cosine."""
    return value.unary(recording.COS) if isinstance(value, recording.Node) else np.cos(value)


def arctan(value: Any) -> Any:
    """Inverse tangent."""
    return value.unary(recording.ARCTAN) if isinstance(value, recording.Node) else np.arctan(value)


def cos_sqrt(value: Any) -> Any:
    """cos(sqrt u): cosh for negative u."""
    if isinstance(value, recording.Node):
        return value.unary(recording.COS_SQRT)
    return np.cos(np.sqrt(np.asarray(value, dtype=complex))).real


def sin_sqrt(value: Any) -> Any:
    """sin(sqrt u)/sqrt u: sinh for negative u, 1 at u = 0."""
    if isinstance(value, recording.Node):
        return value.unary(recording.SIN_SQRT)
    root = np.sqrt(np.asarray(value, dtype=complex))
    return np.where(np.abs(root) < 1e-8, 1.0, (np.sin(root) / np.where(root == 0, 1.0, root)).real)


def arctan_ratio(value: Any) -> Any:
    """arctan(w)/w, 1 at w = 0."""
    if isinstance(value, recording.Node):
        return value.unary(recording.ARCTAN_RATIO)
    w = np.asarray(value, dtype=float)
    return np.where(np.abs(w) < 1e-8, 1.0, np.arctan(w) / np.where(w == 0, 1.0, w))
