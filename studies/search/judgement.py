"""What the whole study says of a machine of the front under a condition, and whether the front stays one by that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from studies.scan.plan import COMPUTED

#: What the machine is called that the search began with.
BEGUN_WITH = "begun with"


@dataclass(frozen=True)
class Judgement:
    """What came of it: ``values`` in their own units; ids of requirements that passed, failed, were not evaluated.

    Checks of the program are there only where they failed. ``status`` says why there is nothing else, if so.
    """

    case: int
    machine: str
    at: str
    status: str
    values: Mapping[str, float]
    passed: Sequence[str] = ()
    failed: Sequence[str] = ()
    unevaluated: Sequence[str] = ()

    @property
    def keeps_all(self) -> bool:
        """True where every requirement passed."""
        return self.status == COMPUTED and not self.failed and not self.unevaluated

    @property
    def unasked(self) -> bool:
        """True where it was computed and no requirement judges it."""
        return self.status == COMPUTED and not (self.passed or self.failed or self.unevaluated)


def beaten(judgements: Sequence[Judgement], signs: Mapping[str, float]) -> Iterator[tuple[Judgement, Judgement]]:
    """Machines of the front that another judged one beats under the same condition: (it, the other).

    ``signs``: of each objective, by name, 1 where small is good and -1 where large is. One beats another where it is
    nowhere worse and somewhere better.
    """
    known = [one for one in judgements if all(name in one.values for name in signs)]
    for one in known:
        mine = np.array([sign * one.values[name] for name, sign in signs.items()])
        for other in known:
            theirs = np.array([sign * other.values[name] for name, sign in signs.items()])
            better = bool((theirs <= mine).all() and (theirs < mine).any())
            if better and other.at == one.at and one.machine != BEGUN_WITH:
                yield one, other
