"""The studies that come with the toolkit, found by name; light enough for the first 0.3 s."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "builtin"


def builtin_names() -> tuple[str, ...]:
    """Names of the built-in studies, in alphabetical order."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def study_path(name: str) -> Path | None:
    """File of the built-in study called ``name``, or None."""
    return FOLDER / f"{name.lower()}.toml" if name.lower() in builtin_names() else None


def question(path: Path) -> str:
    """What a study file asks: the sentences of the comment at its head, up to an empty line of it; "" without one."""
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        text = line.removeprefix("#").strip()
        if not line.startswith("#") or not text:
            break
        lines.append(text)
    return " ".join(lines)


def looks_like_file(name: str) -> bool:
    """True when ``name`` is meant as a path: it has a suffix or a folder, or stands on disk."""
    return "/" in name or "\\" in name or bool(Path(name).suffix) or Path(name).exists()


def unknown_study(name: str) -> str:
    """Message for a name that is neither a built-in study nor a file."""
    near = get_close_matches(name.lower(), builtin_names(), n=1, cutoff=0.5)
    hint = f"; did you mean '{near[0]}'?" if near else "."
    return f"unknown study '{name}'{hint} Built-in studies: {', '.join(builtin_names())}; or give a TOML file"
