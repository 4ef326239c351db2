"""What moves the beam into the resonance, as programmes in time."""
