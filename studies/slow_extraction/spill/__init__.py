"""The spill of an extraction study, tracked turn by turn."""
