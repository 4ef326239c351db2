"""What a result rests on: versions, hashes of the inputs, the seed. Nothing of the host, the paths or the times."""

from __future__ import annotations

import hashlib
import platform
import tomllib
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

DISTRIBUTION = "hadron-optics"
#: Packages whose version can move a number or a picture.
PACKAGES = ("numpy", "scipy", "pandas", "numba", "xtrack", "xobjects", "xpart", "plotly", "matplotlib", "pydantic")


def toolkit_version() -> str:
    """Version of the toolkit: of the installed distribution, or of the tree it runs from."""
    tree = Path(__file__).parent.parent / "pyproject.toml"
    if tree.is_file():
        project = tomllib.loads(tree.read_text(encoding="utf-8")).get("project", {})
        if project.get("name") == DISTRIBUTION:
            return str(project["version"])
    return version(DISTRIBUTION)


def versions() -> dict[str, str]:
    """Versions of the toolkit, Python and the packages that computed."""
    found = {DISTRIBUTION: toolkit_version(), "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def digest(content: bytes) -> str:
    """SHA-256 of bytes, hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def provenance(seed: int, inputs: Mapping[str, bytes]) -> dict[str, Any]:
    """Versions, the SHA-256 of each input (by its plain name) and the seed."""
    return {
        "versions": versions(),
        "inputs": {name: digest(content) for name, content in sorted(inputs.items())},
        "seed": seed,
    }
