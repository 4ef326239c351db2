"""The site put together: what Sphinx reads lies as in the repository, so that the links of a document hold."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from docs.pages.contents import index
from docs.pages.elements import driver_pages, element_pages
from docs.pages.quantities import quantity_pages
from docs.pages.reference import reference_pages
from docs.pages.studies import study_pages
from docs.pages.tutorials import notebook, scripts, tutorial

ROOT = Path(__file__).resolve().parents[2]
#: What is copied beside the documents: what they link to.
BESIDE = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "CITATION.cff", "LICENSE")


def build(site: Path) -> int:
    """Build the site into a folder, replacing one that was built before; the exit code of Sphinx."""
    from sphinx.cmd.build import build_main

    with tempfile.TemporaryDirectory(prefix="hadron-optics-site-") as folder:
        source = write_source(Path(folder) / "source")
        shutil.rmtree(site, ignore_errors=True)
        asked = ["-b", "html", "-W", "--keep-going", "-q", "-d", str(Path(folder) / "doctrees")]
        code: int = build_main([*asked, str(source), str(site)])
    return code


def write_source(folder: Path) -> Path:
    """Everything that Sphinx reads, in a new folder."""
    shutil.copytree(ROOT / "docs", folder / "docs", ignore=shutil.ignore_patterns("__pycache__", "pages", "*.py"))
    shutil.copytree(ROOT / "examples", folder / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    for name in BESIDE:
        shutil.copy(ROOT / name, folder / name)
    shutil.copy(Path(__file__).with_name("conf.py"), folder / "conf.py")
    for path, text in made_pages():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


def made_pages() -> Iterator[tuple[str, str]]:
    """Pages that are made of the code: path below the site's source, and text."""
    yield "index.md", index()
    for script in scripts(ROOT / "examples"):
        yield f"examples/{script.stem}/README.md", tutorial(script)
        yield f"examples/{script.stem}/{script.stem}.ipynb", notebook(script)
    yield from element_pages()
    yield from driver_pages()
    yield from quantity_pages()
    yield from study_pages()
    yield from reference_pages()
