"""Where Xsuite computes, and the parts that a line for long tracking is made ready with."""

from __future__ import annotations

import contextlib
from tempfile import TemporaryDirectory
from typing import Any

import xobjects as xo
import xtrack as xt

from lattice import InputError
from lattice.errors import did_you_mean
from optics.engines.xsuite.engine import quietly

CONTEXTS = ("cpu", "cupy", "opencl")


def tracking_context(name: str = "cpu", threads: int = 1) -> Any:
    """Where Xsuite computes: "cpu" (OpenMP, compiled when first used, with more than one thread), "cupy", "opencl".

    InputError for another name, and where there is no such device or no package for it.
    """
    if name not in CONTEXTS:
        raise InputError(f"unknown context '{name}'{did_you_mean(str(name), CONTEXTS)} Known: {', '.join(CONTEXTS)}")
    if name == "cpu":
        return xo.ContextCpu(omp_num_threads=threads if threads > 1 else 0)
    try:
        context = xo.ContextCupy() if name == "cupy" else xo.ContextPyopencl()
        context.zeros(1)  # only the first use tells that a package or a device is missing
    except Exception as error:  # each package has its own way to say that there is no device
        raise InputError(f"Xsuite cannot compute on '{name}' here: {error}; context='cpu' always works") from None
    return context


def build_tracker(line: xt.Line, context: Any) -> None:
    """Make the line ready for tracking; what has to be compiled is compiled in a folder that is thrown away.

    InputError where several threads or a GPU are wanted and their kernels cannot be compiled.
    """
    try:
        with quietly(), TemporaryDirectory() as folder, contextlib.chdir(folder):
            line.build_tracker(_context=context)
    except Exception as error:  # whatever compiler or device say
        if isinstance(context, xo.ContextCpu) and not context.omp_num_threads:
            raise
        raise InputError(
            f"Xsuite's kernels for several threads or a GPU cannot be compiled here ({type(error).__name__}: "
            f"{str(error)[:200]}); context='cpu' with threads=1 needs no compiler"
        ) from None


def exciter(samples: int) -> Any:
    """A horizontal exciter, silent, with room for so many samples [rad] that are added to px by time of arrival."""
    return xt.Exciter(knl=[-1.0], nsamples=samples, sampling_frequency=1.0, frev=1.0)


def thin_cavity() -> Any:
    """A cavity without length, off."""
    return xt.Cavity(voltage=0.0, frequency=1.0)
