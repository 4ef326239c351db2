"""Five key numbers of a study, beside those published of synchrotrons that treat patients."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log, sqrt

from lattice.survey import turns_once
from machines.published import SYNCHROTRONS, PublishedNumber, published
from machines.registry import MACHINES, kind_of, machine_named
from studies.report.verdicts import VerdictRow
from studies.report.written import known_parts, short_text
from studies.results import StudyResult
from studies.vocabulary import checks_program, quantity_named
from studies.vocabulary.places import placed_text

NUMBER = 5
_FWHM = 2.0 * sqrt(2.0 * log(2.0))  # of a Gaussian, over its rms
_MM = 1e3


@dataclass(frozen=True)
class KeyNumber:
    """A row: what it is, in which ``unit``, this study's ``own`` number and the published ones, one a column."""

    text: str
    unit: str
    own: str
    others: tuple[PublishedNumber | None, ...]

    @property
    def cells(self) -> tuple[tuple[str, bool], ...]:
        """Text of each published number ("" for none), and whether its source was read."""
        return tuple(("", True) if one is None else (_range(one), one.read) for one in self.others)


def key_numbers(result: StudyResult, rows: Sequence[VerdictRow]) -> tuple[KeyNumber, ...]:
    """Those that have published ones beside them first, then what the study judges (``rows``), then what it computes.

    Five at most.
    """
    known = [KeyNumber(text, unit, own, _others(of)) for of, text, unit, own in _own(result)]
    return (*known, *_judged(result, rows), *_computed(result))[:NUMBER]


def sources(keys: Sequence[KeyNumber]) -> tuple[tuple[str, str, bool], ...]:
    """Machine and source of each published number shown, each once, and whether it was read."""
    told = [(one.machine, one.source, one.read) for key in keys for one in key.others if one is not None]
    return tuple(dict.fromkeys(told))


def _others(of: str) -> tuple[PublishedNumber | None, ...]:
    found = published(of)
    return tuple(found.get(machine) for machine in SYNCHROTRONS)


def _range(one: PublishedNumber) -> str:
    if one.value is not None:
        return short_text(one.value)
    return f"{short_text(one.lower)} to {short_text(one.upper)}"


# ------------------------------------------------------------------------------------------------ this study's own


def _own(result: StudyResult) -> Iterator[tuple[str, str, str, str]]:
    """What this study has of the numbers that are published: word, text, unit, number."""
    for of, text, unit, own in _KNOWN:
        found = own(result)
        if found:
            yield of, text, unit, found


def _machine(result: StudyResult) -> str:
    """The name of a known machine that the study is of; "" for a lattice of its own."""
    names = (str(result.study.get(key, "")).strip().lower() for key in ("machine", "linac"))
    return next((name for name in (*names, result.machine.lower()) if name in MACHINES), "")


def _of_ring(result: StudyResult) -> bool:
    name = _machine(result)
    return bool(name) and kind_of(name) == "ring"


def _quantity(*names: str) -> Callable[[StudyResult], str]:
    """The first of these quantities that the study has."""

    def own(result: StudyResult) -> str:
        values = {quantity.name: quantity for quantity in result.quantities if quantity.value is not None}
        found = next((values[name] for name in names if name in values), None)
        return known_parts(found.value, found.error)[0] if found else ""

    return own


def _ring_quantity(name: str) -> Callable[[StudyResult], str]:
    return lambda result: _quantity(name)(result) if _of_ring(result) else ""


def _length(ring: bool) -> Callable[[StudyResult], str]:
    """The length of rings alone, which published ones stand beside, or of all else alone."""

    def own(result: StudyResult) -> str:
        known = result.lattice.length > 0 and (_of_ring(result) or turns_once(result.lattice)) == ring
        return short_text(result.lattice.length, 5) if known else ""

    return own


def _energies(species: str) -> Callable[[StudyResult], str]:
    def own(result: StudyResult) -> str:
        name = _machine(result)
        ends = machine_named(name).energies.get(species) if name else None
        return f"{short_text(ends[0] / 1e6)} to {short_text(ends[1] / 1e6)}" if ends else ""

    return own


def _spots(result: StudyResult) -> str:
    """The full widths of the spots that a delivery is asked for."""
    asked = result.study.get("spots")
    sizes = [spot[key] for spot in asked for key in ("x_mm", "y_mm")] if isinstance(asked, list) else []
    ends = [short_text(_FWHM * size, 2) for size in (min(sizes), max(sizes))] if sizes else []
    return " to ".join(dict.fromkeys(ends))


_KNOWN: tuple[tuple[str, str, str, Callable[[StudyResult], str]], ...] = (
    ("spill_length", "Length of the spill", "s", _quantity("spill_length")),
    ("between_spills", "Time from spill to spill", "s", _quantity("longest_change")),
    ("between_spills", "Time from energy to energy", "s", _quantity("switching_time")),
    ("energies", "Number of energies", "1", _quantity("energies_number", "settings_number")),
    ("spot_fwhm", "Spot, full width at half maximum", "mm", _spots),
    ("length", "Circumference", "m", _length(ring=True)),
    ("proton_energies", "Energies of protons", "MeV", _energies("proton")),
    ("carbon_energies", "Energies of carbon ions", "MeV/u", _energies("carbon-12")),
    ("bend_field", "Largest field of the bends", "T", _ring_quantity("max_bend_field")),
    ("gradient", "Largest gradient of the quadrupoles", "T/m", _ring_quantity("max_gradient")),
    ("sextupole_gradient", "Largest strength of the sextupoles", "T/m^2", _ring_quantity("sextupole_strength")),
    ("", "Length along the beam", "m", _length(ring=False)),
)


def _judged(result: StudyResult, rows: Sequence[VerdictRow]) -> Iterator[KeyNumber]:
    """Judged numbers of the machine, in the order of its requirements, none of them published of the others."""
    order: Mapping[str, int] = {verdict.requirement.id: place for place, verdict in enumerate(result.verdicts)}
    valued = [row for row in rows if row.verdict.value is not None]
    for row in sorted(valued, key=lambda row: order[row.verdict.requirement.id]):
        yield KeyNumber(_text(row), row.verdict.requirement.unit, row.value, (None,) * len(SYNCHROTRONS))


def _computed(result: StudyResult) -> Iterator[KeyNumber]:
    """Numbers of the machine that nothing is asked of, of those that the vocabulary has."""
    asked = {verdict.requirement.quantity for verdict in result.verdicts}
    for quantity in result.quantities:
        left_out = quantity.name in asked or quantity.name == "length" or "." in quantity.name
        text = "" if left_out or checks_program(quantity.name) else _named(quantity.name)
        if text and quantity.value is not None:
            own = known_parts(quantity.value, quantity.error)[0]
            yield KeyNumber(text, quantity.unit, own, (None,) * len(SYNCHROTRONS))


def _text(row: VerdictRow) -> str:
    """What the vocabulary says of the quantity; of one that it no longer has, what the requirement says."""
    return _named(row.verdict.requirement.quantity) or row.verdict.requirement.text


def _named(quantity: str) -> str:
    """A quantity in the words of the vocabulary, with its place; "" for one that it does not have."""
    try:
        asked = quantity_named(quantity)
    except ValueError:
        return ""
    place = placed_text(f" at {asked.place}") if asked.place else ""
    return f"{asked.kind.text[:1].upper()}{asked.kind.text[1:]}{place}"
