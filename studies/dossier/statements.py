"""What the runs say in sentences, each once with the runs that say it, and what they leave open."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from machines.requirements import ASSUMED
from studies.dossier.entries import Entry
from studies.dossier.judged import Judged, of_the_machine
from studies.results import StudyResult


@dataclass(frozen=True)
class Statement:
    """A sentence and the runs that say it."""

    text: str
    entries: tuple[Entry, ...]


def merged(entries: Iterable[Entry], sentences: Callable[[StudyResult], Iterable[str]]) -> tuple[Statement, ...]:
    """Each sentence once, in the order of its first run."""
    said: dict[str, list[Entry]] = {}
    for entry in entries:
        for text in dict.fromkeys(sentences(entry.result)):
            said.setdefault(text, []).append(entry)
    return tuple(Statement(text, tuple(by)) for text, by in said.items())


def assumptions(entries: Iterable[Entry]) -> tuple[Statement, ...]:
    """What the studies take for granted."""
    return merged(entries, lambda result: result.assumptions)


def references(entries: Iterable[Entry]) -> tuple[Statement, ...]:
    """What the studies refer to."""
    return merged(entries, lambda result: result.references)


def warnings(entries: Iterable[Entry]) -> tuple[Statement, ...]:
    """What the studies warn of; one that compares two others repeats theirs."""
    return merged([entry for entry in entries if not entry.repeats], lambda result: result.warnings)


def not_asked(entries: Iterable[Entry]) -> tuple[Statement, ...]:
    """Requirements of such machines that are not asked of one, with the reason."""
    return merged(entries, lambda result: (f"{one.id} {one.text}: {one.reason}." for one in result.unasked))


def open_points(entries: Sequence[Entry], judged: Sequence[Judged]) -> tuple[str, ...]:
    """What the runs leave open besides single verdicts, counted."""
    return tuple(_open_points(entries, of_the_machine(judged)))


def _open_points(entries: Sequence[Entry], judged: Sequence[Judged]) -> Iterator[str]:
    assumed = sum(one.verdict.kind == ASSUMED for one in judged)
    if assumed:
        yield f"{assumed} of {len(judged)} verdicts on machines are against limits that were assumed, not published."
    alone = sum("rests on our maps alone" in one.verdict.reason for one in judged)
    if alone:
        yield f"{alone} of {len(judged)} rest on the toolkit's own maps, without a second engine."
    bare = sum(one.verdict.spread == 0.0 for one in judged if one.verdict.value is not None)
    if bare:
        yield f"{bare} of {len(judged)} are judged without an error of model or sample: by the arithmetic's alone."
    versions = dict.fromkeys(_version(entry) for entry in entries if not entry.repeats)
    if len(versions) > 1:
        yield f"The runs were made by different versions of the toolkit: {', '.join(versions)}."


def _version(entry: Entry) -> str:
    versions = entry.result.provenance.get("versions", {})
    return str(versions.get("hadron-optics", "unknown")) if isinstance(versions, dict) else "unknown"
