"""A search from its study to its run folder: an interrupted one goes the same way again over the rows that it has."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lattice import InputError
from lattice.arrays import Array
from optics.beams.parquet import write_parquet
from studies.provenance import provenance, toolkit_version
from studies.results import StudyResult
from studies.runs.building import open_run
from studies.runs.contents import is_complete
from studies.runs.logs import LOGGER, RunLog, messages
from studies.runs.rows import CASE, Segment, begin_rows, open_segment, read_rows, remove_rows, rows_about
from studies.runs.running import RunOptions, failures_logged
from studies.scan.scanning import progress_bar
from studies.search.asked import LATTICE, TABLE, Search, asked
from studies.search.choosing.evolving import generations
from studies.search.computing import Elsewhere, rows
from studies.search.gathering import SearchFacts, gathered
from studies.search.keyed import Keyed
from studies.search.probing import check_moves, check_objectives, ends, probes, still_knobs
from studies.search.rejudging import check_rejudged, judgings, known_judgements, rejudged
from studies.search.result import result_of
from studies.search.scoring import Scores, scored
from studies.spec.schema import StudySpec, as_mapping


@dataclass(frozen=True)
class SearchFinished:
    """A search that was written: what came of it, the object of results.json, its folder."""

    facts: SearchFacts
    result: StudyResult
    results: dict[str, Any]
    folder: Path


def search_to_folder(
    study: StudySpec,
    file: Path | None,
    options: RunOptions,
    resume: bool = False,
    elsewhere: Callable[[], AbstractContextManager[Elsewhere]] | None = None,
) -> SearchFinished:
    """Search and write what was found. InputError, FileError, and NoSolution for a search that cannot succeed."""
    from studies.report import render, report_date

    report_date()
    log = RunLog(options.jobs)
    folder = options.out or Path("runs") / f"{study.name}-search"
    with (
        messages(options.verbose, options.quiet, log),
        open_run(folder, options.force, resume) as run,
        failures_logged(run, log),
    ):
        search = asked(study, file)
        check_rejudged(study, search.spec.rejudge)
        _make_ready(search, run.place, folder, resume)
        with (
            (elsewhere or _here)() as executor,
            open_segment(run.place) as segment,
            progress_bar(sum(len(probes(one)) for one in search.each) + search.most, 0, options.quiet) as told,
        ):
            known, judgements = known_judgements(read_rows(run.place))
            table = _searched(search, _Way(_Journal(known, segment), options.jobs, executor, told))
            facts = gathered(search, table)
            again = judgings(study, file, facts, _about(search))
            facts = replace(facts, rejudged=rejudged(again, judgements, segment, options.jobs, executor))
        result = result_of(facts)
        results = run.finish(result, render, log.text, partial(_save, table, _about(search)))
    return SearchFinished(facts, result, results, folder)


def _here() -> AbstractContextManager[Elsewhere]:
    return nullcontext(None)


def _make_ready(search: Search, place: Path, folder: Path, resume: bool) -> None:
    about = rows_about(place) if resume else None
    if about is None:
        if resume and is_complete(place):
            raise InputError(f"{folder} holds a finished run, there is nothing to go on with: give --force or --out")
        remove_rows(place)
        begin_rows(place, _about(search))
        return
    own = _about(search)
    other = [key for key in own if about.get(key) != own[key]]
    if other:
        raise InputError(
            f"{folder} holds another search (other {', '.join(other)}): --resume cannot go on; give --force to begin "
            "again, or another folder with --out"
        )


def _about(search: Search) -> dict[str, Any]:
    """What two searches must share for the rows of one to serve the other."""
    return {
        "search": search.spec.model_dump(mode="json"),
        "study": as_mapping(search.plan.resolved.study),
        "design": _design(search),
        "inputs": provenance(0, search.plan.resolved.hashed)["inputs"],
        "version": toolkit_version(),
    }


def _design(search: Search) -> dict[str, Any]:
    """The strengths, or the keys, that the search departs from; of several lattices those of each."""
    if isinstance(search.plan, Keyed):
        return {knob.name: search.plan.value(knob.name) for knob in search.knobs}
    if search.parts:
        return {part.lattice: _design(part) for part in search.parts}
    design = search.plan.design.parameters
    return {name: float(np.real(value)) for name, value in design.items() if not design.is_dependent(name)}


@dataclass
class _Journal:
    """The rows that were computed before, and where new ones go."""

    known: pd.DataFrame
    segment: Segment

    def of(self, first: int, points: Array, names: list[str]) -> pd.DataFrame:
        """Rows of the cases ``first`` onwards that are known. InputError where they are of other points."""
        here = self.known[self.known[CASE].between(first, first + len(points) - 1)]
        if len(here) and not np.array_equal(here[names].to_numpy(), points[here[CASE].to_numpy() - first]):
            raise InputError("the rows in the folder are of another search: give --force to begin again")
        return here


@dataclass(frozen=True)
class _Way:
    """How cases come about: what is known, and who computes the rest; ``told`` hears how many more are finished."""

    journal: _Journal
    jobs: int
    elsewhere: Elsewhere
    told: Callable[[int], object]


def _searched(search: Search, way: _Way) -> pd.DataFrame:
    """Rows of all cases in their order, one lattice behind the other."""
    tables: list[pd.DataFrame] = []
    for part in search.each:
        tables.append(_of_part(search, part, way, tables))
    return pd.concat(tables, ignore_index=True)


def _of_part(search: Search, part: Search, way: _Way, before: list[pd.DataFrame]) -> pd.DataFrame:
    """Rows of one lattice: first those that probe each knob, then generation by generation."""
    first = sum(map(len, before))
    probed = _probed(part, way, first)
    tables = [probed]
    first += len(probed)
    points_of = generations(part)
    points = next(points_of)
    while True:
        table = _computed(part, way, first, points)
        tables.append(table)
        if len(tables) == 2 and part is search.each[-1]:
            check_objectives(search, pd.concat([*before, *tables]))
        first += len(table)
        scores = scored(part, table)
        _tell(part, len(tables) - 1, first, scores)
        try:
            points = points_of.send(scores)
        except StopIteration:
            return pd.concat(tables, ignore_index=True)


def _probed(search: Search, way: _Way, first: int) -> pd.DataFrame:
    """Rows of each knob moved by itself; of one that moves nothing, at its bounds too, before it is refused."""
    probed = _computed(search, way, first, probes(search))
    still = still_knobs(search, probed)
    if not still:
        return probed
    ended = _computed(search, way, first + len(probed), ends(search, still))
    check_moves(search, still, probed, ended)
    return pd.concat([probed, ended], ignore_index=True)


def _computed(search: Search, way: _Way, first: int, points: Array) -> pd.DataFrame:
    """The rows of some points, cases ``first`` onwards, known ones as they are."""
    known = way.journal.of(first, points, [knob.name for knob in search.knobs])
    way.told(len(known))
    left = np.setdiff1d(np.arange(len(points)), known[CASE].to_numpy() - first)
    found = [known]
    for numbers, own in _new(search, points[left], way):
        cases = first + left[numbers]
        table = own.assign(**{LATTICE: search.lattice}) if search.lattice else own
        way.journal.segment.append(cases, table)
        way.told(len(cases))
        found.append(table.assign(**{CASE: cases}))
    rows = pd.concat([one for one in found if len(one)], ignore_index=True)
    return rows.sort_values(CASE, ignore_index=True).drop(columns=CASE)


def _new(search: Search, points: Array, way: _Way) -> Iterator[tuple[Array, pd.DataFrame]]:
    if len(points):
        yield from rows(search, points, way.jobs, way.elsewhere)


def _tell(search: Search, generation: int, cases: int, scores: Scores) -> None:
    steps = generation - search.spec.generations
    what = (
        ("generation", generation, search.spec.generations) if steps <= 0 else ("slopes or step", steps, _twice(search))
    )
    LOGGER.info(
        "%s%s %d of %d: %s cases, %d of %d feasible",
        f"{search.lattice}: " if search.lattice else "",
        *what,
        f"{cases:,}",
        int(scores.feasible.sum()),
        len(scores.feasible),
    )


def _twice(search: Search) -> int:
    """Batches of the polishing: neighbours and steps."""
    return 2 * search.spec.polish


def _save(table: pd.DataFrame, about: Mapping[str, Any], folder: Path) -> None:
    (folder / TABLE).parent.mkdir(exist_ok=True)
    write_parquet(folder / TABLE, table, about)
