"""Matching sections of a table with gradients found anew, for the tanks that stand behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lattice import InputError
from lattice.errors import did_you_mean
from machines.linacs.build import bunch_of, linac_from
from machines.linacs.table import LinacTable, MatchingSpec
from optics.linac import Linac, match_section, matched_start, transport
from optics.linac.structure.cut import downstream

#: How far from the wanted shape a match may end (share of beta): what is left is carried on and seen in the beam.
_MISS = 0.3
#: Quadrupoles behind a section that the period which it is matched to may need.
_AHEAD = 4


def rematched(table: LinacTable, names: Sequence[str]) -> LinacTable:
    """The table with the gradients of the matching sections ``names``, in the order of the beam, found anew.

    Each carries the beam of the table to the shape that the first period behind it repeats, with all units on
    (``optics.linac.matched_start``); the search begins from the gradients that the table has.

    Raises InputError for a name that is no matching section or has no tanks behind it, NoSolution where its gradients
    miss that shape by three tenths within the table's largest gradient, UnstableOptics where the period does not focus.
    """
    for spec in _in_order(table, names):
        table = _matched(table, spec)
    return table


def _in_order(table: LinacTable, names: Sequence[str]) -> list[MatchingSpec]:
    known = [spec for spec in table.section if isinstance(spec, MatchingSpec)]
    for name in names:
        if name not in [spec.name for spec in known]:
            hint = did_you_mean(name, [spec.name for spec in known])
            raise InputError(f"matched: '{name}' is no matching section of linac '{table.name}'{hint}")
    return [spec for spec in known if spec.name in names]


def _matched(table: LinacTable, spec: MatchingSpec) -> LinacTable:
    linac = linac_from(table.name, table)
    tank = _first_tank(table, spec)
    prefix = f"{spec.name}-quadrupole-"
    magnets = [magnet.name for magnet in linac.quadrupoles if magnet.name.startswith(prefix)]
    start = _arriving(table, linac, spec)
    goal = matched_start(_few_periods(downstream(linac, tank)))
    here = downstream(linac, _first_piece(linac, spec))
    found = match_section(here, magnets, start, tank, goal, table.largest_gradient_T_per_m, _MISS)
    gradients = tuple(float(found.magnet(name).gradient) for name in magnets)
    sections = tuple(
        one.model_copy(update={"gradients_T_per_m": gradients}) if one.name == spec.name else one
        for one in table.section
    )
    return table.model_copy(update={"section": sections})


def _first_tank(table: LinacTable, spec: MatchingSpec) -> str:
    """Name of the tank behind a matching section."""
    place = [one.name for one in table.section].index(spec.name)
    behind = next((one for one in table.section[place + 1 :] if not isinstance(one, MatchingSpec)), None)
    if behind is None:
        raise InputError(f"matched: behind '{spec.name}' there are no tanks to match the beam to")
    return f"{behind.name}-tank-1"


def _first_piece(linac: Linac, spec: MatchingSpec) -> str:
    return next(piece.name for piece in linac.pieces if piece.name.startswith(f"{spec.name}-"))


def _few_periods(linac: Linac) -> Linac:
    """The pieces up to the end of the first periods alone, which cost less to look at."""
    few = linac.quadrupoles[:_AHEAD][-1]
    return replace(linac, pieces=linac.pieces[: linac.place(few.name) + 1])


def _arriving(table: LinacTable, linac: Linac, spec: MatchingSpec) -> dict[str, float]:
    """Shape of the table's beam where the section begins."""
    run, bunch = transport(linac), bunch_of(table.beam, linac)
    row = run.row(_first_piece(linac, spec))
    shape: dict[str, float] = {}
    for plane in ("x", "y"):
        beta, alpha, _ = run.twiss(plane, getattr(bunch, f"bet{plane}"), getattr(bunch, f"alf{plane}"))
        shape |= {f"bet{plane}": float(beta[row]), f"alf{plane}": float(alpha[row])}
    return shape
