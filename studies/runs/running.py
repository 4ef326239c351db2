"""From what computes a study to a finished run folder."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lattice.errors import HadronOpticsError
from studies.pipeline import Outcome, compute
from studies.registry import study_of
from studies.results import StudyResult
from studies.runs.building import RunFolder, open_run
from studies.runs.logs import LOGGER, RunLog, messages
from studies.spec.schema import StudySpec


@dataclass(frozen=True)
class RunOptions:
    """What the command line says of a run beside the study itself."""

    out: Path | None = None
    force: bool = False
    jobs: int = 1
    verbose: bool = False
    quiet: bool = False


@dataclass(frozen=True)
class Finished:
    """A run that was written: its result, the object of results.json, its folder, whether its match converged.

    ``interrupted`` when Ctrl-C ended its tracking and what was finished is kept.
    """

    result: StudyResult
    results: dict[str, Any]
    folder: Path
    converged: bool
    interrupted: bool = False


def prepared(spec: StudySpec, file: Path | None) -> Callable[[], Outcome]:
    """The study resolved, and what computes it; ``file`` is where it was read from. Raises what resolving raises."""
    study = study_of(spec.study)
    resolved = study.resolve(spec, file)
    return lambda: compute(study, resolved)


def run_to_folder(name: str, prepare: Callable[[], Callable[[], Outcome]], options: RunOptions) -> Finished:
    """Resolve, compute and write the study called ``name``.

    ``prepare`` resolves it and gives what computes it (``prepared``): what is wrong with the study is
    said before its folder is touched.
    """
    from studies.report import render, report_date

    log = RunLog(options.jobs)
    folder = options.out or Path("runs") / name
    with messages(options.verbose, options.quiet, log):
        report_date()  # a wrong one is said before hours are computed
        compute = prepare()
        with open_run(folder, options.force) as run, failures_logged(run, log):
            outcome = compute()
            LOGGER.info("writing %s", folder)
            results = run.finish(outcome.result, render, log.text, outcome.save)
        log.told()
    return Finished(outcome.result, results, folder, outcome.converged, outcome.interrupted)


@contextmanager
def failures_logged(run: RunFolder, log: RunLog) -> Iterator[None]:
    """An error of the program and an interruption leave their log; what the user can mend leaves nothing."""
    try:
        yield
    except HadronOpticsError:
        raise
    except Exception as error:
        log.lines.append(traceback.format_exc())
        error.add_note(str(run.keep_log(log.text())))
        raise
    except KeyboardInterrupt:
        log.lines.append("interrupted")
        run.keep_log(log.text())
        raise
