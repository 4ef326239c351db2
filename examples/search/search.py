# %% [markdown]
# A search over two families of quadrupoles: small betas and a small negative chromaticity, which no machine has both.

# %%
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from machines.cnao_like import cnao
from optics import scan, twiss
from studies.charts.style import EXACT, VERTICAL, axis, base_layout
from studies.cli import run as lattice_optimize
from studies.report.picture import write_picture

here = Path(__file__).parent if "__file__" in globals() else Path.cwd()
found = Path(tempfile.mkdtemp(prefix="search-")) / "found"
assert lattice_optimize(["search", str(here / "flat_betas.toml"), "--out", str(found), "--quiet"]) == 0
table = pd.read_parquet(found / "tables" / "search.parquet")

# %% [markdown]
# The front: machines that no other beats in both objectives at once. Both are written so that small is good.


# %%
def allowed(machines: pd.DataFrame) -> pd.DataFrame:
    """Those that keep the constraints of flat_betas.toml."""
    return machines[(machines["tune_distance"] <= 0.06) & (machines["max_dx"] <= 9.0)]


def objectives(machines: pd.DataFrame) -> np.ndarray:
    """Largest betx [m] and minus the chromaticity, (n, 2)."""
    return np.column_stack([machines["max_betx"], -machines["dqx"]])


def beats(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(n, m): is machine n nowhere worse than machine m, and better in one objective?"""
    worse, better = one[:, None] > other[None], one[:, None] < other[None]
    return ~worse.any(axis=2) & better.any(axis=2)


kept = allowed(table[table["status"] == "computed"])
values = objectives(kept)
beaten = beats(values, values).any(axis=0)
front = values[~beaten]
print(len(table), "tried,", len(kept), "allowed,", len(front), "on the front")
assert len(front) >= 5
assert beats(front, values[beaten]).any(axis=0).all()
assert np.all(np.diff(front[np.argsort(front[:, 0]), 1]) <= 0)  # less beta costs chromaticity

# %% [markdown]
# The same by brute force: a grid of 21 x 21 machines. What it has beyond the front is no more than a step of its grid.

# %%
ring = cnao()
kf, kd = (axis_.ravel() for axis_ in np.meshgrid(np.linspace(0.26, 0.33, 21), np.linspace(0.42, 0.56, 21)))
tried = scan(ring, parameters={"kf": kf, "kd": kd}, quantities=["qx", "max_betx", "dqx", "max_dx"])
thirds = np.array([n / 3 for n in range(1, 12) if n % 3])
tried["tune_distance"] = np.abs(tried["qx"].to_numpy()[:, None] - thirds).min(axis=1)
grid = objectives(allowed(tried.dropna()))
field = objectives(tried).reshape(21, 21, 2)
step = sum(np.nanmedian(np.abs(np.diff(field, axis=axis_)), axis=(0, 1)) for axis_ in (0, 1))
print(step, len(grid), "of the grid allowed,", int(beats(grid, front).any(axis=1).sum()), "beat a machine of the front")
assert not beats(grid + step, front).all(axis=1).any()
assert (~beats(grid + step, front).any(axis=1)).mean() > 0.9

# %% [markdown]
# What the table says of a machine is what its optics says.

# %%
best = kept.loc[kept["max_betx"].idxmin()]
tw = twiss(ring.with_parameters(kf=best["kf"], kd=best["kd"]))
print(best["kf"], best["kd"], tw.maximum("betx"), tw.dqx)
assert abs(tw.maximum("betx") / best["max_betx"] - 1) < 1e-6
assert abs(tw.dqx / best["dqx"] - 1) < 1e-6

# %% [markdown]
# The picture of this page.

# %%
marker = {"mode": "markers", "type": "scatter", "showlegend": False}
dots = [
    {**marker, "x": values[:, 0].tolist(), "y": (-values[:, 1]).tolist(), "marker": {"color": EXACT, "size": 5}},
    {**marker, "x": front[:, 0].tolist(), "y": (-front[:, 1]).tolist(), "marker": {"color": VERTICAL, "size": 8}},
]
layout = base_layout(360, xaxis=axis("largest betx [m]"), yaxis=axis("Q'x"))
write_picture(
    go.Figure(data=dots, layout=layout),
    here / "picture.svg",
    "Largest beta against chromaticity of the machines tried, the front in orange",
)
