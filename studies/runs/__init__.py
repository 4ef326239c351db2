"""Runs on disk: folders, results, provenance, logs, and two runs side by side."""
