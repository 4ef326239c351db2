"""What a machine is: elements, sequence, parameters, reference particle, file formats."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lattice.elements import (
    Aperture,
    Bend,
    Collimator,
    DipoleEdge,
    Drift,
    ElectrostaticSeptum,
    Element,
    Kicker,
    MagneticSeptum,
    Marker,
    Monitor,
    Multipole,
    Octupole,
    Quadrupole,
    RFCavity,
    RFGap,
    Separator,
    Sextupole,
    Solenoid,
    SRotation,
    ThinSolenoid,
    Translation,
    XRotation,
    YRotation,
)
from lattice.errors import (
    FileError,
    HadronOpticsError,
    InputError,
    LatticeError,
    NoSolution,
    UnstableOptics,
    where_else,
)
from lattice.interchange import read_json, write_json
from lattice.lattice import Lattice
from lattice.madx import read_madx, write_madx
from lattice.reference import ReferenceParticle, Species
from lattice.survey import survey

if TYPE_CHECKING:
    from lattice.formats.bmad import read_bmad
    from lattice.formats.elegant import read_elegant
    from lattice.formats.pals import read_pals, write_pals

__all__ = [
    "Aperture",
    "Bend",
    "Collimator",
    "DipoleEdge",
    "Drift",
    "ElectrostaticSeptum",
    "Element",
    "FileError",
    "HadronOpticsError",
    "InputError",
    "Kicker",
    "Lattice",
    "LatticeError",
    "MagneticSeptum",
    "Marker",
    "Monitor",
    "Multipole",
    "NoSolution",
    "Octupole",
    "Quadrupole",
    "RFCavity",
    "RFGap",
    "ReferenceParticle",
    "SRotation",
    "Separator",
    "Sextupole",
    "Solenoid",
    "Species",
    "ThinSolenoid",
    "Translation",
    "UnstableOptics",
    "XRotation",
    "YRotation",
    "read_bmad",
    "read_elegant",
    "read_json",
    "read_madx",
    "read_pals",
    "survey",
    "write_json",
    "write_madx",
    "write_pals",
]

#: Languages of other codes, loaded when they are first asked for.
_HOMES = {
    "read_bmad": "lattice.formats.bmad",
    "read_elegant": "lattice.formats.elegant",
    "read_pals": "lattice.formats.pals",
    "write_pals": "lattice.formats.pals",
}


def __getattr__(name: str) -> Any:
    """The public name, from the module that makes it; kept, so that this is asked once."""
    if name not in _HOMES:
        told = f"module 'lattice' has no attribute '{name}'{where_else(name, __all__)}"
        raise AttributeError(told, name=name, obj=None)  # Python would add a name that is nearest in letters
    found = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
