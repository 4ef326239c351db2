"""The scripts of a page: its own, and plotly packed; the content security policy names both by their hashes.

Plotly is unpacked in the page and put in as a script of its own: the policy lets it run because its text has the hash
of what was packed. A page without figures holds and allows the first script only.
"""

from __future__ import annotations

import re
from base64 import b64encode
from functools import cache
from hashlib import sha256
from pathlib import Path

from plotly.offline import get_plotlyjs

from studies.report.drawing import KINDS
from studies.report.packing import packed

_FOLDER = Path(__file__).parent / "static" / "scripts"
#: In the order in which they build on each other: those of every page, and those of a page with figures.
_PARTS = ("unpack", "csv", "notes")
_PARTS_OF_FIGURES = ("figures", "sliders", "picks", "what_if", "rate", "reading", "along", "clock")
#: Where the function begins that makes plotly, and how it and its call end.
_FACTORY, _END = '() => {\n"use strict";', "}));"

#: Where all kinds of traces are made, where one says its name, which module a module takes, where one begins.
_KINDS_MADE = re.compile(r"(\.register\(\[)([\w$]+\(\)(?:,[\w$]+\(\))+)(\]\))")
_NAME_OF_KIND = re.compile(r'moduleType:"\w+",name:"(\w+)"')
_TAKEN = re.compile(r"=([\w$]+)\(\)")
_MODULE = re.compile(r"var ([\w$]+)=[\w$]+\(\([\w$,]*\)=>\{")
_STEPS = 3


def page_script(figures: bool) -> str:
    """The one script that stands in the page as it runs; ``figures``: that there are any to draw."""
    names = (*_PARTS, *_PARTS_OF_FIGURES) if figures else _PARTS
    texts = [(_FOLDER / f"{name}.js").read_text(encoding="utf-8") for name in names]
    begin = ["drawInView();\n"] if figures else []
    return "".join(['"use strict";\n(function () {\n', *texts, *begin, "})();\n"])


@cache
def packed_plotly() -> str:
    """The packaged bundle of plotly, packed."""
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
    return made_quick(str(get_plotlyjs()).rstrip())


def made_quick(bundle: str) -> str:
    """Plotly's packaged ``bundle`` as a page runs it: read once, and only the kinds of traces made that a page has.

    A browser reads a function in brackets once, for it is about to run; one without it reads twice, of the bundle all
    of 4.8 MB. Making the 44 kinds that no figure of ours has (maps, surfaces, ...) took half of the time until the
    first figure was drawn: 0.8 of 1.6 s of one processor. A bundle that is written otherwise stays as it is.
    """
    text = _KINDS_MADE.sub(lambda found: f"{found[1]}{_kept(_bodies(bundle), found[2])}{found[3]}", bundle)
    head, factory, body = text.partition(_FACTORY)
    if not factory or not body.endswith(_END):
        return text
    return f"{head}({factory}{body.removesuffix(_END)}{_END[0]}){_END[1:]}"


def _bodies(bundle: str) -> dict[str, str]:
    """Each module of the bundle by its name, from where it begins to where the next one does."""
    found = list(_MODULE.finditer(bundle))
    ends = [one.start() for one in found[1:]] + [len(bundle)]
    return {one[1]: bundle[one.end() : end] for one, end in zip(found, ends, strict=True)}


def _kept(bodies: dict[str, str], calls: str) -> str:
    """Of the ``calls`` that make kinds of traces, those of ours and those that do not say their kind."""
    return ",".join(call for call in calls.split(",") if _kind(bodies, call.removesuffix("()")) in (*KINDS, ""))


def _kind(bodies: dict[str, str], module: str) -> str:
    """What kind of trace a ``module`` makes, by itself or by the first module that it takes; "" where neither says."""
    for _ in range(_STEPS):
        body = bodies.get(module, "")
        if named := _NAME_OF_KIND.search(body):
            return named[1]
        taken = _TAKEN.search(body)
        if not taken:
            break
        module = taken[1]
    return ""


def _hash(script: str) -> str:
    return f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'"
