"""Time to treat: the timeline of a treatment on a synchrotron, a linac, a cyclotron with degrader, by cause.

Beam flows or waits for one of CAUSES at any time. The gate (breathing) is open for the first part of every period;
energy changes and refills go on while it is closed, beam does not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import ceil, inf
from typing import Protocol

from lattice import NoSolution
from optics.matter.layers import Treatment

BEAM, MOVES, CHANGE, REFILL, GATE = "beam on", "spot moves", "energy change", "refill", "gate closed"
CAUSES = (BEAM, MOVES, CHANGE, REFILL, GATE)
_MOST_SPILLS = 10_000


@dataclass(frozen=True)
class Scanning:
    """Spot scanning: ``speed`` [m/s], ``overhead`` of each move [s], ``repaints`` of each layer, the gate.

    ``volumetric``: repaints go through all layers each time, and change energy as often. ``gate_duty``: open part of
    ``gate_period`` [s]; 1 is no gate.
    """

    speed: float
    overhead: float
    repaints: int = 1
    volumetric: bool = False
    gate_duty: float = 1.0
    gate_period: float = 4.0

    def move(self, spacing: float) -> float:
        """Time [s] from spot to spot."""
        return spacing / self.speed + self.overhead


@dataclass
class Clock:
    """Time so far [s] and what it went into."""

    scanning: Scanning
    now: float = 0.0
    spent: dict[str, float] = field(default_factory=lambda: dict.fromkeys(CAUSES, 0.0))

    def wait(self, cause: str, duration: float) -> None:
        """Time that passes whether the gate is open or not."""
        self.now += duration
        self.spent[cause] += duration

    def irradiate(self, parts: Mapping[str, float], most: float = inf) -> float:
        """Work through ``parts`` (cause: time) while the gate is open, for at most ``most`` seconds with waiting.

        Returns the part of it, 0 to 1, that was done.
        """
        total = sum(parts.values())
        left, end = total, self.now + most
        while left > 1e-12 and self.now < end - 1e-12:
            window, closed = self._gate()
            if closed > 0:
                self.wait(GATE, min(closed, end - self.now))
                continue
            step = min(left, window, end - self.now)
            for cause, share in parts.items():
                self.spent[cause] += step * share / total
            self.now += step
            left -= step
        return 1.0 if total == 0 else 1.0 - left / total

    def _gate(self) -> tuple[float, float]:
        """Time the gate stays open, and time until it opens (0 when it is open)."""
        plan = self.scanning
        if plan.gate_duty >= 1.0:
            return inf, 0.0
        phase = self.now % plan.gate_period
        open_for = plan.gate_duty * plan.gate_period
        if phase < open_for - 1e-9:
            return open_for - phase, 0.0
        return 0.0, max(plan.gate_period - phase, 1e-9)


class DeliveryMachine(Protocol):
    """A machine that can deliver a treatment."""

    @property
    def title(self) -> str: ...
    def deliver(self, treatment: Treatment, scanning: Scanning) -> Timeline: ...


@dataclass(frozen=True, eq=False)
class Timeline:
    """Seconds by cause, the ends of the layers in the order delivered, and what the machine did (spills, pulses)."""

    title: str
    spent: Mapping[str, float]
    layer_ends: tuple[float, ...]
    counts: Mapping[str, float]

    @property
    def total(self) -> float:
        """Whole time [s]."""
        return sum(self.spent.values())

    @property
    def limited_by(self) -> str:
        """The cause that takes most of the time."""
        return max(self.spent, key=lambda cause: self.spent[cause])


def _passes(treatment: Treatment, scanning: Scanning) -> list[tuple[int, float, int]]:
    """(layer, particles, paints) in order: each layer once, or all layers again and again."""
    used = [i for i in range(treatment.layers) if treatment.particles[i] > 0]
    if not scanning.volumetric:
        return [(i, float(treatment.particles[i]), scanning.repaints) for i in used]
    return [(i, float(treatment.particles[i]) / scanning.repaints, 1) for _ in range(scanning.repaints) for i in used]


@dataclass(frozen=True)
class SynchrotronDelivery:
    """One energy a cycle, or several a spill where ``step`` is given.

    ``particles`` in a spill leave in ``spill`` seconds at an even rate, flat top at most ``flat_top`` seconds; the beam
    waits in the ring while spots move. ``change`` maps energies [MeV/u] to the time [s] from spill to spill; ``step``
    likewise for the step down to an energy, with ``loss`` of what is left; a layer is begun on what is left when that
    is at least ``least`` of it, and at most ``energies`` are had from one spill.
    """

    title: str
    particles: float
    spill: float
    flat_top: float
    change: Callable[[float], float]
    step: Callable[[float], float] | None = None
    loss: float = 0.0
    least: float = 0.2
    energies: int = 1000

    def deliver(self, treatment: Treatment, scanning: Scanning) -> Timeline:
        """Timeline of a treatment; NoSolution when more spills are needed than anybody would wait for."""
        clock, ends = Clock(scanning), []
        spills, left, top_end, had = 0, 0.0, 0.0, 0
        for layer, particles, paints in _passes(treatment, scanning):
            energy = float(treatment.energies[layer])
            stays = had < self.energies and self._stays(left, particles, clock.now, top_end)
            if stays and self.step is not None:
                clock.wait(CHANGE, self.step(energy))
                left, had = left * (1.0 - self.loss), had + 1
            else:
                clock.wait(CHANGE, self.change(energy))
                spills, left, top_end, had = spills + 1, self.particles, clock.now + self.flat_top, 1
            moves = paints * max(treatment.spots - 1, 0) * scanning.move(treatment.spot_spacing)
            missing = 1.0
            while missing > 1e-9:
                if left <= 1e-9 * self.particles or clock.now >= top_end - 1e-9:
                    clock.wait(REFILL, self.change(energy))
                    spills, left, top_end, had = spills + 1, self.particles, clock.now + self.flat_top, 1
                self._check(spills)
                share = min(missing, left / particles)
                parts = {BEAM: share * particles * self.spill / self.particles, MOVES: share * moves}
                done = share * clock.irradiate(parts, top_end - clock.now)
                missing -= done
                left -= done * particles
            ends.append(clock.now)
        return Timeline(self.title, clock.spent, tuple(ends), {"spills": float(spills)})

    def _stays(self, left: float, particles: float, now: float, top_end: float) -> bool:
        enough = left * (1.0 - self.loss) >= self.least * min(particles, self.particles)
        return self.step is not None and left > 0 and enough and now < top_end

    def _check(self, spills: int) -> None:
        if spills > _MOST_SPILLS:
            raise NoSolution(
                f"{self.title}: more than {_MOST_SPILLS} spills of {self.particles:.3g} particles; give more "
                "particles in a spill, or a longer flat top"
            )


@dataclass(frozen=True)
class LinacDelivery:
    """``particles`` in a pulse at most, ``repetition`` [Hz]; each spot takes whole pulses, at least ``least_pulses``.

    ``particles`` and ``change`` map energies [MeV/u] to numbers and to the time [s] of the change to that energy (one
    pulse at least), magnets of the beam line included.
    """

    title: str
    particles: Callable[[float], float]
    repetition: float
    least_pulses: int
    change: Callable[[float], float]

    def deliver(self, treatment: Treatment, scanning: Scanning) -> Timeline:
        """Timeline of a treatment."""
        clock, ends, pulses = Clock(scanning), [], 0
        period = 1.0 / self.repetition
        for layer, particles, paints in _passes(treatment, scanning):
            energy = float(treatment.energies[layer])
            clock.wait(CHANGE, max(self.change(energy), period))
            share = particles / treatment.spots / paints / self.particles(energy)
            each = max(self.least_pulses, ceil(share - 1e-9))
            idle = max(ceil(scanning.move(treatment.spot_spacing) / period - 1e-9) - 1, 0)  # pulses lost in a move
            shots = each * treatment.spots * paints
            pulses += shots
            clock.irradiate({BEAM: shots * period, MOVES: idle * max(treatment.spots - 1, 0) * paints * period})
            ends.append(clock.now)
        return Timeline(self.title, clock.spent, tuple(ends), {"pulses": float(pulses)})


@dataclass(frozen=True)
class CyclotronDelivery:
    """Continuous beam behind a degrader: ``rate`` [1/s] at ``top`` [MeV] of what the cyclotron gives.

    Of lower energies the part (E / top)^``exponent`` arrives; never more than ``largest_rate`` is let through to the
    patient. The energy changes in ``change`` [s].
    """

    title: str
    rate: float
    top: float
    exponent: float
    largest_rate: float
    change: float

    def rate_at(self, energy: float) -> float:
        """Particles per second at the patient."""
        return min(self.largest_rate, float(self.rate * (energy / self.top) ** self.exponent))

    def deliver(self, treatment: Treatment, scanning: Scanning) -> Timeline:
        """Timeline of a treatment; NoSolution above the cyclotron's energy."""
        if treatment.energies.max() > self.top * (1 + 1e-9):
            raise NoSolution(
                f"{self.title}: {treatment.energies.max():.4g} MeV/u is wanted, {self.top:g} is the highest"
            )
        clock, ends = Clock(scanning), []
        for layer, particles, paints in _passes(treatment, scanning):
            clock.wait(CHANGE, self.change)
            beam = particles / self.rate_at(float(treatment.energies[layer]))
            moves = paints * max(treatment.spots - 1, 0) * scanning.move(treatment.spot_spacing)
            clock.irradiate({BEAM: beam, MOVES: moves})
            ends.append(clock.now)
        return Timeline(self.title, clock.spent, tuple(ends), {})
