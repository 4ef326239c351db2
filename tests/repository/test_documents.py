"""Every command and every piece of Python that a document shows is run, in order, in an empty folder."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from studies.cli import run
from studies.exit_codes import Exit
from tests.checkout import DOCUMENTS, ROOT, Block, blocks, shell_lines
from tests.shared_runs import SHARED, copied_run

#: What a document's command ends with where that is not 0: a requirement is not met, as its text says.
WANTING = {
    "run cnao-delivery --set energies.number=4 --set source.turns=1000 --set source.particles=500",
    "run cnao-extraction --set spill.tracked=false --set 'extraction.variations=[]'",
    "run examples/small_ring/tolerances.toml --collect runs/tolerances",
    "run cnao-energy-switching --set energies.0.number=8 --set energies.1.number=8",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder that holds the examples, from which the packages of this tree are importable."""
    if (ROOT / "examples").is_dir():
        shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_what_a_document_shows_runs(
    document: Path, folder: Path, capsys: pytest.CaptureFixture[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    names: dict[str, object] = {}
    for block in blocks(document):
        if block.language == "python":
            run_python(document, block, names)
        elif block.language == "toml":
            write_toml(block)
        elif block.language == "sh":
            run_shell(document, block, capsys, tmp_path_factory)


def write_toml(block: Block) -> None:
    """A block that begins with the name of a file is that file, for the blocks behind it."""
    named = re.match(r"# (\w+\.toml)\n", block.text)
    if named:
        Path(named[1]).write_text(block.text)


def run_python(document: Path, block: Block, names: dict[str, object]) -> None:
    """Run a block with the names of the blocks before it; tracebacks show the line of the document."""
    exec(compile("\n" * (block.line - 1) + block.text, document, "exec"), names)


def run_shell(
    document: Path, block: Block, spoken: pytest.CaptureFixture[str], factory: pytest.TempPathFactory
) -> None:
    """Run the lines of the command line; the targets of make need only exist, since they run this test."""
    for line in shell_lines(block):
        program, *arguments = shlex.split(line)
        if program == "make":
            targets = [argument for argument in arguments if "=" not in argument]
            assert [name for name in targets if not is_target(name)] == [], f"{document.name}: {line}"
        else:
            assert program == "lattice-optimize", f"{document.name} shows a command that nothing tests: {line}"
            run_command(arguments, spoken, factory)


def is_target(name: str) -> bool:
    return re.search(rf"^{re.escape(name)}:", (ROOT / "Makefile").read_text(), re.MULTILINE) is not None


def run_command(arguments: list[str], spoken: pytest.CaptureFixture[str], factory: pytest.TempPathFactory) -> None:
    """In this process: the command's own, but for the start of an interpreter each time.

    What documents and tests of runs look at alike is run once for the suite.
    """
    asked, folder = what_and_where(arguments)
    if arguments[0] == "run" and asked in SHARED:
        code = copied_run(asked, factory, folder)
    else:
        code = run(arguments)
    said = spoken.readouterr()
    expected = Exit.WANTING if shlex.join(arguments) in WANTING else Exit.OK
    assert code == expected, f"{shlex.join(arguments)}\n{said.err}"


def what_and_where(arguments: list[str]) -> tuple[tuple[str, ...], Path]:
    """What a study is asked for, and the folder of its run."""
    words = arguments[1:]
    if "--out" not in words:
        return tuple(words), Path("runs") / "".join(words[:1])
    place = words.index("--out")
    return (*words[:place], *words[place + 2 :]), Path(words[place + 1])


def test_commands_that_want_something_stand_in_a_document() -> None:
    shown = {
        shlex.join(shlex.split(line)[1:])
        for path in DOCUMENTS
        for block in blocks(path)
        if block.language == "sh"
        for line in shell_lines(block)
    }
    assert shown >= WANTING
