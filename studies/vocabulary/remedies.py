"""What would mend a requirement that is not met, by the quantity it judges: what a designer can turn."""

from __future__ import annotations

from collections.abc import Mapping

#: Of a function of the optics: what a match can reach while it has a knob for it.
MATCHED = "a match with this function among its targets or limits"
_RING: Mapping[str, str] = {
    "tune_distance": "match Qx nearer to the resonance",
    "resonance_distance": "another vertical tune, or a smaller spread of tunes",
    "dqx": "other strengths of the chromaticity sextupoles",
    "dqy": "other strengths of the chromaticity sextupoles",
    "betx": MATCHED,
    "bety": MATCHED,
    "dx": MATCHED,
    "gamma_transition": "less dispersion in the bends, or a lower top energy",
    "clearance_x": "smaller functions where it is least, a wider chamber, or a smaller beam",
    "clearance_y": "smaller functions where it is least, a wider chamber, or a smaller beam",
    "clearance_es": "wires farther out, or smaller functions there",
    "max_bend_field": "longer bends, or a lower top energy",
    "magnets": "another kind of cell, or fewer cells",
    "max_gradient": "longer quadrupoles or weaker focusing",
    "sextupole_strength": "longer sextupoles, or a smaller correction of the chromaticity",
    "orbit_x": "tighter alignment, or more monitors and correctors",
    "orbit_y": "tighter alignment, or more monitors and correctors",
    "orbit_x_uncorrected": "tighter alignment and fields, or a first turn with correctors",
    "orbit_y_uncorrected": "tighter alignment and fields, or a first turn with correctors",
    "corrector_kick": "stronger or more correctors, or tighter alignment",
    "beta_beating": "tighter gradients, or trims of single quadrupoles",
    "coupling": "less roll of the quadrupoles, or skew quadrupoles",
    "orbit_yield": "tighter alignment, a wider chamber, or a smaller beam",
    "clearance_es_errors": "wires farther out, a smaller beam, or a better corrected orbit",
}
_EXTRACTION: Mapping[str, str] = {
    "least_spiral_step": "a stronger resonance sextupole, or more beta at the wires",
    "largest_spiral_step": "a weaker resonance sextupole, or a wider gap",
    "wire_loss": "thinner wires along the beam, or a larger spiral step",
    "arm_angle_spread": "dispersion at the wires and a chromaticity that meet the Hardt condition",
    "septum_gap": "a stronger electrostatic septum, or a phase advance nearer to a quarter turn between the septa",
    "last_turns_clearance": "a smaller spiral step, or a wider chamber where it is least",
    "wall_clearance": "the wall elsewhere, or a wider gap in front of it",
    "largest_es_field": "a longer electrostatic septum, or a smaller kick",
    "largest_ms_field": "a longer magnetic septum, or a smaller kick",
    "worst_spiral_step": "a stronger resonance sextupole at that energy",
    "worst_wire_loss": "thinner wires along the beam, or a larger spiral step at that energy",
    "extraction_efficiency": "less loss on the wires, or more room in the last turns",
    "duty_factor": "quieter supplies, or a stack that moves faster",
    "spill_left": "a programme that reaches farther",
    "spill_momentum_spread": "a larger chromaticity, or a smaller emittance",
    "spill_spiral_step": "another strength of the resonance sextupole",
}
_SWITCHING: Mapping[str, str] = {
    "programme_tune_error": "polynomials of a higher degree",
    "programme_dispersion_error": "polynomials of a higher degree, or as many families as targets",
    "programme_hardt_residual": "polynomials of a higher degree, or as many families as targets",
    "largest_current_share": "supplies of a larger current, or a lower top energy",
    "largest_voltage_share": "supplies of a larger voltage, or a slower ramp",
    "largest_field_share": "longer magnets, or a lower top energy",
    "longest_change": "more voltage for the ramp, or less time for fields to settle",
    "longest_step": "a faster slew in the spill, or less time for fields to settle",
    "step_tune_error": "steps that go up the hysteresis loop, or less width of it",
    "dose_level": "layers nearer to one another",
    "largest_energy_spread": "narrower slits, or a debuncher",
    "worst_spot": "another beta function at the isocentre",
    "treatment_time_cycles": "more particles a spill, shorter spills, or a faster change of energy",
}
_BUILT: Mapping[str, str] = {
    "resonance_error": "tighter gradients, or trims of single quadrupoles",
    "spiral_step_errors": "tighter gradients, or a stronger resonance",
    "arm_angle_error": "tighter alignment, or a bump of the orbit at the wires",
    "wire_loss_errors": "tighter gradients, or a stronger resonance",
    "trajectory_x": "tighter alignment, or steering",
    "trajectory_y": "tighter alignment, or steering",
    "energy_error": "tighter amplitudes and phases of the units",
    "transmission_errors": "tighter alignment, or steering",
    "chromaticity_x_error": "tighter sextupoles, or trims of their families",
    "clearance_errors": "tighter alignment, a wider chamber, or a smaller beam",
    "spot_displacement": "finer alignment of monitors, or more correctors near the isocentre",
    "spot_angle": "a corrector and a monitor more near the isocentre",
    "spot_size_change": "tighter gradients, or settings found with the line as it is",
    "spot_drift": "steadier supplies of what decides most, or a feedback on the position",
    "trajectory_x_uncorrected": "tighter alignment, or steering from the entrance on, section by section",
    "trajectory_y_uncorrected": "tighter alignment, or steering from the entrance on, section by section",
    "yield_all": "tighter tolerances of what decides most",
    "budget_yield": "tighter tolerances of what decides most",
}
_DELIVERY: Mapping[str, str] = {
    "spots_missed": "sizes within reach, or stronger quadrupoles",
    "spot_size_error": "settings found with the beam as it is",
    "spot_position": "steering at the entrance of the line",
    "spot_dispersion": "a line whose bends close the dispersion",
    "spot_correlation": "no coupling in the beam that enters",
    "spot_interpolation": "more energies in the table",
    "line_transmission": "smaller functions where it is lost, or a wider pipe",
    "line_gradient": "longer quadrupoles, or larger spots",
    "line_bend_field": "longer bends, or a lower top energy",
    "spot_roundness": "settings that give both planes one size with the beam as it is",
    "spot_angle_change": "a beam at the gantry's entrance that is alike in both planes, or a rotator",
    "momentum_acceptance": "less dispersion where the line is narrow, or a wider pipe",
    "size_acceptance": "less chromaticity of the line's last lenses",
    "momentum_shift": "no dispersion at the isocentre",
    "steered_position": "finer alignment of monitors, or more correctors near the isocentre",
    "steered_size": "tighter gradients, or settings found with the line as it is",
    "steered_transmission": "tighter alignment, more correctors, or a wider pipe",
    "ripple_position": "quieter supplies in front of the line, or less magnification and dispersion on its way",
    "supply_position": "steadier supplies of the bends, bends of one achromat in series, or a feedback on the position",
}
_LINAC: Mapping[str, str] = {
    "final_energy": "more cells or a higher field",
    "transmission": "a beam of smaller emittance, a larger bore, or a better match",
    "transmission_with_errors": "tighter tolerances of the magnets, or steering",
    "energy_spread": "a shorter bunch at the entrance",
    "sigmas_in_bore": "a beam of smaller emittance, a larger bore, or stronger focusing",
    "largest_advance": "weaker quadrupoles",
    "emittance_growth_x": "a better matched beam, or synchronous phases nearer to the crest",
    "emittance_growth_y": "a better matched beam, or synchronous phases nearer to the crest",
    "bucket_sigmas": "synchronous phases farther from the crest, or a shorter bunch",
    "space_charge": "less current in the pulse, or stronger focusing",
    "klystron_share": "fewer tanks a unit, or stronger klystrons",
    "kilpatrick": "a lower field, or noses of another shape",
    "range_jitter": "tighter phases and amplitudes of the units",
    "energy_jitter": "tighter phases and amplitudes of the units, the last one on above all",
    "least_transmission": "a beam of smaller emittance, a larger bore, or gradients graded for low energies",
    "largest_spread": "a shorter bunch at the entrance, or a wider reach in phase of the last unit",
    "energy_miss": "settings at more energies",
    "switching_share": "faster settling of the RF, or fewer pulses a second",
    "layer_time": "a faster slew of the beam line's magnets",
    "largest_spot": "stronger quadrupoles behind the last unit that is on",
    "interpolation_error": "more energies in the table",
    "energies_reached": "a linac whose units reach them",
}
REMEDIES: Mapping[str, str] = {**_RING, **_EXTRACTION, **_SWITCHING, **_BUILT, **_DELIVERY, **_LINAC}


def remedy_of(name: str) -> str:
    """What would mend a requirement on a quantity (``max_betx`` and ``betx@es`` as betx); "" where nothing is known."""
    base = name.partition("@")[0]
    return REMEDIES.get(base, REMEDIES.get(base.removeprefix("max_").removeprefix("min_"), ""))
