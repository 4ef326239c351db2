"""MAD-X commands other than those that make a lattice: which are passed over, and which cannot be honoured."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lattice.madx.syntax import words
from lattice.madx.text import Statement

#: Passed over and listed in the warnings: they calculate, write, show or describe, and leave the lattice alone.
PASSED_OVER = words(
    "aperture assign beta0 chdir coguess constraint coption copyfile correct create distribution dumpsequ dynap"
    " emit eoption eprint esave exit fill fill_knob getcorr getdisp getkick getorbit global gweight help ibs"
    " jacobian lmdif micado migrad monitor_stat nodeset observe option plot print printf ptc_align ptc_create_layout"
    " ptc_create_universe ptc_dumpmaps ptc_end ptc_enforce6d ptc_eplacement ptc_export_xml ptc_knob ptc_moments"
    " ptc_move_to_layout ptc_normal ptc_observe ptc_oneturn ptc_oneturnmap ptc_printframes ptc_printparametric"
    " ptc_read_errors ptc_refresh_k ptc_script ptc_select ptc_select_moment ptc_setcavities ptc_setfieldcomp"
    " ptc_setknobvalue ptc_setswitch ptc_start ptc_track ptc_track_end ptc_trackline ptc_twiss ptc_varyknob putdisp"
    " putkick putorbit quit readmytable readtable removefile renamefile resplot return ripple rmatrix run rviewer"
    " save savebeta sdds select selectmagnet set setplot show shrink simplex sixtrack sodd start stop string survey svd"
    " system threader title tmatrix touschek twiss usekick usemonitor value vary weight write"
)
#: Passed over as a whole, up to their end.
BLOCKS = {
    "match": "endmatch",
    "track": "endtrack",
    "ptc_create_universe": "ptc_end",
}
#: Nothing after these is read.
ENDS = frozenset(("stop", "exit", "quit"))

_OPTICS = "apply its changes by hand, or let MAD-X write the sequence (save, sequence=...) and read that file"
_ERRORS = "take this line out to read the ideal lattice"
#: They would change the lattice and are not honoured: what to do instead.
REFUSED = {
    "seqedit": _OPTICS,
    "endedit": _OPTICS,
    "install": _OPTICS,
    "remove": _OPTICS,
    "replace": _OPTICS,
    "move": _OPTICS,
    "cycle": _OPTICS,
    "reflect": _OPTICS,
    "flatten": _OPTICS,
    "extract": _OPTICS,
    "makethin": "read the thick lattice, or the file of the thin one that MAD-X writes",
    "ealign": _ERRORS,
    "efcomp": _ERRORS,
    "efield": _ERRORS,
    "error": _ERRORS,
    "seterr": _ERRORS,
    "setvars": "write the values into the file",
    "setvars_lin": "write the values into the file",
    "setvars_const": "write the values into the file",
    "sxfread": "let MAD-X write the sequence (save, sequence=...) and read that file",
    "delete": "take out what is to be deleted",
}
_MEANINGS = (
    "passed over, as it does not change the lattice",
    "ends its file or macro here, nothing behind it in there is read",
    "ends the reading here, nothing behind it is read",
)
_FEW = 3  # places of one command that are told


class PassedOver:
    """Statements that say nothing of a lattice: told in one line, by command, with their places."""

    def __init__(self) -> None:
        self._places: dict[str, list[str]] = {}

    def add(self, statement: Statement, command: str) -> None:
        """One more of a command."""
        self._places.setdefault(command, []).append(f"{Path(statement.file).name}:{statement.line}")

    def told(self) -> Iterator[str]:
        """A line for what leaves the lattice alone, and one each for what ends a file and what ends the reading."""
        ends = {command: _meaning(command) for command in self._places}
        for meaning in dict.fromkeys(sorted(ends.values(), key=_MEANINGS.index)):
            commands = (command for command, its in ends.items() if its == meaning)
            yield f"{meaning}: {', '.join(f'{command} ({_some(self._places[command])})' for command in commands)}"


def _meaning(command: str) -> str:
    """What a command means that is passed over."""
    return _MEANINGS[2 if command in ENDS else 1 if command == "return" else 0]


def _some(places: list[str]) -> str:
    more = f" and {len(places) - _FEW} more" if len(places) > _FEW else ""
    return ", ".join(places[:_FEW]) + more
