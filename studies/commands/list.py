"""``lattice-optimize list``: machines and studies, what each answers and what it judges."""

from __future__ import annotations

import click

from studies.commands.options import talking


@click.command("list", short_help="Machines and studies.")
@talking
def command(verbose: bool, quiet: bool) -> int:
    """List machines and built-in studies, what each answers and the requirements it judges."""
    from studies.commands.catalogue import catalogue
    from studies.commands.terminal import show

    show(catalogue())
    return 0
