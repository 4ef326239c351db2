"""The command ``verify``: our optics beside other engines' on machines or a file, as tables or as JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lattice import HadronOpticsError, Lattice
from machines.registry import RINGS
from optics.engines.madx_session import available as madx_available
from optics.engines.verification import Verification, verify
from optics.linear.rings import told_elsewhere
from studies.exit_codes import Exit
from studies.provenance import provenance
from studies.runs.logs import LOGGER
from studies.runs.results_json import SCHEMA, json_text, number_or_none
from studies.spec.lattice_warnings import told
from studies.spec.subjects import start_hinted, told_as_a_cell, with_known_particle
from studies.terminal import number, show, table

Start = dict[str, float] | None


@dataclass(frozen=True)
class Comparison:
    """One lattice under one engine; ``verification`` is None where that engine could not do it, ``reason`` says why."""

    subject: str
    engine: str
    verification: Verification | None
    reason: str = ""


def verify_all(
    subject: str | None,
    lattice_of: Callable[[str], Lattice],
    fringe: str,
    engine: str | None = None,
    start: Start = None,
) -> list[Comparison]:
    """Compare a machine or file (all machines for None) with ``engine``, or with every engine there is.

    ``lattice_of`` makes a lattice of a name. A named engine, else Xsuite, must answer: its errors are raised. The
    others are further witnesses: what they cannot hold is said.
    """
    names = [subject] if subject is not None else list(RINGS.machines)
    found = []
    for name in names:
        lattice = with_known_particle(lattice_of(name))
        for warning in _warnings(lattice, start):
            LOGGER.warning("%s", warning)
        found.append(_compared(name, lattice, fringe, engine or "xsuite", start))
        if engine is None and madx_available():
            found += [_if_it_can(name, lattice, fringe, further, start) for further in ("madx", "ptc")]
    return found


def _warnings(lattice: Lattice, start: Start) -> list[str]:
    """Those of the reader, and that a lattice which is no ring is taken as periodic where no start is given."""
    told_elsewhere(lattice)
    cell = "" if start else told_as_a_cell(lattice, "--start betx=9.07 --start bety=3.5 ...")
    return [*told(lattice.warnings), *([cell] if cell else [])]


_NAMES = {"xsuite": "Xsuite", "madx": "MAD-X", "ptc": "PTC"}


def _compared(name: str, lattice: Lattice, fringe: str, engine: str, start: Start) -> Comparison:
    LOGGER.info("%s: our maps and %s", name, _NAMES[engine])
    with start_hinted(start, lattice):
        return Comparison(name, _NAMES[engine], verify(lattice, start=start, fringe=fringe, engine=engine))


def _if_it_can(name: str, lattice: Lattice, fringe: str, engine: str, start: Start) -> Comparison:
    try:
        return _compared(name, lattice, fringe, engine, start)
    except HadronOpticsError as error:
        return Comparison(name, _NAMES[engine], None, str(error))


def show_comparisons(comparisons: list[Comparison], as_json: bool) -> int:
    """Print tables (or JSON) and return the exit code: 1 when a number is out of tolerance."""
    if as_json:
        show(json_text(_object(comparisons)).rstrip())
    else:
        for comparison in comparisons:
            _show(comparison)
    failed = [c for c in comparisons if c.verification is not None and not c.verification.success]
    return Exit.WANTING if failed else Exit.OK


def _show(comparison: Comparison) -> None:
    verification = comparison.verification
    if verification is None:
        show(f"{comparison.subject}: {comparison.engine} was not compared: {comparison.reason}\n")
        return
    show(f"{comparison.subject}: {' and '.join(verification.engines)}, fringe {verification.fringe}")
    rows = [_row(row) for row in verification.table.to_dict("records")]
    show(table(("quantity", "ours", "reference", "difference", "tolerance", "", "where"), rows, (1, 2, 3, 4)))
    show(f"{verification.message}\n")


def _row(row: dict[str, Any]) -> tuple[str, ...]:
    ours, reference = (number(row[key], 14) for key in ("ours", "reference"))
    difference, tolerance = (number(row[key], 2) for key in ("difference", "tolerance"))
    return row["quantity"], ours, reference, difference, tolerance, "ok" if row["ok"] else "OUT", row["where"]


def _object(comparisons: list[Comparison]) -> dict[str, Any]:
    """As results.json: each difference a quantity, each tolerance a verdict."""
    quantities: dict[str, Any] = {}
    verdicts: list[dict[str, Any]] = []
    for comparison in comparisons:
        if comparison.verification is not None:
            for row in comparison.verification.table.to_dict("records"):
                name = f"{comparison.subject}.{comparison.engine}.{row['quantity']}"
                quantities[name] = _quantity(row, comparison.verification)
                verdicts.append(_verdict(name, row))
    missing = [c for c in comparisons if c.verification is None]
    return {
        "schema": SCHEMA,
        "study": "verify",
        "machine": ", ".join(dict.fromkeys(comparison.subject for comparison in comparisons)),
        "quantities": quantities,
        "verdicts": verdicts,
        "warnings": [f"{c.subject}: {c.engine} was not compared: {c.reason}" for c in missing],
        "provenance": provenance(0, {}),
    }


def _quantity(row: dict[str, Any], verification: Verification) -> dict[str, Any]:
    return {
        "value": number_or_none(row["ours"]),
        "unit": _unit(row["quantity"]),
        "error": number_or_none(abs(row["difference"])),
        "engine": " and ".join(verification.engines),
        "method": f"at {row['where']}, where they differ most; error: the difference",
    }


def _verdict(name: str, row: dict[str, Any]) -> dict[str, Any]:
    size = number_or_none(abs(row["difference"]))
    return {
        "id": name,
        "quantity": name,
        "value": size,
        "limit": row["tolerance"],
        "unit": _unit(row["quantity"]),
        "margin": None if size is None else row["tolerance"] - size,
        "verdict": "PASS" if row["ok"] else "FAIL" if size is not None else "NOT EVALUATED",
        "source": row["reason"],
        "reason": "" if row["ok"] else "out of tolerance",
    }


def _unit(quantity: str) -> str:
    from studies.spec.units import kind_of

    return "m" if quantity == "s" else kind_of(quantity).unit
