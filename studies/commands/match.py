"""``lattice-optimize match``: a match asked for on the command line, with its own run folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from studies.builtin_studies import looks_like_file
from studies.options import (
    as_json,
    each,
    on_a_file,
    parse_limit,
    parse_target,
    parse_vary,
    run_folder,
    talking,
)


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
    help="A goal: qx=1.666, dx@symp=0.",
)
@click.option(
    "--limit",
    "limits",
    multiple=True,
    callback=each(parse_limit),
    metavar="QUANTITY[@PLACE]<VALUE",
    help="A bound: 'betx<17', 'betx@symp<17', 'betx@qf1:qf2<17', 'dx>-1'.",
)
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
    seed: int,
    sequence: str | None,
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
    from studies.running import RunOptions, run_to_folder, show_match
    from studies.schema import folder_name
    from studies.study_file import validated

    file = looks_like_file(machine)
    asked: dict[str, Any] = {
        "study": "optics",
        "name": f"{folder_name(Path(machine).name.split('.')[0] if file else machine.lower())}-match",
        **({"lattice": str(Path(machine).resolve())} if file else {"machine": machine}),
        "sequence": sequence,
        "particle": particle,
        "kinetic_energy_MeV_per_u": energy,
        "seed": seed,
        "machine_requirements": False,
        "match": {"vary": vary, "targets": targets, "limits": limits},
    }
    study = validated({key: value for key, value in asked.items() if value is not None}, "command line")
    finished = run_to_folder(study, None, RunOptions(out, force, jobs, verbose, quiet))
    return show_match(finished, as_json)
