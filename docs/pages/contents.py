"""The table of contents: what a reader looks for first stands first."""

from __future__ import annotations

from pathlib import Path

from docs.pages.tutorials import scripts

_ROOT = Path(__file__).resolve().parents[2]
#: Examples in the order in which they are learned from.
_FIRST = ("fodo_to_verdict", "third_integer", "steinbach", "own_ring_energies", "own_ring_tolerances", "own_linac")

_PARTS: dict[str, tuple[str, ...]] = {
    "Start here": ("docs/start", "docs/glossary", "README"),
    "How to": (
        *("docs/commands", "docs/machines", "docs/matching", "docs/extraction", "docs/switching", "docs/linac"),
        *(
            "docs/lines",
            "docs/imperfections",
            "docs/tolerances",
            "docs/search",
            "docs/scale",
            "docs/files",
            "docs/dossier",
            "docs/notebook",
        ),
    ),
    "Explanation": ("docs/conventions", "docs/models", "docs/codes", "docs/architecture"),
    "Reference": (
        *("reference/lattice", "reference/optics", "reference/extraction", "reference/linacs", "reference/further"),
        *("elements/index", "drivers/index", "studies/index", "quantities/index", "docs/quantities"),
    ),
    "Extending it": ("CONTRIBUTING", "CHANGELOG"),
}


def index() -> str:
    """The page that everything is reached from."""
    parts = dict(_PARTS)
    learned = {"Tutorials": tuple(f"examples/{name}/README" for name in ordered())}
    order = {"Start here": parts.pop("Start here"), **learned, **parts}
    trees = "\n\n".join(_tree(title, pages) for title, pages in order.items())
    return f"# hadron-optics\n\nDoes this hadron-therapy accelerator do what it must, and how do we know?\n\n{trees}\n"


def ordered() -> list[str]:
    """Names of all examples with a script."""
    names = [script.stem for script in scripts(_ROOT / "examples")]
    return [*(name for name in _FIRST if name in names), *(name for name in names if name not in _FIRST)]


def _tree(title: str, pages: tuple[str, ...]) -> str:
    return "\n".join(["```{toctree}", ":maxdepth: 1", f":caption: {title}", "", *pages, "```"])


def tree(pages: list[str]) -> str:
    """The contents of a page that others hang on."""
    return "\n".join(["```{toctree}", ":maxdepth: 1", "", *pages, "```"])
