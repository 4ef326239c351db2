"""What a delivery accepts in momentum, and the beams that a run keeps: by hand, and from files that were damaged."""

from __future__ import annotations

from math import inf, nan, sqrt
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lattice import Drift, FileError, InputError, Lattice, Quadrupole, ReferenceParticle, write_json
from machines.lines.machine import LineMachine
from studies.delivery.acceptance import Acceptance, _moved, _row
from studies.delivery.entering.source import Source
from studies.delivery.resolution import _particles, _reached
from studies.delivery.stored import STORED, Stored, drawn, size_of
from studies.runs.contents import LATTICE

OFFSETS = [-0.02, -0.01, 0.0, 0.01, 0.02]


def acceptance(**columns: Any) -> Acceptance:
    return Acceptance("made up", 4e-3, 2e-3, pd.DataFrame({"offset": OFFSETS, **columns}))


@pytest.mark.parametrize(
    ("misses", "limit", "found"),
    [
        ([0.5, 0.1, 0.0, 0.2, 0.3], 0.15, (0.0075, True)),  # upwards: three quarters of the way from 0 to 0.2
        ([0.5, 0.1, 0.0, 0.1, 0.12], 0.15, (0.01125, True)),  # downwards: 0.05 of the 0.4 behind -0.01
        ([0.5, 0.1, 0.0, 0.1, 0.12], 0.5, (0.02, False)),  # on the limit is within
        ([0.0, 0.1, 0.3, 0.1, 0.0], 0.2, (0.0, True)),  # beyond already at the design's momentum
        ([0.0, 0.0, 0.0, 0.1, inf], 0.2, (0.01, True)),  # where nothing arrives there is no way to go part of
    ],
)
def test_an_acceptance_reaches_to_where_the_nearer_side_passes_the_limit(
    misses: list[float], limit: float, found: tuple[float, bool]
) -> None:
    reach, ends = acceptance().within(np.array(misses), limit)
    assert (reach, ends) == pytest.approx(found)


def test_the_worse_plane_s_size_counts_and_what_does_not_arrive_misses_by_all() -> None:
    """4 x 2 mm chosen: 5 mm in x miss by a quarter, 1.2 mm in y by 0.4."""
    sizes = {"size_x": [5e-3, 4e-3, 4e-3, 3.9e-3, nan], "size_y": [2e-3, 1.2e-3, 2e-3, 2e-3, nan]}
    assert list(acceptance(**sizes).size_misses) == pytest.approx([0.25, 0.4, 0.0, 0.025, inf])


def test_another_momentum_keeps_positions_and_directions() -> None:
    """Slopes are px / (1 + dp/p): both grow by the same factor."""
    states = np.array([[1e-3, 2e-3, 3e-3, -4e-3, 0.5, 0.01]])
    moved = _moved(states, -0.03)
    assert moved[0, 5] == pytest.approx(1.01 * 0.97 - 1.0)
    assert moved[0, [1, 3]] / (1 + moved[0, 5]) == pytest.approx(states[0, [1, 3]] / 1.01)
    assert list(moved[0, [0, 2, 4]]) == [1e-3, 3e-3, 0.5]


def test_sizes_and_middle_of_what_arrives() -> None:
    arrived = np.zeros((2, 6))
    arrived[:, 0], arrived[:, 2] = [1e-3, 3e-3], [-2e-3, 4e-3]
    assert _row(arrived) == pytest.approx({"size_x": 1e-3, "size_y": 3e-3, "x": 2e-3, "y": 1e-3})
    assert np.isnan(list(_row(arrived[:1]).values())).all()


SIZES = np.array([[3e-3, 4e-3], [3e-3, 4e-3], [6e-3, 5e-3], [6e-3, 5e-3]])


def kept(**changes: Any) -> dict[str, Any]:
    """Two spots at 100 and 200 MeV; particles at 150 MeV that shrink in x as the momentum grows."""
    entering = np.random.default_rng(2).standard_normal((20, 6)) * [1e-3, 1e-4, 2e-3, 2e-4, 0.1, 1e-3]
    values: dict[str, Any] = {"species": "proton", "fringe": "linear", "isocentre": "iso", "knobs": np.array(["k"])}
    values |= {"turned": "", "angles": np.array([0.0]), "energies": np.array([1e8, 2e8, 1e8, 2e8]), "sizes": SIZES}
    values |= {"values": np.array([[1.0], [3.0], [-1.0], [-2.0]]), "reached": np.ones(4, dtype=bool)}
    return values | {"entering_0": entering, "tracked": np.array([1.5e8]), "shrinking": "x"} | changes


def line() -> Lattice:
    parts = [Quadrupole("q", length=0.3, k1="k"), Drift("d", length=1.0), Drift("iso", length=0.1)]
    return Lattice("line", elements=parts, parameters={"k": 0.5})


def folder(tmp_path: Path, **changes: Any) -> Path:
    """A run's folder as far as its beams go."""
    (tmp_path / STORED).parent.mkdir(exist_ok=True)
    found = {name: value for name, value in kept(**changes).items() if value is not None}
    np.savez_compressed(tmp_path / STORED, **found)
    write_json(line(), tmp_path / LATTICE)
    return tmp_path


def test_strengths_are_linear_between_the_energies_of_the_same_spot(tmp_path: Path) -> None:
    stored = Stored.read(folder(tmp_path))
    for spot, energy, strength in ((SIZES[0], 1.25e8, 1.5), (SIZES[2], 1.25e8, -1.25), (SIZES[2], 2e8, -2.0)):
        assert stored._set(energy, spot).parameters["k"] == pytest.approx(strength)
    assert list(stored._spot(None)) == [3e-3, 4e-3]
    assert list(stored._spot((6e-3, 5e-3))) == [6e-3, 5e-3]
    with pytest.raises(InputError, match="no spot of 5x6 mm, only 3x4, 6x5"):
        stored._spot((5e-3, 6e-3))


def test_energies_end_with_the_table_a_little_beyond_are_its_ends(tmp_path: Path) -> None:
    """5e-4 of the energy is room for rounding in a file; beyond, the nearest that works is told."""
    stored = Stored.read(folder(tmp_path))
    found = [stored._energy(energy) for energy in (1.2e8, 2e8 * 1.0004, 1e8 * 0.9996)]
    assert found == [1.2e8, 2e8, 1e8]
    for energy, nearest in ((2e8 * 1.0006, 200), (1e8 * 0.9994, 100)):
        with pytest.raises(InputError, match=f"the nearest that works is {nearest}$"):
            stored._energy(energy)


def test_a_beam_of_each_energy_s_own_is_had_at_these_alone(tmp_path: Path) -> None:
    entering = kept()["entering_0"]
    stored = Stored.read(folder(tmp_path, tracked=np.array([1e8, 2e8]), entering_1=2 * entering))
    assert stored._energy(2e8 * 1.0004) == 2e8
    with pytest.raises(InputError, match=r"none of the energies whose beam was tracked, .*; the nearest is 100"):
        stored._energy(1.4e8)
    fast = ReferenceParticle("proton", kinetic_energy_per_u=1.9e8)
    scale = stored._entering(fast)[0, 2] / entering[0, 2]
    assert scale == pytest.approx(2.0)  # the nearest of both


def test_a_beam_shrinks_with_the_root_of_the_momentum_where_it_is_said_to(tmp_path: Path) -> None:
    """Emittances go as 1 / (beta gamma): positions and angles of x as its root, y as it was."""
    slow, fast = (ReferenceParticle("proton", kinetic_energy_per_u=energy) for energy in (1.5e8, 2e8))
    entering = Stored.read(folder(tmp_path))._entering(fast) / kept()["entering_0"]
    shrunk = sqrt(slow.beta * slow.gamma / (fast.beta * fast.gamma))
    assert entering == pytest.approx(np.tile([shrunk, shrunk, 1.0, 1.0, 1.0, 1.0], (20, 1)))


@pytest.mark.parametrize(("text", "found"), [("3", (3e-3, 3e-3)), ("3x4.5", (3e-3, 4.5e-3)), (None, None)])
def test_a_spot_is_given_in_millimetres(text: str | None, found: Any) -> None:
    assert size_of(text) == (None if found is None else pytest.approx(found))


@pytest.mark.parametrize("text", ["", "x", "3x", "-3", "3x0", "nan", "3x4x5", "inf"])
def test_what_is_no_spot_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is no spot"):
        size_of(text)


DAMAGES: dict[str, Any] = {
    "species": None,  # missing
    "energies": np.array([1e8, 2e8]),
    "sizes": SIZES[:, :1],
    "values": np.full((4, 1), nan),
    "knobs": np.array(["k", "l"]),
    "tracked": np.array([]),
    "entering_0": np.zeros((3, 5)),
    "isocentre": np.array([1.0]),
    "angles": np.array(["a"]),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_file_of_beams_is_told_with_its_path(name: str, tmp_path: Path) -> None:
    changed = {name: DAMAGES[name]} | ({"entering_0": None} if name == "tracked" else {})
    made = folder(tmp_path, **changed)
    with pytest.raises(FileError, match=r"delivery\.npz: the beams of the delivery are damaged"):
        Stored.read(made)


def test_a_small_file_that_unpacks_to_gigabytes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = folder(tmp_path, reached=np.zeros(2_000_000))
    assert (made / STORED).stat().st_size < 100_000
    monkeypatch.setattr("studies.delivery.stored._LARGEST", 10_000_000)
    with pytest.raises(FileError, match="16 MB of numbers, at most 10 MB expected"):
        Stored.read(made)


# -------------------------------------------------------------------------------------------- energies and their beams


@pytest.mark.parametrize("planes", ["xy", "y"])
def test_emittances_of_the_planes_that_shrink_go_as_1_over_beta_gamma(planes: str) -> None:
    """beta gamma times the emittance is kept in these planes, the emittance in the other; delta is left alone."""
    states = np.random.default_rng(5).standard_normal((200, 6)) * [1e-3, 1e-3, 2e-3, 1e-3, 0.1, 1e-3]
    slow, fast = (ReferenceParticle("proton", kinetic_energy_per_u=energy) for energy in (6e7, 2e8))
    source = Source(states, slow, "made up", "", shrinking=planes)
    before, after = source.moments(slow).sigma, source.moments(fast).sigma
    for name, own in (("x", slice(0, 2)), ("y", slice(2, 4))):
        kept = slow.beta * slow.gamma / (fast.beta * fast.gamma) if name in planes else 1.0
        assert after[own, own] == pytest.approx(before[own, own] * kept, rel=1e-12)
    assert after[5, 5] == before[5, 5]
    assert source.halfway(slow, fast) == pytest.approx((before + after) / 2, rel=1e-12)


def test_particles_drawn_anew_have_the_moments_of_those_that_arrived() -> None:
    """Of 40,000 each: rms sizes to 0.35 % (one standard deviation), the middle to 0.5 % of them, correlations too."""
    arrived = np.random.default_rng(6).standard_normal((300, 6)) @ np.diag([2e-3, 1e-3, 1e-3, 3e-3, 1.0, 1e-3])
    arrived[:, 1] += 0.8 * arrived[:, 0]
    arrived[:, [0, 2, 5]] += [5e-3, -3e-3, 2e-3]
    particle = ReferenceParticle("proton", kinetic_energy_per_u=1e8)
    beam = drawn(particle, arrived, 40_000, seed=1)
    sizes = arrived[:, [0, 2]].std(axis=0)
    assert (beam.position.mean(axis=0) - arrived[:, [0, 2]].mean(axis=0)) / sizes == pytest.approx([0, 0], abs=0.02)
    assert beam.position.std(axis=0) == pytest.approx(list(sizes), rel=0.015)
    slopes, found = arrived[:, 1] / (1 + arrived[:, 5]), beam.direction[:, 0] / beam.direction[:, 2]
    assert found.std() == pytest.approx(slopes.std(), rel=0.015)
    together = float(np.corrcoef(beam.position[:, 0], found)[0, 1])
    assert together == pytest.approx(np.corrcoef(arrived[:, 0], slopes)[0, 1], abs=0.015)
    assert len(set(beam.position[:, 0])) > 39_000  # none of them again and again


ENERGIES = [ReferenceParticle("carbon-12", kinetic_energy_per_u=1e6 * energy) for energy in (115, 200, 400)]


def machine(low: float, top: float, linac: str = "linac") -> Any:
    return SimpleNamespace(name="line", linac=linac, energies={"carbon-12": (low * 1e6, top * 1e6)})


def test_energies_are_even_from_the_lowest_to_the_highest() -> None:
    asked: Any = SimpleNamespace(lower_MeV_per_u=100.0, upper_MeV_per_u=130.0, number=4)
    found = _particles(SimpleNamespace(energies=asked, particle="carbon-12"))  # type: ignore[arg-type]
    assert [one.kinetic_energy_per_u for one in found] == pytest.approx([100e6, 110e6, 120e6, 130e6], rel=1e-12)


def test_energies_outside_those_of_the_line_are_told_and_its_ends_are_inside() -> None:
    every = tuple(ENERGIES)
    assert LineMachine.outside(machine(115 * (1 + 1e-10), 400 * (1 - 1e-10)), "carbon-12", every) == ""
    assert LineMachine.outside(machine(116, 400), "carbon-12", every).startswith(
        "115 MeV/u lies outside the energies of line"
    )
    assert LineMachine.outside(machine(120, 350), "carbon-12", every).startswith("115 to 400 MeV/u lies outside")
    assert LineMachine.outside(machine(1, 999), "proton", every) == "line is described for carbon-12, not for proton"


def test_energies_that_the_linac_does_not_give_are_left_out_while_two_are_left() -> None:
    every = tuple(ENERGIES)
    assert _reached(every, machine(115 * (1 + 1e-10), 350), "carbon-12") == every[:2]
    assert _reached(every, machine(150, 400 * (1 - 1e-10)), "carbon-12") == every[1:]
    assert _reached(every, machine(150, 350), "carbon-12") == every  # one is no table
    assert _reached(every, machine(150, 400, linac=""), "carbon-12") == every
