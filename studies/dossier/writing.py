"""From run folders to the folder of a dossier."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studies.dossier.assembly import Dossier, dossier_of
from studies.dossier.control import Control, read_control
from studies.dossier.data import dossier_object
from studies.dossier.entries import read_entries
from studies.dossier.folder import check_folder, open_dossier
from studies.dossier.page import render
from studies.dossier.printing import browser, print_page
from studies.report import report_date
from studies.runs.contents import DOSSIER, DOSSIER_DATA, DOSSIER_PDF
from studies.runs.results_json import json_text

LOGGER = logging.getLogger("hadron_optics")


@dataclass(frozen=True)
class Written:
    """A dossier that was written: what it holds, the object of dossier.json, and its files."""

    dossier: Dossier
    data: dict[str, Any]
    page: Path
    pdf: Path | None


def write_dossier(
    runs: Sequence[Path], out: Path, control: Path | None = None, pdf: bool = False, force: bool = False
) -> Written:
    """Write the dossier of finished runs to the folder ``out``; what is wrong is said before anything is drawn.

    InputError for no run, one run twice, a wrong control file, or a folder that holds something else; FileError for a
    folder without a finished run, what cannot be read or written, and a PDF without Chromium.
    """
    told = read_control(control) if control else Control()
    date = told.date or report_date()
    chromium = browser() if pdf else ""
    check_folder(out, force)
    dossier = dossier_of(read_entries(runs), told)
    with open_dossier(out, force) as folder:
        data = folder.put(lambda built: _write(built, dossier, date, chromium))
    return Written(dossier, data, out / DOSSIER, out / DOSSIER_PDF if pdf else None)


def _write(built: Path, dossier: Dossier, date: str, chromium: str) -> dict[str, Any]:
    data = dossier_object(dossier, date)
    (built / DOSSIER).write_text(render(dossier, date), encoding="utf-8")
    if chromium:
        LOGGER.info("printing to PDF")
        print_page(built / DOSSIER, built / DOSSIER_PDF, chromium, date)
    (built / DOSSIER_DATA).write_text(json_text(data), encoding="utf-8")
    return data
