"""``lattice-optimize match``: a match asked for on the command line, with its own run folder."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from studies.commands.options import (
    as_json,
    each,
    on_a_file,
    parse_beam,
    parse_limit,
    parse_start,
    parse_target,
    parse_tie,
    parse_vary,
    run_folder,
    start_of,
    talking,
)
from studies.spec.builtin import looks_like_file


@click.command("match", short_help="Match a machine or a lattice file.")
@click.argument("machine", metavar="MACHINE|FILE")
@click.option(
    "--vary",
    multiple=True,
    required=True,
    callback=each(parse_vary),
    metavar="NAME=LOWER:UPPER",
    help="A parameter to move, between bounds.",
)
@click.option(
    "--target",
    "targets",
    multiple=True,
    required=True,
    callback=each(parse_target),
    metavar="QUANTITY[@PLACE]=VALUE",
    help="A goal: qx=1.666, dx@symp=0, mux@a:b=0.25 from a to b, 'betx@a-betx@b=0+-1e-3' with a tolerance, "
    "size_x@iso=3e-3 of the --beam in a line.",
)
@click.option(
    "--limit",
    "limits",
    multiple=True,
    callback=each(parse_limit),
    metavar="QUANTITY[@PLACE]<VALUE",
    help="A bound: 'betx<17', 'betx@symp<17', 'betx@qf1:qf2<17', 'dx>-1', 'size_x<aperture'.",
)
@click.option(
    "--tie",
    "ties",
    multiple=True,
    callback=each(parse_tie),
    metavar="NAME=FACTOR*VARIED",
    help="A parameter that follows a varied one: kd=-1.7*kf.",
)
@click.option(
    "--start",
    multiple=True,
    callback=each(parse_start),
    metavar="NAME=VALUE",
    help="A start condition of a line: betx=9.07 (--vary start.betx=5:15 varies it).",
)
@click.option(
    "--beam",
    multiple=True,
    callback=each(parse_beam),
    metavar="EX:EY[:SPREAD]",
    help="The beam whose size is limited or a target: normalised rms emittances [um], full dp/p.",
)
@click.option(
    "--method",
    type=click.Choice(["auto", "local", "gauss_newton", "multistart", "homotopy", "global"]),
    default="auto",
    help="How the solution is looked for [auto: one after another].",
)
@click.option(
    "--polish",
    type=click.Choice(["peak_beta", "gradient", "margin"]),
    help="What the freedom that is left is used for.",
)
@click.option("--restarts", type=click.IntRange(min=0), default=8, help="Starts in the first batch.")
@click.option("--seed", type=click.IntRange(min=0), default=1, help="Seed of the restarts.")
@on_a_file
@run_folder
@as_json
@talking
def command(
    machine: str,
    vary: list[dict[str, Any]],
    targets: list[dict[str, Any]],
    limits: list[dict[str, Any]],
    ties: list[dict[str, Any]],
    start: list[dict[str, Any]],
    beam: list[dict[str, Any]],
    method: str,
    polish: str | None,
    restarts: int,
    seed: int,
    sequence: str | None,
    root: Path | None,
    particle: str | None,
    energy: float | None,
    out: Path | None,
    force: bool,
    jobs: int,
    as_json: bool,
    verbose: bool,
    quiet: bool,
) -> int:
    """Match a built-in machine, or a lattice file, and write a run folder with its report.

    \b
    lattice-optimize match cnao --vary kf=0.2:0.4 --vary kd=0.4:0.6 --vary kr=0.4:0.6 \\
        --target qx=1.666 --target qy=1.74 --target dx@symp=0 --limit 'betx<17'
    """
    from studies.commands.verdicts import show_match
    from studies.runs.running import RunOptions, prepared, run_to_folder
    from studies.spec.schema import folder_name
    from studies.spec.study_file import validated

    file = looks_like_file(machine)
    asked: dict[str, Any] = {
        "study": "optics",
        "name": f"{folder_name(Path(machine).name.split('.')[0] if file else machine.lower())}-match",
        **({"lattice": str(Path(machine).resolve())} if file else {"machine": machine}),
        "sequence": sequence,
        "root": str(root.resolve()) if root is not None else None,
        "particle": particle,
        "kinetic_energy_MeV_per_u": energy,
        "seed": seed,
        "machine_requirements": False,
        "start": start_of(start),
        "beam": beam[-1] if beam else None,
        "match": {
            "vary": tied(vary, ties),
            "targets": targets,
            "limits": limits,
            "method": method,
            "restarts": restarts,
            **({"polish": polish} if polish else {}),
        },
    }
    study = validated({key: value for key, value in asked.items() if value is not None}, "command line")
    options = RunOptions(out, force, jobs, verbose, quiet)
    finished = run_to_folder(str(study.name), partial(prepared, study, None), options)
    return show_match(finished, as_json)


def tied(vary: list[dict[str, Any]], ties: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The varied parameters with those that follow them; BadParameter for a tie to one that is not varied."""
    names = [one["name"] for one in vary]
    for tie in ties:
        if tie["leader"] not in names:
            raise click.BadParameter(
                f"--tie {tie['name']}={tie['factor']:g}*{tie['leader']}: '{tie['leader']}' is not varied, "
                f"--vary names {', '.join(names)}"
            )
    return [
        {**one, "tied": {tie["name"]: tie["factor"] for tie in ties if tie["leader"] == one["name"]}} for one in vary
    ]
