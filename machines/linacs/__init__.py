"""Linacs as machines: what is known of one, and the section table that holds it."""
