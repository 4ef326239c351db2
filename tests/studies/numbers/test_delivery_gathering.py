"""What a delivery computes of a line of one quadrupole, a drift and a gantry's turn: by the matrices of both."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lattice import Aperture, Bend, Drift, Lattice, Marker, Quadrupole, ReferenceParticle, SRotation
from lattice.arrays import Array
from lattice.survey import survey
from optics import Moments
from optics.linear.moments import COORDINATES
from studies.delivery import facts, trajectories, turning
from studies.delivery.cases import Case, cases_of
from studies.delivery.entering.source import Source
from studies.delivery.facts import Delivered
from studies.delivery.planning import planning

PARTICLES = tuple(ReferenceParticle("proton", kinetic_energy_per_u=energy) for energy in (60e6, 120e6, 200e6))
SPOTS = tuple(SimpleNamespace(x_mm=x, y_mm=y) for x, y in ((3.0, 4.0), (6.0, 5.0)))
QUADRUPOLE, DRIFT = 0.4, 2.0
PIPE = Aperture("rectangle", 0.03, 0.02, 0.01)  # from -20 to 40 mm in x, 20 mm to both sides in y
#: Strengths [m^-2] of three energies with two spots each, and the sizes [m] that are wanted.
STRENGTHS = np.array([[0.4], [-0.3], [0.8], [-0.5], [1.4], [-0.9]])
WANTED = np.array([[3e-3, 4e-3], [6e-3, 5e-3]] * 3) * np.linspace(1.0, 1.2, 6)[:, None]
ANGLES = (0.0, np.pi / 2)


def line(turned: bool = False) -> Lattice:
    """A turn of the frame, where there is one, comes first: it exchanges the planes at a right angle."""
    parts = [
        *([SRotation("turn", angle="gantry")] if turned else []),
        Quadrupole("q", length=QUADRUPOLE, k1="k"),
        Drift("d", length=DRIFT, aperture=PIPE),
        Marker("iso"),
        Drift("behind", length=1.0),
    ]
    return Lattice("line", elements=parts, parameters={"k": 0.0, **({"gantry": 0.0} if turned else {})})


def resolved(turned: bool = False, **changes: Any) -> Any:
    study = SimpleNamespace(
        spots=SPOTS, model=SimpleNamespace(fringe="linear"), sigmas=2.5, planes=("d",), acceptance=None, seed=3
    )
    made = {
        "line": line(turned),
        "isocentre": "iso",
        "turned": ("gantry", None) if turned else None,
        "angles": ANGLES if turned else (0.0,),
        "particles": PARTICLES,
        "study": study,
    }
    return SimpleNamespace(**{**made, **changes})


def beam(number: int) -> Array:
    """Moments (6, 6), planes unequal, of another beam each time; rms dp/p 1, 2, ... per mille, uncorrelated."""
    made = np.zeros((6, 6))
    made[:2, :2] = np.array([[4e-6, 1e-6], [1e-6, 1e-6]]) * (1.0 + 0.3 * number)
    made[2:4, 2:4] = np.array([[2e-6, -0.5e-6], [-0.5e-6, 0.4e-6]]) * (1.0 + 0.2 * number)
    made[5, 5] = (1e-3 * (1 + number)) ** 2
    return made


def matrix(strength: float, length: float, drift: float) -> Array:
    """Of one plane: a quadrupole that focuses for a positive strength, and a drift."""
    root = np.sqrt(abs(strength))
    cos, sin = (np.cos, np.sin) if strength > 0 else (np.cosh, np.sinh)
    own = np.array([[cos(root * length), sin(root * length) / root], [0.0, cos(root * length)]])
    own[1, 0] = -np.sign(strength) * root * sin(root * length)
    return np.array([[1.0, drift], [0.0, 1.0]]) @ own


def sizes(strength: float, sigma: Array, exchanged: bool = False) -> Array:
    """rms x and y [m] at the isocentre, of a beam whose planes a turn by 90 degrees exchanges."""
    planes = (sigma[:2, :2], sigma[2:4, 2:4])
    found = [matrix(sign * strength, QUADRUPOLE, DRIFT) for sign in (1.0, -1.0)]
    first, second = planes[::-1] if exchanged else planes
    return np.sqrt([(found[0] @ first @ found[0].T)[0, 0], (found[1] @ second @ found[1].T)[0, 0]])


def found(**changes: Any) -> Any:
    """Settings of all cases: the line of a case is that of its strength at its angle."""

    def of(number: int, angle: float | None) -> Lattice:
        changed = {"k": float(STRENGTHS[number, 0])} | ({} if angle is None else {"gantry": angle})
        return line(angle is not None).with_parameters(changed)

    return SimpleNamespace(**{"knobs": ("k",), "values": STRENGTHS, "wanted": WANTED, "of": of, **changes})


@pytest.mark.parametrize("turned", [False, True])
def test_between_two_energies_strengths_and_beams_are_halfway(turned: bool) -> None:
    """Sizes by matrices of the mean strength, over what is wanted at the upper energy; of two angles the worse."""
    asked: list[tuple[float, float]] = []

    def halfway(lower: ReferenceParticle, upper: ReferenceParticle) -> Array:
        asked.append((lower.kinetic_energy_per_u, upper.kinetic_energy_per_u))
        return beam(len(asked))

    source: Any = SimpleNamespace(halfway=halfway)
    errors = facts.between(resolved(turned), source, found())
    assert asked == [(60e6, 120e6), (120e6, 200e6)]
    assert errors.shape == (2, 2, 2)
    for step in range(2):
        for spot in range(2):
            upper = 2 * (step + 1) + spot
            strength = float(STRENGTHS[upper - 2, 0] + STRENGTHS[upper, 0]) / 2
            ways = [sizes(strength, beam(step + 1), way) / WANTED[upper] - 1.0 for way in ((False, True)[: 1 + turned])]
            expected = [max((way[plane] for way in ways), key=abs) for plane in range(2)]
            assert errors[step, spot] == pytest.approx(expected, rel=1e-9)


def test_particles_come_to_the_isocentre_of_their_own_setting() -> None:
    """A particle that starts at x comes to R11 x; one at 50 mm is lost where the pipe's 40 mm begin, at 45 mm."""
    states = np.zeros((4, 6))
    states[:, 0] = [1e-3, -2e-3, 3e-3, 0.05]
    source = source_of(states)
    made = facts.brought(resolved(), source, found(), Case(4, PARTICLES[2], 3e-3, 4e-3))
    expected = matrix(1.4, QUADRUPOLE, DRIFT)[0, 0] * states[:3, 0]
    assert made.states[:, 0] == pytest.approx(expected, rel=1e-5)  # x'^2 is left out
    assert (made.started, len(made.states), made.transmission) == (4, 3, 0.75)
    assert list(made.lost["element"]) == ["d"]
    again = facts.brought_again(resolved(), source_of(2 * states), found(), made)
    assert again.states[:, 0] == pytest.approx(2 * expected, rel=1e-4)
    assert (again.started, again.envelope is made.envelope) == (4, True)


def source_of(states: Array) -> Any:
    """A beam with 5 mm and 4 mm rms and a middle of 1 mm in x, and these particles."""
    sigma = np.diag([25e-6, 1e-8, 16e-6, 1e-8, 0.0, 0.0])
    middle = np.array([1e-3, 0.0, 0.0, 0.0, 0.0, 0.0])
    return SimpleNamespace(at=lambda _: states, moments=lambda particle: Moments(particle, sigma, middle))


def test_the_envelope_is_the_middle_and_so_many_sizes_to_both_sides() -> None:
    """In a drift <x^2> = 25 mm^2 + s^2 1e-2 mm^2/m^2: 2.5 sqrt(25 + 0.04) mm at its end, about 1 mm; the opening of the
    pipe goes from -20 to 40 mm."""
    straight = Lattice("straight", elements=(Drift("d", length=2.0, aperture=PIPE), Marker("iso")))
    free: Any = found(of=lambda number, angle: straight)
    made = facts.brought(resolved(), source_of(np.zeros((2, 6))), free, Case(0, PARTICLES[0], 3e-3, 4e-3))
    table = made.envelope[made.envelope["element"] == "d"]
    s = table["s"].to_numpy()
    assert (s[0], s[-1]) == (0.0, 2.0)
    for name, middle, square in (("x", 1e-3, 25e-6), ("y", 0.0, 16e-6)):
        half = 2.5 * np.sqrt(square + 1e-8 * s**2)
        assert table[f"{name}_low"].to_numpy() == pytest.approx(middle - half, rel=1e-9)
        assert table[f"{name}_high"].to_numpy() == pytest.approx(middle + half, rel=1e-9)
    sides = [table[f"aperture_{name}"].iloc[0] for name in ("x_low", "x_high", "y_low", "y_high")]
    assert sides == pytest.approx([-0.02, 0.04, -0.02, 0.02], rel=1e-12)


def test_engines_have_the_same_particles_and_no_openings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other engine gives particles of twice the size in x and half of it in y: the table has both, of the first
    thousand particles."""
    states = np.zeros((1200, 6))
    states[:, 0] = 1e-3 * np.tile([1.0, -1.0], 600)
    states[:, 2] = 2e-3 * np.repeat([1.0, -1.0], 600)
    states[1000:, [0, 2]] = 1.0  # beyond the sample, and beyond every opening
    x, y = (matrix(sign * 1.4, QUADRUPOLE, DRIFT)[0, 0] for sign in (1.0, -1.0))

    def theirs(_: Lattice, __: ReferenceParticle, start: Array, ___: str) -> Array:
        return np.asarray(start * [2.0, 1.0, 0.5, 1.0, 1.0, 1.0])

    monkeypatch.setattr(facts, "xsuite_passage", theirs)
    row = facts._engines(resolved(), source_of(states), found(), delivered(Case(4, PARTICLES[2], 3e-3, 4e-3)))
    signs = np.std(np.repeat([1.0, -1.0], 600)[:1000])
    expected = {
        "energy": 200e6,
        "size_x": 1e-3 * abs(x),
        "size_y": 2e-3 * abs(y) * signs,
        "size_x_xsuite": 2e-3,
        "size_y_xsuite": 1e-3 * signs,
    }
    assert row == pytest.approx(expected, rel=2e-5)


def delivered(case: Case) -> Delivered:
    return Delivered(case, np.zeros((0, 6)), 0, pd.DataFrame(), pd.DataFrame(), pd.DataFrame())


def test_other_engines_look_at_every_energy_the_angles_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three energies at three angles each, energy after energy: the first angle of the first, the second of the
    second, the third of the third."""
    every = tuple(delivered(Case(k, PARTICLES[k // 3], 3e-3, 4e-3, angle=float(k % 3))) for k in range(9))
    monkeypatch.setattr(facts, "_engines", lambda *given: {"number": given[-1].case.number})
    asked: Any = resolved(angles=(0.0, 1.0, 2.0))
    table = facts._compared(asked, source_of(np.zeros((1, 6))), found(), every)
    assert list(table["number"].dropna()) == [0, 4, 8]
    assert len(table) == 9


def test_what_a_planning_system_gets_is_the_beam_by_matrices() -> None:
    """At the isocentre and where the drift begins, behind the quadrupole; dE/E by the energies of both momenta."""
    beams = Moments(PARTICLES[0], np.array([beam(number) for number in range(6)]))
    table = planning(resolved(), beams, found())
    assert list(table["place"]) == ["iso"] * 6 + ["d"] * 6
    assert list(table["chosen x [mm]"]) == pytest.approx([*(1e3 * WANTED[:, 0])] * 2)
    assert list(table["chosen y [mm]"]) == pytest.approx([*(1e3 * WANTED[:, 1])] * 2)
    for place, drift in (("iso", DRIFT), ("d", 0.0)):
        for number, (_, row) in enumerate(table[table["place"] == place].iterrows()):
            particle = PARTICLES[number // 2]
            assert row["energy [MeV/u]"] == pytest.approx(particle.kinetic_energy_per_u / 1e6)
            faster = ReferenceParticle.from_momentum("proton", particle.momentum * (1 + 1e-6))
            change = (faster.kinetic_energy - particle.kinetic_energy) / particle.kinetic_energy / 1e-6
            assert row["energy spread [%]"] == pytest.approx(0.1 * (1 + number) * change, rel=1e-5)
            for name, sign, own in (("x", 1, slice(0, 2)), ("y", -1, slice(2, 4))):
                way = matrix(sign * float(STRENGTHS[number, 0]), QUADRUPOLE, drift)
                there = way @ beam(number)[own, own] @ way.T
                assert row[f"sigma {name} [mm]"] == pytest.approx(1e3 * np.sqrt(there[0, 0]), rel=1e-9)
                assert row[f"sigma {name}' [mrad]"] == pytest.approx(1e3 * np.sqrt(there[1, 1]), rel=1e-9)
                correlation = there[0, 1] / np.sqrt(there[0, 0] * there[1, 1])
                assert row[f"correlation {name} [1]"] == pytest.approx(correlation, rel=1e-9)
            assert row["correlation xy [1]"] == pytest.approx(0.0, abs=1e-12)


def test_planning_has_a_row_for_every_angle_of_a_gantry() -> None:
    """At 90 degrees the planes are exchanged; at 45 x and y have something in common."""
    beams = Moments(PARTICLES[0], np.array([beam(number) for number in range(6)]))
    asked = resolved(True, angles=(0.0, np.pi / 4, np.pi / 2))
    table = planning(asked, beams, found())
    table = table[table["place"] == "iso"]
    assert list(table["angle [deg]"]) == pytest.approx([0.0] * 6 + [45.0] * 6 + [90.0] * 6)
    for exchanged, rows in ((False, table.iloc[:6]), (True, table.iloc[12:])):
        for number, (_, row) in enumerate(rows.iterrows()):
            expected = 1e3 * sizes(float(STRENGTHS[number, 0]), beam(number), exchanged)
            assert [row["sigma x [mm]"], row["sigma y [mm]"]] == pytest.approx(list(expected), rel=1e-9)
    assert np.abs(table["correlation xy [1]"].iloc[6:12]).min() > 0.1


def test_the_curve_over_the_angles_is_of_the_middle_energy_s_first_spot() -> None:
    """Every 5 degrees from 0 to 180; with M = M_x at 0 and exchanged at 90, sizes there by matrices."""
    asked = resolved(True)
    own = SimpleNamespace(line=asked.line, isocentre="iso", title="own joint")
    asked.own, asked.rival = own, None
    beams = Moments(PARTICLES[0], np.array([beam(number) for number in range(6)]))
    made: Any = turning.turning_of(asked, cases_of(asked), beams, found())
    assert made.case.number == 2
    assert list(made.angles_deg) == pytest.approx([5.0 * n for n in range(37)])
    (joint,) = made.joints
    assert joint.sizes[[0, 18, 36]] == pytest.approx(
        np.array([sizes(0.8, beam(2), exchanged) for exchanged in (False, True, False)]), rel=1e-9
    )
    way = [matrix(sign * 0.8, QUADRUPOLE, DRIFT) for sign in (1, -1)]
    slopes = [np.sqrt((m @ beam(2)[own, own] @ m.T)[1, 1]) for m, own in zip(way, (slice(2), slice(2, 4)), strict=True)]
    assert joint.slopes[0] == pytest.approx(slopes, rel=1e-9)
    assert list(made.sides) == ["0 deg", "90 deg"]


def test_a_side_view_is_the_survey_of_what_turns_alone() -> None:
    """The survey from a row on, turned and shifted, is that of the line from there on, as if it began there."""
    parts = (
        Drift("a", length=1.0),
        Bend("b1", length=1.0, angle=0.4),
        Drift("b", length=0.7),
        Bend("b2", length=0.8, angle=-0.9),
        Drift("c", length=2.0),
    )
    whole = Lattice("arc", elements=parts)
    moved = turning._from(pd.DataFrame(survey(whole)).iloc[2:])
    alone = pd.DataFrame(survey(whole[2:]))
    for name in ("X", "Y", "Z", "theta", "phi"):
        assert moved[name].to_numpy() == pytest.approx(alone[name].to_numpy(), abs=1e-12), name
    assert moved["s"].iloc[0] == pytest.approx(2.0)


@pytest.mark.parametrize(("heights", "row"), [([0.0, 0.0, 0.0, 0.1, 0.3], 2), ([0.0] * 5, 3), ([0.2, 0.1], 0)])
def test_what_turns_begins_at_the_last_row_on_the_floor(heights: list[float], row: int) -> None:
    assert turning._leaves(pd.DataFrame({"Y": heights})) == row


def test_a_line_stands_at_every_angle_of_its_gantry() -> None:
    made = dict(facts._stands(resolved(True)))
    assert list(made) == list(ANGLES)
    assert all(list(table.index[:2]) == ["turn", "q"] for table in made.values())
    assert list(facts._stands(resolved())) == []


def test_a_line_begins_behind_what_it_leaves() -> None:
    """Behind a linac of 7 m at Z = 7 m, beside a ring where its junction puts it."""
    before = Lattice("linac", elements=(Drift("tank", length=7.0),))
    apart: Any = Source(np.zeros((2, 6)), PARTICLES[0], "", "", before=before)
    floor = facts._floor(line(), None, apart)
    assert list(floor) == ["line", "linac"]
    assert floor["line"]["Z"].iloc[[0, -1]].tolist() == pytest.approx([7.0, 7.0 + QUADRUPOLE + DRIFT + 1.0])
    ring = Lattice("ring", elements=(Drift("around", length=3.0),))
    junction: Any = SimpleNamespace(beside=lambda *_: {"X": 0.5, "Z": 2.0, "theta": np.pi / 2})
    left: Any = SimpleNamespace(ring=ring, junction=junction, septum=object(), before=None)
    floor = facts._floor(line(), None, left)
    assert list(floor) == ["line", "ring"]
    first, last = (floor["line"].iloc[row] for row in (0, -1))
    assert (first["X"], first["Z"]) == pytest.approx((0.5, 2.0))
    assert (abs(last["X"] - 0.5), last["Z"]) == pytest.approx((QUADRUPOLE + DRIFT + 1.0, 2.0))


def straight() -> Lattice:
    """5 m of drift to the isocentre, the second half of it with an opening from -20 to 40 mm."""
    parts = (Drift("a", length=2.5), Drift("b", length=2.5, aperture=PIPE), Marker("iso"))
    return Lattice("straight", elements=parts)


def entering(states: Array) -> trajectories.Beam:
    moments = Moments(PARTICLES[0], np.diag([1e-6, 1e-8, 1e-6, 1e-8, 0.0, 0.0]))
    return trajectories.Beam(PARTICLES[0], states, moments, "iso", "linear", seed=5)


def machines(number: int) -> Any:
    """Lines of which each is the ideal one."""
    rows = np.arange(4)
    return SimpleNamespace(
        machines=number,
        lattice=straight(),
        ideal=straight(),
        rows=rows,
        one=lambda _: SimpleNamespace(lattice=straight()),
    )


def test_what_lines_lose_is_counted_over_all_of_them() -> None:
    """Of four particles at -15, 0, 15 and 30 mm a beam that stands 15 mm off loses the last, one 45 mm off three
    more: 4 of the 12 of three lines, all at the second drift."""
    states = np.zeros((4, 6))
    states[:, 0] = [-15e-3, 0.0, 15e-3, 30e-3]
    start = np.zeros((3, 6))
    start[:, 0] = [0.0, 15e-3, 45e-3]
    parts, losses = trajectories._lost(machines(3), entering(states), start)
    assert list(parts) == [1.0, 0.75, 0.25]
    assert losses.to_dict("records") == [{"element": "b", "s": pytest.approx(2.5), "lost": pytest.approx(4 / 12)}]


def test_losses_are_told_along_the_line_of_ten_lines_and_five_hundred_particles() -> None:
    parts, losses = trajectories._lost(machines(12), entering(np.full((600, 6), 0.0)), np.zeros((12, 6)))
    assert list(parts) == [1.0] * 10
    assert losses.empty


def test_lines_keep_to_what_95_percent_of_them_do_not_exceed() -> None:
    """In a drift x = s x': angles of -2, -1, 0, 1, 3 mrad; of five the 95th per cent is four fifths of the way from
    2 to 3 mrad, of either side of the axis; y is half as large."""
    start = np.zeros((5, 6))
    start[:, 1] = [-2e-3, -1e-3, 0.0, 1e-3, 3e-3]
    start[:, 3] = start[:, 1] / 2
    table = trajectories._along(machines(5), machines(5), entering(np.zeros((2, 6))), start)
    s = np.array([0.0, 2.5, 5.0, 5.0])
    for name in ("before", "after"):
        assert table[f"x_{name}"].to_numpy() == pytest.approx(2.8e-3 * s, rel=1e-5)
        assert table[f"y_{name}"].to_numpy() == pytest.approx(1.4e-3 * s, rel=1e-5)


def test_beams_begin_with_the_stated_rms_in_each_coordinate_independently() -> None:
    """2,000 of them, cut at 3 rms: the rms is 0.9866 of the stated one (variance 0.9733), 1.6 % is one standard
    deviation of it, 2.2 % that of a correlation."""
    spec: Any = SimpleNamespace(rms={"x": 1e-3, "py": 2e-4})
    start = trajectories._starts(spec, "steady", 3, 2000)
    kept = [COORDINATES.index(name) for name in ("x", "py")]
    assert start[:, kept].std(axis=0) / [1e-3, 2e-4] == pytest.approx(np.sqrt(0.9733), abs=0.05)
    assert (np.abs(start[:, kept]) <= [3e-3, 6e-4]).all()
    assert abs(np.corrcoef(start[:, kept].T)[0, 1]) < 0.08
    assert not np.delete(start, kept, axis=1).any()
    other = trajectories._starts(spec, "ripple", 3, 2000)
    assert abs(np.corrcoef(start[:, 0], other[:, 0])[0, 1]) < 0.08
