"""``lattice-optimize dossier``: one report over many runs."""

from __future__ import annotations

from pathlib import Path

import click

from studies.commands.options import FOLDER, as_json, talking
from studies.exit_codes import Exit


@click.command("dossier", short_help="One report over many runs.")
@click.argument("runs", type=click.Path(path_type=Path), metavar="RUN...", nargs=-1, required=True)
@click.option("--out", type=FOLDER, required=True, help="Folder of the dossier.")
@click.option("--control", type=click.Path(path_type=Path), metavar="FILE", help="Control page, as dossier.toml.")
@click.option("--pdf", is_flag=True, help="Print it to PDF too, by Chromium.")
@click.option("--force", is_flag=True, help="Replace a dossier in that folder.")
@as_json
@talking
def command(
    runs: tuple[Path, ...],
    out: Path,
    control: Path | None,
    pdf: bool,
    force: bool,
    as_json: bool,
    verbose: bool,
    quiet: bool,
) -> int:
    """Put finished runs together in one page for a board that reviews a machine; nothing is computed.

    \b
    lattice-optimize dossier runs/cnao-optics runs/linac-optics --out runs/dossier --control dossier.toml
    """
    from studies.dossier.told import show_dossier
    from studies.dossier.writing import write_dossier
    from studies.runs.logs import messages

    with messages(verbose, quiet):
        written = write_dossier(runs, out, control, pdf, force)
    show_dossier(written, as_json)
    return Exit.OK
