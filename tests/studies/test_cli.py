"""The command line: light where it must answer at once, one clear message and the right code everywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from lattice.errors import FileError, HadronOpticsError, InputError, LatticeError, NoSolution, UnstableOptics
from studies.cli import COMMANDS, exit_code, run
from tests.checkout import ROOT

HEAVY = ("numpy", "pandas", "scipy", "numba", "xtrack", "plotly", "pydantic", "lark", "jinja2", "matplotlib")

LIGHT = [
    ["--help"],
    ["--version"],
    [],
    ["rnu"],
    ["--nonsense"],
    *([command, "--help"] for command in COMMANDS),
    ["run"],
    ["run", "cnao-optcs"],
    ["run", "cnao-optics", "--seed", "x"],
    ["run", "cnao-optics", "--forse"],
    ["match", "cnao"],
    ["match", "cnao", "--vary", "kf=a:b", "--target", "qx=1.6"],
    ["match", "cnao", "--vary", "kf=0.2:0.4", "--target", "qx"],
    ["match", "cnao", "--vary", "kf=0.2:0.4", "--target", "qx=1", "--limit", "betx=17"],
    ["verify", "--energy", "-5"],
    ["report"],
]


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_what_must_answer_at_once_imports_nothing_heavy() -> None:
    """0.3 s are kept by not importing: a timer would fail on a busy machine, the list of modules does not."""
    code = f"""
import json, sys
from studies.cli import run
for arguments in json.loads(sys.argv[1]):
    code = run(arguments)
    heavy = [name for name in {HEAVY!r} if name in sys.modules]
    assert not heavy, (arguments, heavy)
    assert code == (0 if "--help" in arguments or "--version" in arguments else 2), (arguments, code)
"""
    done = python(code, json.dumps(LIGHT))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["rnu"], "no command 'rnu'; did you mean 'run'?"),
        (["run", "cnao-optcs"], "unknown study 'cnao-optcs'; did you mean 'cnao-optics'?"),
        (["run", "cnao-optics", "--forse"], "Did you mean one of: '--force'"),
        (["match", "cnao", "--vary", "kf=4", "--target", "qx=1"], "found 'kf=4', expected NAME=LOWER:UPPER"),
        (["match", "cnoa", "--vary", "kf=0:1", "--target", "qx=1"], "unknown machine 'cnoa'; did you mean 'cnao'?"),
        (["match", "cnao", "--vary", "kff=0:1", "--target", "qx=1"], "'kff'; did you mean 'kf'? Its parameters"),
        (["match", "cnao", "--vary", "g=0:1", "--target", "qx=1"], "no parameter 'g'. Its parameters: "),
        (["match", "cnao", "--vary", "kf=0:1"], "Missing option '--target'"),
        (["match", "cnao", "--vary", "kf=0:1", "--target", "qx=1", "--target", "qx=2"], "qx is given 2 times"),
        (["run", "cnao-optics", "--set", "kinetic_energy_MeV_per_u=1e300"], "must lie within 1000 and 1e+21 eV"),
        (["match", "cnao", "--vary", "kf=0:1", "--target", "qxx=1"], "unknown quantity 'qxx'; did you mean 'qx'?"),
        (["match", "cnao", "--vary", "kf=0:1", "--target", "dx@simp=1"], "no place 'simp'; did you mean 'symp'?"),
        (["match", "cnao", "--vary", "kf=0:1", "--target", "qx=1", "--particle", "protn"], "did you mean 'proton'?"),
        (["run", "cnao-optics", "--set", "kinetic_energy=3"], "did you mean 'kinetic_energy_MeV_per_u'?"),
        (
            ["run", "cnao-optics", "--set", "working_point=extraction-proton-60"],
            "did you mean 'extraction-proton-60mev'?",
        ),
        (["run", "cnao-optics", "--set", "parameters.kff=1"], "no parameter 'kff'; did you mean 'kf'?"),
        (["list", "cnao-optcs"], "unknown machine or study 'cnao-optcs'; did you mean 'cnao-optics'?"),
        (["list", "optics"], "'optics' is a kind of study: 'lattice-optimize new optics NAME'"),
        (["run", "linac-optics", "--dry-run"], "is one: lattice-optimize list STUDY says how long it takes"),
        (["run", "cnao-optics", "--set", "particle=protn"], "cnao-optics.toml: particle: unknown species 'protn'"),
        (
            ["run", "cnao-optics", "--set", "match.targets.2.at=simp"],
            "cnao-optics.toml: match: 'cnao' has no place 'simp'",
        ),
        (["run", "cnao-optics", "--set", "working_point=x"], "cnao-optics.toml: machine 'cnao' has no working point"),
        (["verify", "cnoa"], "unknown machine 'cnoa'; did you mean 'cnao'?"),
        (["verify", "cnao", "--sequence", "x"], "--sequence belongs to a lattice file"),
        (["verify", "cnao", "--root", "."], "--root belongs to a lattice file"),
        (["convert", "cnao", "ring.xyz"], "ring.xyz: unknown kind of file '.xyz'; expected"),
    ],
)
def test_a_wrong_command_says_what_and_leaves_nothing(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str], in_empty_folder: Path
) -> None:
    assert run(arguments) == 2
    told = capsys.readouterr()
    assert expected in told.err
    assert told.out == ""
    assert list(in_empty_folder.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["run", "missing.toml"], "missing.toml: there is no such study file"),
        (["verify", "missing.seq"], "missing.seq"),
        (["report", "missing"], "missing holds no run"),
    ],
)
def test_a_missing_file_is_code_4(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str], in_empty_folder: Path
) -> None:
    assert run(arguments) == 4
    told = capsys.readouterr()
    assert expected in told.err
    assert told.out == ""
    assert list(in_empty_folder.iterdir()) == []


@pytest.fixture
def in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("x"), 2),
        (LatticeError("x"), 2),
        (UnstableOptics("x"), 3),
        (NoSolution("x"), 3),
        (FileError("x"), 4),
        (OSError(28, "No space left on device"), 4),
        (HadronOpticsError("x"), 2),
        (ValueError("x"), 70),
    ],
)
def test_every_error_has_its_code(error: Exception, code: int) -> None:
    assert exit_code(error) == code


class TestUnexpected:
    """An error of ours: one line without -v, the traceback with it."""

    @pytest.fixture(autouse=True)
    def broken(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fails() -> str:
            raise RuntimeError("boom")

        monkeypatch.setattr("studies.commands.listing.catalogue.catalogue", fails)

    def test_one_line(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["list"]) == 70
        told = capsys.readouterr().err
        assert told.count("\n") == 1
        assert "unexpected error (RuntimeError: boom). Please report it" in told

    def test_the_traceback_with_v(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["list", "-v"]) == 70
        assert "Traceback" in capsys.readouterr().err


def test_interrupted_is_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("studies.commands.listing.catalogue.catalogue", interrupted)
    assert run(["list"]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_a_closed_pipe_is_quiet() -> None:
    """The reader leaves after one line: no message, no traceback."""
    code = "import sys; sys.argv[0] = 'x'; from studies.cli import main; main()"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipe = subprocess.Popen(
        [sys.executable, "-c", code, "list"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )
    assert pipe.stdout is not None
    assert pipe.stderr is not None
    pipe.stdout.close()
    assert pipe.stderr.read() == b""
    pipe.stderr.close()
    assert pipe.wait() == 0


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_a_stream_that_the_caller_closed_is_no_error(closed: str) -> None:
    """``>&-`` leaves Python without the stream."""
    code = f"import sys; sys.{closed} = None; from studies.cli import main; main()"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code, "list"], env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_file_is_not_converted_onto_itself(in_empty_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "s: sequence, l=1; q: quadrupole, l=0.1, at=0.5; endsequence;"
    (in_empty_folder / "ring.seq").write_text(text)
    assert run(["convert", "ring.seq", "./ring.seq"]) == 2
    assert "IN and OUT are the same file" in capsys.readouterr().err
    assert (in_empty_folder / "ring.seq").read_text() == text


def test_no_colour_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["list"]) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_the_version_is_that_of_the_project(capsys: pytest.CaptureFixture[str]) -> None:

    assert run(["--version"]) == 0
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert capsys.readouterr().out == f"lattice-optimize {project['version']}\n"
