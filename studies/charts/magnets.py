"""What a figure needs to know of each magnet: where it stands, how strong it is, what field that takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import degrees
from typing import Any

from lattice import Lattice, ReferenceParticle
from lattice.reference import SPEED_OF_LIGHT

#: Kinds that are drawn; drifts, markers and monitors are not.
DRAWN_KINDS = (
    "bend",
    "quadrupole",
    "sextupole",
    "octupole",
    "multipole",
    "solenoid",
    "kicker",
    "rfcavity",
    "rfgap",
    "electrostaticseptum",
    "magneticseptum",
    "collimator",
)


@dataclass(frozen=True)
class MagnetBlock:
    """One magnet of a figure: ``name`` (its row in tables), ``kind``, entrance ``s`` and ``length`` [m].

    ``strength`` is the main one (angle [rad], k1 [m^-2], k2 [m^-3] ...; its sign puts a quadrupole above or below
    the line). ``strength_text`` and ``field_text`` are what the hover shows; ``label`` is written beside it.
    """

    name: str
    kind: str
    s: float
    length: float
    strength: float = 0.0
    strength_text: str = ""
    field_text: str = ""
    label: str = ""

    @property
    def middle(self) -> float:
        """Centre along the reference orbit [m]."""
        return self.s + 0.5 * self.length


def magnet_blocks(
    lattice: Lattice, particle: ReferenceParticle | None = None, labels: Mapping[str, str] | None = None
) -> tuple[MagnetBlock, ...]:
    """Blocks of all magnets of a lattice, in order, with fields at the particle's rigidity.

    ``labels`` maps names of elements to the text written beside them. Without a particle (here or in the lattice)
    fields are left out. Raises InputError for a lattice with array parameters.
    """
    particle = particle or lattice.particle
    labels = {name.lower(): text for name, text in (labels or {}).items()}
    blocks = []
    for row, element, s in zip(lattice.names, lattice.elements, lattice.s, strict=False):
        if element.kind in DRAWN_KINDS:
            block = _block(lattice.resolved(element), particle)
            label = labels.get(row, labels.get(element.name, ""))
            blocks.append(replace(block, name=row, s=float(s), label=label))
    return tuple(blocks)


def _block(element: Any, particle: ReferenceParticle | None) -> MagnetBlock:
    rigidity = particle.magnetic_rigidity if particle else 0.0
    strength, text, field = _STRENGTHS.get(element.kind, _nothing)(element, rigidity)
    if element.kind == "electrostaticseptum" and particle and element.length:
        field = f"{element.kick / element.length * rigidity * particle.beta * SPEED_OF_LIGHT / 1e6:.4g} MV/m"
    return MagnetBlock(
        name=element.name,
        kind=element.kind,
        s=0.0,
        length=element.length,
        strength=strength,
        strength_text=text,
        field_text=field if particle else "",
    )


Strengths = tuple[float, str, str]


def _nothing(element: Any, rigidity: float) -> Strengths:
    return 0.0, "", ""


def _bend(element: Any, rigidity: float) -> Strengths:
    text = f"angle {degrees(element.angle):.5g} deg"
    return element.angle, text, f"{element.angle / element.length * rigidity:.4g} T"


def _quadrupole(element: Any, rigidity: float) -> Strengths:
    return element.k1, f"k1 {element.k1:.6g} m^-2", f"{element.k1 * rigidity:.4g} T/m"


def _sextupole(element: Any, rigidity: float) -> Strengths:
    return element.k2, f"k2 {element.k2:.6g} m^-3", f"{element.k2 * rigidity:.4g} T/m^2"


def _octupole(element: Any, rigidity: float) -> Strengths:
    return element.k3, f"k3 {element.k3:.6g} m^-4", f"{element.k3 * rigidity:.4g} T/m^3"


def _solenoid(element: Any, rigidity: float) -> Strengths:
    return element.ks, f"ks {element.ks:.6g} 1/m", f"{element.ks * rigidity:.4g} T"


def _kicker(element: Any, rigidity: float) -> Strengths:
    text = f"kicks {element.hkick * 1e3:.4g}, {element.vkick * 1e3:.4g} mrad"
    return element.hkick, text, f"{abs(complex(element.hkick, element.vkick)) * rigidity * 1e3:.4g} mT m"


def _septum(element: Any, rigidity: float) -> Strengths:
    text = f"kick {element.kick * 1e3:.4g} mrad at {element.position * 1e3:.4g} mm"
    field = f"{element.kick / element.length * rigidity:.4g} T" if element.length else ""
    return element.kick, text, field


def _voltage(element: Any, rigidity: float) -> Strengths:
    return element.volt, f"{element.volt / 1e3:.4g} kV", ""


_STRENGTHS: dict[str, Callable[[Any, float], Strengths]] = {
    "bend": _bend,
    "quadrupole": _quadrupole,
    "sextupole": _sextupole,
    "octupole": _octupole,
    "solenoid": _solenoid,
    "kicker": _kicker,
    "electrostaticseptum": _septum,
    "magneticseptum": _septum,
    "rfcavity": _voltage,
    "rfgap": _voltage,
}
