"""The kinds of study by the word in their ``study`` key."""

from __future__ import annotations

from studies.energy_switching.spec import EnergySwitchingStudy, SwitchingComparisonStudy
from studies.linac.spec import LinacOpticsStudy, LinacSwitchingStudy
from studies.spec.schema import AnyStudy, ExtractionStudy, OpticsStudy

STUDY_KINDS: dict[str, type[AnyStudy]] = {
    "optics": OpticsStudy,
    "extraction": ExtractionStudy,
    "linac-optics": LinacOpticsStudy,
    "linac-energy-switching": LinacSwitchingStudy,
    "energy-switching": EnergySwitchingStudy,
    "switching-comparison": SwitchingComparisonStudy,
}
