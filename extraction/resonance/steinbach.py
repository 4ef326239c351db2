"""Steinbach diagram: amplitude against momentum, the wedge of the resonance, the stack, and what leaves.

A particle of amplitude A (normalised, single-particle emittance pi A^2) is stable at a momentum while pi A^2 is below
the area of the stable triangle there (PIMMS, CERN-PS-99-010-DI, section 3.6): amplitude sqrt(area / pi).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import pi, sqrt

import numpy as np
import pandas as pd

from extraction.resonance.arms import Arm
from extraction.resonance.momenta import resonant_momentum
from extraction.resonance.third_integer import third_integer_resonance
from lattice import InputError, Lattice, NoSolution, ReferenceParticle, UnstableOptics
from lattice.arrays import Array
from optics import Beam
from optics.closed import closed


def amplitude_of(area: float) -> float:
    """Amplitude A [m^1/2] of the circle that has the area [m] of a stable triangle."""
    return sqrt(area / pi)


#: Momenta of a wedge without any given: from the resonant one, over its whole reach to both sides.
_USUAL = np.array([-1.0, -0.75, -0.5, -0.3, -0.15, 0.15, 0.3, 0.5, 0.75, 1.0])
_LEAST_REACH = 1e-3


def usual_momenta(ring: Lattice, particle: ReferenceParticle | None = None, fringe: str = "full") -> Array:
    """Momenta (10,) [1] to draw a wedge with: about the resonant one, to both sides, as far as the design momentum.

    They reach a fifth beyond that, and 1e-3 at least. Raises as ``resonant_momentum``.
    """
    resonant = resonant_momentum(ring, particle, fringe)
    return np.asarray(resonant + max(1.2 * abs(resonant), _LEAST_REACH) * _USUAL)


def wedge(
    ring: Lattice,
    particle: ReferenceParticle | None = None,
    at: str = "_end",
    deltas: Sequence[float] | Array | None = None,
    fringe: str = "full",
) -> pd.DataFrame:
    """The wedge of a Steinbach diagram: which amplitude is stable at each momentum.

    ``particle``: None is the lattice's own. ``at``: where the triangle is seen, without it at the ring's start. It
    makes little difference: in CNAO 3e-3 from the resonance 0.2 % of the exact amplitude, 1 % of the leading order's,
    whose phases are taken at the ring's tune. ``deltas``: dp/p from that particle's momentum; None: ten about the
    resonant one (``usual_momenta``).

    Equation:
        A = sqrt(area / pi), the area that of the stable triangle at that momentum, exact or to leading order.

    Returns:
        A table (len(deltas) rows): delta, tune_distance, ``exact`` and ``kobayashi`` amplitudes [m^1/2]; nan where
        there is no triangle. Its ``attrs["resonant"]`` is the momentum of the wedge's tip, between rows.

    Raises:
        InputError: an unknown place or fringe, or no particle anywhere.
        NoSolution: no ``deltas`` given, and no momentum is resonant.

    Source:
        PIMMS, CERN/PS 99-010 (DI), section 3.6.

    Example:
        >>> from machines.cnao_like import cnao
        >>> table = wedge(cnao("matched-proton-60MeV-qx1.664"), None, "se_010a_esp", [0.0])
        >>> print(round(table["exact"][0] ** 2 * pi * 1e5, 2))  # 1e-5 m
        4.01
    """
    rows = []
    for delta in usual_momenta(ring, particle, fringe) if deltas is None else deltas:
        row = {"delta": float(delta), "tune_distance": np.nan, "exact": np.nan, "kobayashi": np.nan}
        try:
            found = third_integer_resonance(ring, particle, at=at, delta=float(delta), fringe=fringe)
            row |= {
                "tune_distance": found.tune_distance,
                "exact": amplitude_of(found.stable_area),
                "kobayashi": amplitude_of(found.kobayashi.stable_area),
            }
        except (NoSolution, UnstableOptics):
            pass
        rows.append(row)
    table = pd.DataFrame(rows)
    table.attrs["resonant"] = tip_momentum(table)
    return table


@closed
@dataclass(frozen=True)
class Stack:
    """Waiting beam: particles' momentum deviation ``delta`` (n,) and amplitude ``amplitude`` (n,) [m^1/2]."""

    delta: Array
    amplitude: Array


def waiting_stack(beam: Beam, count: int, *, seed: int, full_width: float | None = None) -> Stack:
    """Sample a stack of a beam's emittance that waits beside the resonance.

    Momenta are Gaussian with ``beam.sigma_delta`` around ``beam.delta``, or uniform over ``full_width``.

    Equation:
        A = sqrt(2 emittance e), e exponential: A^2 / (2 emittance) of a Gaussian beam.

    Returns:
        Stack: ``delta`` (count,) [1], ``amplitude`` (count,) [m^1/2].

    Raises:
        InputError: a count that is no whole number above 0.

    Source:
        PIMMS, CERN/PS 99-010 (DI), section 3.6.

    Example:
        >>> from lattice import ReferenceParticle
        >>> beam = Beam(ReferenceParticle("proton", kinetic_energy_per_u=60e6), 2e-6, 2e-6)
        >>> stack = waiting_stack(beam, 20000, seed=1, full_width=1e-3)
        >>> bool(abs(np.mean(stack.amplitude**2) / (2 * 2e-6) - 1) < 0.03)  # four sigma
        True
    """
    if not (isinstance(count, int) and count >= 1):
        raise InputError(f"count must be a whole number above 0, found {count!r}")
    random = np.random.default_rng(seed)
    amplitude = np.sqrt(2 * beam.emittance_x * random.exponential(size=count))
    if full_width is None:
        delta = beam.delta + beam.sigma_delta * random.standard_normal(count)
    else:
        delta = beam.delta + full_width * (random.random(count) - 0.5)
    return Stack(delta, amplitude)


def leaving_momentum(table: pd.DataFrame, amplitude: Array, side: float) -> Array:
    """Momentum at which particles of an amplitude (n,) become unstable when the stack is moved to the resonance.

    ``table`` is a ``wedge``; ``side`` (+1 or -1) the sign of delta minus resonant momentum on which the stack waits.
    What a betatron core or a sweep of all magnets extracts has these momenta. Rows of the other side tell where the
    resonance is, and nothing else.

    Equation:
        The delta with wedge(delta) = amplitude, linear between rows; a straight line to the tip below the smallest.

    Returns:
        (n,) [1]; nan beyond the wedge's range.

    Raises:
        IndexError: a wedge with fewer than two momenta on that side.

    Source:
        PIMMS, CERN/PS 99-010 (DI), section 3.6.

    Example:
        >>> line = pd.DataFrame({"delta": [-1e-3, -2e-3, -4e-3], "exact": [4e-3, 8e-3, 16e-3]})
        >>> [float(round(delta * 1e3, 3)) for delta in leaving_momentum(line, np.array([1e-3, 6e-3]), side=-1.0)]
        [-0.25, -1.5]
    """
    exact = table.dropna(subset=["exact"]).sort_values("delta")
    branch = exact[(exact["delta"] - tip_momentum(exact)) * side >= 0].sort_values("exact")
    momenta = np.interp(amplitude, branch["exact"], branch["delta"], left=np.nan, right=np.nan)
    smallest = float(branch["exact"].iloc[0])
    # Below the smallest tabulated amplitude the wedge is a straight line to its tip.
    inner = np.asarray(amplitude) < smallest
    return np.where(inner, _towards_tip(branch, np.asarray(amplitude)), momenta)


def tip_momentum(table: pd.DataFrame) -> float:
    """Momentum [1] on the resonance, of a ``wedge``.

    It is where the tune distance changes its sign, else the row of the smallest amplitude; nan where there is none.
    """
    table = table.dropna(subset=["exact"]).sort_values("delta")
    if table.empty:
        return float("nan")
    delta = table["delta"].to_numpy()
    distance = table["tune_distance"].to_numpy() if "tune_distance" in table else np.zeros(0)
    crossed = np.flatnonzero(distance[1:] * distance[:-1] < 0)
    if len(crossed) == 0:
        return float(delta[int(np.argmin(table["exact"].to_numpy()))])
    (q0, q1), (d0, d1) = distance[crossed[0] : crossed[0] + 2], delta[crossed[0] : crossed[0] + 2]
    return float(d0 - q0 * (d1 - d0) / (q1 - q0))


def _towards_tip(branch: pd.DataFrame, amplitude: Array) -> Array:
    (a0, a1), (d0, d1) = branch["exact"].to_numpy()[:2], branch["delta"].to_numpy()[:2]
    return np.asarray(d0 + (amplitude - a0) * (d1 - d0) / (a1 - a0))


@closed
@dataclass(frozen=True)
class ExtractedBeam:
    """The beam beyond the wires: samples of ``x`` [m], ``px`` and ``delta``, each (n,)."""

    x: Array
    px: Array
    delta: Array

    @property
    def emittance(self) -> float:
        """Geometric rms emittance sqrt(<x^2><px^2> - <x px>^2) about the mean [m]."""
        covariance = np.cov(np.stack([self.x, self.px]), bias=True)
        return float(np.sqrt(max(np.linalg.det(covariance), 0.0)))

    @property
    def momentum_spread(self) -> float:
        """Rms of delta."""
        return float(np.std(self.delta))


def extracted_beam(arms: Sequence[tuple[float, Arm]], deltas: Array, *, seed: int) -> ExtractedBeam:
    """Particles beyond the wires for extracted momenta ``deltas``: even in time along the arm of the nearest momentum.

    ``arms`` are (delta, arm) pairs. Between tabulated momenta the arm is shifted linearly.
    """
    if len(arms) < 2:
        raise InputError("extracted_beam needs the arms of at least two momenta")
    random = np.random.default_rng(seed)
    grid = np.array([delta for delta, _ in arms])
    order = np.argsort(grid)
    part = random.random(len(deltas))
    x = np.stack([arms[i][1].position(arms[i][1].crossing + part) for i in order])
    px = np.stack([arms[i][1].angle(arms[i][1].crossing + part) for i in order])
    columns = np.arange(len(deltas))
    right = np.clip(np.searchsorted(grid[order], deltas), 1, len(grid) - 1)
    weight = (deltas - grid[order][right - 1]) / (grid[order][right] - grid[order][right - 1])

    def mix(values: Array) -> Array:
        return np.asarray(values[right - 1, columns] * (1 - weight) + values[right, columns] * weight)

    return ExtractedBeam(mix(x), mix(px), np.asarray(deltas))
