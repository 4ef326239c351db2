"""The ways to compute many cases: here, on a Dask scheduler or cluster, as jobs of a batch system, slice by slice."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from studies.commands.options import FOLDER, apply_options
from studies.exit_codes import Exit
from studies.spec.builtin import study_path

if TYPE_CHECKING:
    from studies.runs.running import RunOptions
    from studies.scan.estimate import Estimate
    from studies.scan.plan import Axis
    from studies.scan.scanning import Elsewhere
    from studies.spec.schema import StudySpec

_SYSTEMS = click.Choice(["slurm", "htcondor"])
_SLICE = re.compile(r"([1-9]\d{0,6})/([1-9]\d{0,6})")


def _parse_slice(ctx: click.Context, parameter: click.Parameter, text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    found = _SLICE.fullmatch(text)
    if found is None or int(found[1]) > int(found[2]):
        raise click.BadParameter(f"found '{text}', expected K/N, for example 1/8 to 8/8", ctx, parameter)
    return int(found[1]), int(found[2])


#: Options of commands that compute many cases.
many_ways = apply_options(
    [
        click.option("--resume", is_flag=True, help="Go on with what was interrupted in the run folder."),
        click.option("--scheduler", metavar="ADDRESS", help="Compute on the workers of a Dask scheduler."),
        click.option("--cluster", type=_SYSTEMS, help="Begin --jobs Dask workers as jobs of a batch system."),
        click.option(
            "--write-jobs",
            type=(_SYSTEMS, FOLDER),
            metavar="SYSTEM DIR",
            help="Write the files of an array of jobs (slurm or htcondor), and compute nothing.",
        ),
        click.option(
            "--slices", type=click.IntRange(min=1, max=100_000), default=16, help="Jobs of --write-jobs [16]."
        ),
        click.option("--slice", "part", callback=_parse_slice, metavar="K/N", help="Compute the Kth of N parts."),
        click.option("--collect", type=FOLDER, metavar="DIR", help="Make the table of slices that stand in DIR."),
        click.option("--dry-run", is_flag=True, help="Say how long it will take, and write nothing."),
    ]
)


@dataclass(frozen=True)
class Ways:
    """The one way that is asked for."""

    resume: bool
    scheduler: str | None
    cluster: str | None
    write_jobs: tuple[str, Path] | None
    slices: int
    part: tuple[int, int] | None
    collect: Path | None
    dry_run: bool
    jobs: int
    as_json: bool

    @classmethod
    def of(cls, *, out: Path | None, **chosen: Any) -> Ways:
        """From the options of the command; UsageError when two of them exclude each other."""
        ways = cls(**chosen)
        named = {
            "--scheduler": ways.scheduler,
            "--cluster": ways.cluster,
            "--write-jobs": ways.write_jobs,
            "--slice": ways.part,
            "--collect": ways.collect,
            "--dry-run": ways.dry_run or None,
        }
        given = [name for name, value in named.items() if value is not None]
        if len(given) > 1:
            raise click.UsageError(f"{given[0]} and {given[1]} are two ways to run a scan: give one of them")
        if ways.collect is not None and out is not None:
            raise click.UsageError("--collect writes the table where the slices are: leave --out away")
        if ways.scheduler is not None and ways.jobs > 1:
            raise click.UsageError("--jobs are workers here; those of a --scheduler are begun with 'dask worker'")
        return ways

    def follow(
        self, study: StudySpec, file: Path, axes: tuple[Axis, ...], options: RunOptions, changes: Sequence[str]
    ) -> int:
        """Run the scan in this way and return the exit code; ``changes`` are those of --set, which ``study`` has."""
        if self.dry_run:
            return self._estimate(study, file, axes)
        if self.write_jobs is not None:
            from studies.scan.asked import plan

            words = scan_words(file, axes, changes)
            return self._write_jobs(*self.write_jobs, words, partial(plan, study, file, axes))
        if self.part is not None:
            from studies.scan.scanning import show_slice, slice_to_folder
            from studies.scan.slicing import Slice

            return show_slice(slice_to_folder(study, file, axes, options, Slice(*self.part)))
        from studies.scan.scanning import Way, scan_to_folder, show_scan

        way = Way(self.resume, self.collect is not None, self._elsewhere())
        return show_scan(scan_to_folder(study, file, axes, options, way), self.as_json)

    def follow_cases(self, study: StudySpec, file: Path, options: RunOptions, changes: Sequence[str]) -> int:
        """Run a study of many cases in this way and return the exit code; ``changes`` are those of --set."""
        from studies.commands.verdicts import show_verdicts
        from studies.scan.many import CasesRun, show_part

        cases = CasesRun.of(study, file)
        if self.dry_run:
            return _show_estimate(cases.estimated(self.jobs))
        if self.write_jobs is not None:
            words = ["run", *_named(file), *(word for change in changes for word in ("--set", change))]
            return self._write_jobs(*self.write_jobs, words, lambda: None)
        if self.part is not None:
            from studies.scan.slicing import Slice

            return show_part(cases.part_to_folder(options, Slice(*self.part)))
        from studies.scan.scanning import Way

        way = Way(self.resume, self.collect is not None, self._elsewhere())
        return show_verdicts(cases.to_folder(options, way), self.as_json)

    def refused_for(self, study: str) -> None:
        """UsageError when a way was asked for and the kind of study has no cases to be computed in it."""
        named: dict[str, Any] = {"--resume": self.resume, "--dry-run": self.dry_run, "--collect": self.collect}
        named |= {"--slice": self.part, "--scheduler": self.scheduler, "--cluster": self.cluster}
        named |= {"--write-jobs": self.write_jobs}
        given = [name for name, value in named.items() if value]
        if given:
            how_long = ": lattice-optimize list STUDY says how long it takes" if self.dry_run else ""
            raise click.UsageError(
                f'{given[0]} belongs to studies of many cases, a study of "{study}" is one{how_long}'
            )

    def _elsewhere(self) -> Elsewhere | None:
        if self.scheduler is None and self.cluster is None:
            return None
        from studies.runs.executors import on_cluster, on_scheduler

        begin: Callable[..., Any] = on_cluster if self.cluster else on_scheduler
        return partial(begin, self.cluster, self.jobs) if self.cluster else partial(begin, self.scheduler)

    def _estimate(self, study: StudySpec, file: Path, axes: tuple[Axis, ...]) -> int:
        from studies.scan.asked import plan
        from studies.scan.estimate import estimated

        return _show_estimate(estimated(plan(study, file, axes), self.jobs if study.scanned == "cases" else None))

    def _write_jobs(self, system: str, folder: Path, words: Sequence[str], scan: Callable[[], object]) -> int:
        from studies.scan.job_files import write_jobs
        from studies.terminal import show

        scan()  # what is wrong with it is said here, not by each of the jobs
        written = write_jobs(system, folder, words, self.slices, self.jobs)
        show(f"{self.slices} jobs in {written.folder}\nhand in:  {written.submit}\ncollect:  {written.collect}")
        return Exit.OK


def scan_words(file: Path, axes: Sequence[Axis], changes: Sequence[str]) -> list[str]:
    """The words of a scan's command that say what it is, for another folder and another day."""
    over = [word for axis in axes for word in ("--over", axis.text)]
    return ["scan", *_named(file), *over, *(word for change in changes for word in ("--set", change))]


def _named(file: Path) -> list[str]:
    return [file.stem if study_path(file.stem) == file else str(file.absolute())]


def _show_estimate(found: Estimate) -> int:
    from studies.terminal import show

    show(
        f"{found.cases:,} cases; {found.tried:,} of them took {_duration(found.seconds)}: about "
        f"{_duration(found.total)} on {found.processors} processors. Nothing was written."
    )
    return Exit.OK


def _duration(seconds: float) -> str:
    for unit, size in (("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.2g} {unit}"
    return f"{seconds:.2g} s"
