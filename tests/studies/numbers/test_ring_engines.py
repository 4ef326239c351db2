"""Numbers of a lattice by hand or in closed form, and their errors: what a second engine says, and finer cuts."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from lattice import Aperture, Bend, Drift, InputError, Lattice, Marker, Quadrupole, Sextupole
from machines.rings.machine import MachineBeam
from optics import twiss
from optics.imperfections.orbit import Correction
from optics.magnets import magnet_count
from optics.straights import straights, third_straight
from studies.judging import ALONE, BOTH, FORMULA, ROUNDING
from studies.results import Quantity
from studies.ring_optics import imperfections
from studies.ring_optics.facts import BeamOptics, Compared, Facts
from studies.ring_optics.quantities import evaluate
from studies.vocabulary import SCALARS
from tests.studies.numbers.ring_facts import (
    PROTON,
    SCALE,
    START,
    beam,
    drift,
    engine_rows,
    facts,
    magnets,
    verification,
)

#: Scalars of a ring and what the second engine adds to them; gamma_t and the slip follow from its compaction.
RING = {"qx": 1.67, "qy": 1.73, "dqx": -4.0, "dqy": -1.2, "momentum_compaction": 0.25, "gamma_transition": 2.0}
SLIP = 0.25 - 1 / PROTON.gamma**2


def one(name: str, found: Facts) -> Quantity:
    return evaluate([name], found)[0]


def ring_facts(qy: float = 1.73) -> Facts:
    optics = SimpleNamespace(scalar={**RING, "qy": qy, "slip_factor": SLIP}.__getitem__, particle=PROTON)
    second = SimpleNamespace(
        reference=SimpleNamespace(
            table={"mux": SimpleNamespace(iloc=[0.0, 1.67 + 1e-6]), "muy": SimpleNamespace(iloc=[0.0, qy - 2e-6])},
            dqx=-4.0 + 3e-5,
            dqy=-1.2 - 4e-5,
            momentum_compaction=0.25 * (1 + 1e-6),
        )
    )
    return facts(optics, second)


@pytest.mark.number("qx", "qy", "dqx", "dqy", "momentum_compaction", "gamma_transition", "slip_factor", by="by hand")
@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("qx", 1.67, 1e-6),
        ("qy", 1.73, 2e-6),
        ("dqx", -4.0, 3e-5),
        ("dqy", -1.2, 4e-5),
        ("momentum_compaction", 0.25, 2.5e-7),
        ("gamma_transition", 2.0, 1e-6),  # alpha^-1/2 changes by half of 1e-6, relative
        ("slip_factor", SLIP, 2.5e-7),
    ],
)
def test_a_number_of_the_ring_is_known_to_the_difference_of_the_engines(name: str, value: float, error: float) -> None:
    """Rounding adds at most 4e-12 to it; the second order of gamma_t is 1e-12."""
    found = one(name, ring_facts())
    assert (found.value, found.unit, found.engine) == (value, "1", BOTH)
    assert found.error == pytest.approx(error, abs=1e-11)
    alone = one(name, facts(ring_facts().optics))
    assert (alone.value, alone.engine) == (value, ALONE)
    assert alone.error == ROUNDING * max(1.0, abs(value))
    assert "error: rounding only, for a test" in alone.method


def test_distances_of_tunes_are_as_sure_as_the_tunes() -> None:
    """Qx known to 1e-6, Qy to 2e-6: |Qx - 5/3| to 1e-6, |Qx + 2 Qy - 4| to 5e-6."""
    found = one("tune_distance", ring_facts())
    assert (found.value, found.error) == pytest.approx((1.67 - 5 / 3, 1e-6), abs=1e-11)
    other = one("resonance_distance", ring_facts(qy=1.16))
    assert other.method == "|Qx + 2 Qy - 4|"
    assert (other.value, other.error) == pytest.approx((0.01, 5e-6), abs=1e-11)


@pytest.mark.number("length", by="by hand")
def test_the_length_is_the_sum_of_the_elements() -> None:
    found = one("length", facts(twiss(magnets(), start=START)))
    assert found.value == pytest.approx(1.2 + 1.0 + 2 * 0.3 + 2 * 0.2, rel=1e-15)
    assert found.error == pytest.approx(3.2e-12)
    assert (found.unit, found.engine) == ("m", FORMULA)


@pytest.mark.number("magnets", by="by hand")
def test_magnets_are_counted_and_parts_that_touch_are_one() -> None:
    """A quadrupole cut at a monitor is one, round the ring too; others that touch are two where they differ."""
    half, gap = Quadrupole("qh", length=0.2, k1="kf"), Drift("d", length=1.0)
    bend, other = Bend("b", length=1.0, angle=0.2), Bend("c", length=2.0, angle=0.2)
    ring = Lattice(
        "ring",
        elements=[half, gap, bend, other, Bend("o", length=1.0, angle=0.1), gap, half, Marker("m"), half, gap, half],
        parameters={"kf": 0.3},
    )
    assert magnet_count(ring, ring=False) == 5  # qh, b, c with o, qh, qh
    assert magnet_count(ring, ring=True) == 4
    found = one("magnets", facts(twiss(magnets(), start=START)))
    assert (found.value, found.error, found.unit) == (4.0, 0.0, "1")


@pytest.mark.number("third_straight", by="by hand")
def test_straights_are_the_room_between_bends_and_quadrupoles() -> None:
    """2 m and a sextupole of L, 3 m, and 0.5 + 1 m across the end; two quadrupoles that touch leave none."""
    bend, quadrupole = Bend("b", length=1.0, angle=0.2), Quadrupole("q", length=0.2, k1=0.3)
    drifts = {length: Drift(f"d{i}", length=length) for i, length in enumerate((1.0, 2.0, 3.0, 0.5))}
    chromatic = Sextupole("s", length="ls", k2=0.0)
    elements = [drifts[1.0], bend, drifts[2.0], chromatic, quadrupole, quadrupole, drifts[3.0], bend, drifts[0.5]]
    ring = Lattice("ring", elements=elements, parameters={"ls": 0.5}, particle=PROTON)
    assert straights(ring, ring=True)[:, 0].tolist() == [2.5, 3.0, 1.5]
    assert straights(ring, ring=False)[:, 0].tolist() == [1.0, 2.5, 3.0, 0.5]
    many = ring.with_parameters(ls=np.array([0.1, 0.5, 2.0]))
    assert straights(many, ring=True)[0].tolist() == [2.1, 2.5, 4.0]
    assert third_straight(many, ring=True).tolist() == [1.5, 1.5, 1.5]
    with pytest.raises(InputError, match="'two' has 2 straights, three are wanted"):
        third_straight(Lattice("two", elements=[bend, drifts[1.0]] * 2), ring=True)
    found = one("third_straight", facts(twiss(ring, start=START)))
    assert (found.value, found.unit) == (1.0, "m")


@pytest.mark.number("max_bend_field", "max_gradient", "sextupole_strength", by="by hand")
@pytest.mark.parametrize(
    ("name", "field", "element"),
    [
        ("max_bend_field", 0.4, "b2"),  # over 0.25 / m of the other
        ("max_gradient", 1.0, "q2"),  # 0.6 and 0.8 of normal and skew
        ("sextupole_strength", np.hypot(5.0, 12.5), "s2"),  # over 13
    ],
)
def test_fields_at_the_top_rigidity(name: str, field: float, element: str) -> None:
    top = cast(Any, SimpleNamespace(magnetic_rigidity=6.5, species="carbon-12", kinetic_energy_per_u=4e8, nucleons=12))
    found = one(name, facts(twiss(magnets(), start=START), top_particle=top))
    assert found.value == pytest.approx(6.5 * field, rel=1e-14)
    assert found.error == pytest.approx(6.5e-12 * field, rel=1e-9, abs=0.0)
    assert (found.unit, found.engine) == (SCALARS[name].unit, FORMULA)
    assert found.method == f"{element} at 6.5 T m, carbon-12 of 400 MeV/u; error: rounding"


# ------------------------------------------------------------------------------------------------------ functions of s


def closed_form(s: float) -> dict[str, float]:
    """A drift: beta = b - 2 a s + g s^2, alfa = a - g s, phase from the arc tangents, dispersion straight."""
    found: dict[str, float] = {}
    for plane in ("x", "y"):
        b, a = START[f"bet{plane}"], START[f"alf{plane}"]
        g = (1 + a * a) / b
        found[f"bet{plane}"] = b - 2 * a * s + g * s * s
        found[f"alf{plane}"] = a - g * s
        found[f"mu{plane}"] = (np.arctan(g * s - a) + np.arctan(a)) / (2 * np.pi)
        found[f"d{plane}"], found[f"dp{plane}"] = START[f"d{plane}"] + s * START[f"dp{plane}"], START[f"dp{plane}"]
    return found


@pytest.mark.number("betx", "bety", "alfx", "alfy", "mux", "muy", "dx", "dpx", "dy", "dpy", by="closed form")
@pytest.mark.parametrize("name", list(closed_form(0.0)))
def test_functions_behind_a_drift(name: str) -> None:
    """At the end of 2 m; the second engine is 2e-6 away there and 5e-6 at the beginning."""
    optics = drift()
    found = one(f"{name}@b", facts(optics, verification(optics, **{name: np.array([5e-6, 4e-6, 2e-6, 2e-6])})))
    assert found.value == pytest.approx(closed_form(2.0)[name], abs=1e-14)
    assert found.error == pytest.approx(2e-6, abs=1e-10)
    assert (found.engine, found.unit) == (BOTH, one(f"max_{name}", facts(optics)).unit)
    assert one(f"{name}@a", facts(optics)).value == pytest.approx(closed_form(0.0)[name], abs=1e-14)


@pytest.mark.number("x", "px", "y", "py", by="closed form")
def test_an_orbit_in_a_drift_is_straight() -> None:
    """x' = px / sqrt(1 - px^2 - py^2)."""
    found = facts(drift(x=1e-3, px=2e-2, y=-2e-3, py=-1e-2))
    slope = 1 / np.sqrt(1 - 2e-2**2 - 1e-2**2)
    expected = {"x": 1e-3 + 2 * 2e-2 * slope, "px": 2e-2, "y": -2e-3 - 2 * 1e-2 * slope, "py": -1e-2}
    for name, value in expected.items():
        assert one(f"{name}@b", found).value == pytest.approx(value, abs=1e-16), name
    assert one("max_x", found).value == pytest.approx(expected["x"], abs=1e-16)
    assert one("min_x", found).value == pytest.approx(1e-3, abs=1e-16)
    assert one("min_y", found).value == pytest.approx(expected["y"], abs=1e-16)


def test_the_least_beta_is_that_of_the_waist_inside_a_drift() -> None:
    """1 / gamma at alfa / gamma: 0.9 m 0.36 m behind the entrance; a parabola, so that no cut is too coarse."""
    optics = drift(betx=1.0, alfx=0.5)
    least, most = (one(name, facts(optics)) for name in ("min_betx", "max_betx"))
    assert least.value == pytest.approx(1 / 1.25, rel=1e-14)
    assert most.value == pytest.approx(1 - 2 + 1.25 * 4, rel=1e-14)
    assert least.error == pytest.approx(0.0, abs=1e-11)
    assert least.engine == ALONE
    assert one("min_dx", facts(optics)).value == pytest.approx(1.0, abs=1e-14)
    assert one("max_dx", facts(optics)).value == pytest.approx(2.0, abs=1e-14)


def test_an_extreme_is_as_sure_as_the_engines_agree_anywhere() -> None:
    optics = drift()
    found = one("max_bety", facts(optics, verification(optics, bety=np.array([1e-6, -7e-6, 2e-6, 0.0]))))
    assert found.error == pytest.approx(7e-6, abs=1e-10)
    assert found.engine == BOTH


def test_the_machine_s_names_of_places_stand_for_elements() -> None:
    machine = SimpleNamespace(places={"symp": "b", "a": "b"})
    found = facts(drift(), machine=machine)
    assert one("dx@symp", found).value == pytest.approx(1.0)
    assert one("dx@symp:end", found).value == pytest.approx(1.0)
    assert one("dx@a", found).value == pytest.approx(2.0)  # an element goes before a name of the machine
    assert one("dx@d:end", found).value == pytest.approx(1.0)


# ------------------------------------------------------------------------------------------------------- clearances


def test_room_is_as_sure_as_the_edges_agree_in_either_plane() -> None:
    """2 sigma of 4e-6 m: 12 mm of beta 9 m, 12.12 mm where the other engine has 1.0201 times the beta."""
    aperture = Aperture("rectangle", 30e-3, 20e-3)
    line = Lattice("line", elements=[Marker("m", aperture=aperture)], particle=PROTON)
    optics = twiss(line, start={"betx": 9.0, "bety": 1.0})
    second = verification(optics, betx=0.0201 * 9.0)
    cases = [beam("sure", 1e-6, 1e-6, Compared(optics, None)), beam("wide", 4e-6, 4e-6, Compared(optics, second))]
    found = one("clearance_x", facts(optics, second, *cases))
    assert (found.value, found.error) == pytest.approx((18e-3, 0.12e-3), abs=1e-11)
    assert found.engine == ALONE  # one beam has no second engine
    both = one("clearance_x", facts(optics, second, cases[1]))
    assert both.engine == BOTH
    assert one("clearance_y", facts(optics, second, cases[1])).value == pytest.approx(16e-3, abs=1e-12)


def test_room_found_inside_an_element_is_as_sure_as_a_finer_cut() -> None:
    """A waist between cuts: the edge is looked at where elements are cut, 8 and 16 times.

    bety = 1 - s + 1.25 s^2 over 2 m is largest at the end; sizes 2 sqrt(1e-6 beta), no spread.
    """
    aperture = Aperture("rectangle", 30e-3, 20e-3)
    elements = [Marker("m"), Drift("d", length=2.0, aperture=aperture)]
    optics = twiss(Lattice("line", elements=elements, particle=PROTON), start={"betx": 1.0, "alfx": 0.5, "bety": 4.0})
    made = MachineBeam("b", "here", 1e-6 * SCALE, 1e-6 * SCALE, 0.0, 2.0, "the test")
    found = one("clearance_x", facts(optics, None, BeamOptics(made, PROTON, Compared(optics, None))))
    assert found.value == pytest.approx(30e-3 - 2e-3 * np.sqrt(4.0), abs=1e-12)
    assert found.method == "least: b (2 sigma) at d, s = 2.000 m"


# --------------------------------------------------------------------------------------------- agreement of the engines

ROWS = engine_rows(
    qx=(1.67, 1.67 + 1e-9, 2e-9),
    qy=(1.73, 1.73 - 3e-9, 2e-9),
    betx=(10.0, 10.0 + 2e-8, 1e-7),
    bety=(2.0, 2.0 - 1e-8, 1e-7),
    dx=(8.0, 8.0 + 1e-8, 3e-8),
    dy=(0.0, 4e-8, 3e-8),
    dqx=(-4.0, -4.0 + 1e-6, 1e-5),
    dqy=(-1.2, -1.2 - 5e-6, 1e-5),
)


@pytest.mark.number(
    "residual_tune_xsuite",
    "residual_beta_xsuite",
    "residual_dispersion_xsuite",
    "residual_chromaticity_xsuite",
    by="by hand",
)
@pytest.mark.parametrize(
    ("name", "value", "where"),
    [
        ("residual_tune_xsuite", 3e-9, "qy"),
        ("residual_beta_xsuite", 5e-9, "bety"),  # of 2 m; 2e-9 of the 10 m in x
        ("residual_dispersion_xsuite", 4e-8, "dy"),
        ("residual_chromaticity_xsuite", 5e-6, "dqy"),
    ],
)
def test_the_larger_of_two_differences_of_the_engines(name: str, value: float, where: str) -> None:
    """Differences of numbers below 10 are known to 2e-15."""
    optics = drift()
    found = one(name, facts(optics, verification(optics, ROWS)))
    assert found.value == pytest.approx(value, abs=5e-15)
    assert (found.error, found.engine, found.unit) == (1e-15, BOTH, SCALARS[name].unit)
    assert found.method == f"{where}, at at {where}; error: rounding"
    assert one(name, facts(optics)).method == "not computed: there is nothing to compare with: a test"


def test_a_line_has_no_tunes_to_compare() -> None:
    optics = drift()
    found = one("residual_tune_xsuite", facts(optics, verification(optics, engine_rows(betx=(1.0, 1.0, 1e-8)))))
    assert found.method == "not computed: a line without periodic optics has none to compare"


@pytest.mark.number("residual_orbit_xsuite", by="by hand")
def test_the_largest_difference_of_an_orbit_in_either_plane(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the machine that is shown, the first: 3e-6 m in x, -4e-6 m in y."""
    ours = {
        "x": np.array([[1e-3, 2e-3, 3e-3], [9.0, 9.0, 9.0]]),
        "y": np.array([[-4e-3, 5e-3, 1e-3], [9.0, 9.0, 9.0]]),
    }
    off = {"x": np.array([0.0, 3e-6, 0.0]), "y": np.array([1e-6, 0.0, -4e-6])}
    asked: list[int] = []

    def theirs(lattice: Any, particle: Any, *, fringe: str) -> dict[str, Any]:
        return {plane: ours[plane][0] + off[plane] for plane in ("x", "y")}

    monkeypatch.setattr(imperfections, "xsuite_closed_orbit", theirs)
    machines = SimpleNamespace(one=asked.append)
    correction = Correction(cast(Any, machines), {}, {}, {}, {})
    after = cast(Any, SimpleNamespace(orbit=ours))
    value, why = imperfections._beside_xsuite(correction, after, PROTON, "full")
    assert value == pytest.approx(4e-6, abs=1e-17)
    assert (why, asked) == ("", [0])
