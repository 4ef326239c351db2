"""Options that commands share, and the small languages of --vary, --target and --limit. Imports nothing heavy."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def apply_options(options: list[Any]) -> Callable[[Command], Command]:
    """A decorator that gives a command several options, in their order."""

    def decorated(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorated


#: -v and -q.
talking = apply_options(
    [
        click.option("-v", "--verbose", is_flag=True, help="Say more on standard error."),
        click.option("-q", "--quiet", is_flag=True, help="Say nothing but warnings and errors."),
    ]
)

#: --json.
as_json = click.option("--json", "as_json", is_flag=True, help="Print the results as JSON and nothing else.")


class _Folder(click.Path):
    """A folder that is named: an empty name would be the folder that we work in."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path; BadParameter for an empty name."""
        if value == "":
            self.fail("an empty name is no folder; give '.' for the one that you are in", param, ctx)
        return super().convert(value, param, ctx)


#: The type of --out.
FOLDER = _Folder(path_type=Path)

#: Options of commands that write a run folder.
run_folder = apply_options(
    [
        click.option("--out", type=FOLDER, help="Run folder [runs/STUDY]."),
        click.option("--force", is_flag=True, help="Replace a finished run in that folder."),
        click.option("--jobs", type=click.IntRange(min=1), default=1, help="Workers, for studies that can use them."),
    ]
)


def _positive(ctx: click.Context, parameter: click.Parameter, value: float | None) -> float | None:
    if value is not None and not (isfinite(value) and value > 0):
        raise click.BadParameter(f"found {value}, expected a positive number of MeV/u", ctx, parameter)
    return value


#: Options that say what a lattice file leaves open.
on_a_file = apply_options(
    [
        click.option("--sequence", metavar="NAME", help="Sequence to take from a file with several."),
        click.option("--particle", metavar="NAME", help="proton, carbon-12, helium-4, ..."),
        click.option("--root", type=FOLDER, metavar="DIR", help="Files that the file calls may lie in DIR and below."),
        click.option("--energy", metavar="MEV_PER_U", type=float, callback=_positive, help="Kinetic energy [MeV/u]."),
    ]
)

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_NAME = r"[^\s@:<>=]+(?:::\d+)?"
_PLACE = rf"{_NAME}(?::end)?"
_VARY = re.compile(rf"(?P<name>{_NAME})(?:=(?P<lower>{_NUMBER})?:(?P<upper>{_NUMBER})?)?")
_OVER = re.compile(rf"(?P<name>{_NAME})=(?P<lower>{_NUMBER}):(?P<upper>{_NUMBER}):(?P<number>\d{{1,9}})")
_TIE = re.compile(rf"(?P<name>{_NAME})=(?P<factor>{_NUMBER})\*(?P<leader>{_NAME})")
_START = re.compile(rf"(?P<name>[a-z]+)=(?P<value>{_NUMBER})")
_GOAL = re.compile(rf"(?P<goal>.+)=(?P<value>{_NUMBER})(?:\+-(?P<tolerance>{_NUMBER}))?")
_TARGET = re.compile(rf"(?P<quantity>{_NAME})(?:@(?P<at>{_PLACE})(?::(?P<last>{_PLACE}))?)?")
_BEAM = re.compile(rf"(?P<x>{_NUMBER}):(?P<y>{_NUMBER})(?::(?P<spread>{_NUMBER}))?")
_LIMIT = re.compile(
    rf"(?P<quantity>{_NAME})(?:@(?P<first>{_PLACE})(?::(?P<last>{_PLACE}))?)?(?P<sign><=?|>=?)(?P<value>{_NUMBER}|aperture)"
)


def parse_vary(text: str) -> dict[str, Any]:
    """``kf=0.2:0.4`` (either bound may be left out) as the study file writes it; BadParameter otherwise."""
    found = _matched(_VARY, text, "NAME=LOWER:UPPER, for example kf=0.2:0.4")
    bounds = {side: float(found[side]) for side in ("lower", "upper") if found[side] is not None}
    if len(bounds) == 2 and not bounds["lower"] < bounds["upper"]:
        raise click.BadParameter(f"'{text}': lower {bounds['lower']} is not below upper {bounds['upper']}")
    return {"name": found["name"].lower(), **bounds}


def parse_over(text: str) -> dict[str, Any]:
    """``kf=0.28:0.30:101``: first and last value and how many there are; BadParameter otherwise."""
    found = _matched(_OVER, text, "NAME=FIRST:LAST:NUMBER, for example kf=0.28:0.30:101")
    number = int(found["number"])
    if number < 2:
        raise click.BadParameter(f"'{text}': {number} values cannot hold both ends, give 2 or more")
    lower, upper = float(found["lower"]), float(found["upper"])
    if not lower < upper:
        raise click.BadParameter(f"'{text}': first value {lower} is not below last value {upper}")
    return {"name": found["name"].lower(), "lower": lower, "upper": upper, "number": number}


def parse_tie(text: str) -> dict[str, Any]:
    """``kd=-1.7*kf``: kd follows kf; BadParameter otherwise."""
    found = _matched(_TIE, text, "NAME=FACTOR*VARIED, for example kd=-1.7*kf")
    return {"name": found["name"].lower(), "factor": float(found["factor"]), "leader": found["leader"].lower()}


def parse_start(text: str) -> dict[str, Any]:
    """``betx=9.07``: a start condition of a line; BadParameter otherwise."""
    found = _matched(_START, text, "NAME=VALUE, for example betx=9.07")
    return {found["name"]: float(found["value"])}


def start_of(given: Sequence[Mapping[str, float]]) -> dict[str, float] | None:
    """All --start of a command together; None without any."""
    return {key: value for one in given for key, value in one.items()} or None


def parse_beam(text: str) -> dict[str, Any]:
    """``0.5:0.7:2e-3`` as the study file writes it; BadParameter otherwise."""
    found = _matched(_BEAM, text, "EX:EY or EX:EY:SPREAD, normalised rms [um] and full dp/p, for example 0.5:0.7:2e-3")
    spread = {} if found["spread"] is None else {"momentum_spread": float(found["spread"])}
    emittances = {f"normalised_emittance_{plane}_um": float(found[plane]) for plane in ("x", "y")}
    return {**emittances, **spread}


def parse_target(text: str) -> dict[str, Any]:
    """``qx=1.666``, ``dx@symp=0``, ``mux@a:b=0.25`` or a formula ``betx@a-betx@b=0``, each with ``+-TOLERANCE``."""
    expected = "QUANTITY=VALUE or QUANTITY@PLACE=VALUE, for example dx@symp=0, mux@a:b=0.25, qx=1.666+-1e-4"
    goal = _matched(_GOAL, text, expected)
    more = {"value": float(goal["value"])}
    if goal["tolerance"] is not None:
        more["tolerance"] = float(goal["tolerance"])
    found = _TARGET.fullmatch(goal["goal"])
    if found is None:  # a formula
        return {"quantity": goal["goal"].lower(), **more}
    place = _places(found["at"], found["last"])
    return {"quantity": found["quantity"].lower(), **place, **more}


def parse_limit(text: str) -> dict[str, Any]:
    """``betx<17``, ``betx@symp<17``, ``betx@qf1:qf2<17`` or ``size_x<aperture`` as the study file writes it."""
    found = _matched(_LIMIT, text, "QUANTITY<VALUE, for example 'betx<17', 'betx@symp<17' or 'betx@qf1:qf2<17'")
    side = "upper" if found["sign"].startswith("<") else "lower"
    value = found["value"] if found["value"] == "aperture" else float(found["value"])
    return {"quantity": found["quantity"].lower(), side: value, **_places(found["first"], found["last"])}


def _places(first: str | None, last: str | None) -> dict[str, Any]:
    if last:
        return {"between": [str(first).lower(), last.lower()]}
    return {"at": first.lower()} if first else {}


def _matched(pattern: re.Pattern[str], text: str, expected: str) -> re.Match[str]:
    found = pattern.fullmatch(text.replace(" ", ""))
    if not found:
        raise click.BadParameter(f"found '{text}', expected {expected}")
    return found


def each(parse: Callable[[str], dict[str, Any]]) -> Any:
    """Callback of a repeatable option: every value parsed, a wrong one refused before anything is imported."""

    def callback(ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> list[dict[str, Any]]:
        try:
            return [parse(value) for value in values]
        except click.BadParameter as error:
            raise click.BadParameter(error.message, ctx, parameter) from None

    return callback


#: Start conditions of a line, of commands that do not vary them.
of_a_line = click.option(
    "--start",
    multiple=True,
    callback=each(parse_start),
    metavar="NAME=VALUE",
    help="A start condition of a line that is no ring: betx=9.07 (bety, alfx, alfy, dx, ...).",
)

#: Short words for kinds of study, beside those of the key study itself.
SHORT_WORDS = {"switching": "energy-switching", "linac": "linac-optics"}


def kind_of_study(ctx: click.Context, parameter: click.Parameter, word: str) -> str:
    """The word of the key study that a kind is called by; BadParameter for another, with the nearest."""
    from lattice.errors import did_you_mean
    from studies.registry import ROOMS

    found = SHORT_WORDS.get(word.lower(), word.lower())
    if found in ROOMS:
        return found
    known = [*(one for one in ROOMS if one not in SHORT_WORDS.values()), *SHORT_WORDS, *SHORT_WORDS.values()]
    raise click.BadParameter(
        f"no kind of study '{word}'{did_you_mean(word, known) or '.'} Kinds: {', '.join(known)}", ctx, parameter
    )
