"""Laws of whole rings: run backwards, mirrored, made larger, repeated, at another rigidity."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lattice import Bend, Drift, Element, Kicker, Lattice, Multipole, Quadrupole, ReferenceParticle, Sextupole
from lattice.arrays import Array
from optics import Optics, twiss

PROTON = ReferenceParticle("proton", kinetic_energy_per_u=60e6)
CARBON = ReferenceParticle("carbon-12", kinetic_energy_per_u=400e6)
NUMBERS = ("qx", "qy", "dqx", "dqy", "momentum_compaction", "gamma_transition")


def period(size: float = 1.0, side: float = 1.0) -> list[Element]:
    """Bends with unequal edges and a gap, quadrupoles, sextupoles, a kick; ``size`` times as long.

    ``side`` -1 is the image in a mirror at x = 0: bends, kicks and sextupoles turn their signs, quadrupoles do not.
    """
    bend = Bend("b", length=1.1 * size, angle=side * np.pi / 8)
    return [
        Quadrupole("qf", length=0.3 * size, k1=1.1 / size**2),
        Sextupole("sf", length=0.2 * size, k2=side * 2.0 / size**3),
        Drift("d1", length=0.6 * size),
        Bend(
            "b1", length=1.1 * size, angle=side * np.pi / 8, e1=side * 0.12, e2=side * 0.05, hgap=0.03 * size, fint=0.4
        ),
        Multipole("oct", knl=(0.0, 0.02 / size, side * 0.3 / size**2, 1.0 / size**3)),
        Quadrupole("qd", length=0.3 * size, k1=-0.9 / size**2),
        Sextupole("sd", length=0.2 * size, k2=-side * 3.0 / size**3),
        Kicker("h", length=0.1 * size, hkick=side * 2e-4),
        Drift("d2", length=0.3 * size),
        replace(bend, name="b2", hgap=0.02 * size, fint=0.5, fintx=0.3),
    ]


def ring(periods: int = 8, size: float = 1.0, side: float = 1.0, particle: ReferenceParticle = PROTON) -> Lattice:
    return Lattice("ring", elements=period(size, side) * periods, particle=particle)


def column(optics: Optics, name: str) -> Array:
    return np.asarray(optics.table[name])


def reversed_element(element: Element) -> Element:
    """Seen from the other side: the edges change places; kicks are half and half, and stay."""
    if not isinstance(element, Bend):
        return element
    back = {"e1": element.e2, "e2": element.e1, "fint": _exit(element), "fintx": element.fint}
    return replace(element, **back)


def _exit(bend: Bend) -> Any:
    return bend.fint if bend.fintx is None else bend.fintx


def test_a_ring_run_backwards() -> None:
    """Beta, dispersion and orbit are those of the other direction at the same places; slopes turn their signs.

    Rounding over 80 elements: 1e-12 of betas below 20 m.
    """
    there = twiss(ring())
    elements = [reversed_element(element) for element in reversed(ring().elements)]
    back = twiss(Lattice("back", elements=elements, particle=PROTON))
    for name in NUMBERS:
        assert getattr(back, name) == pytest.approx(getattr(there, name), rel=1e-10), name
    for name, sign in (
        ("betx", 1),
        ("bety", 1),
        ("alfx", -1),
        ("alfy", -1),
        ("dx", 1),
        ("dpx", -1),
        ("x", 1),
        ("px", -1),
    ):
        np.testing.assert_allclose(column(back, name), sign * column(there, name)[::-1], atol=2e-11, err_msg=name)
    for name, tune in (("mux", there.qx), ("muy", there.qy)):
        np.testing.assert_allclose(column(back, name), tune - column(there, name)[::-1], atol=1e-12, err_msg=name)


def test_a_ring_in_a_mirror() -> None:
    """x, px and the dispersion turn their signs and nothing else changes."""
    here, image = twiss(ring()), twiss(ring(side=-1.0))
    assert np.max(np.abs(column(here, "x"))) > 1e-4
    for name in NUMBERS:
        assert getattr(image, name) == pytest.approx(getattr(here, name), rel=1e-12), name
    for name in ("betx", "bety", "alfx", "alfy", "mux", "muy", "zeta"):
        np.testing.assert_allclose(column(image, name), column(here, name), atol=1e-12, err_msg=name)
    for name in ("x", "px", "dx", "dpx"):
        np.testing.assert_allclose(column(image, name), -column(here, name), atol=1e-12, err_msg=name)


@pytest.mark.parametrize("size", [0.5, 3.0])
def test_a_ring_of_another_size(size: float) -> None:
    """Lengths, betas, dispersion and orbit grow alike where k1 goes as 1/a^2, k2 as 1/a^3; angles and tunes stay."""
    here, other = twiss(ring()), twiss(ring(size=size))
    for name in NUMBERS:
        assert getattr(other, name) == pytest.approx(getattr(here, name), rel=1e-11), name
    for name in ("s", "betx", "bety", "dx", "x"):
        np.testing.assert_allclose(column(other, name), size * column(here, name), rtol=1e-11, atol=1e-13, err_msg=name)
    for name in ("alfx", "alfy", "mux", "muy", "dpx", "px"):
        np.testing.assert_allclose(column(other, name), column(here, name), atol=1e-11, err_msg=name)


@pytest.mark.number("qx", "qy", "dqx", "dqy", "momentum_compaction", by="exact law")
def test_tunes_and_chromaticities_of_equal_periods_add() -> None:
    """One period closed upon itself has an eighth of the tunes; functions, compaction and orbit are the ring's own."""
    whole, part = twiss(ring()), twiss(ring(periods=1))
    for name in ("qx", "qy", "dqx", "dqy"):
        assert getattr(whole, name) == pytest.approx(8 * getattr(part, name), rel=1e-11), name
    assert whole.momentum_compaction == pytest.approx(part.momentum_compaction, rel=1e-11)
    rows = len(period()) + 1
    for name in ("betx", "alfx", "bety", "alfy", "mux", "muy", "dx", "dpx", "x", "px"):
        np.testing.assert_allclose(column(whole, name)[:rows], column(part, name), atol=1e-11, err_msg=name)


def test_normalised_strengths_know_no_rigidity() -> None:
    """The same optics for protons of 60 MeV and carbon of 400 MeV/u; only what has to do with time differs."""
    slow, fast = twiss(ring()), twiss(ring(particle=CARBON))
    for name in NUMBERS:
        assert getattr(fast, name) == pytest.approx(getattr(slow, name), rel=1e-12), name
    for name in ("betx", "alfx", "mux", "bety", "alfy", "muy", "dx", "dpx", "x", "px"):
        np.testing.assert_allclose(column(fast, name), column(slow, name), atol=1e-12, err_msg=name)
    difference = PROTON.gamma**-2 - CARBON.gamma**-2
    assert fast.slip_factor - slow.slip_factor == pytest.approx(difference, rel=1e-10)


def test_sextupoles_of_the_other_sign_change_the_chromaticity_by_as_much_the_other_way() -> None:
    """Chromaticity is linear in k2 where the orbit is that of the axis."""

    def chromaticity(factor: float) -> Array:
        elements = [
            replace(one, k2=factor * float(one.k2)) if isinstance(one, Sextupole) else one
            for one in period()
            if not isinstance(one, Kicker)
        ]
        optics = twiss(Lattice("ring", elements=elements * 8, particle=PROTON))
        return np.array([optics.dqx, optics.dqy])

    plus, none, minus = (chromaticity(factor) for factor in (1.0, 0.0, -1.0))
    assert np.all(np.abs(plus - none) > 0.1)
    np.testing.assert_allclose(plus - none, none - minus, atol=1e-9)
