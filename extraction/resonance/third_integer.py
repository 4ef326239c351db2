"""The third-integer resonance at a place of a ring: exact fixed points and arms, with leading order beside them.

Exact: points of period three by Newton's method on the third iterate of the full map, at any momentum. Where they
lie is followed from the resonance itself outwards (a linear rotation brings the tune next to the resonance, where
the leading order holds, and is taken back in steps), so that no guess is needed.

In a ring that couples the planes all of it is of four dimensions. The points are followed in the mode of the resonance
(``modes``), each has one pair of real multipliers, along whose directions the arms leave and arrive, and one pair on
the unit circle, the other mode's. Arms are curves in x, px, y, py, seen at the wires by their projection; the area is
the sum of those in x, px and in y, py, which no linear canonical transformation changes: that of the surface on which
the other mode is at rest. Particles that swing in the other mode too see another border, by what detuning that does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from extraction.resonance.arms import Arm, arm_points, arm_through, enclosed_area, inner_branches
from extraction.resonance.kobayashi import Kobayashi
from extraction.resonance.lines import separatrices
from extraction.resonance.modes import Mode, alpha_of, beta_of, share_of
from extraction.resonance.motion import Motion
from extraction.resonance.sextupoles import Driven, SextupoleShare, driven, phase_of, shares
from lattice import InputError, Lattice, NoSolution, ReferenceParticle, Sextupole, UnstableOptics
from lattice.arrays import Array
from lattice.magnitudes import is_number
from lattice.showing import Showing, chart
from lattice.survey import turns_once
from optics import Optics, twiss
from optics.aperture import openings
from optics.closed import closed
from optics.maps.lattices.checked import checked_particle
from optics.maps.lattices.turns import turns
from optics.maps.turn import Turn, iterate, periodic_point

_FAR = 0.1  # tune distance beyond which "near the resonance" means nothing
_NEAR = 1e-6  # tune distance at which rounding moves the triangle by 1e-4 of its area (in proportion to its square)
_NO_SEXTUPOLE = 1e-6  # m^-1/2
_NEXT = 0.2  # of its distance from the orbit: a fixed point this near to a vertex is that vertex's own
_HIDDEN = 1e-6  # part of a mode's area in x, px: less is a mode of y
_STAGES = (0.1, 0.25, 0.5, 0.75, 1.0)
_CIRCLE, _AROUND = 0.1, 24  # of the leading order's triangle, and particles on it, that tell a map's second order


@closed
@dataclass(frozen=True, eq=False, repr=False)
class ThirdIntegerResonance(Showing):
    """The resonance seen at the entrance of ``place`` for particles of momentum deviation ``delta``.

    ``tune`` and ``tune_distance`` = Q - n/3 at that momentum; ``virtual_sextupole`` |S| [m^-1/2] and
    ``virtual_phase`` [turns, modulo 1/3] of all sextupoles with their ``shares``; ``orbit`` (x, px, y, py) of the
    closed orbit. Exact: ``fixed_points`` (3, 2) of x [m], px in tracking order, absolute; ``stable_area`` [m] of their
    triangle; ``multipliers`` (2,) of the third iterate there (outgoing, incoming); ``residual`` [m] of the fixed
    points. ``kobayashi``: leading order, with the same attributes. ``mode``: the mode of the resonance at the place,
    ``points`` (3, 6) the fixed points in all coordinates: those of y are 0 where nothing couples the planes.
    """

    place: str
    delta: float
    tune: float
    tune_distance: float
    virtual_sextupole: float
    virtual_phase: float
    shares: tuple[SextupoleShare, ...]
    orbit: Array
    points: Array
    multipliers: Array
    residual: float
    kobayashi: Kobayashi
    mode: Mode
    optics: Optics
    turn: Turn
    motion: Motion

    @property
    def fixed_points(self) -> Array:
        """Points of period three (3, 2): x [m], px, absolute, in tracking order."""
        return self.points[:, :2]

    @property
    def stable_area(self) -> float:
        """Area [m] of the triangle of the exact fixed points: in a coupled ring, of x, px and y, py together."""
        return triangle_area(self.points[:, : 2 * self.motion.planes])

    @cached_property
    def enclosed_area(self) -> float:
        """Area [m] inside the separatrices themselves, which are curved: the true stable region."""
        return enclosed_area(self.motion, self.points)

    def arm(self, x_septum: float) -> Arm:
        """The outgoing arm where it reaches ``x_septum`` [m]; NoSolution when none does, or beyond the aperture."""
        if not is_number(x_septum) or x_septum == self.orbit[0]:
            raise InputError(f"x_septum must be a finite position off the closed orbit [m], found {x_septum!r}")
        arm = arm_through(self.motion, self.points, x_septum)
        self._refuse_beyond_aperture(x_septum)
        return arm

    def arms(self, x_limit: float) -> list[Array]:
        """Points (n, 2) of x [m], px along the arm of each fixed point, up to ``x_limit`` [m] from the orbit."""
        if not (is_number(x_limit) and x_limit > 0.0):
            raise InputError(f"x_limit must be a finite distance above 0 [m], found {x_limit!r}")
        return [arm[:, :2] for arm in arm_points(self.motion, self.points, x_limit)]

    def sides(self) -> list[Array]:
        """Curved sides of the stable region: points (n, 4) of x [m], px, y, py from each fixed point to the next.

        NoSolution where they do not close: the region then has no sharp border.
        """
        return inner_branches(self.motion, self.points)

    def summary(self) -> Mapping[str, Any]:
        """Tune and its distance, what drives the resonance, the areas, exact and to leading order."""
        return {
            "place": self.place,
            "delta": self.delta,
            "tune, distance": (self.tune, self.tune_distance),
            "virtual sextupole": f"{self.virtual_sextupole:.6g} m^-1/2 at {self.virtual_phase:.6g} turns",
            "stable area": f"{self.stable_area:.8g} m, to leading order {self.kobayashi.stable_area:.8g} m",
            "fixed points": ", ".join(f"({x * 1e3:.5g} mm, {px * 1e3:.5g} mrad)" for x, px in self.fixed_points),
            "multipliers": self.multipliers,
            "residual": f"{self.residual:.2g} m",
        }

    def plot(self, x_septum: float | None = None) -> Any:
        """The separatrices with their arms, physical and normalised, beside leading order: a plotly figure.

        ``x_septum`` [m] of the wires draws them, and the last turns of a particle that just misses them.
        """
        return chart("portrait", separatrices=[separatrices(self, x_septum)], place=self.place)

    def spiral_step(self, x_septum: float) -> float:
        """Growth of |x| [m] over three turns of a particle on the arm that starts on the wire at ``x_septum`` [m].

        NoSolution as of ``arm``.
        """
        return self.arm(x_septum).spiral_step

    def _refuse_beyond_aperture(self, x_septum: float) -> None:
        """NoSolution for wires that no particle reaches; a place without an aperture has room for all."""
        lattice = self.optics.lattice
        low, high = openings(lattice)[lattice.index(self.place), :2]
        if x_septum < low or x_septum > high:
            raise NoSolution(
                f"x_septum = {x_septum:.6g} m lies beyond the aperture of '{self.place}', which reaches from {low:.6g} "
                f"to {high:.6g} m: no particle comes there"
            )


def triangle_area(points: Array) -> float:
    """Area of a triangle (3, 2) in x, px; of one (3, 4) the sum of its areas in x, px and y, py."""
    return float(abs(signed_area(points)))


def signed_area(points: Array) -> Any:
    """The same with the sign of its sense; of complex points, holomorphic."""
    one, two = points[1] - points[0], points[2] - points[0]
    return 0.5 * np.sum(one[::2] * two[1::2] - one[1::2] * two[::2])


def third_integer_resonance(
    ring: Lattice,
    particle: ReferenceParticle | None = None,
    *,
    at: str,
    delta: float = 0.0,
    fringe: str = "full",
) -> ThirdIntegerResonance:
    """Third-integer resonance of a ring at a place (``at``: an element's entrance, "name:end"), at ``delta``.

    In a ring that couples the planes (rolls, skew fields, solenoids, a vertical orbit in sextupoles) it is that of the
    mode with the smaller triangle.

    Equation:
        Fixed points z = M(M(M(z))) of the full map; leading order H = (eps/2)(X^2 + P^2) + (S/4)(3 X P^2 - X^3) with
        eps = 6 pi (Q - n/3) and S exp(3 i mu) = sum S_n exp(3 i mu_n), S_n = -betx^(3/2) K2 L / 2.

    Returns:
        ThirdIntegerResonance: ``fixed_points`` (3, 2) of x [m], px; ``stable_area`` [m]; ``virtual_sextupole`` [m^-1/2]
        at ``virtual_phase`` [turns]; ``kobayashi`` with the same of the leading order.

    Raises:
        UnstableOptics: a ring without stable optics.
        NoSolution: no third-integer resonance within 0.1 of the tune, no sextupole drives it, the tune is on it, or no
            fixed points are found; each says what it found.

    Source:
        Y. Kobayashi, H. Takahashi, Proc. HEACC 1967, p. 347; PIMMS, CERN/PS 99-010 (DI), chapter 3.

    Example:
        >>> from machines.cnao_like import cnao
        >>> resonance = third_integer_resonance(cnao("matched-proton-60MeV-qx1.664"), at="se_010a_esp")
        >>> print(f"{resonance.stable_area:.3g} {resonance.kobayashi.stable_area:.3g}")  # m, exact and leading order
        4.01e-05 4.49e-05
    """
    if not isinstance(ring, Lattice):
        raise InputError(f"third_integer_resonance takes a Lattice, found {type(ring).__name__}")
    if not isinstance(at, str):
        raise InputError(f"at must be the name of an element, found {at!r}")
    if ring.batch is not None:
        raise InputError(f"third_integer_resonance works on one lattice, '{ring.name}' holds {ring.batch}")
    particle = checked_particle(ring, particle)
    optics = _of_ring(ring, particle, fringe, delta)
    place = ring.row(at) % len(ring)
    found = driven(optics, place)
    _refuse_without_resonance(ring, at, found)
    mode = Mode(int(found.mode[0]), found.columns[0])
    orbit = np.array([optics[name][place] for name in ("x", "px", "y", "py")])
    kobayashi = leading_order(found, orbit)
    turn = turns(ring, particle, fringe, first_element=place)[0].shortened()
    motion = Motion.of(turn, orbit, delta, kobayashi, mode)
    try:
        points = _fixed_points(motion, delta)
    except NoSolution as error:
        raise NoSolution(f"{error}{_switched_off(ring)}") from None
    end, total = iterate(motion.jacobian, points[0], 3)
    return ThirdIntegerResonance(
        place=ring.names[place],
        delta=delta,
        tune=float(found.tune[0]),
        tune_distance=kobayashi.tune_distance,
        virtual_sextupole=kobayashi.virtual_sextupole,
        virtual_phase=kobayashi.virtual_phase,
        shares=shares(optics, found.found, found.parts),
        orbit=orbit,
        points=points,
        multipliers=_multipliers(total),
        residual=float(np.max(np.abs(end[:4] - points[0, :4]))),
        kobayashi=kobayashi,
        mode=mode,
        optics=optics,
        turn=turn,
        motion=motion,
    )


def leading_order(found: Driven, orbit: Array) -> Kobayashi:
    """Leading order of the resonance of a single lattice at a place, with its closed ``orbit`` (x, px, ...)."""
    real, imaginary = map(float, found.sum[:, 0])
    return Kobayashi(
        tune_distance=float(found.distance[0]),
        virtual_sextupole=float(np.hypot(real, imaginary)),
        virtual_phase=phase_of(real, imaginary),
        betx=float(beta_of(found.columns[0])),
        alfx=float(alpha_of(found.columns[0])),
        orbit=(float(orbit[0]), float(orbit[1])),
        fraction=float(found.nearest[0]) % 1,
        share=float(share_of(found.columns[0])),
    )


def virtual_sextupole(optics: Optics, place: int) -> tuple[float, float]:
    """|S| [m^-1/2] of all sextupoles and its phase [turns] from the entrance of element ``place``."""
    real, imaginary = map(float, driven(optics, place).sum[:, 0].real)
    return float(np.hypot(real, imaginary)), phase_of(real, imaginary)


def _of_ring(ring: Lattice, particle: ReferenceParticle, fringe: str, delta: float) -> Optics:
    """Optics of the ring; UnstableOptics says of a lattice whose bends do not close that a ring is wanted."""
    try:
        return twiss(ring, particle, fringe=fringe, delta=delta, chromatic=False)
    except UnstableOptics as error:
        if turns_once(ring):
            raise
        raise UnstableOptics(
            f"third_integer_resonance wants a ring, and the bends of '{ring.name}' do not turn the beam once round: "
            f"give the whole ring ({error})"
        ) from None


def _refuse_without_resonance(ring: Lattice, at: str, found: Driven) -> None:
    tune, distance, size = float(found.tune[0]), float(found.distance[0]), float(found.size[0])
    name = found.name
    text = (
        f"ring '{ring.name}': {name} = {tune:.9g}, nearest third-integer {found.nearest[0]:.9g}, virtual sextupole "
        f"{size:.4g} m^-1/2"
    )
    if abs(distance) > _FAR:
        raise NoSolution(f"no third-integer resonance nearby ({text}): bring {name} within {_FAR} of n/3")
    if size < _NO_SEXTUPOLE:
        raise NoSolution(f"no sextupole drives the resonance ({text}): power a sextupole where betx is large")
    if abs(distance) < _NEAR:
        raise NoSolution(f"the tune lies on the resonance, there is no stable triangle at '{at}' ({text})")
    if abs(share_of(found.columns[0])) < _HIDDEN:
        raise NoSolution(f"the mode of the resonance does not show in x at '{at}' ({text}): wires in x never see it")


def _fixed_points(motion: Motion, delta: float) -> Array:
    """Points of period three (3, 6) in tracking order: next to the leading order's, or followed to the true tune."""
    centre = np.array([*motion.orbit, 0.0, delta])
    point = _next_to_vertex(motion, centre)
    if point is None:
        point = _followed(motion, centre)
    second = motion.jacobian(point)[0]
    third = motion.jacobian(second)[0]
    points = np.stack([point, second, third])
    points[:, 4] = 0.0
    return points


def _next_to_vertex(motion: Motion, centre: Array) -> Array | None:
    """The point that Newton's method finds from the leading order's vertex; None when it is not next to it."""
    point = centre.copy()
    point[:4] = motion.vertex(motion.kobayashi.tune_distance)
    vertex = motion.normalised(point)
    try:
        point = periodic_point(motion.jacobian, point, 3, motion.planes)
    except NoSolution:
        return None
    moved = np.linalg.norm(motion.normalised(point) - vertex)
    return point if moved < _NEXT * np.linalg.norm(vertex) else None


def _followed(motion: Motion, centre: Array) -> Array:
    """The point followed from near the resonance to the true tune; NoSolution when it is lost on the way.

    It begins at the vertex of the map's own second order: bends of a compact ring drive the resonance beside its
    sextupoles, and may halve what these do.
    """
    kobayashi, point, reached = motion.kobayashi, centre.copy(), _STAGES[0]
    vertex = own_vertex(motion, centre)
    point[:4] = centre[:4] + reached * motion.mode.physical(vertex)
    for stage in _STAGES:
        point[:4] = centre[:4] + (point[:4] - centre[:4]) * (stage / reached)
        detuned = _Detuned(motion, _rotation(motion.mode, (stage - 1.0) * kobayashi.tune_distance), centre)
        try:
            point = periodic_point(detuned.jacobian, point, 3, motion.planes)
        except NoSolution as error:
            raise _no_triangle(kobayashi, str(error)) from None
        reached = stage
    size = np.linalg.norm(motion.normalised(point))
    expected = np.linalg.norm(vertex)
    if not 0.1 * expected < size < 10 * expected:
        raise _no_triangle(kobayashi, "Newton's method left the triangle")
    return point


def own_vertex(motion: Motion, centre: Array) -> Array:
    """Normalised (X, P) [m^1/2] of the vertex that the turn's own map has to second order, nearest the leading order's.

    Equation:
        Three turns of z = X + i P about the orbit: z + i eps z + d conj(z)^2; a point that returns has
        conj(z)^2 / z = -i eps / d. The sextupoles alone give d = 3 i S / 4 (at the virtual sextupole).

    Raises:
        NoSolution: a map that does not drive the resonance, or does not bring particles back.
    """
    leading = motion.kobayashi.at_place(motion.kobayashi.normalised_vertices[0])
    radius, angles = _CIRCLE * float(np.linalg.norm(leading)), 2 * np.pi * np.arange(_AROUND) / _AROUND
    states = np.tile(centre, (_AROUND, 1))
    states[:, :4] += motion.mode.physical(radius * np.stack([np.cos(angles), np.sin(angles)], axis=-1))
    for _ in range(3):
        states = motion.turn.track(states)
    x, p = motion.normalised(states).T
    harmonics = np.fft.fft(x + 1j * p) / _AROUND
    turned, drive = np.angle(harmonics[1]), harmonics[-2] / radius**2
    if not (np.isfinite(drive) and drive):
        raise _no_triangle(motion.kobayashi, "particles near the orbit do not come back, or nothing drives them")
    ratio = -1j * turned / drive
    thirds = -np.angle(ratio) / 3 + 2 * np.pi * np.arange(3) / 3
    corners = abs(ratio) * np.stack([np.cos(thirds), np.sin(thirds)], axis=-1)
    return np.asarray(corners[int(np.argmax(corners @ leading))])


def _switched_off(ring: Lattice) -> str:
    """The parameters of sextupoles that are off, in words; "" where there are none."""
    idle = (one for one in ring.elements if isinstance(one, Sextupole) and isinstance(one.k2, str))
    names = list(dict.fromkeys(str(one.k2) for one in idle if ring.value(one.k2) == 0.0))
    return f"; 0 is the strength of some: {', '.join(names)}" if names else ""


def _no_triangle(kobayashi: Kobayashi, why: str) -> NoSolution:
    reach = float(np.max(np.abs(kobayashi.fixed_points[:, 0] - kobayashi.orbit[0])))
    return NoSolution(
        f"no fixed points of the third-integer resonance found ({why}; tune distance {kobayashi.tune_distance:.6g}, "
        f"virtual sextupole {kobayashi.virtual_sextupole:.4g} m^-1/2, triangle about {reach:.3g} m large to leading "
        f"order): the sextupoles may be too weak for this distance"
    )


@dataclass(frozen=True, eq=False)
class _Detuned:
    """A turn followed by a linear rotation about the closed orbit, which shifts the tune."""

    motion: Motion
    rotation: Array
    centre: Array

    def jacobian(self, point: Array) -> tuple[Array, Array]:
        end, matrix = self.motion.jacobian(point)
        shifted = end.copy()
        shifted[:4] = self.centre[:4] + self.rotation[:4, :4] @ (end - self.centre)[:4]
        return shifted, self.rotation @ matrix


def _rotation(mode: Mode, tune_shift: float) -> Array:
    """Matrix (6, 6) that adds ``tune_shift`` to the tune of the mode at the place, and leaves the other one alone."""
    cosine, sine = np.cos(2 * np.pi * tune_shift), np.sin(2 * np.pi * tune_shift)
    matrix = np.eye(6)
    turned = np.array([[cosine - 1.0, sine], [-sine, cosine - 1.0]])
    matrix[:4, :4] += mode.columns @ turned @ mode.normalised(np.eye(4)).T
    return matrix


def _multipliers(total: Array) -> Array:
    """The two real multipliers of the resonant motion at a fixed point, the outgoing one first."""
    values = np.linalg.eigvals(total[:4, :4])
    real = sorted((v.real for v in values if abs(v.imag) < 1e-9 and abs(v.real) > 0), key=lambda v: -abs(v))
    if len(real) < 2:
        return np.array([np.nan, np.nan])
    return np.array([real[0], real[-1]])
