"""Magnet circuits of a ring: a family with its supply, its fields at injection and at every energy, its ratings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lattice import NoSolution
from lattice.arrays import Array
from optics.ramping.magnet_models import EddyCurrents, Excitation, Hysteresis, Supply

_FEW_DIGITS = 1e-3  # ratings are given to few digits


@dataclass(frozen=True)
class MagnetCircuit:
    """A family with its supply: ``unit`` of its field, and the models of iron and currents."""

    name: str
    unit: str
    excitation: Excitation
    supply: Supply
    eddy: EddyCurrents
    hysteresis: Hysteresis


@dataclass(frozen=True, eq=False)
class Circuit:
    """A circuit with its fields at injection and at extraction (n,)."""

    magnet: MagnetCircuit
    injection: float
    extraction: Array

    @property
    def currents(self) -> Array:
        """Currents at extraction [A] (n,)."""
        return self.magnet.excitation.current(self.extraction)

    @property
    def injection_current(self) -> float:
        """Current at injection [A]."""
        return float(self.magnet.excitation.current(self.injection))

    def at(self, known: Array, rigidities: Array) -> Circuit:
        """The circuit at other ``rigidities`` [T m]: field over rigidity linear between the ``known`` ones (n,)."""
        return replace(self, extraction=np.interp(rigidities, known, self.extraction / known) * rigidities)

    def ramp_time(self, begin: Any, end: Any) -> Array:
        """Least time [s] between two currents [A]; a bipolar supply goes through zero at the same rates."""
        supply = self.magnet.supply
        begin, end = np.broadcast_arrays(np.asarray(begin, dtype=float), np.asarray(end, dtype=float))
        same = begin * end >= 0
        through = supply.ramp_time(np.abs(begin), 0.0) + supply.ramp_time(0.0, np.abs(end))
        return np.where(same, supply.ramp_time(np.abs(begin), np.abs(end)), through)


@dataclass(frozen=True)
class Overload:
    """A rating that does not do: its ``kind``, "current", "voltage" or "field", and what is needed in words."""

    kind: str
    told: str


def check_ratings(circuits: Sequence[Circuit], energies: Array) -> None:
    """NoSolution naming each circuit whose current or voltage rating does not do, with the energies concerned."""
    refuse(overloads(circuits, energies))


def refuse(found: Iterable[Overload]) -> None:
    """NoSolution that tells them, where there are any."""
    if lines := [one.told for one in found]:
        raise NoSolution("; ".join(lines))


def overloads(circuits: Sequence[Circuit], energies: Array) -> Iterator[Overload]:
    """Currents beyond their rating, and voltages that do not hold the current, by circuit; energies [MeV/u]."""
    for circuit in circuits:
        name, supply, currents = circuit.magnet.name, circuit.magnet.supply, np.abs(circuit.currents)
        over = currents > supply.largest_current
        if over.any():
            yield Overload(
                "current",
                f"'{name}' needs up to {currents.max():.5g} A, rated {supply.largest_current:.5g} A: exceeded "
                f"{at_energies(energies[over])}{_highest(energies, over)}",
            )
        static = supply.resistance * currents > supply.largest_voltage
        if static.any():
            yield Overload(
                "voltage",
                f"'{name}' needs {supply.resistance * currents.max():.5g} V to hold its current, rated "
                f"{supply.largest_voltage:.5g} V: exceeded from {energies[static].min():.5g} MeV/u"
                f"{_highest(energies, static)}",
            )


def at_energies(energies: Array) -> str:
    """The energies as messages say them."""
    low, high = float(energies.min()), float(energies.max())
    return f"at {low:.5g} MeV/u" if low == high else f"from {low:.5g} to {high:.5g} MeV/u"


def _highest(energies: Array, over: Array) -> str:
    return f"; the nearest energy that works is {energies[~over].max():.5g} MeV/u" if (~over).any() else ""


def check_fields(circuits: Sequence[Circuit], ratings: Sequence[float | None], energies: Array) -> None:
    """NoSolution where a field exceeds its rating (None: it has none), naming the energies [MeV/u]."""
    refuse(field_overloads(circuits, ratings, energies))


def field_overloads(
    circuits: Sequence[Circuit], ratings: Sequence[float | None], energies: Array
) -> Iterator[Overload]:
    """Fields beyond their ratings (None: there is none), by circuit; energies [MeV/u]."""
    for circuit, rating in zip(circuits, ratings, strict=True):
        over = np.abs(circuit.extraction) > (rating or np.inf) * (1 + _FEW_DIGITS)
        if over.any():
            works = f"; the nearest that works is {energies[~over].max():.5g} MeV/u" if (~over).any() else ""
            yield Overload(
                "field",
                f"'{circuit.magnet.name}' needs {np.abs(circuit.extraction).max():.5g} {circuit.magnet.unit}, rated "
                f"{rating:g}: exceeded {at_energies(energies[over])}{works}",
            )
