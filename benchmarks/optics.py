"""``twiss`` of the CNAO ring and a three-knob match, beside MAD-X and Xsuite on the same lattice in the same run.

Strengths change before every call, so that nothing can be remembered. Every code computes tunes, optical functions,
dispersion and chromaticity at all 196 elements; MAD-X by its own Twiss (first-order chromaticity, no ``chrom``).
The match goes from the strengths for Qx 1.662, moved by half a percent, to Qx 1.666, Qy 1.74, D = 0 at SYMP.
"""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.timing import Case, cold, show, timed, verdict
from lattice import Lattice, write_madx
from machines.cnao_like import cnao
from optics import Target, Vary, match, match_each, to_xsuite, twiss
from optics.engines.madx_session import available

TARGETS = {"qx": 1.666, "qy": 1.74}
PLACE = "symp"
START = {"kf": 0.2896165080 * 1.005, "kd": 0.4946175175 * 0.995, "kr": 0.4968431499 * 1.005}
_REPETITIONS = {"ours": 20, "madx": 20, "xsuite": 4}  # a block of each
_MANY, _RATE = 4096, 5000  # matches side by side, and how many a second there shall be
_MATCHES = {"ours": 4, "madx": 4, "xsuite": 1}

_COLD_OURS = "from machines.cnao_like import cnao; from optics import twiss; twiss(cnao())"
_COLD_NAMES = "from optics import match, scan, track, twiss"
_COLD_XSUITE = "from machines.cnao_like import cnao; from optics import to_xsuite; to_xsuite(cnao()).twiss4d()"


def run() -> None:
    """Time everything and print the tables."""
    ring = _without_apertures(cnao())
    with _madx(ring) as madx:
        _show_twiss(ring, madx)
        _show_match(ring.with_parameters(START), madx)
    show(
        "Import: a fresh Python; the compiler alone is what remains",
        [
            cold("ours, import optics", "import optics", "a module when one of its names is asked for"),
            cold("ours, what computes", _COLD_NAMES, "twiss, match, scan, track"),
            cold("numba", "import numba", "the bound of what computes"),
            cold("Xsuite", "import xtrack", ""),
        ],
    )
    show(
        "Cold start: a fresh Python, imports, one Twiss",
        [
            cold("ours", _COLD_OURS, "compiled code cached"),
            cold("ours, nothing compiled yet", _COLD_OURS, "once after installation", empty_cache=True),
            cold("Xsuite", _COLD_XSUITE, "compiled kernels from its wheel"),
        ],
    )


def _without_apertures(ring: Lattice) -> Lattice:
    """Apertures play no part in optics, and a drift of MAD-X cannot hold one."""
    bare = [replace(element, aperture=None) for element in ring.elements]
    return Lattice(ring.name, elements=bare, parameters=ring.parameters.definitions, particle=ring.particle)


def _knob(repetition: int) -> float:
    return 0.2912136711 + 1e-7 * repetition


def _show_twiss(ring: Lattice, madx: Any) -> None:
    line = to_xsuite(ring)
    batch = ring.with_parameters(kf=np.linspace(0.2905, 0.2915, 1000))
    cases = [Case("ours", lambda i: twiss(ring.with_parameters(kf=_knob(i))), _REPETITIONS["ours"])]
    if madx is not None:
        cases.append(Case("MAD-X", lambda i: madx.input(f"kf={_knob(i)!r}; twiss;"), _REPETITIONS["madx"]))
    cases.append(Case("Xsuite", lambda i: _xsuite_twiss(line, i), _REPETITIONS["xsuite"], "twiss4d"))
    *timings, whole = timed([*cases, Case("", lambda i: twiss(batch), 1)])
    timings.append(replace(whole, code="ours, each of a batch of 1000", seconds=whole.seconds / 1000))
    show("twiss of the CNAO ring", timings)
    verdict(timings, "MAD-X", 5)
    verdict(timings, "Xsuite", 50)


def _xsuite_twiss(line: Any, repetition: int) -> None:
    line["kf"] = _knob(repetition)
    line.twiss4d()


def _show_match(ring: Lattice, madx: Any) -> None:
    line = to_xsuite(ring)
    found: dict[str, Mapping[str, float]] = {}

    def case(code: str, solve: Callable[[], Mapping[str, float]], repetitions: int, note: str = "") -> Case:
        return Case(code, lambda i: found.update({code: solve()}), repetitions, note)

    cases = [case("ours", lambda: _our_match(ring), _MATCHES["ours"])]
    if madx is not None:
        cases += [
            case(f"MAD-X {name}", partial(_madx_match, madx, method), _MATCHES["madx"], method)
            for name, method in _MADX_METHODS.items()
        ]
    cases.append(case("Xsuite", lambda: _xsuite_match(line), _MATCHES["xsuite"]))
    cases.append(case("Xsuite without chromaticity", lambda: _xsuite_match(line, chrom=False), _MATCHES["xsuite"]))
    *timings, whole = timed([*cases, Case("", lambda i: _our_matches(ring), 1)])
    each = replace(whole, code="ours, each of many", seconds=whole.seconds / _MANY, note=f"match_each of {_MANY}")
    show("match of three quadrupole families to Qx, Qy and D at SYMP", [*timings, each])
    verdict(timings, "MAD-X", 5)
    verdict(timings, "Xsuite", 50)
    verdict([each, *timings[1:]], "MAD-X lmdif", 20)
    rate = _MANY / min(_processor_time(lambda: _our_matches(ring)) for _ in range(3))
    word = "reached" if rate >= _RATE else "NOT reached"
    print(f"  goal: {_RATE:,} matches a second of one processor's time: {word} ({rate:,.0f})")
    _show_solutions(ring, found)


def _our_match(ring: Lattice) -> Mapping[str, float]:
    return match(ring, vary=[Vary(name) for name in START], targets=_goals()).parameters


def _our_matches(ring: Lattice) -> None:
    """Rings that differ by their air-core quadrupole, matched side by side on one processor."""
    others = {"kacq": np.linspace(-1e-3, 1e-3, _MANY)}
    table = match_each(ring, parameters=others, vary=[Vary(name) for name in START], targets=_goals(), jobs=1)
    assert table["matched"].all()


def _processor_time(call: Callable[[], object]) -> float:
    """What a call takes on a processor, however many others share it [s]."""
    begin = time.process_time()
    call()
    return time.process_time() - begin


def _goals() -> list[Target]:
    return [Target(name, value) for name, value in TARGETS.items()] + [Target("dx", 0.0, at=PLACE)]


#: MAD-X's own methods; ``tolerance`` is the sum of squares they stop at.
_MADX_METHODS = {
    "lmdif": "lmdif, calls=300, tolerance=1e-16",
    "jacobian": "jacobian, calls=30, tolerance=1e-16",
}


def _madx_match(madx: Any, method: str) -> Mapping[str, float]:
    reset = " ".join(f"{knob}={value!r};" for knob, value in START.items())
    vary = " ".join(f"vary, name={knob}, step=1e-6;" for knob in START)
    goals = f"global, q1={TARGETS['qx']}, q2={TARGETS['qy']}; constraint, range={PLACE}, dx=0;"
    madx.input(f"{reset} match, sequence=cnao; {vary} {goals} {method}; endmatch;")
    return {knob: float(madx.globals[knob]) for knob in START}


def _xsuite_match(line: Any, **options: Any) -> Mapping[str, float]:
    import xtrack as xt

    for knob, value in START.items():
        line[knob] = value
    targets = [xt.TargetSet(**TARGETS, tol=1e-8), xt.Target("dx", 0.0, at=PLACE, tol=1e-6)]
    with contextlib.redirect_stdout(io.StringIO()):
        line.match(method="4d", vary=xt.VaryList(list(START), step=1e-6), targets=targets, **options)
    return {knob: float(line[knob]) for knob in START}


def _show_solutions(ring: Lattice, found: Mapping[str, Mapping[str, float]]) -> None:
    """What each code found, judged by our Twiss."""
    print("  what is left of the goals (our Twiss of each solution):")
    for code, parameters in found.items():
        optics = twiss(ring.with_parameters(parameters))
        left = [getattr(optics, name) - value for name, value in TARGETS.items()] + [optics.value("dx", PLACE)]
        print(f"    {code:<30} dQx {left[0]:9.1e}   dQy {left[1]:9.1e}   D {left[2]:9.1e} m")


@contextlib.contextmanager
def _madx(ring: Lattice) -> Iterator[Any]:
    """MAD-X with the ring loaded, or None where cpymad is not installed."""
    if not available():
        print("cpymad is not installed: no comparison with MAD-X")
        yield None
        return
    from cpymad.madx import Madx

    with TemporaryDirectory() as folder:
        path = Path(folder, "ring.seq")
        write_madx(ring, path)
        madx = Madx(stdout=False)
        try:
            madx.call(str(path))
            madx.use(ring.name)
            yield madx
        finally:
            madx.quit()
