"""The file that a new study is written to, and what stands at its head."""

from __future__ import annotations

from pathlib import Path

from lattice import FileError, InputError
from studies.beginning.written import Begun, study_text
from studies.spec.json_schema import json_schema


def checked_target(name: str, force: bool) -> Path:
    """The path of NAME.toml; InputError where it would replace something, FileError without its folder."""
    target = Path(name if name.lower().endswith(".toml") else f"{name}.toml")
    if not target.name.removesuffix(".toml"):
        raise InputError(f"'{name}' is no name of a file")
    if not target.parent.is_dir():
        raise FileError(f"{target.parent}: no such folder")
    if target.is_dir() or (target.exists() and not force):
        raise InputError(f"{target} is there already: give another name, or --force to replace it")
    return target


def text_of(word: str, target: Path, begun: Begun) -> str:
    """The whole file."""
    schema = json_schema(word)
    question = schema["description"].partition("\n")[0]
    head = [
        question,
        "",
        f"It runs as it is: lattice-optimize run {target.name}",
        'A line "#key = value" is a key that is not set. It shows the default, or an example ("not set", "needed");',
        "take the # away to set it, of a table its header too. Units and ranges stand behind the keys.",
        *(
            ['"assumed": nobody stated this value. Put in yours, and take its key out of "assumed".']
            if begun.assumed
            else []
        ),
        f"For editors: lattice-optimize schema {word}",
    ]
    return study_text(schema, begun, head)
