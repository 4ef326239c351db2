"""What a run folder holds, and which of it the toolkit wrote: nothing else in the folder is ever removed or replaced.

A run lists its own files in report.json; those of runs that are older than the list are told by the tables and
figures that report.json names.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

RESULTS = "results.json"
LOG = "log.txt"
REPORT = "report.html"
DETAILS = "report.json"
STUDY = "study.toml"
LATTICE = "lattice.json"
LATTICE_MADX = "lattice.seq"
LINAC = "linac.toml"
SPILL = "spill"
WORST = "worst"
#: Of a dossier, which has a folder of its own.
DOSSIER, DOSSIER_DATA, DOSSIER_PDF = "dossier.html", "dossier.json", "dossier.pdf"
#: Rows of a scan that is not finished.
ROWS = "rows"
#: What became of a run that failed beside a finished one.
FAILED = "log-of-a-failed-run.txt"
LOG_TITLE = "lattice-optimize: log of one run"
FILES = (RESULTS, REPORT, DETAILS, STUDY, LATTICE, LATTICE_MADX, LINAC)
DOSSIER_FILES = (DOSSIER, DOSSIER_DATA, DOSSIER_PDF)
#: What a folder is whole with, written last.
LAST = (RESULTS, DOSSIER_DATA)
FOLDERS = ("tables", "figures", SPILL, WORST, ROWS)
_BEFORE_THE_LIST = (
    *("tables/energies.tfs", "tables/scan.parquet"),
    *("spill/extracted.h5", "spill/extracted.parquet", "spill/lost.parquet"),
)
_DOSSIER_BEGINS = b'{\n "dossier": '
#: Rows of an interrupted scan as they were kept before there were segments.
OLD_ROWS = "tables/scan.part.parquet"
ROW_FILES = ".rows"


def is_complete(folder: Path) -> bool:
    """True when the folder holds a finished run."""
    return os.path.isfile(folder / RESULTS)


def is_interrupted(folder: Path) -> bool:
    """True when a run was begun in the folder and not finished."""
    return _has_log(folder) and not is_complete(folder)


def is_run(folder: Path) -> bool:
    """True when what the folder holds is a run of ours, finished or not, and not files of the same names."""
    return _has_log(folder) or (is_complete(folder) and (folder / DETAILS).is_file())


def is_dossier(folder: Path) -> bool:
    """True when the folder holds a dossier of ours."""
    return _begins(folder / DOSSIER_DATA, _DOSSIER_BEGINS)


def _has_log(folder: Path) -> bool:
    return _begins(folder / LOG, LOG_TITLE.encode())


def _begins(path: Path, words: bytes) -> bool:
    """Whether a file begins with these bytes; a pipe of its name, which may never give any, does not."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as stream:
            return stream.read(len(words)) == words
    except OSError:
        return False


def listed_files(folder: Path) -> Iterator[str]:
    """Paths of all files below a folder, relative to it, sorted; links are not followed."""
    for place, _, names in os.walk(folder):
        yield from sorted((Path(place) / name).relative_to(folder).as_posix() for name in names)


def own_files(folder: Path) -> frozenset[str]:
    """Paths, relative to the run folder, of the files that the toolkit wrote there."""
    if is_dossier(folder):
        return frozenset(DOSSIER_FILES)
    rows = (f"{ROWS}/{path.name}" for path in _entries(folder / ROWS) if path.suffix in (ROW_FILES, ".json", ".lock"))
    return frozenset((*FILES, LOG, FAILED, OLD_ROWS, *_of_the_run(folder), *rows))


def _entries(folder: Path) -> list[Path]:
    return [] if folder.is_symlink() or not folder.is_dir() else list(folder.iterdir())


def _of_the_run(folder: Path) -> Iterator[str]:
    details = _details(folder)
    files = details.get("files")
    if isinstance(files, list):
        yield from (name for name in files if isinstance(name, str) and name.split("/")[0] in FOLDERS)
        return
    yield from _BEFORE_THE_LIST
    for id in _ids(details.get("tables")):
        yield f"tables/{id}.csv"
    for id in _ids(details.get("figures")):
        yield from (f"figures/{id}.csv", f"figures/{id}.json")


def _details(folder: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError, RecursionError):
        found = json.loads((folder / DETAILS).read_text(encoding="utf-8"))
        return found if isinstance(found, dict) else {}
    return {}


def _ids(described: Any) -> Iterator[str]:
    for one in described if isinstance(described, list) else []:
        if isinstance(one, dict) and isinstance(one.get("id"), str):
            yield one["id"]
