"""The scripts of a page: its own, and plotly packed; the content security policy names both by their hashes.

Plotly is unpacked in the page and put in as a script of its own: the policy lets it run because its text has the hash
of what was packed. A page without figures holds and allows the first script only.
"""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from hashlib import sha256
from pathlib import Path

from plotly.offline import get_plotlyjs

from studies.report.packing.bundle import cut_down
from studies.report.packing.letters import packed

_FOLDER = Path(__file__).parent / "static" / "scripts"
#: In the order in which they build on each other: those of every page, and those of a page with figures.
_PARTS = ("unpack", "csv", "rows", "notes")
_PARTS_OF_FIGURES = ("figures", "sliders", "picks", "what_if", "rate", "reading", "along", "clock")


def page_script(figures: bool) -> str:
    """The one script that stands in the page as it runs; ``figures``: that there are any to draw."""
    names = (*_PARTS, *_PARTS_OF_FIGURES) if figures else _PARTS
    texts = [(_FOLDER / f"{name}.js").read_text(encoding="utf-8") for name in names]
    begin = ["drawInView();\n"] if figures else []
    return "".join(['"use strict";\n(function () {\n', *texts, *begin, "})();\n"])


@cache
def packed_plotly() -> str:
    """The packaged bundle of plotly, cut down to what a page draws, packed."""
    return packed(_plotly())


def policy_of(scripts: tuple[str, ...], figures: bool) -> str:
    """The content security policy of a page: nothing is fetched, and no script runs but these.

    With ``figures`` plotly too, which the first of them unpacks and puts in.
    """
    hashes = [*map(_hash, scripts), *([_plotly_hash()] if figures else [])]
    return (
        f"default-src 'none'; script-src {' '.join(hashes)}; style-src 'unsafe-inline'; img-src data: blob:; "
        "font-src data:; base-uri 'none'; form-action 'none'"
    )


@cache
def _plotly_hash() -> str:
    return _hash(_plotly())


@cache
def _plotly() -> str:
    return cut_down(str(get_plotlyjs()).rstrip())


def _hash(script: str) -> str:
    return f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'"
