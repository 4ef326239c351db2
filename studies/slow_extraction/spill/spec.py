"""The table of a study file that asks for a spill: beam, driver, ripple, what is compared."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, Strict, model_validator

from studies.spec.types import Name, NotNegative, Number, Positive, Switch, Table


class RippleSpec(Table):
    """Ripple of one family's supply: lines of relative amplitude, frequency [Hz] and phase [rad]."""

    parameter: Name
    """The parameter of the family whose supply ripples."""
    lines: tuple[tuple[Number, NotNegative, Number], ...] = Field(min_length=1)
    """Each [relative amplitude, frequency in Hz, phase in rad]."""


class KnockoutSpec(Table):
    """RF knock-out: where and how the beam is excited, and the width of the stack that it works on.

    Without ``at``, ``tune`` and ``bandwidth`` the study chooses a place and a band over the stack's tunes.
    """

    at: Name | None = None
    """Element at which the beam is kicked; without it the study chooses."""
    tune: Positive | None = None
    """Middle of the band [1]; without it the stack's."""
    bandwidth: Positive | None = None
    """Of the revolution frequency [1]; without it that of the stack's tunes."""
    excitation: Literal["sine", "chirp", "dual-fm", "noise"] = "noise"
    """What the kicks are like."""
    period_s: Positive = 1e-3
    """Period of a chirp and of dual-fm."""
    momentum_spread: Positive = 5e-4
    """Full width of dp/p of the stack that it works on [1]."""


class BucketSpec(Table):
    """Phase displacement: how often empty buckets sweep through the stack, and their RF."""

    sweeps: Annotated[int, Strict(), Field(ge=1, le=1000)] = 4
    """How often empty buckets sweep through the stack."""
    harmonic: Annotated[int, Strict(), Field(ge=1, le=1000)] = 1
    """Of the revolution frequency."""
    volt: Positive | None = None
    """Voltage a turn [V]; without it the study chooses."""


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
    """false: no spill is tracked."""
    particles: Some = 2000
    """Tracked by our maps."""
    duration_s: Annotated[Positive, Field(le=1000.0)] = 1.0
    """Of the programme."""
    driver: DriverName = "betatron-core"
    """What moves the beam out."""
    programme: tuple[tuple[NotNegative, Number], ...] | None = None
    """Pairs [time in s, value of the driver]; without it the whole stack is moved through."""
    shaped: Switch = True
    """The programme is shaped until the rate is even."""
    shaped_duty_factor: Annotated[Positive, Field(le=1.0)] = 0.95
    """What the shape has to reach [1]."""
    sweep_parameter: Name | None = None
    """Of a tune sweep; without it the family that moves the tune most."""
    bin_s: Positive = 1e-3
    """Bins of the duty factor."""
    ripple: tuple[RippleSpec, ...] = ()
    """Ripple of the supplies: a list of tables."""
    compare: tuple[DriverName, ...] = ()
    """Other drivers, tracked beside."""
    compare_particles: Some = 400
    """Tracked with each of them."""
    engine_particles: Annotated[int, Strict(), Field(ge=0, le=100_000)] = 300
    """Tracked by Xsuite too."""
    engine_turns: Annotated[int, Strict(), Field(ge=500, le=1_000_000)] = 3000
    """Turns of that comparison."""
    response: Switch = True
    """Whether the way from ripple to rate is tracked."""
    response_particles: Some = 2000
    """Tracked for it."""
    knockout: KnockoutSpec = KnockoutSpec()
    """The table of RF knock-out."""
    buckets: BucketSpec = BucketSpec()
    """The table of phase displacement."""

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
