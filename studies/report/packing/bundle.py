"""Plotly's packaged bundle cut down to what a page draws: the kinds of traces that our figures have, and what they use.

The bundle is modules that are made when first asked for, ``var x=w((e,t)=>{...});`` for each, and those written
otherwise between them. What is reached from its beginning and its end stays, every other module goes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from studies.report.drawing import KINDS

#: Where the function begins that makes plotly, and how it and its call end.
_FACTORY, _END = '() => {\n"use strict";', "}));"

#: Where all kinds of traces are made, where one says its name, which module a module takes, where one begins.
_KINDS_MADE = re.compile(r"(\.register\(\[)([\w$]+\(\)(?:,[\w$]+\(\))+)(\]\))")
_NAME_OF_KIND = re.compile(r'moduleType:"\w+",name:"(\w+)"')
_TAKEN = re.compile(r"=([\w$]+)\(\)")
_MODULE = re.compile(r"var ([\w$]+)=([\w$]+)\((?:\([\w$,]*\)|[\w$]+)=>\{")
_OTHER = re.compile(r"(?:var |,)([\w$]+)=([\w$]+)\(\(\)=>\{")  # one whose functions stand beside it
_ASKED_FOR = re.compile(r"(?<![\w$.])([\w$]+)\(\)")
_STEPS = 3

#: What brackets are not counted in (texts, comments, patterns), or one of them.
_TOKEN = re.compile(
    r""""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`|/\*.*?\*/|//[^\n]*"""
    r"""|(?:(?<=[=(,:\[!&|?{;+])|(?<=return))/(?![*/])(?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\\n\[])+/|[{}]""",
    re.DOTALL,
)


@dataclass(frozen=True)
class _Part:
    """A piece of the bundle, the names that ask for it, and whether it stays whether or not anything does."""

    text: str
    names: frozenset[str]
    always: bool = False


def cut_down(bundle: str) -> str:
    """Plotly's packaged ``bundle`` as a page runs it: read once, with the kinds of traces that a page has, and no more.

    A browser reads a function in brackets once, for it is about to run; one without it reads twice. Making the 44 kinds
    that no figure of ours has (maps, surfaces, ...) took half of the time until the first figure was drawn: 0.8 of
    1.6 s of one processor. What only they need is three quarters of the text: of plotly 7.1, 1.1 MB of 4.8 stay.
    A bundle that is written otherwise stays as it is.
    """
    bodies = {found[1]: bundle[found.end() : end] for found, end in _modules(bundle)}
    text = _KINDS_MADE.sub(lambda found: f"{found[1]}{_kept(bodies, found[2])}{found[3]}", bundle)
    text = "".join(part.text for part in _reached(_parts(text)))
    head, factory, body = text.partition(_FACTORY)
    if not factory or not body.endswith(_END):
        return text
    return f"{head}({factory}{body.removesuffix(_END)}{_END[0]}){_END[1:]}"


def _modules(bundle: str) -> Iterator[tuple[re.Match[str], int]]:
    """Where each module begins, and where the next one does."""
    found = list(_MODULE.finditer(bundle))
    begins = [*(one.start() for one in found), len(bundle)]
    yield from zip(found, begins[1:], strict=True)


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


def _parts(text: str) -> list[_Part]:
    """The modules and what stands between them, in their order; together they are the ``text``."""
    maker, other = _makers(text)
    parts, place = [], 0
    for found, limit in _modules(text):
        end = _end(text, found.end(), limit) if found[2] == maker else 0
        if end:
            parts.append(_between(text[place : found.start()], other, first=not place))
            parts.append(_Part(text[found.start() : end], frozenset({found[1]})))
            place = end
    return [*parts, _Part(text[place:], frozenset(), always=True)]


def _makers(text: str) -> tuple[str, str]:
    """The two functions that modules are made by, of the plain ones and of the others: those that are used most."""
    plain = Counter(found[2] for found in _MODULE.finditer(text)).most_common(1)
    maker = plain[0][0] if plain else ""
    others = Counter(found[2] for found in _OTHER.finditer(text) if found[2] != maker).most_common(1)
    return maker, others[0][0] if others else ""


def _between(text: str, other: str, *, first: bool) -> _Part:
    """What stands between two modules: others, which stay where one of them is asked for, or what always stays."""
    names = frozenset(found[1] for found in _OTHER.finditer(text) if found[2] == other)
    return _Part(text, names, always=first or not names)


def _end(text: str, begin: int, limit: int) -> int:
    """Where the module ends whose body begins at ``begin``; 0 when that cannot be told."""
    depth = 1
    for token in _TOKEN.finditer(text, begin, limit):
        depth += {"{": 1, "}": -1}.get(token[0], 0)
        if depth == 0:
            return token.end() + 2 if text.startswith(");", token.end()) else 0
    return 0


def _reached(parts: Sequence[_Part]) -> Iterable[_Part]:
    """The parts that always stay and those that they ask for, one by the other; in their order."""
    place_of = {name: place for place, part in enumerate(parts) for name in part.names}
    waiting = [place for place, part in enumerate(parts) if part.always]
    reached: set[int] = set()
    while waiting:
        place = waiting.pop()
        if place not in reached:
            reached.add(place)
            waiting += [place_of[name] for name in _ASKED_FOR.findall(parts[place].text) if name in place_of]
    return [part for place, part in enumerate(parts) if place in reached]
