"""What a lattice is made of, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lattice import InputError, Lattice
from lattice.lattice import checked_lattice

if TYPE_CHECKING:
    import pandas as pd


def elements(lattice: Lattice) -> pd.DataFrame:
    """The elements of a lattice in their order, a row each, with their strengths as numbers.

    ``table[table.kind == "quadrupole"]``, ``table.loc["qf"]``, ``table.groupby("kind").length.sum()`` and so on. What a
    strength is written as, "1.7*kf", tells ``lattice["qf"].k1``.

    Returns:
        A table indexed by the element's name ("qf::0", "qf::1" where it repeats): kind, s of the entrance and length
        [m], then each strength that is not 0 everywhere, in the unit of the elements' own help: angle, e1, e2, tilt
        [rad], k1 [m^-2], volt [V] ..., nan where a kind has none; lists (knl) as they are.

    Raises:
        InputError: a batch of lattices.

    Example:
        >>> from lattice import Drift, Quadrupole
        >>> cell = [Quadrupole("q", length=0.3, k1="2*kf"), Drift("d", length=1.0)]
        >>> table = elements(Lattice("cell", elements=cell, parameters={"kf": 0.6}))
        >>> print(table.loc["q"].to_dict())
        {'kind': 'quadrupole', 's': 0.0, 'length': 0.3, 'k1': 1.2}
    """
    import pandas as pd

    if checked_lattice(lattice, "elements").batch is not None:
        raise InputError(f"lattice '{lattice.name}' holds {lattice.batch} lattices in one: {lattice.way_to_one}")
    rows = [{name: lattice.value(value) for name, value in one.strengths().items()} for one in lattice.elements]
    columns = {
        "kind": [element.kind for element in lattice.elements],
        "s": np.asarray(lattice.s[:-1]),
        "length": [row.pop("length", 0.0) for row in rows],
    }
    names = dict.fromkeys(name for row in rows for name, value in row.items() if _says_something(value))
    strengths = {name: [row.get(name, np.nan) for row in rows] for name in names}
    return pd.DataFrame(columns | strengths, index=pd.Index(lattice.names, name="name"))


def _says_something(value: Any) -> bool:
    return value is not None and value != () and value != 0.0
