"""The reference particle of a Bmad file: parameter[particle] with p0c or e_tot [eV], of the whole particle."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt

from lattice.errors import InputError
from lattice.formats.bmad.species import is_mixed, species_called
from lattice.madx.text import Statement
from lattice.reference import SPECIES, ReferenceParticle, Species


class Beam:
    """What the file has said so far; Bmad's particle is the positron unless it says otherwise."""

    def __init__(self, note: Callable[[Statement, str], None]) -> None:
        self._note = note
        self._species: Species | None = SPECIES["positron"]
        self._energy: tuple[str, float, Statement] | None = None
        self._named = False

    def particle_called(self, statement: Statement, name: str) -> None:
        """The particle of this name; one that is not known here is noted."""
        self._species, self._named = species_called(name), True
        if self._species is None:
            self._note(statement, "this particle is not known here: give the particle and its energy")
        elif is_mixed(name):
            self._note(statement, f"the mass is that of {self._species.name}; Bmad takes the mixture of isotopes")

    def energy(self, statement: Statement, way: str, value: float) -> None:
        """``p0c`` or ``e_tot`` [eV]."""
        if not value > 0.0:
            raise statement.makes_no_sense(f"{way} must be positive, found {value:g}")
        self._energy = (way, value, statement)

    @property
    def charge(self) -> int:
        """Of the particle [e]; 1 where it is not known."""
        return 1 if self._species is None else self._species.charge

    def value(self, name: str) -> float | None:
        """``parameter[name]`` in an expression: only what was given."""
        return self._energy[1] if self._energy is not None and self._energy[0] == name else None

    def particle(self) -> ReferenceParticle | None:
        """The reference particle; None where particle or energy are not known."""
        if self._species is None or self._energy is None:
            return None
        way, value, statement = self._energy
        try:
            if way == "e_tot":
                if value <= self._species.mass:
                    raise InputError(f"e_tot must be more than the mass, {self._species.mass:g} eV, found {value:g}")
                value = sqrt((value - self._species.mass) * (value + self._species.mass))
            return ReferenceParticle.from_momentum(self._species, value)
        except InputError as error:
            raise statement.makes_no_sense(error) from None
