"""Two finished runs side by side: what changed, by how much, and what it does to the verdicts."""

from studies.runs.compare.compared import Compared, compare_runs
from studies.runs.compare.folder import compare_to_folder
from studies.runs.compare.showing import show_comparison

__all__ = ["Compared", "compare_runs", "compare_to_folder", "show_comparison"]
