"""Captions: what only a screen can do is not said on paper; the stop of a slider that is drawn there is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup, escape

from studies.report.labels.boxes import plain_text
from studies.results import FigureData
from studies.vocabulary.typesetting import heading_text

_SENTENCE = re.compile(r"(?<=[.!?]) (?=[A-Z'])")
_ON_SCREEN = re.compile(r"\b(?:slider|click|zoom|point at)\b", re.IGNORECASE)


def caption_of(figure: FigureData) -> Markup:
    """The caption, sentences that ask for a pointer or a slider marked ``screen``, what a drawing shows ``paper``."""
    told = [_sentence(sentence) for sentence in _SENTENCE.split(heading_text(figure.caption))]
    return Markup(" ").join([*told, *(_drawn(slider) for slider in figure.plotly["layout"].get("sliders", ()))])


def _sentence(sentence: str) -> Markup:
    if not _ON_SCREEN.search(sentence):
        return escape(sentence)
    return Markup('<span class="screen">{}</span>').format(sentence)


def _drawn(slider: Mapping[str, Any]) -> Markup:
    stop = f"{slider['currentvalue']['prefix']}{slider['steps'][slider['active']]['label']}"
    return Markup('<span class="paper">Drawn here: {}.</span>').format(heading_text(plain_text(stop)))
