"""``make fuzz``: every reader for some minutes, by atheris where it is installed, else by hypothesis."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

SECONDS = int(os.environ.get("FUZZ_SECONDS", "60"))  # of each reader


def main(arguments: list[str]) -> int:
    """Fuzz all readers, or with a reader's name as argument that one by atheris."""
    if arguments:
        by_atheris(arguments[0])
        return 0
    if importlib.util.find_spec("atheris") is None:
        print("atheris is not installed: hypothesis takes its place", flush=True)
        environment = {**os.environ, "FUZZ_EXAMPLES": os.environ.get("FUZZ_EXAMPLES", "3000")}
        return subprocess.run([sys.executable, "-m", "pytest", "tests/fuzz"], env=environment).returncode
    from tests.fuzz.targets import TARGETS

    codes = [subprocess.run([sys.executable, "-m", "tests.fuzz.forever", target.name]).returncode for target in TARGETS]
    return max(codes)


def by_atheris(name: str) -> None:
    """One reader, guided by the branches that it takes."""
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["lattice", "optics.beams", "optics.engines", "studies"]):
        from tests.fuzz.fuzzing import check
        from tests.fuzz.targets import TARGETS
    target = next(target for target in TARGETS if target.name == name)
    with TemporaryDirectory() as corpus, TemporaryDirectory() as folder:
        target.prepare(Path(folder))
        for number, content in enumerate((target.valid(), *target.seeds)):
            (Path(corpus) / str(number)).write_bytes(content)
        options = [f"-max_total_time={SECONDS}", "-max_len=100000"]
        atheris.Setup([name, *options, corpus], lambda content: check(target, Path(folder), content))
        atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
