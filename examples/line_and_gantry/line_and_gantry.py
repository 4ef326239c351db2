# %% [markdown]
# A line from a septum to the isocentre of a turning gantry: spots of any size, the same at every angle.

# %%
from pathlib import Path

import numpy as np

from lattice import Drift, Lattice, Quadrupole, ReferenceParticle
from optics import Moments, twiss
from optics.line.gantry import matched_rotator, rotator
from optics.line.modules import phase_shifter, telescope
from optics.line.settings import settings
from studies.charts.curves import Curve, curves
from studies.report.picture import write_picture

proton = ReferenceParticle("proton", kinetic_energy_per_u=150e6)

# %% [markdown]
# The modules of PIMMS are what their matrices say: a telescope magnifies, a phase shifter turns the bar and changes
# no beta.

# %%
larger = telescope(proton, -2.0, -1.0)
matrix = twiss(larger, proton, start={"betx": 4.0, "bety": 4.0}).matrix()
assert np.allclose(matrix[:2, :2], np.diag([-2.0, -0.5]), atol=1e-8)  # the tolerance of its match is 1e-10
assert np.allclose(matrix[2:4, 2:4], np.diag([-1.0, -1.0]), atol=1e-8)
shifter = phase_shifter(proton, 4.0, 4.0, np.radians(120))
turned = twiss(shifter, proton, start={"betx": 4.0, "bety": 4.0})
assert abs(turned.value("mux", "_end") - 1 / 3) < 1e-8
assert abs(turned.value("betx", "_end") - 4.0) < 1e-6

# %% [markdown]
# A rotator is +1 in x and -1 in y, and turns by half the angle of the gantry. Between two turns of the frame by half
# the angle, what enters in x leaves in the gantry's x, at any angle (Benedikt and Carli).

# %%
joint = matched_rotator(rotator(), proton)
for angle in np.radians([0.0, 37.0, 90.0]):
    through = twiss(joint.with_parameters(gantry_angle=float(angle)), proton, start={"betx": 5.0, "bety": 2.0}).matrix()
    assert np.allclose(through[:4, :4], np.diag([1.0, 1.0, -1.0, -1.0]), atol=1e-8)

# %% [markdown]
# A beam that is no circle, one setting of four quadrupoles for four energies and three angles: every spot as asked.

# %%
quadrupoles = [
    part for n in "1234" for part in (Quadrupole(f"q{n}", length=0.3, k1=f"k{n}"), Drift(f"d{n}", length=1.2))
]
fixed = Lattice("fixed", elements=quadrupoles, parameters={"k1": 1.0, "k2": -1.0, "k3": 1.0, "k4": -1.0})
line = fixed + rotator() + Drift("to_isocentre", length=2.0)
emittances = np.linspace(2e-6, 1e-6, 4)  # four energies: the beam shrinks as 1/p
beams = Moments.from_functions(proton, {"betx": 8.0, "bety": 4.0}, emittance_x=emittances, emittance_y=1e-6)
found = settings(
    line,
    beams,
    vary=("k1", "k2", "k3", "k4"),
    size_x=2e-3,
    size_y=3e-3,
    at="_end",
    limits=5.0,
    turned=("gantry_angle", np.radians([0.0, 37.0, 90.0])),
)
print(found.values, found.sizes, found.reasons)
assert not any(found.reasons)
assert found.spots.change.max() < 1e-6  # the same at every angle

# %% [markdown]
# The picture of this page: four energies, four emittances, one set of strengths each.

# %%
here = Path(__file__).parent if "__file__" in globals() else Path.cwd()
strengths = [
    Curve(name, 1e6 * emittances, row, color=color)
    for name, row, color in zip(found.knobs, found.values.T, ("#1f4e79", "#b03a2e", "#1e8449", "#6c3483"), strict=True)
]
write_picture(
    curves(strengths, "emittance x [um]", "k1 [1/m2]"),
    here / "picture.svg",
    "Strengths of the four quadrupoles against the emittance in x",
)
