"""What matter does to a beam: ranges, depth dose, layers of a target, scattering; all in water today."""
