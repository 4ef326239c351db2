"""The table of a study file that asks for a spill: beam, driver, ripple, what is compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, Strict, model_validator

from studies.spec.types import Name, NotNegative, Number, Positive, Switch, Table


class RippleSpec(Table):
    """Ripple of one family's supply: lines of relative amplitude, frequency [Hz] and phase [rad]."""

    parameter: Name
    lines: tuple[tuple[Number, NotNegative, Number], ...] = Field(min_length=1)


class KnockoutSpec(Table):
    """RF knock-out: where and how the beam is excited, and the width of the stack that it works on.

    Without ``at``, ``tune`` and ``bandwidth`` the study chooses a place and a band over the stack's tunes.
    """

    at: Name | None = None
    tune: Positive | None = None
    bandwidth: Positive | None = None
    excitation: Literal["sine", "chirp", "dual-fm", "noise"] = "noise"
    period_s: Positive = 1e-3
    momentum_spread: Positive = 5e-4

    @model_validator(mode="before")
    @classmethod
    def _of_older_files(cls, content: Any) -> Any:
        """``element``, as the key was called, is ``at``, as ``RFKnockout`` has it."""
        if not isinstance(content, Mapping) or "element" not in content:
            return content
        if "at" in content:
            raise ValueError("at and element are one key: leave element out")
        return {("at" if key == "element" else key): value for key, value in content.items()}


class BucketSpec(Table):
    """Phase displacement: how often empty buckets sweep through the stack, and their RF."""

    sweeps: Annotated[int, Strict(), Field(ge=1, le=1000)] = 4
    harmonic: Annotated[int, Strict(), Field(ge=1, le=1000)] = 1
    volt: Positive | None = None


DriverName = Literal["betatron-core", "tune-sweep", "constant-optics", "rf-knockout", "phase-displacement"]
Some = Annotated[int, Strict(), Field(ge=50, le=10_000_000)]


class SpillSpec(Table):
    """The spill, turn by turn: beam, driver and its programme, ripple, what is compared.

    Without a ``programme`` (time [s], value) the driver moves the whole stack through, evenly or (``shaped``) so that
    the rate is even, until ``shaped_duty_factor`` is reached. ``compare``: other drivers, tracked with
    ``compare_particles``. Xsuite too tracks ``engine_particles``, over a programme of ``engine_turns``. ``response``:
    how ripple of each family comes through.
    """

    tracked: Switch = True
    particles: Some = 2000
    duration_s: Annotated[Positive, Field(le=1000.0)] = 1.0
    driver: DriverName = "betatron-core"
    programme: tuple[tuple[NotNegative, Number], ...] | None = None
    shaped: Switch = True
    shaped_duty_factor: Annotated[Positive, Field(le=1.0)] = 0.95
    sweep_parameter: Name | None = None
    bin_s: Positive = 1e-3
    ripple: tuple[RippleSpec, ...] = ()
    compare: tuple[DriverName, ...] = ()
    compare_particles: Some = 400
    engine_particles: Annotated[int, Strict(), Field(ge=0, le=100_000)] = 300
    engine_turns: Annotated[int, Strict(), Field(ge=500, le=1_000_000)] = 3000
    response: Switch = True
    response_particles: Some = 2000
    knockout: KnockoutSpec = KnockoutSpec()
    buckets: BucketSpec = BucketSpec()

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        times = [time for time, _ in self.programme or ()]
        if self.programme is not None and (len(times) < 2 or sorted(set(times)) != times):
            raise ValueError(f"programme: at least two pairs (time [s], value) with rising times, found {times}")
        if 10 * self.bin_s > self.duration_s:
            raise ValueError(f"bin_s {self.bin_s:g} s: a spill of {self.duration_s:g} s needs at least 10 bins")
        names = [ripple.parameter for ripple in self.ripple]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"two tables of ripple for {', '.join(repeated)}: put their lines into one")
        return self
