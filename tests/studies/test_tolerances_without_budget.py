"""Tolerances without a ranking of causes have no budget, which follows from it."""

from typing import Any

import pytest

from lattice import InputError
from studies.spec.schema import as_mapping
from studies.spec.study_file import validated

ERRORS = {"errors": [{"family": "q", "magnets": "quadrupole", "dx": 1e-4}]}
KINDS: dict[str, dict[str, Any]] = {
    "tolerances": {"study": "tolerances", "machine": "cnao", "tolerances": {"machines": 40, "mixed": 0, **ERRORS}},
    "line-tolerances": {
        "study": "line-tolerances",
        "machine": "cnao-room3",
        "tolerances": {"machines": 40, "mixed": 0, **ERRORS},
    },
    "linac-tolerances": {"study": "linac-tolerances", "machine": "linac", "tolerances": {"machines": 40, "mixed": 0}},
}


@pytest.mark.parametrize("kind", KINDS)
def test_mixed_0_asks_for_no_budget(kind: str) -> None:
    study: Any = validated(KINDS[kind], "own.toml")
    assert study.tolerances.budget is None
    again: Any = validated(as_mapping(study), "resolved")  # study.toml of a run leaves out what is None
    assert again.tolerances == study.tolerances


@pytest.mark.parametrize("kind", KINDS)
def test_a_budget_without_a_ranking_is_refused(kind: str) -> None:
    content = {**KINDS[kind], "tolerances": {**KINDS[kind]["tolerances"], "budget": {}}}
    with pytest.raises(InputError, match="leave the table budget out"):
        validated(content, "own.toml")
