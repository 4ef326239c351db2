"""Transfer lines: what takes a beam from its machine to the isocentre."""
