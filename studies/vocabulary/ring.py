"""Quantities of a ring or a line, ideal and with errors."""

from __future__ import annotations

from studies.vocabulary.kinds import DISPERSION, HORIZONTAL, LONGITUDINAL, VERTICAL, kinds

#: One number a lattice.
SCALARS = kinds(
    ("qx", "1", "Qx", "horizontal tune", "", HORIZONTAL),
    ("qy", "1", "Qy", "vertical tune", "", VERTICAL),
    ("dqx", "1", "Q'x", "horizontal chromaticity dQx/d(dp/p)", "", HORIZONTAL),
    ("dqy", "1", "Q'y", "vertical chromaticity dQy/d(dp/p)", "", VERTICAL),
    (
        "tune_distance",
        "1",
        "|Qx - n/3|",
        "distance of the horizontal tune from the nearest n/3, n no multiple of 3",
        "",
        HORIZONTAL,
    ),
    (
        "resonance_distance",
        "1",
        "|m Qx + n Qy - p|",
        "distance from the nearest other resonance, |m| + |n| <= 3, n not 0",
    ),
    ("momentum_compaction", "1", "alpha_p", "momentum compaction factor"),
    ("gamma_transition", "1", "gamma_tr", "transition energy over rest energy"),
    ("slip_factor", "1", "eta", "change of the revolution time, (dT/T)/(dp/p) = alpha_p - 1/gamma^2"),
    ("length", "m", "C", "length of the reference orbit"),
    ("magnets", "1", "magnets", "number of bends and quadrupoles; parts that touch are one"),
    ("third_straight", "m", "third straight", "third longest straight: injection, extraction and cavity want one each"),
    ("clearance_x", "m", "clearance x", "least horizontal distance between the edge of a beam and the aperture"),
    ("clearance_y", "m", "clearance y", "least vertical distance between the edge of a beam and the aperture"),
    ("max_size_x", "m", "max size x", "how far the edge of a beam reaches horizontally from the reference orbit"),
    ("max_size_y", "m", "max size y", "how far the edge of a beam reaches vertically from the reference orbit"),
    (
        "clearance_es",
        "m",
        "clearance at the septum",
        "distance between the edge of a beam and the wires of the electrostatic septum",
    ),
    ("max_bend_field", "T", "B max", "largest dipole field at the top rigidity"),
    (
        "max_gradient",
        "T/m",
        "G max",
        "largest gradient of quadrupoles, and of bends that have one, at the top rigidity",
    ),
    ("sextupole_strength", "T/m^2", "S max", "largest sextupole strength |k2| B rho at the top rigidity"),
    ("residual_tune_xsuite", "1", "|dQ|", "largest difference of a tune from Xsuite's"),
    ("residual_beta_xsuite", "1", "|d beta| / beta", "largest relative difference of a beta function from Xsuite's"),
    ("residual_dispersion_xsuite", "m", "|dD|", "largest difference of the dispersion from Xsuite's"),
    ("residual_chromaticity_xsuite", "1", "|dQ'|", "largest difference of a chromaticity from Xsuite's"),
)

#: One number of many machines with errors.
IMPERFECTIONS = kinds(
    ("orbit_x_uncorrected", "m", "|x| bare", "largest horizontal closed orbit before correction", "mm"),
    ("orbit_y_uncorrected", "m", "|y| bare", "largest vertical closed orbit before correction", "mm"),
    ("orbit_x", "m", "|x| max", "largest horizontal closed orbit after correction", "mm"),
    ("orbit_y", "m", "|y| max", "largest vertical closed orbit after correction", "mm"),
    ("corrector_kick", "1", "largest kick", "largest kick of an orbit corrector", "mrad"),
    ("beta_beating", "1", "d beta / beta", "largest relative change of a beta function by errors"),
    ("dispersion_error", "m", "dD", "largest change of the dispersion by errors"),
    ("coupling", "1", "|C-|", "least distance of the tunes that coupling allows"),
    ("orbit_yield", "1", "yield", "part of the machines whose beams fit into their apertures and before the wires"),
    (
        "clearance_es_errors",
        "m",
        "room at the wires",
        "room at the septum's wires that machines with errors leave",
        "mm",
    ),
    ("residual_orbit_xsuite", "m", "|dx|", "largest difference of a closed orbit with errors from Xsuite's"),
)

#: Functions of s: a number at each place.
COLUMNS = kinds(
    ("betx", "m", "betx", "horizontal beta function", "", HORIZONTAL),
    ("bety", "m", "bety", "vertical beta function", "", VERTICAL),
    ("alfx", "1", "alfx", "horizontal alpha function", "", HORIZONTAL),
    ("alfy", "1", "alfy", "vertical alpha function", "", VERTICAL),
    ("mux", "1", "mux", "horizontal phase advance from the start, in turns", "", HORIZONTAL),
    ("muy", "1", "muy", "vertical phase advance from the start, in turns", "", VERTICAL),
    ("dx", "m", "Dx", "horizontal dispersion per dp/p", "", DISPERSION),
    ("dpx", "1", "D'x", "slope of the horizontal dispersion per dp/p", "", DISPERSION),
    ("dy", "m", "Dy", "vertical dispersion per dp/p", "", DISPERSION),
    ("dpy", "1", "D'y", "slope of the vertical dispersion per dp/p", "", DISPERSION),
    ("x", "m", "x", "horizontal closed orbit", "mm", HORIZONTAL),
    ("px", "1", "x'", "horizontal slope of the closed orbit", "mrad", HORIZONTAL),
    ("y", "m", "y", "vertical closed orbit", "mm", VERTICAL),
    ("py", "1", "y'", "vertical slope of the closed orbit", "mrad", VERTICAL),
)

#: What figures show beside them.
COORDINATES = kinds(
    ("s", "m", "s", "path along the reference orbit"),
    ("delta", "1", "dp/p", "relative momentum deviation", "1e-3", LONGITUDINAL),
    ("X", "m", "X", "floor coordinate, to the left of the starting direction"),
    ("Z", "m", "Z", "floor coordinate, along the starting direction"),
)
