"""A user's mistake ends in one message and its exit code: never in a traceback, never in 'please report it'."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lattice import Lattice, Marker, write_json
from studies import cli
from studies.energy_switching.table_file import COLUMNS, ENERGY, RIGIDITY, read_table
from studies.runs.building import open_run
from studies.runs.logs import messages
from studies.terminal import visible
from tests.checkout import ROOT
from tests.report_fakes import fake_result

RING = "q: quadrupole, l=0.5, k1=0.3; ring: sequence, l=1; q, at=0.5; endsequence; beam, particle=proton, pc=1;"


def finished(folder: Path) -> None:
    """A run folder with a made-up result."""
    with open_run(folder) as run:
        run.finish(fake_result(), lambda result: "", lambda: "")


def ended(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Exit code and message of the command."""
    code = cli.run(list(arguments))
    return code, capsys.readouterr().err


@pytest.mark.parametrize("value", ["[" * 3000, "9" * 5000], ids=["brackets", "digits"])
def test_toml_that_is_too_deep_or_too_long(tmp_path: Path, capsys: pytest.CaptureFixture[str], value: str) -> None:
    study = tmp_path / "study.toml"
    study.write_text(f"study = {value}")
    assert ended(capsys, "run", str(study))[0] == 2
    code, message = ended(capsys, "run", "cnao-optics", "--set", f"name={value}", "--out", str(tmp_path / "run"))
    assert code == 2
    assert "nested too deep, or a number that is too long" in message


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("m: multipole, knl;", "expected a list after 'knl'"),
        (f"call, file='{'x' * 300}';", "there is no file"),
        ("call, file='a\x7fb';", "binary"),
    ],
)
def test_statements_of_a_madx_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], statement: str, message: str
) -> None:
    (tmp_path / "ring.seq").write_text(statement + RING)
    code, told = ended(capsys, "convert", str(tmp_path / "ring.seq"), str(tmp_path / "out.json"))
    assert code == 4
    assert message in told
    assert "ring.seq:1" in told


@pytest.mark.parametrize("cell", ["9" * 400, "1e400", "nan", "", "True", "0x10", "1_0", "\u0663"])
def test_cells_of_a_table_are_numbers(cell: str) -> None:
    header = ",".join([ENERGY, RIGIDITY, *COLUMNS])
    with pytest.raises(Exception, match=f"{RIGIDITY} of row 1 is .*, expected a number|row 1 has") as told:
        read_table(f"{header}\n60,{cell},0.3,0.3,-0.5,1,1,1\n", "table.csv")
    assert cli.exit_code(told.value) == 2


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("results.json", "["),
        ("results.json", "[" * 100_000),
        ("results.json", "[]"),
        ("results.json", '{"schema": 2}'),
        ("results.json", '{"schema": ' + "9" * 5000 + "}"),
        ("report.json", "{}"),
        ("report.json", "null"),
        ("figures", "[]"),
        ("figures", '{"data": 3}'),
        ("tables", "a,b\n1\n"),
        ("study.toml", "a = " + "[" * 3000),
        ("lattice.json", "{}"),
    ],
)
def test_a_damaged_run_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str], file: str, content: str) -> None:
    folder = tmp_path / "run"
    finished(folder)
    path = folder / file
    if path.is_dir():
        path = next(path.glob("*.json" if file == "figures" else "*.csv"))
    path.write_text(content)
    code, message = ended(capsys, "report", str(folder))
    assert code in (2, 4), message
    assert "Please report" not in message


def test_ids_of_a_run_folder_lead_nowhere_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "run"
    finished(folder)
    details = json.loads((folder / "report.json").read_text())
    details["tables"][0]["id"] = "../../secret"
    (folder / "report.json").write_text(json.dumps(details))
    (tmp_path / "secret.csv").write_text((next((folder / "tables").glob("*.csv"))).read_text())
    code, message = ended(capsys, "report", str(folder))
    assert code == 4
    assert "no plain word" in message


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", "species,energy [MeV/u]\nproton,9\n", "\x00", "=1"])
def test_a_damaged_table_of_beams(tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str) -> None:
    folder = tmp_path / "run"
    finished(folder)
    (folder / "tables" / "beam-energies.csv").write_text(content)
    out = str(tmp_path / "out.mcpl")
    code, message = ended(capsys, "beam", str(folder), out, "--energy", "60", "--particles", "10")
    assert code == 4, message
    assert "the table of beams is damaged" in message


def test_a_name_that_is_no_utf_8(capsys: pytest.CaptureFixture[str]) -> None:
    code, message = ended(capsys, "run", "cnao-optics", "--out", "a\udcffb")
    assert code == 2
    assert "no text in UTF-8" in message


def test_only_click_may_end_the_command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """An exit that some library or file asks for is no success."""

    def leave(*_: object, **__: object) -> None:
        raise SystemExit(0)

    monkeypatch.setattr(cli.group, "main", leave)
    assert ended(capsys, "list")[0] == 70


@pytest.mark.parametrize("hostile", ["\x1b[2J", "\x1b]0;title\x07", "\u202e", "\x9b1m", "\r", "\x00"], ids=ascii)
def test_nothing_that_a_terminal_obeys_reaches_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], hostile: str
) -> None:
    assert visible("a\tb\nc \x1b[32mPASS\x1b[0m") == "a\tb\nc \x1b[32mPASS\x1b[0m"
    assert all(c.isprintable() or c == "\n" for c in visible(f"a{hostile}b\n"))
    _, message = ended(capsys, "run", f"no{hostile}such.toml")
    with messages():
        logging.getLogger("hadron_optics").warning("of a file: %s", hostile)
    write_json(Lattice("ring", elements=[Marker("m")]), tmp_path / "a.json")
    assert hostile not in message + capsys.readouterr().err


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(12, "Cannot allocate memory"),
        ImportError("libx.so: failed to map segment from shared object"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_want_of_memory_is_no_error_of_the_program(
    error: Exception, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when another error came of it."""

    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("no library") from error

    monkeypatch.setattr(cli.group, "main", fails)
    code, message = ended(capsys, "list")
    assert code == 4
    assert "not enough memory" in message
    assert "report" not in message


@pytest.mark.parametrize(("megabytes", "command"), [(300, "report"), (300, "run"), (800, "run"), (1250, "verify")])
def test_little_memory_is_one_message(megabytes: int, command: str, tmp_path: Path) -> None:
    """Where Python itself would crawl, and where libraries of the engines would end the process without a word."""
    resource = pytest.importorskip("resource")

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (megabytes * 10**6,) * 2)

    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    finished(tmp_path / "run")
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    subject = {"report": [str(tmp_path / "run")], "run": ["cnao-optics", "--out", str(tmp_path / "run"), "--force"]}
    whole = [sys.executable, "-m", "studies.cli", command, *subject.get(command, ["cnao"])]
    done = subprocess.run(whole, env=environment, preexec_fn=limited, capture_output=True, text=True, check=False)
    assert done.returncode == 4, done.stderr
    assert "not enough memory" in done.stderr
    assert f"{megabytes / 1e3:.2g} GB" in done.stderr
    assert "Traceback" not in done.stderr
    assert {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()} == before
