"""Where a machine stands, as a table: what ``lattice.survey`` computes, with the element's name as index."""

from __future__ import annotations

from typing import TYPE_CHECKING

import lattice
from lattice import Lattice
from lattice.lattice import checked_lattice

if TYPE_CHECKING:
    import pandas as pd


def survey(line: Lattice, **start: float) -> pd.DataFrame:
    """Floor coordinates of the reference orbit at the entrance of each element, last row ``_end``.

    ``start``: X, Y, Z, theta, phi, psi at the beginning.

    Equation:
        V1 = V0 + W0 R, W1 = W0 S element by element: of a bend R = rho (cos angle - 1, 0, sin angle), S a turn by its
        angle.

    Returns:
        A table of s, X, Y, Z [m], theta, phi, psi [rad], indexed by the element's name.

    Raises:
        InputError: a batch of lattices.

    Source:
        The MAD-X user's guide, SURVEY: conventions and signs.

    Example:
        >>> from lattice import Bend, Drift
        >>> arc = Lattice("arc", elements=[Bend("b", length=1.0, angle=0.5), Drift("d", length=1.0)])
        >>> survey(arc).loc["_end", "theta"]
        np.float64(-0.5)
    """
    import pandas as pd

    return pd.DataFrame(lattice.survey(checked_lattice(line, "survey"), **start)).set_index("name")
