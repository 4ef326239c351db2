"""Third-integer slow extraction: resonance, separatrices, septa, drivers."""

from extraction.drivers.drivers import BetatronCore, ConstantOptics, PhaseDisplacement, RFKnockout, Ripple, TuneSweep
from extraction.resonance.arms import Arm
from extraction.resonance.hardt import arm_divergence, hardt_residual
from extraction.resonance.kobayashi import Kobayashi
from extraction.resonance.momenta import arms_over_momentum, resonant_momentum
from extraction.resonance.steinbach import extracted_beam, leaving_momentum, waiting_stack, wedge
from extraction.resonance.third_integer import ThirdIntegerResonance, third_integer_resonance
from extraction.septum import Septum, Transport, crossing_angle, early_hit, transport, wire_loss
from extraction.spill.beam import beam_statistics, extracted_bar, momentum_in_time
from extraction.spill.files import read_spill, save_spill
from extraction.spill.losses import efficiency, particle_balance
from extraction.spill.rate import duty_factor, peak_to_mean, rate_variation, spill_rate
from extraction.spill.shaping import ShapedSpill, flat_programme
from extraction.spill.spectrum import rate_modulation, rate_spectrum, transfer_function
from extraction.spill.tracking import Spill, track_spill
from extraction.spill.transit import release_times, transit_times
from extraction.spill.waiting_beam import waiting_beam
from extraction.targets import ExtractionTarget

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
