"""Radio frequency of a synchrotron: frequency, synchronous phase, bucket, capture, along a ramp of the field.

Below transition, phases from the zero crossing with rising voltage: q V sin(phi_s) is the energy gain a turn.
S. Y. Lee, Accelerator Physics, chapter 3; areas are in eV s of the whole particle.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.integrate import quad
from scipy.optimize import brentq

from lattice import InputError, NoSolution, ReferenceParticle
from lattice.arrays import Array
from lattice.reference import SPEED_OF_LIGHT

_RAMP_POINTS = 25  # of an RF programme
_CORNER = 1e-12  # of a ramp: the rounding of one that has none
#: Columns of an RF programme.
RF_COLUMNS = ("time", "rigidity", "energy", "frequency", "voltage", "phase", "area", "height")


@dataclass(frozen=True)
class RingRF:
    """A ring's RF: ``circumference`` [m], ``momentum_compaction``, ``harmonic``, ``largest_voltage`` [V] a turn."""

    circumference: float
    momentum_compaction: float
    harmonic: int
    largest_voltage: float

    def frequency(self, particle: ReferenceParticle) -> float:
        """RF frequency [Hz]: harmonic times the revolution frequency."""
        return self.harmonic * particle.beta * SPEED_OF_LIGHT / self.circumference

    def slip(self, particle: ReferenceParticle) -> float:
        """Slip factor alpha_p - 1/gamma^2, negative below transition."""
        return self.momentum_compaction - 1.0 / particle.gamma**2

    def gain_per_turn(self, particle: ReferenceParticle, rigidity_rate: float) -> float:
        """Energy gain a turn over the charge [V] on a ramp of d(B rho)/dt [T m/s]: C d(B rho)/dt."""
        return self.circumference * rigidity_rate

    def full_height(self, particle: ReferenceParticle, voltage: float) -> float:
        """Half height in dp/p of the stationary bucket: sqrt(2 q V / (pi beta^2 E h |eta|))."""
        energy = particle.beta**2 * particle.total_energy * self.harmonic * abs(self.slip(particle))
        return float(np.sqrt(2 * abs(particle.charge) * voltage / (np.pi * energy)))

    def voltage_of_height(self, particle: ReferenceParticle, height: float) -> float:
        """Voltage [V] of the stationary bucket of half ``height`` in dp/p: ``full_height`` backwards."""
        return (height / self.full_height(particle, 1.0)) ** 2

    def area(self, particle: ReferenceParticle, voltage: float, sine: float = 0.0) -> float:
        """Bucket area [eV s] at sin(phi_s) = ``sine``; 0 where there is no bucket."""
        if voltage <= 0 or sine >= 1:
            return 0.0
        energy = self.full_height(particle, voltage) * particle.beta**2 * particle.total_energy
        return 8.0 * energy / (2 * np.pi * self.frequency(particle)) * moving_bucket(sine)

    def voltage_for(self, particle: ReferenceParticle, area: float, rigidity_rate: float = 0.0) -> float:
        """Voltage [V] whose bucket has ``area`` [eV s] on a ramp [T m/s].

        NoSolution when the largest voltage does not do.
        """
        gain = abs(self.gain_per_turn(particle, rigidity_rate))
        top = self.largest_voltage

        def missing(voltage: float) -> float:
            return self.area(particle, voltage, gain / voltage) - area

        if gain >= top or missing(top) < 0:
            raise NoSolution(
                f"{particle.species} {particle.kinetic_energy_per_u / 1e6:.4g} MeV/u: a bucket of {area:.3g} eV s on a "
                f"ramp of {rigidity_rate:.3g} T m/s needs more than {top:.4g} V; ramp slower or ask for less area"
            )
        return float(brentq(missing, max(gain, 1e-9 * top), top, xtol=1e-9 * top))


def moving_bucket(sine: float) -> float:
    """Area of the bucket at sin(phi_s) = ``sine`` over that of the stationary one, by quadrature.

    alpha(phi_s) = 1/(4 sqrt 2) times the integral of sqrt(|cos phi_s + cos phi - (pi - phi_s - phi) sin phi_s|).
    InputError outside 0 to 1.
    """
    if not 0 <= sine <= 1:
        raise InputError(f"sin(phi_s) must lie between 0 and 1, found {sine!r}")
    if sine == 0.0 or sine == 1.0:
        return 1.0 - sine
    phase = float(np.arcsin(sine))
    high = np.pi - phase

    def height2(phi: float) -> float:
        return float(np.cos(phase) + np.cos(phi) - (high - phi) * sine)

    low = brentq(height2, -np.pi, phase)
    area = quad(lambda phi: np.sqrt(max(height2(phi), 0.0)), low, high, limit=200)[0]
    return float(area / (4 * np.sqrt(2)))


def rf_programme(
    rf: RingRF, species: str, rigidities: Array, times: Array, area: float, rates: Array | None = None
) -> pd.DataFrame:
    """Frequency, voltage, synchronous phase and bucket along a ramp: ``rigidities`` [T m] at ``times`` [s].

    The voltage keeps the bucket's area at ``area`` [eV s]. ``rates`` [T m/s] of the rigidities; without them by
    differences. NoSolution where the cavity cannot.
    """
    rates = np.gradient(rigidities, times) if rates is None else rates
    rows = []
    for time, rigidity, rate in zip(times, rigidities, rates, strict=True):
        particle = ReferenceParticle.from_rigidity(species, float(rigidity))
        voltage = rf.voltage_for(particle, area, float(rate))
        sine = abs(rf.gain_per_turn(particle, float(rate))) / voltage
        rows.append(
            {
                "time": time,
                "rigidity": rigidity,
                "energy": particle.kinetic_energy_per_u,
                "frequency": rf.frequency(particle),
                "voltage": voltage,
                "phase": float(np.degrees(np.arcsin(sine))),
                "area": rf.area(particle, voltage, sine),
                "height": rf.full_height(particle, voltage),
            }
        )
    return pd.DataFrame(rows)


def adiabatic_time(rf: RingRF, particle: ReferenceParticle, begin: float, end: float, adiabaticity: float) -> float:
    """Time [s] to raise the voltage from ``begin`` to ``end`` [V] at an even adiabaticity (dA/dt)/(A omega_s).

    Iso-adiabatic capture: (1/omega_s)(dV/dt)/(2V) = ``adiabaticity``, so t = (1/w0 - 1/w1) / adiabaticity with the
    synchrotron frequencies w at either end (Ng, Physics of Intensity Dependent Beam Instabilities, appendix).
    """
    if not 0 < begin < end:
        raise InputError(f"capture raises the voltage: found {begin:g} V to {end:g} V")
    first, last = (synchrotron_frequency(rf, particle, volt) for volt in (begin, end))
    return (1.0 / first - 1.0 / last) / adiabaticity


def synchrotron_frequency(rf: RingRF, particle: ReferenceParticle, voltage: float) -> float:
    """Small-amplitude synchrotron frequency [rad/s]: omega_0 sqrt(h q V |eta| / (2 pi beta^2 E))."""
    tune2 = rf.harmonic * abs(particle.charge) * voltage * abs(rf.slip(particle))
    tune2 /= 2 * np.pi * particle.beta**2 * particle.total_energy
    return float(2 * np.pi * rf.frequency(particle) / rf.harmonic * np.sqrt(tune2))


def ramp_programme(
    rf: RingRF, injection: ReferenceParticle, top: ReferenceParticle, *, ramp: float, rounding: float, area: float
) -> pd.DataFrame:
    """``rf_programme`` of a ramp in ``ramp`` [s] from injection to ``top``, ends rounded over ``rounding`` [s] each.

    Where the straight part begins, which asks for the largest voltage below transition, and where it ends are among
    its times.
    """
    edge = min(max(rounding / ramp, _CORNER), 0.5)
    part = np.unique(np.concatenate([np.linspace(0.0, 1.0, _RAMP_POINTS), [edge, 1.0 - edge]]))
    low, rise = injection.magnetic_rigidity, top.magnetic_rigidity - injection.magnetic_rigidity
    rates = rise * rounded_rate(part, edge) / ramp
    return rf_programme(rf, top.species, low + rise * rounded_ramp(part, edge), part * ramp, area, rates)


def rounded_ramp(part: Array, rounding: float) -> Array:
    """A ramp from 0 to 1 at ``part`` (0 to 1) of its time, parabolas over ``rounding`` of it at either end."""
    rounding = max(rounding, _CORNER)
    slope = 1.0 / (1.0 - rounding)
    begin = slope * part**2 / (2 * rounding)
    end = 1.0 - slope * (1.0 - part) ** 2 / (2 * rounding)
    return np.where(part < rounding, begin, np.where(part > 1 - rounding, end, slope * (part - rounding / 2)))


def rounded_rate(part: Array, rounding: float) -> Array:
    """The derivative of ``rounded_ramp``: it rises evenly from 0 over the beginning and falls to 0 over the end."""
    rounding = max(rounding, _CORNER)
    return np.asarray(np.clip(np.minimum(part, 1.0 - part) / rounding, 0.0, 1.0) / (1.0 - rounding))


def check_transition(rf: RingRF, injection: ReferenceParticle, top: ReferenceParticle) -> None:
    """NoSolution where the ramp crosses transition: there is no bucket there, and the models know no jump."""
    if rf.slip(injection) * rf.slip(top) <= 0:
        transition = 1 / np.sqrt(rf.momentum_compaction)
        energy = (transition - 1) * top.mass / top.nucleons / 1e6
        raise NoSolution(
            f"{top.species} crosses transition (gamma = {transition:.5g}, {energy:.5g} MeV/u) between injection and "
            f"{top.kinetic_energy_per_u / 1e6:.5g} MeV/u: stay on one side of it, or change the optics"
        )
