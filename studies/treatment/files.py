"""The study files that a comparison names: built-in ones or files, of the kind that is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lattice import InputError
from studies.spec.builtin import looks_like_file, study_path, unknown_study
from studies.spec.checking import Model, checked, merged_tables, parse_toml, read_text


def path_of(name: str, where: str) -> Path:
    """Path of a built-in study or of a file. InputError for a name that is neither, told with its place ``where``."""
    builtin = study_path(name)
    if builtin is None and not looks_like_file(name):
        raise InputError(f"{where}: {unknown_study(name)}")
    return builtin or Path(name)


def study_of(model: type[Model], word: str, name: str, settings: Mapping[str, Any], where: str) -> Model:
    """The study ``name`` with ``settings`` put into its tables. InputError for another kind of study than ``word``."""
    told = f"{where} = '{name}'"
    content = merged_tables(parse_toml(read_text(path_of(name, where), "study file"), told), settings)
    if content.get("study") != word:
        raise InputError(f"{where}: '{name}' is a study of kind '{content.get('study')}', expected '{word}'")
    return checked(model, content, told)
