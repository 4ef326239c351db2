"""The vocabulary of studies: every quantity with its unit, symbol, colour and meaning, in one place.

A quantity is written ``qx``, ``betx@symp`` (at the entrance of an element; ``symp:end`` is its exit),
``max_betx`` / ``min_dx`` (over the whole lattice, inside elements too). In results, matched parameters are called
``parameter.kf`` and what a match left over ``match.qx``.
"""

from studies.vocabulary.delivery import DELIVERY
from studies.vocabulary.extraction import EXTRACTION, OF_ENERGIES
from studies.vocabulary.kinds import QuantityKind
from studies.vocabulary.linac import LINAC
from studies.vocabulary.names import (
    GROUPS,
    NUMBERS,
    QuantityName,
    all_names,
    checks_program,
    computed_by,
    nearest,
    quantity_named,
    unit_factor,
    words_of,
)
from studies.vocabulary.remedies import MATCHED, remedy_of
from studies.vocabulary.ring import COLUMNS, COORDINATES, IMPERFECTIONS, SCALARS
from studies.vocabulary.spill import SPILL
from studies.vocabulary.switching import SWITCHING
from studies.vocabulary.units import UNIT_FACTORS

__all__ = [
    "COLUMNS",
    "COORDINATES",
    "DELIVERY",
    "EXTRACTION",
    "GROUPS",
    "IMPERFECTIONS",
    "LINAC",
    "MATCHED",
    "NUMBERS",
    "OF_ENERGIES",
    "SCALARS",
    "SPILL",
    "SWITCHING",
    "UNIT_FACTORS",
    "QuantityKind",
    "QuantityName",
    "all_names",
    "checks_program",
    "computed_by",
    "nearest",
    "quantity_named",
    "remedy_of",
    "unit_factor",
    "words_of",
]
