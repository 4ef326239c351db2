"""What the places that machines name are called: in figures, tables and on the first screen of a page."""

from __future__ import annotations

import re
from collections.abc import Mapping

#: By the keys of a machine's ``places``; others ("symp") have no word of the field.
PLACES: Mapping[str, str] = {
    "electrostatic_septum": "electrostatic septum",
    "magnetic_septum": "magnetic septum",
    "injection_septum": "injection septum",
    "betatron_core": "betatron core",
    "rf_cavity": "RF cavity",
    "rf_knockout": "RF knock-out kicker",
    "resonance_sextupole": "resonance sextupole",
}


def called(places: Mapping[str, str]) -> dict[str, str]:
    """What elements are called: ``{"se_010a_esp": "electrostatic septum"}`` of a machine's ``places``."""
    return {element: PLACES[key] for key, element in places.items() if key in PLACES}


def placed_text(text: str) -> str:
    """A text with words for the places that it names by their keys: ``betx at electrostatic septum``."""
    return re.sub(r"\w+", lambda word: PLACES.get(word[0], word[0]), text)


def in_full(element: str, words: Mapping[str, str]) -> str:
    """``electrostatic septum (se_010a_esp)``; an element without a word by its name."""
    return f"{words[element]} ({element})" if element in words else element
