"""``lattice-optimize compare``: one report of two runs."""

from __future__ import annotations

from pathlib import Path

import click

from studies.commands.options import FOLDER, as_json, talking


@click.command("compare", short_help="One report of two runs.")
@click.argument("first", type=click.Path(path_type=Path), metavar="RUN_A")
@click.argument("second", type=click.Path(path_type=Path), metavar="RUN_B")
@click.option("--out", type=FOLDER, help="Run folder [runs/A-and-B].")
@click.option("--force", is_flag=True, help="Replace a finished run in that folder.")
@as_json
@talking
def command(first: Path, second: Path, out: Path | None, force: bool, as_json: bool, verbose: bool, quiet: bool) -> int:
    """Compare two finished runs: margins, limits, verdicts, numbers and figures; nothing is computed.

    \b
    lattice-optimize compare runs/cnao-optics runs/other-tune
    """
    from studies.runs.compare import compare_to_folder, show_comparison
    from studies.runs.running import RunOptions

    found, results, folder = compare_to_folder(first, second, RunOptions(out, force, 1, verbose, quiet))
    return show_comparison(found, results, folder, as_json)
