# %% [markdown]
# A cell of a focusing and a defocusing quadrupole, thin enough for the textbook's formulas.

# %%
from pathlib import Path

import numpy as np

from lattice import Drift, Lattice, Quadrupole, ReferenceParticle
from machines.requirements import Requirement, judge
from optics import Target, Vary, match, twiss, verify
from studies.report.picture import write_picture

proton = ReferenceParticle("proton", kinetic_energy_per_u=100e6)


def fodo(magnet: float, focal: float = 2.0, half: float = 1.5) -> Lattice:
    """QF/2, half, QD, half, QF/2 with magnets of a length [m] and a focal length [m]; centres are 1.5 m apart."""
    qf = Quadrupole("qf", length=magnet / 2, k1=f"1/({focal}*{magnet})")
    qd = Quadrupole("qd", length=magnet, k1=f"-1/({focal}*{magnet})")
    gap = Drift("gap", length=half - magnet)
    return Lattice("fodo", elements=[qf, gap, qd, gap, qf], particle=proton)


# %% [markdown]
# Thin lenses: sin(mu/2) = half / (2 f); the largest beta, in the middle of QF, is 2 half (1 + sin(mu/2)) / sin(mu).

# %%
half, focal = 1.5, 2.0
sine = half / (2 * focal)
mu = 2 * np.arcsin(sine)
largest = 2 * half * (1 + sine) / np.sin(mu)

lengths = np.array([0.2, 0.1, 0.05, 0.025])
cells = [twiss(fodo(length)) for length in lengths]
phase_error = np.array([cell.qx - mu / (2 * np.pi) for cell in cells])
beta_error = np.array([cell["betx"][0] - largest for cell in cells])
print(mu / (2 * np.pi), largest, phase_error, beta_error)

# %% [markdown]
# What the length of the magnets adds is of first order in it: halving it halves the error, the better the shorter it
# is ...

# %%
for error in (phase_error, beta_error):
    ratio = error[1:] / error[:-1]
    assert np.all(np.diff(np.abs(ratio - 0.5)) < 0)
    assert abs(ratio[-1] - 0.5) < 0.01  # second order in the length: it halves from pair to pair, 0.008 at the last

# %% [markdown]
# ... and Richardson's extrapolation to no length is the textbook's number.

# %%
for error, scale in ((phase_error, mu / (2 * np.pi)), (beta_error, largest)):
    first = 2 * error[1:] - error[:-1]
    second = (4 * first[1:] - first[:-1]) / 3
    assert abs(second[-1]) < 1e-5 * scale  # third order: (0.025/0.2)^3 of the 1e-2 that thick magnets differ by

# %% [markdown]
# Now a cell of real magnets: 90 degrees a cell, found by a match, compared with Xsuite, and judged.

# %%
real = Lattice(
    "real",
    elements=[
        Quadrupole("qf", length=0.15, k1="kf"),
        Drift("gap", length=1.2),
        Quadrupole("qd", length=0.3, k1="-kd"),
        Drift("gap", length=1.2),
        Quadrupole("qf", length=0.15, k1="kf"),
    ],
    parameters={"kf": 2.0, "kd": 2.0},
    particle=proton,
)
found = match(
    real, vary=[Vary("kf", 0, 5), Vary("kd", 0, 5)], targets=[Target("qx", 0.25), Target("qy", 0.25)], method="local"
)
assert found.success
assert abs(found.parameters["kf"] - found.parameters["kd"]) < 1e-6  # the cell is the same in both planes, but for signs
beside = verify(found.lattice)
assert beside.success

optics = twiss(found.lattice)
need = Requirement("OWN-01", "beta inside the pipe", "max_betx", "m", "made up for this example", "", upper=5.5)
verdict = judge(need, optics.maximum("betx"), 1e-6)
print(verdict.verdict, verdict.value, verdict.margin)
assert verdict.verdict == "PASS"
assert judge(need, 5.5 - 1e-7, 1e-6).verdict == "FAIL"  # within its error of the limit: no pass
assert judge(need, None, None).verdict == "NOT EVALUATED"

# %% [markdown]
# The picture of this page.

# %%
here = Path(__file__).parent if "__file__" in globals() else Path.cwd()
write_picture(optics.plot(), here / "picture.svg", "Betas of the matched cell under its magnets")
