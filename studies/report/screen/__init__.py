"""What the first screen of a report says: where it is tight, by how much, and what decides."""

from studies.report.screen.deciding import Deciding, deciding
from studies.report.screen.picture import Picture, picture
from studies.report.screen.screen import FirstScreen, KindCount, Wanting, first_screen, kind_counts, wanting_of

__all__ = [
    "Deciding",
    "FirstScreen",
    "KindCount",
    "Picture",
    "Wanting",
    "deciding",
    "first_screen",
    "kind_counts",
    "picture",
    "wanting_of",
]
