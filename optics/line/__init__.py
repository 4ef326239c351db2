"""Beams in transfer lines: how their moments answer to strengths, and settings for many energies at once."""
