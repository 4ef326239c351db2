"""``python -m tests.compiled``: compiles once, before the test workers begin, what each would compile for itself."""

from __future__ import annotations

from extraction import BetatronCore, Septum, third_integer_resonance, track_spill
from machines.cnao_like import cnao
from machines.registry import linac_named
from optics import Beam, Limit, Target, Vary, gaussian_beam, match, scan, track, twiss
from optics.linac import track as track_linac


def main() -> None:
    """A little of everything that is compiled; numba keeps it in the user's cache."""
    ring = cnao()
    assert ring.particle is not None
    optics = twiss(ring)
    twiss(ring.with_parameters(kf=[0.29, 0.2912]))
    match(ring, vary=[Vary("kf", 0.28, 0.3)], targets=[Target("qx", 1.666)], limits=[Limit("betx", upper=30.0)])
    scan(ring, parameters={"kf": [0.29, 0.2912]}, quantities=("qx", "qy", "dqx", "max_betx"))
    beam = gaussian_beam(Beam(ring.particle, emittance_x=1e-6, emittance_y=1e-6), optics, 50, seed=1)
    track(ring, ring.particle, beam, turns=2)
    septum = Septum(at="se_010a_esp", position=0.035, thickness=1e-4, kick=2.5e-3, length=0.8)
    third_integer_resonance(ring, at=septum.at).arm(septum.position)
    track_spill(ring, ring.particle, beam, BetatronCore(((0.0, 0.0), (1e-5, 1e-3))), septum, turns=20, seed=1)
    machine = linac_named("linac")
    track_linac(machine.linac, machine.sample(50, 1))


if __name__ == "__main__":
    main()
