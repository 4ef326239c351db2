"""Types of values in a study file, and the table that refuses unknown keys."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, AllowInfNan, BaseModel, ConfigDict, Field, Strict

Number = Annotated[float, Strict(), AllowInfNan(False)]
Positive = Annotated[Number, Field(gt=0)]
NotNegative = Annotated[Number, Field(ge=0)]
Count = Annotated[int, Strict(), Field(ge=0)]
Text = Annotated[str, Strict(), Field(min_length=1)]
Switch = Annotated[bool, Strict()]


def _lower(name: str) -> str:
    return name.lower()


Name = Annotated[Text, AfterValidator(_lower)]
Order = Annotated[Text, Field(pattern=r"^(1?[1-9]|10|20)$")]
FolderName = Annotated[Text, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]


class Table(BaseModel):
    """A table of the study file: unknown keys are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def check_order(lower: float | None, upper: float | None) -> None:
    """ValueError for a lower limit above the upper one."""
    if lower is not None and upper is not None and lower > upper:
        raise ValueError(f"lower {lower} is above upper {upper}")
