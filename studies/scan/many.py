"""A study of many cases from its file to its run folder: kept as they are finished, gone on with, sliced, elsewhere.

Cases are computed in batches by their numbers, whoever computes them and whatever was interrupted, so that rows are the
same to the last bit.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lattice import InputError
from lattice.arrays import Array
from lattice.memory import Kept, Memory
from studies.exit_codes import Exit
from studies.pipeline import Many, Study, compute
from studies.provenance import provenance, toolkit_version
from studies.registry import study_of
from studies.runs.building import open_run
from studies.runs.contents import is_complete
from studies.runs.executors import in_executor
from studies.runs.logs import LOGGER, RunLog, messages
from studies.runs.rows import CASE, begin_rows, kept_rows, open_segment, processors, read_rows, remove_rows, rows_about
from studies.runs.running import Finished, RunOptions, failures_logged
from studies.runs.workers import LIMIT_S, Lost, in_workers
from studies.scan.estimate import Estimate
from studies.scan.plan import STATUS
from studies.scan.scanning import Way, progress_bar
from studies.scan.slicing import Slice, missing_slices, open_slice
from studies.scan.work import reason_of
from studies.spec.schema import StudySpec, as_mapping
from studies.terminal import show

_RUNS = Kept[str, "CasesRun"]("studies of many cases", at_most=2)
_MEMORY = Memory()  # of this process: a study follows from its work alone
_NAMES = {"study": "study", "inputs": "input file", "version": "version"}


@dataclass(frozen=True)
class Work:
    """A study of many cases for a process that has nothing of it: ``inputs`` are the hashes of its files."""

    study: StudySpec
    file: Path | None
    version: str
    inputs: dict[str, str]

    @property
    def key(self) -> str:
        """The same for the same work."""
        return repr((self.study.model_dump_json(), self.file, self.version, self.inputs))


#: Some cases, by their numbers.
Task = tuple[Work, Array]


@dataclass(frozen=True)
class PartFinished:
    """A slice whose rows are on the disk: how many cases it has."""

    part: Slice
    folder: Path
    cases: int


@dataclass(frozen=True)
class CasesRun:
    """A study of many cases, resolved."""

    spec: StudySpec
    file: Path | None
    study: Study[Any, Any, Any]
    resolved: Any

    @classmethod
    def of(cls, spec: StudySpec, file: Path | None) -> CasesRun:
        """From a study as it is written. InputError and FileError as its kind resolves it."""
        study = study_of(spec.study)
        return cls(spec, file, study, study.resolve(spec, file))

    @property
    def many(self) -> Many[Any, Any]:
        """What its kind says of its cases."""
        assert self.study.many is not None
        return self.study.many

    @cached_property
    def number(self) -> int:
        """How many cases there are."""
        return self.many.number(self.resolved)

    def batches(self) -> list[Array]:
        """The numbers of the cases that are computed together."""
        return [np.arange(b, min(b + self.many.batch, self.number)) for b in range(0, self.number, self.many.batch)]

    @property
    def work(self) -> Work:
        """What others need to compute its cases."""
        file = None if self.file is None else self.file.resolve()
        return Work(self.spec, file, toolkit_version(), provenance(0, self.resolved.hashed)["inputs"])

    @property
    def about(self) -> dict[str, Any]:
        """What two runs must share for their rows to stand in one table."""
        study, inputs = as_mapping(self.resolved.study), provenance(0, self.resolved.hashed)["inputs"]
        return dict(json.loads(json.dumps({"study": study, "inputs": inputs, "version": toolkit_version()})))

    def to_folder(self, options: RunOptions, way: Way) -> Finished:
        """Compute what is missing of the cases, and write the run. InputError for the rows of another study."""
        from studies.report import render, report_date

        report_date()  # a wrong one is said before hours are computed
        log = RunLog(options.jobs)
        folder = self._folder(options)
        with (
            messages(options.verbose, options.quiet, log),
            open_run(folder, options.force, way.resume or way.collect) as run,
            failures_logged(run, log),
        ):
            table = self._table(run.place, options, way)
            for kind in processors(run.place):
                LOGGER.debug("rows computed on %s", kind)
            outcome = compute(self._gathered(table), self.resolved)
            LOGGER.info("writing %s", folder)
            results = run.finish(outcome.result, render, log.text, outcome.save)
            log.told()
        return Finished(outcome.result, results, folder, outcome.converged, outcome.interrupted)

    def _folder(self, options: RunOptions) -> Path:
        return options.out or Path("runs") / str(self.spec.name)

    def _gathered(self, table: pd.DataFrame) -> Study[Any, Any, Any]:
        """The study whose facts come of the finished table."""
        return replace(self.study, gather=lambda resolved, asked: self.many.gather(resolved, table, asked))

    def _table(self, place: Path, options: RunOptions, way: Way) -> pd.DataFrame:
        self._begin(place, way)
        left = self._left(place, self.batches())
        if way.collect and left:
            raise InputError(self._missing(place, left))
        LOGGER.info("%s cases", f"{self.number:,}")
        try:
            with (
                progress_bar(self.number, self.number - sum(map(len, left)), options.quiet) as told,
                open_segment(place) as segment,
                self._rows(left, options, way) as rows,
            ):
                for numbers, table in rows:
                    segment.append(numbers, table)
                    told(len(numbers))
        except BaseException:
            if not kept_rows(place):
                remove_rows(place)
            raise
        return read_rows(place).drop(columns=CASE)

    def _begin(self, place: Path, way: Way) -> None:
        """Make a run folder ready for rows. InputError where they belong to another study, or there is nothing."""
        resume = way.resume or way.collect
        begun = rows_about(place) if resume else None
        if begun is not None:
            check_same(begun, self.about, place)
        elif resume and is_complete(place):
            raise InputError(f"{place} holds a finished run: there is nothing to go on with; --force runs it again")
        elif way.collect:
            raise InputError(f"{place} holds no rows to collect: compute slices into it with --slice K/N")
        else:
            remove_rows(place)
            begin_rows(place, self.about)

    def _left(self, place: Path, batches: list[Array]) -> list[Array]:
        """The batches of which a case is missing."""
        there = read_rows(place)[CASE].to_numpy()
        return [batch for batch in batches if not np.isin(batch, there).all()]

    def _missing(self, place: Path, left: list[Array]) -> str:
        batches = np.array([batch[0] // self.many.batch for batch in left])
        slices = ", ".join(missing_slices(place, batches, len(self.batches())))
        which = f", of the slices {slices}" if slices else ""
        missing = sum(map(len, left))
        return f"{missing:,} of {self.number:,} cases are missing{which}: compute them, or let --resume do it here"

    @contextmanager
    def _rows(self, left: list[Array], options: RunOptions, way: Way) -> Iterator[Iterator[tuple[Array, pd.DataFrame]]]:
        """Numbers and rows of finished batches, from here or elsewhere."""
        work = self.work
        tasks = ((work, numbers) for numbers in left)
        if way.elsewhere is not None and left:
            with way.elsewhere() as (executor, window):
                yield _told_lost(in_executor(computed, tasks, executor, window))
        elif options.jobs > 1 and len(left) > 1:
            yield _halved(in_workers(computed, tasks, options.jobs), options.jobs)
        else:
            yield ((numbers, self.rows(numbers)) for numbers in left)

    def rows(self, numbers: Array) -> pd.DataFrame:
        """The rows of some cases; where they end in an error of the program, in halves, so that it costs one case."""
        return pd.concat(list(self._parts(numbers)), ignore_index=True)

    def _parts(self, numbers: Array) -> Iterator[pd.DataFrame]:
        try:
            yield self.many.rows(self.resolved, numbers)
        except Exception as error:
            if len(numbers) == 1:
                yield pd.DataFrame([{STATUS: reason_of(error)}])
                return
            middle = len(numbers) // 2
            yield from self._parts(numbers[:middle])
            yield from self._parts(numbers[middle:])

    def part_to_folder(self, options: RunOptions, part: Slice) -> PartFinished:
        """Compute what is missing of a slice into a segment of its own; slices are cut between batches."""
        folder, batches = self._folder(options), self.batches()
        own = [batches[i] for i in part.cases(len(batches))]
        check = partial(check_same, about=self.about, place=folder)
        with (
            messages(options.verbose, options.quiet),
            open_slice(folder, part, self.about, check) as (place, segment),
            self._rows(self._left(place, own), options, Way()) as rows,
        ):
            for numbers, table in rows:
                segment.append(numbers, table)
        return PartFinished(part, folder, sum(map(len, own)))

    def estimated(self, processors: int) -> Estimate:
        """Compute the first batch twice (what is compiled and read once is not counted) and say how long all take."""
        first = self.batches()[0]
        self.rows(first)
        started = time.monotonic()
        self.rows(first)
        return Estimate(self.number, len(first), time.monotonic() - started, processors)


def check_same(found: Mapping[str, Any], about: Mapping[str, Any], place: Path) -> None:
    """InputError, naming what differs, when rows belong to another study."""
    other = [_difference(key, found.get(key), about[key]) for key in _NAMES if found.get(key) != about[key]]
    if other:
        raise InputError(
            f"{place} holds cases of another study (other {'; other '.join(other)}): --resume cannot go on; give "
            "--force to begin again, or another folder with --out"
        )


def _difference(key: str, found: Any, asked: Any) -> str:
    """What differs: of a study or of files the first three keys that do."""
    if not (isinstance(found, dict) and isinstance(asked, dict)):
        return f"{_NAMES[key]}, {found} then and {asked} now"
    old, new = dict(_leaves(found)), dict(_leaves(asked))
    keys = [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
    if key == "inputs":
        return f"{_NAMES[key]} {', '.join(keys[:3])}"
    told = "; ".join(f"{name} = {old.get(name, 'none')} then, {new.get(name, 'none')} now" for name in keys[:3])
    return f"{_NAMES[key]}: {told}{' and more' if len(keys) > 3 else ''}"


def _leaves(content: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every value with its dotted key."""
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else None
    if items is None:
        yield name, content
        return
    for key, value in items:
        yield from _leaves(value, f"{name}.{key}" if name else str(key))


def computed(task: Task) -> pd.DataFrame:
    """The rows of some cases. InputError when this process has another version of the toolkit or other files."""
    work, numbers = task
    return _MEMORY.once(_RUNS, work.key, lambda: _opened(work)).rows(numbers)


def _opened(work: Work) -> CasesRun:
    if toolkit_version() != work.version:
        raise InputError(f"a worker has version {toolkit_version()}, the run is of {work.version}: install the same")
    run = CasesRun.of(work.study, work.file)
    changed = [name for name, value in work.inputs.items() if run.work.inputs.get(name) != value]
    if changed:
        raise InputError(f"a worker reads another {', '.join(changed)} than the run: give it the same files")
    return run


def _told_lost(found: Iterator[tuple[Task, pd.DataFrame | Lost]]) -> Iterator[tuple[Array, pd.DataFrame]]:
    for (_, numbers), table in found:
        if isinstance(table, Lost):
            table = pd.DataFrame({STATUS: [table.reason] * len(numbers)})
        yield numbers, table


def _halved(
    found: Iterator[tuple[Task, pd.DataFrame | Lost]], jobs: int, limit: float = LIMIT_S
) -> Iterator[tuple[Array, pd.DataFrame]]:
    """As ``_told_lost``; a batch that was given up is computed in halves, so that it costs a case and no more."""
    for (work, numbers), table in found:
        if isinstance(table, Lost) and len(numbers) > 1:
            halves = [(work, half) for half in np.array_split(numbers, 2)]
            again = _halved(in_workers(computed, halves, jobs, limit), jobs, limit)
            parts = {half[0]: part for half, part in again}
            table = pd.concat([parts[half[0]] for _, half in halves], ignore_index=True)
        elif isinstance(table, Lost):
            table = pd.DataFrame({STATUS: [table.reason]})
        yield numbers, table


def show_part(finished: PartFinished) -> int:
    """Print what became of a slice and return the exit code."""
    show(f"slice {finished.part.number}/{finished.part.of}: {finished.cases:,} cases in {finished.folder}")
    return Exit.OK
