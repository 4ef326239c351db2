"""What families of magnets are called: by what their magnets do, with the name of the parameter that sets them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from machines.rings.machine import MagnetFamily

#: By kind of magnet and the plane that it serves.
_WORDS: Mapping[tuple[str, str], str] = {
    ("quadrupole", "horizontal"): "focusing quadrupole",
    ("quadrupole", "vertical"): "defocusing quadrupole",
    ("quadrupole", "coupling"): "skew quadrupole",
}


def family_words(families: Mapping[str, MagnetFamily], roles: Mapping[str, str]) -> dict[str, str]:
    """What the families are called, by the parameters that set them: ``{"kf": "focusing quadrupoles (kf)"}``.

    What all magnets of a family are (``roles``, by element) is its word; else what they do to the beam.
    """
    return {family.parameter: f"{_word(family, roles)} ({family.parameter})" for family in families.values()}


def _word(family: MagnetFamily, roles: Mapping[str, str]) -> str:
    told: Collection[str] = {roles.get(element, "") for element in family.elements}
    role = next(iter(told)) if len(told) == 1 else ""
    word = role or _WORDS.get((family.kind, family.plane), family.kind)
    return word if len(family.elements) == 1 else f"{word}s"
