"""The parts of pymoo that searches use, loaded when one begins (J. Blank, K. Deb, IEEE Access 8, 89497 (2020))."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from lattice import InputError


def pymoo() -> Any:
    """The parts of pymoo that are used; InputError where it is not installed."""
    try:
        from pymoo.algorithms.moo.nsga2 import NSGA2
        from pymoo.core.evaluator import Evaluator
        from pymoo.core.problem import Problem
        from pymoo.problems.static import StaticProblem
    except ImportError:
        raise InputError("a search needs pymoo: pip install 'hadron-optics[search]'") from None
    return SimpleNamespace(NSGA2=NSGA2, Evaluator=Evaluator, Problem=Problem, StaticProblem=StaticProblem)
