"""Quantities of a beam's delivery through a line to the isocentre."""

from __future__ import annotations

from studies.vocabulary.kinds import DISPERSION, kinds

#: One number of a delivery, over all its energies and spots.
DELIVERY = kinds(
    ("spots_missed", "1", "missed", "energies and spots whose size, dispersion, strengths or room are not met"),
    (
        "spot_size_error",
        "1",
        "|d sigma / sigma|",
        "largest relative distance of a tracked spot's size from the chosen one",
    ),
    ("spot_position", "m", "|x|", "largest distance of a tracked spot's middle from the isocentre", "mm"),
    ("spot_dispersion", "m", "|D|", "largest dispersion at the isocentre, either plane", "m", DISPERSION),
    ("spot_correlation", "1", "|corr|", "largest correlation of x and y at the isocentre"),
    ("spot_roundness", "1", "|x / y - 1|", "largest relative difference of x and y of a tracked spot chosen round"),
    (
        "spot_angle_change",
        "1",
        "d sigma / sigma (angle)",
        "largest relative change of a size at the isocentre with the angle of the gantry",
    ),
    (
        "spot_interpolation",
        "1",
        "|d sigma / sigma| between",
        "largest relative error of a size halfway between settings",
    ),
    ("line_transmission", "1", "transmission", "least part of the tracked beam that comes to the isocentre"),
    ("line_fill", "1", "fill", "largest part of a half opening of the line that the beam's edge takes"),
    ("line_gradient", "T/m", "|g|", "largest gradient of the line's quadrupoles over all settings"),
    ("line_bend_field", "T", "B (line)", "largest field of the line's bends at its highest energy"),
    ("junction_offset", "m", "|x| (junction)", "distance of the line's axis from the ring's orbit at the septum", "mm"),
    ("junction_angle", "1", "|x'| (junction)", "angle of the line's axis to the ring's orbit at the septum", "mrad"),
    ("junction_drift", "m", "dx (spill)", "how far the beam's middle moves at the junction during the spill", "mm"),
    ("momentum_acceptance", "1", "dp/p (transmission)", "dp/p within which the beam arrives, magnets fixed", "%"),
    ("size_acceptance", "1", "dp/p (size)", "dp/p within which spots keep their size, magnets fixed", "%"),
    ("momentum_shift", "m", "|dx| (dp/p)", "how far the spot moves with the momentum, magnets fixed", "mm"),
    ("steered_position", "m", "|x| (steered)", "distance of the spot from its place, of 95 % of steered lines", "mm"),
    ("steered_angle", "1", "|x'| (steered)", "angle of the beam at the isocentre, of 95 % of steered lines", "mrad"),
    ("steered_size", "1", "d sigma / sigma (steered)", "change of a spot's size, of 95 % of steered lines"),
    ("ripple_position", "m", "|dx| (ripple)", "how far ripple moves the spot, of 95 % of steered lines", "mm"),
    ("steered_transmission", "1", "transmission (steered)", "least part that arrives in steered lines with errors"),
    ("steering_kick", "1", "largest kick", "largest kick of a corrector, of 95 % of steered lines", "mrad"),
    ("supply_position", "m", "|dx| (supply)", "how far 1e-4 of one supply moves the spot, the worst", "mm"),
    ("supply_size", "1", "d sigma / sigma (supply)", "how 1e-4 of one supply changes a size of the spot, the worst"),
    (
        "residual_spot_xsuite",
        "1",
        "size (Xsuite)",
        "largest relative difference of a spot's size from Xsuite's tracking",
    ),
)
