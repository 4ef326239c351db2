"""What can become of a particle, and what does at the electrostatic septum: the same in both trackers."""

from __future__ import annotations

from typing import Any

import numpy as np

from optics.compiled import compiled

CIRCULATES, EXTRACTED, WIRES, CATHODE, APERTURE, UNBOUNDED = range(6)


@compiled
def fate(x: Any, slope: Any, geometry: Any) -> Any:
    """What becomes of a particle at the entrance of the electrostatic septum: CIRCULATES, EXTRACTED, WIRES, CATHODE.

    ``x`` [m], ``slope`` dx/ds; ``geometry``: side, position, thickness, length, angle, kick, gap. The wires stand at
    ``position`` + ``angle`` s. A particle inside them that reaches them within their ``length`` hits them; so does one
    beyond that starts within the thickness or is not kicked away fast enough; one beyond the gap hits the cathode,
    whatever its slope where it begins there. The kick grows evenly along the length.
    """
    side, position, thickness, length, angle, kick, gap = geometry
    depth = side * (x - position)
    outwards = side * (slope - angle)
    if depth <= 0.0:
        return WIRES if depth + outwards * length > 0.0 else CIRCULATES
    cathode = thickness + gap if gap > 0.0 else np.inf
    if depth > cathode:
        return CATHODE
    end = depth + length * (outwards + 0.5 * kick)
    nearest = min(depth, end)
    if outwards < 0.0 and outwards + kick > 0.0:  # it turns back inside
        nearest = depth - 0.5 * length * outwards * outwards / kick
    if nearest < thickness:
        return WIRES
    return CATHODE if end > cathode else EXTRACTED
