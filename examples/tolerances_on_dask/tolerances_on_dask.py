# %% [markdown]
# Tolerances on a Dask cluster: two workers, each a process of its own, draw and judge two hundred rings. Here the
# cluster is on this computer; of a cluster elsewhere only the address is another.

# %%
import json
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from distributed.deploy.subprocess import SubprocessCluster
from scipy.stats import binomtest

from studies.charts.curves import Curve, curves
from studies.charts.style import HORIZONTAL, VERTICAL
from studies.cli import run as lattice_optimize
from studies.report.picture import write_picture

here = Path(__file__).parent if "__file__" in globals() else Path.cwd()
folder = Path(tempfile.mkdtemp(prefix="tolerances-"))


def computed(name: str, *how: str) -> Path:
    """The run folder of the study, computed ``how``."""
    out = folder / name
    code = lattice_optimize(["run", str(here / "tolerances.toml"), "--out", str(out), "--quiet", *how])
    assert code in (0, 1)  # 1: computed, and a requirement is missed
    return out


with SubprocessCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
    there = computed("there", "--scheduler", cluster.scheduler_address)
alone = computed("alone")

# %% [markdown]
# Each machine is drawn from the seed and its own number, whoever draws it: the cluster's machines are those of one
# process, to the last bit.

# %%
tables = [pd.read_parquet(run / "tables" / "machines.parquet") for run in (there, alone)]
assert len(tables[0]) == 200
pd.testing.assert_frame_equal(*tables, check_exact=True)
results = [json.loads((run / "results.json").read_text()) for run in (there, alone)]
assert results[0]["quantities"] == results[1]["quantities"]

# %% [markdown]
# What is judged is the share of good machines, counted again here, and a share known from 200 machines has Clopper and
# Pearson's interval. A requirement passes when the lower end of it reaches the yield that is wanted.

# %%
machines = tables[0]
good = (machines["orbit_x_uncorrected"] <= 3e-3) & (machines["orbit_y_uncorrected"] <= 3e-3)
share = binomtest(int(good.sum()), len(good)).proportion_ci(0.95, method="exact")
told = results[0]["quantities"]["yield_all"]
print(told, share.low, share.high)
assert abs(told["value"] - good.mean()) < 1e-12

# %% [markdown]
# The picture of this page: which share of rings has an orbit below what the axis says.

# %%
part = np.arange(1, len(machines) + 1) / len(machines)
lines = [
    Curve(plane, 1e3 * np.sort(machines[f"orbit_{plane}_uncorrected"]), part, color=color)
    for plane, color in (("x", HORIZONTAL), ("y", VERTICAL))
]
write_picture(
    curves(lines, "largest orbit [mm]", "share of rings", marks=[(3.0, "limit")]),
    here / "picture.svg",
    "Share of rings against their largest orbit in x and y",
)
