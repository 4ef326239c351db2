"""One ring in every language that is read: the same optics, which is MAD-X's of its own file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lattice import Lattice, read_bmad, read_elegant, read_madx, read_pals
from optics import Optics, twiss, verify
from tests.formats.ring_in_languages import BMAD, ELEGANT, MADX, PALS
from tests.madx_session import madx

#: Rounding alone lies between files that say the same.
SAME = 1e-9


@pytest.fixture(scope="module")
def madx_ring(tmp_path_factory: pytest.TempPathFactory) -> Lattice:
    path = tmp_path_factory.mktemp("madx") / "ring.seq"
    path.write_text(MADX)
    return read_madx(path, "ring")


@pytest.fixture(scope="module")
def reference(madx_ring: Lattice) -> Optics:
    return twiss(madx_ring)


def read(name: str, folder: Path) -> Lattice:
    reader, text = {
        "ring.lte": (read_elegant, ELEGANT),
        "ring.bmad": (read_bmad, BMAD),
        "ring.pals.yaml": (read_pals, PALS),
    }[name]
    (folder / name).write_text(text)
    return reader(folder / name)


@pytest.mark.parametrize("name", ["ring.lte", "ring.bmad", "ring.pals.yaml"])
def test_the_same_ring_has_the_same_optics(name: str, tmp_path: Path, madx_ring: Lattice, reference: Optics) -> None:
    found = twiss(read(name, tmp_path), madx_ring.particle)
    for quantity in ("qx", "qy", "dqx", "dqy", "momentum_compaction"):
        assert getattr(found, quantity) == pytest.approx(getattr(reference, quantity), abs=SAME), quantity
    for column in ("betx", "alfx", "dx", "bety", "alfy", "dy", "betx2", "bety1"):
        np.testing.assert_allclose(found[column][-1], reference[column][-1], atol=SAME, err_msg=column)
        assert np.max(found[column]) == pytest.approx(np.max(reference[column]), abs=SAME), column
    assert found.lattice.length == pytest.approx(madx_ring.length, abs=1e-13)


@pytest.mark.parametrize("name", ["ring.lte", "ring.bmad", "ring.pals.yaml"])
def test_strengths_stay_expressions_of_parameters(name: str, tmp_path: Path, madx_ring: Lattice) -> None:
    ring = read(name, tmp_path)
    assert ring.parameters.dependent >= {"kd"}
    changed = {"kf": 0.953, "ks": 1.0, "gap": 0.0302}
    ours, theirs = (twiss(one.with_parameters(changed), madx_ring.particle) for one in (ring, madx_ring))
    assert [ours.qx, ours.qy, ours.dqx] == pytest.approx([theirs.qx, theirs.qy, theirs.dqx], abs=SAME)


@pytest.mark.madx
def test_madx_finds_that_optics_in_its_own_file(reference: Optics) -> None:
    """MAD-X's tunes and Mais-Ripken functions of the coupled ring, at its start."""
    with madx(MADX) as session:
        session.use("ring")
        table = session.twiss(ripken=True)
        summary, beta = dict(table.summary), session.sequence.ring.beam.beta  # of MAD-X's own proton
        first = {name: float(table[name][0]) for name in ("beta11", "beta12", "beta21", "beta22", "dx")}
    assert [reference.qx, reference.qy] == pytest.approx([summary["q1"], summary["q2"]], abs=SAME)
    ours = [reference[name][0] for name in ("betx", "betx2", "bety1", "bety")]
    assert ours == pytest.approx([first[name] for name in ("beta11", "beta12", "beta21", "beta22")], rel=SAME)
    assert reference["dx"][0] == pytest.approx(first["dx"] * beta, abs=SAME)


@pytest.mark.madx
def test_madx_agrees_with_the_coupled_ring_all_the_way_round(madx_ring: Lattice) -> None:
    """Its matrices of rings are those of a turn: taken for those from the start, they told of modes exchanged."""
    outcome = verify(madx_ring, engine="madx")
    assert outcome.ours.coupled
    assert outcome.success, outcome.message
