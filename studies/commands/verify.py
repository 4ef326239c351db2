"""``lattice-optimize verify``: our maps beside Xsuite's (MAD-X's and PTC's where cpymad is installed)."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from studies.commands.options import as_json, of_a_line, on_a_file, start_of, talking


@click.command("verify", short_help="Compare our maps with other codes'.")
@click.argument("subject", metavar="[MACHINE|FILE]", required=False)
@click.option("--engine", type=click.Choice(["xsuite", "madx", "ptc"]), help="One code only [all there are].")
@click.option("--fringe", type=click.Choice(["full", "linear"]), default="full", help="Edges of the bends.")
@of_a_line
@on_a_file
@as_json
@talking
def command(
    subject: str | None,
    engine: str | None,
    fringe: str,
    start: list[dict[str, Any]],
    sequence: str | None,
    root: Path | None,
    particle: str | None,
    energy: float | None,
    as_json: bool,
    verbose: bool,
    quiet: bool,
) -> int:
    """Compare our maps with Xsuite, and with MAD-X and PTC where cpymad is installed.

    On a ring or line by name or a lattice file; without any, on every ring. A line needs its --start, and one by
    name also --particle and --energy.
    """
    from studies.commands.verify_tables import show_comparisons, verify_all
    from studies.runs.logs import messages
    from studies.spec.subjects import lattice_of

    with messages(verbose, quiet):
        lattices = partial(lattice_of, sequence=sequence, particle=particle, energy=energy, root=root)
        comparisons = verify_all(subject, lattices, fringe, engine, start_of(start))
    return show_comparisons(comparisons, as_json)
