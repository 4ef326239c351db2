"""A solved response becomes a knob: one parameter that moves one target and holds the others."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from lattice import InputError, Lattice
from lattice.errors import did_you_mean, listed

if TYPE_CHECKING:
    from optics.matching.matching import MatchResult

_ALONE = 1e-6  # what is left of the other targets when one moves by 1


def knob(result: MatchResult, target: str, name: str | None = None) -> Lattice:
    """The matched lattice with a parameter (at 0) that moves ``target`` by its own value and holds the others.

    ``target``: a label of the result, "qx" or "dx@symp"; ``name``: of the parameter, else "dqx_knob" or
    "ddx_symp_knob". To first order, by the least change of the varied parameters.

    Equation:
        dk = J^+ e_target, J^+ the pseudoinverse of the Jacobian of all targets with respect to the varied parameters.

    Returns:
        Lattice: the parameter's unit is that of the target.

    Raises:
        InputError: an unknown target, a name that is taken, or a target that cannot be moved alone.

    Source:
        The least-squares solution of a linear system (E. H. Moore and R. Penrose's inverse).

    Example:
        >>> from machines.cnao_like import cnao
        >>> from optics import Target, Vary, match, twiss
        >>> found = match(cnao(), vary=[Vary("kf"), Vary("kd")], targets=[Target("qx", 1.67), Target("qy", 1.73)])
        >>> moved = twiss(knob(found, "qx", name="dq").with_parameters(dq=1e-4))
        >>> print(round(moved.qx - 1.67, 6), round(moved.qy - 1.73, 6))
        0.0001 0.0
    """
    if len(result.cases) > 1:
        raise InputError("a knob belongs to one lattice: match its case alone")
    labels = list(result.values)
    if target not in labels:
        raise InputError(f"the match has no target '{target}'{did_you_mean(target, labels)} It has: {listed(labels)}")
    wanted = np.eye(len(labels))[labels.index(target)]
    response = np.linalg.pinv(result.sensitivity, rcond=1e-10) @ wanted
    if np.abs(result.sensitivity @ response - wanted).max() > _ALONE:
        raise InputError(f"{target} cannot be moved alone: the varied parameters do not move the targets independently")
    coefficients = {
        name: factor * float(part)
        for vary, part in zip(result.vary, response, strict=True)
        for name, factor in vary.factors.items()
    }
    return with_knob(result.lattice, name or "d" + re.sub(r"\W+", "_", target) + "_knob", coefficients)


def with_knob(lattice: Lattice, name: str, coefficients: Mapping[str, float]) -> Lattice:
    """The lattice with a new parameter ``name`` = 0 that adds ``coefficient`` times itself to each parameter named.

    A parameter kf that was a number becomes "kf_base + c*name" with a parameter kf_base of that number; one that
    depends on others gets a further term. (A parameter for one element alone: ``lattice.freed``.)

    Returns:
        Lattice: at 0 of the new parameter as it was; ``coefficients`` have the units of the parameters.

    Raises:
        InputError: a name that is taken or no word, parameters that are not there.

    Example:
        >>> from machines.cnao_like import cnao
        >>> ring = with_knob(cnao(), "both", {"kf": 1.0, "kd": -1.0}).with_parameters(both=0.01)
        >>> print(round(ring.parameters["kf"] - cnao().parameters["kf"], 12))
        0.01
    """
    name = name.lower()
    definitions: dict[str, Any] = dict(lattice.parameters.definitions)
    if name in definitions:
        raise InputError(f"lattice '{lattice.name}' has a parameter '{name}' already: give the knob another name")
    if not re.fullmatch(r"[a-z_][a-z0-9_.]*", name):
        raise InputError(f"a knob's name is a word of letters, digits, '_' and '.', found '{name}'")
    for parameter, coefficient in coefficients.items():
        key = parameter.lower()
        if key not in definitions:
            raise InputError(f"lattice '{lattice.name}' has no parameter '{parameter}'{did_you_mean(key, definitions)}")
        if not isinstance(definitions[key], str):
            base = f"{key}_base"
            if base in definitions:
                raise InputError(f"lattice '{lattice.name}' has a parameter '{base}' already: rename it")
            definitions[base] = definitions[key]
            definitions[key] = base
        sign = "-" if coefficient < 0 else "+"
        definitions[key] = f"{definitions[key]} {sign} {abs(coefficient)!r}*{name}"
    definitions[name] = 0.0
    return Lattice(
        lattice.name,
        elements=lattice.elements,
        parameters=definitions,
        particle=lattice.particle,
        warnings=lattice.warnings,
    )
