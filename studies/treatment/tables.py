"""Tables of the comparison of machines."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from studies.results import TableData
from studies.treatment.facts import ComparisonFacts
from studies.treatment.timeline import CAUSES


def tables(facts: ComparisonFacts) -> tuple[TableData, ...]:
    """All tables of the study."""
    return tuple(_tables(facts))


def _tables(facts: ComparisonFacts) -> Iterator[TableData]:
    if facts.timelines:
        frame = pd.DataFrame(
            [
                {
                    "machine": line.title,
                    **{f"{cause} [s]": line.spent[cause] for cause in CAUSES},
                    "total [s]": line.total,
                    "limited by": line.limited_by,
                    "spills or pulses": float(sum(line.counts.values())),
                }
                for line in facts.timelines.values()
            ]
        )
        yield TableData("time-machines", "Time to treat", "Seconds by cause.", frame)
    frame = pd.DataFrame(
        [
            {
                "what": check.what,
                "here": check.value,
                "published from": check.low,
                "published to": check.high,
                "unit": check.unit,
                "within": check.met,
                "here it is": check.kind,
                "source": check.source,
            }
            for check in facts.checks
        ]
    )
    caption = (
        "What is computed here, and what is assumed, beside what is published of real machines. An assumption within "
        "what is published proves nothing of the models, and a publication with other plans stands for scale: "
        "only what is computed for the case that was published is judged."
    )
    yield TableData("time-checks", "Published numbers", caption, frame)
    yield from _beams(facts)


def _beams(facts: ComparisonFacts) -> Iterator[TableData]:
    beams = facts.beams
    if beams.empty:
        return
    frame = pd.DataFrame(
        {
            "machine": beams["machine"],
            "energy [MeV/u]": beams["energy"],
            "energy spread [%]": 100 * beams["spread"],
            "emittance x [um]": 1e6 * beams["emittance_x"],
            "emittance y [um]": 1e6 * beams["emittance_y"],
            "spot x [mm]": 1e3 * beams["spot_x"],
            "spot y [mm]": 1e3 * beams["spot_y"],
            "arrives [%]": 100 * beams["arriving"],
        }
    )
    caption = (
        "Rms energy spread, geometric rms emittances and spots at the isocentre, at every energy of the treatment; "
        "what arrives there of the beam that enters the line, where its study of delivery is named."
    )
    yield TableData("beam-machines", "Beams compared", caption, frame)
