"""A CNAO-like synchrotron for protons and carbon ions."""
