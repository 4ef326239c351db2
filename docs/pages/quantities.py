"""A page for each quantity: what it is, who asks for it, and which tests check its number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from machines.registry import MACHINES, machine_named
from machines.requirements import Requirement
from studies.vocabulary import COLUMNS, GROUPS, QuantityKind
from tests.repository.test_numbers import checked

#: In no tree of contents: two hundred entries would be drawn beside every page.
_APART = "---\norphan: true\n---"


def quantity_pages() -> Iterator[tuple[str, str]]:
    """Every entry of the vocabulary, in its groups."""
    entries = _entries()
    links = "\n".join(f"- [{key}]({key}.md): {_cell(kind.text)}" for key, (kind, _) in entries.items())
    head = "# Quantities, one by one\n\nAll on one page: [quantities](../docs/quantities.md)."
    yield "quantities/index.md", f"{head}\n\n{links}\n"
    asked = _asked()
    for key, (kind, words) in entries.items():
        yield f"quantities/{key}.md", _page(kind, words, asked.get(key, []))


def _entries() -> dict[str, tuple[QuantityKind, list[str]]]:
    """Quantity and the kinds of study that give it, by key."""
    found: dict[str, tuple[QuantityKind, list[str]]] = {}
    for group, words in GROUPS:
        for key, kind in group.items():
            found.setdefault(key, (kind, []))[1].extend(word for word in words if word not in found[key][1])
    return found


def _asked() -> dict[str, list[tuple[str, Requirement]]]:
    """Requirements of the machines on each quantity, a column's extremes among them."""
    found: dict[str, list[tuple[str, Requirement]]] = {}
    for name in MACHINES:
        for need in machine_named(name).requirements:
            base = need.quantity.partition("@")[0]
            key = base.removeprefix("max_").removeprefix("min_") if base[4:] in COLUMNS else base
            found.setdefault(key, []).append((name, need))
    return found


def _page(kind: QuantityKind, words: Sequence[str], asked: Sequence[tuple[str, Requirement]]) -> str:
    lines = [
        _APART,
        f"# {kind.key}",
        f"{kind.text[:1].upper()}{kind.text[1:]}.",
        "| | |\n|---|---|",
    ]
    rows = {
        "key" if kind.key not in COLUMNS else "column": f"`{kind.key}`",
        "symbol": _cell(kind.symbol),
        "unit": kind.unit,
        "read in": kind.shown or kind.unit,
        "given by": ", ".join(f"[{word}](../studies/{word}.md)" for word in words),
    }
    lines[-1] += "".join(f"\n| {name} | {text} |" for name, text in rows.items())
    if kind.key in COLUMNS:
        lines.append(f"At a place: `{kind.key}@NAME`; over the lattice: `max_{kind.key}`, `min_{kind.key}`.")
    if asked:
        lines.append("## Who asks for it\n\n| machine | requirement | limit | source |\n|---|---|---|---|")
        lines[-1] += "".join(_row(machine, need) for machine, need in asked)
    lines.append("## What checks its number\n\n" + _checks(kind.key))
    return "\n\n".join(lines) + "\n"


#: What the ways of a test's mark mean.
_WAYS = {
    "exact law": "a law that holds exactly, such as conservation",
    "closed form": "a formula for a case simple enough to have one",
    "second code": "another code on the same lattice",
    "by hand": "an arithmetic made by hand",
}


def _checks(key: str) -> str:
    """In words, with how many tests; none of their names."""
    ways = [way for _, way in checked()[key]]
    told = [f"- {_WAYS[way]} ({_counted(ways.count(way))})" for way in dict.fromkeys(ways)]
    return "\n".join([*told, "", "How codes compare: [codes](../docs/codes.md)."])


def _counted(tests: int) -> str:
    return "one test" if tests == 1 else f"{tests} tests"


def _row(machine: str, need: Requirement) -> str:
    bounds = (("at least", need.lower), ("at most", need.upper))
    limits = [f"{word} {value:g}" for word, value in bounds if value is not None]
    told = f"{' and '.join(limits)} {need.unit if need.unit != '1' else ''}".strip()
    return f"\n| {machine} | {need.id}: {_cell(need.text)} | {told} | {_cell(need.source)} ({need.kind}) |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*").replace("\n", " ")
