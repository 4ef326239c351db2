"""``python -m tests.compiled``: compiles once, before the test workers begin, what each would compile for itself.

Two processes: one for rings, one for a linac and then for spills, whose rings the first has compiled by then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from extraction import BetatronCore, Septum, third_integer_resonance, track_spill
from machines.cnao_like import cnao
from machines.registry import linac_named
from optics import Beam, Limit, Target, Vary, gaussian_beam, match, scan, track, twiss
from optics.imperfections.ensemble import ensemble
from optics.imperfections.errors import MagnetErrors, draw_errors
from optics.imperfections.orbit import closed_orbits
from optics.linac import track as track_linac


def rings() -> None:
    """Optics of one lattice and of many, of a line, matched and scanned."""
    ring = cnao()
    twiss(ring, delta=1e-3)
    twiss(ring, start={"betx": 8.0, "bety": 3.0})
    twiss(ring.with_parameters(kf=[0.29, 0.2912]))
    match(ring, vary=[Vary("kf", 0.28, 0.3)], targets=[Target("qx", 1.666)], limits=[Limit("betx", upper=30.0)])
    scan(ring, parameters={"kf": [0.29, 0.2912]}, quantities=("qx", "qy", "dqx", "max_betx"))


def machines_with_errors() -> None:
    """Closed orbits of many lattices, and coupled optics about them."""
    machines = draw_errors(cnao(), [MagnetErrors(magnets="quadrupole", dx=1e-4, dy=1e-4, roll=1e-4)], 1, 3)
    closed_orbits(machines.lattice)
    ensemble(machines)


def spills() -> None:
    """Particles turn by turn, the arms of the third-integer resonance, and a spill."""
    ring = cnao()
    assert ring.particle is not None
    beam = gaussian_beam(Beam(ring.particle, emittance_x=1e-6, emittance_y=1e-6), twiss(ring), 50, seed=1)
    track(ring, ring.particle, beam, turns=2)
    septum = Septum(at="se_010a_esp", position=0.035, thickness=1e-4, kick=2.5e-3, length=0.8)
    third_integer_resonance(ring, at=septum.at).arm(septum.position)
    track_spill(ring, ring.particle, beam, BetatronCore(((0.0, 0.0), (1e-5, 1e-3))), septum, turns=20, seed=1)


def linacs() -> None:
    """A linac's design, and a bunch through it."""
    machine = linac_named("linac")
    track_linac(machine.linac, machine.sample(50, 1))


#: What one process does after the other.
PARTS: tuple[tuple[Callable[[], None], ...], ...] = ((rings, machines_with_errors), (linacs, spills))


def done(parts: Sequence[Callable[[], None]]) -> None:
    """Each in turn; numba keeps what it compiles in the user's cache."""
    for part in parts:
        part()


def main() -> None:
    """Both at once."""
    with ProcessPoolExecutor(len(PARTS), get_context("spawn")) as pool:
        list(pool.map(done, PARTS))


if __name__ == "__main__":
    main()
