"""A delivery in sentences, from what was resolved and computed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lattice.errors import counted
from studies.delivery.facts import Facts
from studies.pipeline import Text
from studies.sources import cited

REFERENCES = cited("brown-1982", "benedikt-1997", "levenberg-1944", "julier-1997", "pimms-2")


def _methods(facts: Facts) -> Iterator[str]:
    study = facts.resolved.study
    yield f"The beam that enters the line: {facts.source.told}."
    if facts.source.junction is not None:
        at = facts.source.junction
        yield (
            f"The axis of the line lies {1e3 * at.x:.4g} mm beside the ring's orbit at the entrance of the magnetic "
            f"septum, at {1e3 * at.angle_x:.4g} mrad to it: through the middle of the extracted beam. The frame is "
            "moved and turned there exactly."
        )
    yield (
        "Sizes, correlation and dispersion are those of Sigma = R Sigma0 R^T in six dimensions, with Sigma0 all second "
        "moments of the particles that enter (x, x', y, y', dp/p and what they have in common), R the exact derivative "
        "of the maps of the line."
    )
    yield (
        f"Settings: {len(facts.found.knobs)} strengths for each of {len(facts.cases)} energies and spots, by damped "
        "Gauss-Newton steps on all of them at once with exact derivatives; goals are both sizes and no dispersion nor "
        f"its slope at the isocentre, limits {facts.resolved.gradient:g} T/m and the pipe at {study.sigmas:g} rms. Of "
        "the settings that serve, steps take the nearest, so that neighbours in energy have neighbouring strengths."
    )
    if study.acceptance is not None:
        yield (
            f"Momenta beside the magnets': the same particles with every momentum times 1 + dp/p, at "
            f"{study.acceptance.points} values up to {study.acceptance.momentum_percent:g} %, tracked with all "
            "strengths as they are. What the machine before the line does to a beam of that momentum is not in it."
        )
    if facts.resolved.turned is not None:
        angles = ", ".join(f"{angle:g}" for angle in np.degrees(facts.resolved.angles))
        yield (
            f"One setting serves all angles of the gantry ({angles} degrees): its goals are those of every angle. "
            "Sizes, correlation and dispersion at the isocentre are those in the frame of the gantry."
        )
    if study.trajectories is not None:
        yield (
            f"Trajectories: {study.trajectories.machines} lines with errors of magnets, monitors and of the beam that "
            "enters, drawn from the seed; what their monitors read is brought to nothing by least squares with the "
            "response of the ideal line (SVD), kicks within their limit. Sizes are those of points one rms from the "
            "middle along the axes of the beam's ellipsoid (Julier and Uhlmann). The ripple of the spill is not seen "
            "by the steering."
        )
    yield (
        f"Particles are tracked through all elements and openings at {counted(len(facts.delivered), 'energy')}; the "
        "same particles by Xsuite's elements, openings off. What the engines differ by grows with the square of the "
        "amplitude in y: Xsuite's edges have the fourth power of y of a finite gap, ours do not."
    )


def _assumptions(facts: Facts) -> Iterator[str]:
    yield facts.source.assumed
    yield "Normalised strengths of bends, edges and drifts are those of all energies; quadrupoles have no fringes."
    yield "No window, nozzle or air: sizes are those in vacuum."
    if facts.resolved.machine is not None:
        yield from facts.resolved.machine.assumptions


def _warnings(facts: Facts) -> Iterator[str]:
    if facts.resolved.outside:
        yield f"{facts.resolved.outside}."
    if facts.unsteered:
        yield f"{facts.unsteered}."
    found = facts.found
    missed = np.flatnonzero(~found.reached)
    if len(missed):
        first = int(missed[0])
        yield (
            f"{len(missed)} of {len(facts.cases)} energies and spots are not reached ({_ranges(facts)}); the first, "
            f"{facts.cases[first].label}: {found.reasons[first]}."
        )


def _ranges(facts: Facts) -> str:
    """Which energies miss which spot: from the lowest to the highest of them."""
    told = []
    for number, spot in enumerate(facts.resolved.study.spots):
        missed = [
            case.particle.kinetic_energy_per_u / 1e6
            for case in facts.cases[number :: facts.spots]
            if not facts.found.reached[case.number]
        ]
        if missed:
            several = f"{len(missed)} from {missed[0]:.4g} to {missed[-1]:.4g}"
            between = f"{missed[0]:.4g}" if len(missed) == 1 else several
            told.append(f"{spot.x_mm:g} x {spot.y_mm:g} mm: {between} MeV/u")
    return "; ".join(told)


def text(facts: Facts) -> Text:
    """All of it."""
    machine = facts.resolved.machine
    references = (*REFERENCES, *(machine.references if machine else ()))
    return Text(tuple(_methods(facts)), tuple(_assumptions(facts)), references, tuple(_warnings(facts)))
