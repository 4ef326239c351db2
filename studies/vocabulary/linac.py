"""Quantities of a linac, at full energy and over all energies."""

from __future__ import annotations

from studies.vocabulary.kinds import kinds

#: One number of a linac.
LINAC = kinds(
    ("final_energy", "eV", "W", "kinetic energy of the reference particle at the end"),
    ("transmission", "1", "T", "part of the particles at the entrance that arrives, no errors"),
    ("transmission_with_errors", "1", "T (errors)", "transmission that 9 of 10 samples of the errors reach"),
    ("energy_spread", "1", "sigma_W / W", "rms energy spread at the end over the energy"),
    ("emittance_growth_x", "1", "growth x", "growth of the normalised rms emittance in x, over that at the entrance"),
    ("emittance_growth_y", "1", "growth y", "growth of the normalised rms emittance in y, over that at the entrance"),
    ("sigmas_in_bore", "1", "bore / sigma", "least opening over the rms size of the beam, by matrices"),
    ("acceptance_x", "m", "A x", "normalised acceptance in x for the shape of the beam: largest ellipse"),
    ("acceptance_y", "m", "A y", "normalised acceptance in y for the shape of the beam: largest ellipse"),
    (
        "bucket_sigmas",
        "1",
        "bucket / sigma",
        "radius of the circle with the area of the longitudinal acceptance, in rms sizes of the bunch",
    ),
    ("largest_advance", "1", "mu max", "largest phase advance of a focusing period, in turns, with acceleration"),
    ("least_advance", "1", "mu min", "least phase advance of a focusing period, in turns, with acceleration"),
    ("space_charge", "1", "k_sc^2/k_0^2", "largest space-charge defocusing over the focusing of the quadrupoles"),
    ("unit_power", "W", "P unit", "largest peak power that a klystron must give: copper, beam and waveguide"),
    ("rf_power", "W", "P", "peak power of all units: copper, beam and waveguide"),
    ("average_power", "W", "P average", "the same averaged over time"),
    ("klystron_share", "1", "P / rating", "largest peak power of a unit over the rating of its klystron"),
    ("kilpatrick", "1", "E/E_K", "largest peak surface field over Kilpatrick's"),
    ("lost_power", "W", "P lost", "mean power of the protons that are lost, without errors"),
    ("energy_jitter", "1", "jitter of W", "rms of the beam's energy from pulse to pulse over the energy, the largest"),
    ("range_jitter", "m", "jitter of R", "rms of the range in water from pulse to pulse, the largest"),
    (
        "residual_tank_energy",
        "1",
        "|dW| / W gain",
        "largest relative difference of a tank's energy gain from the integration through the fields",
    ),
    ("residual_energy", "1", "|dW| / W", "largest relative difference of a final energy from the integration"),
    (
        "residual_spread",
        "1",
        "|d sigma_W| / sigma_W",
        "relative difference of the energy spread from the integration, same particles",
    ),
    ("least_transmission", "1", "T min", "least transmission over all energies, no errors"),
    ("largest_spread", "1", "sigma_W / W max", "largest rms energy spread over the energy, over all energies"),
    ("energy_miss", "1", "|W - wanted| / W", "largest difference of the beam's mean energy from the wanted one"),
    ("largest_spot", "m", "sigma max", "largest rms size at the exit over all energies and both planes"),
    ("least_spot", "m", "sigma min", "least rms size at the exit over all energies and both planes"),
    ("largest_fill", "1", "sigma / bore", "largest rms size over the bore, over all energies, by matrices"),
    ("switching_time", "s", "t switch", "time for a change of energy of the linac itself"),
    ("switching_share", "1", "busy / interval", "time that RF and pulse take over the interval between two pulses"),
    ("layer_time", "s", "t layer", "time for a change of energy by one layer, with the beam line's magnets"),
    ("treatment_time", "s", "t volume", "time of the pulse sequence over the volume"),
    ("settings_number", "1", "settings", "number of energies in the table"),
    ("energies_reached", "1", "energies reached", "part of the energies asked for that have a setting"),
    (
        "interpolation_error",
        "1",
        "|dW| / W",
        "energy half way between two rows of the table from interpolated settings, over the energy: largest difference",
    ),
    ("worst_trip", "eV", "lost", "largest stretch of energies between 70 and 230 MeV lost when one klystron trips"),
    ("best_recovery", "eV", "W after trip", "least top energy that remains after any one trip, phases set anew"),
)
