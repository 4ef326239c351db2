"""What the first screen of a report says: where it is tight, by how much, and what decides."""

from studies.report.screen.screen import FirstScreen, first_screen

__all__ = ["FirstScreen", "first_screen"]
