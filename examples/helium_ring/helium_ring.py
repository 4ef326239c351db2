# %% [markdown]
# A ring for helium ions of 220 MeV/u, as short as room-temperature magnets allow: six bends of 60 degrees, three
# cells.

# %%
from pathlib import Path

import numpy as np

from extraction import third_integer_resonance
from lattice import Bend, Drift, Lattice, Marker, Quadrupole, ReferenceParticle, Sextupole
from optics import Limit, Target, Vary, match, twiss, verify
from studies.report.picture import write_picture

helium = ReferenceParticle("helium-4", kinetic_energy_per_u=220e6)
half = [
    Drift("half", length="straight/2"),
    Quadrupole("qf", length=0.3, k1="kf"),
    Drift("gap", length="space"),
    Bend("mb", length="lb", angle=np.pi / 3, e1="edge", e2="edge"),
    Drift("gap", length="space"),
]
cell = [*half, Quadrupole("qd", length=0.3, k1="kd"), *reversed(half)]
first = [Sextupole("sx", length=0.2, k2="k2"), Drift("rest", length="straight/2 - 0.2"), *cell[1:]]
ring = Lattice(
    "helium_ring",
    elements=[Marker("septum"), *first, *2 * cell],
    parameters={"lb": 2.9, "straight": 3.5, "space": 0.35, "edge": 0.35, "kf": 0.4855, "kd": 0.3329, "k2": 0.0},
    particle=helium,
)

# %% [markdown]
# The match is free in lengths, pole faces and gradients. The field of a bend is B rho angle / length, which iron
# limits.

# %%
shortest = helium.magnetic_rigidity * np.pi / 3 / 1.65  # m, at 1.65 T
found = match(
    ring,
    vary=[
        Vary("lb", shortest, 3.5),
        Vary("straight", 3.0, 4.5),
        Vary("space", 0.3, 0.6),
        Vary("edge", -0.1, 0.5),
        Vary("kf", -2.0, 2.5),
        Vary("kd", -2.5, 2.0),
    ],
    targets=[Target("qx", 4 / 3 + 0.004), Target("qy", 0.72), Target("length", 33.0)],
    limits=[Limit("betx", upper=10.0), Limit("bety", upper=20.0)],
    restarts=0,
)
print(found.message, dict(found.parameters))
assert found.success
best = found.lattice
assert abs(best.length - 33.0) < 1e-6
field = helium.magnetic_rigidity * np.pi / 3 / best.parameters["lb"]
gradient = max(abs(best.parameters[name]) for name in ("kf", "kd")) * helium.magnetic_rigidity
assert field < 1.65 + 1e-6
assert gradient < 20.0

# %% [markdown]
# Lengths are not all that counts: the ring is stable with room to low resonances, and Xsuite finds the same optics.

# %%
optics = twiss(best)
print(optics)
assert optics.maximum("betx") < 10.0
assert optics.maximum("bety") < 20.0
assert verify(best).success
assert optics.gamma_transition < helium.gamma or optics.gamma_transition > helium.gamma + 0.1  # no transition near

# %% [markdown]
# It shall extract: a sextupole in a straight makes the triangle of the third-integer resonance. Its area is that of
# 48 sqrt(3) pi^2 (dQ/S)^2 to leading order; twice the sextupole makes it a quarter.

# %%
weak, strong = (third_integer_resonance(best.with_parameters(k2=k2), at="septum") for k2 in (30.0, 60.0))
for seen in (weak, strong):
    print(seen.tune_distance, seen.virtual_sextupole, seen.stable_area, seen.kobayashi.stable_area)
    law = 48 * np.sqrt(3) * np.pi**2 * (seen.tune_distance / seen.virtual_sextupole) ** 2
    assert abs(seen.stable_area / law - 1) < 0.3  # the next order in dQ
assert abs(strong.kobayashi.stable_area / weak.kobayashi.stable_area - 0.25) < 1e-6

# %% [markdown]
# The picture of this page.

# %%
here = Path(__file__).parent if "__file__" in globals() else Path.cwd()
write_picture(optics.plot(), here / "picture.svg", "Betas and dispersion of the helium ring under its magnets")
