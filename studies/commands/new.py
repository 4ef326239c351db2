"""``lattice-optimize new``: a study file to begin from, which runs as it is."""

from __future__ import annotations

from pathlib import Path

import click

from studies.commands.options import kind_of_study, on_a_file, talking
from studies.exit_codes import Exit


@click.command("new", short_help="Write a study file to begin from.")
@click.argument("word", metavar="KIND", callback=kind_of_study)
@click.argument("name", metavar="NAME")
@click.option("--from", "subject", metavar="FILE", help="A lattice file (of a linac: a section table), or a machine.")
@click.option("--force", is_flag=True, help="Replace a file of that name.")
@on_a_file
@talking
def command(
    word: str,
    name: str,
    subject: str | None,
    force: bool,
    sequence: str | None,
    particle: str | None,
    energy: float | None,
    root: Path | None,
    verbose: bool,
    quiet: bool,
) -> int:
    """Write NAME.toml, a study of KIND that runs as it is.

    \b
    KIND, of rings and lines: optics, extraction, delivery, tolerances,
      line-tolerances, energy-switching (or switching), switching-comparison
    KIND, of linacs: linac-optics (or linac), linac-energy-switching,
      linac-tolerances

    Every key is explained, with its unit and range; what nobody stated is marked "assumed".

    \b
    lattice-optimize new optics my_ring --from my_ring.seq
    lattice-optimize run my_ring.toml
    """
    from lattice.files import write_text_atomic
    from studies.beginning.beginnings import begun
    from studies.beginning.files import checked_target, text_of
    from studies.beginning.sources import Given
    from studies.runs.logs import messages
    from studies.terminal import show

    with messages(verbose, quiet):
        target = checked_target(name, force)
        found = begun(word, subject, Given(sequence, particle, energy, root), target)
        write_text_atomic(target, text_of(word, target, found))
    show(f"{target}\nrun it: lattice-optimize run {target}")
    return Exit.OK
