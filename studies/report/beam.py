"""What the head of a page says of the beam: of a linac first what it gives, then with which energy it begins."""

from __future__ import annotations

from collections.abc import Mapping

from studies.results import StudyResult


def beam_told(result: StudyResult) -> str:
    """The particle and its energy; ``proton, 70 to 230 MeV; at the entrance proton 5 MeV: p = ...`` of a linac."""
    begin, colon, _ = result.particle.partition(": p = ")
    particle, _, energy = begin.strip().partition(" ")
    given = accelerated(result, energy)
    if not colon or given in (energy, f"from {energy}"):
        return result.particle
    return f"{particle}, {given}; at the entrance {result.particle}"


def accelerated(result: StudyResult, energy: str) -> str:
    """The energies of a linac, which says of its particle with which one it begins: those that it was set to, or both
    ends of its acceleration."""
    if not str(result.study.get("study", "")).startswith("linac-") or not energy[:1].isdigit():
        return energy
    table = result.study.get("energies")
    if isinstance(table, Mapping) and {"lower_MeV", "upper_MeV"} <= set(table):
        return f"{table['lower_MeV']:g} to {table['upper_MeV']:g} MeV"
    final = next((one.value for one in result.quantities if one.name == "final_energy"), None)
    return f"from {energy}" if final is None else f"from {energy} to {final / 1e6:.4g} MeV"
