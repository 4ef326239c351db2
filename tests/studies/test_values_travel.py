"""Every public value goes to another process and comes back: as closed to writing, with the same numbers."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator, Mapping
from dataclasses import is_dataclass
from typing import Any

import numpy as np
import pytest

import extraction
import lattice
import optics
from extraction import (
    BetatronCore,
    ConstantOptics,
    PhaseDisplacement,
    RFKnockout,
    Ripple,
    Septum,
    TuneSweep,
    third_integer_resonance,
)
from lattice import Aperture, Lattice, Quadrupole
from lattice.elements import ELEMENT_KINDS
from machines.cnao_like import cnao
from machines.registry import MACHINES
from optics import Beam, Limit, Moments, Target, Vary, match, track, twiss, verify
from optics.maps.lattices.checked import checked_particle

_RING = cnao("matched-proton-60MeV-qx1.664")
_PROTON = checked_particle(_RING, None)
_CELL = Lattice("cell", elements=[Quadrupole("q", length=0.3, k1="kq")], parameters={"kq": 1.0})
_PROGRAMME = ((0.0, 0.0), (1.0, 1e-3))
_NEEDED = {"length": 0.5, "angle": 0.1}
_VALUES: dict[str, Callable[[], Any]] = {
    "Lattice": lambda: _RING,
    "elements": lambda: tuple(
        kind("e", aperture=Aperture("ellipse", 0.1, 0.1), **{k: v for k, v in _NEEDED.items() if k in kind._defaults()})
        for kind in ELEMENT_KINDS.values()
    ),
    "Optics": lambda: twiss(_RING),
    "Optics of a line": lambda: twiss(_CELL, _RING.particle, start={"betx": 3.0, "bety": 2.0, "wx": 1.0}),
    "Moments": lambda: Moments.of_particles(_PROTON, np.eye(6) * 1e-3),
    "Verification": lambda: verify(_RING),
    "Tracked": lambda: track(_RING, None, np.zeros((2, 6)), history=True),
    "MatchResult": lambda: match(_RING, vary=[Vary("kf", 0.25, 0.35)], targets=[Target("qx", 1.664)]),
    "ThirdIntegerResonance": lambda: third_integer_resonance(_RING, at="se_010a_esp"),
    "Arm": lambda: third_integer_resonance(_RING, at="se_010a_esp").arm(0.035),
    "Septum": lambda: Septum("se_010a_esp", 0.035),
    "settings": lambda: (Target("qx", 1.664), Limit("betx", upper=30.0), Vary("kf", 0.2, 0.3)),
    "drivers": lambda: (
        BetatronCore(_PROGRAMME),
        TuneSweep("kf", _PROGRAMME),
        ConstantOptics(_PROGRAMME),
        RFKnockout("symp", _PROGRAMME, tune=0.67),
        PhaseDisplacement(_PROGRAMME, volt=100.0),
        Ripple("kf", ((50.0, 1e-5, 0.0),)),
    ),
    "Beam": lambda: Beam(_PROTON, 1e-6, 1e-6),
    **MACHINES,
}


def _parts(value: Any, depth: int = 0) -> Iterator[Any]:
    """A value, and the values and arrays in it."""
    yield value
    if depth > 6:
        return
    if is_dataclass(value):
        value = vars(value)
    inside = value.values() if isinstance(value, Mapping) else value if isinstance(value, tuple | list) else ()
    for part in inside:
        yield from _parts(part, depth + 1)


#: Flat values of numbers, texts and arrays whose making takes a whole study, and the base of elements.
_NOT_MADE = {"Element", "StoredBeam", "ExtractionTarget", "ShapedSpill", "Spill", "Transport"}


def test_every_public_value_is_among_them() -> None:
    made = {type(part) for make in _VALUES.values() for part in _parts(make())}
    names = ((room, name) for room in (lattice, optics, extraction) for name in room.__all__)
    public = {name: kind for room, name in names if is_dataclass(kind := getattr(room, name))}
    assert {name for name, kind in public.items() if kind not in made} == _NOT_MADE


@pytest.mark.parametrize("name", _VALUES)
def test_a_value_is_the_same_after_the_way(name: str) -> None:
    value = _VALUES[name]()
    for again in (pickle.loads(pickle.dumps(value)), copy.deepcopy(value)):
        assert type(again) is type(value)
        assert repr(again) == repr(value)


def test_what_comes_back_is_closed_and_holds_the_same_numbers() -> None:
    tw = twiss(_RING)
    copies: list[Any] = [pickle.loads(pickle.dumps(tw)), copy.deepcopy(tw)]
    for again in copies:
        assert np.array_equal(again.betx, tw.betx)
        assert not again.betx.flags.writeable
        assert again.scalars == tw.scalars
        with pytest.raises(TypeError, match="cannot be changed"):
            again.scalars["qx"] = 0.0
