"""Copies of the tree for the changes to be made in, at places that stay, so that compiled code is found again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from tests.checkout import PACKAGES, ROOT, tracked_files
from tests.mutants.lines import Scope, scopes

HOME = ROOT / "build" / "mutants"
RECORDS = HOME / "records"
_COMPILING = ("compiled", "inner", "inlined", "contracted", "merged", "part", "numba", "overload")


def synced(name: str) -> Path:
    """A copy of the tree as it is now; files that did not change keep their times."""
    tree = HOME / name
    wanted = {path.relative_to(ROOT): path for path in tracked_files()}
    for place, path in wanted.items():
        target = tree / place
        if not target.is_file() or target.read_bytes() != path.read_bytes():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    _remove_others(tree, {tree / place for place in wanted})
    return tree


def _remove_others(tree: Path, wanted: set[Path]) -> None:
    for path in tree.rglob("*"):
        if path.is_file() and path not in wanted and "__pycache__" not in path.parts:
            path.unlink()


def environment(tree: Path, compiled: Path | None = None) -> dict[str, str]:
    """Of a Python that runs in a copy: its modules, one cache of compiled code, one thread."""
    return {
        **os.environ,
        "PYTHONPATH": str(tree),
        "PYTHONDONTWRITEBYTECODE": "1",
        "NUMBA_CACHE_DIR": str(compiled or tree.with_name(f"{tree.name}-compiled")),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }


def pytest_in(tree: Path, plugin: str, arguments: Sequence[str], **extra: str) -> int:
    """Run pytest in a copy with a plugin of this tool; its exit status."""
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:cov", "-p", plugin]
    command = [sys.executable, "-m", "pytest", *options, *arguments]
    return subprocess.run(command, cwd=tree, env={**environment(tree), **extra}, check=False).returncode


def warm(tree: Path) -> None:
    """Compile what tests would compile, once."""
    subprocess.run([sys.executable, "-m", "tests.compiled"], cwd=tree, env=environment(tree), check=True)


def is_compiled(scope: Scope) -> bool:
    """Whether a function is compiled by numba, or makes what is."""
    return any(word in decorator for decorator in scope.decorators for word in _COMPILING)


def without(tree: Path, modules: frozenset[str], folder: Path) -> Path:
    """The cache of compiled code without that of some modules, in a new folder (hard links)."""
    kept = Path(environment(tree)["NUMBA_CACHE_DIR"])
    shutil.copytree(kept, folder, copy_function=os.link, ignore=_of(modules), dirs_exist_ok=True)
    return folder


def _of(modules: frozenset[str]) -> Callable[[str, list[str]], set[str]]:
    """Numba names a file after the last part of the module and the function."""
    last = {name.rpartition(".")[2] for name in modules}
    return lambda folder, names: {name for name in names if name.partition(".")[0] in last}


def dependents(tree: Path, module: str, function: str) -> frozenset[str]:
    """Modules whose compiled functions may hold a function: those that name it, or name one that does."""
    every = _every(tree)
    names, grown = {function.rpartition(".")[2]}, True
    while grown:
        more = {scope.name for _, scope in every if is_compiled(scope) and scope.named & names} | names
        names, grown = more, len(more) > len(names)
    return frozenset({_dotted(path, tree) for path, scope in every if scope.name in names} | {module})


@cache
def _every(tree: Path) -> list[tuple[Path, Scope]]:
    files = [path for package in PACKAGES for path in sorted((tree / package).rglob("*.py"))]
    return [(path, scope) for path in files for scope in scopes(path.read_text("utf-8"))]


def _dotted(path: Path, tree: Path) -> str:
    return ".".join(path.relative_to(tree).with_suffix("").parts)
