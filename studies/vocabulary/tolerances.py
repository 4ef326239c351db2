"""Quantities of machines as built: what a wanted share of them keeps to, and yields."""

from __future__ import annotations

from studies.vocabulary.kinds import HORIZONTAL, VERTICAL, kinds

#: One number of many rings with errors, beside those of imperfections.
TOLERANCES = kinds(
    ("tune_x_error", "1", "|dQx|", "change of the horizontal tune by errors", "", HORIZONTAL),
    ("tune_y_error", "1", "|dQy|", "change of the vertical tune by errors", "", VERTICAL),
    ("chromaticity_x_error", "1", "|dQ'x|", "change of the horizontal chromaticity by errors", "", HORIZONTAL),
    ("chromaticity_y_error", "1", "|dQ'y|", "change of the vertical chromaticity by errors", "", VERTICAL),
    ("resonance_error", "1", "|dS| / S", "relative change of the strength of the third-integer resonance by errors"),
    ("spiral_step_errors", "m", "spiral step", "growth of |x| over three turns from the wires, errors included", "mm"),
    ("arm_angle_error", "1", "|dx'|", "change of the extraction arm's angle at the wires by errors", "mrad"),
    ("wire_loss_errors", "1", "loss", "part of the beam that hits the wires, turned to the arm, errors included"),
    (
        "resonant_momentum_error",
        "1",
        "|d delta_r|",
        "change of the momentum at which the spill begins, by errors",
    ),
    ("clearance_errors", "m", "room", "least room of any beam beside apertures and wires, errors included"),
)

#: One number of many linacs with errors.
LINAC_TOLERANCES = kinds(
    ("energy_error", "1", "|dW| / W", "relative change of the mean energy at the end by errors"),
    ("transmission_errors", "1", "T, errors", "part of the particles that arrives in a linac with errors"),
    ("trajectory_x", "m", "|x| max", "largest horizontal offset of the beam's centre by errors", "mm", HORIZONTAL),
    ("trajectory_y", "m", "|y| max", "largest vertical offset of the beam's centre by errors", "mm", VERTICAL),
)

#: One number of many transfer lines with errors.
LINE_TOLERANCES = kinds(
    ("spot_displacement", "m", "|r|", "distance of the spot's middle from its place by errors", "mm"),
    ("spot_displacement_uncorrected", "m", "|r|, unsteered", "the same before the line is steered", "mm"),
    ("spot_drift", "m", "|dr|", "how far supplies and beam move the spot after the line was steered", "mm"),
    ("spot_angle", "1", "|r'|", "angle of the beam at the isocentre by errors", "mrad"),
    ("spot_size_change", "1", "|d sigma / sigma|", "relative change of the spot's size by errors, the larger plane"),
    (
        "trajectory_x_uncorrected",
        "m",
        "|x| max, unsteered",
        "largest horizontal offset of the beam's centre by errors before the line is steered",
        "mm",
        HORIZONTAL,
    ),
    (
        "trajectory_y_uncorrected",
        "m",
        "|y| max, unsteered",
        "largest vertical offset of the beam's centre by errors before the line is steered",
        "mm",
        VERTICAL,
    ),
)

#: Of machines of any kind.
YIELDS = kinds(
    ("yield_all", "1", "yield", "part of the machines that keeps all requirements on numbers of a machine"),
    (
        "budget_yield",
        "1",
        "yield of the budget",
        "the same of machines drawn from the budget of errors that is allotted",
    ),
)
