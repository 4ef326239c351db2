"""A page printed to PDF by Chromium, where there is one: without its scripts, which the drawings do not need."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from lattice.errors import FileError

#: Names under which Chromium and its relatives are installed, the one that is found first.
BROWSERS = (
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge"),
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
_FLAGS = (
    *("--headless=new", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions"),
    *("--no-pdf-header-footer", "--generate-pdf-document-outline"),
)
_LONGEST_S = 600.0
#: What paper does not need: scripts with their data, and the CSV of links that are not printed.
_NOT_PRINTED = re.compile(r"<script\b[^>]*>.*?</script>| href=\"data:[^\"]*\"", re.DOTALL)
_NODE = re.compile(rb"(?<=\(node)\d{8}(?=\))")
_TIME = re.compile(rb"(?<=Date \(D:)\d{14}[+Z]\d\d'\d\d'(?=\))")


def browser() -> str:
    """The path of the Chromium that prints. FileError when there is none."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        raise FileError(
            "--pdf: Chromium prints the dossier, and none is installed (looked for "
            f"{', '.join(name for name in BROWSERS if '/' not in name)}); install one, or leave --pdf out and print "
            "dossier.html from any browser"
        )
    return found


def print_page(page: Path, pdf: Path, chromium: str, date: str) -> None:
    """Print ``page`` to ``pdf``, whose date is ``date`` ("" for none, which PDF writes as 1970): same bytes twice.

    FileError when Chromium gives no PDF, with what it said.
    """
    with TemporaryDirectory() as place:
        plain, made = Path(place) / "page.html", Path(place) / "page.pdf"
        plain.write_text(_NOT_PRINTED.sub("", page.read_text(encoding="utf-8")), encoding="utf-8")
        ways = (f"--user-data-dir={place}/profile", f"--print-to-pdf={made}", plain.as_uri())
        said = _run([chromium, *_FLAGS, *_as_root(), *ways])
        if not made.is_file() or not made.read_bytes().startswith(b"%PDF-"):
            raise FileError(f"--pdf: {chromium} has printed nothing; it said: {said or 'nothing'}")
        pdf.write_bytes(_numbered(_dated(made.read_bytes(), date)))


def _as_root() -> tuple[str, ...]:
    """Root has no sandbox to run in; the page is ours, fetches nothing and is printed without scripts."""
    return ("--no-sandbox",) if hasattr(os, "geteuid") and os.geteuid() == 0 else ()


def _run(command: list[str]) -> str:
    """What the browser said last; it and what it started are gone afterwards."""
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        try:
            _, said = process.communicate(timeout=_LONGEST_S)
        except subprocess.TimeoutExpired:
            raise FileError(f"--pdf: {command[0]} has not printed the page within {_LONGEST_S:g} s") from None
        finally:
            _end(process)
    return "; ".join(said.decode("utf-8", "replace").strip().splitlines()[-3:])


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)


def _dated(content: bytes, date: str) -> bytes:
    """The file with the date of the document instead of that of the printing."""
    day = datetime.fromisoformat(date) if date else datetime.fromtimestamp(0, UTC)
    return _TIME.sub(f"{day:%Y%m%d}000000+00'00'".encode(), content)


def _numbered(content: bytes) -> bytes:
    """The file with its cells of tables counted from 0: Chromium numbers them by what it happened to make before.

    Their order, which the tree of their names is sorted by, and their length stay.
    """
    ranks = {node: b"%08d" % rank for rank, node in enumerate(sorted(set(_NODE.findall(content))))}
    return _NODE.sub(lambda found: ranks[found[0]], content)
