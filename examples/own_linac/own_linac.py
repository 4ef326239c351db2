# %% [markdown]
# A proton linac from one row of numbers: eight tanks of sixteen cells, in two units that switch.

# %%
from math import cos, radians
from pathlib import Path

import numpy as np

from lattice import ReferenceParticle
from optics.linac import Bunch, Section, design_pass, linac_of, matched_start, track, transport
from optics.linac.field_integration import integrated_energies
from optics.linac.switching.energies import amplitudes_for, energy_table
from studies.report.picture import write_picture

frequency, wavelength = 2997.92458e6, 0.1
section = Section(
    name="ccl",
    tanks=8,
    cells=16,
    e0t=14.24e6,
    synchronous_phase=radians(-20),
    frequency=frequency,
    mode="pi",
    bore=2.5e-3,
    gradients=[165, -160, 160, -160, 155, -155, 155, -155],
    magnet_length=0.03,
    shortest_gap=0.065,
    tanks_per_unit=4,
)
proton = ReferenceParticle("proton", kinetic_energy_per_u=37.5e6)
linac = design_pass(linac_of("two units", proton, [section]))
run = transport(linac)

# %% [markdown]
# A tank of 16 cells of beta lambda / 2 gains E0T L cos(phi). Its cells are all as long as at its mean energy, so that
# the phase slips inside it: the energy is half a per cent off where phi is held.

# %%
energy = proton.kinetic_energy
for _ in range(section.tanks):
    middle = energy
    for _ in range(20):  # the cells are as long as at the tank's mean energy
        beta = ReferenceParticle("proton", kinetic_energy_per_u=(energy + middle) / 2).beta
        middle = energy + section.e0t * 16 * beta * wavelength / 2 * cos(section.synchronous_phase)
    energy = middle
print(energy, run.energy[-1])
assert abs((run.energy[-1] - proton.kinetic_energy) / (energy - proton.kinetic_energy) - 1) < 6e-3

# %% [markdown]
# The second engine integrates the field itself, cell by cell, and has no gaps.

# %%
assert abs(integrated_energies(linac)[-1] - run.energy[-1]) < 1e-5 * (run.energy[-1] - proton.kinetic_energy)

# %% [markdown]
# The areas of phase space shrink as beta gamma grows: the determinant of the matrix in (x, px / P0 of the place) is
# the ratio of the momenta (Liouville).

# %%
out = ReferenceParticle("proton", kinetic_energy_per_u=float(run.energy[-1]))
ratio = proton.momentum / out.momentum
whole = run.matrices[-1]
for plane in (0, 2):
    assert abs(np.linalg.det(whole[plane : plane + 2, plane : plane + 2]) / ratio - 1) < 1e-6

# %% [markdown]
# Energy switching: the second unit off gives what the first makes; between, an amplitude for every energy.

# %%
first_only = linac.with_units(amplitude={"ccl-2": 0.0})
low = transport(first_only).energy[-1]
wanted = np.linspace(low + 1e6, run.energy[-1], 5)
amplitudes = amplitudes_for(linac, wanted)
for energy, row in zip(wanted, amplitudes, strict=True):
    made = transport(linac.with_units(amplitude=dict(zip(("ccl-1", "ccl-2"), row, strict=True))))
    assert abs(made.energy[-1] - energy) < 10.0  # eV
assert np.all(np.diff(amplitudes[:, 1]) > 0)

# %% [markdown]
# A bunch: nearly all of it arrives, and its normalised emittance is kept to some per cent.

# %%
bunch = Bunch(
    particle=proton,
    emittance_x=1e-7,
    emittance_y=1e-7,
    sigma_phase=radians(4),
    sigma_energy=60e3,
    frequency=frequency,
    **matched_start(linac),
)
end = track(linac, bunch.sample(1000, seed=1))
print(end.transmission, end.energies.mean(), end.energies.std())
print(energy_table(linac, [55e6, 60e6], bunch))
assert end.transmission > 0.9

# %% [markdown]
# The picture of this page.

# %%
here = Path(__file__).parent if "__file__" in globals() else Path.cwd()
write_picture(
    run.plot(bunch.covariance),
    here / "picture.svg",
    "Energy and beam sizes along the linac under its tanks and quadrupoles",
)
