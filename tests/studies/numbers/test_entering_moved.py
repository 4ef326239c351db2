"""The beam that enters with what is assumed of it moved, about a mean that is not 0: each change and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from lattice import InputError, ReferenceParticle
from lattice.arrays import Array
from studies.delivery.entering.moved import check_beam_key, moved_source
from studies.delivery.entering.source import Source
from studies.spec.assumption import AssumptionSpec

PROTON = ReferenceParticle("proton", kinetic_energy_per_u=100e6)
MEAN = np.array([3e-3, -2e-4, 5e-3, 4e-4, 0.1, 2e-3])
DISPERSION = np.array([1.5, -0.3, 0.4, 0.2])


def beam() -> Array:
    """500 particles whose rest has nothing in common with delta, to rounding, about MEAN."""
    draw = np.random.default_rng(1).normal(size=(500, 6))
    draw -= draw.mean(axis=0)
    draw[:, :4] -= np.outer(draw[:, 5], draw[:, :4].T @ draw[:, 5] / (draw[:, 5] @ draw[:, 5]))
    draw[:, 1] -= 0.8 * draw[:, 0]
    draw *= [2e-3, 5e-4, 1e-3, 7e-4, 0.0, 1e-3]
    draw[:, :4] += np.outer(draw[:, 5], DISPERSION)
    return np.asarray(draw + MEAN)


def twiss_of(states: Array) -> dict[str, float]:
    """Mean, spread, dispersion, and of what is left emittance, beta and alpha of both planes."""
    away = states - states.mean(axis=0)
    delta = away[:, 5]
    along = away[:, :4].T @ delta / (delta @ delta)
    rest = away[:, :4] - np.outer(delta, along)
    found = {f"mean {k}": float(one) for k, one in enumerate(states.mean(axis=0))}
    found |= {
        "momentum_spread": float(delta.std()),
        **dict(zip(("dx", "dpx", "dy", "dpy"), map(float, along), strict=True)),
    }
    for plane, first in (("x", 0), ("y", 2)):
        sigma = np.cov(rest[:, first : first + 2].T, bias=True)
        area = float(np.sqrt(np.linalg.det(sigma)))
        found |= {f"emittance_{plane}": area, f"bet{plane}": sigma[0, 0] / area, f"alf{plane}": -sigma[0, 1] / area}
    return found


def moved(key: str, sign: float, apart: tuple[tuple[int, ...], ...] = ((0, 1, 2, 3, 4, 5),)) -> Source:
    source = Source(beam(), PROTON, "", "", apart=apart, drawn={1e8: beam()})
    return moved_source(source, AssumptionSpec(key=f"beams.{key}", relative=0.2, why="the test"), sign)


#: What goes along: of a beta function alpha stays, of the dispersion its slope changes alike.
ALONG = {"dx": ("dpx",)}


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("key", ["emittance_x", "emittance_y", "betx", "bety", "momentum_spread", "dx"])
def test_what_is_moved_changes_by_its_share_and_all_else_stays(key: str, sign: float) -> None:
    before, source = twiss_of(beam()), moved(key, sign)
    for states in (source.states, source.drawn[1e8]):
        after = twiss_of(states)
        for name, value in before.items():
            factor = 1 + 0.2 * sign if name in (key, *ALONG.get(key, ())) else 1.0
            assert after[name] == pytest.approx(factor * value, rel=1e-9, abs=1e-15), name


def test_planes_that_have_nothing_in_common_with_the_momentum_keep_their_numbers() -> None:
    """y of a group of its own: its chance correlation with delta is no dispersion, and a larger spread leaves it."""
    source = moved("momentum_spread", 1.0, apart=((0, 1, 4, 5), (2, 3)))
    np.testing.assert_allclose(source.states[:, 2:4], beam()[:, 2:4], rtol=1e-12)
    away, found = beam() - MEAN, source.states - MEAN
    np.testing.assert_allclose(found[:, :2], away[:, :2] + 0.2 * np.outer(away[:, 5], DISPERSION[:2]), atol=1e-12)


def test_what_a_beam_has_not_is_named() -> None:
    with pytest.raises(InputError, match=r"'beams.size': the beam that enters has emittance_x, emittance_y, betx"):
        check_beam_key(AssumptionSpec(key="beams.size", relative=0.1, why="the test"))
    flat = Source(np.zeros((3, 6)), PROTON, "", "")
    with pytest.raises(InputError, match=r"beams.momentum_spread ± 10 %': the beam that enters has 0"):
        moved_source(flat, AssumptionSpec(key="beams.momentum_spread", relative=0.1, why="the test"), 1.0)
