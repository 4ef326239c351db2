"""``python -m benchmarks [names]``: the toolkit beside MAD-X and Xsuite, on this machine, now."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version

from benchmarks import (
    extraction,
    history,
    linac,
    lines,
    matching,
    optics,
    scan,
    spill,
    spill_engines,
    switching,
    tolerances,
    tracking,
)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def main() -> None:
    """Print the machine and the versions, then the benchmarks that are named (all, when none is)."""
    known = {
        "optics": optics.run,
        "tracking": tracking.run,
        "scan": scan.run,
        "matching": matching.run,
        "extraction": extraction.run,
        "spill": spill.run,
        "linac": linac.run,
        "lines": lines.run,
        "switching": switching.run,
        "tolerances": tolerances.run,
    }
    names = sys.argv[1:] or list(known)
    known["spill-engines"] = spill_engines.run  # takes the best part of an hour: only when it is named
    wrong = [name for name in names if name not in known]
    if wrong:
        sys.exit(f"there is no benchmark '{wrong[0]}'; there are: {', '.join(known)}")
    packages = ("numpy", "numba", "scipy", "xsuite", "xtrack", "cpymad", "RF-Track")
    print(f"Python {platform.python_version()}, {platform.platform()}, {os.cpu_count()} CPUs")
    print(", ".join(f"{package} {_version(package)}" for package in packages))
    print("Columns: median time of a call, ratio to ours, repetitions.")
    for name in names:
        known[name]()
    history.finish()


if __name__ == "__main__":
    main()
