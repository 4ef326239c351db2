"""Quantities of a third-integer extraction."""

from __future__ import annotations

from studies.vocabulary.kinds import kinds

_OF_A_POINT = kinds(
    ("resonant_momentum", "1", "dp/p on resonance", "momentum deviation whose tune lies on the resonance"),
    ("virtual_sextupole", "m^-1/2", "|S|", "normalised strength of the virtual sextupole"),
    ("virtual_phase", "1", "mu_S", "phase of the virtual sextupole from the electrostatic septum, in turns modulo 1/3"),
    ("stable_area", "m", "A", "area of the stable triangle, exact"),
    ("kobayashi_area", "m", "A (leading order)", "area of the stable triangle by Kobayashi's Hamiltonian"),
    ("enclosed_area", "m", "A (curved)", "area within the separatrices, which are curved"),
    ("arm_angle", "1", "x' of the arm", "angle of the extraction arm at the wires of the electrostatic septum"),
    ("arm_slope", "1/m", "dx'/dx", "slope of the extraction arm at the wires"),
    ("arm_curvature", "1/m^2", "d2x'/dx2", "curvature of the extraction arm at the wires"),
    ("arm_divergence", "1", "dpx/d(dp/p)", "change of px on the arm at the wires with momentum, exact"),
    ("arm_angle_spread", "1", "spread of x'", "largest difference of the arm's angle at the wires over all momenta"),
    ("hardt_residual", "m^1/2", "Hardt residual", "what is missing to the Hardt condition, leading order"),
    ("spiral_step", "m", "spiral step", "growth of |x| over three turns from the wires, exact"),
    ("kobayashi_step", "m", "spiral step (leading order)", "growth of |x| over three turns by Kobayashi's Hamiltonian"),
    ("least_spiral_step", "m", "least spiral step", "least spiral step of all extracted momenta"),
    ("largest_spiral_step", "m", "largest spiral step", "largest spiral step of all extracted momenta"),
    ("spiral_kick", "1", "spiral kick", "change of the angle over three turns from the wires"),
    ("septum_angle", "1", "angle of the wires", "angle of the electrostatic septum's wires to the reference orbit"),
    ("crossing_angle", "1", "crossing angle", "largest angle between wires and extracted beam over all momenta"),
    ("wire_loss", "1", "loss", "part of the extracted beam that hits the wires"),
    ("septum_gap", "m", "gap", "least gap between circulating and extracted beam at the magnetic septum"),
    ("wall_clearance", "m", "room at the wall", "least distance of either beam from the wall of the magnetic septum"),
    (
        "phase_to_septum",
        "1",
        "mu (sextupole to ES)",
        "phase advance from the resonance sextupole to the electrostatic septum, in turns",
    ),
    ("phase_between_septa", "1", "mu (ES to MS)", "phase advance between the septa, in turns"),
    (
        "last_turns_clearance",
        "m",
        "room in the last turns",
        "least distance of the last three turns of extracted particles from the aperture",
    ),
    ("extracted_emittance", "m", "emittance x", "rms horizontal emittance of the extracted beam at the wires"),
    ("extracted_momentum_spread", "1", "rms dp/p", "rms momentum spread of the extracted beam"),
    (
        "residual_separatrix_xsuite",
        "1",
        "separatrix",
        "largest relative difference of fixed points and areas from Xsuite's",
    ),
    ("residual_arm_xsuite", "1", "arm", "largest relative difference of the arm's position and angle from Xsuite's"),
)

#: The worst of the extraction at every working point of its machine: each species, lowest, middle, highest energy.
OF_ENERGIES = kinds(
    (
        "largest_es_field",
        "V/m",
        "E (septum)",
        "largest field of the electrostatic septum at any working point of the machine",
        "MV/m",
    ),
    (
        "largest_ms_field",
        "T",
        "B (septum)",
        "largest field of the magnetic septum at any working point of the machine",
    ),
    (
        "worst_spiral_step",
        "m",
        "worst spiral step",
        "least spiral step of any extracted momentum at any working point of the machine",
    ),
    (
        "worst_wire_loss",
        "1",
        "worst loss",
        "largest part of the extracted beam that hits the wires, of all working points of the machine",
    ),
)

#: One number of a third-integer extraction.
EXTRACTION = _OF_A_POINT | OF_ENERGIES
