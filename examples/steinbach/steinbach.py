# %% [markdown]
# The Steinbach diagram of the CNAO ring: which amplitude is stable at which momentum, and what leaves.

# %%
from pathlib import Path

import numpy as np

from extraction import leaving_momentum, resonant_momentum, third_integer_resonance, waiting_stack, wedge
from machines.cnao_like import cnao
from optics import Beam, twiss
from studies.charts.steinbach import Wedge, steinbach
from studies.report.picture import write_picture

ring = cnao("extraction-proton-60MeV")
resonant = resonant_momentum(ring)
table = wedge(ring, deltas=resonant + 1e-4 * np.array([-24, -20, -15, -10, -5, -2, 2, 5, 10]))
stack = waiting_stack(Beam(ring.particle, 1.4e-6, 1.4e-6, delta=resonant - 2.5e-3), 2000, seed=1, full_width=1e-3)
diagram = steinbach(Wedge.of(table, stack, "betatron core"))
print(table)

# %% [markdown]
# That is the diagram; of a ring of your own `steinbach(Wedge.of(wedge(ring)))` draws it, at ten momenta about the
# resonant one. The table has amplitudes in m^1/2; the picture has them in square roots of a millimetre, 31.6 times as
# many. A particle of amplitude A reaches x = sqrt(betx) A.
#
# What is published of it is the leading order (PIMMS): the sides of the wedge are straight,
# A = sqrt(48 sqrt(3) pi) |dQ| / |S| = 16.16 |dQ| / |S|, with the virtual sextupole S of that momentum.

# %%
row = table.iloc[3]
here = third_integer_resonance(ring, at="se_010a_esp", delta=float(row["delta"]))
assert abs(row["kobayashi"] / (16.16 * abs(here.tune_distance) / here.virtual_sextupole) - 1) < 5e-4  # four digits

# %% [markdown]
# The exact sides bend, in proportion to the distance from the resonant momentum: halve it, and the difference halves.

# %%
seen = table.dropna()
excess = (seen["exact"] / seen["kobayashi"] - 1).to_numpy()
away = (seen["delta"] - resonant).to_numpy()
slope = seen["kobayashi"] / np.abs(seen["tune_distance"])
assert np.all(np.abs(slope / slope.mean() - 1) < 0.05)  # |S| changes by 4 % over 0.3 % of momentum
for outer, inner in ((3, 4), (8, 7)):  # 0.1 % and 0.05 %, on both sides
    assert abs(excess[inner]) < 0.04
    assert abs(excess[inner] / excess[outer] - 0.5) < 0.1
chromaticity = twiss(ring, delta=resonant).dqx
assert np.allclose(seen["tune_distance"], chromaticity * away, rtol=0.03, atol=0)  # the tune's second order in momentum

# %% [markdown]
# A particle of no amplitude leaves at the resonant momentum, a larger one before. A stack that a betatron core moves
# through leaves over a range of momenta as wide as its amplitudes over the chromaticity.

# %%
leaves = leaving_momentum(table, stack.amplitude, side=-1.0)
known = np.isfinite(leaves)
assert known.all()
assert abs(leaving_momentum(table, np.array([0.0]), side=-1.0)[0] - resonant) < 2e-5  # what extrapolates to the tip
order = np.argsort(stack.amplitude)
assert np.all(np.diff(leaves[order]) <= 0)
print(leaves.mean(), leaves.std(), resonant)

# %% [markdown]
# The picture of this page. The core moves the stack up in momentum.

# %%
folder = Path(__file__).parent if "__file__" in globals() else Path.cwd()
write_picture(
    diagram,
    folder / "picture.svg",
    "Steinbach diagram of CNAO: the unstable wedge, the stack beside it",
)
