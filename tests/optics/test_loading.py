"""What is loaded and compiled for what is asked: a start that waits for nothing it does not need."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import optics
from lattice import InputError

ROOT = Path(optics.__file__).parents[1]
_TABLES = {"pandas", "pyarrow", "h5py"}
_LATER = _TABLES | {"matplotlib", "plotly", "pydantic", "scipy.optimize", "scipy.stats", "xtrack", "cpymad"}


def printed(code: str) -> str:
    """What a fresh interpreter prints."""
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def loaded(code: str) -> set[str]:
    """Modules of a fresh interpreter after ``code``."""
    return set(json.loads(printed(f"{code}\nimport json, sys\nprint(json.dumps(list(sys.modules)))")))


def test_the_package_alone_loads_nothing_else() -> None:
    """Neither the compiler nor numpy: a name brings what it needs."""
    found = loaded("import optics")
    assert not found & ({"numba", "numpy", "lattice"} | _LATER)
    assert {name for name in found if name.startswith("optics.")} == set()


@pytest.mark.parametrize("name", ["twiss", "match", "scan", "track"])
def test_what_computes_loads_no_tables_and_no_engines(name: str) -> None:
    """A table is made when it is asked for; optimisers and statistics are those of special cases."""
    found = loaded(f"from optics import {name}")
    assert "numba" in found
    assert not found & _LATER


def test_every_public_name_comes_from_its_home() -> None:
    """The list of homes is the list of names, and each is what its module defines."""
    assert list(optics._HOMES) == sorted(optics.__all__)
    for name, home in optics._HOMES.items():
        assert getattr(optics, name) is getattr(import_module(home), name)
    assert set(optics.__all__) <= set(dir(optics))
    with pytest.raises(AttributeError, match="no attribute 'twist'"):
        _ = optics.twist


_SIGNATURES = """
import gc, json
from machines.cnao_like import cnao
from numba.core.registry import CPUDispatcher
from optics import Limit, Target, Vary, match, twiss
ring = cnao()
twiss(ring)
twiss(ring.with_parameters(kf=[0.29, 0.2912])).maximum("betx")
match(ring, vary=[Vary("kf", 0.28, 0.3)], targets=[Target("qx", 1.666)], limits=[Limit("betx", upper=30.0)])
every = [f for f in gc.get_objects() if isinstance(f, CPUDispatcher) and f.py_func.__module__.startswith("optics.")]
ours = [f for f in every if f.signatures and not f.targetoptions.get("no_cpython_wrapper")]
print(json.dumps({f.py_func.__qualname__: [str(s) for s in f.signatures] for f in ours}))
"""


def test_a_function_is_compiled_for_numbers_and_for_complex_steps_and_no_more() -> None:
    """An array that is closed to writing or laid out otherwise would be one more type, compiled for seconds."""
    found: dict[str, list[str]] = json.loads(printed(_SIGNATURES))
    assert {"evaluate_rows", "propagate", "one_turn_matrices"} <= set(found)
    assert not [name for name, kinds in found.items() if any("readonly" in kind for kind in kinds)]
    assert {name: len(kinds) for name, kinds in found.items() if len(kinds) > 2} == {}


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("twiss", lambda file: optics.twiss(file)),
        ("track", lambda file: optics.track(file, None, np.zeros((1, 6)))),
        ("survey", lambda file: optics.survey(file)),
        ("to_xsuite", lambda file: optics.to_xsuite(file)),
    ],
)
def test_the_name_of_a_file_is_no_lattice(name: str, call: Callable[[Any], object]) -> None:
    with pytest.raises(InputError, match=f"{name} takes a Lattice, found str: read the file first"):
        call("ring.seq")
