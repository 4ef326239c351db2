"""Options that commands share, and the small languages of --vary, --target and --limit. Imports nothing heavy."""

from __future__ import annotations

import re
from collections.abc import Callable
from math import isfinite
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def _apply(options: list[Any]) -> Callable[[Command], Command]:
    def decorated(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorated


#: -v and -q.
talking = _apply(
    [
        click.option("-v", "--verbose", is_flag=True, help="Say more on standard error."),
        click.option("-q", "--quiet", is_flag=True, help="Say nothing but warnings and errors."),
    ]
)

#: --json.
as_json = click.option("--json", "as_json", is_flag=True, help="Print the results as JSON and nothing else.")

#: Options of commands that write a run folder.
run_folder = _apply(
    [
        click.option("--out", type=click.Path(path_type=Path, file_okay=True), help="Run folder [runs/STUDY]."),
        click.option("--force", is_flag=True, help="Replace a finished run in that folder."),
        click.option("--jobs", type=click.IntRange(min=1), default=1, help="Workers, for studies that can use them."),
    ]
)


def _positive(ctx: click.Context, parameter: click.Parameter, value: float | None) -> float | None:
    if value is not None and not (isfinite(value) and value > 0):
        raise click.BadParameter(f"found {value}, expected a positive number of MeV/u", ctx, parameter)
    return value


#: Options that say what a lattice file leaves open.
on_a_file = _apply(
    [
        click.option("--sequence", metavar="NAME", help="Sequence to take from a file with several."),
        click.option("--particle", metavar="NAME", help="proton, carbon-12, helium-4, ..."),
        click.option("--energy", metavar="MEV_PER_U", type=float, callback=_positive, help="Kinetic energy [MeV/u]."),
    ]
)

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_NAME = r"[^\s@:<>=]+(?:::\d+)?"
_PLACE = rf"{_NAME}(?::end)?"
_VARY = re.compile(rf"(?P<name>{_NAME})(?:=(?P<lower>{_NUMBER})?:(?P<upper>{_NUMBER})?)?")
_OVER = re.compile(rf"(?P<name>{_NAME})=(?P<lower>{_NUMBER}):(?P<upper>{_NUMBER}):(?P<number>\d{{1,9}})")
_TARGET = re.compile(rf"(?P<quantity>{_NAME})(?:@(?P<at>{_PLACE}))?=(?P<value>{_NUMBER})")
_LIMIT = re.compile(
    rf"(?P<quantity>{_NAME})(?:@(?P<first>{_PLACE})(?::(?P<last>{_PLACE}))?)?(?P<sign><=?|>=?)(?P<value>{_NUMBER})"
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


def parse_target(text: str) -> dict[str, Any]:
    """``qx=1.666`` or ``dx@symp=0`` as the study file writes it; BadParameter otherwise."""
    found = _matched(_TARGET, text, "QUANTITY=VALUE or QUANTITY@PLACE=VALUE, for example dx@symp=0")
    place = {"at": found["at"].lower()} if found["at"] else {}
    return {"quantity": found["quantity"].lower(), **place, "value": float(found["value"])}


def parse_limit(text: str) -> dict[str, Any]:
    """``betx<17``, ``betx@symp<17`` or ``betx@qf1:qf2<17`` as the study file writes it; BadParameter otherwise."""
    found = _matched(_LIMIT, text, "QUANTITY<VALUE, for example 'betx<17', 'betx@symp<17' or 'betx@qf1:qf2<17'")
    side = "upper" if found["sign"].startswith("<") else "lower"
    limit: dict[str, Any] = {"quantity": found["quantity"].lower(), side: float(found["value"])}
    if found["last"]:
        return {**limit, "between": [found["first"].lower(), found["last"].lower()]}
    return {**limit, "at": found["first"].lower()} if found["first"] else limit


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
