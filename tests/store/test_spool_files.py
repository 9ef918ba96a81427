"""The files of the spool: who may read them, what a full disk leaves behind, and what it costs."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from exporter.store.spool import MOST_SET_ASIDE, Spool, Spooled
from tests.support.clocks import START


def response(number: int, size: int = 10) -> Spooled:
    """A response that differs from every other one."""
    at = START + timedelta(seconds=number)
    return Spooled("main", "balances", at, at, f"{number}".ljust(size), "some-id")


def modes(folder: Path) -> set[int]:
    """The permissions of the files in a folder."""
    return {path.stat().st_mode & 0o777 for path in folder.iterdir()}


@pytest.fixture(autouse=True)
def common_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_only_the_owner_may_read_what_waits(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "spool"
    spool = Spool(folder)
    spool.put(response(1))
    spool.put(response(1))  # extends the file
    assert folder.stat().st_mode & 0o777 == 0o700
    assert modes(folder) == {0o600}


def test_what_an_earlier_version_has_written_is_put_right_at_the_start(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    Spool(folder).put(response(1))
    folder.chmod(0o755)
    for path in folder.iterdir():
        path.chmod(0o644)
    (folder / "000000000002-main-balances.part").write_text("{")
    (folder / "000000000003-main-balances.bad").write_text("x")
    spool = Spool(folder)
    assert folder.stat().st_mode & 0o777 == 0o755, "looking changes nothing"
    spool.tidy()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert modes(folder) == {0o600}
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["000000000001-main-balances.json", "000000000003-main-balances.bad"]
    assert [found for _, found in spool.waiting()] == [response(1)]


def test_a_file_that_is_being_written_is_not_taken_for_a_broken_one(tmp_path: Path) -> None:
    """Another process may use the folder: a command beside the service."""
    folder = tmp_path / "spool"
    folder.mkdir()
    part = folder / "000000000001-main-balances.part"
    part.write_text("{")
    holding = (
        "import fcntl, os, sys; descriptor = os.open(sys.argv[1], os.O_RDONLY);"
        "fcntl.flock(descriptor, fcntl.LOCK_SH); print(flush=True); input()"
    )
    command = [sys.executable, "-c", holding, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        Spool(folder).tidy()
        assert part.exists()
        other.communicate(b"\n")
    Spool(folder).tidy()
    assert not part.exists()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, with room for a few responses."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if mount is None or umount is None:
        pytest.skip("mount is not installed")
    mounting = [mount, "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if subprocess.run(mounting, check=False, capture_output=True).returncode:
        pytest.skip("this user may not mount a file system")
    yield folder
    subprocess.run([umount, str(folder)], check=True)


def test_a_full_disk_costs_a_log_line_and_a_count_and_leaves_no_broken_files(
    small_disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    folder = small_disk / "spool"
    spool = Spool(folder)
    spool.put(response(1, 30_000))
    for number in range(2, 7):
        with pytest.raises(OSError, match="No space left"):
            spool.put(response(number, 60_000))
        assert list(folder.glob("*.part")) == []
    assert (spool.dropped, len(spool)) == (5, 1)
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "lost a response" in caplog.text
    assert "No space left" in caplog.text
    # It is over: what was lost meanwhile is told, and the next outage is told as well.
    spool.put(response(7, 1_000))
    spool.end_outage()
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]
    assert getattr(caplog.records[-1], "lost", None) == 5
    with pytest.raises(OSError, match="No space left"):
        spool.put(response(8, 60_000))
    assert [record.levelname for record in caplog.records][2:] == ["ERROR"]
    assert [found.body.strip() for _, found in spool.waiting()] == ["1", "7"]


def test_a_folder_that_cannot_be_used_is_told_and_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "spool"
    folder.write_text("no folder")
    spool = Spool(folder)
    spool.tidy()
    with pytest.raises(OSError, match="exists"):
        spool.put(response(1))
    assert (spool.dropped, len(spool), list(spool.waiting())) == (1, 0, [])
    assert "lost a response" in caplog.text


def test_what_is_set_aside_does_not_fill_the_disk(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for number in range(MOST_SET_ASIDE + 3):
        spool.put(response(number))
        ((path, _),) = spool.waiting()
        spool.set_aside(path, "for a test")
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert len(kept) == MOST_SET_ASIDE
    assert kept[0].startswith("000000000004-")
    assert kept[-1].startswith(f"{MOST_SET_ASIDE + 3:012d}-")


def test_a_file_that_cannot_be_removed_is_dealt_with_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Here it is a folder by now, which not even root can unlink."""
    spool = Spool(tmp_path)
    spool.put(response(1))
    ((path, found),) = spool.waiting()
    path.unlink()
    path.mkdir()
    spool.done(path, found)
    assert len(spool) == 0
    assert "cannot remove" in caplog.text
