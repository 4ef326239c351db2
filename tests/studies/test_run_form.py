"""A run folder whose JSON was changed by hand or on the way: read strictly, refused with the file and the key."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from lattice import FileError
from machines.requirements import PASS
from studies.runs.building import open_run
from studies.runs.contents import DETAILS, RESULTS
from studies.runs.store import read_run
from tests.report_fakes import fake_result

#: File, where in it, what stands there now, what the message says. Each was read and printed as it stands.
DAMAGES: list[tuple[str, tuple[str | int, ...], Any, str]] = [
    (RESULTS, ("quantities", "*", "value"), "1.0", "expected a number"),
    (RESULTS, ("quantities", "*", "value"), True, "value"),
    (RESULTS, ("quantities", "*", "value"), math.nan, "NaN is no number of JSON"),
    (RESULTS, ("quantities", "*", "error"), math.inf, "Infinity is no number of JSON"),
    (RESULTS, ("quantities", "*", "unit"), 1.0, "expected text"),
    (RESULTS, ("quantities",), [], "expected a table"),
    (RESULTS, ("verdicts", 0, "quantity"), 1e308, "expected text"),
    (RESULTS, ("verdicts", 0, "verdict"), "PASSED", "PASSED"),
    (RESULTS, ("verdicts", 0, "margin"), [1.0], "margin"),
    (RESULTS, ("verdicts", 0, "reason"), None, "expected text"),
    (RESULTS, ("warnings",), "all is well", "found 'all is well'"),
    (RESULTS, ("provenance",), [], "expected a table"),
    (RESULTS, ("schema",), True, "schema True found, 1 or 2 expected"),
    (DETAILS, ("verdicts", 0, "upper"), "17", "upper"),
    (DETAILS, ("verdicts", 0, "error"), [], "error"),
    (DETAILS, ("tables", 0, "digits"), 10**9, "digits"),
    (DETAILS, ("tables", 0, "caption"), None, "expected text"),
    (DETAILS, ("references",), {"a": 1}, "references"),
    (DETAILS, ("wanting",), "no", "expected true or false"),
    (DETAILS, ("figures_of_quantities",), {"qx": 1}, "expected text"),
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("form") / "run"
    with open_run(folder) as made:
        made.finish(fake_result(), lambda result: result.title, lambda: "")
    return folder


def damaged(path: Path, place: tuple[str | int, ...], value: Any) -> str:
    """The file's text with another value at a place; "*" is the first key."""
    content = json.loads(path.read_text())
    inside = content
    for part in place[:-1]:
        inside = inside[next(iter(inside)) if part == "*" else part]
    inside[place[-1]] = value
    return json.dumps(content)


def refused(run: Path, file: str, text: str) -> str:
    """The message for a run whose file says something else; the file is put back."""
    before = (run / file).read_bytes()
    (run / file).write_text(text)
    try:
        with pytest.raises(FileError) as caught:
            read_run(run)
    finally:
        (run / file).write_bytes(before)
    return str(caught.value)


@pytest.mark.parametrize(("file", "place", "value", "words"), DAMAGES)
def test_what_has_another_type_is_told_with_file_and_key(
    run: Path, file: str, place: tuple[str | int, ...], value: Any, words: str
) -> None:
    told = refused(run, file, damaged(run / file, place, value))
    assert told.startswith(str(run / file))
    assert words in told
    assert "NaN" in words or "Infinity" in words or str(place[-1]) in told


def test_a_pass_has_a_value_within_its_limit(run: Path) -> None:
    """Of every PASS: moved beyond either limit or taken away, its value contradicts it."""
    results, details = (json.loads((run / name).read_text()) for name in (RESULTS, DETAILS))
    seen = 0
    for row, (verdict, more) in enumerate(zip(results["verdicts"], details["verdicts"], strict=True)):
        if verdict["verdict"] != PASS:
            continue
        for limit, side in ((more["lower"], -1.0), (more["upper"], 1.0)):
            if limit is not None:
                beyond = limit + side * max(abs(limit), 1.0) * 1e-3
                text = damaged(run / RESULTS, ("verdicts", row, "value"), beyond)
                assert f"'{verdict['id']}' is PASS, but" in refused(run, RESULTS, text)
                seen += 1
        text = damaged(run / RESULTS, ("verdicts", row, "value"), None)
        assert f"'{verdict['id']}' is PASS without a value" in refused(run, RESULTS, text)
    assert seen > 0


def test_keys_of_later_versions_are_read_over(run: Path) -> None:
    before = (run / RESULTS).read_bytes()
    (run / RESULTS).write_text(damaged(run / RESULTS, ("quantities", "*", "of a later version"), [1]))
    try:
        assert read_run(run).name == fake_result().name
    finally:
        (run / RESULTS).write_bytes(before)
