"""Finds the gradients of linac.toml again: ``python -m machines.compact_linac.design`` prints what it arrives at.

Drift tubes: one phase advance for every period. Coupled cells: the largest beam at all energies of treatment at once
made small, for 0.1 um. Between them, and behind the RFQ: four quadrupoles that match the beam.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from machines.linacs.build import bunch_of, linac_from
from machines.linacs.table import LinacTable, MatchingSpec
from machines.registry import linac_named
from optics.linac import Bunch, Linac, grade_gradients, match_section, matched_start, transport
from optics.linac.structure.cut import downstream, upstream
from optics.linac.switching.all_energies import grade_for_energies
from optics.linac.switching.energies import amplitudes_for

ADVANCE = 0.23  # turns a period of the drift tubes
DRIFT_TUBE_CEILING, MATCHING_CEILING, COUPLED_CELL_CEILING = 230.0, 290.0, 189.0  # T/m
#: Of the coupled-cell linac: energies that are looked at, knots of the line that the gradients follow, emittance [m].
ENERGIES, KNOTS, EMITTANCE = 19, 14, 1e-7
_SHAPE = ("betx", "alfx", "bety", "alfy")


@dataclass(frozen=True)
class Parts:
    """Names that the design needs: of the matching sections and of the tanks behind them."""

    first_match: str
    second_match: str
    drift_tubes: str
    coupled_cells: str


def designed(table: LinacTable, rounds: int = 0) -> LinacTable:
    """The table with gradients found anew; ``rounds`` of the search over all energies go on from its own.

    Raises NoSolution where a section cannot be matched.
    """
    parts = parts_of(table)
    linac = linac_from(table.name, table)
    shape = {key: getattr(bunch_of(table.beam, linac), key) for key in _SHAPE}
    cells, goal = coupled_cells(linac, table, parts, rounds)
    linac = linac.with_gradients({magnet.name: magnet.gradient for magnet in cells.quadrupoles})
    linac = _graded(linac, parts)
    linac = _matched(linac, parts.first_match, shape, parts.drift_tubes, matched_start(drift_tubes(linac, parts)))
    return _with_gradients(table, _matched(linac, parts.second_match, shape, parts.coupled_cells, goal))


def parts_of(table: LinacTable) -> Parts:
    """Matching section, drift tubes, matching section, coupled cells."""
    first, second = (i for i, section in enumerate(table.section) if isinstance(section, MatchingSpec))
    names = [section.name for section in table.section]
    return Parts(names[first], names[second], f"{names[first + 1]}-tank-1", f"{names[second + 1]}-tank-1")


def drift_tubes(linac: Linac, parts: Parts) -> Linac:
    """The drift tubes alone."""
    end = next(piece.name for piece in linac.pieces if piece.name.startswith(f"{parts.second_match}-"))
    before = upstream(linac, end)
    assert before is not None
    return downstream(before, parts.drift_tubes)


def _graded(linac: Linac, parts: Parts) -> Linac:
    """Drift tubes of one phase advance; the last three magnets, behind which no period follows, go on as the fourth."""
    graded = grade_gradients(drift_tubes(linac, parts), ADVANCE, DRIFT_TUBE_CEILING)
    found = {magnet.name: magnet.gradient for magnet in graded.quadrupoles}
    *_, fourth, third, second, last = found
    found |= {third: -found[fourth], second: found[fourth], last: -found[fourth]}
    return linac.with_gradients(found)


def _matched(linac: Linac, section: str, start: Mapping[str, float], at: str, goal: Mapping[str, float]) -> Linac:
    magnets = [magnet.name for magnet in linac.quadrupoles if magnet.name.startswith(f"{section}-quadrupole-")]
    return match_section(linac, magnets, start, at, goal, MATCHING_CEILING)


def coupled_cells(linac: Linac, table: LinacTable, parts: Parts, rounds: int) -> tuple[Linac, dict[str, float]]:
    """The coupled-cell linac graded for all energies, and the beam that it wants at its entrance.

    Without ``rounds``: as it is, with the beam that now arrives.
    """
    cells = downstream(linac, parts.coupled_cells)
    wanted = np.linspace(table.lowest_energy_MeV, table.highest_energy_MeV, ENERGIES) * 1e6
    amplitudes = amplitudes_for(cells, wanted)
    bunch = beam_at(cells, linac, table, parts)
    if not rounds:
        return cells, {key: getattr(bunch, key) for key in _SHAPE}
    graded = grade_for_energies(
        cells, amplitudes, np.zeros_like(amplitudes), bunch, ceiling=COUPLED_CELL_CEILING, knots=KNOTS, rounds=rounds
    )
    return graded.linac, {key: getattr(graded.bunch, key) for key in _SHAPE}


def beam_at(cells: Linac, linac: Linac, table: LinacTable, parts: Parts) -> Bunch:
    """The beam of the table, with the emittance of the design, as it arrives at the coupled cells."""
    run, bunch = transport(linac), bunch_of(table.beam, linac)
    row = run.row(parts.coupled_cells)
    shape: dict[str, float] = {}
    for plane in ("x", "y"):
        beta, alpha, _ = run.twiss(plane, getattr(bunch, f"bet{plane}"), getattr(bunch, f"alf{plane}"))
        shape |= {f"bet{plane}": float(beta[row]), f"alf{plane}": float(alpha[row])}
    return replace(bunch, particle=cells.particle, emittance_x=EMITTANCE, emittance_y=EMITTANCE, **shape)


def _with_gradients(table: LinacTable, linac: Linac) -> LinacTable:
    sections = []
    for section in table.section:
        prefix = f"{section.name}-quadrupole-"
        found = tuple(round(magnet.gradient, 2) for magnet in linac.quadrupoles if magnet.name.startswith(prefix))
        sections.append(section.model_copy(update={"gradients_T_per_m": found}))
    return table.model_copy(update={"section": tuple(sections)})


def main() -> None:
    """Print the gradients of every section [T/m], found and stored."""
    parser = ArgumentParser(description=main.__doc__)
    parser.add_argument("--rounds", type=int, default=0, help="of the search over all energies, some seconds each")
    stored = linac_named("linac").table
    found = designed(stored, parser.parse_args().rounds)
    for before, after in zip(stored.section, found.section, strict=True):
        print(f"{before.name}\n  found  {list(after.gradients_T_per_m)}\n  stored {list(before.gradients_T_per_m)}")


if __name__ == "__main__":
    main()
