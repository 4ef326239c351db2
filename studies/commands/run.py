"""``lattice-optimize run``: a study from its file to its run folder, verdicts on standard output."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from studies.commands.listing.durations import expected, last_run
from studies.commands.options import as_json, run_folder, talking
from studies.commands.ways import Ways, many_ways
from studies.spec.builtin import looks_like_file, study_path, unknown_study
from studies.terminal import visible


def study_file(ctx: click.Context, parameter: click.Parameter, name: str) -> tuple[Path, str]:
    """The file of a study and how messages call it."""
    builtin = study_path(name)
    if builtin:
        return builtin, f"built-in study '{name}'"
    if not looks_like_file(name):
        raise click.BadParameter(unknown_study(name), ctx, parameter)
    return Path(name), name


def say_how_long(name: str, folder: Path, is_changed: bool) -> None:
    """On standard error what a built-in study takes, and what the last run in the folder took."""
    usual, last = expected(name), last_run(folder)
    as_it_is = " without --set" if is_changed else ""
    told = [f"takes about {usual} on two processors{as_it_is}"] if usual != "-" else []
    told += [f"took {last} the last time in {folder}"] if last else []
    if told:
        click.echo(visible(f"{name} {', '.join(told)}"), err=True)


@click.command("run", short_help="Run a study.")
@click.argument("study", callback=study_file)
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change a (dotted) key of the study file.")
@click.option("--seed", type=click.IntRange(min=0), help="Seed of everything random.")
@click.option("--point", metavar="RUN:CASE", help="Run the study at a case of a finished search.")
@many_ways
@run_folder
@as_json
@talking
def command(
    study: tuple[Path, str],
    changes: tuple[str, ...],
    seed: int | None,
    point: str | None,
    out: Path | None,
    force: bool,
    jobs: int,
    as_json: bool,
    verbose: bool,
    quiet: bool,
    **chosen: Any,
) -> int:
    """Run STUDY: a built-in name (see list) or a TOML file.

    --resume, --scheduler, --cluster, --write-jobs, --slice, --collect and --dry-run are for studies of many cases.

    \b
    lattice-optimize run cnao-optics
    lattice-optimize run cnao-optics --set match.targets.0.value=1.664 --out runs/other-tune
    lattice-optimize run my_ring.toml
    """
    from studies.commands.verdicts import show_verdicts
    from studies.runs.running import RunOptions, prepared, run_to_folder
    from studies.spec.schema import folder_name
    from studies.spec.study_file import load_study

    ways = Ways.of(**chosen, out=out, jobs=jobs, as_json=as_json)
    path, where = study
    settings = [*changes, *([f"seed={seed}"] if seed is not None else [])]
    loaded = load_study(path, settings, where)
    named = loaded if loaded.name else loaded.model_copy(update={"name": folder_name(path.stem)})
    if point is not None:
        from studies.search.points import at_point

        named = at_point(named, point)
    options = RunOptions(ways.collect or out, force, jobs, verbose, quiet)
    if named.many:
        return ways.follow_cases(named, path, options, settings)
    ways.refused_for(named.study)
    if not quiet:
        say_how_long(str(named.name), out or Path("runs") / str(named.name), bool(changes))
    finished = run_to_folder(str(named.name), partial(prepared, named, path), options)
    return show_verdicts(finished, as_json)
