"""The verdict of every built-in study on each of its requirements, as whole runs of them gave.

Runs in the suite that judge the same settings are held against it; a changed verdict is a changed answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from machines.requirements import FAIL, PASS

Verdicts = list[tuple[str, str]]


def _numbered(word: str, *numbers: Iterable[int]) -> tuple[str, ...]:
    return tuple(f"{word}-{number:02d}" for part in numbers for number in part)


_IDS: Mapping[str, tuple[str, ...]] = {
    "cnao-optics": _numbered("OPT", range(1, 21), range(30, 38)),
    "medaustron-optics": _numbered("OPT", range(1, 21)),
    "pimms-optics": _numbered("OPT", range(1, 8), range(10, 21)),  # 8 and 9 are those of other rings' septa
    "cnao-extraction": _numbered("EXT", range(1, 16)),
    "medaustron-extraction": _numbered("EXT", range(1, 16)),
    "pimms-extraction": _numbered("EXT", (1, 2, 3, 4, 6, 7, 8), range(10, 16)),
    "cnao-energy-switching": _numbered("SWI", range(1, 10)),
    "switching-comparison": _numbered("SWI", range(11, 16)),
    "linac-optics": _numbered("LIN", range(1, 16)),
    "linac-energy-switching": _numbered("LSW", range(1, 11)),
}
#: What a study does not meet: the extraction arms of PIMMS's momenta are not aligned (Hardt condition).
_FAILED: Mapping[str, tuple[str, ...]] = {"pimms-extraction": ("EXT-04",)}
STUDIES = tuple(_IDS)


def verdicts_of(study: str, *failed: str) -> Verdicts:
    """(id, verdict) in order; ``failed`` besides what the study itself does not meet."""
    lost = {*_FAILED.get(study, ()), *failed}
    return [(name, FAIL if name in lost else PASS) for name in _IDS[study]]
