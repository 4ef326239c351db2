"""The tool that puts small wrong changes into the code: what it changes, and that it tells caught from unnoticed."""

from __future__ import annotations

import ast
import json
import shutil
from pathlib import Path
from types import ModuleType

import pytest

from tests.checkout import ROOT
from tests.mutants.__main__ import interval
from tests.mutants.asking import judged, name
from tests.mutants.changes import changes
from tests.mutants.choosing import Records
from tests.mutants.drawing import drawn
from tests.mutants.lines import keys, scopes, statement
from tests.mutants.swapping import swap
from tests.mutants.trees import dependents, is_compiled, pytest_in

SOURCE = '''"""Text."""


def area(width, height, x):
    """An area - not a sum."""
    if width < 0:
        raise ValueError("not -1")
    LOGGER.info("times", width * height)
    if abs(height) < 1e-12:
        return isclose(width, x, rel_tol=1e-3)
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
        assert 'LOGGER.info("times", width * height)' in changed
        assert "1e-12" in changed
        assert "rel_tol=1e-3" in changed


def test_what_is_the_same_to_anyone_is_no_change() -> None:
    """One per cent of a margin or a line's width, and a rounding that is added; their other changes are changes."""
    rounding = "def f(x):\n    return 2.5 * x + 1e-30\n"
    assert {one.new for one in changes(rounding)} == {"(2.5 / x)", "(1.01 * (2.5 * x))", "(2.525)"}
    rising = "def f(x):\n    return x + 1e-12 * arange(len(x))\n"
    assert changes(rising) == []
    assert len(changes(rising.replace("1e-12", "1e-9"))) > 2
    assert changes(rising.replace("arange(len(x))", "x * x")) == []
    named = "def f(x):\n    return _ROUNDING * x\n"
    assert {one.new for one in changes(named)} == {"(_ROUNDING / x)"}
    picture = "def f(x):\n    return g(x, yshift=-0.5 * x, line={'color': x, 'width': 1.5}, y=2.0)\n"
    assert {one.new for one in changes(picture)} == {"(-0.5 / x)", "(0.5)", "(2.02)"}
    notes = "def f(x):\n    return text(x=0.5, y=1.0, xanchor='left'), axis(domain=[0.1, 0.4 - x]), text(x=2.0 * x)\n"
    assert {one.new for one in changes(notes)} == {"(0.4 + x)", "(0.4)", "(2.0 / x)", "(1.01 * (2.0 * x))", "(2.02)"}
    paths = "def f(folder):\n    return folder / ROWS / NAME, folder / 2.0 * x\n"
    assert {one.kind for one in changes(paths) if "ROWS" in one.old} == set()
    lines = "def f(x):\n    return line(x, 2.0, RED, 1.8, 'a'), upright(4.0, width=1.2), g(x, width=2.0 * x)\n"
    assert {one.new for one in changes(lines)} == {"(4.04)", "(2.02)", "(2.0 / x)", "(1.01 * (2.0 * x))"}


def test_a_change_is_in_one_place() -> None:
    one = next(change for change in changes(SOURCE) if change.kind == "comparison")
    assert one.apply(SOURCE) == SOURCE.replace("width < 0", "(width >= 0)")


def test_a_line_is_known_by_its_function_and_its_text() -> None:
    """Lines above may come and go; a line of a function in another belongs to the inner one."""
    source = "def f():\n    if a:\n        return g(\n            1,\n        )\n\n    def h():\n        return 2\n"
    assert keys(source)[8] == "f.<locals>.h|return 2"
    assert keys("\n\n" + source)[10] == keys(source)[8]
    assert list(statement(source, 4)) == [3, 4, 5]
    assert list(statement(source, 2)) == [2]


def test_the_code_of_live_functions_is_exchanged() -> None:
    """Also of one that others imported by name; one that would lose an outer variable is refused."""
    before = (
        "def one(x):\n    return x + 2\n\ndef outer(a):\n    def inner():\n        return a + 1\n    return inner\n"
    )
    module = ModuleType("swapped")
    exec(compile(before, "/made-up/swapped.py", "exec"), module.__dict__)
    held, inner = module.one, module.outer(5)
    assert swap("/made-up/swapped.py", before, before.replace("x + 2", "x - 2"), ["one"]) == 1
    assert held(1) == -1
    assert swap("/made-up/swapped.py", before, before.replace("a + 1", "a - 1"), ["outer", "outer.<locals>.inner"]) == 2
    assert (inner(), module.outer(5)()) == (4, 4)
    with pytest.raises(ValueError, match="other variables"):
        swap("/made-up/swapped.py", before, before.replace("a + 1", "1"), ["outer", "outer.<locals>.inner"])


HOUSE = """
def one():
    return 1.0 + 2.0


def two():
    return 1.0 + 2.0


def alone():
    return 1.0 + 2.0


NOW = two()
"""
TESTS = """
import time
import pytest
from lattice.house import one, two


@pytest.fixture(scope="module")
def made():
    begin = time.process_time()
    while time.process_time() < begin + 0.3:
        pass
    return one()


def test_that_first_uses_it(made):
    two()


def test_of_it(made):
    assert made == 3.0


def test_that_fails_anyway():
    assert two() == 4.0
"""


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A tree with a module of three functions: one checked through a shared fixture, one run, one left alone."""
    tree = tmp_path / "tree"
    shutil.copytree(ROOT / "tests" / "mutants", tree / "tests" / "mutants", ignore=shutil.ignore_patterns("__*__"))
    for place in ("tests/__init__.py", "tests/mutants/__init__.py", "tests/checkout.py"):
        shutil.copy(ROOT / place, tree / place)
    for package in ("lattice", "optics", "extraction", "machines", "studies"):
        (tree / package).mkdir()
        (tree / package / "__init__.py").touch()
    (tree / "lattice" / "house.py").write_text(HOUSE)
    (tree / "tests" / "test_house.py").write_text(TESTS)
    (tree / "pyproject.toml").write_text('[tool.pytest.ini_options]\npythonpath = ["."]\naddopts = ["-ra"]\n')
    return tree


@pytest.mark.slow
def test_survivors_are_told_from_those_caught(house: Path, tmp_path: Path) -> None:
    """The test that notices is not the one in which the fixture was made; one that fails anyway notices nothing."""
    (tmp_path / "tree-compiled").mkdir()
    records = Records(tmp_path / "records", house)
    assert records.missing() == ["tests/test_house.py"]
    pytest_in(house, "tests.mutants.recording", ["tests"], MUTANTS_RECORDS=str(records.folder))
    assert records.missing() == []
    (record,) = (json.loads(path.read_text()) for path in records.folder.glob("*test_house.py.json"))
    fixture = "fixture tests/test_house.py::made"
    assert {name: used for name, _, used in record["tests"]} == {
        "tests/test_house.py::test_that_first_uses_it": [fixture],
        "tests/test_house.py::test_of_it": [fixture],
    }
    assert record["fixtures"][fixture] > 0.2  # it waits for 0.3 s of the processor
    assert all(seconds < 0.2 for _, seconds, _ in record["tests"])
    mutants = [one for one in drawn(house, "lattice", 99, 1) if one.change.kind == "operator"]
    chosen = [records.chosen(one, 60.0) for one in mutants]
    answers = judged(mutants, chosen, [house], tmp_path / "answers")
    found = {one.change.line: answers[name(one)] for one in mutants}
    assert found[3] == {**found[3], "caught": True, "by": "tests/test_house.py::test_of_it"}
    assert [found[line]["caught"] for line in (7, 11)] == [False, False]
    assert [one.imported for one, mutant in zip(chosen, mutants, strict=True) if mutant.change.line == 7] == [True]
    assert (house / "lattice" / "house.py").read_text() == HOUSE


PRESSED = """
from numba import njit as compiled


@compiled
def twice(x):
    return 2.0 * x


@compiled
def thrice(x):
    return 3.0 * x
"""
TESTS_OF_PRESSED = """
from lattice.house import one
from lattice.pressed import thrice, twice


def test_as_it_is_written():
    assert twice.py_func(one()) == 6.0


def test_as_it_is_compiled():
    assert thrice(3.0) == 9.0
"""


@pytest.mark.slow
def test_what_is_compiled_is_tried_first_as_it_is_written(house: Path, tmp_path: Path) -> None:
    """Tests that ran the line in Python notice its change without compiling; for others it is compiled anew."""
    (tmp_path / "tree-compiled").mkdir()
    (house / "lattice" / "house.py").write_text("def one():\n    return 3.0\n")
    (house / "lattice" / "pressed.py").write_text(PRESSED)
    (house / "tests" / "test_house.py").write_text(TESTS_OF_PRESSED)
    records = Records(tmp_path / "records", house)
    pytest_in(house, "tests.mutants.recording", ["tests"], MUTANTS_RECORDS=str(records.folder))
    mutants = [one for one in drawn(house, "lattice", 99, 1) if one.change.kind == "factor 1.01"]
    chosen = [records.chosen(one, 60.0) for one in mutants]
    answers = judged(mutants, chosen, [house], tmp_path / "answers")
    by = {one.change.old: answers[name(one)]["by"] for one in mutants}
    tests = [f"tests/test_house.py::test_as_it_is_{how}" for how in ("written", "compiled")]
    assert by == {"2.0 * x": tests[0], "3.0 * x": tests[1]}
    assert [{*its.tests} for one, its in zip(mutants, chosen, strict=True) if one.change.line == 12] == [{*tests}]
    assert [its.plain for one, its in zip(mutants, chosen, strict=True) if one.change.line == 7] == [(tests[0],)]


def test_compiled_code_that_holds_a_function_is_that_of_its_callers() -> None:
    """By name, from the tree: a series is held by the maps of elements, which it is compiled into."""
    assert dependents(ROOT, "optics.maps.smooth", "sin_sqrt_series") >= {"optics.maps.smooth", "optics.maps.lanes"}


def test_every_decorator_that_compiles_is_known() -> None:
    """A change of what is compiled is run in a Python that compiles it anew: put into the live one nobody sees it."""
    source = (ROOT / "optics" / "compiled.py").read_text("utf-8")
    names = [scope.name for scope in scopes(source) if not scope.name.startswith("_")]
    assert len(names) >= 5
    for decorator in names:
        (made,) = scopes(f"@{decorator}\ndef f(x):\n    return x\n")
        assert is_compiled(made), decorator


def test_wilsons_interval() -> None:
    """9 of 10: 0.596 to 0.982 (the closed form, by hand)."""
    assert interval(9, 10) == pytest.approx((0.596, 0.982), abs=5e-4)
