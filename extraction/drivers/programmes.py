"""Programmes that drivers start from: each moves a whole waiting stack through the resonance, evenly in time.

From the stack's near edge (the largest amplitudes leave first) to its far one. ``duration`` [s] of all.
"""

from __future__ import annotations

from math import pi, sqrt

from extraction.drivers.drivers import BetatronCore, ConstantOptics, PhaseDisplacement, RFKnockout, TuneSweep
from extraction.resonance.stack import WaitingStack
from lattice import InputError, Kicker, Lattice, Marker, Monitor, RFCavity
from optics import twiss
from optics.ramping.acceleration import RingRF

_STEP = 1e-4  # relative change of a parameter in a difference
_HEATING = 2.1  # growth of <A^2> over the stable one that leaves 5 % of a diffusing beam behind
_BUCKET = 8 / (2 * pi)  # displacement by one sweep over the half height of the bucket: its area is 8 half heights
_BAND = 1.4  # of the exciter, over the distance from the stack's tune to the resonance
_CLEAR = 4  # half heights that a bucket begins and ends away from the stack
_JUMP = 1e-6  # of the duration, in which buckets jump back


def core_programme(stack: WaitingStack, duration: float) -> BetatronCore:
    """The core gives the stack all the momentum that it lacks."""
    return BetatronCore(((0.0, 0.0), (duration, stack.reach)))


def scaling_programme(stack: WaitingStack, duration: float) -> ConstantOptics:
    """All magnets are scaled by 1 / (1 + reach): against them the stack moves as a core would move it."""
    return ConstantOptics(((0.0, 0.0), (duration, 1.0 / (1.0 + stack.reach) - 1.0)))


def sweep_programme(stack: WaitingStack, duration: float, parameter: str) -> TuneSweep:
    """The tune moves by Q' times the way that the stack would: its far end then stands on the resonance."""
    if not parameter:
        raise InputError("no parameter of the ring moves the tune: give spill.sweep_parameter")
    here = float(stack.ring.parameters[parameter])
    ends = [
        twiss(stack.ring.with_parameters({parameter: here * (1 + sign * _STEP)}), fringe=stack.fringe)
        for sign in (1, -1)
    ]
    slope = float(ends[0].qx - ends[1].qx) / (2 * _STEP * here)
    change = float(0.5 * (ends[0].dqx + ends[1].dqx)) * stack.reach / slope
    return TuneSweep(parameter, ((0.0, here), (duration, here + change)))


def knockout_programme(
    stack: WaitingStack,
    duration: float,
    *,
    width: float,
    at: str | None = None,
    tune: float | None = None,
    bandwidth: float | None = None,
    excitation: str = "noise",
    period: float = 1e-3,
    seed: int = 1,
) -> RFKnockout:
    """Noise over the tunes of a stack of ``width``, so strong that the mean square amplitude reaches the stable one.

    A kick of amplitude a, its power even over a band b of tunes, adds a^2 beta / (4 b) to <A^2> in a turn. ``at``,
    ``tune`` and ``bandwidth`` are chosen where they are not given. InputError where no exciter can stand.
    """
    optics = twiss(stack.ring, fringe=stack.fringe, chromatic=True)
    farthest = stack.inwards(width)
    low = float(optics.qx + optics.dqx * farthest) % 1.0
    high = round(3 * float(optics.qx)) / 3 % 1.0
    middle, band = tune or 0.5 * (low + high), bandwidth or _BAND * abs(high - low)
    place = at or exciter_place(stack.ring, stack.at)
    beta = float(optics["betx"][stack.ring.index(place)])
    growth = _HEATING * stack.stable_amplitude(farthest) ** 2 / (duration / stack.revolution_time)
    kick = sqrt(4 * band * growth / beta)
    return RFKnockout(place, ((0.0, kick), (duration, kick)), middle, excitation, band, period, seed=seed)


def exciter_place(ring: Lattice, septum: str) -> str:
    """An element without a field of its own where an exciter may stand, the one with a kicker's name first."""
    for kind in (Kicker, Monitor, Marker, RFCavity):
        for name, element in zip(ring.names[1:], ring.elements[1:], strict=False):
            if isinstance(element, kind) and name != septum:
                return name
    raise InputError("no kicker, monitor, marker or cavity where an exciter could stand: give spill.knockout.element")


def displacement_programme(
    stack: WaitingStack, duration: float, *, sweeps: int = 4, harmonic: int = 1, volt: float | None = None
) -> PhaseDisplacement:
    """Buckets that sweep against the way the stack has to go, ``sweeps`` times; between sweeps they jump back.

    A sweep displaces by the bucket's area over 2 pi: 8 half heights. Without ``volt`` the height is the one with which
    all sweeps together move the stack by its reach.
    """
    half = abs(stack.reach) / sweeps / _BUCKET
    compaction = float(twiss(stack.ring, fringe=stack.fringe).momentum_compaction)
    cavity = RingRF(float(stack.ring.length), compaction, harmonic, float("inf"))
    way = 1.0 if stack.reach > 0 else -1.0
    begin, end = stack.diagram.resonant + way * _CLEAR * half, stack.far_end - way * _CLEAR * half
    one, back = duration / sweeps, _JUMP * duration
    table = [pair for i in range(sweeps) for pair in ((i * one + (back if i else 0.0), begin), ((i + 1) * one, end))]
    return PhaseDisplacement(tuple(table), volt or cavity.voltage_of_height(stack.particle, half), harmonic)
