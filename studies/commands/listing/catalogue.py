"""What ``lattice-optimize list`` prints: machines and built-in studies, a line each."""

from __future__ import annotations

from machines.registry import MACHINES, kind_of, machine_named
from studies.commands.listing.durations import expected
from studies.spec.builtin import FOLDER, builtin_names
from studies.spec.judged import machine_requirements
from studies.spec.study_file import load_study
from studies.terminal import table


def catalogue() -> str:
    """Text of the list."""
    machines = [(name, kind_of(name), machine_named(name).title) for name in MACHINES]
    studies = [_study(name) for name in builtin_names()]
    return "\n".join(
        [
            table(("machine", "kind", "what it is"), machines),
            "",
            table(("study", "machine", "judges", "takes", "what it is"), studies, numeric=(2, 3)),
            "",
            "One of them in full: lattice-optimize list NAME. To run a study: lattice-optimize run STUDY.",
        ]
    )


def _study(name: str) -> tuple[str, ...]:
    study = load_study(FOLDER / f"{name}.toml")
    judged = len(machine_requirements(study)) + len(study.requirement)
    return name, study.machine or "-", str(judged), expected(name), study.title or study.study
