"""Numbers of lines as built beside exact laws, lines that are set otherwise, and Xsuite with the same errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import cos, sin, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lattice import (
    Aperture,
    Drift,
    Element,
    Kicker,
    Lattice,
    Marker,
    Monitor,
    Quadrupole,
    ReferenceParticle,
    write_json,
)
from lattice.arrays import Array
from optics import Moments, twiss
from optics.engines.passage import xsuite_passage
from optics.imperfections.draws import beam_starts
from optics.imperfections.errors import one_of
from studies.tolerances.line.machines import Lines
from studies.tolerances.line.resolution import resolve_line
from studies.tolerances.line.spec import LineTolerancesStudy

PROTON = ReferenceParticle("proton", kinetic_energy_per_u=120e6)
FUNCTIONS = {"betx": 6.0, "alfx": 0.5, "bety": 4.0, "alfy": -0.3}
CASES = np.arange(4)
K1, LENGTH, BEHIND = 1.4, 0.3, 2.0


def lines(
    folder: Path,
    elements: Sequence[Element],
    *families: Any,
    settings: tuple[Any, ...] = (),
    functions: Any = None,
    **spec: Any,
) -> Lines:
    """Lines of these elements with these errors; k1 is the parameter kf."""
    line = Lattice("own", elements=elements, parameters={"kf": K1, "kd": -1.3}, particle=PROTON)
    write_json(line, folder / "own.json")
    study = LineTolerancesStudy(
        study="line-tolerances",
        lattice="own.json",
        entering={  # type: ignore[arg-type]
            "normalised_emittance_x_um": 1.0,
            "normalised_emittance_y_um": 0.5,
            "momentum_spread_rms": 0.0,
            "functions": functions or FUNCTIONS,
        },
        sigmas=2.0,
        settings=settings,
        tolerances={  # type: ignore[arg-type]
            "machines": 80,
            "mixed": 0,
            "errors": [{"family": f"own {i}", **one} for i, one in enumerate(families)],
            **spec,
        },
    )
    return Lines(resolve_line(study, folder / "study.toml"))


def measured(made: Lines) -> dict[str, Array]:
    found = made.measured(made.sampling.drawing(CASES))
    assert (found["status"] == "computed").all()
    return {name: found[name].to_numpy() for name in made.names}


def drawn(made: Lines, element: str, kind: str) -> Array:
    return made.families.drawn(made.resolved.line, made.sampling.drawing(CASES)).values[element][kind]


#: One quadrupole and a drift; nothing to steer with.
ALONE = (Drift("a", length=0.5), Quadrupole("q", length=LENGTH, k1="kf"), Drift("b", length=BEHIND), Marker("iso"))


@pytest.mark.number("spot_displacement", "spot_angle", by="exact law")
def test_a_quadrupole_that_stands_off_kicks_by_its_strength(tmp_path: Path) -> None:
    """x = R (1 - M) (dx, 0): a thin one kicks by k1 L dx and moves the spot by k1 L dx R12, here R12 the drift behind.

    To 1e-6: the exact drift's slope differs from px by px^2 / 2.
    """
    made = lines(tmp_path, ALONE, {"magnets": "quadrupole", "dx": 1e-4})
    assert "has no monitors that measure in x" in made.uncorrected
    found, offset, root = measured(made), drawn(made, "q", "dx"), sqrt(K1)
    angle = root * sin(root * LENGTH) * offset
    position = (1.0 - cos(root * LENGTH)) * offset + angle * BEHIND
    assert found["spot_angle"] == pytest.approx(np.abs(angle), rel=1e-6)
    assert found["spot_displacement"] == pytest.approx(np.abs(position), rel=1e-6)
    thin = K1 * LENGTH * offset
    assert found["spot_displacement"] == pytest.approx(np.abs(thin * (BEHIND + LENGTH / 2)), rel=0.05)


@pytest.mark.number("spot_size_change", by="second code")
def test_a_gradient_that_is_off_is_the_line_with_another_strength(tmp_path: Path) -> None:
    """Second moments of the line with that kf, no errors and no points; these differ by the third order of a size."""
    made = lines(tmp_path, ALONE, {"magnets": "kf", "calibration": 2e-3})
    found, line = measured(made), made.resolved.line
    emittance = 1e-6 / (PROTON.beta * PROTON.gamma)
    beam = Moments.from_functions(PROTON, FUNCTIONS, emittance_x=emittance, emittance_y=emittance / 2)

    def sizes(kf: float) -> Array:
        optics = twiss(line.with_parameters(kf=kf), PROTON, start=beam)
        return np.array([float(optics.value(f"size_{p}", "iso")) for p in "xy"])

    for i, error in enumerate(drawn(made, "q", "field")):
        wanted = np.abs(sizes(K1 * (1.0 + float(error))) / sizes(K1) - 1.0).max()
        assert found["spot_size_change"][i] == pytest.approx(wanted, rel=1e-4)


# ---------------------------------------------------------------------------------------------- an empty, steered line

BEFORE, AFTER = 1.0, 3.0  # m in front of the corrector, and from it to monitor and isocentre
EMPTY = (
    Drift("a", length=BEFORE, aperture=Aperture("rectangle", 0.03, 0.02)),
    Kicker("c"),
    Drift("b", length=AFTER, aperture=Aperture("rectangle", 0.03, 0.02)),
    Monitor("m"),
    Marker("iso"),
)
#: An error that nothing in the line shows: it asks for one.
READS = {"magnets": "monitor", "noise": 1e-12}


def near(wanted: Array) -> Any:
    """To 1e-5, and a nanometre."""
    return pytest.approx(wanted, rel=1e-5, abs=1e-9)


@pytest.mark.number(
    "corrector_kick",
    "trajectory_x",
    "trajectory_y",
    "clearance_errors",
    "spot_drift",
    "trajectory_x_uncorrected",
    "trajectory_y_uncorrected",
    "spot_displacement_uncorrected",
    by="exact law",
)
def test_straight_lines_are_steered_by_one_corrector(tmp_path: Path) -> None:
    """u(s) = u0 + u0' s, the kick is what brings it to 0 at the monitor, and ripple alone moves the spot afterwards.

    The beam's size is sqrt(e (beta - 2 alfa s + gamma s^2)). To 1e-5: slopes are not sines (1e-6 here), and reading has
    a noise of 1e-12 m.
    """
    beam = {"x_mm": 2.0, "y_mm": 1.0, "angle_x_mrad": 0.4, "angle_y_mrad": 0.3}
    made = lines(tmp_path, EMPTY, READS, beam=beam, ripple={"x_mm": 0.3, "angle_y_mrad": 0.02})
    found, drawing = measured(made), made.sampling.drawing(CASES)
    steady, all_of_it = made.starts(drawing, "steady"), made.starts(drawing, "steady", "ripple")
    ripple, end = all_of_it - steady, BEFORE + AFTER
    at_end = steady[:, [0, 2]] + steady[:, [1, 3]] * end
    kicks = -at_end / AFTER
    assert found["spot_displacement_uncorrected"] == near(np.hypot(*at_end.T))
    assert found["corrector_kick"] == near(np.abs(kicks).max(axis=1))
    moved = ripple[:, [0, 2]] + ripple[:, [1, 3]] * end
    assert found["spot_drift"] == near(np.hypot(*moved.T))
    assert found["spot_displacement"] == near(found["spot_drift"])
    rooms = []
    for i, plane in enumerate("xy"):
        begin, slope = all_of_it[:, 2 * i], all_of_it[:, 2 * i + 1]
        middle = np.stack([begin, begin + BEFORE * slope, moved[:, i]])
        assert found[f"trajectory_{plane}"] == near(np.abs(middle).max(axis=0))
        unsteered = np.stack([steady[:, 2 * i], at_end[:, i], steady[:, 2 * i] + BEFORE * steady[:, 2 * i + 1]])
        assert found[f"trajectory_{plane}_uncorrected"] == near(np.abs(unsteered).max(axis=0))
        beta, alfa = FUNCTIONS[f"bet{plane}"], FUNCTIONS[f"alf{plane}"]
        s, half = np.array([0.0, BEFORE, end]), (0.03, 0.02)[i]
        emittance = (1e-6, 0.5e-6)[i] / (PROTON.beta * PROTON.gamma)
        size = np.sqrt(emittance * (beta - 2 * alfa * s + (1 + alfa**2) / beta * s**2))
        rooms.append((half - np.abs(middle) - 2.0 * size[:, None]).min(axis=0))
    assert found["clearance_errors"] == pytest.approx(np.min(rooms, axis=0), rel=1e-4)


@pytest.mark.number("clearance_errors", by="exact law")
def test_room_is_looked_at_inside_of_a_quadrupole(tmp_path: Path) -> None:
    """beta is b cos^2 + sin^2 / (k b) about the middle of a focusing quadrupole with the waist there: largest there for
    k b^2 > 1. The room of its aperture is that of b, though both ends leave more. Errors are 1e-9 m."""
    root, half = sqrt(K1), LENGTH / 2
    middle, phase = 9.0, root * half
    beta = middle * cos(phase) ** 2 + sin(phase) ** 2 / (K1 * middle)
    alfa = -(root * middle - 1.0 / (root * middle)) * sin(phase) * cos(phase)
    functions = {"betx": beta, "alfx": alfa, "bety": 1.0}
    elements = (Quadrupole("q", length=LENGTH, k1="kf", aperture=Aperture("rectangle", 0.03, 1.0)), Marker("iso"))
    made = lines(tmp_path, elements, {"magnets": "quadrupole", "dx": 1e-9}, functions=functions)
    size = sqrt(1e-6 / (PROTON.beta * PROTON.gamma) * middle)
    assert measured(made)["clearance_errors"] == pytest.approx(0.03 - 2.0 * size, rel=1e-5)
    assert 2.0 * size * (1.0 - sqrt(beta / middle)) > 1e-4  # what the ends alone would miss


@pytest.mark.number("clearance_errors", "spot_displacement", by="exact law")
def test_a_number_of_a_line_is_that_of_its_worst_energy(tmp_path: Path) -> None:
    """The same draws at every energy, each as a study of its own has them; beams are largest at the lowest energy,
    and another strength bends an offset into another place."""
    wide = tuple(replace(one, aperture=Aperture("rectangle", 0.03, 0.02)) for one in ALONE[:3]) + ALONE[3:]
    errors = {"magnets": "quadrupole", "dx": 2e-4, "dy": 2e-4}
    settings = ({"kinetic_energy_MeV_per_u": 70.0}, {"kinetic_energy_MeV_per_u": 200.0, "parameters": {"kf": 1.8}})
    together = lines(tmp_path, wide, errors, settings=settings)
    each = [own.measured(own.sampling.drawing(CASES)) for own in together.each[1:]]
    alone = lines(tmp_path, wide, errors)
    each.append(alone.measured(alone.sampling.drawing(CASES)))
    found = measured(together)
    assert found["clearance_errors"] == pytest.approx(np.min([one["clearance_errors"] for one in each], axis=0))
    assert (found["clearance_errors"] == each[0]["clearance_errors"]).all()  # 70 MeV
    assert found["spot_displacement"] == pytest.approx(np.max([one["spot_displacement"] for one in each], axis=0))
    assert (found["spot_displacement"] == each[1]["spot_displacement"]).all()  # of the stronger quadrupole
    particle = together.one(3, "spot_displacement").particle
    assert particle is not None
    assert particle.kinetic_energy_per_u == pytest.approx(200e6)
    energies = together.by_energy(together.sampling.drawing(CASES), 50.0)["energy"]
    assert energies.tolist() == pytest.approx([120e6, 70e6, 200e6])


def test_beams_are_drawn_by_seed_stream_and_number_alone() -> None:
    """Machine 7 in any slice; ripple is not the steady error again."""
    numbers = {"x": np.array([5, 7]), "delta": np.array([7, 5])}
    two = beam_starts(3, "steady", {"x": 1e-3, "delta": 1e-4}, numbers)
    seven = beam_starts(3, "steady", {"x": 2e-3}, {"x": np.array([7])})
    assert seven[0, 0] == 2 * two[1, 0]
    assert two[:, [1, 2, 3, 4]].tolist() == [[0.0] * 4] * 2
    assert beam_starts(3, "ripple", {"x": 2e-3}, {"x": np.array([7])})[0, 0] != seven[0, 0]


# ------------------------------------------------------------------------------------------------------ a second engine


def cell(n: int) -> tuple[Element, ...]:
    return (
        Kicker(f"c{n}"),
        Drift(f"h{n}", length=0.2),
        Quadrupole(f"f{n}", length=LENGTH, k1="kf"),
        Drift(f"d{n}", length=1.0),
        Quadrupole(f"g{n}", length=LENGTH, k1="kd"),
        Drift(f"e{n}", length=0.8),
        Monitor(f"m{n}"),
    )


@pytest.mark.number("spot_displacement", "spot_angle", "spot_drift", by="second code")
def test_a_line_with_errors_is_xsuites_with_the_same(tmp_path: Path) -> None:
    """Misaligned, rolled and wrong magnets, correctors set: the middle of the beam tracked by Xsuite through each.

    Steady lines and lines as they run both, so that their difference is the drift. To 1e-9 m.
    """
    errors = {"magnets": "quadrupole", "dx": 2e-4, "dy": 2e-4, "roll": 5e-4, "field": 1e-3, "stability": 1e-3}
    elements = (*cell(1), *cell(2), *cell(3), Marker("iso"))
    made = lines(tmp_path, elements, errors, beam={"x_mm": 1.0, "angle_y_mrad": 0.2}, ripple={"y_mm": 0.2})
    found, drawing = measured(made), made.sampling.drawing(CASES)
    passed = made.passed(drawing)
    assert passed.correction is not None
    starts = made.starts(drawing, "steady", "ripple"), made.starts(drawing, "steady")
    for i in (0, 3):
        lattices = (passed.lattice, passed.correction.machines.lattice)
        runs, rests = (
            xsuite_passage(one_of(own, i), PROTON, start[i : i + 1], "full")[0]
            for own, start in zip(lattices, starts, strict=True)
        )
        assert found["spot_displacement"][i] == pytest.approx(np.hypot(runs[0], runs[2]), abs=1e-9)
        assert found["spot_angle"][i] == pytest.approx(np.hypot(runs[1], runs[3]), abs=1e-9)
        assert found["spot_drift"][i] == pytest.approx(np.hypot(runs[0] - rests[0], runs[2] - rests[2]), abs=1e-9)
        assert found["spot_displacement"][i] > 1e-5
    opened = made.one(3)  # the line that is opened is the one that was measured
    last = xsuite_passage(opened, PROTON, starts[0][3:4], "full")[0]
    assert found["spot_displacement"][3] == pytest.approx(np.hypot(last[0], last[2]), abs=1e-9)
