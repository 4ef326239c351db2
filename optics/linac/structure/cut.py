"""A linac cut in two: the part behind a piece as a linac of its own, its RF phases kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from optics.linac.line import line_of
from optics.linac.structure.coordinates import particle_at
from optics.linac.structure.linac import Linac, Tank
from optics.linac.structure.reference import reference_of


def upstream(linac: Linac, at: str) -> Linac | None:
    """The pieces in front of the piece ``at``; None where there are none."""
    first = linac.place(at)
    return replace(linac, pieces=linac.pieces[:first]) if first else None


def downstream(linac: Linac, at: str) -> Linac:
    """The pieces from ``at`` on, for the reference particle that arrives there.

    RF phases are counted from the start of a linac: here from the particle's arrival at ``at``.
    """
    line = line_of(linac)
    reference = reference_of(linac, line)
    first = linac.place(at)
    row = int(np.searchsorted(line.piece, first))
    ct, particle = float(reference.ct[row]), particle_at(float(reference.w[row]), linac.particle)
    pieces = tuple(
        replace(piece, rf_phase=piece.rf_phase + piece.wavenumber * ct)
        if isinstance(piece, Tank) and piece.rf_phase is not None
        else piece
        for piece in linac.pieces[first:]
    )
    return Linac(linac.name, particle, pieces)
