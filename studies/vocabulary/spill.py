"""Quantities of a tracked spill."""

from __future__ import annotations

from studies.vocabulary.kinds import kinds

#: One number of a tracked spill.
SPILL = kinds(
    ("extraction_efficiency", "1", "efficiency", "extracted particles over all that left the ring"),
    ("spill_left", "1", "left over", "part of the beam that still circulates at the end"),
    ("spill_loss_wires", "1", "loss on the wires", "part of what left the ring that hit the wires"),
    ("spill_loss_cathode", "1", "loss on the cathode", "part of what left the ring that hit the cathode"),
    ("spill_loss_aperture", "1", "loss in the chamber", "part of what left the ring that was lost elsewhere"),
    ("spill_loss_vertical", "1", "loss in y", "part of what left the ring that was lost vertically, by any cause"),
    ("duty_factor", "1", "F", "duty factor <n>^2/<n^2> of the spill, freed of counting statistics"),
    ("duty_factor_raw", "1", "F (as counted)", "duty factor of the particles tracked, as counted"),
    ("duty_factor_3ms", "1", "F (3 ms)", "duty factor in bins of 3 ms, freed of counting statistics"),
    ("duty_factor_10ms", "1", "F (10 ms)", "duty factor in bins of 10 ms, freed of counting statistics"),
    ("rate_variation", "1", "CV", "coefficient of variation of the rate, freed of counting statistics"),
    ("peak_to_mean", "1", "peak/mean", "highest rate over the mean"),
    ("spill_length", "s", "spill length", "time in which the middle 90 % of the extracted particles leave"),
    ("spill_momentum_spread", "1", "rms dp/p", "rms momentum spread of all that is extracted, tracked"),
    ("spill_momentum_drift", "1", "drift of dp/p", "change of the mean extracted momentum over the spill"),
    ("spill_spiral_step", "m", "spiral step (tracked)", "width in x of the extracted beam, 1 % left out"),
    ("spill_emittance_x", "m", "emittance x", "rms horizontal emittance of the extracted beam, tracked"),
    ("spill_emittance_y", "m", "emittance y", "rms vertical emittance of the extracted beam, tracked"),
    ("spill_betx", "m", "betx (extracted)", "statistical betx of the extracted beam at the wires"),
    ("spill_alfx", "1", "alfx (extracted)", "statistical alfx of the extracted beam at the wires"),
    ("spill_bety", "m", "bety (extracted)", "statistical bety of the extracted beam at the wires"),
    ("spill_alfy", "1", "alfy (extracted)", "statistical alfy of the extracted beam at the wires"),
    ("spill_dx", "m", "Dx (extracted)", "statistical horizontal dispersion of the extracted beam at the wires"),
    ("spill_dpx", "1", "D'x (extracted)", "statistical slope of that dispersion"),
    ("spill_misfit", "1", "misfit", "what the fast tracker's fitted maps miss of one turn's nonlinear part, rms"),
    (
        "spill_missed_at_wires",
        "m",
        "missed at the wires",
        "farthest that the fast tracker's maps bring a particle beside the exact turn, at the wires after a transit",
    ),
    (
        "spill_agreement_xsuite",
        "1",
        "p (Kolmogorov-Smirnov)",
        "least chance that turn and angle of extraction, by both trackers, have one distribution",
    ),
)
