"""Energy from pulse to pulse: amplitudes and phases of the units that miss their settings a little."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from math import isfinite

import numpy as np

from lattice import InputError
from lattice.arrays import Array
from optics.linac.line import Line, line_of
from optics.linac.structure.linac import Linac
from optics.linac.structure.reference import follow
from optics.linac.switching.energies import driven


def pulse_energies(
    linac: Linac,
    amplitudes: Array,
    phases: Array,
    *,
    amplitude: float,
    phase: float,
    samples: int,
    seed: int,
    cut: float = 3.0,
) -> Array:
    """Kinetic energies [eV] at the end of pulses with errors, (settings, samples); nan for a beam that is stopped.

    ``amplitudes``, ``phases`` [rad] (settings, units); rms errors ``amplitude`` (relative) and ``phase`` [rad] of each
    unit that is on, Gaussian within ``cut``, the same draws for every setting. The energy is that of the reference
    particle, which to first order moves as the bunch does. Raises InputError for errors below 0.
    """
    for name, value in (("amplitude", amplitude), ("phase", phase)):
        if not (isfinite(value) and value >= 0):
            raise InputError(f"jitter: the rms error of {name} must be a number not below 0, found {value!r}")
    draws = _draws((samples, 2, len(linac.units)), seed, cut)
    line = line_of(linac)

    def of_setting(number: int) -> Array:
        return np.array(
            [
                _end(line, linac, amplitudes[number] * (1.0 + amplitude * draw[0]), phases[number] + phase * draw[1])
                for draw in draws
            ]
        )

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        return np.array(list(pool.map(of_setting, range(len(amplitudes)))))


def _end(line: Line, linac: Linac, amplitude: Array, phase: Array) -> float:
    ct, w = np.zeros(len(line.kind) + 1), np.zeros(len(line.kind) + 1)
    w[0] = linac.particle.kinetic_energy / linac.particle.mass
    follow(driven(line, linac, amplitude, phase), 0, len(line.kind), ct, w)
    return float(w[-1] * linac.particle.mass)


def _draws(shape: tuple[int, ...], seed: int, cut: float) -> Array:
    """Normal deviates within ``cut``; those beyond are drawn again."""
    random = np.random.default_rng(seed)
    values = random.standard_normal(shape)
    while (far := np.abs(values) > cut).any():
        values[far] = random.standard_normal(int(far.sum()))
    return values
