"""``lattice-optimize search``: the machines that no other beats, by a study's own knobs, objectives and constraints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from studies.commands.options import as_json, run_folder, talking
from studies.commands.run import study_file
from studies.exit_codes import Exit

if TYPE_CHECKING:
    from studies.search.searching import SearchFinished


@click.command("search", short_help="Find the best machines of a study.")
@click.argument("study", callback=study_file)
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change a (dotted) key of the study file.")
@click.option("--seed", type=click.IntRange(min=0), help="Seed of everything random.")
@click.option("--resume", is_flag=True, help="Go on with an interrupted search in the run folder.")
@click.option("--scheduler", metavar="ADDRESS", help="Compute on the workers of a Dask scheduler.")
@run_folder
@as_json
@talking
def command(
    study: tuple[Path, str],
    changes: tuple[str, ...],
    seed: int | None,
    resume: bool,
    scheduler: str | None,
    out: Path | None,
    force: bool,
    jobs: int,
    as_json: bool,
    verbose: bool,
    quiet: bool,
) -> int:
    """Search the machines that STUDY's [search] describes, for those that no other beats in all objectives.

    \b
    lattice-optimize search my_search.toml
    lattice-optimize run my_search.toml --point runs/my_search-search:412
    """
    from functools import partial

    from studies.runs.executors import on_scheduler
    from studies.runs.running import RunOptions
    from studies.search.searching import search_to_folder
    from studies.spec.schema import folder_name
    from studies.spec.study_file import load_study

    path, where = study
    settings = [*changes, *([f"seed={seed}"] if seed is not None else [])]
    loaded = load_study(path, settings, where)
    named = loaded if loaded.name else loaded.model_copy(update={"name": folder_name(path.stem)})
    options = RunOptions(out, force, jobs, verbose, quiet)
    elsewhere = partial(on_scheduler, scheduler) if scheduler else None
    return show_search(search_to_folder(named, path, options, resume, elsewhere), as_json)


def show_search(finished: SearchFinished, as_json: bool) -> int:
    """Print what was found (or the JSON object) and return the exit code: 1 when no machine keeps all constraints."""
    from studies.runs.results_json import json_text
    from studies.terminal import number, show, table

    facts = finished.facts
    if as_json:
        show(json_text(finished.results).rstrip())
    else:
        found = next((one.frame for one in finished.result.tables if one.id == "search-compared"), None)
        if found is not None:
            rows = [
                tuple(number(cell, 8) if isinstance(cell, float) else str(cell) for cell in row)
                for row in found.to_numpy()
            ]
            show(table(tuple(map(str, found.columns)), rows))
        show(f"\n{finished.result.headline}\nreport: {finished.folder / 'report.html'}")
    return Exit.OK if len(facts.front) else Exit.WANTING
