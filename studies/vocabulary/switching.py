"""Quantities of energy switching on a ring, and of a treatment."""

from __future__ import annotations

from studies.vocabulary.kinds import kinds

#: One number of energy switching on a ring, or of a treatment.
SWITCHING = kinds(
    ("energies_number", "1", "energies", "number of energies in the programme"),
    ("programme_tune_error", "1", "|dQ|", "largest distance of a tune from what is held, over all energies"),
    ("programme_chromaticity_range", "1", "range of Q'x", "range of the horizontal chromaticity over all energies"),
    ("programme_dispersion_error", "m", "|dD|", "largest distance of the dispersion from what is held"),
    ("programme_sextupole_error", "m^-1/2", "|d|S||", "largest distance of the virtual sextupole from what is held"),
    ("programme_hardt_residual", "m^1/2", "Hardt residual", "largest Hardt residual over all energies, leading order"),
    ("largest_current_share", "1", "I / rating", "largest current over its rating, all circuits and energies"),
    (
        "largest_voltage_share",
        "1",
        "U / rating",
        "largest voltage over its rating, to hold the current or on the ramp that is asked for, all circuits",
    ),
    ("largest_field_share", "1", "B / rating", "largest field over its rating, all circuits that have one"),
    ("longest_change", "s", "t change", "longest change of energy, from the end of one spill to the next"),
    ("longest_step", "s", "t step", "longest step in energy within a spill"),
    ("step_tune_error", "1", "|dQx| (step)", "largest tune error that hysteresis leaves after a step back"),
    ("largest_rf_voltage", "V", "V max", "largest RF voltage of the programme"),
    ("table_tune_residual", "1", "rms dQx", "tune that the fitted field errors leave of the operational table, rms"),
    ("table_gradient_error", "1", "|dk/k|", "largest relative gradient error that explains the operational table"),
    ("residual_programme_xsuite", "1", "|dQ| (Xsuite)", "largest difference of a tune from Xsuite's, energies sampled"),
    ("treatment_time_cycles", "s", "t (one energy a cycle)", "time to treat, synchrotron with one energy a cycle"),
    ("treatment_time_steps", "s", "t (several a spill)", "time to treat, synchrotron with several energies a spill"),
    ("treatment_time_linac", "s", "t (linac)", "time to treat, linac"),
    ("treatment_time_cyclotron", "s", "t (cyclotron)", "time to treat, cyclotron with degrader"),
    ("dose_level", "1", "dose level", "largest distance of the dose from the prescribed one along the axis, relative"),
    ("layers_number", "1", "layers", "number of layers"),
    ("largest_energy_spread", "1", "dE/E", "largest rms energy spread of the machines compared"),
    ("worst_spot", "m", "spot", "largest rms spot of the machines compared"),
    ("timing_checks_missed", "1", "checks missed", "published numbers that the models do not reproduce"),
)
