"""Published numbers of real machines beside what the models of the comparison give, and beside what it assumes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optics.matter.bragg import DoseModel
from optics.matter.layers import SpotPlan, Target, Treatment, planned
from optics.matter.ranges import energy_of
from studies.treatment.machines import ELEMENTARY_CHARGE, ComputedRing, constant
from studies.treatment.spec import SwitchingComparisonStudy
from studies.treatment.timeline import Scanning, SynchrotronDelivery

COMPUTED, CASE, ASSUMED = "computed", "computed, another case", "assumed"
_LITRE = Target(0.10, 0.20, 0.10, 2.0)
_PROTONS_PER_MU = 1 / 200  # of those of the litre: 1 MU is about 1 cGy in it
_LIANG = "Liang et al., Front. Oncol. 12, 1036139 (2022)"


@dataclass(frozen=True)
class Check:
    """``what`` was compared: ``value`` here, ``low`` to ``high`` published by ``source``, in ``unit``.

    ``kind``: COMPUTED by a model of the toolkit for the case that was published, or for another CASE than that (shown,
    not judged), or ASSUMED by the study, which proves nothing.
    """

    what: str
    value: float
    low: float
    high: float
    unit: str
    source: str
    kind: str = COMPUTED

    @property
    def met(self) -> bool:
        """True when the value lies within what is published."""
        return self.low <= self.value <= self.high


def checks(study: SwitchingComparisonStudy, ring: ComputedRing | None) -> tuple[Check, ...]:
    """The checks that this study allows: of the models, then of the assumptions."""
    dose = study.dose
    model = DoseModel(dose.straggling, dose.energy_spread, dose.nuclear_loss_per_cm.get("proton"))
    litre = planned("proton", _LITRE, (60.0, 250.0), model, SpotPlan(3e-3, 5e-3, 0.0))
    return (*_of_dose(litre), *(_of_ring(ring) if ring else ()), _of_steps(litre), *_assumed(study))


def _of_dose(litre: Treatment) -> list[Check]:
    current = litre.particles.sum() * ELEMENTARY_CHARGE / 60.0
    return [
        Check("energies for 10 cm of depth at 3 mm", float(litre.layers), 33, 35, "1", "34 in treatment planning"),
        Check(
            "mean current for 2 Gy a minute in one litre, protons",
            _short(current * 1e9),
            0.33,
            0.56,
            "nA",
            "clinical need, proton therapy",
        ),
        Check(
            "energy whose range is 15.77 g/cm², protons",
            _short(float(energy_of("proton", 0.1577))),
            148.5,
            151.5,
            "MeV",
            "ICRU Report 49: 150 MeV; 1 %",
        ),
        Check(
            "energy whose range is 27.3 g/cm², carbon",
            _short(float(energy_of("carbon-12", 0.2733))),
            391,
            407,
            "MeV/u",
            "CNAO/optics, synchro/LGEN: 399.1 MeV/u at 270 mm behind 3.3 mm; 2 %",
        ),
    ]


def _of_ring(ring: ComputedRing) -> list[Check]:
    """The cycle of the ring's own study over the energies of the treatment."""
    low, high = float(ring.cycle.energies[0]), float(ring.cycle.energies[-1])
    ranges = np.arange(ring.range_ends[0], ring.range_ends[1], 3e-3)
    changes, steps = ring.cycle.times_at(energy_of(ring.cycle.species, ranges))
    span = f"{ring.cycle.species}, {low:.4g} to {high:.4g} MeV/u"
    return [
        Check(
            f"from spill to spill, longest ({span})",
            _short(changes.max()),
            1.0,
            2.0,
            "s",
            "MedAustron: 1 to 2 s between spills",
        ),
        Check(
            f"step of 3 mm within a spill, longest ({span})",
            _short(steps.max()),
            0.1,
            0.2,
            "s",
            f"Iwata et al. 2010; {_LIANG}: 200 ms, 100 ms",
        ),
    ]


def _of_steps(litre: Treatment) -> Check:
    """Two machine settings of one publication in our timeline: 8 and 20 MU/s, 4 and 8 energies a spill, and so on."""
    mu = float(litre.particles.sum()) * _PROTONS_PER_MU
    before = _delivery_time(litre, 40 * mu, rate=8 * mu, loss=0.5, energies=4, overhead=1.9e-3, step=0.2)
    after = _delivery_time(litre, 40 * mu, rate=20 * mu, loss=0.2, energies=8, overhead=0.95e-3, step=0.1)
    saved = _short(100 * (1 - after / before))
    what = "less time to deliver one litre with the settings of 2025 than with those of 2015"
    return Check(what, saved, 56, 70, "%", f"{_LIANG}: 60 % (56 to 70) over its own plans", CASE)


def _delivery_time(
    litre: Treatment, particles: float, *, rate: float, loss: float, energies: int, overhead: float, step: float
) -> float:
    """Time [s] with ``particles`` in a spill and 2 s between spills, which the publication leaves open."""
    machine = SynchrotronDelivery(
        "published",
        particles=particles,
        spill=particles / rate,
        flat_top=60.0,
        change=constant(2.0),
        step=constant(step),
        loss=loss,
        energies=energies,
    )
    return machine.deliver(litre, Scanning(20.0, overhead)).total


def _assumed(study: SwitchingComparisonStudy) -> list[Check]:
    found = [
        Check(
            "beam lost in a step within a spill",
            100 * study.synchrotron.step_loss,
            20,
            50,
            "%",
            f"{_LIANG}: recapture 50 %, 80 %",
            ASSUMED,
        ),
        Check("overhead of a spot", 1e3 * study.scanning.overhead_s, 0.95, 3.0, "ms", _LIANG, ASSUMED),
    ]
    if study.cyclotron is not None:
        found.append(
            Check("change of energy, degrader", study.cyclotron.change_s, 0.05, 1.0, "s", "0.05 to 1 s", ASSUMED)
        )
    return found


def _short(value: float) -> float:
    return float(f"{value:.6g}")
