"""``lattice-optimize scan``: a study over a grid of parameters, one row a case."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from studies.commands.options import as_json, each, parse_over, run_folder, talking
from studies.commands.run import study_file


@click.command("scan", short_help="Run a study over a grid of parameters.")
@click.argument("study", callback=study_file)
@click.option(
    "--over",
    required=True,
    multiple=True,
    callback=each(parse_over),
    metavar="NAME=FIRST:LAST:NUMBER",
    help="Parameter and its values, both ends held; give it once for each axis of the grid.",
)
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change a (dotted) key of the study file.")
@click.option("--resume", is_flag=True, help="Go on with an interrupted scan in the run folder.")
@run_folder
@as_json
@talking
def command(
    study: tuple[Path, str],
    over: list[dict[str, Any]],
    changes: tuple[str, ...],
    resume: bool,
    out: Path | None,
    force: bool,
    jobs: int,
    as_json: bool,
    verbose: bool,
    quiet: bool,
) -> int:
    """Run STUDY for every point of a grid of parameters. A match in the study is made once, before.

    \b
    lattice-optimize scan cnao-optics --over kf=0.28:0.30:101 --over kd=0.47:0.52:101
    """
    from studies.runs.running import RunOptions
    from studies.scan.plan import Axis
    from studies.scan.scanning import scan_to_folder, show_scan
    from studies.spec.schema import folder_name
    from studies.spec.study_file import load_study

    path, where = study
    loaded = load_study(path, changes, where)
    named = loaded if loaded.name else loaded.model_copy(update={"name": folder_name(path.stem)})
    options = RunOptions(out, force, jobs, verbose, quiet)
    axes = tuple(Axis(**axis) for axis in over)
    return show_scan(scan_to_folder(named, path, axes, options, resume), as_json)
