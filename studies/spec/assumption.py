"""An assumption as a study file states it: what is not known, by how much, and where that is from."""

from __future__ import annotations

from typing import Any, Self

from pydantic import model_validator

from studies.spec.types import Positive, Table, Text


class AssumptionSpec(Table):
    """Something that the study takes for granted: ``key`` names it, ``why`` says where its uncertainty is from.

    It may be off by ``uncertainty``, in the unit of the key ([below, above] where they differ), or by the share
    ``relative`` of its value. Keys are dotted, ``*`` stands for every entry: those of the study file
    (``imperfections.errors.*.field``), and of a ring ``beams.emittance_x``, ``elements.KIND.ATTRIBUTE``
    (``elements.bend.length``), ``apertures.x``; of a linac its table (``section.*.bore_mm``).
    """

    key: Text
    """What is assumed: a dotted key of this file, beams.emittance_x, elements.bend.length, apertures.x, ..."""
    uncertainty: Positive | tuple[Positive, Positive] | None = None
    """By how much it may be off [unit of the key], or [below, above]."""
    relative: Positive | None = None
    """By which share of its value it may be off [1]; give one of the two."""
    why: Text
    """Where its uncertainty is from."""

    @model_validator(mode="after")
    def _one_size(self) -> Self:
        if (self.uncertainty is None) == (self.relative is None):
            found = "both" if self.relative is not None else "neither"
            raise ValueError(f"assumption '{self.key}' needs either uncertainty or relative, found {found}")
        return self

    @property
    def size(self) -> str:
        """By how much it is uncertain, in words."""
        if self.relative is not None:
            return f"± {100 * self.relative:g} %"
        below, above = self._sides
        return f"± {above:g}" if below == above else f"- {below:g} or + {above:g}"

    @property
    def told(self) -> str:
        """What is assumed and by how much it is uncertain: ``beams.emittance_x ± 10 %``."""
        return f"{self.key} {self.size}"

    def moved(self, value: Any, sign: float) -> Any:
        """A number moved up (``sign`` 1) or down (-1) by its uncertainty; an expression (text) made one that is.

        >>> AssumptionSpec(key="a", relative=0.1, why="a guess").moved(2.0, -1.0)
        1.8
        """
        if isinstance(value, str):
            return f"({value})*{1.0 + sign * self.relative!r}" if self.relative else f"({value})+{self._shift(sign)!r}"
        return value * (1.0 + sign * self.relative) if self.relative is not None else value + self._shift(sign)

    def step(self, sign: float) -> float:
        """What a parameter that stands for it is set to, see ``as_parameter``."""
        return sign * self.relative if self.relative is not None else self._shift(sign)

    def as_parameter(self, written: Any, parameter: str) -> str:
        """A number or an expression with a parameter beside it that moves it: 0 leaves it, ``step`` moves it.

        >>> AssumptionSpec(key="a", relative=0.1, why="a guess").as_parameter(2.0, "m")
        '(2.0)*(1.0+m)'
        """
        return f"({written})*(1.0+{parameter})" if self.relative is not None else f"({written})+{parameter}"

    def _shift(self, sign: float) -> float:
        below, above = self._sides
        return above if sign > 0 else -below

    @property
    def _sides(self) -> tuple[float, float]:
        """How far it may be below and above [unit of the key]."""
        size = self.uncertainty or 0.0
        return size if isinstance(size, tuple) else (size, size)
