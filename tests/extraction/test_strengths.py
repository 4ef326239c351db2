"""Strengths of elements as extraction takes them: sextupoles and octupoles, turned or thin, and coupled sections."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from scipy.optimize import brentq

from extraction.resonance import momenta
from extraction.resonance.momenta import resonant_momentum
from extraction.resonance.sextupoles import integrated_k2
from extraction.resonance.steinbach import waiting_stack
from extraction.spill.sections.corrections import _least_squares
from extraction.spill.sections.kicks import largest_kick, own_kick, slopes
from extraction.spill.sections.one_turn import _planes
from extraction.spill.sections.proof import carried
from lattice import (
    Bend,
    Drift,
    Element,
    Lattice,
    LatticeError,
    Multipole,
    NoSolution,
    Octupole,
    Sextupole,
    UnstableOptics,
)
from optics import Beam, twiss
from tests.extraction_rings import PROTON, reference


def alone(element: Element) -> Lattice:
    return Lattice("alone", elements=[Drift("d", length=1.0), element], parameters={"half": 0.5})


SEXTUPOLES: list[tuple[Element, complex]] = [
    (Sextupole("s", length=0.4, k2=3.0, k2s=-2.0, tilt=0.2), 0.4 * (3 - 2j) * np.exp(-0.6j)),
    (Sextupole("s", length=0.4, k2="6 * half", k2s=-2.0), 0.4 * (3 - 2j)),
    (Bend("b", length=0.8, angle=0.1, k2=1.5), 1.2),
    (Bend("b", length=0.8, angle=0.1, k2=1.5, tilt=0.3), 1.2 * np.exp(-0.9j)),
    (Multipole("m", knl=(0.1, 0.2, 3.0, 7.0), ksl=(0.4, 0.5, -2.0), tilt=-0.2), (3 - 2j) * np.exp(0.6j)),
    (Multipole("m", knl=(0.1, 0.2), ksl=(0.4, 0.5)), 0.0),
    (Octupole("o", length=0.4, k3=5.0), 0.0),
]


@pytest.mark.parametrize(("element", "strength"), SEXTUPOLES)
def test_a_sextupole_that_is_turned_has_its_strength_times_a_phase(element: Element, strength: complex) -> None:
    """(K + i Ks) = (K2 L + i K2s L) e^(-3 i tilt)."""
    normal, skew = integrated_k2(alone(element), element)
    assert complex(normal, skew) == pytest.approx(strength, abs=1e-15)


KICKS: list[tuple[Element, float, float]] = [
    (Sextupole("s", length=0.4, k2=3.0), 1.2, 0.0),
    (Bend("b", length=0.8, angle=0.1, k2="3 * half"), 1.2, 0.0),
    (Octupole("o", length=0.4, k3=5.0), 0.0, 2.0),
    (Multipole("m", knl=(0.1, 0.2, 3.0, 7.0, 9.0)), 3.0, 7.0),
    (Multipole("m", knl=(0.1, 0.2, 3.0)), 3.0, 0.0),
    (Multipole("m", knl=(0.1,)), 0.0, 0.0),
    (Drift("e", length=1.0), 0.0, 0.0),
]


@pytest.mark.parametrize(("element", "k2l", "k3l"), KICKS)
def test_an_elements_own_kick_is_its_multipoles(element: Element, k2l: float, k3l: float) -> None:
    """-dpx + i dpy = K2 L (x + i y)^2 / 2 + K3 L (x + i y)^3 / 6."""
    kick, x, y = own_kick(alone(element), element), np.array([0.7, -0.4]), np.array([-0.3, 0.9])
    by_x, by_y = slopes(x, y, len(kick))
    z = x + 1j * y
    wanted = k2l * z**2 / 2 + k3l * z**3 / 6
    np.testing.assert_allclose(kick @ by_x - 1j * (kick @ by_y), wanted, rtol=0, atol=1e-14)


def test_no_kick_is_larger_than_its_bound() -> None:
    """And the bound is reached where all terms have one sign."""
    draw = np.random.default_rng(1)
    kick = draw.uniform(-1.0, 1.0, 8)
    x, y = draw.uniform(-1.0, 1.0, (2, 200)) * [[0.8], [0.6]]
    by_x, by_y = slopes(x, y, 8)
    most_x, most_y = largest_kick(kick, 0.8, 0.6)
    assert np.max(np.abs(kick @ by_x)) < most_x
    assert np.max(np.abs(kick @ by_y)) < most_y
    corner = slopes(np.array([0.8]), np.array([0.6]), 8)
    assert (most_x, most_y) == pytest.approx([float(np.abs(kick) @ one[:, 0]) for one in corner], rel=1e-14)


@pytest.mark.parametrize("place", [(0, 3), (3, 1)])
def test_a_section_couples_the_planes_where_it_does_by_more_than_rounding(place: tuple[int, int]) -> None:
    """1e-9 of its largest number, 7 m here, whatever its smallest is."""
    whole = np.array([[1.0, 7.0, 0, 0], [1e-3, 1.0, 0, 0], [0, 0, 2.0, 0.1], [0, 0, 0.0, 0.5]])
    ring: Any = SimpleNamespace(name="ring")
    whole[place] = 6.9e-9
    np.testing.assert_array_equal(_planes(ring, whole), [whole[:2, :2], whole[2:, 2:]])
    whole[place] = 7.1e-9
    with pytest.raises(LatticeError, match="'ring' couples the planes"):
        _planes(ring, whole)


def test_least_squares_tell_coefficients_and_what_is_left() -> None:
    """Columns of very different size; half a millimetre is put in that no column holds."""
    draw = np.random.default_rng(2)
    columns = draw.normal(size=(60, 3)) * [1.0, 1e-4, 1e-9]
    terms = np.array([[2.0, -3e3, 4e8], [0.5, 1e4, 2e8]])
    found, left = _least_squares(columns, columns @ terms.T)
    np.testing.assert_allclose(found, terms, rtol=1e-10)
    assert left < 1e-12
    outside = np.linalg.svd(columns / [1.0, 1e-4, 1e-9])[0][:, 5]  # at right angles to all columns
    wanted = columns @ terms.T
    wanted[:, 1] += 5e-4 * outside / np.max(np.abs(outside))
    found, left = _least_squares(columns, wanted)
    np.testing.assert_allclose(found, terms, rtol=1e-6)
    assert left == pytest.approx(5e-4, rel=1e-6)


def test_on_the_resonance_the_resonant_momentum_is_none() -> None:
    """Qx = 5/3 to rounding: dp/p of the resonance is 0 to what rounding of the tune is over Q' = -2.3."""
    ring = reference(1.666)

    def distance(kf: float) -> float:
        return 3.0 * float(twiss(ring.with_parameters(kf=kf), chromatic=False).qx) - 5.0

    at = ring.with_parameters(kf=brentq(distance, 0.2910, 0.2918, xtol=1e-16, rtol=1e-15))
    assert abs(resonant_momentum(at)) < 1e-11


def test_the_ellipse_of_a_proof_is_carried_by_every_section() -> None:
    """Sigma = (beta -alpha; -alpha gamma) behind each matrix of determinant 1: M Sigma M^T, in both planes."""
    draw = np.random.default_rng(3)
    a, b, c = draw.uniform(0.5, 2.0, (3, 2, 4, 2))
    matrices = np.moveaxis(np.array([[a, b], [c, (1 + b * c) / a]]), (0, 1), (-2, -1))  # momenta, sections, planes
    ellipse = (9.0, -1.5, 5.0, 0.4)
    betas = carried(matrices, ellipse)[0]
    for which, sections in enumerate(matrices):
        for plane in (0, 1):
            beta, alpha = ellipse[2 * plane : 2 * plane + 2]
            sigma = np.array([[beta, -alpha], [-alpha, (1 + alpha**2) / beta]])
            wanted = [beta]
            for matrix in sections[:, plane]:
                sigma = matrix @ sigma @ matrix.T
                wanted.append(sigma[0, 0])
            np.testing.assert_allclose(betas[which, :, plane], wanted[: betas.shape[1]], rtol=1e-9)


@pytest.mark.parametrize("full_width", [None, 4e-3])
def test_a_waiting_stack_is_its_seeds_draws_in_units_of_the_beam(full_width: float | None) -> None:
    """A^2 = 2 emittance e with e exponential; dp/p about the mean by the rms, or even over the width."""
    beam = Beam(PROTON, 2e-6, 1e-6, sigma_delta=5e-4, delta=-1e-3)
    stack, draw = waiting_stack(beam, 50, seed=4, full_width=full_width), np.random.default_rng(4)
    np.testing.assert_allclose(stack.amplitude**2 / 4e-6, draw.exponential(size=50), rtol=1e-12)
    wanted = 5e-4 * draw.standard_normal(50) if full_width is None else 4e-3 * (draw.random(50) - 0.5)
    np.testing.assert_allclose(stack.delta, -1e-3 + wanted, rtol=1e-12)


def test_a_resonance_beyond_unstable_optics_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Made up: Qx = 5/3 + 2e-3 + dp/p, but from -2.7e-3 to -1.3e-3, where the third lies, nothing is stable."""

    def optics(*given: object, delta: float = 0.0, **more: object) -> SimpleNamespace:
        if -2.7e-3 < delta < -1.3e-3:
            raise UnstableOptics("made up")
        return SimpleNamespace(scalar=lambda name: 5 / 3 + 2e-3 + delta)

    near = SimpleNamespace(name="Qx", nearest=[5 / 3], distance=[2e-3], chromaticity=[1.0])
    monkeypatch.setattr(momenta, "twiss", optics)
    monkeypatch.setattr(momenta, "resonant_tunes", lambda optics: near)
    with pytest.raises(NoSolution, match=r"between dp/p = -0\.003 and 0, where Qx would pass 1\.66667, .* unstable"):
        resonant_momentum(cast(Any, SimpleNamespace(name="made-up")))
