"""Third-integer slow extraction: resonance, separatrices, septa, drivers."""

from extraction.arms import Arm
from extraction.drivers import BetatronCore, ConstantOptics, PhaseDisplacement, RFKnockout, Ripple, TuneSweep
from extraction.hardt import arm_divergence, hardt_residual
from extraction.kobayashi import Kobayashi
from extraction.momenta import arms_over_momentum, resonant_momentum
from extraction.resonance import ThirdIntegerResonance, third_integer_resonance
from extraction.septum import Septum, Transport, crossing_angle, early_hit, transport, wire_loss
from extraction.shaping import ShapedSpill, flat_programme
from extraction.spill import Spill, track_spill
from extraction.spill_beam import beam_statistics, extracted_bar, momentum_in_time
from extraction.spill_files import read_spill, save_spill
from extraction.spill_losses import efficiency, particle_balance
from extraction.spill_rate import duty_factor, peak_to_mean, rate_variation, spill_rate
from extraction.spill_spectrum import rate_modulation, rate_spectrum, transfer_function
from extraction.spill_transit import release_times, transit_times
from extraction.steinbach import extracted_beam, leaving_momentum, waiting_stack, wedge
from extraction.targets import ExtractionTarget
from extraction.waiting_beam import waiting_beam

__all__ = [
    "Arm",
    "BetatronCore",
    "ConstantOptics",
    "ExtractionTarget",
    "Kobayashi",
    "PhaseDisplacement",
    "RFKnockout",
    "Ripple",
    "Septum",
    "ShapedSpill",
    "Spill",
    "ThirdIntegerResonance",
    "Transport",
    "TuneSweep",
    "arm_divergence",
    "arms_over_momentum",
    "beam_statistics",
    "crossing_angle",
    "duty_factor",
    "early_hit",
    "efficiency",
    "extracted_bar",
    "extracted_beam",
    "flat_programme",
    "hardt_residual",
    "leaving_momentum",
    "momentum_in_time",
    "particle_balance",
    "peak_to_mean",
    "rate_modulation",
    "rate_spectrum",
    "rate_variation",
    "read_spill",
    "release_times",
    "resonant_momentum",
    "save_spill",
    "spill_rate",
    "third_integer_resonance",
    "track_spill",
    "transfer_function",
    "transit_times",
    "transport",
    "waiting_beam",
    "waiting_stack",
    "wedge",
    "wire_loss",
]
