"""House rules that a reader of the repository relies on."""

from __future__ import annotations

import re
from importlib.metadata import Distribution, distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.checkout import DOCUMENTS, PACKAGES, PROJECT, ROOT, tracked_files

LOCK = (ROOT / "requirements.lock").read_text()
PINNED = dict(re.findall(r"^([a-z0-9-]+)==([^ ;]+)", LOCK, re.MULTILINE))


def test_the_lock_names_no_host() -> None:
    assert not re.search(r"://|--(extra-)?index-url|--find-links|--trusted-host", LOCK)


def test_the_lock_has_a_hash_for_every_package() -> None:
    entries = re.split(r"^(?=[a-z0-9-]+==)", LOCK, flags=re.MULTILINE)[1:]
    assert len(entries) == len(PINNED)
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []


def direct_dependencies() -> list[Requirement]:
    """What pyproject asks for: to build, to run, to test and to make the site."""
    project = PROJECT["project"]
    names = PROJECT["build-system"]["requires"] + project["dependencies"]
    extras = project["optional-dependencies"]
    return [Requirement(name) for name in names + extras["test"] + extras["docs"]]


@pytest.mark.parametrize("dependency", direct_dependencies(), ids=lambda dependency: dependency.name)
def test_the_lock_holds_what_the_project_asks_for(dependency: Requirement) -> None:
    assert PINNED[dependency.name] in dependency.specifier, "stale: make lock"


def test_the_wheel_takes_the_five_packages_and_all_rooms_in_them() -> None:
    found = PROJECT["tool"]["setuptools"]["packages"]["find"]
    assert found["include"] == [f"{name}*" for name in PACKAGES]
    inits = {path.parent for path in tracked_files() if path.name == "__init__.py"}
    modules = [path for path in tracked_files() if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in PACKAGES]
    assert [str(path) for path in modules if path.parent not in inits] == []
    assert [name for name in PACKAGES if not (ROOT / name / "py.typed").is_file()] == []


def test_the_version_is_the_same_everywhere() -> None:
    version = PROJECT["project"]["version"]
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"\n## [{version}]" in (ROOT / "CHANGELOG.md").read_text()


def test_what_is_under_a_general_public_licence_is_named() -> None:
    """Of what the lock installs here; who hands the toolkit on has to know."""
    licences = re.compile(r"\bA?L?GPL|General Public License")
    copyleft = []
    for found in distributions():
        about = [
            *(found.metadata.get_all(key) or [""] for key in ("License-Expression", "License")),
            _classifiers(found),
        ]
        name = re.sub(r"[-_.]+", "-", found.metadata["Name"]).lower()
        if name in PINNED and licences.search("\n".join(text[:200] for texts in about for text in texts)):
            copyleft.append(name)
    told = (ROOT / "README.md").read_text().partition("## Licences")[2]
    assert "madng-tpsa" in copyleft
    assert [name for name in copyleft if f"`{name}`" not in told] == []


def _classifiers(found: Distribution) -> list[str]:
    return [line for line in found.metadata.get_all("Classifier") or [] if line.startswith("License")]


def test_no_file_is_over_a_megabyte() -> None:
    assert [str(path) for path in tracked_files() if path.stat().st_size > 1_000_000] == []


def test_no_file_names_a_path_of_one_machine() -> None:
    machine_path = re.compile(rb"(?<![A-Za-z0-9_.])/(tmp|work|root|home|Users)/")
    assert [str(path) for path in tracked_files() if machine_path.search(path.read_bytes())] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_links_of_a_document_lead_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)", document.read_text())
    files = [target for target in targets if "://" not in target]
    assert [name for name in files if not (document.parent / name).exists()] == []
