"""Files are read within bounds and written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lattice import FileError, files


def test_what_is_written_is_there(tmp_path: Path) -> None:
    target = tmp_path / "ring.txt"
    files.write_text_atomic(target, "Länge\n")
    assert target.read_bytes() == "Länge\n".encode()
    files.write_bytes_atomic(target, b"other")
    assert files.read_bytes(target) == b"other"
    assert [path.name for path in tmp_path.iterdir()] == ["ring.txt"]


def test_permissions_are_those_of_ordinary_files(tmp_path: Path) -> None:
    plain, written = tmp_path / "plain", tmp_path / "written"
    plain.write_text("")
    files.write_text_atomic(written, "")
    assert written.stat().st_mode == plain.stat().st_mode
    written.chmod(0o640)
    files.write_text_atomic(written, "again")
    assert written.stat().st_mode & 0o777 == 0o640


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "ring.txt"
    target.write_text("old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FileError, match=r"ring\.txt: cannot write this file: No space left on device"):
        files.write_text_atomic(target, "new")
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["ring.txt"]


def test_an_interruption_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        files.write_text_atomic(tmp_path / "ring.txt", "new")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("target", ["nowhere/ring.txt", "", "a\0b"])
def test_an_impossible_place_is_a_file_error(tmp_path: Path, target: str) -> None:
    with pytest.raises(FileError, match="cannot write this file"):
        files.write_text_atomic(f"{tmp_path}/{target}" if target else tmp_path, "text")
    assert list(tmp_path.iterdir()) == []


def test_missing_files_suggest_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "ring.seq").write_text("")
    with pytest.raises(FileError, match=r"rong\.seq: there is no such MAD-X file; did you mean 'ring\.seq'\?"):
        files.read_bytes(tmp_path / "rong.seq", "MAD-X file")


def test_folders_and_oversized_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileError, match="this is a folder"):
        files.read_bytes(tmp_path)
    monkeypatch.setattr(files, "MAX_BYTES", 1_000_000)
    (tmp_path / "big").write_bytes(b" " * 1_000_001)
    with pytest.raises(FileError, match="larger than 1 MB"):
        files.read_bytes(tmp_path / "big")


@pytest.mark.parametrize("name", ["pipe", "device", "link"])
def test_what_may_wait_for_ever_is_not_opened(name: str, tmp_path: Path) -> None:
    """An archive may hold a pipe, and a link may lead to a device; a reader of either need not end."""
    made = tmp_path / name
    if name == "pipe":
        os.mkfifo(made)
    elif name == "device":
        made.symlink_to("/dev/zero")
    else:
        os.mkfifo(tmp_path / "behind")
        made.symlink_to(tmp_path / "behind")
    with pytest.raises(FileError, match=rf"{name}: this is a pipe or a device, a lattice file was expected"):
        files.read_bytes(made, "lattice file")


def test_what_the_shell_hands_over_is_read() -> None:
    reads, writes = os.pipe()
    with os.fdopen(writes, "wb") as stream:
        stream.write(b"ring")
    assert files.read_bytes(f"/dev/fd/{reads}") == b"ring"
    os.close(reads)
