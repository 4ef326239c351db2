"""One thing has one name; study files that have the name of old are read, and told so."""

import logging
from pathlib import Path
from typing import Any

import pytest

from lattice import InputError, Lattice, ReferenceParticle
from optics import Limit, Optics, Target, scan, twiss
from optics.matching.quantities import Quantity
from studies.slow_extraction.spill.spec import KnockoutSpec
from studies.spec.checking import checked
from studies.spec.study_file import load_study, validated
from studies.vocabulary.older import OLDER_KEYS, rename
from tests.extraction_rings import fodo_ring as ring_of_cells

PROTON = ReferenceParticle("proton", kinetic_energy_per_u=60e6)


def fodo_ring() -> Lattice:
    return ring_of_cells(4, 0.0)


@pytest.fixture(scope="module")
def ring() -> Lattice:
    return fodo_ring()


@pytest.fixture(scope="module")
def optics(ring: Lattice) -> Optics:
    return twiss(ring, PROTON)


def test_the_length_of_a_ring_has_one_name(ring: Lattice, optics: Optics) -> None:
    assert optics.length == optics.value("length") == pytest.approx(ring.length, rel=1e-15)
    assert Target("length", 33.0).quantity == "length"


def test_the_name_of_old_is_read_and_told(ring: Lattice, optics: Optics) -> None:
    with pytest.warns(FutureWarning, match="'circumference' is called 'length'"):
        target = Target("circumference", 33.0)
    assert target == Target("length", 33.0)
    with pytest.warns(FutureWarning, match="'length'"):
        assert Limit("circumference", upper=34.0).quantity == "length"
    with pytest.warns(FutureWarning, match="'length'"):
        assert optics.circumference == optics.length
    with pytest.warns(FutureWarning, match="'length'"):
        table = scan(ring, PROTON, parameters={"k": [ring.parameters["k"]]}, quantities=["circumference"])
    assert table["circumference"].tolist() == pytest.approx([ring.length])


@pytest.mark.parametrize(("word", "parameter", "expected"), [("length", 2.0, 3.0), ("circumference", 2.0, None)])
def test_a_parameter_called_length_keeps_its_meaning_in_formulas(
    word: str, parameter: float, expected: float | None
) -> None:
    """Formulas of lattices that have such a parameter meant it before ``length`` was a word of ours."""
    own = fodo_ring()
    named = Lattice(own.name, elements=own.elements, parameters={**dict(own.parameters), "length": parameter})
    formula = Quantity(f"{word} + 1")
    formula.check_in(named, "Target")
    assert formula.evaluate(twiss(named, PROTON))[0] == pytest.approx(expected or own.length + 1)


def test_without_such_a_parameter_it_is_the_rings(ring: Lattice, optics: Optics) -> None:
    Quantity("length / 2").check_in(ring, "Target")
    assert Quantity("length / 2").evaluate(optics)[0] == pytest.approx(ring.length / 2)


def test_a_study_file_with_the_quantity_of_old(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "own.toml"
    path.write_text(
        'study = "optics"\nlattice = "ring.seq"\n[match]\nvary = [{ name = "k" }]\n'
        'targets = [{ quantity = "qx", value = 1.7 }, { quantity = "circumference", value = 33.0 }]\n'
    )
    with caplog.at_level(logging.WARNING, logger="hadron_optics"):
        study: Any = load_study(path)
    assert [target.quantity for target in study.match.targets] == ["qx", "length"]
    (told,) = caplog.messages
    assert told == (
        f"{path}: match.targets.1.quantity: 'circumference' is called 'length' today, and read as that: write that"
    )


@pytest.mark.parametrize(
    ("kind", "path", "old", "new"),
    [
        (kind, path, *names)
        for kind, tables in OLDER_KEYS.items()
        for path, renamed in tables.items()
        for names in renamed.items()
    ],
)
def test_keys_of_old(kind: str, path: tuple[str, ...], old: str, new: str) -> None:
    content: dict[str, Any] = {"study": kind}
    table = content
    for part in path:
        table = table.setdefault(part, {})
    table[old] = 1.0
    (told,) = rename(content, "own.toml")
    assert told == f"own.toml: {'.'.join(path)}.{old} is called {new} today, and read as that: write {new}"
    assert table == {new: 1.0}
    table[old] = 2.0
    with pytest.raises(InputError, match=f"{old} and {new} are one key: leave {old} out"):
        rename(content, "own.toml")


def test_a_wrong_key_names_the_one_of_today() -> None:
    with pytest.raises(InputError, match=r"unknown key.*Allowed here: at, tune"):
        checked(KnockoutSpec, {"elment": "kicker"}, "study.toml")


def test_a_change_on_the_command_line_has_the_name_of_today(caplog: pytest.LogCaptureFixture) -> None:
    content = {"study": "linac-energy-switching", "machine": "compact-linac", "energies": {"lowest_MeV": 80.0}}
    with caplog.at_level(logging.WARNING, logger="hadron_optics"):
        study: Any = validated(content, "own.toml", ["energies.upper_MeV=150"])
    assert (study.energies.lower_MeV, study.energies.upper_MeV) == (80.0, 150.0)
    assert len(caplog.messages) == 1
