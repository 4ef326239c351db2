"""What a machine is: elements, sequence, parameters, reference particle, file formats."""

from lattice.elements import (
    Aperture,
    Bend,
    Collimator,
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
    Sextupole,
    Solenoid,
)
from lattice.errors import (
    FileError,
    HadronOpticsError,
    InputError,
    LatticeError,
    NoSolution,
    UnstableOptics,
)
from lattice.interchange import read_json, write_json
from lattice.lattice import Lattice
from lattice.madx import read_madx, write_madx
from lattice.reference import ReferenceParticle, Species
from lattice.survey import survey

__all__ = [
    "Aperture",
    "Bend",
    "Collimator",
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
    "Sextupole",
    "Solenoid",
    "Species",
    "UnstableOptics",
    "read_json",
    "read_madx",
    "survey",
    "write_json",
    "write_madx",
]
