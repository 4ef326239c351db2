"""Elements and families that a machine has a word for are called by it on a page: septa, core, quadrupoles."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from textwrap import wrap
from typing import Any

import pandas as pd

from machines.lines.machine import LineMachine
from machines.machine import Machine
from machines.registry import MACHINES, machine_named
from machines.rings.machine import RingMachine
from studies.results import FigureData, StudyResult, TableData
from studies.vocabulary.families import family_words
from studies.vocabulary.line_words import magnet_words, strength_words
from studies.vocabulary.names import NUMBERS
from studies.vocabulary.places import called, in_full

_LINE = 18  # letters of a line of a label
_PLAIN = re.compile(r"[a-z]+")  # such a name may be a word of the language: in figures it stays, unless it stands alone


def words_of(result: StudyResult) -> dict[str, str]:
    """What elements of a result's machine are called; nothing of a lattice of the study's own."""
    machine = _machine(result)
    if isinstance(machine, LineMachine):
        return magnet_words(machine.line, machine.sections)
    return called(machine.places) if isinstance(machine, RingMachine) else {}


def families_of(result: StudyResult) -> dict[str, str]:
    """What families of magnets of a result's machine are called, by their parameters; nothing of another lattice."""
    machine = _machine(result)
    if isinstance(machine, LineMachine):
        words = strength_words(machine.line, words_of(result))
        return {name: f"{word} ({name})" for name, word in words.items()}
    return family_words(machine.families, machine.roles) if isinstance(machine, RingMachine) else {}


def _machine(result: StudyResult) -> Machine | None:
    name = str(result.study.get("machine", "")).lower()
    return machine_named(name) if name in MACHINES else None


def named(result: StudyResult) -> StudyResult:
    """The result with words for elements: in figures alone, in sentences and tables with the element's name.

    A family of magnets, whose parameter has its own name, is called by its word and that name in figures and tables.
    """
    words, families = words_of(result), families_of(result)
    result = replace(result, assumptions=_read(result.assumptions), warnings=_read(result.warnings))
    if not words and not families:
        return result

    def all_told(sentences: Iterable[str]) -> tuple[str, ...]:
        return tuple(told(sentence, words) for sentence in sentences)

    return replace(
        result,
        quantities=tuple(replace(one, method=told(one.method, words)) for one in result.quantities),
        figures=tuple(_figure(figure, words, families) for figure in result.figures),
        tables=tuple(_table(table, words, families) for table in result.tables),
        methods=all_told(result.methods),
        assumptions=all_told(result.assumptions),
        warnings=all_told(result.warnings),
    )


def _read(sentences: Iterable[str]) -> tuple[str, ...]:
    """Sentences that list quantities by their keys, with what the vocabulary says of them."""
    return tuple(re.sub(r"\b[a-z0-9]+(?:_[a-z0-9]+)+\b", _quantity, sentence) for sentence in sentences)


def _quantity(key: re.Match[str]) -> str:
    known = NUMBERS.get(key[0])
    return known.text if known else key[0]


def told(sentence: str, words: Mapping[str, str]) -> str:
    """``At the entrance of 'es'`` as ``At the entrance of the electrostatic septum (es)``; other quotes as they are."""
    for element, word in words.items():
        quoted = rf"(?:\b(?:the|an?) )?(?:{re.escape(word)} )?'{re.escape(element)}'"
        full = f"the {word} ({element})"
        sentence = re.sub(rf"(^|\. ){quoted}", rf"\g<1>T{full[1:]}", sentence, flags=re.IGNORECASE)
        sentence = re.sub(quoted, full, sentence, flags=re.IGNORECASE)
    return sentence


def _figure(figure: FigureData, words: Mapping[str, str], families: Mapping[str, str]) -> FigureData:
    data = [
        {**trace, **{key: _shown(trace[key], words, families) for key in ("x", "y", "name") if key in trace}}
        for trace in figure.plotly["data"]
    ]
    plotly = {**figure.plotly, "data": data, "layout": _shown(figure.plotly["layout"], words, families)}
    return replace(figure, caption=told(figure.caption, words), plotly=plotly)


def _shown(value: Any, words: Mapping[str, str], families: Mapping[str, str]) -> Any:
    """What a figure shows, its texts with words; numbers and their order as they are."""
    if type(value) is float:  # most are
        return value
    if isinstance(value, str):
        return _text(value, words, families)
    if isinstance(value, Mapping):
        told = {key: _shown(one, words, families) for key, one in value.items()}
        named_alone = value.get("showarrow") is False and (value["text"] in families or value["text"] in NUMBERS)
        return _in_lines(told) if named_alone else told
    return [_shown(one, words, families) for one in value] if isinstance(value, (list, tuple)) else value


def _in_lines(note: Mapping[str, Any]) -> dict[str, Any]:
    """A label whose words are longer than its name was: in lines, for it has the room of a name."""
    lines = wrap(note["text"], _LINE, break_long_words=False, break_on_hyphens=False)
    return {**note, "text": "<br>".join(lines), "align": note.get("xanchor", "center")}


def _text(text: str, words: Mapping[str, str], families: Mapping[str, str]) -> str:
    if text in NUMBERS and "_" in text:
        return NUMBERS[text].symbol
    name, bracket, unit = text.partition(" [")
    if name in families:  # alone, or an axis with its unit
        return families[name] + bracket + unit
    for element, word in words.items():
        if text == element:
            return word
        if element in text and not _PLAIN.fullmatch(element):
            text = re.sub(rf"(?<![\w.-])'?{re.escape(element)}'?(?![\w.-])", word, text)
    return text


def _table(table: TableData, words: Mapping[str, str], families: Mapping[str, str]) -> TableData:
    def cell(value: Any) -> Any:
        return families.get(value) or in_full(value, words) if isinstance(value, str) else value

    frame = table.frame.apply(lambda column: column.map(cell) if _texts(column) else column)
    return replace(table, caption=told(table.caption, words), frame=frame)


def _texts(column: pd.Series) -> bool:
    return not (pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column))
