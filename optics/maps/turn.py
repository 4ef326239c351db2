"""One turn (or one passage) as a map: values, Jacobian, closed orbit and periodic points."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lattice import NoSolution, UnstableOptics
from lattice.arrays import Array
from optics.maps.bank import Bank
from optics.maps.orbits import by_chords
from optics.maps.recording import N_COORDINATES
from optics.maps.taylor import second_order

_ITERATIONS = 60
_ROUNDING = 1e-15  # m, rad: a miss this small is zero
_SETTLED = 1e-11  # a miss below this that no longer halves has reached the rounding of the maps


@dataclass(frozen=True, eq=False)
class Turn:
    """The steps of one lattice in order, from ``place`` once around: a map of (x, px, y, py, zeta, delta).

    ``programs`` (n_steps,) and ``arguments`` (n_steps, n_arguments) as ``Bank`` wants them; complex arguments carry a
    complex step through every result.
    """

    bank: Bank
    programs: Array
    arguments: Array
    name: str

    def shortened(self) -> Turn:
        """The same map in fewer steps: neighbouring drifts joined, kicks of zero left out or made drifts."""
        if "drift" not in self.bank.names:
            return self
        drift, kick, corrector = (
            self.bank.names.index(name) if name in self.bank.names else -1 for name in ("drift", "kick", "corrector")
        )
        idle = (self.programs == kick) & np.all(self.arguments[:, :2] == 0.0, axis=1)
        programs, arguments = self.programs[~idle].copy(), self.arguments[~idle].copy()
        off = (programs == corrector) & np.all(arguments[:, 1:3] == 0.0, axis=1)
        programs[off] = drift
        arguments[off, 1] = arguments[off, 3]  # beta0
        keep = np.ones(len(programs), dtype=bool)
        for i in range(1, len(programs)):
            if programs[i] == drift and programs[i - 1] == drift:
                arguments[i, 0] += arguments[i - 1, 0]
                keep[i - 1] = False
        return Turn(self.bank, programs[keep], arguments[keep], self.name)

    def follow(self, start: Array, order: int) -> Array:
        """Series of each step about the orbit that begins at ``start`` (6,)."""
        return self.bank.follow(self.programs, self.arguments, start, order)

    def track(self, coordinates: Array) -> Array:
        """Coordinates (n, 6) after one turn; not a number where a particle left the domain of the maps."""
        return self.bank.track(self.programs, self.arguments, coordinates)

    def jacobian(self, point: Array) -> tuple[Array, Array]:
        """End point (6,) and Jacobian (6, 6) of one turn from ``point``, exact to rounding."""
        return self.bank.jacobian(self.programs, self.arguments, point)

    def second_derivative(self, point: Array, direction: Array, turns: int = 1) -> Array:
        """Coefficient (6,) of t^2 in the image of ``point`` + t ``direction`` (both (6,)) after some turns."""
        along, curved = direction, np.zeros(N_COORDINATES, dtype=direction.dtype)
        for _ in range(turns):
            series = self.follow(point, 2)
            along, curved = second_order(series, along, curved)
            point = series[-1, :, 0]
        return curved

    def closed_orbit(self, delta: complex) -> Array:
        """Fixed point (6,) of one turn at ``delta``; zeta starts at 0. UnstableOptics when there is none."""
        guess = np.zeros(N_COORDINATES, dtype=np.result_type(self.arguments, delta, float))
        guess[5] = delta
        near = None if np.iscomplexobj(guess) else self._by_chords(guess)
        if near is not None:
            return near
        try:
            return periodic_point(self.jacobian, guess, 1)
        except NoSolution:
            raise UnstableOptics(
                f"lattice '{self.name}' has no closed orbit at delta = {delta.real:g}: Newton's method failed "
                f"(a tune on an integer, a kick too strong, or delta outside the momentum acceptance)"
            ) from None

    def _by_chords(self, guess: Array) -> Array | None:
        """Closed orbit with the Jacobian of the guess alone, for values cost much less; None where that will not do."""
        try:
            with np.errstate(all="ignore"):  # a particle that is lost is not a number
                inverse = np.linalg.inv(self.jacobian(guess)[1][:4, :4] - np.eye(4))
        except np.linalg.LinAlgError:
            return None
        with np.errstate(all="ignore"):
            found = by_chords(self.track, guess[None], inverse[None])[0]
        return None if np.isnan(found[0]) else found


Jacobian = Callable[[Array], tuple[Array, Array]]


def iterate(jacobian: Jacobian, point: Array, period: int) -> tuple[Array, Array]:
    """End point and Jacobian of ``period`` applications of a map given by its ``jacobian``."""
    total = np.eye(N_COORDINATES, dtype=point.dtype)
    for _ in range(period):
        point, one = jacobian(point)
        total = one @ total
    return point, total


def periodic_point(jacobian: Jacobian, guess: Array, period: int, planes: int = 2) -> Array:
    """Point (6,) that returns to itself in (x, px, y, py) after ``period`` applications, by Newton's method.

    The other coordinates stay as guessed: zeta and delta, and with one of the ``planes`` y and py. NoSolution when it
    does not converge.
    """
    point, free = guess.copy(), 2 * planes
    previous, converged = np.inf, False
    for _ in range(_ITERATIONS):
        with np.errstate(all="ignore"):  # a particle that is lost is not a number
            end, total = iterate(jacobian, point, period)
            miss = end[:free] - point[:free]
        size = float(np.max(np.abs(miss)))
        if not np.isfinite(size):
            break
        if converged:
            return point
        # At rounding; one step more, so that the imaginary part of a complex step has converged too.
        converged = size < _ROUNDING or (size < _SETTLED and size >= 0.5 * previous)
        previous = size
        try:
            point[:free] -= np.linalg.solve(total[:free, :free] - np.eye(free), miss)
        except np.linalg.LinAlgError:
            break
    raise NoSolution(f"no point of period {period} found near x = {guess[0].real:.6g} m, px = {guess[1].real:.6g}")
