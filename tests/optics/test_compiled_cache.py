"""The cache of compiled code: a folder for each state of the sources, and none that nobody can ask for."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, cast

import pytest

from optics.caching import cache_folder, stale
from optics.compiled import compiled, inner


def installed(place: Path) -> Path:
    """Sources of both packages that hold compiled functions."""
    for package in ("optics", "extraction"):
        (place / package).mkdir(parents=True)
        (place / package / "kernel.py").write_text("")
    return place


def later(path: Path) -> None:
    """As if the file were written again a second later."""
    now = path.stat().st_mtime_ns + 10**9
    os.utime(path, ns=(now, now))


@pytest.fixture
def caches(tmp_path: Path) -> Path:
    return tmp_path / "caches"


def test_the_same_sources_have_the_same_folder(tmp_path: Path, caches: Path) -> None:
    sources = installed(tmp_path / "one")
    folder = cache_folder(sources, caches)
    (folder / "code.nbc").touch()
    assert cache_folder(sources, caches) == folder
    assert (folder / "code.nbc").exists()


@pytest.mark.parametrize("package", ["optics", "extraction"])
def test_a_changed_source_has_another_and_the_old_one_goes(package: str, tmp_path: Path, caches: Path) -> None:
    """In either package: functions of both are compiled into each other."""
    sources = installed(tmp_path / "one")
    before = cache_folder(sources, caches)
    later(sources / package / "kernel.py")
    after = cache_folder(sources, caches)
    assert after != before
    assert list(caches.iterdir()) == [after]


def test_installations_come_and_go_without_leaving_anything(tmp_path: Path, caches: Path) -> None:
    """Ten one after another: what stays is that of the last, and that of one that is still there."""
    stays = cache_folder(installed(tmp_path / "stays"), caches)
    for number in range(10):
        sources = installed(tmp_path / str(number))
        last = cache_folder(sources, caches)
        (last / "code.nbc").write_bytes(b"x" * 1000)
        if number < 9:
            for path in sorted(sources.rglob("*"), reverse=True):
                path.unlink() if path.is_file() else path.rmdir()
    assert set(caches.iterdir()) == {stays, last}


def test_folders_that_do_not_say_whose_they_are_stay_a_month(tmp_path: Path, caches: Path) -> None:
    """Those of older versions, which may still be installed somewhere."""
    new, old = caches / "1796022027096548458", caches / "1796022280898346022"
    for folder in (new, old):
        folder.mkdir(parents=True)
    month = time.time() - 31 * 86400
    os.utime(old, (month, month))
    assert list(stale(caches)) == [old]
    cache_folder(installed(tmp_path / "one"), caches)
    assert new.exists()
    assert not old.exists()


def test_nothing_beyond_the_cache_is_removed(tmp_path: Path, caches: Path) -> None:
    """A link to a folder elsewhere, a file of someone's: both stay."""
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "sources.txt").write_text("/nowhere\n1\n")
    caches.mkdir()
    (caches / "link").symlink_to(mine, target_is_directory=True)
    (caches / "note.txt").touch()
    cache_folder(installed(tmp_path / "one"), caches)
    assert (mine / "sources.txt").exists()
    assert (caches / "note.txt").exists()


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert cache_folder(installed(tmp_path / "one"), tmp_path / "file").parent == tmp_path / "file"


@inner
def _times(a: Any, n: Any) -> Any:
    return a * n


@compiled
def _five_times(a: Any, n: Any) -> Any:
    return _times(a, 2) + _times(a, n) + _times(a, 3)


def test_a_number_that_is_written_out_has_no_code_of_its_own() -> None:
    """Numba would compile what is called, and all that it calls in turn, for 2, for n and for 3."""
    inside, whole = cast(Any, _times), cast(Any, _five_times)
    assert whole(1.5, 0) == 7.5
    whole.recompile()  # code that an earlier run left on disk tells nothing of what it was compiled with
    assert len(inside.signatures) == 1
