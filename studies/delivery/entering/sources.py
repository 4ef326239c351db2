"""The sources of beams, by the kind that a study names."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lattice.arrays import Array
from optics import Moments
from studies.delivery.entering.bunches import of_linac
from studies.delivery.entering.source import Source
from studies.delivery.entering.spills import of_spill
from studies.delivery.resolution import ResolvedDelivery

_ELLIPSE = "Both emittances shrink as 1/(beta gamma); functions at the entrance are those of all energies."


def source_of(resolved: ResolvedDelivery) -> Source:
    """The source that a study asks for. Raises what tracking a spill raises; InputError where nothing fits."""
    return _SOURCES[resolved.study.source.kind](resolved)


def _of_functions(resolved: ResolvedDelivery) -> Source:
    study, spec = resolved.study, resolved.study.source
    particle = resolved.particles[0]
    scale = 1e-6 / (particle.beta * particle.gamma)
    assert spec.normalised_emittance_x_um is not None
    assert spec.normalised_emittance_y_um is not None
    if spec.functions is not None:
        functions, told = spec.functions.model_dump(), "the study's functions"
    else:
        assert resolved.machine is not None
        entering = resolved.machine.entering(study.particle)
        functions, told = dict(entering.functions), f"the functions of {entering.source}"
    moments = Moments.from_functions(
        particle,
        functions,
        emittance_x=spec.normalised_emittance_x_um * scale,
        emittance_y=spec.normalised_emittance_y_um * scale,
        sigma_delta=spec.momentum_spread_rms,
    )
    return Source(_exact(moments, study.particles, study.seed), particle, told, _ELLIPSE)


def _exact(moments: Moments, count: int, seed: int) -> Array:
    """A Gaussian sample whose second moments are those asked for, not those of a sample: whitened, then coloured."""
    drawn = moments.sample(count, seed=seed)
    drawn = drawn - drawn.mean(axis=0)
    used = np.flatnonzero(np.diagonal(moments.sigma) > 0)
    some = np.ix_(used, used)
    here = np.linalg.cholesky(drawn[:, used].T @ drawn[:, used] / count)
    there = np.linalg.cholesky(moments.sigma[some] + 1e-14 * np.diag(np.diagonal(moments.sigma)[used]))
    states = np.zeros_like(drawn)
    states[:, used] = np.linalg.solve(here, drawn[:, used].T).T @ there.T
    return np.asarray(states)


#: How a source is made, by its kind.
_SOURCES: dict[str, Callable[[ResolvedDelivery], Source]] = {
    "spill": of_spill,
    "functions": _of_functions,
    "linac": of_linac,
}
