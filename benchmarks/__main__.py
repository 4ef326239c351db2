"""``python -m benchmarks``: how fast the toolkit is beside MAD-X and Xsuite, on this machine, now."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version

from benchmarks import optics


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def main() -> None:
    """Print the machine and the versions, then every benchmark."""
    packages = ("numpy", "numba", "scipy", "xsuite", "xtrack", "cpymad")
    print(f"Python {platform.python_version()}, {platform.platform()}, {os.cpu_count()} CPUs")
    print(", ".join(f"{package} {_version(package)}" for package in packages))
    print("Columns: median time of a call, ratio to ours, repetitions.")
    optics.run()


if __name__ == "__main__":
    main()
