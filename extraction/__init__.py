"""Third-integer slow extraction: resonance, separatrices, septa, drivers."""

from extraction.arms import Arm
from extraction.drivers import BetatronCore, ConstantOptics, PhaseDisplacement, RFKnockout, Ripple, TuneSweep
from extraction.hardt import arm_divergence, hardt_residual
from extraction.kobayashi import Kobayashi
from extraction.momenta import arms_over_momentum, resonant_momentum
from extraction.resonance import ThirdIntegerResonance, third_integer_resonance
from extraction.septum import Septum, Transport, crossing_angle, transport, wire_loss
from extraction.steinbach import extracted_beam, leaving_momentum, waiting_stack, wedge
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
    "ThirdIntegerResonance",
    "Transport",
    "TuneSweep",
    "arm_divergence",
    "arms_over_momentum",
    "crossing_angle",
    "extracted_beam",
    "hardt_residual",
    "leaving_momentum",
    "resonant_momentum",
    "third_integer_resonance",
    "transport",
    "waiting_stack",
    "wedge",
    "wire_loss",
]
