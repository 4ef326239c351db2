"""The folder of a dossier: built beside its place and put there whole, as run folders are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from lattice import InputError
from studies.runs.building import RunFolder, held_files, open_folder
from studies.runs.contents import DOSSIER_FILES, FILES, FOLDERS, is_dossier, is_run


@contextmanager
def open_dossier(folder: Path, force: bool) -> Iterator[RunFolder]:
    """Hold a folder ready for a dossier; what was there stays until the new one is whole.

    InputError when it holds a run, a dossier (and no ``force``), or files that are no dossier's; FileError when it
    cannot be written, or another process is writing there.
    """
    with open_folder(folder, partial(check_folder, folder, force)) as held:
        yield held


def check_folder(folder: Path, force: bool) -> None:
    """InputError when a dossier cannot be written there because of what the folder holds."""
    if is_run(folder):
        raise InputError(f"{folder} holds a run: a dossier needs a folder of its own, give another with --out")
    if is_dossier(folder):
        if not force:
            raise InputError(f"{folder} holds a dossier: give --force to replace it, or another folder with --out")
        return
    found = held_files(folder, (*DOSSIER_FILES, *FILES, *FOLDERS))
    if found:
        raise InputError(f"{folder} is no dossier's folder but holds {found}: give another folder with --out")
