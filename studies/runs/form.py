"""The form of a run folder's two JSON files: what stands at a key has its type, numbers are finite, verdicts hold.

Runs come by mail and through editors: a number that has become text, or a PASS beside a value outside its limit, would
be printed as it stands. Keys that are not named here are free.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictFloat, StrictInt

from lattice.errors import FileError, InputError
from machines.requirements import FAIL, NOT_EVALUATED, PASS, Verdict
from studies.runs.results_json import READABLE
from studies.spec.checking import checked

Number = StrictFloat | StrictInt | None


class Form(BaseModel):
    """Strict in what it names: text is no number, true is no number, NaN and infinity are none."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False, extra="allow")


class QuantityForm(Form):
    """A quantity of results.json."""

    value: Number
    unit: str
    error: Number
    engine: str
    method: str
    numerical: Number = None
    statistical: Number = None
    model: Number = None


class VerdictForm(Form):
    """A verdict of results.json."""

    id: str
    quantity: str
    unit: str
    source: str
    reason: str
    verdict: Literal["PASS", "FAIL", "NOT EVALUATED"]
    value: Number
    margin: Number


class ResultsForm(Form):
    """results.json."""

    study: str
    machine: str
    quantities: dict[str, QuantityForm]
    verdicts: list[VerdictForm]
    warnings: list[str]
    provenance: dict[str, Any]


class JudgedForm(Form):
    """What report.json holds of a verdict."""

    text: str
    study: str
    lower: Number
    upper: Number
    error: Number
    numerical: Number = None


class DescribedForm(Form):
    """A figure or a table of report.json."""

    id: str
    title: str
    caption: str
    columns: dict[str, str]
    digits: Annotated[int, Field(ge=1, le=17)] = 6


class DetailsForm(Form):
    """report.json."""

    title: str
    particle: str
    headline: str = ""
    wanting: bool = False
    outside: str = ""
    figures_of_quantities: dict[str, str]
    places_of_quantities: dict[str, str] = {}
    verdicts: list[JudgedForm]
    figures: list[DescribedForm]
    tables: list[DescribedForm]
    methods: list[str]
    assumptions: list[str]
    references: list[str]


def check_results(content: Any, where: str) -> Mapping[str, Any]:
    """The object of results.json; FileError names the schema or the key that is wrong."""
    _check_object(content, where)
    if content.get("schema") not in READABLE or isinstance(content["schema"], bool):
        known = " or ".join(map(str, READABLE))
        raise FileError(f"{where}: schema {content.get('schema')!r} found, {known} expected")
    return _checked(ResultsForm, content, where)


def check_details(content: Any, where: str) -> Mapping[str, Any]:
    """The object of report.json; FileError names the key that is wrong."""
    _check_object(content, where)
    return _checked(DetailsForm, content, where)


def check_verdict(verdict: Verdict, where: str) -> Verdict:
    """A verdict that its own value does not contradict; FileError for one that it does.

    A PASS has a value within its limits, and a FAIL has a value; why else a value was not judged stands in the reason.
    """
    need, value = verdict.requirement, verdict.value
    if verdict.verdict == NOT_EVALUATED:
        return verdict
    if value is None:
        raise FileError(f"{where}: '{need.id}' is {verdict.verdict} without a value")
    low = need.lower is not None and value < need.lower
    high = need.upper is not None and value > need.upper
    if verdict.verdict == PASS and (low or high):
        raise FileError(f"{where}: '{need.id}' is PASS, but {value:g} {need.unit} is outside its limit")
    if verdict.verdict == FAIL and verdict.margin is None:
        raise FileError(f"{where}: '{need.id}' is FAIL without a margin")
    return verdict


def _check_object(content: Any, where: str) -> None:
    if not isinstance(content, Mapping):
        raise FileError(f"{where}: an object was expected, found {type(content).__name__}")


def _checked(form: type[Form], content: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    try:
        checked(form, content, where)
    except InputError as error:
        raise FileError(f"{error}\nThe run folder is damaged: run the study again") from None
    return content
