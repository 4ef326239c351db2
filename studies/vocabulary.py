"""The vocabulary of studies: every quantity with its unit, symbol and meaning, in one place.

A quantity is written ``qx``, ``betx@symp`` (at the entrance of an element; ``symp:end`` is its exit),
``max_betx`` / ``min_dx`` (over the whole lattice, inside elements too). In results, matched parameters are called
``parameter.kf`` and what a match left over ``match.qx``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True)
class QuantityKind:
    """One entry of the vocabulary: ``key``, SI-based ``unit`` ("1" for a pure number), ``symbol``, ``text``."""

    key: str
    unit: str
    symbol: str
    text: str


def _kinds(*rows: tuple[str, str, str, str]) -> dict[str, QuantityKind]:
    return {row[0]: QuantityKind(*row) for row in rows}


#: One number a lattice.
SCALARS = _kinds(
    ("qx", "1", "Qx", "horizontal tune"),
    ("qy", "1", "Qy", "vertical tune"),
    ("dqx", "1", "Q'x", "horizontal chromaticity dQx/d(dp/p)"),
    ("dqy", "1", "Q'y", "vertical chromaticity dQy/d(dp/p)"),
    ("tune_distance", "1", "|Qx - n/3|", "distance of the horizontal tune from the nearest third of an integer"),
    ("resonance_distance", "1", "|m Qx + n Qy - p|",
     "distance from the nearest other resonance, |m| + |n| <= 3, n not 0"),
    ("momentum_compaction", "1", "alpha_p", "momentum compaction factor"),
    ("gamma_transition", "1", "gamma_tr", "transition energy over rest energy"),
    ("slip_factor", "1", "eta", "change of the revolution time, (dT/T)/(dp/p) = alpha_p - 1/gamma^2"),
    ("length", "m", "C", "length of the reference orbit"),
    ("clearance_x", "m", "clearance x", "least horizontal distance between the edge of a beam and the aperture"),
    ("clearance_y", "m", "clearance y", "least vertical distance between the edge of a beam and the aperture"),
    ("clearance_es", "m", "clearance at the septum",
     "distance between the edge of a beam and the wires of the electrostatic septum"),
    ("max_bend_field", "T", "B max", "largest dipole field at the top rigidity"),
    ("max_gradient", "T/m", "G max", "largest quadrupole gradient at the top rigidity"),
    ("sextupole_strength", "T/m^2", "S max", "largest sextupole strength |k2| B rho at the top rigidity"),
    ("residual_tune_xsuite", "1", "|dQ|", "largest difference of a tune from Xsuite's"),
    ("residual_beta_xsuite", "1", "|d beta| / beta", "largest relative difference of a beta function from Xsuite's"),
    ("residual_dispersion_xsuite", "m", "|dD|", "largest difference of the dispersion from Xsuite's"),
    ("residual_chromaticity_xsuite", "1", "|dQ'|", "largest difference of a chromaticity from Xsuite's"),
)  # fmt: skip

#: One number of many machines with errors.
IMPERFECTIONS = _kinds(
    ("orbit_x_uncorrected", "m", "|x| max, uncorrected", "largest horizontal closed orbit before correction"),
    ("orbit_y_uncorrected", "m", "|y| max, uncorrected", "largest vertical closed orbit before correction"),
    ("orbit_x", "m", "|x| max", "largest horizontal closed orbit after correction"),
    ("orbit_y", "m", "|y| max", "largest vertical closed orbit after correction"),
    ("corrector_kick", "1", "largest kick", "largest kick of an orbit corrector"),
    ("beta_beating", "1", "d beta / beta", "largest relative change of a beta function by errors"),
    ("dispersion_error", "m", "dD", "largest change of the dispersion by errors"),
    ("coupling", "1", "|C-|", "least distance of the tunes that coupling allows"),
    ("orbit_yield", "1", "yield", "part of the machines whose beams fit into their apertures"),
    ("residual_orbit_xsuite", "m", "|dx|", "largest difference of a closed orbit with errors from Xsuite's"),
)  # fmt: skip
SCALARS |= IMPERFECTIONS

#: One number of a third-integer extraction.
EXTRACTION = _kinds(
    ("resonant_momentum", "1", "dp/p on resonance", "momentum deviation whose tune lies on the resonance"),
    ("virtual_sextupole", "m^-1/2", "|S|", "normalised strength of the virtual sextupole"),
    ("virtual_phase", "1", "mu_S", "phase of the virtual sextupole from the electrostatic septum, in turns modulo 1/3"),
    ("stable_area", "m", "A", "area of the stable triangle, exact"),
    ("kobayashi_area", "m", "A (leading order)", "area of the stable triangle by Kobayashi's Hamiltonian"),
    ("enclosed_area", "m", "A (curved)", "area within the separatrices, which are curved"),
    ("arm_angle", "1", "x' of the arm", "angle of the extraction arm at the wires of the electrostatic septum"),
    ("arm_slope", "1/m", "dx'/dx", "slope of the extraction arm at the wires"),
    ("arm_curvature", "1/m^2", "d2x'/dx2", "curvature of the extraction arm at the wires"),
    ("arm_divergence", "1", "dx'/d(dp/p)", "change of the arm's angle at the wires with momentum, exact"),
    ("arm_angle_spread", "1", "spread of x'", "largest difference of the arm's angle at the wires over all momenta"),
    ("hardt_residual", "m^1/2", "Hardt residual", "what is missing to the Hardt condition, leading order"),
    ("spiral_step", "m", "spiral step", "growth of |x| over three turns from the wires, exact"),
    ("kobayashi_step", "m", "spiral step (leading order)", "growth of |x| over three turns by Kobayashi's Hamiltonian"),
    ("least_spiral_step", "m", "least spiral step", "least spiral step of all extracted momenta"),
    ("largest_spiral_step", "m", "largest spiral step", "largest spiral step of all extracted momenta"),
    ("spiral_kick", "1", "spiral kick", "change of the angle over three turns from the wires"),
    ("septum_angle", "1", "angle of the wires", "angle of the electrostatic septum's wires to the reference orbit"),
    ("crossing_angle", "1", "crossing angle", "largest angle between wires and extracted beam over all momenta"),
    ("wire_loss", "1", "loss", "part of the extracted beam that hits the wires"),
    ("septum_gap", "m", "gap", "least gap between circulating and extracted beam at the magnetic septum"),
    ("wall_clearance", "m", "room at the wall",
     "least distance of either beam from the wall of the magnetic septum"),
    ("phase_to_septum", "1", "mu (sextupole to ES)",
     "phase advance from the resonance sextupole to the electrostatic septum, in turns"),
    ("phase_between_septa", "1", "mu (ES to MS)", "phase advance between the septa, in turns"),
    ("last_turns_clearance", "m", "room in the last turns",
     "least distance of the last three turns of extracted particles from the aperture"),
    ("extracted_emittance", "m", "emittance x", "rms horizontal emittance of the extracted beam at the wires"),
    ("extracted_momentum_spread", "1", "rms dp/p", "rms momentum spread of the extracted beam"),
    ("residual_separatrix_xsuite", "1", "separatrix",
     "largest relative difference of fixed points and areas from Xsuite's"),
    ("residual_arm_xsuite", "1", "arm", "largest relative difference of the arm's position and angle from Xsuite's"),
)  # fmt: skip

#: One number of a tracked spill.
SPILL = _kinds(
    ("extraction_efficiency", "1", "efficiency", "extracted particles over all that left the ring"),
    ("spill_left", "1", "left over", "part of the beam that still circulates at the end"),
    ("spill_loss_wires", "1", "loss on the wires", "part of what left the ring that hit the wires"),
    ("spill_loss_cathode", "1", "loss on the cathode", "part of what left the ring that hit the cathode"),
    ("spill_loss_aperture", "1", "loss in the chamber", "part of what left the ring that was lost elsewhere"),
    ("duty_factor", "1", "F", "duty factor <n>^2/<n^2> of the spill, freed of counting statistics"),
    ("duty_factor_raw", "1", "F (as counted)", "duty factor of the particles tracked, as counted"),
    ("rate_variation", "1", "CV", "coefficient of variation of the rate, freed of counting statistics"),
    ("peak_to_mean", "1", "peak/mean", "highest rate over the mean"),
    ("spill_length", "s", "spill length", "time in which the middle 90 % of the extracted particles leave"),
    ("spill_momentum_spread", "1", "rms dp/p", "rms momentum spread of all that is extracted, tracked"),
    ("spill_momentum_drift", "1", "drift of dp/p", "change of the mean extracted momentum over the spill"),
    ("spill_spiral_step", "m", "spiral step (tracked)", "width in x of the extracted beam, 1 % left out"),
    ("spill_emittance_x", "m", "emittance x", "rms horizontal emittance of the extracted beam, tracked"),
    ("spill_emittance_y", "m", "emittance y", "rms vertical emittance of the extracted beam, tracked"),
    ("spill_betx", "m", "betx (extracted)", "statistical betx of the extracted beam at the wires"),
    ("spill_alfx", "1", "alfx (extracted)", "statistical alfx of the extracted beam at the wires"),
    ("spill_bety", "m", "bety (extracted)", "statistical bety of the extracted beam at the wires"),
    ("spill_alfy", "1", "alfy (extracted)", "statistical alfy of the extracted beam at the wires"),
    ("spill_dx", "m", "Dx (extracted)", "statistical horizontal dispersion of the extracted beam at the wires"),
    ("spill_dpx", "1", "D'x (extracted)", "statistical slope of that dispersion"),
    ("spill_agreement_xsuite", "1", "p (Kolmogorov-Smirnov)",
     "least chance that turn and angle of extraction, by both trackers, have one distribution"),
)  # fmt: skip

#: One number of a linac.
LINAC = _kinds(
    ("final_energy", "eV", "W", "kinetic energy of the reference particle at the end"),
    ("transmission", "1", "T", "part of the particles at the entrance that arrives, no errors"),
    ("transmission_with_errors", "1", "T (errors)", "transmission that 9 of 10 samples of the errors reach"),
    ("energy_spread", "1", "sigma_W / W", "rms energy spread at the end over the energy"),
    ("emittance_growth_x", "1", "growth x", "growth of the normalised rms emittance in x, over that at the entrance"),
    ("emittance_growth_y", "1", "growth y", "growth of the normalised rms emittance in y, over that at the entrance"),
    ("sigmas_in_bore", "1", "bore / sigma", "least opening over the rms size of the beam, by matrices"),
    ("acceptance_x", "m", "A x", "normalised acceptance in x for the shape of the beam: largest ellipse"),
    ("acceptance_y", "m", "A y", "normalised acceptance in y for the shape of the beam: largest ellipse"),
    ("bucket_sigmas", "1", "bucket / sigma",
     "radius of the circle with the area of the longitudinal acceptance, in rms sizes of the bunch"),
    ("largest_advance", "1", "mu max", "largest phase advance of a focusing period, in turns, with acceleration"),
    ("least_advance", "1", "mu min", "least phase advance of a focusing period, in turns, with acceleration"),
    ("space_charge", "1", "k_sc^2/k_0^2", "largest space-charge defocusing over the focusing of the quadrupoles"),
    ("unit_power", "W", "P unit", "largest peak power that a klystron must give: copper, beam and waveguide"),
    ("rf_power", "W", "P", "peak power of all units: copper, beam and waveguide"),
    ("average_power", "W", "P average", "the same averaged over time"),
    ("klystron_share", "1", "P / rating", "largest peak power of a unit over the rating of its klystron"),
    ("kilpatrick", "1", "E/E_K", "largest peak surface field over Kilpatrick's"),
    ("lost_power", "W", "P lost", "mean power of the protons that are lost, without errors"),
    ("energy_jitter", "1", "jitter of W", "rms of the beam's energy from pulse to pulse over the energy, the largest"),
    ("range_jitter", "m", "jitter of R", "rms of the range in water from pulse to pulse, the largest"),
    ("residual_tank_energy", "1", "|dW| / W gain",
     "largest relative difference of a tank's energy gain from the integration through the fields"),
    ("residual_energy", "1", "|dW| / W", "largest relative difference of a final energy from the integration"),
    ("residual_spread", "1", "|d sigma_W| / sigma_W",
     "relative difference of the energy spread from the integration, same particles"),
    ("least_transmission", "1", "T min", "least transmission over all energies, no errors"),
    ("largest_spread", "1", "sigma_W / W max", "largest rms energy spread over the energy, over all energies"),
    ("energy_miss", "1", "|W - wanted| / W", "largest difference of the beam's mean energy from the wanted one"),
    ("largest_spot", "m", "sigma max", "largest rms size at the exit over all energies and both planes"),
    ("least_spot", "m", "sigma min", "least rms size at the exit over all energies and both planes"),
    ("largest_fill", "1", "sigma / bore", "largest rms size over the bore, over all energies, by matrices"),
    ("switching_time", "s", "t switch", "time for a change of energy of the linac itself"),
    ("layer_time", "s", "t layer", "time for a change of energy by one layer, with the beam line's magnets"),
    ("treatment_time", "s", "t volume", "time of the pulse sequence over the volume"),
    ("settings_number", "1", "settings", "number of energies in the table"),
    ("interpolation_error", "1", "|dW| / W",
     "energy half way between two rows of the table from interpolated settings, over the energy: largest difference"),
    ("worst_trip", "eV", "lost", "largest stretch of energies between 70 and 230 MeV lost when one klystron trips"),
    ("best_recovery", "eV", "W after trip", "least top energy that remains after any one trip, phases set anew"),
)  # fmt: skip

#: One number of energy switching on a ring, or of a treatment.
SWITCHING = _kinds(
    ("energies_number", "1", "energies", "number of energies in the programme"),
    ("programme_tune_error", "1", "|dQ|", "largest distance of a tune from what is held, over all energies"),
    ("programme_chromaticity_range", "1", "range of Q'x", "range of the horizontal chromaticity over all energies"),
    ("programme_dispersion_error", "m", "|dD|", "largest distance of the dispersion from what is held"),
    ("programme_sextupole_error", "m^-1/2", "|d|S||", "largest distance of the virtual sextupole from what is held"),
    ("programme_hardt_residual", "m^1/2", "Hardt residual", "largest Hardt residual over all energies, leading order"),
    ("largest_current_share", "1", "I / rating", "largest current over its rating, all circuits and energies"),
    ("largest_voltage_share", "1", "U / rating", "largest voltage over its rating, all circuits and energies"),
    ("longest_change", "s", "t change", "longest change of energy, from the end of one spill to the next"),
    ("longest_step", "s", "t step", "longest step in energy within a spill"),
    ("step_tune_error", "1", "|dQx| (step)", "largest tune error that hysteresis leaves after a step back"),
    ("largest_rf_voltage", "V", "V max", "largest RF voltage of the programme"),
    ("table_tune_residual", "1", "rms dQx", "tune that the fitted field errors leave of the operational table, rms"),
    ("table_gradient_error", "1", "|dk/k|", "largest relative gradient error that explains the operational table"),
    ("residual_programme_xsuite", "1", "|dQ| (Xsuite)", "largest difference of a tune from Xsuite's, energies sampled"),
    ("treatment_time_cycles", "s", "t (one energy a cycle)", "time to treat, synchrotron with one energy a cycle"),
    ("treatment_time_steps", "s", "t (several a spill)", "time to treat, synchrotron with several energies a spill"),
    ("treatment_time_linac", "s", "t (linac)", "time to treat, linac"),
    ("treatment_time_cyclotron", "s", "t (cyclotron)", "time to treat, cyclotron with degrader"),
    ("dose_level", "1", "dose level", "largest distance of the dose from the prescribed one along the axis, relative"),
    ("layers_number", "1", "layers", "number of layers"),
    ("largest_energy_spread", "1", "dE/E", "largest rms energy spread of the machines compared"),
    ("worst_spot", "m", "spot", "largest rms spot of the machines compared"),
    ("timing_checks_missed", "1", "checks missed", "published numbers that the models do not reproduce"),
)  # fmt: skip

#: Functions of s: a number at each place.
COLUMNS = _kinds(
    ("betx", "m", "betx", "horizontal beta function"),
    ("bety", "m", "bety", "vertical beta function"),
    ("alfx", "1", "alfx", "horizontal alpha function"),
    ("alfy", "1", "alfy", "vertical alpha function"),
    ("mux", "1", "mux", "horizontal phase advance from the start, in turns"),
    ("muy", "1", "muy", "vertical phase advance from the start, in turns"),
    ("dx", "m", "Dx", "horizontal dispersion per dp/p"),
    ("dpx", "1", "D'x", "slope of the horizontal dispersion per dp/p"),
    ("dy", "m", "Dy", "vertical dispersion per dp/p"),
    ("dpy", "1", "D'y", "slope of the vertical dispersion per dp/p"),
    ("x", "m", "x", "horizontal closed orbit"),
    ("px", "1", "px", "horizontal slope of the closed orbit"),
    ("y", "m", "y", "vertical closed orbit"),
    ("py", "1", "py", "vertical slope of the closed orbit"),
)


#: Groups of the vocabulary and the studies (words of their ``study`` key) that compute them.
_COMPUTED_BY: tuple[tuple[dict[str, QuantityKind], tuple[str, ...]], ...] = (
    (EXTRACTION, ("extraction",)),
    (SPILL, ("extraction",)),
    (LINAC, ("linac-optics", "linac-energy-switching")),
    (SWITCHING, ("energy-switching", "switching-comparison")),
    (IMPERFECTIONS, ("optics",)),
    (SCALARS, ("optics", "extraction")),
    (COLUMNS, ("optics", "extraction")),
)
#: Of a length or a gradient, which linacs share with rings.
_SHARED = {"length": ("linac-optics",), "max_gradient": ("linac-optics",)}


def words_of(name: str) -> tuple[str, ...]:
    """Words of the studies that compute a quantity; ValueError for one that the vocabulary lacks."""
    asked = quantity_named(name if "@" in name or name not in COLUMNS else f"max_{name}")
    found = next(words for group, words in _COMPUTED_BY if asked.base in group)
    return (*found, *_SHARED.get(asked.base, ()))


def computed_by(name: str) -> str:
    """The studies that compute a quantity, as messages say it: ``study = "extraction"``."""
    words = " or ".join(f'"{word}"' for word in words_of(name))
    return f"study = {words}"


@dataclass(frozen=True)
class QuantityName:
    """A quantity as asked for: ``form`` is "scalar", "at", "max" or "min"."""

    form: str
    base: str
    place: str | None
    kind: QuantityKind

    @property
    def full(self) -> str:
        """The name as written in results: ``betx@symp``, ``max_betx``, ``qx``."""
        return f"{self.base}@{self.place}" if self.place else self.kind.key


def quantity_named(name: str, at: str | None = None) -> QuantityName:
    """Parse a quantity's name; ValueError says what is wrong and suggests the nearest."""
    base, _, place = name.strip().lower().partition("@")
    if place and at:
        raise ValueError(f"'{name}' names a place already: leave out at = '{at}'")
    place = place or (at or "").strip().lower()
    if base in SCALARS or base in EXTRACTION or base in SPILL or base in LINAC or base in SWITCHING:
        return _placeless(base, place)
    prefix, _, column = base.partition("_")
    if prefix in ("max", "min") and column in COLUMNS:
        return _extreme(prefix, column, place)
    if base in COLUMNS:
        return _local(base, place)
    raise ValueError(f"unknown quantity '{name}'{nearest(base, all_names()) or '.'} Known: {vocabulary()}")


def _placeless(base: str, place: str) -> QuantityName:
    if place:
        raise ValueError(f"'{base}' is one number for the whole lattice: it takes no place ('{place}')")
    return QuantityName("scalar", base, None, {**SCALARS, **EXTRACTION, **SPILL, **LINAC, **SWITCHING}[base])


def _extreme(prefix: str, column: str, place: str) -> QuantityName:
    if place:
        raise ValueError(f"'{prefix}_{column}' is taken over the whole lattice: write {column} for a place ('{place}')")
    kind, word = COLUMNS[column], "largest" if prefix == "max" else "least"
    key = f"{prefix}_{column}"
    text = f"{word} {kind.text}"
    return QuantityName(prefix, column, None, QuantityKind(key, kind.unit, f"{prefix} {kind.symbol}", text))


def _local(column: str, place: str) -> QuantityName:
    if not place:
        raise ValueError(
            f"'{column}' varies along the lattice: give a place ({column}@NAME), max_{column} or min_{column}"
        )
    kind = COLUMNS[column]
    return QuantityName("at", column, place, QuantityKind(column, kind.unit, f"{kind.symbol} at {place}", kind.text))


def all_names() -> tuple[str, ...]:
    """Every name the vocabulary knows (places are written ``betx@NAME``)."""
    columns = [name for key in COLUMNS for name in (f"{key}@NAME", f"max_{key}", f"min_{key}")]
    return (*SCALARS, *EXTRACTION, *SPILL, *LINAC, *SWITCHING, *columns)


def vocabulary() -> str:
    """The names in one line for messages."""
    columns = f"betx@NAME, max_betx and min_betx (so too {', '.join(key for key in COLUMNS if key != 'betx')})"
    return f"{', '.join((*SCALARS, *EXTRACTION, *SPILL, *LINAC, *SWITCHING))}; {columns}"


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the nearest known name, else ``""`` (no lattice code needed)."""
    found = get_close_matches(name.lower(), [entry.replace("@NAME", "") for entry in known], n=1, cutoff=0.6)
    return f"; did you mean '{found[0]}'?" if found else ""


#: Units a requirement may be written in, as factors of the vocabulary's own unit.
UNIT_FACTORS: dict[str, dict[str, float]] = {
    "1": {"1": 1.0, "": 1.0, "rad": 1.0, "mrad": 1e-3, "%": 1e-2},
    "s": {"s": 1.0, "ms": 1e-3},
    "m": {"m": 1.0, "cm": 1e-2, "mm": 1e-3, "um": 1e-6},
    "m^1/2": {"m^1/2": 1.0, "mm^1/2": 1e-3**0.5},
    "m^-1/2": {"m^-1/2": 1.0},
    "1/m": {"1/m": 1.0, "mrad/mm": 1.0},
    "1/m^2": {"1/m^2": 1.0},
    "T/m": {"T/m": 1.0},
    "T/m^2": {"T/m^2": 1.0},
    "T": {"T": 1.0, "mT": 1e-3},
    "V": {"V": 1.0, "kV": 1e3},
    "eV": {"eV": 1.0, "keV": 1e3, "MeV": 1e6},
    "W": {"W": 1.0, "kW": 1e3, "MW": 1e6},
}


def unit_factor(name: QuantityName, unit: str) -> float:
    """Size of ``unit`` in the quantity's own unit (mm: 1e-3 of m); ValueError lists the units that fit."""
    factors = UNIT_FACTORS[name.kind.unit]
    if unit not in factors:
        allowed = ", ".join(repr(known) for known in factors)
        raise ValueError(f"unit '{unit}' does not fit {name.full}: expected one of {allowed}")
    return factors[unit]
