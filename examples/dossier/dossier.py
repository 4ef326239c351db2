# %% [markdown]
# A dossier for a board: one ring at two energies, each a run of its own, then one page over both. Nothing is computed
# for the page; it has to say what the runs say.

# %%
import json
import tempfile
from pathlib import Path

import plotly.graph_objects as go

from studies.charts.style import HORIZONTAL, VERTICAL, axis, base_layout
from studies.cli import run as lattice_optimize
from studies.report.picture import write_picture

here = Path(__file__).parent if "__file__" in globals() else Path.cwd()
folder = Path(tempfile.mkdtemp(prefix="dossier-"))
study = str(here.parent / "small_ring" / "study.toml")


def run(energy: int) -> str:
    """The run folder of the ring's optics at so many MeV; dipoles and clearances change with it, tunes do not."""
    out = str(folder / f"ring-{energy}")
    changes = ["--set", f"kinetic_energy_MeV_per_u={energy}", "--set", f"name=ring-{energy}"]
    assert lattice_optimize(["run", study, *changes, "--out", out, "--quiet"]) in (0, 1)
    return out


runs = [run(60), run(250)]
control = str(here.parent / "small_ring" / "dossier.toml")
assert lattice_optimize(["dossier", *runs, "--out", str(folder / "dossier"), "--control", control]) == 0
page = (folder / "dossier" / "dossier.html").read_text()
told = json.loads((folder / "dossier" / "dossier.json").read_text())

# %% [markdown]
# Every verdict of every run stands in the dossier, with its value, and nothing else does.

# %%
results = [json.loads((Path(one) / "results.json").read_text()) for one in runs]
own = {(one["id"], one["value"], one["verdict"]) for result in results for one in result["verdicts"]}
rows = [*told["requirements"], *told["checks"]]
shown = {(row["id"], cell["value"], cell["verdict"]) for row in rows for cell in row["verdicts"]}
assert shown == own
failed = [(row["id"], cell["energy"]) for row in rows for cell in row["verdicts"] if cell["verdict"] == "FAIL"]
print(failed)
assert [id_ for id_, _ in failed] == ["RING-05"]  # the dipoles, at the higher energy
assert all(one["id"] in page for result in results for one in result["verdicts"])

# %% [markdown]
# At 250 MeV the field of the dipoles is larger by the ratio of the magnetic rigidities. That is all that a board has
# to know of relativity.

# %%
from lattice import ReferenceParticle  # noqa: E402

low, high = (result["quantities"]["max_bend_field"]["value"] for result in results)
stiff = [ReferenceParticle("proton", kinetic_energy_per_u=1e6 * energy).magnetic_rigidity for energy in (60, 250)]
assert abs(high / low - stiff[1] / stiff[0]) < 1e-9
assert abs(results[0]["quantities"]["qx"]["value"] - results[1]["quantities"]["qx"]["value"]) < 1e-6

# %% [markdown]
# The picture of this page: what is left of each limit, in parts of it. Below zero it is missed.

# %%
bars = []
for energy, result, color in zip((60, 250), results, (HORIZONTAL, VERTICAL), strict=True):
    judged = [one for one in result["verdicts"] if one["kind"] != "program"]
    left = [one["margin"] / abs(one["limit"]) for one in judged]
    names = [one["id"] for one in judged]
    bar = {"type": "bar", "orientation": "h", "name": f"{energy} MeV", "x": left, "y": names}
    bars.append({**bar, "marker": {"color": color}})
layout = base_layout(360, barmode="group", xaxis=axis("margin over limit"), yaxis=axis("", type="category"))
write_picture(
    go.Figure(data=bars, layout=layout),
    here / "picture.svg",
    "Margins of the ring at 60 MeV, blue, and 250 MeV, orange",
)
