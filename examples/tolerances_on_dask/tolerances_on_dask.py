# %% [markdown]
# Tolerances on a Dask cluster: two workers, each a process of its own, draw and judge two hundred rings. Here the
# cluster is on this computer; of a cluster elsewhere only the address is another.

# %%
import json
import tempfile
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go
from distributed.deploy.subprocess import SubprocessCluster
from scipy.stats import binomtest

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
# Each machine is drawn from the seed and its own number, whoever draws it: the numbers of the cluster are those of one
# process, to the last bit.

# %%
results = [json.loads((run / "results.json").read_text()) for run in (there, alone)]
assert results[0]["quantities"] == results[1]["quantities"]
assert results[0]["verdicts"] == results[1]["verdicts"]
for table in sorted((alone / "tables").glob("*.csv")):
    assert table.read_bytes() == (there / "tables" / table.name).read_bytes()

# %% [markdown]
# What is judged is a share of machines. 200 of them know it within Clopper and Pearson's interval.

# %%
yields = pd.read_csv(there / "tables" / "tolerances-yields.csv")
for row in yields.itertuples(index=False):
    share = binomtest(row.machines, row.of).proportion_ci(0.95, method="exact")
    print(row.requirement, row.machines, "of", row.of, share.low, share.high)
    assert abs(share.low - float(row[2])) < 1e-9
    assert abs(share.high - float(row[3])) < 1e-9
assert results[0]["quantities"]["yield_all"]["value"] == yields["machines"].iloc[-1] / 200
assert yields["machines"].iloc[-1] <= yields["machines"].iloc[:-1].min()  # all at once is harder than each

# %% [markdown]
# The picture of this page is one of the run's own: how the orbits of the two hundred rings are spread.

# %%
spread = json.loads((there / "figures" / "tolerances-numbers.json").read_text())
write_picture(go.Figure(spread), here / "picture.svg", "Spread of the largest orbits of two hundred rings in x and y")
