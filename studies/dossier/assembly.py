"""A dossier put together of its runs: everything that its page shows, finished."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from studies.dossier.control import Control
from studies.dossier.entries import Entry
from studies.dossier.index import Place, index_of
from studies.dossier.judged import Judged, judged_of, of_the_machine, of_the_program
from studies.dossier.matrix import Matrix, matrix_of
from studies.dossier.parameters import Parameters, parameters_of
from studies.dossier.placing import Placed, numbers, placed
from studies.report.sections import Numbers
from studies.results import FigureData
from studies.runs.store import damage_told


@dataclass(frozen=True)
class Study:
    """A run with the rows of its verdicts."""

    run: Placed
    judged: tuple[Judged, ...]


@dataclass(frozen=True)
class Dossier:
    """All of a dossier: ``judged`` are the verdicts that count, those of the ``studies`` that repeat no other's."""

    control: Control
    title: str
    studies: tuple[Study, ...]
    judged: tuple[Judged, ...]
    machine: Matrix
    program: Matrix
    parameters: Parameters
    numbers: Numbers
    index: tuple[tuple[str, tuple[Place, ...]], ...]

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The runs in order."""
        return tuple(study.run.entry for study in self.studies)


def dossier_of(entries: Sequence[Entry], control: Control) -> Dossier:
    """The dossier of these runs."""
    runs = placed(entries)
    figures = [figure for run in runs for figure in run.own.figures]
    studies = tuple(Study(run, _judged(run, figures)) for run in runs)
    judged = tuple(one for study in studies if not study.run.entry.repeats for one in study.judged)
    machine, program = matrix_of(of_the_machine(judged), "matrix"), matrix_of(of_the_program(judged), "check")
    parameters, counted = parameters_of(runs), numbers(runs)
    index = index_of(runs, (machine, program), parameters, counted)
    title = control.title or _titled([one for entry in entries for one in entry.case.machine.split(", ")])
    return Dossier(control, title, studies, judged, machine, program, parameters, counted, index)


def _judged(run: Placed, figures: Sequence[FigureData]) -> tuple[Judged, ...]:
    with damage_told(run.entry.path):
        return judged_of(run, figures)


def _titled(machines: Sequence[str]) -> str:
    """Of the machines, each once; of more than a title holds, how many."""
    known = tuple(dict.fromkeys(machines))
    return f"Dossier: {', '.join(known)}" if len(known) <= _NAMED else f"Dossier of {len(known)} machines"


_NAMED = 6  # machines in a title
