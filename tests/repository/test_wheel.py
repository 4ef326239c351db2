"""The wheel: built from the tree, installed where the tree cannot be seen, it runs a study to the same bytes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path
from typing import Any, cast

import numba
import pytest
from numba.core.caching import UserProvidedCacheLocator

from optics.caching import COMPILED_PACKAGES
from studies.cli import run as of_tree
from tests.checkout import PACKAGES, ROOT
from tests.shared_runs import SMALL, shared_run

LEFT_OUT = shutil.ignore_patterns(".*", "*.egg-info", "__pycache__")
BESIDE = {"runs", "build", "dist", "site"}  # at the root of the tree; a package may have a room of such a name
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "--no-input"]


def run(command: list[str], folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, with an environment that leads to no other Python code."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV_"))} | more
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def left_out(folder: str, names: list[str]) -> set[str]:
    """What a build of the tree does not need."""
    return LEFT_OUT(folder, names) | (BESIDE & set(names) if Path(folder) == ROOT else set())


def compiled_before(purelib: Path, cache: Path) -> Path:
    """A cache of compiled code for installed files that are those of the tree, with what was compiled for the tree.

    Numba knows a file by its folder, size and time: compiling all of it again takes a minute and tests no packaging.
    """
    place: Any = UserProvidedCacheLocator.get_suitable_cache_subpath
    for package in COMPILED_PACKAGES:
        for source in (ROOT / package).rglob("*.py"):
            installed = purelib / source.relative_to(ROOT)
            os.utime(installed, ns=(source.stat().st_atime_ns, source.stat().st_mtime_ns))
            kept = Path(cast(Any, numba.config).CACHE_DIR) / place(str(source))
            if kept.is_dir():
                shutil.copytree(kept, cache / place(str(installed)), dirs_exist_ok=True)
    return cache


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy: a build leaves folders behind."""
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT, folder / "tree", ignore=left_out)
    build = [*PIP, "wheel", "--no-index", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), "./tree"]
    done = run(build, folder)
    assert done.returncode == 0, done.stderr
    return next(folder.glob("hadron_optics-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new virtual environment with the wheel in it, which borrows the dependencies of this one."""
    folder = tmp_path_factory.mktemp("installed")
    assert run([sys.executable, "-m", "venv", "--without-pip", "env"], folder).returncode == 0
    python = folder / "env" / "bin" / "python"
    purelib = run([str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], folder).stdout.strip()
    # A folder named in a .pth file is searched, but its own .pth files, among them the tree's, are not read.
    (Path(purelib) / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    install = ["--python", str(python), "install", "--no-index", "--no-deps", "--ignore-installed", str(wheel)]
    done = run([*PIP, *install], folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_the_wheel_holds_the_packages_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == set(PACKAGES)


@pytest.mark.parametrize("package", ["lattice", "optics", "extraction", "machines", "studies"])
def test_the_wheel_holds_every_file_of_a_package(wheel: Path, package: str) -> None:
    sources = {path.relative_to(ROOT).as_posix() for path in (ROOT / package).rglob("*") if path.is_file()}
    held = set(zipfile.ZipFile(wheel).namelist())
    assert {name for name in sources if "__pycache__" not in name} <= held


def test_the_source_archive_builds_the_same_packages(wheel: Path) -> None:
    """Every file of the wheel is in the sdist, with what a build needs; tests, documents and runs stay out."""
    told = "from setuptools import build_meta; print(build_meta.build_sdist('dist'))"
    done = run([sys.executable, "-c", told], wheel.parent / "tree")
    assert done.returncode == 0, done.stderr
    name = done.stdout.split()[-1]
    with tarfile.open(wheel.parent / "tree" / "dist" / name) as archive:
        files = {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}
    wanted = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert wanted - files == set()
    assert {"pyproject.toml", "README.md", "LICENSE"} <= files
    assert {name.split("/")[0] for name in files if "/" in name} == {*PACKAGES, "hadron_optics.egg-info"}


@pytest.mark.slow
def test_the_installed_wheel_runs_the_resolved_study_to_the_same_bytes(
    installed: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The study that a run of a small ring left, as the tree runs it; --json prints the results and nothing else."""
    given, code = shared_run(SMALL, tmp_path_factory)
    assert code == 0
    shutil.copytree(given, installed / "given")
    first = installed / "first"
    assert of_tree(["run", str(installed / "given" / "study.toml"), "--out", str(first), "-q"]) == 0
    where = run([str(installed / "env/bin/python"), "-c", "import studies; print(studies.__file__)"], installed).stdout
    assert Path(where).is_relative_to(installed), "the tree was found instead of the wheel"
    cache = compiled_before(Path(where.strip()).parents[1], installed / "compiled")
    command = [str(installed / "env/bin/lattice-optimize"), "run", "given/study.toml", "--out", "again", "--json"]
    done = run(command, installed, NUMBA_CACHE_DIR=str(cache))
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    assert json.loads(done.stdout) == json.loads((installed / "again" / "results.json").read_text())
    for path in first.rglob("*"):
        if path.is_file() and path.name != "log.txt":
            again = installed / "again" / path.relative_to(first)
            assert again.read_bytes() == path.read_bytes(), path.name


def test_the_installed_wheel_knows_the_built_in_studies(installed: Path) -> None:
    done = run([str(installed / "env/bin/lattice-optimize"), "list", "cnao-optics"], installed)
    assert done.returncode == 0, done.stderr
    assert "cnao-optics" in done.stdout
