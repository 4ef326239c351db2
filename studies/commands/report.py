"""``lattice-optimize report``: render the report of a run folder again, computing nothing."""

from __future__ import annotations

from pathlib import Path

import click

from studies.commands.options import talking
from studies.exit_codes import Exit


@click.command("report", short_help="Render the report of a run again.")
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
@talking
def command(run: Path, verbose: bool, quiet: bool) -> int:
    """Render report.html again from the run folder RUN; nothing is computed."""
    from studies.report import render, report_date
    from studies.runs.logs import messages
    from studies.runs.store import rewrite_report
    from studies.terminal import show

    report_date()
    with messages(verbose, quiet):
        path = rewrite_report(run, render)
    show(str(path))
    return Exit.OK
