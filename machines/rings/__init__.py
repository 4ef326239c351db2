"""Rings as machines: what is known of one, and the TOML files that hold it."""
