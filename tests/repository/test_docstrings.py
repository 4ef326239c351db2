"""The functions that physicists call say what they compute, from where, in which units; and their examples run."""

from __future__ import annotations

import doctest
import inspect
import re
from importlib import import_module
from typing import Any

import pytest

#: What is called by name in scripts, by the package that gives it.
CALLED: dict[str, tuple[str, ...]] = {
    "lattice": ("read_json", "read_madx", "write_json", "write_madx"),
    "optics": (
        *("gaussian_beam", "grid", "knob", "match", "match_each", "match_together", "scan", "survey", "track"),
        *("twiss", "verify"),
    ),
    "extraction": (
        *("arm_divergence", "arms_over_momentum", "beam_statistics", "crossing_angle", "duty_factor", "efficiency"),
        *("extracted_bar", "hardt_residual", "leaving_momentum", "momentum_in_time", "peak_to_mean"),
        *("rate_modulation", "rate_spectrum", "rate_variation", "release_times", "resonant_momentum", "spill_rate"),
        *("third_integer_resonance", "transfer_function", "transport", "waiting_beam"),
        *("waiting_stack", "wedge", "wire_loss"),
    ),
    "machines.requirements": ("judge",),
    "optics.linac.switching.energies": ("amplitudes_for", "energy_table", "stages"),
}
SECTIONS = ("Equation", "Returns", "Raises", "Source", "Example")
#: A unit in brackets, "units", or a shape such as (n, 6).
UNIT = re.compile(r"\[[^\]]+\]|\b[Uu]nits?\b|\(\w+(, ?[\w ^+-]+)*,?\)")
FUNCTIONS = [(package, name) for package, names in CALLED.items() for name in names]


def test_there_are_forty() -> None:
    assert len(set(FUNCTIONS)) >= 40


@pytest.mark.parametrize(("package", "name"), FUNCTIONS, ids=lambda word: word)
def test_a_function_is_documented_in_full(package: str, name: str) -> None:
    """One line of physics, every section with text, and a unit or a shape of what comes back."""
    text = inspect.getdoc(getattr(import_module(package), name)) or ""
    assert re.match(r"\S[^\n]{20,}", text)
    found = dict(re.findall(r"^(\w+):\n((?:(?:    .*)?\n?)+)", text, re.MULTILINE))
    assert [section for section in SECTIONS if not found.get(section, "").strip()] == []
    assert UNIT.search(found["Returns"]), found["Returns"]


@pytest.mark.parametrize(("package", "name"), FUNCTIONS, ids=lambda word: word)
def test_an_example_runs(package: str, name: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    function = getattr(import_module(package), name)
    tests = doctest.DocTestFinder(recurse=False).find(function, name, module=inspect.getmodule(function))
    runner = doctest.DocTestRunner(verbose=False)
    said: list[str] = []
    for test in tests:
        assert test.examples
        runner.run(test, out=said.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(said)
