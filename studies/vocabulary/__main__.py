"""``python -m studies.vocabulary``: the page docs/quantities.md, made of the vocabulary itself."""

from __future__ import annotations

from collections.abc import Iterator

from studies.vocabulary import COLUMNS, GROUPS, QuantityKind

HEAD = """# Quantities

What a study computes and a requirement names. A requirement's `unit` may be a multiple of the one given (`mm` for `m`).
Every value carries its error; a value closer to its limit than its error fails. This page is made of the vocabulary:
`python -m studies.vocabulary`.
"""
PLACES = """
At a place a function of s is written `betx@NAME` (the entrance of an element; `NAME:end` is its exit), over the whole
lattice `max_betx` and `min_betx`, inside elements too. In results, matched parameters are called `parameter.NAME`, and
what a match left of a target `match.TARGET`.
"""


def page() -> str:
    """The page as Markdown."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield HEAD
    shown: set[str] = set()
    for group, words in GROUPS:
        yield f"## {_title(group, words)}\n"
        if group is COLUMNS:
            yield f"{PLACES.strip()}\n"
        yield "| quantity | unit | symbol | meaning |"
        yield "|---|---|---|---|"
        yield from (_row(kind) for key, kind in group.items() if key not in shown)
        yield ""
        shown |= set(group)


def _title(group: dict[str, QuantityKind], words: tuple[str, ...]) -> str:
    told = " and ".join(f'`study = "{word}"`' for word in words)
    return f"Functions of s ({told})" if group is COLUMNS else f"Of {_SUBJECTS[next(iter(group))]} ({told})"


#: Subject of each group by its first quantity.
_SUBJECTS = {
    "resonant_momentum": "an extraction",
    "extraction_efficiency": "a tracked spill",
    "final_energy": "a linac",
    "energies_number": "energy switching and treatment",
    "spots_missed": "a delivery through a line",
    "orbit_x_uncorrected": "machines with errors",
    "tune_x_error": "rings as built",
    "energy_error": "linacs as built",
    "spot_displacement": "transfer lines as built",
    "yield_all": "machines as built",
    "qx": "a lattice",
}


def _row(kind: QuantityKind) -> str:
    return f"| `{kind.key}` | {kind.unit} | {_escaped(kind.symbol)} | {_escaped(kind.text)} |"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    print(page(), end="")
