"""The parameter list: key numbers of the machines by machine, particle and energy, as the runs give them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from studies.dossier.entries import Case, slug
from studies.dossier.placing import Placed
from studies.report.naming import families_of
from studies.report.written import known_text, number_text
from studies.results import Quantity
from studies.vocabulary import UNIT_FACTORS, quantity_named, unit_factor
from studies.vocabulary.places import placed_text
from studies.vocabulary.typesetting import unit_text

#: What the list holds, by subject; strengths (``parameter.``) follow the ring.
KEYS: Mapping[str, tuple[str, ...]] = {
    "Ring": (
        *("length", "qx", "qy", "dqx", "dqy", "momentum_compaction", "gamma_transition"),
        *("max_betx", "max_bety", "max_dx", "betx@electrostatic_septum", "dx@electrostatic_septum"),
        *("clearance_x", "clearance_y", "clearance_es", "max_bend_field", "max_gradient", "sextupole_strength"),
        *("orbit_x", "orbit_y", "orbit_yield"),
    ),
    "Strengths": (),
    "Slow extraction": (
        *("virtual_sextupole", "stable_area", "least_spiral_step", "largest_spiral_step", "septum_gap"),
        *("extracted_emittance", "extraction_efficiency", "spill_length", "duty_factor", "spill_momentum_spread"),
    ),
    "Linac": (
        *("final_energy", "transmission", "energy_spread", "acceptance_x", "acceptance_y", "rf_power", "average_power"),
        *("klystron_share", "kilpatrick", "lost_power", "least_transmission", "largest_spread", "largest_spot"),
    ),
    "Change of energy": (
        *("energies_number", "settings_number", "longest_change", "longest_step", "largest_current_share"),
        *("largest_rf_voltage", "switching_time", "layer_time"),
    ),
    "Delivery": (
        *("spots_missed", "spot_size_error", "spot_position", "spot_dispersion", "line_transmission", "line_fill"),
        *("line_gradient", "line_bend_field", "momentum_acceptance"),
    ),
    "Machines as built": ("yield_all",),
    "Treatment": (
        *("treatment_time", "treatment_time_cycles", "treatment_time_steps", "treatment_time_linac"),
        *("treatment_time_cyclotron", "layers_number", "worst_spot", "largest_energy_spread"),
    ),
}
_STRENGTH = "parameter."


@dataclass(frozen=True)
class Given:
    """A value as text, and the run that gives it."""

    value: str
    slug: str
    label: str


@dataclass(frozen=True)
class ParameterRow:
    """One parameter: ``values`` in each column; several where runs of one column give different ones, () for none.

    ``anchor`` is its place on the page.
    """

    name: str
    anchor: str
    text: str
    symbol: str
    unit: str
    values: tuple[tuple[Given, ...], ...]


@dataclass(frozen=True)
class Parameters:
    """Rows by subject over ``cases``; a subject without a row is left out."""

    cases: tuple[Case, ...]
    groups: tuple[tuple[str, tuple[ParameterRow, ...]], ...]

    def columns(self, rows: Sequence[ParameterRow]) -> tuple[int, ...]:
        """Places of the cases that give one of these rows a value: the others would be empty columns."""
        return tuple(place for place, _ in enumerate(self.cases) if any(row.values[place] for row in rows))


def parameters_of(runs: Sequence[Placed]) -> Parameters:
    """The key numbers that the runs have; columns in the order of the runs, those without a number left out."""
    cases = tuple(dict.fromkeys(run.entry.case for run in runs if _named(run)))
    groups = ((subject, tuple(_rows(subject, keys, runs, cases))) for subject, keys in KEYS.items())
    return Parameters(cases, tuple((subject, rows) for subject, rows in groups if rows))


def _named(run: Placed) -> bool:
    """True for a run that has a number of the list; one that compares two runs gives none of its own."""
    wanted = {key for keys in KEYS.values() for key in keys}
    return not run.entry.repeats and any(
        one.name in wanted or one.name.startswith(_STRENGTH) for one in run.result.quantities if one.value is not None
    )


def _rows(subject: str, keys: Sequence[str], runs: Sequence[Placed], cases: Sequence[Case]) -> Iterator[ParameterRow]:
    for name in _strengths(runs) if subject == "Strengths" else keys:
        found = [
            (run, quantity)
            for run in runs
            if not run.entry.repeats
            for quantity in run.result.quantities
            if quantity.name == name and quantity.value is not None
        ]
        if found:
            yield _row(name, found, cases)


def _strengths(runs: Iterable[Placed]) -> tuple[str, ...]:
    names = (one.name for run in runs for one in run.result.quantities if one.name.startswith(_STRENGTH))
    return tuple(dict.fromkeys(names))


def _row(name: str, found: Sequence[tuple[Placed, Quantity]], cases: Sequence[Case]) -> ParameterRow:
    unit, factor = found[0][1].unit, 1.0
    parameter = name.removeprefix(_STRENGTH)
    text, symbol = families_of(found[0][0].result).get(parameter, parameter), ""
    if not name.startswith(_STRENGTH):
        asked = quantity_named(name)
        text, symbol = placed_text(asked.kind.text + (f" at {asked.place}" if asked.place else "")), asked.kind.symbol
        symbol = placed_text(symbol)
        unit = asked.kind.shown or _readable(unit, max(abs(quantity.value or 0.0) for _, quantity in found))
        factor = 1.0 / unit_factor(asked, unit)
    values = tuple(_given([pair for pair in found if pair[0].entry.case == case], factor) for case in cases)
    return ParameterRow(name, f"parameter-{slug(name)}", text, symbol, unit_text(unit), values)


def _readable(unit: str, largest: float) -> str:
    """The largest unit in which a value of that size is a tenth or more."""
    sizes = UNIT_FACTORS[unit]
    names = _PREFIXED.get(unit, (unit,))
    return next((name for name in names if largest >= 0.1 * sizes[name]), names[0 if largest == 0 else -1])


#: Units of one quantity, the largest first.
_PREFIXED = {
    **{"m": ("m", "mm", "um"), "s": ("s", "ms"), "V": ("kV", "V")},
    **{"eV": ("MeV", "keV", "eV"), "W": ("MW", "kW", "W")},
}


def _given(found: Sequence[tuple[Placed, Quantity]], factor: float) -> tuple[Given, ...]:
    """Each value once, to four digits: that of the first run that gives it, of those with an error if there are any."""
    first: dict[str, int] = {}
    for place in sorted(range(len(found)), key=lambda place: not found[place][1].spread):
        first.setdefault(number_text((found[place][1].value or 0.0) * factor, _DIGITS), place)
    kept = [found[place] for place in sorted(first.values())]
    return tuple(Given(_value_text(one, factor), run.entry.slug, run.entry.label) for run, one in kept)


def _value_text(quantity: Quantity, factor: float) -> str:
    """Four digits; with the error of model and sample where it has one."""
    value = (quantity.value or 0.0) * factor
    if abs(quantity.value or 0.0) <= (quantity.numerical or 0.0):  # no digit of it is known
        return "0"
    spread = quantity.spread * abs(factor)
    return known_text(value, spread) if spread else number_text(value, _DIGITS)


_DIGITS = 4
