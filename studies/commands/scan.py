"""``lattice-optimize scan``: a study over a grid of parameters, one row a case."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from studies.commands.options import as_json, each, parse_over, run_folder, talking
from studies.commands.run import study_file
from studies.commands.ways import Ways, many_ways


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
@many_ways
@run_folder
@as_json
@talking
def command(
    study: tuple[Path, str],
    over: list[dict[str, Any]],
    changes: tuple[str, ...],
    out: Path | None,
    force: bool,
    jobs: int,
    as_json: bool,
    verbose: bool,
    quiet: bool,
    **chosen: Any,
) -> int:
    """Run STUDY for every point of a grid of parameters. A match in the study is made once, before.

    \b
    lattice-optimize scan cnao-optics --over kf=0.28:0.30:101 --over kd=0.47:0.52:101
    lattice-optimize scan my_ring.toml --over kf=0.28:0.30:101 --scheduler tcp://head:8786
    lattice-optimize scan my_ring.toml --over kf=0.28:0.30:101 --write-jobs slurm jobs
    """
    from studies.runs.running import RunOptions
    from studies.scan.plan import Axis
    from studies.spec.schema import folder_name
    from studies.spec.study_file import load_study

    ways = Ways.of(**chosen, out=out, jobs=jobs, as_json=as_json)
    path, where = study
    loaded = load_study(path, changes, where)
    named = loaded if loaded.name else loaded.model_copy(update={"name": folder_name(path.stem)})
    options = RunOptions(ways.collect or out, force, jobs, verbose, quiet)
    return ways.follow(named, path, tuple(Axis(**axis) for axis in over), options, changes)
