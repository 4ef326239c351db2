"""A linac of coupled cells by another way than the product's: leapfrog through the standing wave itself.

Cells of a sine in pi mode are one standing wave a tank, E_z = E sin(k s) I0(K r) cos(w t + phase) with K^2 = k^2 -
(w/c)^2, E_r and B_theta what Maxwell's equations make of it (T. P. Wangler, RF Linear Accelerators, 2008, ch. 5);
half a step straight on, a kick by the fields in its middle, half a step. Each tank's phase is that of a synchronous
particle from the phase at which the whole tank gives most. No transit-time factor, no gap and no matrix is used.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import ceil, cos, pi, radians, sqrt
from typing import Any

import numpy as np

from lattice.arrays import Array
from tests.studies.test_no_false_pass import MASS

LIGHT = 299792458.0  # m/s
PROTON = 1e6 * MASS["proton"]  # eV
#: Steps of a cell and of a magnet.
CELL, MAGNET = 24, 48
#: What is farther from the energy at the end is no beam: the product's own definition, told in docs/linac.md.
WINDOW = 0.1


@dataclass(frozen=True)
class Part:
    """A stretch of ``length`` [m]: a ``gradient`` [1/m^2], a wave of ``cells`` and of ``force`` [1/m], or none.

    ``phase`` [rad] at time 0, ``unit`` the number of the klystron.
    """

    length: float
    steps: int = 1
    gradient: float = 0.0
    cells: int = 0
    force: float = 0.0
    phase: float = 0.0
    unit: int = -1


@dataclass
class Particles:
    """x, ux, y, uy, ct [m; m c], gamma, each (n,); and the largest distance from the axis so far [m]."""

    x: Array
    ux: Array
    y: Array
    uy: Array
    ct: Array
    gamma: Array
    away: Array = field(init=False)

    def __post_init__(self) -> None:
        self.away = np.hypot(self.x, self.y)

    @property
    def uz(self) -> Array:
        return np.sqrt(self.gamma**2 - 1 - self.ux**2 - self.uy**2)

    @property
    def energy(self) -> Array:
        """eV."""
        return (self.gamma - 1) * PROTON

    def straight(self, length: float) -> None:
        uz = self.uz
        self.x = self.x + self.ux / uz * length
        self.y = self.y + self.uy / uz * length
        self.ct = self.ct + self.gamma / uz * length

    def kicked(self, ex: Any, ey: Any, ez: Any, bx: Any, by: Any, length: float) -> None:
        """Fields over m c^2 / q: E and c B [1/m]."""
        uz = self.uz
        time = length * self.gamma / uz
        self.gamma = self.gamma + (ex * self.ux + ey * self.uy + ez * uz) * length / uz
        self.ux = self.ux + ex * time - by * length
        self.uy = self.uy + ey * time + bx * length


def on_axis(gamma: float, count: int, ct: Any = 0.0) -> Particles:
    zero = np.zeros(count)
    return Particles(zero, zero, zero, zero, zero + ct, zero + gamma)


@dataclass(frozen=True)
class Wave:
    """The radio frequency: w / c [1/m]."""

    k0: float

    def through(self, part: Part, beam: Particles, amplitude: Any = 1.0, phase: Any = 0.0, seen: Any = None) -> None:
        """All particles, step by step; ``seen`` is called behind each with the length of it."""
        h = part.length / part.steps
        if part.cells:
            self._edge(part, beam, amplitude, phase, 1.0)
        for n in range(part.steps):
            beam.straight(h / 2)
            if part.gradient:
                g = part.gradient
                beam.kicked(0.0, 0.0, 0.0, g * beam.y, g * beam.x, h)
            if part.cells:
                self._kick(part, beam, (n + 0.5) * h, h, amplitude, phase)
            beam.straight(h / 2)
            beam.away = np.maximum(beam.away, np.hypot(beam.x, beam.y))
            if seen is not None:
                seen(h)
        if part.cells:
            self._edge(part, beam, amplitude, phase, -cos(pi * part.cells))

    def _kick(self, part: Part, beam: Particles, s: float, h: float, amplitude: Any, phase: Any) -> None:
        k = pi * part.cells / part.length
        kr2 = (k**2 - self.k0**2) * (beam.x**2 + beam.y**2)
        turned = self.k0 * beam.ct + part.phase + phase
        force = amplitude * part.force
        near = 1 + kr2 / 8 * (1 + kr2 / 24 * (1 + kr2 / 48))  # 2 I1(K r) / (K r)
        ez = force * np.sin(k * s) * (1 + kr2 / 4 * (1 + kr2 / 16 * (1 + kr2 / 36))) * np.cos(turned)
        er = -0.5 * force * k * np.cos(k * s) * near * np.cos(turned)  # over r
        b = -0.5 * force * self.k0 * np.sin(k * s) * near * np.sin(turned)
        beam.kicked(er * beam.x, er * beam.y, ez, -b * beam.y, b * beam.x, h)

    def _edge(self, part: Part, beam: Particles, amplitude: Any, phase: Any, sign: float) -> None:
        """What dE_z/ds, which jumps at an end of the wave, gives a particle off the axis: -r^2/4 of the jump."""
        jump = sign * amplitude * part.force * pi * part.cells / part.length
        turned = self.k0 * beam.ct + part.phase + phase
        beam.gamma = beam.gamma - 0.25 * (beam.x**2 + beam.y**2) * jump * np.cos(turned)


@dataclass(frozen=True)
class Machine:
    """Parts in order and the radio frequency; ``start`` is gamma in front."""

    parts: tuple[Part, ...]
    wave: Wave
    start: float

    @property
    def units(self) -> int:
        return 1 + max(part.unit for part in self.parts)

    def run(self, beam: Particles, amplitudes: Any = None, phases: Any = None, seen: Any = None) -> Particles:
        """Through all parts; ``amplitudes`` and ``phases`` (units, n) or (units, 1) on top of the design."""
        for part in self.parts:
            amplitude = 1.0 if amplitudes is None or part.unit < 0 else amplitudes[part.unit]
            phase = 0.0 if phases is None or part.unit < 0 else phases[part.unit]
            self.wave.through(part, beam, amplitude, phase, seen)
        return beam


def machine_of(table: dict[str, Any]) -> Machine:
    """Cells by the velocity in the middle of a tank of constant gain; phases by the particle that is on the axis."""
    (section,) = table["section"]
    k0, field_ = 2e6 * pi * section["frequency_MHz"] / LIGHT, 1e6 * section["E0T_MV_per_m"]
    wavelength, phase = 2 * pi / k0, radians(section["synchronous_phase_deg"])
    start = 1 + 1e6 * table["beam"]["kinetic_energy_MeV"] / PROTON
    wave, parts, sized, beam = Wave(k0), [], (start - 1) * PROTON, on_axis(start, 1)
    for number, gradient in enumerate(section["gradients_T_per_m"]):
        gain = 0.0
        for _ in range(60):
            middle = 1 + (sized + gain / 2) / PROTON
            length = section["cells"] * sqrt(1 - middle**-2) * wavelength / 2
            gain = field_ * length * cos(phase)
        sized += gain
        force = 2 * field_ / PROTON  # of the standing wave: half of it travels with the particle
        unit = number // section["tanks_per_unit"]
        tank = Part(length, CELL * section["cells"], cells=section["cells"], force=force, unit=unit)
        tank = replace(tank, phase=crest(wave, tank, beam) + phase)
        step = sqrt(1 - (1 + sized / PROTON) ** -2) * wavelength
        gap = (max(ceil(1e-3 * section["shortest_gap_mm"] / step - 0.5), 0) + 0.5) * step
        magnet = 1e-3 * section["magnet_length_mm"]
        side = Part((gap - magnet) / 2)
        for part in (tank, side, Part(magnet, MAGNET, gradient=gradient * LIGHT / PROTON), side):
            wave.through(part, beam)
            parts.append(part)
    return Machine(tuple(parts), wave, start)


def crest(wave: Wave, tank: Part, beam: Particles) -> float:
    """The phase of the most gain: of 48, then by parabolas through three about it."""
    at = np.linspace(0, 2 * pi, 48, endpoint=False)
    best = float(at[int(np.argmax(_gains(wave, tank, beam, at)))])
    for width in 2 * pi / 48 * np.array([1.0, 1 / 30, 1 / 900]):
        low, here, high = _gains(wave, tank, beam, best + np.array([-width, 0, width]))
        best += 0.5 * width * float((low - high) / (low - 2 * here + high))
    return best


def _gains(wave: Wave, tank: Part, beam: Particles, phases: Array) -> Array:
    trial = on_axis(float(beam.gamma[0]), len(phases), float(beam.ct[0]))
    wave.through(tank, trial, phase=phases)
    return trial.gamma


# --------------------------------------------------------------------------------------------------------- the beam


def bunch(table: dict[str, Any], normal: Array) -> Particles:
    """Particles at the entrance from normal deviates (n, 6) of both planes, phase and momentum."""
    beam, gamma = table["beam"], 1 + 1e6 * table["beam"]["kinetic_energy_MeV"] / PROTON
    p = sqrt(gamma**2 - 1)
    moved: dict[str, Array] = {}
    for plane, (first, second) in zip("xy", ((0, 1), (2, 3)), strict=True):
        beta, alpha = beam[f"bet{plane}_m"], beam[f"alf{plane}"]
        size = sqrt(beta * 1e-6 * beam[f"emittance_{plane}_um"] / p)
        moved[plane] = size * normal[:, first]
        moved[f"u{plane}"] = p * size / beta * (normal[:, second] - alpha * normal[:, first])
    late = radians(beam["sigma_phase_deg"]) / (2e6 * pi * beam["frequency_MHz"]) * LIGHT
    spread = 1e3 * beam["sigma_energy_keV"] / PROTON * gamma / p**2  # of the momentum
    energy = np.sqrt(1 + (p * (1 + spread * normal[:, 5])) ** 2)
    return Particles(**moved, ct=late * normal[:, 4], gamma=energy)


def arrived(end: Particles, bore: float, wanted: float) -> Array:
    """Which stayed within the bore [m] and are within WINDOW of the energy [eV]."""
    return np.asarray((end.away <= bore) & (np.abs(end.energy / wanted - 1) <= WINDOW))


def largest_size(machine: Machine, table: dict[str, Any]) -> float:
    """Largest rms size [m] of the beam in either plane: rays of a micron and of a microradian, all along."""
    tiny, p, beam = 1e-6, sqrt(machine.start**2 - 1), table["beam"]
    one, zero = np.eye(4) * tiny, np.zeros(4)
    rays = Particles(one[0], p * one[1], one[2], p * one[3], zero, zero + machine.start)
    largest = [start_size(table, p)]

    def seen(h: float) -> None:
        for plane, (cosine, sine) in zip("xy", (rays.x[:2] / tiny, rays.y[2:] / tiny), strict=True):
            beta, alpha = beam[f"bet{plane}_m"], beam[f"alf{plane}"]
            there = beta * cosine**2 - 2 * alpha * cosine * sine + (1 + alpha**2) / beta * sine**2
            largest.append(sqrt(1e-6 * beam[f"emittance_{plane}_um"] / p * there))

    machine.run(rays, seen=seen)
    return max(largest)


def start_size(table: dict[str, Any], p: float) -> float:
    """rms size [m] in front, the larger of both planes; ``p`` is beta gamma."""
    beam = table["beam"]
    return max(sqrt(1e-6 * beam[f"emittance_{plane}_um"] / p * beam[f"bet{plane}_m"]) for plane in "xy")
