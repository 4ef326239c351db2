# %% [markdown]
# The Steinbach diagram of the CNAO ring: which amplitude is stable at which momentum, and what leaves.

# %%
from pathlib import Path

import numpy as np

from extraction import leaving_momentum, resonant_momentum, waiting_stack, wedge
from machines.cnao_like import cnao
from optics import Beam, twiss
from studies.charts.steinbach import Wedge, steinbach
from studies.report.picture import write_picture

ring = cnao("extraction-proton-60MeV")
resonant = resonant_momentum(ring)
deltas = resonant + 1e-4 * np.array([-24, -20, -15, -10, -5, -2, 2, 5, 10])
table = wedge(ring, None, "se_010a_esp", deltas)
stack = waiting_stack(Beam(ring.particle, 1.4e-6, 1.4e-6, delta=resonant - 2.5e-3), 2000, seed=1, full_width=1e-3)
leaves = leaving_momentum(table, stack.amplitude, side=-1.0)
print(table)

# %% [markdown]
# To leading order the sides of the wedge are straight: A = sqrt(48 sqrt(3) pi) |dQ| / |S|. |S| is that of each
# momentum. The exact sides bend, in proportion to the distance from the resonant momentum: halve it, and the
# difference halves.

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
known = np.isfinite(leaves)
assert known.all()
assert abs(leaving_momentum(table, np.array([0.0]), side=-1.0)[0] - resonant) < 2e-5  # what extrapolates to the tip
order = np.argsort(stack.amplitude)
assert np.all(np.diff(leaves[order]) <= 0)
print(leaves.mean(), leaves.std(), resonant)

# %% [markdown]
# The picture of this page: momentum in 1e-3, amplitude in square roots of a millimetre. The core moves the stack up in
# momentum.

# %%
here = Path(__file__).parent if "__file__" in globals() else Path.cwd()
milli, root = 1e3, np.sqrt(1e3)
drawn = Wedge(
    delta=(milli * table["delta"]).tolist(),
    exact=(root * table["exact"]).tolist(),
    leading=(root * table["kobayashi"]).tolist(),
    stack=(milli * stack.delta[::8], root * stack.amplitude[::8]),
    resonant=milli * resonant,
    start=milli * stack.delta.max(),
    end=milli * resonant,
    height=root * stack.amplitude.max(),
    driver="betatron core",
)
write_picture(
    steinbach(drawn),
    here / "picture.svg",
    "Steinbach diagram of CNAO: the unstable wedge, the stack beside it",
)
