"""For tests of one's own: two optics are the same, within tolerances that say why they are what they are."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from lattice import InputError, Lattice
from lattice.errors import did_you_mean
from optics.engines.tolerances import Tolerance
from optics.linear.optics import Optics
from optics.linear.twiss import twiss

__all__ = ["TOLERANCES", "Tolerance", "assert_optics_equal"]

_ROUNDING = "the same maps: files that we write are read back to the last bit, other orders of summing cost 1e-12"
_SLOPE = "a slope of the tunes, in which rounding counts a hundred times as much"
#: What is compared when nothing else is asked for: whole numbers first, then columns at every element.
TOLERANCES: Mapping[str, Tolerance] = MappingProxyType(
    {
        **dict.fromkeys(("qx", "qy"), Tolerance(1e-9, _ROUNDING)),
        **dict.fromkeys(("dqx", "dqy"), Tolerance(1e-7, _SLOPE)),
        **dict.fromkeys(("betx", "bety"), Tolerance(1e-8, _ROUNDING, relative=True)),
        **dict.fromkeys(("alfx", "alfy", "dx", "dpx", "dy", "dpy"), Tolerance(1e-8, _ROUNDING)),
        **dict.fromkeys(("mux", "muy"), Tolerance(1e-9, _ROUNDING)),
    }
)
_OF_RINGS = ("qx", "qy", "dqx", "dqy")

Compared: TypeAlias = Optics | Lattice | pd.DataFrame | Mapping[str, float]


def assert_optics_equal(
    actual: Optics | Lattice, wanted: Compared, *, tolerances: Mapping[str, Tolerance] | None = None
) -> None:
    """Two optics are the same: every quantity of ``tolerances`` that both have, at every element by its name.

    ``wanted`` is another optics, a lattice (whose periodic optics is taken, as of ``actual``), a table with the names
    of elements as its index (``Optics.table``, a TFS file read), or single numbers by name (``{"qx": 1.666}``).
    ``tolerances``: instead of TOLERANCES, each with its reason.

    Equation:
        |actual - wanted| <= limit max(|wanted|, 1), or limit |wanted| where the tolerance is relative.

    Raises:
        AssertionError: what differs, where it does most, by how much, and the tolerance with its reason; or nothing
            is there to be compared.
        InputError: a quantity that optics do not have, a row that ``actual`` lacks.

    Source:
        The limits of TOLERANCES: rounding, with room for another processor.

    Example:
        >>> from machines.cnao_like import cnao
        >>> assert_optics_equal(cnao(), {"qx": 1.6802}, tolerances={"qx": Tolerance(1e-3, "as measured")})
        Traceback (most recent call last):
        AssertionError: qx: 1.6660023054, wanted 1.6802: -0.0142, more than 0.00168 (as measured)
    """
    ours, other = _optics(actual), _optics(wanted) if isinstance(wanted, Lattice) else wanted
    asked = TOLERANCES if tolerances is None else tolerances
    rows = [row for name, tolerance in asked.items() if (row := _compared(name, ours, other, tolerance)) is not None]
    if not rows:
        raise AssertionError(f"nothing to compare: of {', '.join(asked)} the two have none in common")
    wrong = [told for told in rows if told]
    if wrong:
        raise AssertionError("\n".join(wrong))


def _optics(subject: Any) -> Optics:
    found = twiss(subject) if isinstance(subject, Lattice) else subject
    if not isinstance(found, Optics):
        raise InputError(f"expected an optics (of twiss) or a lattice, found {type(subject).__name__}")
    return found


def _compared(name: str, ours: Optics, wanted: Any, tolerance: Tolerance) -> str | None:
    """What is wrong with a quantity, "" for nothing, None where it is not there to be compared."""
    pair = _pair(name, ours, wanted)
    if pair is None:
        return None
    mine, theirs = pair
    size = np.abs(theirs.to_numpy())
    limit = tolerance.limit * (size if tolerance.relative else np.maximum(size, 1.0))
    over = np.abs(mine.to_numpy() - theirs.to_numpy()) - limit
    place = int(np.argmax(np.where(np.isnan(over), np.inf, over)))
    if over[place] <= 0.0:
        return ""
    at = f" at '{theirs.index[place]}'" if len(theirs) > 1 else ""
    shown, its = (float(values.iloc[place]) for values in (mine, theirs))
    return (
        f"{name}{at}: {shown:.12g}, wanted {its:.12g}: {shown - its:+.3g}, more than {limit[place]:.3g} "
        f"({tolerance.reason})"
    )


def _pair(name: str, ours: Optics, wanted: Any) -> tuple[pd.Series, pd.Series] | None:
    theirs = _values(name, wanted)
    if theirs is None or (name in _OF_RINGS and not ours.periodic):
        return None
    mine = _values(name, ours)
    if mine is None:
        raise InputError(f"optics have no '{name}'{did_you_mean(name, TOLERANCES)}")
    if len(mine) == 1 or len(theirs) == 1:
        return mine, theirs
    missing = [row for row in theirs.index if row not in mine.index]
    if missing:
        raise InputError(f"'{ours.lattice.name}' has no element '{missing[0]}'{did_you_mean(missing[0], mine.index)}")
    return mine.loc[list(theirs.index)], theirs


def _values(name: str, subject: Any) -> pd.Series | None:
    """A column by the names of elements, or one number; None where the subject has neither."""
    if isinstance(subject, pd.DataFrame):
        return subject.get(name)
    if isinstance(subject, Optics):
        if name in subject.table:
            return subject.table[name]
        return _one(getattr(subject, name, None))
    return _one(subject.get(name))


def _one(value: Any) -> pd.Series | None:
    return None if value is None else pd.Series([float(value)])
