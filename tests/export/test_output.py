"""A file that is exported appears as a whole or not at all."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest

from exporter.export.output import Output


def test_a_file_has_its_name_once_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("before")
    with Output(path) as output:
        output.write(b"one")
        output.write(b"two")
        output.flush()
        assert path.read_text() == "before"
    assert path.read_bytes() == b"onetwo"
    assert output.sha256 == hashlib.sha256(b"onetwo").hexdigest()
    assert (output.size, output.tell()) == (6, 6)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt, SystemExit])
def test_nothing_is_left_of_one_that_is_not(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "file"
    with pytest.raises(error), Output(path) as output:
        output.write(b"half")
        raise error
    assert list(tmp_path.iterdir()) == []


def test_a_link_a_device_and_a_stream_stay_what_they_are(tmp_path: Path) -> None:
    link, path = tmp_path / "link", tmp_path / "file"
    link.symlink_to(path)
    with Output(link) as output:
        output.write(b"x")
    assert link.is_symlink()
    assert path.read_bytes() == b"x"
    with Output(Path("/dev/null")) as output:
        output.write(b"x")
    assert Path("/dev/null").is_char_device()
    stream = io.BytesIO()
    with Output(None, stream) as output:
        output.write(b"x")
    assert stream.getvalue() == b"x"
