# %% [markdown]
# A ring of one's own at forty energies: what its supplies must be set to, where magnets are not ideal.

# %%
from pathlib import Path

import numpy as np

from lattice import ReferenceParticle, read_madx
from optics import Target, Vary, match, twiss
from optics.ramping.energy_table import FieldErrors, match_table, with_bend_errors
from studies.charts.curves import Curve, curves
from studies.report.picture import write_picture

here = Path(__file__).parent if "__file__" in globals() else Path.cwd()
ring = read_madx(here.parent / "small_ring" / "ring.seq", sequence="ring")
goals = [Target("qx", 1.82), Target("qy", 0.76)]
ring = match(ring, vary=[Vary("kf", 0.3, 1.2), Vary("kd", 0.3, 1.2)], targets=goals).lattice

energies = np.linspace(70e6, 200e6, 40)
rigidities = np.array([ReferenceParticle("proton", kinetic_energy_per_u=e).magnetic_rigidity for e in energies])
families = ("kf", "kd")

# %% [markdown]
# Normalised optics knows no energy: in an ideal ring the strengths are the same at every rigidity.

# %%
ideal = match_table(ring, ring.particle, rigidities, families, goals, FieldErrors(), degree=3)
for name in families:
    assert np.allclose(ideal.set[name], ring.parameters[name], rtol=1e-7, atol=0)

# %% [markdown]
# Quadrupoles whose gradient falls short by 2 % at the top: what the beam sees stays, and the supplies give 1/(1 +
# error) more.

# %%
scale = rigidities.max()
short = FieldErrors(scale=scale, gradients={"kf": (0.0, 0.0, -0.02), "kd": (0.0, 0.0, -0.02)})
corrected = match_table(ring, ring.particle, rigidities, families, goals, short, degree=6)
for name in families:
    error = -0.02 * (rigidities / scale) ** 2
    assert np.allclose(corrected.true[name], ring.parameters[name], rtol=1e-6, atol=0)
    assert np.allclose(
        corrected.set[name], ring.parameters[name] / (1 + error), rtol=1e-6, atol=0
    )  # degree 6 of a smooth curve

# %% [markdown]
# A sextupole component of the bends moves no tune but the chromaticity: by sum(k2 L betx D) / 4 pi in x and -sum(k2 L
# bety D) / 4 pi in y, with beta and D averaged along the bends, linear in k2.

# %%
k2 = FieldErrors(scale=scale, bend_k2=(0.0, 0.05))
programme = match_table(with_bend_errors(ring), ring.particle, rigidities, families, goals, k2, degree=4)
assert np.abs(programme.optics.qx - 1.82).max() < 1e-6

inside = twiss(ring).inside(slices=20)
bends = inside[inside["element"].str.startswith("mb")].groupby("element", sort=False)
for plane, sign in (("x", 1), ("y", -1)):
    along = sum(np.trapezoid(bend[f"bet{plane}"] * bend["dx"], bend["s"]) for _, bend in bends)
    law = sign * 0.05 * (rigidities / scale) * along / (4 * np.pi)
    found = getattr(programme.optics, f"dq{plane}") - getattr(ideal.optics, f"dq{plane}")
    assert np.allclose(found, law, rtol=5e-3, atol=0)  # the trapezia, and k2 in a curved magnet

# %% [markdown]
# The picture of this page: 2 % are missing at the top, and the square of the field says how much below.

# %%
stronger = 100 * (corrected.set["kf"] / ideal.set["kf"] - 1)
write_picture(
    curves([Curve("kf", energies / 1e6, stronger, markers=True)], "energy [MeV]", "stronger by [%]"),
    here / "picture.svg",
    "How much the quadrupoles are to be stronger against energy, where their iron gives less field",
)
