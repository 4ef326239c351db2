"""For tests of one's own: two optics are the same, within tolerances that say why they are what they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from os import PathLike
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from lattice import InputError, Lattice
from lattice.errors import did_you_mean
from lattice.magnitudes import as_number
from optics.engines.tolerances import Tolerance
from optics.linear.conditions import END
from optics.linear.functions import CHROMATIC_SCALARS, SCALARS
from optics.linear.optics import Optics
from optics.linear.sources import EVERY_COLUMN, meant
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
_AN_EXAMPLE = "Tolerance(1e-3, 'why')"
_NUMBERS = (*SCALARS, *CHROMATIC_SCALARS)
_OF_RINGS = ("qx", "qy", "dqx", "dqy")

Compared: TypeAlias = Optics | Lattice | pd.DataFrame | Mapping[str, float]


def assert_optics_equal(
    actual: Optics | Lattice, wanted: Compared, *, tolerances: Mapping[str, Tolerance] | None = None
) -> None:
    """Two optics are the same: every quantity of ``tolerances`` that both have, at every element by its name.

    ``wanted`` is another optics, a lattice (whose periodic optics is taken, as of ``actual``), a table with the names
    of elements as its index (``Optics.table``, a TFS file read), or single numbers by name (``{"qx": 1.666}``).
    ``tolerances``: instead of TOLERANCES, each with its reason. Of single numbers every one must have a tolerance.

    Equation:
        |actual - wanted| <= limit max(|wanted|, 1), or limit |wanted| where the tolerance is relative.

    Raises:
        AssertionError: what differs, where it does most, by how much, and the tolerance with its reason; or nothing
            is there to be compared.
        InputError: a quantity that optics do not have or that has no tolerance, a row that ``actual`` lacks.

    Source:
        The limits of TOLERANCES: rounding, with room for another processor.

    Example:
        >>> from machines.cnao_like import cnao
        >>> assert_optics_equal(cnao(), {"qx": 1.6802}, tolerances={"qx": Tolerance(1e-3, "as measured")})
        Traceback (most recent call last):
        AssertionError: qx: 1.6660023054, wanted 1.6802: -0.0142, more than 0.00168 (as measured)
    """
    ours, other = _optics(actual), _optics(wanted) if isinstance(wanted, Lattice) else wanted
    asked = _checked_tolerances(tolerances)
    other = _checked_wanted(other, asked)
    rows = {name: row for name in asked if (row := _compared(name, ours, other, asked[name])) is not None}
    if not rows:
        raise AssertionError(f"nothing to compare: of {', '.join(asked)} the two have none in common")
    wrong = {name: told for name, told in rows.items() if told}
    if wrong:
        raise AssertionError("\n".join(_with_reasons(wrong, asked)))


def _with_reasons(wrong: Mapping[str, str], asked: Mapping[str, Tolerance]) -> Iterator[str]:
    """What differs, quantity by quantity, each reason once behind the last that it holds for."""
    for reason in dict.fromkeys(asked[name].reason for name in wrong):
        lines = [told for name, told in wrong.items() if asked[name].reason == reason]
        yield "\n".join(lines) + f" ({reason})"


def _checked_tolerances(tolerances: Any) -> Mapping[str, Tolerance]:
    if tolerances is None:
        return TOLERANCES
    if not isinstance(tolerances, Mapping):
        raise InputError(f"tolerances is a mapping such as {{'qx': {_AN_EXAMPLE}}}, found {tolerances!r:.60}")
    for name, tolerance in tolerances.items():
        _refuse_unknown(name)
        if not isinstance(tolerance, Tolerance):
            raise InputError(f"tolerances['{name}'] is a limit with its reason, {_AN_EXAMPLE}, found {tolerance!r:.60}")
    return tolerances


def _refuse_unknown(name: Any) -> None:
    known = (*_NUMBERS, *EVERY_COLUMN)
    if name not in known:
        raise InputError(f"optics have no '{name}'{meant(str(name), known)}")


def _checked_wanted(wanted: Any, asked: Mapping[str, Tolerance]) -> Any:
    """What can be compared, of single numbers all of them; a column ``name`` of a table becomes its index."""
    if isinstance(wanted, pd.DataFrame):
        return _by_element(wanted)
    if isinstance(wanted, Optics):
        return wanted
    if not isinstance(wanted, Mapping):
        hint = ": read the file first" if isinstance(wanted, str | PathLike) else ""
        raise InputError(
            f"wanted is an optics, a lattice, a table or numbers by name, found {type(wanted).__name__}{hint}"
        )
    for name, value in wanted.items():
        _refuse_unknown(name)
        if name in EVERY_COLUMN:
            raise InputError(f"'{name}' has a value at every element: give a table with their names as its index")
        if name not in asked:
            raise InputError(f"'{name}' has no tolerance: give tolerances={{'{name}': {_AN_EXAMPLE}}}")
        if as_number(value) is None:
            raise InputError(f"wanted['{name}'] must be a number, found {value!r:.60}")
    return wanted


def _by_element(table: pd.DataFrame) -> pd.DataFrame:
    """The table by the names of elements; Xsuite calls the place behind the last one ``_end_point``."""
    named = table.set_index("name") if "name" in table else table
    if not all(isinstance(name, str) for name in named.index):
        raise InputError("a table has the names of elements as its index, or in a column 'name'")
    return named.rename(index={"_end_point": END})


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
    at = f" at '{theirs.index[place]}'" if name not in _NUMBERS else ""
    shown, its = (float(values.iloc[place]) for values in (mine, theirs))
    return f"{name}{at}: {shown:.12g}, wanted {its:.12g}: {shown - its:+.3g}, more than {limit[place]:.3g}"


def _pair(name: str, ours: Optics, wanted: Any) -> tuple[pd.Series, pd.Series] | None:
    theirs = _values(name, wanted)
    if theirs is None or (name in _OF_RINGS and not ours.periodic and not isinstance(wanted, Mapping)):
        return None
    mine = _values(name, ours)
    assert mine is not None
    if name in _NUMBERS:
        return mine, theirs
    missing = [row for row in theirs.index if row not in mine.index]
    if missing:
        raise InputError(f"'{ours.lattice.name}' has no element '{missing[0]}'{did_you_mean(missing[0], mine.index)}")
    return mine.loc[list(theirs.index)], theirs


def _values(name: str, subject: Any) -> pd.Series | None:
    """A column by the names of elements, or one number; None where the subject has neither."""
    if isinstance(subject, Optics) and name in EVERY_COLUMN:
        return pd.Series(subject[name], index=[*subject.lattice.names, END])
    if isinstance(subject, pd.DataFrame):
        return None if name in _NUMBERS else subject.get(name)
    value = subject.get(name) if isinstance(subject, Mapping) else subject.scalar(name)
    return None if value is None else pd.Series([float(value)])
