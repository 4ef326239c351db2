"""The matching problem set (``benchmarks.problems``) by our ``match``, Xsuite and MAD-X, in the same run.

Each problem is begun from five seeded starts. Every code gets the same lattice, start, bounds, goals and tolerances,
and its solution is judged by our Twiss: targets within 1e-4 (betas relative), limits within 1e-3, bounds kept.
Xsuite runs ``line.match`` (its Jacobian solver) with up to 100 steps. MAD-X runs LMDIF (which refuses more parameters
than constraints) and JACOBIAN with up to 5 repetitions. Chromaticities are not asked of MAD-X, whose are others.
"""

from __future__ import annotations

import contextlib
import io
import subprocess
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.problems import SEEDS, Problem, problems
from lattice import Lattice, write_madx
from optics import match, to_xsuite
from optics.engines.madx_session import available

_GOAL = 0.95


@dataclass(frozen=True)
class Attempt:
    """One code on one start: whether it solved the problem, and how long it took."""

    solved: bool
    seconds: float


Solver = Callable[[Problem, int], Mapping[str, float]]


def run(names: tuple[str, ...] = ()) -> None:
    """Solve every problem (or those named) from every start by every code and print the table."""
    codes: dict[str, Callable[[Problem], contextlib.AbstractContextManager[Solver]]] = {
        "ours": by_us,
        "Xsuite": by_xsuite,
    }
    if available():
        codes |= {"MAD-X lmdif": by_madx("lmdif"), "MAD-X jacobian": by_madx("jacobian")}
    _solve(by_us, problems()[0])  # compiled code is loaded before the clock runs
    print("\nMatching problems: starts solved, median and longest time")
    print(f"  {'problem':<26}" + "".join(f"{code:>26}" for code in codes))
    every: dict[str, list[Attempt]] = {code: [] for code in codes}
    for problem in problems():
        if names and not any(name in problem.name for name in names):
            continue
        cells = []
        for code, solver in codes.items():
            attempts = _solve(solver, problem) if _asked(code, problem) else []
            every[code] += attempts
            cells.append(_cell(attempts))
        print(f"  {problem.name:<26}" + "".join(f"{cell:>26}" for cell in cells), flush=True)
    _totals(every)


def _solve(code: Callable[[Problem], contextlib.AbstractContextManager[Solver]], problem: Problem) -> list[Attempt]:
    with code(problem) as solver:
        return [attempted(solver, problem, seed) for seed in SEEDS]


def _asked(code: str, problem: Problem) -> bool:
    """MAD-X's chromaticity is another in a small ring: such a problem is not its own."""
    return not (code.startswith("MAD-X") and any(t.quantity in ("dqx", "dqy") for t in problem.targets))


def attempted(solver: Solver, problem: Problem, seed: int) -> Attempt:
    """One start by one code, timed."""
    begin = time.perf_counter()
    try:
        found = solver(problem, seed)
    except Exception:  # another code's failure of any kind is a start that was not solved
        return Attempt(False, time.perf_counter() - begin)
    seconds = time.perf_counter() - begin
    return Attempt(problem.is_solved_by(found), seconds)


def _cell(attempts: list[Attempt]) -> str:
    if not attempts:
        return "-"
    times = [attempt.seconds for attempt in attempts]
    return f"{sum(a.solved for a in attempts)}/{len(attempts)} {median(times):7.3f} {max(times):7.3f} s"


def _totals(every: Mapping[str, list[Attempt]]) -> None:
    print("  in all:")
    for code, attempts in every.items():
        if attempts:
            share = sum(attempt.solved for attempt in attempts) / len(attempts)
            print(f"    {code:<16} {100 * share:5.1f} % of {len(attempts)} starts, {_cell(attempts)}")
    ours = every["ours"]
    share = sum(attempt.solved for attempt in ours) / len(ours)
    print(f"  goal: at least {100 * _GOAL:.0f} % solved: {'reached' if share >= _GOAL else 'NOT reached'}")


@contextlib.contextmanager
def by_us(problem: Problem) -> Iterator[Solver]:
    """Our ``match``."""
    yield _our_match


def _our_match(problem: Problem, seed: int) -> Mapping[str, float]:
    return match(
        problem.started(seed), vary=problem.vary, targets=problem.targets, limits=problem.limits, start=problem.start
    ).parameters


@contextlib.contextmanager
def by_xsuite(problem: Problem) -> Iterator[Solver]:
    """Xsuite's ``line.match`` on one line for all starts."""
    line = to_xsuite(problem.lattice)
    # A parameter that bears an element's name is called otherwise there.
    known = set(line.vars.keys())
    names = {v.name: v.name if v.name in known else f"{v.name}_value" for v in problem.vary}

    def solve(problem: Problem, seed: int) -> Mapping[str, float]:
        import xtrack as xt

        started = problem.started(seed).parameters
        for vary in problem.vary:
            line.vars[names[vary.name]] = started[vary.name]
        vary = [xt.Vary(names[v.name], step=1e-6, limits=v.bounds) for v in problem.vary]
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            optimiser = line.match(solve=False, vary=vary, targets=list(_xsuite_goals(problem)), **_beginning(problem))
            optimiser.step(100)
        return {v.name: float(line.vars[names[v.name]]._value) for v in problem.vary}

    yield solve


def _beginning(problem: Problem) -> dict[str, Any]:
    import xtrack as xt

    if problem.start is None:
        return {"method": "4d", "chrom": any(target.chromatic for target in problem.targets)}
    return {
        "start": problem.lattice.names[0],
        "end": problem.lattice.names[-1],
        "init": xt.TwissInit(**problem.start),
        "chrom": False,
    }


def _xsuite_goals(problem: Problem) -> Iterator[Any]:
    import xtrack as xt

    for target in problem.targets:
        where = {} if target.at is None else {"at": target.at}
        yield xt.Target(target.quantity, target.value, tol=target.tolerance, **where)
    for limit in problem.limits:
        column = limit.quantity
        yield xt.Target(lambda tw, column=column: np.max(tw[column]), xt.LessThan(limit.upper), tol=1e-4)


def by_madx(method: str) -> Callable[[Problem], contextlib.AbstractContextManager[Solver]]:
    """MAD-X with one of its methods, one process for all starts."""

    @contextlib.contextmanager
    def session(problem: Problem) -> Iterator[Solver]:
        from cpymad.madx import Madx

        with TemporaryDirectory() as folder:
            path = Path(folder, "lattice.seq")
            write_madx(_bare(problem.lattice), path)
            madx = Madx(stdout=False, stderr=subprocess.DEVNULL)
            try:
                madx.call(str(path))
                madx.use(problem.lattice.name)
                yield lambda problem, seed: _madx_match(madx, problem, seed, method)
            finally:
                madx.quit()

    return session


def _bare(lattice: Lattice) -> Lattice:
    """Apertures play no part in optics, and a drift of MAD-X cannot hold one."""
    elements = [replace(element, aperture=None) for element in lattice.elements]
    return Lattice(
        lattice.name, elements=elements, parameters=lattice.parameters.definitions, particle=lattice.particle
    )


_METHODS = {
    "lmdif": "lmdif, calls=2000, tolerance=1e-16",
    "jacobian": "jacobian, calls=30, tolerance=1e-16, repeat=5, strategy=1",
}


def _madx_match(madx: Any, problem: Problem, seed: int, method: str) -> Mapping[str, float]:
    started = problem.started(seed).parameters
    beginning = "".join(f", {key}={_madx_value(problem, key, value)!r}" for key, value in (problem.start or {}).items())
    madx.input(" ".join(f"{v.name}={started[v.name]!r};" for v in problem.vary))
    vary = " ".join(
        f"vary, name={v.name}, step=1e-6, lower={v.bounds[0]!r}, upper={v.bounds[1]!r};" for v in problem.vary
    )
    goals = " ".join(_madx_goals(problem))
    name = problem.lattice.name
    madx.input(f"match, sequence={name}{beginning}; {vary} {goals} {_METHODS[method]}; endmatch;")
    return {v.name: float(madx.globals[v.name]) for v in problem.vary}


_GLOBALS = {"qx": "q1", "qy": "q2"}


def _madx_goals(problem: Problem) -> Iterator[str]:
    for target in problem.targets:
        if target.quantity in _GLOBALS:
            yield f"global, {_GLOBALS[target.quantity]}={target.value!r};"
        else:
            value = _madx_value(problem, target.quantity, target.value)
            yield f"constraint, range={target.at}, {target.quantity}={value!r};"
    for limit in problem.limits:
        assert isinstance(limit.upper, float)
        yield f"constraint, range=#s/#e, {limit.quantity}<{_madx_value(problem, limit.quantity, limit.upper)!r};"


def _madx_value(problem: Problem, quantity: str, value: float) -> float:
    """MAD-X's dispersion is per PT, larger by 1 / beta0."""
    assert problem.lattice.particle is not None
    return value / problem.lattice.particle.beta if quantity in ("dx", "dpx", "dy", "dpy") else value
