"""A scan as an array of jobs of a batch system: files to be handed in by hand, a slice a job, collected in the end."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lattice import InputError
from lattice.errors import FileError
from lattice.files import write_text_atomic

SYSTEMS = ("slurm", "htcondor")
#: What the files are called; the run folder that the slices share stands beside them.
SCRIPT, RUN = "slice.sh", "scan"


@dataclass(frozen=True)
class JobFiles:
    """What was written: the ``folder``, how to hand the jobs in, and how to collect when they have ended."""

    folder: Path
    submit: str
    collect: str


def write_jobs(system: str, folder: Path, scan: Sequence[str], slices: int, jobs: int) -> JobFiles:
    """Write the files of ``slices`` jobs of ``jobs`` processors each; ``scan`` are the words of the scan's command.

    InputError when the folder holds jobs already, FileError when it cannot be written.
    """
    folder = folder.absolute()
    if (folder / SCRIPT).exists():
        raise InputError(f"{folder} holds jobs already: give another folder")
    try:
        (folder / RUN).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"{folder}: the folder cannot be made ({error.strerror})") from None
    words = [*scan, "--out", str(folder / RUN)]
    write_text_atomic(folder / SCRIPT, _script([*words, "--jobs", str(jobs), "--quiet"], slices))
    (folder / SCRIPT).chmod(0o755)
    name, text, command = _slurm(folder, slices, jobs) if system == "slurm" else _htcondor(folder, slices, jobs)
    write_text_atomic(folder / name, text)
    collect = shlex.join(["lattice-optimize", *scan, "--collect", str(folder / RUN)])
    return JobFiles(folder, f"{command} {shlex.quote(str(folder / name))}", collect)


def _lines(*lines: str) -> str:
    return "\n".join(lines) + "\n"


def _script(words: Sequence[str], slices: int) -> str:
    return _lines(
        "#!/bin/sh",
        f"# One slice of a scan: its number, counted from 0, is the argument; there are {slices}.",
        "set -eu",
        f'exec {shlex.join(["lattice-optimize", *words])} --slice "$(($1 + 1))/{slices}"',
    )


_UNANSWERED = "# A slice that ends with 1 has cases without an answer: its rows are there all the same."


def _slurm(folder: Path, slices: int, jobs: int) -> tuple[str, str, str]:
    text = _lines(
        "#!/bin/sh",
        "#SBATCH --job-name=lattice-optimize",
        f"#SBATCH --array=0-{slices - 1}",
        f"#SBATCH --cpus-per-task={jobs}",
        f"#SBATCH --output={folder}/slice-%a.out",
        _UNANSWERED,
        f'{shlex.quote(str(folder / SCRIPT))} "$SLURM_ARRAY_TASK_ID"',
    )
    return "scan.sbatch", text, "sbatch"


def _htcondor(folder: Path, slices: int, jobs: int) -> tuple[str, str, str]:
    text = _lines(
        _UNANSWERED,
        f"executable = {folder / SCRIPT}",
        "arguments = $(Process)",
        "getenv = true",
        f"request_cpus = {jobs}",
        f"output = {folder}/slice-$(Process).out",
        f"error = {folder}/slice-$(Process).err",
        f"log = {folder}/scan.log",
        f"queue {slices}",
    )
    return "scan.sub", text, "condor_submit"
