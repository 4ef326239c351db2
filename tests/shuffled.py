"""A plugin of pytest for a suite in random order: ``SEED=1 python -m pytest -p tests.shuffled``.

Files come in any order, and so do the tests of each: none may rely on what another has left behind.
"""

from __future__ import annotations

import os
import random
from itertools import groupby

import pytest


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Shuffle files, and tests within a file (fixtures of a file are made once)."""
    dice = random.Random(os.environ.get("SEED", "1"))
    files = [list(tests) for _, tests in groupby(items, key=lambda item: item.path)]
    dice.shuffle(files)
    for tests in files:
        dice.shuffle(tests)
    items[:] = [test for tests in files for test in tests]


def pytest_report_header() -> str:
    """The seed, to be given again where a test fails."""
    return f"shuffled with SEED={os.environ.get('SEED', '1')}"
