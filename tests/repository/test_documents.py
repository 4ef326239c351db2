"""Every command and every piece of Python that a document shows is run, in order, in an empty folder."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.checkout import DOCUMENTS, ROOT, Block, blocks, shell_lines

FOUND_WANTING = 1  # the command ran and a requirement failed: the documents promise no verdicts


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
def test_what_a_document_shows_runs(document: Path, folder: Path) -> None:
    names: dict[str, object] = {}
    for block in blocks(document):
        if block.language == "python":
            run_python(document, block, names)
        elif block.language == "sh":
            run_shell(document, block)


def run_python(document: Path, block: Block, names: dict[str, object]) -> None:
    """Run a block with the names of the blocks before it; tracebacks show the line of the document."""
    exec(compile("\n" * (block.line - 1) + block.text, document, "exec"), names)


def run_shell(document: Path, block: Block) -> None:
    """Run the lines of the command line; the targets of make need only exist, since they run this test."""
    for line in shell_lines(block):
        program, *arguments = shlex.split(line)
        if program == "make":
            targets = [argument for argument in arguments if "=" not in argument]
            assert [name for name in targets if not is_target(name)] == [], f"{document.name}: {line}"
        else:
            assert program == "lattice-optimize", f"{document.name} shows a command that nothing tests: {line}"
            run_command(arguments)


def is_target(name: str) -> bool:
    return re.search(rf"^{re.escape(name)}:", (ROOT / "Makefile").read_text(), re.MULTILINE) is not None


def run_command(arguments: list[str]) -> None:
    command = [sys.executable, "-c", "from studies.cli import main; main()", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, FOUND_WANTING), f"{shlex.join(arguments)}\n{done.stderr}"
    assert "Traceback" not in done.stderr, done.stderr
