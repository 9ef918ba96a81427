"""A followed file: what counts as a change, and what is left alone until there is one."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from exporter.followed_file import FollowedFile, signature


def followed(path: Path) -> FollowedFile:
    return FollowedFile(path, max_kib=1)


def test_a_file_is_read_again_only_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("one")
    file = followed(path)
    assert file.changed()
    assert file.read() == "one"
    assert not file.changed()
    path.write_bytes(b"three \xff")
    assert file.changed()
    assert file.read() == "three \ufffd"
    assert not file.changed()


def test_a_file_replaced_within_one_clock_tick_has_changed(tmp_path: Path) -> None:
    path, other = tmp_path / "file", tmp_path / "other"
    path.write_text("one")
    file = followed(path)
    file.read()
    other.write_text("two")
    times = path.stat()
    os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))
    other.replace(path)
    assert file.changed()
    assert file.read() == "two"


def test_symbolic_links_are_followed(tmp_path: Path) -> None:
    """The kubelet swaps a mounted file by a link to its directory."""
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    (tmp_path / "data").symlink_to("first")
    file = followed(tmp_path / "data" / "file")
    assert file.read() == "first"
    (tmp_path / "new").symlink_to("second")
    (tmp_path / "new").replace(tmp_path / "data")
    assert file.changed()
    assert file.read() == "second"


def test_a_missing_file_is_a_state_until_it_appears(tmp_path: Path) -> None:
    path = tmp_path / "file"
    file = followed(path)
    assert file.changed()
    with pytest.raises(FileNotFoundError):
        file.read()
    assert not file.changed()
    assert signature(path) == ()
    path.write_text("here")
    assert file.changed()
    assert file.read() == "here"
    path.unlink()
    assert file.changed()


def test_an_unfit_file_is_left_alone_until_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "file"
    file = followed(path)
    path.write_text("x" * 1025)
    with pytest.raises(ValueError, match="is larger than 1 KiB"):
        file.read()
    assert not file.changed()
    path.write_text("x" * 1024)
    assert file.changed()
    assert len(file.read()) == 1024

    path.unlink()
    os.mkfifo(path)  # opening it would wait for a writer
    assert file.changed()
    with pytest.raises(ValueError, match="is not a regular file"):
        file.read()
    assert not file.changed()


def test_what_could_not_be_opened_is_tried_again_without_a_change(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("one")
    file = followed(path)
    usual = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, usual[1]))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            file.read()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, usual)
    assert file.changed()
    assert file.read() == "one"


def test_a_path_that_cannot_exist_is_refused(tmp_path: Path) -> None:
    file = followed(tmp_path / "a\0b")
    with pytest.raises((ValueError, OSError)):
        file.read()
    assert not file.changed()
