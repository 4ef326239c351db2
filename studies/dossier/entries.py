"""The runs of a dossier: read from their folders, each once, with a name of its own on the page."""

from __future__ import annotations

import logging
import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from lattice.errors import InputError
from lattice.files import read_bytes
from studies.report.beam import accelerated
from studies.report.naming import named
from studies.report.page import check_ids
from studies.results import StudyResult
from studies.runs.contents import RESULTS, STUDY
from studies.runs.store import damage_told, read_run

LOGGER = logging.getLogger("hadron_optics")


@dataclass(frozen=True)
class Case:
    """What a run was made for: a ``machine``, a ``particle`` and its ``energy`` ("" where these are not told apart)."""

    machine: str
    particle: str
    energy: str

    @property
    def told(self) -> str:
        """In one line."""
        return " ".join(filter(None, (self.machine, self.particle, self.energy)))


@dataclass(frozen=True)
class Entry:
    """One run: its ``path`` and the name of its ``folder``, its ``label`` and its ``slug`` on the page, what it holds.

    ``fingerprint`` is the SHA-256 of its results. ``repeats``: it compares two other runs, and its verdicts are those
    of one of them.
    """

    path: Path
    folder: str
    label: str
    slug: str
    result: StudyResult
    fingerprint: str
    repeats: bool = False

    @property
    def case(self) -> Case:
        """Machine, particle and energy."""
        return case_of(self.result)


def read_entries(folders: Sequence[Path]) -> tuple[Entry, ...]:
    """The finished runs of these folders, in order.

    InputError when there is none, or one run twice; FileError for a folder that holds no finished run, or one that
    cannot be read.
    """
    if not folders:
        raise InputError("a dossier needs one run folder at least")
    _refuse_twice(folders, [os.path.realpath(folder) for folder in folders], "name the same folder")
    results = []
    for number, folder in enumerate(folders, 1):
        LOGGER.info("run %d of %d: reading %s", number, len(folders), folder)
        results.append(_read(folder))
    prints = [_fingerprint(folder) for folder in folders]
    _refuse_twice(folders, prints, "hold the same run")
    labels = _labels([_name(folder) for folder in folders], results)
    return tuple(
        Entry(folder, _name(folder), label, slug, result, print, set(result.provenance) == {"A", "B"})
        for folder, label, slug, result, print in zip(folders, labels, slugs(labels), results, prints, strict=True)
    )


def _read(folder: Path) -> StudyResult:
    result = read_run(folder)
    with damage_told(folder):
        check_ids(result)
    return named(result)


def _refuse_twice(folders: Sequence[Path], keys: Sequence[str], told: str) -> None:
    first: dict[str, Path] = {}
    for folder, key in zip(folders, keys, strict=True):
        if key in first:
            raise InputError(f"{first[key]} and {folder} {told}: give each run once")
        first[key] = folder


def _fingerprint(folder: Path) -> str:
    """Of the results and of the study that gave them."""
    return sha256(b"\0".join(read_bytes(folder / name, "file") for name in (RESULTS, STUDY))).hexdigest()


def _name(folder: Path) -> str:
    return os.fsencode(folder.resolve().name).decode("utf-8", "replace")


def _labels(folders: Sequence[str], results: Sequence[StudyResult]) -> list[str]:
    """The study's name; with the folder's where several runs are of one study, and a number if need be."""
    studies = Counter(result.name for result in results)
    labels = [
        result.name if studies[result.name] == 1 or folder == result.name else f"{result.name} ({folder})"
        for folder, result in zip(folders, results, strict=True)
    ]
    again = Counter(labels)
    return [label if again[label] == 1 else f"{label} {place}" for place, label in enumerate(labels, 1)]


def slugs(names: Sequence[str]) -> list[str]:
    """Each name as a word of a-z, 0-9 and -, no two the same."""
    words: list[str] = []
    for name in names:
        word = slug(name)
        taken = sum(one == word or one.startswith(f"{word}-n") for one in words)
        words.append(f"{word}-n{taken + 1}" if word in words else word)
    return words


def slug(name: str) -> str:
    """A name as a word of a-z, 0-9 and -."""
    word = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return word if word[:1].isalpha() else f"x{'-' if word else ''}{word}"


_COUNTED = re.compile(r",? \d+ (?:energies|layers from)(?= )")
_LONG = re.compile(r"\d+\.\d+")


def _shortly(told: str) -> str:
    """Without how many energies there are, and each in four digits: the head of a column."""
    return _LONG.sub(lambda number: f"{float(number[0]):.4g}", _COUNTED.sub("", told))


_PARTICLE = re.compile(r"(?P<particle>[^\s,;]+),? (?P<energy>[^;]*\d[^;]*)")


def case_of(result: StudyResult) -> Case:
    """Machine, particle and energy of a run, from what it says of its particle."""
    told = _shortly(result.particle.split(": p = ")[0].strip())
    found = _PARTICLE.fullmatch(told)
    particle, energy = (found["particle"], found["energy"]) if found else (told, "")
    return Case(result.machine, particle, accelerated(result, energy))
