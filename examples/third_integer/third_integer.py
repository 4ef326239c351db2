# %% [markdown]
# A ring of six cells, one sextupole, and the third-integer resonance: nothing is taken from a machine.

# %%
from pathlib import Path

import numpy as np

from extraction import ExtractionTarget, third_integer_resonance
from lattice import Bend, Drift, Lattice, Marker, Quadrupole, ReferenceParticle, Sextupole
from optics import Target, Vary, match, track
from studies.report.picture import write_picture

proton = ReferenceParticle("proton", kinetic_energy_per_u=100e6)
cell = [
    Drift("d1", length=0.8),
    Quadrupole("qf", length=0.3, k1="kf"),
    Drift("d2", length=0.6),
    Bend("mb", length=1.5, angle=np.pi / 3),
    Drift("d3", length=0.6),
    Quadrupole("qd", length=0.3, k1="-kd"),
    Drift("d4", length=0.8),
]
bare = Lattice(
    "ring",
    elements=[Marker("septum"), *6 * cell],
    parameters={"kf": 1.0, "kd": 0.6, "k2": 60.0},
    particle=proton,
)
ring = bare.insert(Sextupole("sx", length=0.2, k2="k2"), at=0.4)


def at_distance(distance: float) -> Lattice:
    """The ring with its horizontal tune so far from 7/3 and its vertical tune at 1.28."""
    tune = ExtractionTarget("tune_distance", distance, at="septum")
    goals = [tune, Target("qy", 1.28)]
    found = match(ring, vary=[Vary("kf", 0.3, 2.0), Vary("kd", 0.1, 2.0)], targets=goals)
    assert found.success, found.message
    return found.lattice


# %% [markdown]
# Kobayashi's Hamiltonian gives a triangle of the area 48 sqrt(3) pi^2 (dQ/S)^2. The exact one, from points that come
# back after three turns, tends to it as the tune comes to the resonance, in proportion to the distance.

# %%
distances = np.array([-4e-3, -2e-3, -1e-3])
seen = [third_integer_resonance(at_distance(float(distance)), at="septum") for distance in distances]
for resonance in seen:
    law = 48 * np.sqrt(3) * np.pi**2 * (resonance.tune_distance / resonance.virtual_sextupole) ** 2
    assert abs(resonance.kobayashi.stable_area / law - 1) < 1e-9  # the same law, written twice
excess = np.array([resonance.stable_area / resonance.kobayashi.stable_area - 1 for resonance in seen])
print(excess)
assert np.all(np.abs(excess[1:] / excess[:-1] - 0.5) < 0.1)  # halved with the distance, but for the second order
assert abs(2 * excess[-1] - excess[-2]) < 0.1 * abs(excess[-2])  # and none at the resonance

# %% [markdown]
# The fixed points come back to themselves after three turns of the full maps, one after the other.

# %%
near = seen[1]
start = np.zeros((1, 6))
start[0, :2] = near.fixed_points[0]
turns = track(at_distance(float(distances[1])), None, start, turns=3, history=True).history
assert turns is not None
assert np.allclose(turns[1:, 0, :2], near.fixed_points[[1, 2, 0]], atol=1e-9)  # Newton's residual and rounding

# %% [markdown]
# Growth over three turns and its inverse: the map keeps areas. Near the corner Kobayashi's triangle has growth
# exp(sqrt(3) 6 pi |dQ|).

# %%
out, back = near.multipliers
assert abs(out * back - 1) < 1e-6
assert abs(np.log(out) / (np.sqrt(3) * 6 * np.pi * abs(near.tune_distance)) - 1) < 0.1  # leading order in dQ

# %% [markdown]
# Particles leave along arms. A step over three turns grows with the square of the amplitude: (3/4) |S| sqrt(betx) X
# A.

# %%
wires = np.array([0.015, 0.02])
steps = np.array([near.spiral_step(float(x)) for x in wires])
leading = np.array([near.kobayashi.spiral_step(float(x)) for x in wires])
print(steps, leading)
assert steps[1] > steps[0]
assert np.all(np.abs(steps / leading - 1) < 0.5)  # leading order; the wires are triangles away

# %% [markdown]
# The picture of this page.

# %%
here = Path(__file__).parent if "__file__" in globals() else Path.cwd()
write_picture(
    near.plot(0.015),
    here / "picture.svg",
    "The triangle of the third-integer resonance with its arms, physical and normalised",
)
