"""``lattice-optimize schema``: the JSON Schema of a kind of study file, for editors."""

from __future__ import annotations

from typing import Any

import click

from studies.commands.options import kind_of_study


@click.command("schema", short_help="The JSON Schema of a kind of study file.")
@click.argument("word", metavar="KIND", callback=kind_of_study)
def command(word: str) -> int:
    """Print what a study file of KIND may say as JSON Schema: optics, extraction, switching, linac, delivery, or any
    word of the key study.

    \b
    lattice-optimize schema optics > optics.schema.json
    and in the study file, for editors that use taplo (Even Better TOML):
    #:schema ./optics.schema.json
    """
    import json

    from studies.exit_codes import Exit
    from studies.spec.json_schema import json_schema
    from studies.terminal import show

    found: dict[str, Any] = json_schema(word)
    show(json.dumps(found, indent=2, ensure_ascii=False))
    return Exit.OK
