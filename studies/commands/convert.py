"""``lattice-optimize convert``: a lattice file in another format, or its Twiss table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from studies.commands.options import of_a_line, on_a_file, start_of, talking
from studies.exit_codes import Exit


def _check_apart(source: str, target: Path) -> None:
    from lattice import InputError

    if target.exists() and Path(source).exists() and target.samefile(source):
        raise InputError(f"{target}: IN and OUT are the same file; give OUT another name")


@click.command("convert", short_help="Convert a lattice file.")
@click.argument("source", metavar="IN")
@click.argument("target", metavar="OUT", type=click.Path(path_type=Path))
@of_a_line
@on_a_file
@talking
def command(
    source: str,
    target: Path,
    start: list[dict[str, Any]],
    sequence: str | None,
    root: Path | None,
    particle: str | None,
    energy: float | None,
    verbose: bool,
    quiet: bool,
) -> int:
    """Read IN (a lattice file or the name of a machine) and write OUT; the suffix says the format.

    \b
    .seq .madx      MAD-X
    .lte .bmad      elegant, Bmad (in only)
    .pals.yaml      PALS
    .json           ours
    .xsuite.json    Xsuite
    .tfs            Twiss table (out only; needs a particle, and --start where the lattice is no ring)
    """
    from lattice import InputError
    from studies.runs.logs import LOGGER, messages
    from studies.spec.lattice_files import TFS_SUFFIX, check_writable, write_lattice
    from studies.spec.lattice_warnings import told
    from studies.spec.subjects import lattice_of, start_hinted, with_known_particle
    from studies.terminal import show

    with messages(verbose, quiet):
        check_writable(target)
        _check_apart(source, target)
        lattice = lattice_of(source, sequence, particle, energy, root)
        for warning in told(lattice.warnings):
            LOGGER.warning("%s", warning)
        if target.name.lower().endswith(TFS_SUFFIX):
            from lattice.files import write_text_atomic
            from optics import twiss
            from studies.commands.tfs_text import tfs_text

            with start_hinted(start_of(start), lattice):
                write_text_atomic(target, tfs_text(twiss(with_known_particle(lattice), start=start_of(start))))
        elif start:
            raise InputError(f"--start belongs to a Twiss table: '{target.name}' holds the lattice only")
        else:
            for name, here in write_lattice(lattice, target).items():
                LOGGER.warning("'%s' is called %s in %s: the format cannot take its name", name, here, target.name)
    show(str(target))
    return Exit.OK
