"""Valid files with accidents, for every reader: a value or an error of ours, in bounded time, no other file touched.

Some seconds a reader here; ``make fuzz`` takes minutes (FUZZ_EXAMPLES says how many files). The branches of each reader
that valid files and damaged ones reach are printed at the end of the tests.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis.errors import NoSuchExample

import lattice.formats.bmad.reader
import lattice.formats.elegant.reader
import lattice.formats.pals.reader
import lattice.interchange
import lattice.madx.reader
import optics.beams.openpmd
import optics.beams.parquet
import optics.engines.xsuite.document
import studies.energy_switching.table_file
import studies.runs.store
import studies.spec.checking
from tests.fuzz.fuzzing import accidents, branches, check, worn
from tests.fuzz.targets import TARGETS, Target

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "60"))
_ids = [target.name for target in TARGETS]


@pytest.mark.parametrize("target", TARGETS, ids=_ids)
def test_a_valid_file_is_read(target: Target, tmp_path: Path) -> None:
    target.prepare(tmp_path)
    assert check(target, tmp_path, target.valid()) == "read"


@pytest.mark.parametrize("target", TARGETS, ids=_ids)
def test_what_once_went_wrong_is_refused(target: Target, tmp_path: Path) -> None:
    target.prepare(tmp_path)
    for seed in (b"", b"\x00", b"\xff\xfe", *target.seeds):
        assert check(target, tmp_path, seed) == "refused", seed[:60]


@pytest.mark.parametrize("target", TARGETS, ids=_ids)
def test_accidents_end_in_a_value_or_in_words(target: Target, tmp_path: Path, record_property: Any) -> None:
    target.prepare(tmp_path)
    content = target.valid()
    with branches(target.modules) as valid:
        check(target, tmp_path, content)
    outcomes: list[str] = []

    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), database=None)
    @given(accidents(target))
    def every(happened: Any) -> None:
        outcomes.append(check(target, tmp_path, worn(content, happened)))

    with branches(target.modules) as reached:
        every()
    record_property(
        "fuzzed",
        f"{target.name}: {len(outcomes)} files, {outcomes.count('refused')} refused; branches "
        f"reached {len(valid)} by the valid file, {len(valid | reached)} in all",
    )
    assert outcomes.count("refused") > 0
    assert len(valid) > 0


#: For each reader a place where a fault is planted: what refuses there, once reached, fails in another way.
PLANTED: dict[str, tuple[Any, str]] = {
    "MAD-X": (lattice.madx.reader, "did_you_mean"),
    "elegant": (lattice.formats.elegant.reader, "did_you_mean"),
    "Bmad": (lattice.formats.bmad.reader, "did_you_mean"),
    "PALS": (lattice.formats.pals.reader, "did_you_mean"),
    "PALS in JSON": (lattice.formats.pals.reader, "did_you_mean"),
    "JSON of ours": (lattice.interchange, "did_you_mean"),
    "JSON of Xsuite": (optics.engines.xsuite.document, "did_you_mean"),
    "study in TOML": (studies.spec.checking, "did_you_mean"),
    "section table in TOML": (studies.spec.checking, "_explain"),
    "operational table in CSV": (studies.energy_switching.table_file, "did_you_mean"),
    "beam in openPMD": (optics.beams.openpmd, "FileError"),
    "beam in Parquet": (optics.beams.parquet, "FileError"),
    "results.json of a run": (studies.runs.store, "FileError"),
    "report.json of a run": (studies.runs.store, "FileError"),
}


def test_every_reader_has_a_planted_fault() -> None:
    assert PLANTED.keys() == {target.name for target in TARGETS}


@pytest.mark.parametrize("target", TARGETS, ids=_ids)
def test_a_planted_fault_is_found(target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The valid file does not meet it; an accident does."""
    target.prepare(tmp_path)
    content = target.valid()
    module, name = PLANTED[target.name]
    monkeypatch.setattr(module, name, _fault)
    assert check(target, tmp_path, content) == "read"

    def fails(happened: Any) -> bool:
        try:
            check(target, tmp_path, worn(content, happened))
        except AssertionError:
            return True
        return False

    quick = settings(max_examples=1000, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    try:
        assert find(accidents(target), fails, settings=quick)
    except NoSuchExample:
        pytest.fail(f"the fault planted in {module.__name__}.{name} was not found in 1000 files")


class _Planted(Exception):
    """The fault: no error of ours."""


def _fault(*_: Any, **__: Any) -> Any:
    raise _Planted
