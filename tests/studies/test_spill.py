"""The spill in the extraction study: a run in seconds, what it judges, and what it says when something is wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from extraction import read_spill, third_integer_resonance
from extraction.spill.beam import angles
from extraction.spill.response import leaving_shifts
from machines.requirements import PASS, Requirement
from studies.cli import run
from studies.judging import verdicts_on
from studies.runs.store import read_run
from studies.slow_extraction import whole as slow_extraction
from studies.slow_extraction.spill import facts as spill_tracking
from studies.slow_extraction.spill import figures as spill_figures
from studies.slow_extraction.spill import text as spill_methods
from studies.slow_extraction.spill.quantities import spill_quantities
from studies.vocabulary import SPILL
from tests.studies.builtin_verdicts import verdicts_of
from tests.studies.commands import results, settings
from tests.studies.evidence import assert_evidence

#: Few momenta, 4 ms instead of a second: the whole study with its spill in seconds.
_QUICK = (
    "extraction.momenta.lower=-0.0011",
    "extraction.momenta.upper=-0.0007",
    "extraction.momenta.number=2",
    "extraction.particles=200",
    "spill.duration_s=0.004",
    "spill.bin_s=1e-4",
    "spill.particles=300",
    "assumption=[]",
    "spill.shaped=false",
    "spill.response=false",
    "spill.engine_particles=60",
    "spill.engine_turns=1200",
    "spill.compare=['constant-optics']",
    "spill.compare_particles=200",
)


@pytest.fixture(scope="module")
def kept() -> dict[str, Any]:
    """The tracked facts of the run below."""
    return {}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, kept: dict[str, Any]) -> Path:
    """One run that the tests below look at."""
    path = tmp_path_factory.mktemp("spill") / "run"

    def track(facts: Any) -> Any:
        kept["extraction"], kept["facts"] = facts, spill_tracking.track(facts)
        return kept["facts"]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slow_extraction, "track", track)
        assert run(["run", "cnao-extraction", *settings(*_QUICK), "--out", str(path), "-q"]) == 1  # EXT-12
    return path


def test_requirements_are_drawn_and_no_limit_is_broken_silently(folder: Path) -> None:
    assert_evidence(read_run(folder))


def test_every_requirement_is_judged(folder: Path) -> None:
    """All that a second's spill meets, which 4 ms do as well, or what is left circulating with so few turns."""
    found = results(folder)
    judged = [(verdict["id"], verdict["verdict"]) for verdict in found["verdicts"]]
    assert judged == verdicts_of("cnao-extraction", "EXT-12")
    assert found["quantities"]["spill_length"]["value"] < 0.004


def test_quantities_are_those_of_the_saved_particles(folder: Path) -> None:
    """Each computed again from the files: statistics of numpy and the standard library."""
    found = {name: one["value"] for name, one in results(folder)["quantities"].items()}
    longer = {"duty_factor_3ms", "duty_factor_10ms"}  # bins than this spill
    assert set(SPILL) - longer == {name for name, value in found.items() if value is not None} & set(SPILL)
    out = read_spill(folder / "spill").extracted
    start, stop = np.quantile(out["time"], [0.05, 0.95])
    assert found["spill_length"] == pytest.approx(stop - start, rel=1e-9)
    assert found["spill_spiral_step"] == pytest.approx(np.quantile(out["x"], 0.99) - 0.035, rel=1e-9)
    assert found["spill_momentum_spread"] == pytest.approx(np.std(out["delta"]), rel=1e-9)
    counts = np.histogram(out["time"], start + 1e-4 * np.arange(int((stop - start) / 1e-4) + 1))[0]
    assert found["duty_factor_raw"] == pytest.approx(counts.mean() ** 2 / np.mean(counts**2), rel=1e-9)
    assert found["peak_to_mean"] == pytest.approx(counts.max() / counts.mean(), rel=1e-9)
    for plane in "xy":
        fits = [np.polyfit(out["delta"], out[name], 1) for name in (plane, f"p{plane}")]
        u, v = (out[name] - np.polyval(fit, out["delta"]) for name, fit in zip((plane, f"p{plane}"), fits, strict=True))
        emittance = np.sqrt(np.linalg.det(np.cov(u, v, bias=True)))
        assert found[f"spill_emittance_{plane}"] == pytest.approx(emittance, rel=1e-6)
        assert found[f"spill_bet{plane}"] == pytest.approx(np.var(u) / emittance, rel=1e-6)


def test_particles_are_all_accounted_for(folder: Path) -> None:
    """Extracted, lost and circulating make the beam; the saved files hold the same particles as the tables."""
    quantities = results(folder)["quantities"]
    saved = read_spill(folder / "spill")
    balance = pd.read_csv(folder / "tables" / "spill-balance.csv")
    assert balance["particles"].sum() == 300
    assert balance["particles"][balance["what"] == "extracted"].sum() == len(saved.extracted)
    assert balance["particles"][balance["what"] == "lost"].sum() == len(saved.lost)
    share = len(saved.extracted) / (len(saved.extracted) + len(saved.lost))
    assert quantities["extraction_efficiency"]["value"] == pytest.approx(share, rel=1e-12)
    assert quantities["spill_left"]["value"] == pytest.approx(1 - len(saved.extracted) / 300 - len(saved.lost) / 300)


def test_the_bar_begins_at_the_wires(folder: Path) -> None:
    """Wires of 0.1 mm at 35 mm: nothing is extracted inside them, and the bar is about a spiral step wide."""
    x = read_spill(folder / "spill").extracted["x"]
    assert x.min() > 0.035
    quantities = results(folder)["quantities"]
    step = quantities["spiral_step"]["value"]
    assert 0.5 * step < quantities["spill_spiral_step"]["value"] < 1.5 * step


def test_the_report_shows_the_spill(folder: Path) -> None:
    page = (folder / "report.html").read_text()
    for id in (
        "spill-rate",
        "spill-bar-es",
        "spill-bar-ms",
        "spill-programme",
        "spill-steinbach",
        "spill-momentum",
        "spill-losses",
        "spill-programmes",
        "spill-drivers",
        "engines-spill",
    ):
        assert f'id="figure-{id}"' in page, id
    assert "duty factor" in page


def test_rendered_again_from_the_folder_alone(folder: Path) -> None:
    before = (folder / "report.html").read_bytes()
    assert run(["report", str(folder), "-q"]) == 0
    assert (folder / "report.html").read_bytes() == before


def test_no_pass_when_the_trackers_disagree(folder: Path, kept: dict[str, Any]) -> None:
    """A chance below the level takes every verdict on the spill away, in words, and puts an alarm on the page."""
    assert folder.exists()
    facts = kept["facts"]
    assert facts.agreement.agree
    assert not facts.disagreement
    assert facts.agreement.apart <= 1  # measured: 97 % leave in the same turn
    assert facts.agreement.other_fate < 0.05
    later = facts.agreement.theirs.extracted.assign(turn=lambda table: table["turn"] + 4)
    moved = replace(facts.agreement, theirs=replace(facts.agreement.theirs, extracted=later))
    assert moved.chance >= 0.01  # too little for distributions,
    assert not moved.agree  # but not particle by particle
    parted = replace(facts, agreement=replace(facts.agreement, turn=(0.9, 1e-9)))
    need = Requirement("A", "b", "extraction_efficiency", "1", "c", "d", lower=0.1)
    agreement = replace(need, quantity="spill_agreement_xsuite", lower=0.0)
    names = [need.quantity, agreement.quantity]
    assert [v.verdict for v in verdicts_on([need, agreement], spill_quantities(names, facts))] == [PASS, PASS]
    taken, kept_one = verdicts_on([need, agreement], spill_quantities(names, parted))
    assert taken.verdict == "NOT EVALUATED"
    assert "disagree" in taken.reason
    assert kept_one.verdict == PASS
    assert next(spill_methods.warnings(parted)).startswith(spill_methods.ALARM)


def test_leaving_shifts_of_quadrupoles_are_those_of_the_tune(folder: Path, kept: dict[str, Any]) -> None:
    """d delta = -dQ/Q' at fixed area: quadrupoles hardly change |S|, so tune and chromaticity tell it (to 10 %)."""
    from optics import twiss

    assert folder.exists()
    case = kept["facts"].case
    shifts = leaving_shifts(case.stack)
    delta = case.stack.edge
    for name in ("kf", "kr"):
        here = float(case.ring.parameters[name])
        tunes = [float(twiss(case.ring.with_parameters({name: here * (1 + s)}), delta=delta).qx) for s in (1e-4, -1e-4)]
        slope = (tunes[0] - tunes[1]) / 2e-4
        expected = -slope / float(twiss(case.ring, delta=delta).dqx)
        assert shifts[name] == pytest.approx(expected, rel=0.1)
    assert np.isfinite(list(shifts.values())).all()


def test_both_trackers_are_drawn_in_millimetres_and_milliradians(folder: Path, kept: dict[str, Any]) -> None:
    assert folder.exists()
    (drawn,) = spill_figures._engines(kept["facts"])
    tables = kept["facts"].agreement.ours.extracted, kept["facts"].agreement.theirs.extracted
    both = pd.concat(tables)
    assert drawn.table["x [mm]"].to_numpy() == pytest.approx(1e3 * both["x"].to_numpy(), rel=1e-12)
    ours, theirs = (1e3 * angles(one) for one in tables)
    assert drawn.table["x' [mrad]"].to_numpy() == pytest.approx(np.concatenate([ours, theirs]), rel=1e-12)
    turns, _, fast, other = drawn.plotly["data"]
    assert sorted(turns["x"]) == pytest.approx(sorted(tables[0]["turn"]), rel=1e-4)
    assert fast["x"] == pytest.approx(sorted(ours), rel=1e-4)
    assert set(np.round(other["x"], 4)) <= set(np.round(theirs, 4))


def test_where_a_particle_leaves_its_area_is_the_same_however_a_family_changes(
    folder: Path, kept: dict[str, Any]
) -> None:
    """The area of the moved ring at the moved momentum is that of the ring: what is left is of second order."""
    assert folder.exists()
    stack = kept["facts"].case.stack
    shifts, change = leaving_shifts(stack), 2e-5
    delta = stack.diagram.leaving_at(0.6 * stack.beam.edge_amplitude)

    def area(shift: float, name: str, value: float) -> float:
        ring = stack.ring.with_parameters({name: value})
        return third_integer_resonance(ring, at=stack.at, delta=delta + shift, fringe=stack.fringe).stable_area

    for name in ("kf", "kd", "kr"):
        here = float(stack.ring.parameters[name])
        begin, alone = area(0.0, name, here), area(0.0, name, here * (1 + change))
        both = area(change * shifts[name], name, here * (1 + change))
        assert abs(both - begin) < 3e-3 * abs(alone - begin)


def test_ctrl_c_keeps_what_was_tracked(
    folder: Path, kept: dict[str, Any], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The run is written, says so, and ends with 130; the spills are those of the run above."""
    assert folder.exists()
    target = tmp_path / "run"
    spills = iter((kept["facts"].spill, *kept["facts"].others.values()))

    def stopped(*args: Any, **more: Any) -> Any:
        return replace(next(spills), interrupted=True, notes=("interrupted after 100 of 200 turns",))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slow_extraction, "gather_extraction", lambda resolved, asked: kept["extraction"])
        patch.setattr(spill_tracking, "track_spill", stopped)
        assert run(["run", "cnao-extraction", *settings(*_QUICK), "--out", str(target), "-q"]) == 130
    assert any("interrupted after 100" in warning for warning in results(target)["warnings"])
    assert (target / "spill" / "extracted.parquet").exists()
    assert "interrupted" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (["spill.driver=betatron"], ("spill.driver", "betatron-core")),
        (["spill.particles=3"], ("spill.particles", "50")),
        (["spill.programme=[[0.0, 0.0], [0.0, 0.1]]"], ("rising times",)),
        (["spill.bin_s=1.0"], ("at least 10 bins",)),
        (["spill.ripple.0.lines=[]"], ("spill.ripple.0.lines", "at least 1")),
        (["spill.ripple.0.parameter=kff"], ("spill.ripple.0.parameter", "did you mean 'kf'")),
        (["spill.sweep_parameter=ke"], ("spill.sweep_parameter", "no parameter 'ke'")),
        (["spill.drivr=x"], ("did you mean 'driver'",)),
    ],
)
def test_a_wrong_table_is_code_2(
    changes: list[str], words: tuple[str, ...], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "run"
    assert run(["run", "cnao-extraction", *settings(*changes), "--out", str(target), "-q"]) == 2
    message = capfd.readouterr().err
    assert all(word in message for word in words), message
    assert not target.exists()
