"""The tool that puts small wrong changes into the code: what it changes, and that it tells caught from unnoticed."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.mutants.__main__ import Mutant, caught, interval, watchers
from tests.mutants.changes import changes

SOURCE = '''"""Text."""


def area(width, height, x):
    """An area - not a sum."""
    if width < 0:
        raise ValueError("not -1")
    return width * height + min(x, 2.0) - x[0]
'''


def test_each_change_is_valid_code_and_differs() -> None:
    found = changes(SOURCE)
    assert {one.kind for one in found} >= {"operator", "term dropped", "factor 1.01", "comparison", "swapped", "place"}
    for one in found:
        changed = one.apply(SOURCE)
        assert ast.unparse(ast.parse(changed)) != ast.unparse(ast.parse(SOURCE))
        assert '"""An area - not a sum."""' in changed
        assert 'raise ValueError("not -1")' in changed


def test_a_change_is_in_one_place() -> None:
    one = next(change for change in changes(SOURCE) if change.kind == "comparison")
    assert one.apply(SOURCE) == SOURCE.replace("width < 0", "(width >= 0)")


def test_survivors_are_told_from_those_caught(tmp_path: Path) -> None:
    """A module of two functions, one of which its test checks."""
    (tmp_path / "house.py").write_text("def one():\n    return 1.0 + 2.0\n\n\ndef two():\n    return 1.0 + 2.0\n")
    test = Path("test_house.py")
    (tmp_path / test).write_text(
        "from house import one, two\n\n\ndef test_one():\n    assert one() == 3.0\n    two()\n"
    )
    (tmp_path / "pyproject.toml").write_text('[tool.pytest.ini_options]\npythonpath = ["."]\n')
    before = (tmp_path / "house.py").read_text()
    found = [one for one in changes(before) if one.kind == "operator"]
    outcome = [caught(Mutant(Path("house.py"), one, (test,)), tmp_path) for one in found]
    assert outcome == [True, False]
    assert (tmp_path / "house.py").read_text() == before


def test_the_watchers_a_module_are_those_that_use_it() -> None:
    assert Path("tests/optics/test_twiss.py") in watchers(Path("optics/linear/twiss.py"))
    assert watchers(Path("studies/registry.py"))


def test_wilsons_interval() -> None:
    """9 of 10: 0.596 to 0.982 (the closed form, by hand)."""
    assert interval(9, 10) == pytest.approx((0.596, 0.982), abs=5e-4)
