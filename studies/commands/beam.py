"""``lattice-optimize beam``: particles of a run's beam at one energy, in a file for dose calculation."""

from __future__ import annotations

from pathlib import Path

import click

from studies.commands.options import talking
from studies.exit_codes import Exit


@click.command("beam", short_help="Particles of a run's beam at one energy.")
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
@click.argument("target", metavar="OUT", type=click.Path(path_type=Path))
@click.option("--energy", type=float, required=True, metavar="MEV_PER_U", help="Kinetic energy [MeV/u].")
@click.option("--at", "place", metavar="PLACE", help="Of a delivery: the element at whose entrance [the isocentre].")
@click.option("--angle", type=float, metavar="DEG", help="Of a delivery with a gantry: its angle [the first].")
@click.option("--size", metavar="MM", help="Of a delivery: the spot chosen, 3 or 3x4 [the first].")
@click.option("--particle", metavar="NAME", help="Which, when the run has beams of several.")
@click.option("--particles", type=click.IntRange(1, 10_000_000), default=100_000, help="How many [100000].")
@click.option("--seed", type=click.IntRange(min=0), default=1, help="Seed of the sample [1].")
@talking
def command(
    run: Path,
    target: Path,
    energy: float,
    place: str | None,
    angle: float | None,
    size: str | None,
    particle: str | None,
    particles: int,
    seed: int,
    verbose: bool,
    quiet: bool,
) -> int:
    """Sample the beam of RUN (a study of energy switching or of a delivery) at one energy and write OUT; the suffix
    says the format. Of a delivery the particles that enter the line are tracked to the place.

    \b
    .mcpl   MCPL (Geant4, PHITS and others)
    .phsp   TOPAS ASCII phase space, with its .header
    .dat    a table for a FLUKA source routine
    """
    from studies.commands.dose_beam import (
        WRITERS,
        beam_at,
        beam_table,
        check_target,
        delivered,
        is_delivery,
        refuse_places,
        sampled,
    )
    from studies.runs.logs import LOGGER, messages
    from studies.terminal import show

    with messages(verbose, quiet):
        check_target(target)
        if is_delivery(run):
            WRITERS[target.suffix.lower()](target, delivered(run, energy, place, angle, size, particles, seed))
            show(str(target))
            return Exit.OK
        refuse_places(run, place, angle, size)
        reference, moments = beam_at(beam_table(run), energy, particle)
        LOGGER.info("%s, %s", reference, ", ".join(f"{name} {value:.4g}" for name, value in moments.items()))
        WRITERS[target.suffix.lower()](target, sampled(reference, moments, particles, seed))
    show(str(target))
    return Exit.OK
