"""Xsuite's JSON from strangers: data only, nothing of it evaluated, nothing of it dropped without a word."""

from __future__ import annotations

import builtins
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xdeps  # type: ignore[import-untyped]
import xtrack as xt

from lattice import FileError, HadronOpticsError, InputError, Lattice, LatticeError, Quadrupole, ReferenceParticle
from optics import twiss
from optics.engines.xsuite.expressions import text_of
from optics.engines.xsuite.files import read_xsuite_json, write_xsuite_json
from optics.engines.xsuite.live_line import from_xsuite
from studies import cli
from tests.madx_session import madx_optics


def content(**changes: Any) -> dict[str, Any]:
    """A valid line of one quadrupole whose gradient follows a variable."""
    valid = {
        "elements": {"q": {"__class__": "Quadrupole", "length": 0.5, "k1": 0.6}},
        "element_names": ["q", "q"],
        "_var_management_data": {"var_values": {"k": 0.3}, "functions": {"_funcs": {}}},
        "_var_manager": [["element_refs['q'].k1", "(2.0 * vars['k'])"]],
        "particle_ref": {"mass0": 938272089.43, "q0": 1.0, "p0c": [340870431.0], "reference_turns": float("nan")},
    }
    return {**valid, **changes}


def read(tmp_path: Path, data: Any) -> Lattice:
    path = tmp_path / "line.xsuite.json"
    path.write_text(data if isinstance(data, str) else json.dumps(data))
    return read_xsuite_json(path)


def test_a_valid_line_is_read(tmp_path: Path) -> None:
    found = read(tmp_path, content())
    assert found.elements == (Quadrupole("q", length=0.5, k1="(2.0 * k)"),) * 2
    assert dict(found.parameters) == {"k": 0.3}
    assert found.particle is not None
    assert found.particle.species == "proton"


def test_two_elements_of_one_name_are_refused(tmp_path: Path) -> None:
    """The oldest files have two lists; a name may stand twice in them, for one element."""
    drifts = [{"__class__": "Drift", "length": length} for length in (1.0, 1.0, 2.0)]
    same = {"element_names": ["d", "d"], "_var_manager": []}
    assert read(tmp_path, content(elements=drifts[:2], **same)).length == 2.0
    with pytest.raises(FileError, match="two different elements are called 'd'"):
        read(tmp_path, content(elements=drifts[1:], **same))


def test_a_cavity_that_counts_time_from_the_beginning_is_refused(tmp_path: Path) -> None:
    cavity = {"__class__": "Cavity", "voltage": 1e3, "frequency": 1e6, "absolute_time": 1}
    with pytest.raises(LatticeError, match=r"Cavity 'q': absolute_time = 1\.0 cannot be carried over"):
        read(tmp_path, content(elements={"q": cavity}, _var_manager=[]))


CODE = [
    "[__import__('pathlib').Path('PWNED').write_text('x'),vars['k']*1.0][1]",
    "__import__('os').system('touch PWNED')",
    "quit(0)",
    "vars['k'].__class__",
    "f.__init__(1)",
    "f['sin'].__globals__",
    "(lambda: open('PWNED','w'))()",
    "vars['k'] if open('PWNED', 'w') else 1",
    "vars['k']vars['k']",
    "vars['k'] // 2",
    "2 ** 3 ** 2",
    "vars['k" + "\\\\" + "']",
    "9" * 30_000,
    "(" * 5000 + "1" + ")" * 5000,
    "exit",
    "",
]


@pytest.mark.parametrize("code", CODE, ids=lambda code: code[:30])
@pytest.mark.parametrize("side", ["target", "expression", "variable"])
def test_no_entry_is_ever_evaluated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, side: str) -> None:
    """Not by us, not by Xsuite: neither ``eval`` nor its loader is called, and nothing is written."""
    monkeypatch.chdir(tmp_path)
    for place, name in ((builtins, "eval"), (builtins, "exec"), (xdeps.Manager, "load"), (xt.Line, "from_dict")):
        monkeypatch.setattr(place, name, _never, raising=True)
    entry = {
        "target": [code, "1.0"],
        "expression": ["element_refs['q'].k1", code],
        "variable": ["vars['k']", code],
    }[side]
    with pytest.raises(FileError, match=r"line\.xsuite\.json: _var_manager, entry 1"):
        read(tmp_path, content(_var_manager=[["element_refs['q'].length", "0.5"], entry]))
    assert [path.name for path in tmp_path.iterdir()] == ["line.xsuite.json"]


def _never(*_: Any, **__: Any) -> Any:
    raise AssertionError("something of the file was evaluated")


def test_a_stranger_does_not_choose_the_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "line.xsuite.json"
    path.write_text(json.dumps(content(_var_manager=[["element_refs['q'].k1", "quit(0)"]])))
    assert cli.run(["convert", str(path), str(tmp_path / "out.seq")]) == 4
    assert "_var_manager, entry 0: the expression of element_refs['q'].k1" in capsys.readouterr().err
    assert not (tmp_path / "out.seq").exists()


Q = {"__class__": "Quadrupole", "length": 0.5, "k1": 0.6}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"elements": {"q": {**Q, "k_1": 0.1}}}, "Quadrupole 'q': k_1 is no field of Xsuite's Quadrupole"),
        ({"elements": {"q": {**Q, "_buffer": 1}}}, "_buffer is no field"),
        ({"elements": {"q": {**Q, "order": 10**9}}}, "order must be a whole number up to 50"),
        ({"elements": {"q": {**Q, "knl": [0.0] * 10_000}}}, "knl holds 10000 numbers, at most 50"),
        ({"elements": {"q": {**Q, "k1": "vars['k']"}}}, "k1 must be a number or a word"),
        ({"elements": {"q": {**Q, "k1": {}}}}, "k1 must be a number"),
        ({"elements": {"q": {**Q, "length": float("nan")}}}, "length must be a number"),
        ({"elements": {"q": {**Q, "model": "no-such"}}}, "Xsuite cannot build this Quadrupole"),
        ({"elements": {"q": {**Q, "__class__": "Wire"}}}, "Xsuite's Wire has no counterpart here"),
        ({"elements": {"q": {**Q, "__class__": "Environment"}}}, "Xsuite's Environment has no counterpart here"),
        ({"elements": {"q": {**Q, "__class__": 1}}}, "has no __class__"),
        ({"elements": {"q": 1}}, "element 'q' must be an object"),
        ({"element_names": ["p"]}, "there is no element 'p'"),
        ({"element_names": None}, "element_names must be a list of names"),
        ({"element_names": ["q"] * 1_000_001}, "at most 1,000,000"),
        ({"_var_manager": {}}, "_var_manager must be a list"),
        ({"_var_manager": [["vars['a']"]]}, "entry 0: expected a pair of texts"),
        ({"_var_manager": [["vars['a']", "1"]] * 2}, "entry 1: vars\\['a'\\] is defined twice"),
        ({"_var_manager": [["element_refs['q'].knl[7]", "1.0"]]}, "has no number knl\\[7\\]"),
        ({"_var_manager": [["element_refs['q'].gradient", "1.0"]]}, "has no number gradient"),
        ({"_var_manager": [["element_refs['q'].k1", "vars['g']"]]}, "unknown parameter 'g'"),
        (
            {
                "_var_manager": [
                    ["vars['k']", "vars['m']"],
                    ["vars['m']", "vars['k']"],
                    ["element_refs['q'].k1", "vars['k']"],
                ]
            },
            "in a circle",
        ),
        ({"_var_management_data": {"var_values": {"k": 1.0, "K": 2.0}}}, "differ in case only"),
        ({"_var_management_data": {"var_values": {"k": [1.0]}}}, "variable 'k' must be a number"),
        ({"_var_management_data": []}, "_var_management_data must be an object"),
        ({"particle_ref": "beam"}, "there is no particle 'beam'"),
        ({"particle_ref": {"mass0": 1e9, "q0": 1.0}}, "particle_ref: p0c must be a number"),
        ({"particle_ref": {"mass0": 1e9, "q0": 54 / 208, "p0c": 1e9}}, "a whole number here, found 0.259615"),
        ({"particle_ref": []}, "particle_ref must be an object"),
        ({"metadata": {"hadron_optics": {"parameters": {"k": 1}}}}, "metadata.hadron_optics is not as"),
        ({"metadata": []}, "metadata must be an object"),
        ({"lines": {}}, "holds 0 lines"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(HadronOpticsError, match=rf"line\.xsuite\.json: .*{message}"):
        read(tmp_path, content(**changes))


def test_a_key_that_stands_twice_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="the key 'q' stands twice"):
        read(
            tmp_path,
            '{"elements": {"q": {"__class__": "Marker"}, "q": {"__class__": "Drift"}}, "element_names": ["q"]}',
        )


def test_a_chain_of_variables_may_be_long(tmp_path: Path) -> None:
    chain = [[f"vars['k{n}']", f"vars['k{n + 1}']"] for n in range(3000)]
    found = read(
        tmp_path,
        content(
            _var_manager=[*chain, ["element_refs['q'].k1", "vars['k0']"]],
            _var_management_data={"var_values": {"k3000": 0.25}},
        ),
    )
    assert found.value("k0") == 0.25


def test_an_expression_of_a_live_line_that_cannot_be_told_is_told_of() -> None:
    environment = xt.Environment()
    environment["a"] = 0.25
    environment.new("q", xt.Quadrupole, length=1.0, k1=environment.ref["a"] ** environment.ref["a"] % 7)
    line = environment.new_line(components=["q"])
    found = from_xsuite(line)
    assert found["q"] == Quadrupole("q", length=1.0, k1=0.25**0.25)
    assert len(found.warnings) == 1
    assert "Quadrupole 'q': k1" in found.warnings[0]


@pytest.mark.parametrize(
    ("written", "ours"),
    [
        (
            "(((vars['kf'] * 8.0) - ((-vars['kd']) / 3.0)) + f.sqrt(vars['a.1']))",
            "(((kf * 8.0) - (( - kd) / 3.0)) + sqrt(a.1))",
        ),
        ("(vars['a'] ** 2)", "(a**2)"),
        ("f['sin'](vars[\"a\"])", "sin(a)"),
        ("vars['ms->kick'] * 1e-05", "ms->kick * 1e-05"),
        ("vars['a-b']", None),
        ("vars['a'] * * 2", None),
        ("a", None),
        ("1_0", None),
        ("1j", None),
        ("f.where(vars['a'])", None),
        ("element_refs['q'].k1", None),
    ],
)
def test_texts_of_expressions(written: str, ours: str | None) -> None:
    assert text_of(written, {}) == ours


def test_the_particle_may_be_a_named_one(tmp_path: Path) -> None:
    environment = xt.Environment()
    environment.new("d", xt.Drift, length=1.0)
    line = environment.new_line(name="one", components=["d"])
    line.particle_ref = xt.Particles(mass0=xt.PROTON_MASS_EV, q0=1, p0c=0.34e9)
    environment.to_json(str(tmp_path / "one.json"))
    assert read_xsuite_json(tmp_path / "one.json").particle == ReferenceParticle.from_momentum("proton", 0.34e9)


@pytest.fixture(scope="module")
def environment_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment as Xsuite writes it: two lines, a rectangular bend, a replica, a particle of all lines."""
    environment = xt.Environment()
    environment.particle_ref = xt.Particles(mass0=xt.PROTON_MASS_EV, q0=1, p0c=0.34e9)
    environment["kf"], environment["turn"] = 0.9, 2 * np.pi / 16
    environment["kd"] = "-1.05 * kf"
    environment.new("d", "Drift", length=0.6)
    environment.new("b", "RBend", length_straight=0.8, angle="turn", edge_entry_angle=0.03)
    environment.new("qf", "Quadrupole", length=0.3, k1="kf")
    environment.new("qd", "Quadrupole", length=0.3, k1="kd")
    environment.new("again", xt.Replica, parent_name="qf")
    environment.new_line(name="half", components=["qf", "d", "b"])
    environment.new_line(name="cell", components=["qf", "d", "b", "d", "qd", "d", "b", "d", "again"])
    path = tmp_path_factory.mktemp("environment") / "machine.xsuite.json"
    environment.to_json(str(path))
    return path


#: The cell of the environment by hand.
SAME_CELL = """
kf = 0.9; d: drift, l=0.6; qf: quadrupole, l=0.3, k1=kf; qd: quadrupole, l=0.3, k1=-1.05*kf;
b: rbend, l=0.8, angle=twopi/16, e1=0.03; cell: line=(qf, d, b, d, qd, d, b, d, qf); beam, particle=proton, pc=0.34;
"""


@pytest.mark.madx
def test_a_line_of_an_environment_is_the_one_that_madx_has(environment_file: Path) -> None:
    ours = read_xsuite_json(environment_file, "cell")
    assert ours.particle == ReferenceParticle.from_momentum("proton", 0.34e9)
    found, theirs = twiss(ours), madx_optics(SAME_CELL, "cell")
    assert ours.length == pytest.approx(theirs.columns["s"][-1], abs=1e-12)
    assert [found.qx, found.qy] == pytest.approx([theirs.summary["q1"], theirs.summary["q2"]], abs=1e-9)
    np.testing.assert_allclose(found["betx"][1:], theirs.columns["betx"], rtol=1e-8)


def test_the_arc_of_a_rectangular_bend_follows_its_angle(environment_file: Path) -> None:
    half = read_xsuite_json(environment_file, "half")
    assert set(half.parameters) == {"kf", "turn"}
    turned = half.with_parameters(turn=0.5)
    assert turned.length == pytest.approx(0.9 + 0.8 * 0.25 / np.sin(0.25), abs=1e-14)
    assert turned.resolved(turned["b"]).e1 == pytest.approx(0.03 + 0.25)  # type: ignore[attr-defined]


def test_replicas_of_each_other_are_told(tmp_path: Path) -> None:
    elements = {"a": {"__class__": "Replica", "parent_name": "b"}, "b": {"__class__": "Replica", "parent_name": "a"}}
    with pytest.raises(FileError, match="Replica 'b': parent_name 'a' is no other element"):
        read(tmp_path, {"elements": elements, "element_names": ["a"]})


def test_our_own_files_come_back(tmp_path: Path) -> None:
    lattice = Lattice("l", elements=[Quadrupole("q", length=0.4, k1="kf/2")], parameters={"kf": 0.3, "spare": "2*kf"})
    write_xsuite_json(lattice, tmp_path / "l.xsuite.json")
    back = read_xsuite_json(tmp_path / "l.xsuite.json")
    assert dict(back.parameters) == dict(lattice.parameters)
    with pytest.raises(InputError, match="leave out the name 'other'"):
        read_xsuite_json(tmp_path / "l.xsuite.json", line="other")


def test_a_slice_has_no_counterpart(tmp_path: Path) -> None:
    line = xt.Line(elements=[xt.Bend(length=1.0, angle=0.1)], element_names=["b"])
    line.slice_thick_elements([xt.Strategy(xt.Uniform(2))])
    line.to_json(str(tmp_path / "sliced.json"))
    with pytest.raises(LatticeError, match="has no counterpart here"):
        read_xsuite_json(tmp_path / "sliced.json")
