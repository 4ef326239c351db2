# %% [markdown]
# The PIMMS ring at extraction, with five models of the same bends: Xsuite's line of it, its bends set to each in
# turn.

# %%
from pathlib import Path

import numpy as np

from extraction import third_integer_resonance
from machines.registry import ring_named
from optics import to_xsuite, twiss
from studies.report.picture import write_picture

ring = ring_named("pimms").lattice("extraction-proton-200MeV-no-sextupoles")
line = to_xsuite(ring)
bends = [element for name in line.element_names if hasattr(element := line[name], "edge_entry_model")]
assert len(bends) == 16


def told(core: str, edge: str, kicks: int = 1) -> np.ndarray:
    """Qx, Qy and dQ/d(dp/p) of both planes by Xsuite, its bends of this model."""
    for bend in bends:
        bend.model, bend.num_multipole_kicks = core, kicks
        bend.edge_entry_model = bend.edge_exit_model = edge
    optics = line.twiss4d()
    return np.array([optics.qx, optics.qy, optics.dqx, optics.dqy])


# %% [markdown]
# Exact bodies with the full or the linear edge are our own two models; both engines say the same.

# %%
full, linear = (twiss(ring, fringe=fringe) for fringe in ("full", "linear"))
for ours, edge in ((full, "full"), (linear, "linear")):
    theirs = told("bend-kick-bend", edge)
    print(edge, theirs)
    assert np.allclose(theirs[:2], [ours.qx, ours.qy], rtol=0, atol=1e-8)
    assert np.allclose(theirs[2:], [ours.dqx, ours.dqy], rtol=0, atol=2e-5)  # Xsuite's are differences of two momenta

# %% [markdown]
# Tunes hardly know the model, the chromaticity does: the bending radius is 4.2 m. An expanded body is off by 0.76 in
# x, the linear edge by 0.55 in y. The sextupoles of an extraction are set by these numbers.

# %%
expanded = told("expanded", "full")
assert np.allclose(expanded[:2], [full.qx, full.qy], rtol=0, atol=1e-8)
assert abs(expanded[2] - full.dqx) > 0.5
assert abs(linear.dqx - full.dqx) < 0.1 < 0.5 < abs(linear.dqy - full.dqy)

# %% [markdown]
# A body of five kicks, quick to track, moves the tune: by 3e-5 of the 7e-4 that the resonance is away. Tunes matched
# with it are not those of the magnets.

# %%
kicked = told("rot-kick-rot", "full", 5)
print(kicked - told("bend-kick-bend", "full"), full.qx - 5 / 3)
assert 1e-5 < abs(kicked[0] - full.qx) < 1e-4
assert abs(kicked[0] - full.qx) > 0.02 * abs(full.qx - 5 / 3)

# %% [markdown]
# The triangle's area: the determinant of its corners with a column of ones, which tutorials print, is twice it.

# %%
extracting = ring.with_parameters(xrr_a=6.0)
seen = third_integer_resonance(extracting, at="es")
corners = np.column_stack([seen.fixed_points, np.ones(3)])
assert abs(abs(np.linalg.det(corners)) / seen.stable_area - 2) < 1e-9
print(seen.stable_area, seen.kobayashi.stable_area)
assert (
    abs(seen.stable_area / seen.kobayashi.stable_area - 1) < 0.1
)  # the tune is 7e-4 away: leading order to some per cent

# %% [markdown]
# The picture of this page.

# %%
here = Path(__file__).parent if "__file__" in globals() else Path.cwd()
write_picture(
    seen.plot(0.035),
    here / "picture.svg",
    "Phase space at the electrostatic septum of PIMMS with its triangle and arms",
)
