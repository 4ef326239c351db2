"""``lattice-optimize list [NAME]``: machines and studies a line each, or one of them in full."""

from __future__ import annotations

import click

from studies.commands.options import talking
from studies.exit_codes import Exit


@click.command("list", short_help="Machines and studies.")
@click.argument("name", metavar="[NAME]", required=False)
@talking
def command(name: str | None, verbose: bool, quiet: bool) -> int:
    """List machines and built-in studies, a line each.

    With NAME (a machine, a study or a study file) that one in full: of a study what it answers, needs and judges, and
    how long it takes.
    """
    from studies.terminal import show

    show(_text(name))
    return Exit.OK


def _text(name: str | None) -> str:
    if name is None:
        from studies.commands.listing.catalogue import catalogue

        return catalogue()
    from studies.commands.listing.in_full import in_full

    return in_full(name)
