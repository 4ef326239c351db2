"""Third-integer slow extraction: resonance, septa, drivers and spill."""
