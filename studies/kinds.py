"""The kinds of study by the word in their ``study`` key."""

from __future__ import annotations

from studies.linac_schema import LinacOpticsStudy, LinacSwitchingStudy
from studies.schema import AnyStudy, ExtractionStudy, OpticsStudy
from studies.switching_schema import EnergySwitchingStudy, SwitchingComparisonStudy

STUDY_KINDS: dict[str, type[AnyStudy]] = {
    "optics": OpticsStudy,
    "extraction": ExtractionStudy,
    "linac-optics": LinacOpticsStudy,
    "linac-energy-switching": LinacSwitchingStudy,
    "energy-switching": EnergySwitchingStudy,
    "switching-comparison": SwitchingComparisonStudy,
}
