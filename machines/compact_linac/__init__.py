"""A LIGHT-like proton linac whose energy changes from pulse to pulse."""
