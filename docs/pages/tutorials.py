"""A tutorial: the text of an example, then its script, cell by cell; and the same as a notebook."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

_CELL = re.compile(r"^# %%(.*)\n", re.MULTILINE)


def scripts(examples: Path) -> list[Path]:
    """The examples that have a script."""
    return sorted(path for path in examples.glob("*/*.py") if path.stem == path.parent.name)


def tutorial(script: Path) -> str:
    """The example's README, with the script in place of how to run it."""
    text = (script.parent / "README.md").read_text(encoding="utf-8")
    before, _, run = text.partition("## Run\n")
    loads = f"{{download}}`the script <{script.name}>`, {{download}}`the notebook <{script.stem}.ipynb>`"
    shown = "\n".join(text if kind == "text" else f"```python\n{text}\n```\n" for kind, text in cells(script))
    return f"{before}## Run\n{run}\nTo load down: {loads}.\n\n## The script\n\n{shown}"


def cells(script: Path) -> Iterator[tuple[str, str]]:
    """("text" or "code", content) of each cell of a script in the percent format."""
    parts = _CELL.split(script.read_text(encoding="utf-8"))[1:]
    for head, body in zip(parts[::2], parts[1::2], strict=True):
        if "[markdown]" in head:
            yield (
                "text",
                "\n".join(line.removeprefix("#").removeprefix(" ") for line in body.strip().splitlines()) + "\n",
            )
        else:
            yield "code", body.strip()


def notebook(script: Path) -> str:
    """The script as an .ipynb, without outputs."""
    import jupytext

    made: str = jupytext.writes(jupytext.read(script, fmt="py:percent"), fmt="ipynb")
    return made
