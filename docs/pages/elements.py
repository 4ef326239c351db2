"""A page for each kind of element and each driver of the extraction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from typing import Any, get_args

from docs.pages.contents import tree
from extraction.drivers.drivers import Driver
from lattice.elements import ELEMENT_KINDS
from studies.slow_extraction.spill.spec import DriverName


def element_pages() -> Iterator[tuple[str, str]]:
    """Every kind of element: what it is, its attributes and what they are without being given."""
    yield "elements/index.md", f"# Elements\n\nWhat a lattice is made of.\n\n{tree(sorted(ELEMENT_KINDS))}\n"
    for word, kind in ELEMENT_KINDS.items():
        yield f"elements/{word}.md", _page(kind, f"lattice.{kind.__name__}", f"In JSON files its `kind` is `{word}`.")


def driver_pages() -> Iterator[tuple[str, str]]:
    """Every driver: what it moves and what it takes."""
    kinds = get_args(Driver)
    names = dict(zip(kinds, get_args(DriverName), strict=True))
    yield "drivers/index.md", f"# Drivers\n\nWhat moves the beam out.\n\n{tree([kind.__name__ for kind in kinds])}\n"
    for kind in kinds:
        told = f'In study files: `driver = "{names[kind]}"` of `[spill]`.'
        yield f"drivers/{kind.__name__}.md", _page(kind, f"extraction.{kind.__name__}", told)


def _page(kind: type[Any], path: str, told: str) -> str:
    shown = f"```{{eval-rst}}\n.. autoclass:: {path}\n   :no-index:\n```"
    rows = "\n".join(f"| `{field.name}` | {_default(field)} |" for field in fields(kind))
    table = f"| attribute | without it |\n|---|---|\n{rows}"
    return f"# {kind.__name__}\n\n{shown}\n\n{told}\n\n{table}\n"


def _default(field: Field[Any]) -> str:
    if field.default is not MISSING:
        return f"`{field.default!r}`"
    return "needed" if field.default_factory is MISSING else "empty"
