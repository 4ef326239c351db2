"""Where the RF knock-out is: ``at`` in study files as in ``RFKnockout``; files that say ``element`` mean the same."""

from __future__ import annotations

import pytest

from lattice import InputError
from studies.slow_extraction.spill.spec import KnockoutSpec
from studies.spec.checking import checked


def test_both_names_are_one_key() -> None:
    new = checked(KnockoutSpec, {"at": "kicker", "tune": 0.66}, "study.toml")
    old = checked(KnockoutSpec, {"element": "kicker", "tune": 0.66}, "study.toml")
    assert (new.at, old) == ("kicker", new)
    assert set(old.model_dump(exclude_none=True)) >= {"at", "tune"}
    assert "element" not in old.model_dump()


def test_both_at_once_are_refused() -> None:
    with pytest.raises(InputError, match="one key"):
        checked(KnockoutSpec, {"element": "kicker", "at": "kicker"}, "study.toml")


def test_a_wrong_key_names_the_new_one() -> None:
    with pytest.raises(InputError, match=r"unknown key.*Allowed here: at, tune"):
        checked(KnockoutSpec, {"elment": "kicker"}, "study.toml")
