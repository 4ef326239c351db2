"""A page for each kind of study: its question, its keys, what it gives, and the built-in ones."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from docs.pages.contents import tree
from studies.commands.listing.durations import expected
from studies.registry import ROOMS, spec_of
from studies.spec.builtin import FOLDER
from studies.spec.json_schema import texts_of
from studies.spec.toml_text import value_text
from studies.vocabulary import GROUPS


def study_pages() -> Iterator[tuple[str, str]]:
    """Every kind that the registry knows."""
    yield "studies/index.md", f"# Kinds of study\n\nThe word is that of the key `study`.\n\n{tree(list(ROOMS))}\n"
    for word in ROOMS:
        yield f"studies/{word}.md", _page(word)


def _page(word: str) -> str:
    spec = spec_of(word)
    said = "\n".join(line.strip() for line in (spec.__doc__ or "").splitlines())
    parts = [f"# {word}", said.replace("``", "`").strip(), _built_in(word)]
    parts.append(
        f"## Keys\n\nMore of them: [commands](../docs/commands.md). To begin: `lattice-optimize new {word} NAME`."
    )
    told, fields = texts_of(spec), spec.model_fields.items()
    rows = "\n".join(f"| `{name}` | {_cell(told.get(name, ''))} | {_default(field)} |" for name, field in fields)
    parts.append(f"| key | what it is | without it |\n|---|---|---|\n{rows}")
    parts.append("Where it says none, the machine's own or the file's holds, if there is one.")
    parts.append(
        "## Quantities\n\nSome are in every result; any other is there only if a requirement names "
        f"it.\n\n{_quantities(word)}"
    )
    return "\n\n".join(parts) + "\n"


def _cell(text: str) -> str:
    """A text that a cell of a table can hold: names with * and _ are no emphasis."""
    return text.replace("|", "\\|").replace("*", "\\*").replace("[", "\\[")


def _built_in(word: str) -> str:
    found = [(path.stem, tomllib.loads(path.read_text(encoding="utf-8"))) for path in sorted(FOLDER.glob("*.toml"))]
    rows = [
        f"| `{name}` | {table.get('title', '')} | {expected(name)} |" for name, table in found if table["study"] == word
    ]
    return "\n".join(["| built-in study | title | takes |", "|---|---|---|", *rows])


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        return ", ".join(_written(value)) or "its keys' own"
    return f"`{_value(value)}`" if value not in (None, "", (), {}) else "none"


def _written(table: BaseModel, before: str = "") -> Iterator[str]:
    """The keys of a table as a study file writes them, those of tables in it dotted."""
    for key, value in table:
        if isinstance(value, BaseModel):
            yield from _written(value, f"{before}{key}.")
        elif value is not None:
            yield f"`{before}{key} = {_value(value)}`"


def _value(value: object) -> str:
    """As a study file writes it."""
    return value_text(list(value) if isinstance(value, tuple) else value)


def _quantities(word: str) -> str:
    found = {key: kind for group, words in GROUPS if word in words for key, kind in group.items()}
    return ", ".join(f"[{key}](../quantities/{key}.md)" for key in found) or "Those of the requirements."
